//! Keys and values of the tokens so far.

use candle_core::Tensor;

/// Keys and values of the tokens so far: what makes the next token cheap.
#[derive(Debug, Default)]
pub struct Cache {
    /// Key-value heads x room x size of a head.
    layers: Vec<Option<(Tensor, Tensor)>>,
    /// What was read.
    tokens: Vec<u32>,
    /// Whether they were rotated as those of a long text are.
    long: bool,
}

impl Cache {
    /// Tokens that it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Forgets all tokens but the first ones.
    pub fn truncate(&mut self, tokens: usize) {
        self.tokens.truncate(tokens);
    }

    /// Counts these tokens as read: every layer has their keys and values.
    pub(crate) fn hold(&mut self, tokens: &[u32]) {
        self.tokens.extend_from_slice(tokens);
    }

    /// Sets whether texts are long from here on. Where that changes, the tokens are forgotten: they are to be read again.
    pub(crate) fn set_long(&mut self, long: bool) -> Vec<u32> {
        if std::mem::replace(&mut self.long, long) == long {
            return Vec::new();
        }
        std::mem::take(&mut self.tokens)
    }

    /// Keys and values of the layer, with these new ones behind.
    pub(crate) fn extended(
        &mut self,
        layer: usize,
        key: &Tensor,
        value: &Tensor,
    ) -> candle_core::Result<(Tensor, Tensor)> {
        let (heads, new, size) = key.dims3()?;
        let start = self.tokens.len();
        let whole = start + new;
        if self.layers.len() <= layer {
            self.layers.resize(layer + 1, None);
        }
        let slot = &mut self.layers[layer];
        let (keys, values) = match slot.take() {
            Some((keys, values)) if keys.dim(1)? >= whole => (keys, values),
            old => {
                // Twice the room, so that growing costs little over all.
                let room = (2 * whole).max(64);
                let grown = |old: Option<&Tensor>| -> candle_core::Result<Tensor> {
                    let room = Tensor::zeros((heads, room, size), key.dtype(), key.device())?;
                    if let Some(old) = old {
                        room.slice_set(&old.narrow(1, 0, start)?.contiguous()?, 1, 0)?;
                    }
                    Ok(room)
                };
                let old = old.filter(|_| start > 0);
                (grown(old.as_ref().map(|(keys, _)| keys))?, grown(old.as_ref().map(|(_, values)| values))?)
            }
        };
        keys.slice_set(&key.contiguous()?, 1, start)?;
        values.slice_set(&value.contiguous()?, 1, start)?;
        let seen = (keys.narrow(1, 0, whole)?, values.narrow(1, 0, whole)?);
        *slot = Some((keys, values));
        Ok(seen)
    }
}

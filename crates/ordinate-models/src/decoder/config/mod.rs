//! What a decoder's configuration says: `config.json` of a safetensors folder ([`json`]), or the metadata of a GGUF file
//! ([`gguf`]).

mod gguf;
mod json;

pub(crate) use gguf::Shapes;
#[cfg(feature = "llama-cpp")]
pub(crate) use gguf::ends;
pub(crate) use json::Tokens;

use super::rope::Rope;

/// The architectures that one definition covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Llama 1 to 3 and all that took its shape (Touvron et al. 2023).
    Llama,
    /// Mistral 7B: Llama with a sliding window (Jiang et al. 2023).
    Mistral,
    /// Qwen 1.5 to 2.5: biases on query, key and value.
    Qwen2,
    /// Qwen 3: queries and keys are normed, a head at a time.
    Qwen3,
    /// Gemma 1: scaled embeddings, norms by `1 + w`, tanh-GELU.
    Gemma,
    /// Gemma 2: as the first, norms behind attention and the feed-forward network too, capped logits, a window in every other layer
    /// (Gemma Team 2024).
    Gemma2,
    /// Gemma 3, its texts: as the second, queries and keys normed instead of capped, another rope in layers with a window
    /// (Gemma Team 2025).
    Gemma3,
    /// Phi-3 and Phi-4-mini: query, key and value in one matrix, gate and up in another.
    Phi3,
}

/// The names by which architectures go, for messages.
pub(crate) const KNOWN: &str = "llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3 (its texts) and phi3; put others behind a server \
     (`openai = { ... }`)";

impl Architecture {
    /// The architecture of this name in `model_type` or `general.architecture`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "llama" => Self::Llama,
            "mistral" => Self::Mistral,
            "qwen2" => Self::Qwen2,
            "qwen3" => Self::Qwen3,
            "gemma" => Self::Gemma,
            "gemma2" => Self::Gemma2,
            // The first of the two also sees pictures, which are not read here.
            "gemma3" | "gemma3_text" => Self::Gemma3,
            "phi3" => Self::Phi3,
            _ => return None,
        })
    }

    /// Whether it is one of the Gemmas.
    pub(crate) fn is_gemma(self) -> bool {
        matches!(self, Self::Gemma | Self::Gemma2 | Self::Gemma3)
    }

    /// Whether norms stand behind attention and the feed-forward network, and not only before them.
    pub(crate) fn has_post_norms(self) -> bool {
        matches!(self, Self::Gemma2 | Self::Gemma3)
    }

    /// Whether queries and keys are normed, a head at a time.
    pub(crate) fn norms_heads(self) -> bool {
        matches!(self, Self::Qwen3 | Self::Gemma3)
    }

    fn unknown(name: &str) -> String {
        format!("{name:?} is no decoder that runs here; known are {KNOWN}")
    }
}

/// Which layers look no further back than the window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Windowed {
    /// From this one on.
    From(usize),
    /// All but every so manieth.
    AllBut(usize),
    /// As listed.
    Listed(Vec<bool>),
}

/// The shape of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which of its kin it is.
    pub architecture: Architecture,
    pub(crate) hidden: usize,
    pub(crate) intermediate: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head: usize,
    /// Dimensions of a head that rotate: the first ones.
    pub(crate) rotary: usize,
    pub(crate) vocabulary: usize,
    pub(crate) eps: f32,
    pub(crate) rope: Rope,
    /// The rope of layers with a window, where it is another.
    pub(crate) local_rope: Option<Rope>,
    /// What products of queries and keys are multiplied by.
    pub(crate) scale: f64,
    /// What these are squeezed between, by `cap * tanh(x / cap)`; and the logits.
    pub(crate) attention_softcap: Option<f64>,
    pub(crate) logits_softcap: Option<f64>,
    /// The longest text, in tokens.
    pub longest: usize,
    pub(crate) tied: bool,
    /// Whether query, key and value have biases; `None`: whatever the file has.
    pub(crate) biases: Option<bool>,
    /// How far back layers look, those that have a window.
    pub(crate) window: Option<usize>,
    pub(crate) windowed: Windowed,
    /// Tokens that end a text.
    pub(crate) ends: Vec<u32>,
}

impl Config {
    /// Holds sizes to each other, so that no later step divides by zero or asks for absurd amounts.
    fn checked(self) -> Result<Self, String> {
        const MAX: usize = 1 << 24;
        let sizes = [
            ("hidden size", self.hidden),
            ("intermediate size", self.intermediate),
            ("number of layers", self.layers),
            ("number of heads", self.heads),
            ("number of key-value heads", self.kv_heads),
            ("size of a head", self.head),
            ("size of the vocabulary", self.vocabulary),
            ("longest text", self.longest),
        ];
        if let Some((what, size)) = sizes.iter().find(|(_, size)| *size == 0 || *size > MAX) {
            return Err(format!("a {what} of {size} cannot be"));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(format!("{} heads cannot share {} key-value heads", self.heads, self.kv_heads));
        }
        if self.rotary == 0 || !self.rotary.is_multiple_of(2) || self.rotary > self.head {
            return Err(format!("{} of {} dimensions of a head cannot rotate", self.rotary, self.head));
        }
        self.rope.checked(self.rotary)?;
        self.local_rope.as_ref().map_or(Ok(()), |rope| rope.checked(self.rotary))?;
        let above = |value: f64| value.is_finite() && value > 0.0;
        let fine = self.window != Some(0)
            && self.windowed != Windowed::AllBut(0)
            && self.eps >= 0.0
            && above(self.scale)
            && self.attention_softcap.is_none_or(above)
            && self.logits_softcap.is_none_or(above);
        if !fine {
            return Err(
                "the sliding window, rms_norm_eps, query_pre_attn_scalar or a softcapping is out of range"
                    .to_owned(),
            );
        }
        match &self.windowed {
            Windowed::Listed(list) if list.len() != self.layers => Err(format!(
                "layer_types lists {} layers, and num_hidden_layers says {}",
                list.len(),
                self.layers
            )),
            _ => Ok(self),
        }
    }

    /// How far back a layer looks; `None`: to the beginning.
    pub(crate) fn window(&self, layer: usize) -> Option<usize> {
        self.window.filter(|_| self.is_sliding(layer))
    }

    /// Whether a layer is one of those with a window, and with the rope that these have.
    pub(crate) fn is_sliding(&self, layer: usize) -> bool {
        match &self.windowed {
            Windowed::From(first) => layer >= *first,
            Windowed::AllBut(every) => !(layer + 1).is_multiple_of(*every),
            Windowed::Listed(list) => list.get(layer) == Some(&true),
        }
    }
}

/// What products of queries and keys are multiplied by: one over the root of the size of a head, if nothing else is said.
fn over_root(size: usize) -> f64 {
    1.0 / (size as f64).sqrt()
}

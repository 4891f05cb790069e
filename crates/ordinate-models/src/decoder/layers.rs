//! What runs a decoder's layers: this crate's own definition on candle ([`Decoder`]), or llama.cpp.

use super::cache::Cache;
use super::model::Decoder;
use crate::error::ModelError;
use crate::model::Facts;

/// The layers of a decoder, whatever runs them.
pub trait Layers: std::fmt::Debug + Send + Sync {
    /// Their size.
    fn facts(&self) -> Facts;

    /// The most tokens of a text.
    fn longest(&self) -> usize;

    /// A session that reads one text, of at most `room` tokens.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where there is no memory for that.
    fn session(&self, room: usize) -> Result<Box<dyn Session + '_>, ModelError>;
}

/// One text that is read token by token.
pub trait Session: Send {
    /// Reads more tokens. Gives the logits after each of the last `keep` of them: `keep` rows of the vocabulary's size.
    ///
    /// # Errors
    /// As [`Decoder::read`].
    fn read(&mut self, tokens: &[u32], keep: usize) -> Result<Vec<Vec<f32>>, ModelError>;

    /// Forgets all tokens but the first ones.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where they had to be read again, and could not.
    fn truncate(&mut self, tokens: usize) -> Result<(), ModelError>;
}

impl Layers for Decoder {
    fn facts(&self) -> Facts {
        self.facts()
    }

    fn longest(&self) -> usize {
        self.config().longest
    }

    fn session(&self, _: usize) -> Result<Box<dyn Session + '_>, ModelError> {
        Ok(Box::new(Cached { decoder: self, cache: Cache::default() }))
    }
}

struct Cached<'a> {
    decoder: &'a Decoder,
    cache: Cache,
}

impl Session for Cached<'_> {
    fn read(&mut self, tokens: &[u32], keep: usize) -> Result<Vec<Vec<f32>>, ModelError> {
        self.decoder.read(tokens, &mut self.cache, keep)
    }

    fn truncate(&mut self, tokens: usize) -> Result<(), ModelError> {
        self.cache.truncate(tokens);
        Ok(())
    }
}

/// Refuses tokens that are not in the vocabulary, and texts that are too long.
///
/// # Errors
/// [`ModelError::Failed`].
pub(crate) fn fit(
    tokens: &[u32],
    before: usize,
    vocabulary: usize,
    longest: usize,
) -> Result<(), ModelError> {
    if let Some(token) = tokens.iter().find(|token| **token as usize >= vocabulary) {
        return Err(ModelError::Failed(format!(
            "token {token} is not among the model's {vocabulary}: tokenizer and weights do not fit together"
        )));
    }
    let whole = before + tokens.len();
    if tokens.is_empty() || whole > longest {
        return Err(ModelError::Failed(format!(
            "a text of {whole} tokens does not fit: the model holds from 1 to {longest}"
        )));
    }
    Ok(())
}

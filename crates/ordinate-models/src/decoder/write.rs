//! Writing: greedy or sampled, token by token; and the probabilities of given texts.

use std::ops::ControlFlow;
use std::time::Duration;

use super::chat::Role;
use super::draw::Sampling;
use super::layers::Layers;
use super::stream::{End, Piece, Stream};
use super::wording::Wording;
use crate::error::ModelError;
use crate::model::Facts;

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The tokens; their texts in a row are the whole text.
    pub pieces: Vec<Piece>,
    /// Tokens that were read.
    pub read: usize,
    /// Whether the model ended by itself, before the most tokens were written.
    pub ended: bool,
    /// The time from the beginning, the reading included, to the first text.
    pub first_text: Option<Duration>,
}

impl Written {
    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

/// A decoder that reads and writes texts.
#[derive(Debug)]
pub struct Writer {
    layers: Box<dyn Layers>,
    wording: Wording,
}

impl Writer {
    pub(crate) fn new(layers: Box<dyn Layers>, wording: Wording) -> Self {
        Self { layers, wording }
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.layers.facts()
    }

    /// Whether it has a chat template. Without one messages are texts, one below the other.
    #[must_use]
    pub fn chats(&self) -> bool {
        self.wording.chats()
    }

    /// The tokens that end a text.
    #[must_use]
    pub fn ends(&self) -> &[u32] {
        self.wording.ends()
    }

    /// The text that the model continues to answer these messages.
    ///
    /// # Errors
    /// Where the chat template fails.
    pub fn prompt(&self, messages: &[(Role, &str)]) -> Result<String, ModelError> {
        self.wording.prompt(messages)
    }

    /// The tokens of a text that [`Self::prompt`] made. A chat template writes the token that begins a text itself.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.wording.tokens(text)
    }

    /// Continues a text by at most `most` tokens, as they are written, until the model ends it or it comes to one of
    /// `stops`.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the tokenizer fails, or there is no memory. The stream's own: where the text does not fit.
    pub fn stream(
        &self,
        text: &str,
        most: usize,
        sampling: Sampling,
        stops: &[&str],
    ) -> Result<Stream<'_>, ModelError> {
        let parts = (self.layers.as_ref(), &self.wording.tokenizer, self.wording.ends());
        Stream::new(parts, self.tokens(text)?, most, sampling, stops)
    }

    /// Continues a text by at most `most` tokens, until the model ends it or `each` breaks off. `each` is told every
    /// token when it is there.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the text does not fit.
    pub fn write(
        &self,
        text: &str,
        most: usize,
        sampling: Sampling,
        each: &mut dyn FnMut(&Piece) -> ControlFlow<()>,
    ) -> Result<Written, ModelError> {
        let mut stream = self.stream(text, most, sampling, &[])?;
        let mut pieces = Vec::new();
        for piece in stream.by_ref() {
            let piece = piece?;
            let go = each(&piece);
            pieces.push(piece);
            if go.is_break() {
                break;
            }
        }
        let ended = stream.end() == Some(End::Model);
        Ok(Written { pieces, read: stream.read(), ended, first_text: stream.first_text() })
    }

    /// The natural logarithm of the probability that the model continues a text by each of these: the sum over the
    /// tokens of the continuation. Where one continuation begins another (`up`, `up again`), the token that ends the
    /// text counts too, as the shorter one would never be the less probable otherwise. Sums are not divided by length:
    /// the prompt names the options, so a long one is as easy to copy as a short one, and its mean per token would
    /// flatter it.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where a text does not fit, or a continuation has no tokens.
    pub fn log_probabilities(&self, text: &str, options: &[&str]) -> Result<Vec<f64>, ModelError> {
        self.wording.options(text, options)?.log_probabilities(self.layers.as_ref())
    }

    /// The most probable of these continuations, and its probability among them (a softmax over
    /// [`Self::log_probabilities`]).
    ///
    /// # Errors
    /// As [`Self::log_probabilities`]; and where there is no option.
    pub fn choose(&self, text: &str, options: &[&str]) -> Result<(usize, f64), ModelError> {
        let sums = self.log_probabilities(text, options)?;
        let best = (0..sums.len()).max_by(|&a, &b| sums[a].total_cmp(&sums[b]).then(b.cmp(&a)));
        let best = best.ok_or_else(|| ModelError::Failed("there is nothing to choose from".to_owned()))?;
        let all: f64 = sums.iter().map(|sum| (sum - sums[best]).exp()).sum();
        Ok((best, 1.0 / all))
    }
}

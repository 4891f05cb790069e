//! What every model here is: [`Model`] answers, [`Encoder`] embeds.

use crate::error::ModelError;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The label; for tags a JSON list of them.
    pub output: String,
    /// The calibrated probability that the answer is right (of the whole set, for tags), in `[0, 1]`.
    pub confidence: Option<f64>,
}

/// What is known of a model without running it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Weights.
    pub parameters: u64,
    /// Bytes of the weights in memory.
    pub bytes: u64,
}

/// Something that answers inputs in this process.
pub trait Model: Send + Sync {
    /// Answers inputs, one reply each, in order. Each reply is the same whatever else is in the batch.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    fn answer(&self, inputs: &[&str]) -> Result<Vec<Reply>, ModelError>;

    /// Its size.
    fn facts(&self) -> Facts;
}

/// An encoder that others use too, or one of its own.
pub(crate) enum Held<'a> {
    Lent(&'a dyn Encoder),
    Own(Box<dyn Encoder>),
}

impl Held<'_> {
    pub(crate) fn encoder(&self) -> &dyn Encoder {
        match self {
            Self::Lent(encoder) => *encoder,
            Self::Own(encoder) => encoder.as_ref(),
        }
    }
}

/// Something that turns texts into vectors.
pub trait Encoder: Send + Sync {
    /// One vector a text, each of length 1 (or 0, where nothing of the text is known).
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError>;

    /// Its size.
    fn facts(&self) -> Facts;
}

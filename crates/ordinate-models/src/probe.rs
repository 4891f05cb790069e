//! A probe: a linear classifier, or regression, on the vectors of an encoder.

use crate::error::ModelError;
use crate::head::Head;
use crate::kind::Kind;
use crate::linear::Rows;
use crate::model::{Encoder, Facts, Held, Model, Reply};

const COSTS: [f64; 3] = [1.0, 8.0, 64.0];

/// A linear model on the vectors of an encoder that stays as it is.
pub struct Probe<'a> {
    encoder: Held<'a>,
    linear: Head,
}

impl<'a> Probe<'a> {
    /// Trains on vectors that the encoder made, and the labels of each.
    ///
    /// # Errors
    /// As [`Head::fit`].
    pub fn fit(
        encoder: &'a dyn Encoder,
        kind: Kind,
        vectors: &[&[f32]],
        targets: &[Vec<String>],
    ) -> Result<Self, ModelError> {
        let linear = Head::fit(kind, Rows::Dense(vectors), targets, &COSTS)?;
        Ok(Self { encoder: Held::Lent(encoder), linear })
    }

    /// One that was trained before, with an encoder of its own.
    pub(crate) fn of(encoder: Box<dyn Encoder>, linear: Head) -> Probe<'static> {
        Probe { encoder: Held::Own(encoder), linear }
    }

    pub(crate) fn linear(&self) -> &Head {
        &self.linear
    }

    /// The answer to a text that the encoder turned into this vector.
    #[must_use]
    pub fn reply(&self, vector: &[f32]) -> Reply {
        self.linear.reply_dense(vector)
    }
}

impl Model for Probe<'_> {
    fn answer(&self, inputs: &[&str]) -> Result<Vec<Reply>, ModelError> {
        Ok(self.encoder.encoder().embed(inputs)?.iter().map(|vector| self.reply(vector)).collect())
    }

    fn facts(&self) -> Facts {
        let (encoder, own) = (self.encoder.encoder().facts(), self.linear.parameters());
        Facts { parameters: encoder.parameters + own, bytes: encoder.bytes + 4 * own }
    }
}

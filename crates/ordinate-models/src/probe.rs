//! A probe: a linear classifier on the vectors of an encoder.

use ordinate_features::Sparse;

use crate::error::ModelError;
use crate::kind::Kind;
use crate::linear::Calibrated;
use crate::model::{Encoder, Facts, Model, Reply};

const COSTS: [f64; 3] = [1.0, 8.0, 64.0];

fn dense(vector: &[f32]) -> Sparse {
    #[allow(clippy::cast_possible_truncation)] // dimensions of an encoder
    let index = (0..vector.len() as u32).collect();
    Sparse { index, value: vector.to_vec() }
}

/// A linear classifier on the vectors of an encoder that stays as it is.
pub struct Probe<'a> {
    encoder: &'a dyn Encoder,
    linear: Calibrated,
}

impl<'a> Probe<'a> {
    /// Trains on vectors that the encoder made, and the labels of each.
    ///
    /// # Errors
    /// [`ModelError::TooLittle`] with fewer than two texts or labels.
    pub fn fit(
        encoder: &'a dyn Encoder,
        kind: Kind,
        vectors: &[&[f32]],
        targets: &[Vec<String>],
    ) -> Result<Self, ModelError> {
        let rows: Vec<Sparse> = vectors.iter().map(|vector| dense(vector)).collect();
        let dims = vectors.first().map_or(0, |vector| vector.len());
        Ok(Self { encoder, linear: Calibrated::fit(kind, &rows, targets, dims, &COSTS)? })
    }

    /// The answer to a text that the encoder turned into this vector.
    #[must_use]
    pub fn reply(&self, vector: &[f32]) -> Reply {
        self.linear.reply(&dense(vector))
    }
}

impl Model for Probe<'_> {
    fn answer(&self, inputs: &[&str]) -> Result<Vec<Reply>, ModelError> {
        Ok(self.encoder.embed(inputs)?.iter().map(|vector| self.reply(vector)).collect())
    }

    fn facts(&self) -> Facts {
        let (encoder, own) = (self.encoder.facts(), self.linear.parameters());
        Facts { parameters: encoder.parameters + own, bytes: encoder.bytes + 4 * own }
    }
}

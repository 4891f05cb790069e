//! What is done with an encoder: a probe (a linear classifier on its vectors), or labels by their words.

use std::collections::BTreeMap;

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
}

impl Model for Probe<'_> {
    fn answer(&self, inputs: &[&str]) -> Result<Vec<Reply>, ModelError> {
        Ok(self.encoder.embed(inputs)?.iter().map(|vector| self.linear.reply(&dense(vector))).collect())
    }

    fn facts(&self) -> Facts {
        let (encoder, own) = (self.encoder.facts(), self.linear.parameters());
        Facts { parameters: encoder.parameters + own, bytes: encoder.bytes + 4 * own }
    }
}

/// An encoder that was told the labels and nothing of the task: a text is of the label whose words are nearest to
/// it. It knows no probabilities.
pub struct ZeroShot<'a> {
    encoder: &'a dyn Encoder,
    labels: Vec<(String, Vec<f32>)>,
}

impl<'a> ZeroShot<'a> {
    /// Embeds the labels: by their descriptions where there are some, else by their own words.
    ///
    /// # Errors
    /// Where the encoder fails.
    pub fn new(
        encoder: &'a dyn Encoder,
        labels: &[String],
        descriptions: &BTreeMap<String, String>,
    ) -> Result<Self, ModelError> {
        let words: Vec<String> = labels
            .iter()
            .map(|label| descriptions.get(label).cloned().unwrap_or_else(|| label.replace(['_', '-'], " ")))
            .collect();
        let vectors = encoder.embed(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Self { encoder, labels: labels.iter().cloned().zip(vectors).collect() })
    }
}

impl Model for ZeroShot<'_> {
    fn answer(&self, inputs: &[&str]) -> Result<Vec<Reply>, ModelError> {
        let nearest = |vector: &Vec<f32>| {
            let like = |other: &[f32]| vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
            let best = self.labels.iter().max_by(|a, b| like(&a.1).total_cmp(&like(&b.1)));
            Reply { output: best.map(|(label, _)| label.clone()).unwrap_or_default(), confidence: None }
        };
        Ok(self.encoder.embed(inputs)?.iter().map(nearest).collect())
    }

    fn facts(&self) -> Facts {
        self.encoder.facts()
    }
}

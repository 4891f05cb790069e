//! An encoder that is not trained on the task: labels by their words (zero-shot), and by the nearest of a few
//! examples (few-shot).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::model::{Encoder, Facts, Held, Model, Reply};

/// Examples that have a say in an answer.
const NEAREST: usize = 8;
/// How much more a nearer example says: weights are `exp(SHARPNESS * cosine)`.
const SHARPNESS: f32 = 20.0;

/// An encoder that was told the labels, and perhaps a few examples. Without examples a text is of the label whose
/// words are nearest to it; with examples, of the label for which its nearest neighbours speak most, each weighted by
/// `exp(20 cosine)`, where the words of a label count as one example more. It knows no probabilities.
pub struct Nearest<'a> {
    encoder: Held<'a>,
    known: Known,
}

/// What it was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    labels: Vec<(String, Vector)>,
    /// Vectors of the examples, and the place of the label of each.
    examples: Vec<(Vector, usize)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Vector(#[serde(with = "ordinate_features::packed")] Vec<f32>);

impl<'a> Nearest<'a> {
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
        let labels = labels.iter().cloned().zip(vectors.into_iter().map(Vector)).collect();
        Ok(Self { encoder: Held::Lent(encoder), known: Known { labels, examples: Vec::new() } })
    }

    /// One that was told before, with an encoder of its own.
    pub(crate) fn of(encoder: Box<dyn Encoder>, known: Known) -> Nearest<'static> {
        Nearest { encoder: Held::Own(encoder), known }
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Adds an example; one of a label that is not known is left out.
    pub fn learn(&mut self, vector: &[f32], label: &str) {
        if let Some(place) = self.known.labels.iter().position(|(known, _)| known == label) {
            self.known.examples.push((Vector(vector.to_vec()), place));
        }
    }

    /// The answer to a text that the encoder turned into this vector. Of equals the label that comes first.
    #[must_use]
    pub fn reply(&self, vector: &[f32]) -> Reply {
        let Known { labels, examples } = &self.known;
        let like = |other: &Vector| vector.iter().zip(&other.0).map(|(a, b)| a * b).sum::<f32>();
        let mut says: Vec<f32> = labels.iter().map(|(_, words)| like(words)).collect();
        if !examples.is_empty() {
            let mut near: Vec<(f32, usize)> =
                examples.iter().map(|(example, label)| (like(example), *label)).collect();
            near.extend(says.iter().copied().zip(0..));
            near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            says.fill(0.0);
            for (like, label) in near.into_iter().take(NEAREST) {
                says[label] += (SHARPNESS * like).exp();
            }
        }
        let best = labels.iter().zip(&says).rev().max_by(|a, b| a.1.total_cmp(b.1));
        Reply { output: best.map(|((label, _), _)| label.clone()).unwrap_or_default(), confidence: None }
    }
}

impl Model for Nearest<'_> {
    fn answer(&self, inputs: &[&str]) -> Result<Vec<Reply>, ModelError> {
        Ok(self.encoder.encoder().embed(inputs)?.iter().map(|vector| self.reply(vector)).collect())
    }

    fn facts(&self) -> Facts {
        let Facts { parameters, bytes } = self.encoder.encoder().facts();
        let kept: usize = self.known.examples.iter().map(|(vector, _)| 4 * vector.0.len()).sum();
        Facts { parameters, bytes: bytes + kept as u64 }
    }
}

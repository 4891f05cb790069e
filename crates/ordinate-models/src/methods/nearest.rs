//! An encoder that is not trained on the task: labels by their words (zero-shot), and by the nearest of a few
//! examples (few-shot).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ordinate_core::task::CandidateEntry;
use serde::{Deserialize, Serialize};

use crate::encoders::{EncoderSource, SharedEncoder};
use crate::error::ModelError;
use crate::kind::Kind;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::{MethodKind, Saved};
use crate::model::{Facts, Model, Prediction, Reply, Sample};
use crate::stop::Stop;

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "nearest";
/// Raised when the same data come to give another model.
const VERSION: u32 = 1;
/// Examples that have a say in an answer.
const NEAREST: usize = 8;
/// How much more a nearer example says: weights are `exp(SHARPNESS * cosine)`.
const SHARPNESS: f32 = 20.0;

/// `local = { model = "..." }` with an encoder.
#[derive(Debug, Serialize)]
pub struct NearestLabel {
    /// The encoder.
    #[serde(skip)]
    pub source: EncoderSource,
    /// What labels mean.
    pub labels: BTreeMap<String, String>,
    /// Train items that are looked at for nearest examples; `None` for none of them.
    pub examples: Option<u32>,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(local) = &entry.local else { return Ok(None) };
    let source = EncoderSource::find(&local.model, base)?.in_precision(local.precision)?;
    let (labels, examples) = (local.labels.clone(), local.examples);
    Ok(Some(Box::new(NearestLabel { source, labels, examples })))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    let encoder = saved.encoders.get(saved.source()?)?;
    Ok(Box::new(Nearest { encoder, known: read_model(saved.folder)? }))
}

impl Method for NearestLabel {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "an encoder without a probe"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify, Kind::Tag]
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn encoder(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn learns(&self) -> bool {
        self.examples.is_some()
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        // The names of the labels are no secret: all are known, however few the examples.
        let mut names = train.names();
        names.extend(self.labels.keys().cloned());
        if names.len() < 2 {
            return Err(ModelError::TooLittle { found: train.len(), labels: names.len() });
        }
        let encoder = fitting.encoders.get(&self.source)?;
        let names: Vec<String> = names.into_iter().collect();
        let mut nearest = Nearest::new(encoder, &names, &self.labels)?;
        if self.examples.is_some() {
            let train = train.some(self.examples, fitting.seed);
            let embedded = nearest.encoder.embed(&train.texts(), fitting.stop)?;
            for (one, labels) in embedded.iter().zip(train.labels()) {
                labels.iter().for_each(|label| nearest.learn(&one.vector, label));
            }
        }
        Ok(Box::new(nearest))
    }
}

/// An encoder that was given the labels, and perhaps a few examples. Without examples a text is of the label whose
/// words are nearest to it; with examples, of the label for which its nearest neighbours speak most, each weighted by
/// `exp(20 cosine)`, where the words of a label count as one example more. It knows no probabilities.
pub struct Nearest {
    encoder: Arc<SharedEncoder>,
    known: Known,
}

/// What it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    labels: Vec<(String, Vector)>,
    /// Vectors of the examples, and the place of the label of each.
    examples: Vec<(Vector, usize)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Vector(#[serde(with = "ordinate_features::packed")] Vec<f32>);

impl Nearest {
    /// Embeds the labels: by their descriptions where there are some, else by their own words.
    ///
    /// # Errors
    /// Where the encoder fails.
    pub fn new(
        encoder: Arc<SharedEncoder>,
        labels: &[String],
        descriptions: &BTreeMap<String, String>,
    ) -> Result<Self, ModelError> {
        let words: Vec<String> = labels
            .iter()
            .map(|label| descriptions.get(label).cloned().unwrap_or_else(|| label.replace(['_', '-'], " ")))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let vectors = encoder.embed(&words, Stop::NEVER)?;
        let vectors = vectors.iter().map(|one| Vector(one.vector.clone()));
        let labels = labels.iter().cloned().zip(vectors).collect();
        Ok(Self { encoder, known: Known { labels, examples: Vec::new() } })
    }

    /// Adds an example; one of a label that is not known is left out.
    pub fn learn(&mut self, vector: &[f32], label: &str) {
        if let Some(place) = self.known.labels.iter().position(|(known, _)| known == label) {
            self.known.examples.push((Vector(vector.to_vec()), place));
        }
    }

    /// The answer to a text that the encoder turned into this vector. Of equals the label that comes first.
    #[must_use]
    pub fn predict(&self, vector: &[f32]) -> Prediction {
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
        let output = best.map(|((label, _), _)| label.clone()).unwrap_or_default();
        Prediction { output, ..Prediction::default() }
    }
}

impl Model for Nearest {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let texts: Vec<&str> = samples.iter().map(|sample| sample.text).collect();
        let embedded = self.encoder.embed(&texts, Stop::NEVER)?;
        Ok(embedded.iter().map(|one| Reply::timed(one.took, || self.predict(&one.vector))).collect())
    }

    fn facts(&self) -> Facts {
        let Facts { parameters, bytes } = self.encoder.facts();
        let kept: usize = self.known.examples.iter().map(|(vector, _)| 4 * vector.0.len()).sum();
        Facts { parameters, bytes: bytes + kept as u64 }
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, &self.known)
    }
}

//! A probe: a linear classifier, or regression, on the vectors of an encoder that stays as it is.

use std::path::Path;
use std::sync::Arc;

use ordinate_core::task::CandidateEntry;
use serde::Serialize;

use crate::encoders::{Embedding, EncoderSource, SharedEncoder};
use crate::error::ModelError;
use crate::head::Head;
use crate::kind::Kind;
use crate::linear::Rows;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, Reads, TrainingSet};
use crate::methods::{MethodKind, Saved};
use crate::model::{Facts, Model, Prediction, Reply, Sample};
use crate::stop::Stop;
use crate::vision::sees;

/// Its line in the table of methods.
pub const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "probe";
/// Raised when the same data come to give another model.
const VERSION: u32 = 2;
const COSTS: [f64; 3] = [1.0, 8.0, 64.0];

/// `adapt = { from = "...", method = "probe" }`.
#[derive(Debug, Serialize)]
pub struct Probing {
    /// The encoder.
    #[serde(skip)]
    pub source: EncoderSource,
    /// Train items at most; `None` for all.
    pub examples: Option<u32>,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some((source, examples)) = asked(NAME, entry, base)? else { return Ok(None) };
    Ok(Some(Box::new(Probing { source, examples })))
}

/// The encoder of a candidate that asks for this method, and its train items at most.
pub(super) fn asked(
    method: &str,
    entry: &CandidateEntry,
    base: &Path,
) -> Result<Option<(EncoderSource, Option<u32>)>, ModelError> {
    let Some(adapt) = entry.adapt.as_ref().filter(|adapt| adapt.method == method) else { return Ok(None) };
    if let Some(key) = adapt.training_keys().first() {
        let problem = format!(
            "{key} is for methods that train the encoder, and {method:?} leaves it as it is; remove it"
        );
        return Err(ModelError::Setting(problem));
    }
    let source = match entry.openai.as_ref().filter(|_| entry.embeds()) {
        Some(api) => {
            EncoderSource::Elsewhere(format!("{} {}", api.base_url.as_deref().unwrap_or_default(), api.model))
        }
        None => EncoderSource::find(&adapt.from, base)?,
    };
    Ok(Some((source.in_precision(adapt.precision)?, adapt.examples)))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    let encoder = saved.encoders.get(saved.source()?)?;
    Ok(Box::new(Probe { encoder, head: read_model(saved.folder)? }))
}

impl Method for Probing {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a probe"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify, Kind::Tag, Kind::Regress]
    }

    fn reads(&self) -> Reads {
        if sees(&self.source) { Reads::Image } else { Reads::Text }
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn encoder(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let encoder = fitting.encoders.get(&self.source)?;
        let train = train.some(self.examples, fitting.seed);
        let embedded = encoder.embed(&train.texts(), fitting.stop)?;
        Ok(Box::new(Probe::fit(encoder, train.kind(), &embedded, &train.labels(), fitting.stop)?))
    }
}

/// A linear model, or the means of labels, on the vectors of an encoder.
pub struct Probe {
    encoder: Arc<SharedEncoder>,
    head: Head,
}

impl Probe {
    /// With this on the vectors.
    pub(super) fn on(encoder: Arc<SharedEncoder>, head: Head) -> Self {
        Self { encoder, head }
    }

    /// Trains on vectors that the encoder made, and the labels of each.
    ///
    /// # Errors
    /// As [`Head::fit`].
    pub fn fit(
        encoder: Arc<SharedEncoder>,
        kind: Kind,
        embedded: &[Arc<Embedding>],
        targets: &[Vec<String>],
        stop: Stop<'_>,
    ) -> Result<Self, ModelError> {
        let vectors: Vec<&[f32]> = embedded.iter().map(|one| one.vector.as_slice()).collect();
        let head = Head::fit(kind, Rows::Dense(&vectors), targets, &COSTS, stop)?;
        Ok(Self { encoder, head })
    }
}

impl Model for Probe {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let texts: Vec<&str> = samples.iter().map(|sample| sample.text).collect();
        let embedded = self.encoder.embed(&texts, Stop::NEVER)?;
        let reply = |one: &Arc<Embedding>| Reply::timed(one.took, || self.head.predict_dense(&one.vector));
        Ok(embedded.iter().map(reply).collect())
    }

    fn shares(&self, samples: &[Sample<'_>], label: &str) -> Result<Option<Vec<f64>>, ModelError> {
        let texts: Vec<&str> = samples.iter().map(|sample| sample.text).collect();
        let embedded = self.encoder.embed(&texts, Stop::NEVER)?;
        Ok(embedded.iter().map(|one| self.head.share_dense(&one.vector, label)).collect())
    }

    fn answer_vector(&self, vector: &[f32]) -> Option<Prediction> {
        Some(self.head.predict_dense(vector))
    }

    fn facts(&self) -> Facts {
        let (encoder, own) = (self.encoder.facts(), self.head.parameters());
        Facts { parameters: encoder.parameters + own, bytes: encoder.bytes + 4 * own }
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, &self.head)
    }
}

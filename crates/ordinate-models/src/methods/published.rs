//! A published classifier as it is: a vertical model that others trained.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use ordinate_core::task::CandidateEntry;
use serde::Serialize;

use crate::encoder::{Classifier, is_classifier};
use crate::encoders::EncoderSource;
use crate::error::ModelError;
use crate::kind::Kind;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::matched::Matched;
use crate::methods::{MethodKind, Saved};
use crate::model::{Facts, Model, Reply, Sample};
use crate::source::Source;

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "published-classifier";
/// Raised when the same data come to give another model.
const VERSION: u32 = 1;

/// `local = { model = "..." }` with a published sequence classifier, as it is.
#[derive(Debug, Serialize)]
pub struct PublishedClassifier {
    /// Where it is.
    #[serde(skip)]
    pub source: EncoderSource,
    /// Its name for each of the task's labels, where that is another.
    pub labels: BTreeMap<String, String>,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(local) = entry.local.as_ref().filter(|local| local.examples.is_none()) else { return Ok(None) };
    Ok(match EncoderSource::find(&local.model, base)? {
        EncoderSource::Folder(folder) if is_classifier(&folder) => {
            let source = EncoderSource::Folder(folder).in_precision(local.precision)?;
            Some(Box::new(PublishedClassifier { source, labels: local.labels.clone() }))
        }
        _ => None,
    })
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    let EncoderSource::Folder(source) = saved.source()? else {
        return Err(saved.damaged(&"its manifest names no folder"));
    };
    Ok(Box::new(Published::reopen(Classifier::open(source)?, saved.folder)?))
}

impl Method for PublishedClassifier {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a published classifier"
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

    fn learns(&self) -> bool {
        false
    }

    fn fit(&self, train: &TrainingSet<'_>, _: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let EncoderSource::Folder(source) = &self.source else {
            return Err(ModelError::Failed("its classifier is not in a folder".to_owned()));
        };
        Ok(Box::new(Published::open(source, train.kind(), &train.names(), &self.labels)?))
    }
}

/// A classifier whose labels were matched to the task's.
pub struct Published {
    classifier: Classifier,
    matched: Matched,
}

impl Published {
    /// Opens a classifier. Its labels are the task's where their names are the same but for case, or where `map` says
    /// so (the task's name to the model's).
    ///
    /// # Errors
    /// As [`Classifier::open`]; [`ModelError::Labels`] where a label of `map` is not the model's, or fewer than two
    /// labels are the task's.
    pub fn open(
        source: &Source,
        kind: Kind,
        task: &BTreeSet<String>,
        map: &BTreeMap<String, String>,
    ) -> Result<Self, ModelError> {
        let classifier = Classifier::open(source)?;
        let matched = Matched::new(classifier.labels(), kind, task, map)?;
        Ok(Self { classifier, matched })
    }

    /// A classifier whose labels were matched before, and kept in a folder.
    ///
    /// # Errors
    /// [`ModelError::File`].
    pub fn reopen(classifier: Classifier, folder: &Path) -> Result<Self, ModelError> {
        Ok(Self { classifier, matched: read_model(folder)? })
    }

    /// A classifier whose labels are the task's.
    #[must_use]
    pub fn of(classifier: Classifier, kind: Kind) -> Self {
        let matched = Matched::of(classifier.labels(), kind);
        Self { classifier, matched }
    }
}

impl Model for Published {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let texts: Vec<&str> = samples.iter().map(|sample| sample.text).collect();
        let started = Instant::now();
        let logits = self.classifier.logits(&texts)?;
        let before = started.elapsed() / u32::try_from(texts.len().max(1)).unwrap_or(u32::MAX);
        Ok(logits.iter().map(|logits| Reply::timed(before, || self.matched.predict(logits))).collect())
    }

    fn facts(&self) -> Facts {
        self.classifier.facts()
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, &self.matched)
    }
}

//! A published classifier as it is: a vertical model that others trained.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use ordinate_core::task::CandidateEntry;
use serde::{Deserialize, Serialize};

use crate::encoder::{Classifier, is_classifier};
use crate::encoders::EncoderSource;
use crate::error::ModelError;
use crate::head::said;
use crate::kind::{Kind, tag_text};
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::{MethodKind, Saved};
use crate::model::{Facts, Model, Prediction, Reply, Sample};
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
            let source = EncoderSource::Folder(folder);
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

/// How its labels were matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Matched {
    /// The task's name of each of its labels; `None` where the task has no such label.
    names: Vec<Option<String>>,
    kind: Kind,
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
        let theirs = classifier.labels();
        let list = |names: &mut dyn Iterator<Item = &String>| {
            let names: Vec<&str> = names.take(20).map(String::as_str).collect();
            names.join(", ")
        };
        let refused = |why: String| ModelError::Labels {
            why,
            theirs: list(&mut theirs.iter()),
            ours: list(&mut task.iter()),
        };
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        if let Some((ours, unknown)) =
            map.iter().find(|(_, name)| theirs.iter().all(|their| !same(their, name)))
        {
            return Err(refused(format!("labels.{ours} says {unknown:?}, which it does not know")));
        }
        let names: Vec<Option<String>> = theirs
            .iter()
            .map(|their| {
                let mapped = map.iter().find(|(_, name)| same(their, name)).map(|(ours, _)| ours);
                let plain = || task.iter().find(|ours| same(their, ours) && !map.contains_key(*ours));
                mapped.or_else(plain).cloned()
            })
            .collect();
        let least = if kind == Kind::Tag { 1 } else { 2 };
        if names.iter().flatten().count() < least {
            return Err(refused("fewer than two of its labels are the task's".to_owned()));
        }
        Ok(Self { classifier, matched: Matched { names, kind } })
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
        let names = classifier.labels().iter().cloned().map(Some).collect();
        Self { classifier, matched: Matched { names, kind } }
    }
}

impl Matched {
    fn predict(&self, logits: &[f32]) -> Prediction {
        let known =
            || self.names.iter().zip(logits).filter_map(|(name, &logit)| Some((name.as_ref()?, logit)));
        if self.kind == Kind::Regress {
            return said(f64::from(logits.first().copied().unwrap_or_default()));
        }
        if self.kind == Kind::Tag {
            let share = |logit: f32| 1.0 / (1.0 + (-f64::from(logit)).exp());
            let chosen: Vec<&str> =
                known().filter(|(_, logit)| *logit >= 0.0).map(|(name, _)| name.as_str()).collect();
            let sure = known().map(|(_, logit)| share(logit).max(1.0 - share(logit))).product();
            return Prediction { output: tag_text(&chosen), confidence: Some(sure) };
        }
        let most = known().map(|(_, logit)| logit).fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = known().map(|(_, logit)| f64::from(logit - most).exp()).sum();
        let best = known().find(|(_, logit)| *logit >= most);
        Prediction {
            output: best.map(|(name, _)| name.clone()).unwrap_or_default(),
            confidence: Some(1.0 / sum),
        }
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

//! What a method of training is: it makes a [`Model`] out of the train items of a task.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use ordinate_core::features::Features;
use ordinate_core::random::shuffle;
use ordinate_core::{CandidateName, Items};
use serde::Serialize;
use serde_json::Value;

use crate::encoders::{EncoderSource, Encoders};
use crate::error::ModelError;
use crate::kind::Kind;
use crate::model::{Model, Sample};
use crate::stop::Stop;

/// A way of making a model that answers the items of a task, with its settings. Each is one file in `methods/` and one
/// line in its table ([`crate::MethodKind`]).
pub trait Method: Send + Sync {
    /// Its name in manifests: that of its [`crate::MethodKind`].
    fn name(&self) -> &'static str;

    /// What it is called in messages.
    fn title(&self) -> &'static str {
        self.name()
    }

    /// Everything besides the items and the seed that its models hang on.
    ///
    /// # Errors
    /// [`ModelError::File`] where a file that it stands on cannot be read.
    fn identity(&self) -> Result<Identity, ModelError>;

    /// The kinds of task that its models answer.
    fn kinds(&self) -> &'static [Kind];

    /// What its models read of an item.
    fn reads(&self) -> Reads {
        Reads::Text
    }

    /// What to do in a task of another kind.
    fn instead(&self) -> &'static str {
        "record the answers instead (recorded = { path = ... })"
    }

    /// The encoder or published model that it stands on.
    fn source(&self) -> Option<&EncoderSource> {
        None
    }

    /// The encoder on whose vectors its models stand.
    fn encoder(&self) -> Option<&EncoderSource> {
        None
    }

    /// Whether targets of items change its models (more than by the names of the labels): then no item may be answered
    /// by a model that was trained on it, and a model is trained for each fold.
    fn learns(&self) -> bool {
        true
    }

    /// Whether training takes minutes: then the train items of a task that names test items are not answered, which would
    /// take a model for each fold.
    fn is_slow(&self) -> bool {
        false
    }

    /// The candidate whose answers to train items it learns from, besides their targets.
    fn teacher(&self) -> Option<&CandidateName> {
        None
    }

    /// Trains on items and their targets.
    ///
    /// # Errors
    /// [`ModelError`], for example where there is too little to train on; [`ModelError::Stopped`].
    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError>;
}

impl dyn Method + '_ {
    /// The kind of task that it is asked to do.
    ///
    /// # Errors
    /// [`ModelError::Kind`] where it does not do that kind.
    pub fn kind(&self, kind: &dyn ordinate_tasks::Kind) -> Result<Kind, ModelError> {
        let (kinds, sees) = (self.kinds(), self.reads() == Reads::Image);
        let does = |asked: &Kind| kinds.contains(asked) && kind.takes_images() == sees;
        Kind::of(kind).filter(does).ok_or_else(|| ModelError::Kind {
            model: self.title(),
            does: if sees { "classify-image".to_owned() } else { Kind::list(kinds) },
            kind: kind.name().to_owned(),
            instead: self.instead(),
        })
    }
}

/// What a model reads of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reads {
    /// Its text.
    Text,
    /// Its fields, as numbers and categories.
    Fields,
    /// The image that its text is.
    Image,
    /// What a decoder is asked about it, as its text: the JSON of a [`crate::decoder::Question`].
    Question,
}

/// What the models of a method hang on, besides items and seed: as text, the key under which they and their answers may
/// be kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Identity {
    /// The name of the method.
    pub method: &'static str,
    /// Raised when the same data come to give another model.
    pub version: u32,
    /// The settings of the task file.
    pub settings: Value,
    /// What it stands on: [`EncoderSource::identity`].
    pub source: Option<String>,
}

impl Identity {
    /// Of a method whose settings serialise, without where its source lies.
    ///
    /// # Errors
    /// As [`EncoderSource::identity`].
    pub fn of<M: Method + Serialize>(method: &M, version: u32) -> Result<Self, ModelError> {
        let settings = serde_json::to_value(method).map_err(|error| ModelError::Failed(error.to_string()))?;
        let source = method.source().map(EncoderSource::identity).transpose()?;
        Ok(Self { method: method.name(), version, settings, source })
    }
}

/// With what a method is trained, besides the items.
#[derive(Clone, Copy)]
pub struct Fitting<'a> {
    /// The same seed gives the same model.
    pub seed: u64,
    /// Asked now and then.
    pub stop: Stop<'a>,
    /// The encoders that are open.
    pub encoders: &'a Encoders,
    /// Is told how training goes on.
    pub watch: &'a (dyn Fn(Training<'_>) + Sync),
    /// A file that long training keeps its state in, to go on from after it was stopped or killed.
    pub checkpoint: Option<&'a Path>,
}

impl<'a> Fitting<'a> {
    /// To the end, with nobody looking.
    #[must_use]
    pub fn new(seed: u64, encoders: &'a Encoders) -> Self {
        Self { seed, stop: Stop::NEVER, encoders, watch: &|_| {}, checkpoint: None }
    }
}

/// What is told of long training.
#[derive(Debug, Clone, Copy)]
pub enum Training<'a> {
    /// What was chosen, and why.
    Chosen(&'a str),
    /// Which items are not learned from, and why.
    Left(&'a str),
    /// How far it is.
    Progress(TrainingProgress),
}

/// How far training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingProgress {
    /// Steps done.
    pub step: u64,
    /// Steps at most: it may end before, where it no longer gets better.
    pub steps: u64,
    /// The mean loss of the last steps.
    pub loss: f64,
    /// The best score on items held out so far, in `[0, 1]`; `None` before the first, or where none are held out.
    pub best: Option<f64>,
    /// Items that were learned from, per second.
    pub per_second: f64,
    /// How long the other steps take at this pace.
    pub left: Duration,
}

/// What a teacher answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Taught {
    /// The answer.
    pub output: String,
    /// How sure it is, in `[0, 1]`, where it says so.
    pub confidence: Option<f64>,
    /// How probable it finds single labels, where it says so.
    pub probabilities: Vec<(String, f64)>,
}

/// At most so many of these places, drawn at random: whoever is shown as many of the same items is shown the same.
#[must_use]
pub fn drawn(mut places: Vec<usize>, most: u32, seed: u64) -> Vec<usize> {
    shuffle(&mut places, seed);
    places.truncate(most as usize);
    places
}

/// Items to learn from, the target of each (empty where it has none), and what a teacher answered.
#[derive(Debug, Clone)]
pub struct TrainingSet<'a> {
    kind: Kind,
    samples: Vec<Sample<'a>>,
    targets: Vec<&'a str>,
    taught: Vec<Option<&'a Taught>>,
}

impl<'a> TrainingSet<'a> {
    /// Of items with their targets, for a kind of task.
    #[must_use]
    pub fn new(kind: Kind, pairs: impl IntoIterator<Item = (Sample<'a>, &'a str)>) -> Self {
        let (samples, targets): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let taught = vec![None; samples.len()];
        Self { kind, samples, targets, taught }
    }

    /// With what a teacher answered, item by item.
    #[must_use]
    pub fn taught_by(mut self, answers: impl IntoIterator<Item = Option<&'a Taught>>) -> Self {
        self.taught = answers.into_iter().chain(std::iter::repeat(None)).take(self.samples.len()).collect();
        self
    }

    /// What a teacher answered, item by item.
    #[must_use]
    pub fn taught(&self) -> &[Option<&'a Taught>] {
        &self.taught
    }

    /// Whether a teacher answered any.
    #[must_use]
    pub fn is_taught(&self) -> bool {
        self.taught.iter().any(Option::is_some)
    }

    /// The items at these places.
    #[must_use]
    pub fn at(&self, places: &[usize]) -> Self {
        let pairs = places.iter().map(|&at| (self.samples[at], self.targets[at]));
        Self::new(self.kind, pairs).taught_by(places.iter().map(|&at| self.taught[at]))
    }

    /// Of the items in these rows.
    #[must_use]
    pub fn of(items: &'a Items, rows: &[usize], kind: Kind) -> Self {
        let pair = |&row: &usize| (Sample::of(items, row), items.target(row).unwrap_or_default());
        Self::new(kind, rows.iter().map(pair))
    }

    /// With these texts in place of the items' own, which are in these rows.
    #[must_use]
    pub fn with_texts(mut self, rows: &[usize], texts: &'a [String]) -> Self {
        for (sample, row) in self.samples.iter_mut().zip(rows) {
            sample.text = texts.get(*row).map(String::as_str).unwrap_or_default();
        }
        self
    }

    /// At most so many of them, drawn at random.
    #[must_use]
    pub fn some(&self, most: Option<u32>, seed: u64) -> Self {
        let Some(most) = most else { return self.clone() };
        self.at(&drawn((0..self.len()).collect(), most, seed))
    }

    /// The kind of task.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The items.
    #[must_use]
    pub fn samples(&self) -> &[Sample<'a>] {
        &self.samples
    }

    /// The table that the fields of all items stand in, and the row of each.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where they have no fields, or not those of one table.
    pub fn table(&self) -> Result<(&'a Features, Vec<usize>), ModelError> {
        let of = |sample: &Sample<'a>| sample.fields;
        let first = self.samples.iter().find_map(of).map(|(all, _)| all).filter(|all| !all.is_empty());
        let features = first.ok_or_else(|| ModelError::Failed("the items have no fields".to_owned()))?;
        let fields = self.samples.iter().filter_map(of).filter(|(all, _)| std::ptr::eq(*all, features));
        let rows: Vec<usize> = fields.map(|(_, row)| row).collect();
        if rows.len() == self.len() {
            return Ok((features, rows));
        }
        Err(ModelError::Failed("the items have not the fields of one table".to_owned()))
    }

    /// The texts of the items.
    #[must_use]
    pub fn texts(&self) -> Vec<&'a str> {
        self.samples.iter().map(|sample| sample.text).collect()
    }

    /// The target of each item, as it is written.
    #[must_use]
    pub fn targets(&self) -> &[&'a str] {
        &self.targets
    }

    /// The labels of each item; of a number its text.
    #[must_use]
    pub fn labels(&self) -> Vec<Vec<String>> {
        self.targets.iter().map(|target| self.kind.labels(target)).collect()
    }

    /// The names of all labels.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        self.labels().into_iter().flatten().collect()
    }
}

//! Candidates that a method makes in this process, cross-fitted: no item is answered by a model that was trained on it.

mod answerer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ordinate_adapt::TrainingReport;
use ordinate_core::{CandidateName, Items, Part};
use ordinate_judge::LearningCurve;
use ordinate_measure::CancellationToken;
use ordinate_models::decoder::Sampling;
use ordinate_models::gauge::Order;
use ordinate_models::{
    CrossFit, EncoderSource, Encoders, Fitting, Fold, Kind, Manifest, Method, Model, ModelError, Reads,
    Sample, Stop, Taught, Training, save,
};
use ordinate_remote::{Failure, FailureKind, Reply};
use serde::Serialize;

pub(super) use answerer::TrainedAnswerer;

use super::curve::Lesson;
use super::decoder::questions::{answer, asked};
use super::digests::{fields_digest, items_digest, passages_digest, taught_digest};
use super::{HereFacts, InProcess, Opening, UsedUp, trained_kind};
use crate::cache::{self, digest};
use crate::error::Error;
use crate::hosting::spread;
use crate::observe::{Doing, Event, Seen, Step, step};
use crate::vectors;

/// Raised when the same method comes to be asked in another way: what older versions answered is not taken then.
const VERSION: u32 = 1;

/// What its answers hang on, besides the request.
#[derive(Serialize)]
struct Identity<'a> {
    trained: u32,
    method: &'a ordinate_models::Identity,
    kind: &'static str,
    seed: u64,
    /// A digest of the items.
    items: String,
    /// A digest of their fields, where it reads those.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<String>,
    /// A digest of the passages that they are about, where its answers stand in those.
    #[serde(skip_serializing_if = "Option::is_none")]
    passages: Option<String>,
    /// A digest of their vectors, where those were made elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    vectors: Option<String>,
    /// A digest of what its teacher answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    taught: Option<String>,
    /// A digest of what it is asked, where that is more than the items' texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<String>,
}

/// Why some items cannot be answered, by row, and a digest of the vectors of the others.
pub(super) struct Vectors {
    pub(super) digest: String,
    pub(super) lacking: HashMap<usize, String>,
    pub(super) used_up: HashMap<usize, UsedUp>,
}

/// A model that is trained here.
pub(super) struct Trained {
    pub(super) name: CandidateName,
    pub(super) method: Box<dyn Method>,
    pub(super) kind: Kind,
    task_kind: &'static str,
    pub(super) items: Arc<Items>,
    /// What a decoder is asked about each item, by row; `None` for what reads items as they are.
    pub(super) asked: Option<Vec<String>>,
    pub(super) seed: u64,
    encoders: Arc<Encoders>,
    cache: PathBuf,
    pub(super) seen: Seen,
    pub(super) cancel: CancellationToken,
    /// Whether others answer the rest of the items.
    in_pieces: bool,
    /// What its teacher answered, by row.
    taught: OnceLock<HashMap<usize, Taught>>,
    given: OnceLock<Given>,
    models: Mutex<Models>,
}

/// What is known once the vectors are there, where it stands on any.
struct Given {
    vectors: Option<Vectors>,
    folds: Vec<Option<Fold>>,
    identity: String,
    /// A digest of it.
    kept: String,
}

/// The models that are in memory: that of all train items until it is saved, and that of one fold.
#[derive(Default)]
struct Models {
    whole: Option<Box<dyn Model>>,
    fold: Option<(Fold, Box<dyn Model>)>,
}

impl Trained {
    pub(super) fn new(opening: &Opening<'_>, method: Box<dyn Method>, kind: Kind) -> Result<Self, Error> {
        let place = opening.place;
        let asked = (method.reads() == Reads::Question).then(|| asked(opening)).transpose()?;
        Ok(Self {
            name: place.entry.name.clone(),
            asked,
            method,
            kind,
            task_kind: place.task.kind.name(),
            items: Arc::clone(&opening.materials.items),
            seed: place.task.file.statistics.seed.unwrap_or_default(),
            encoders: Arc::clone(opening.encoders),
            cache: opening.cache.to_owned(),
            seen: Seen::clone(opening.seen),
            cancel: opening.cancel.clone(),
            in_pieces: opening.in_pieces,
            taught: OnceLock::new(),
            given: OnceLock::new(),
            models: Mutex::default(),
        })
    }

    /// Settles which fold answers which item. Vectors are given where they are made elsewhere.
    pub(super) fn given(&self, vectors: Option<Vectors>) -> Result<(), ModelError> {
        let usable = |row: usize| vectors.as_ref().is_none_or(|known| !known.lacking.contains_key(&row));
        let crossfit = CrossFit::new(&self.items, self.kind, self.method.as_ref(), &usable, self.seed)?;
        let folds = (0..self.items.len()).map(|row| crossfit.fold(row)).collect();
        let method = self.method.identity()?;
        let identity = serde_json::to_string(&Identity {
            trained: VERSION,
            method: &method,
            kind: self.task_kind,
            seed: self.seed,
            items: items_digest(&self.items),
            fields: (self.method.reads() == Reads::Fields).then(|| fields_digest(&self.items)),
            passages: (self.kind == Kind::Extract).then(|| passages_digest(&self.items)),
            vectors: vectors.as_ref().map(|vectors| vectors.digest.clone()),
            taught: self.taught.get().map(taught_digest),
            asked: self.asked.as_ref().map(|asked| digest(asked.iter().map(String::as_str))),
        })
        .map_err(|error| ModelError::Failed(error.to_string()))?;
        let kept = digest([identity.as_str()]);
        let _ = self.given.set(Given { vectors, folds, identity, kept });
        Ok(())
    }

    /// Takes what its teacher answered, and settles which fold answers which item.
    pub(super) fn taught(&self, answers: HashMap<usize, Taught>) -> Result<(), ModelError> {
        let _ = self.taught.set(answers);
        self.given(None)
    }

    /// How much of the train items its teacher answered.
    fn lesson(&self) -> Option<String> {
        let (teacher, taught) = (self.method.teacher()?, self.taught.get()?);
        let train = (0..self.items.len()).filter(|&row| self.items.part(row) == Some(Part::Train)).count();
        Some(format!(
            "{} learned from {teacher}, which answered {} of {train} train items.",
            self.name,
            taught.len()
        ))
    }

    pub(super) fn encoders(&self) -> &Encoders {
        &self.encoders
    }

    pub(super) fn source(&self) -> Option<&EncoderSource> {
        self.method.source()
    }

    pub(super) fn fold(&self, row: usize) -> Option<Fold> {
        self.given.get()?.folds.get(row).copied().flatten()
    }

    fn lacking(&self, row: usize) -> &str {
        let vectors = self.given.get().and_then(|given| given.vectors.as_ref());
        vectors.and_then(|vectors| vectors.lacking.get(&row)).map_or("it has no target", String::as_str)
    }

    fn fit(&self, fold: Fold) -> Result<Box<dyn Model>, ModelError> {
        self.embed()?;
        let vectors = self.given.get().and_then(|given| given.vectors.as_ref());
        let usable = |row: usize| vectors.is_none_or(|known| !known.lacking.contains_key(&row));
        let crossfit = CrossFit::new(&self.items, self.kind, self.method.as_ref(), &usable, self.seed)?;
        let crossfit = match self.taught.get() {
            Some(taught) => crossfit.taught_by(taught),
            None => crossfit,
        };
        let crossfit = match &self.asked {
            Some(asked) => crossfit.with_texts(asked),
            None => crossfit,
        };
        let stop = || self.cancel.is_cancelled();
        let checkpoint = self.checkpoint(fold);
        let watch = |training: Training<'_>| self.tell(training);
        let fitting = Fitting {
            stop: Stop::when(&stop),
            watch: &watch,
            checkpoint: Some(&checkpoint),
            ..Fitting::new(self.seed, &self.encoders)
        };
        crossfit.fit(fold, &fitting)
    }

    /// Where long training keeps its state.
    fn checkpoint(&self, fold: Fold) -> PathBuf {
        match fold {
            Fold::Whole => self.kept_as("-whole.checkpoint"),
            Fold::Without(fold) => self.kept_as(&format!("-{fold}.checkpoint")),
        }
    }

    fn tell(&self, training: Training<'_>) {
        match training {
            Training::Chosen(why) | Training::Left(why) => {
                step(self.seen.as_ref(), Step::Note(&format!("{}: {why}.", self.name)));
            }
            Training::Progress(progress) => {
                self.seen.see(Event::Training { candidate: &self.name, progress: &progress });
            }
        }
    }

    /// Lets its encoder read the items that are new to it, and of which no vectors are kept.
    fn embed(&self) -> Result<(), ModelError> {
        let Some(source) = self.method.encoder().and_then(vectors::here) else { return Ok(()) };
        let encoder = self.encoders.get(source)?;
        let mut texts = vectors::texts(&self.items);
        vectors::take(&self.cache, source, &encoder, &texts)?;
        texts.retain(|text| !encoder.knows(text));
        if texts.is_empty() {
            return Ok(());
        }
        step(self.seen.as_ref(), Step::Candidate(&self.name, Doing::Embedding(texts.len())));
        let stop = || self.cancel.is_cancelled();
        encoder.embed(&texts, Stop::when(&stop)).map(drop)
    }

    /// The answers to the items in these rows, one at a time: the time of each is its latency.
    fn answer(&self, rows: &[usize]) -> Result<Vec<Result<Reply, Failure>>, ModelError> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let mut replies = Vec::with_capacity(rows.len());
        for &row in rows {
            let Some(fold) = self.fold(row) else {
                replies.push(Err(Failure::new(FailureKind::Reported, self.lacking(row).to_owned())));
                continue;
            };
            let model = self.model(&mut models, fold)?;
            if let (Some(asked), Some(writer)) = (&self.asked, model.writer()) {
                replies.push(answer(writer, &asked[row], Sampling::default())?);
                continue;
            }
            let said = model.answer(&[Sample::of(&self.items, row)])?.pop();
            let said = said.ok_or_else(|| ModelError::Failed("no answer".to_owned()))?;
            replies.push(Ok(Reply {
                text: said.prediction.output,
                confidence: said.prediction.confidence,
                probabilities: said.prediction.probabilities,
                latency: said.took,
                ..Reply::default()
            }));
        }
        Ok(replies)
    }

    fn model<'m>(&self, models: &'m mut Models, fold: Fold) -> Result<&'m dyn Model, ModelError> {
        let lost = || ModelError::Failed("its model is lost".to_owned());
        if fold == Fold::Whole {
            if models.whole.is_none() {
                models.whole = Some(self.fit(fold)?);
            }
            return models.whole.as_deref().ok_or_else(lost);
        }
        if models.fold.as_ref().is_none_or(|(held, _)| *held != fold) {
            // Whole first: what is wrong with the items is said of all. Two at a time are not needed.
            models.fold = None;
            self.keep_whole(models)?;
            if !self.in_pieces && Manifest::read(&self.model_folder()).is_err() {
                self.keep(self.fit(Fold::Whole)?.as_ref())?;
            }
            models.fold = Some((fold, self.fit(fold)?));
        }
        models.fold.as_ref().map(|(_, model)| model.as_ref()).ok_or_else(lost)
    }

    /// Writes the model of all train items to its folder, and lets go of it.
    fn keep_whole(&self, models: &mut Models) -> Result<(), ModelError> {
        let Some(whole) = models.whole.take() else { return Ok(()) };
        self.keep(whole.as_ref())
    }

    fn keep(&self, whole: &dyn Model) -> Result<(), ModelError> {
        let folder = self.model_folder();
        cache::whole_folder(&folder, |part| save(self.method.as_ref(), whole, part).map(drop))
    }

    fn model_folder(&self) -> PathBuf {
        self.kept_as("")
    }

    /// Sees to it that the model of all train items lies in its folder, and lets go of the memory.
    fn put_away(&self) -> Result<(), ModelError> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.fold = None;
        self.keep_whole(&mut models)?;
        if self.cancel.is_cancelled() {
            return Ok(());
        }
        if Manifest::read(&self.model_folder()).is_err() {
            self.keep(self.fit(Fold::Whole)?.as_ref())?;
        }
        // Nothing is left to go on with.
        Fold::all().for_each(|fold| drop(std::fs::remove_file(self.checkpoint(fold))));
        Ok(())
    }
}

impl InProcess for Trained {
    fn doing(&self, items: usize) -> Doing {
        Doing::Training(items)
    }

    fn kept_as(&self, ending: &str) -> PathBuf {
        cache::path(&self.cache, self.given.get().map_or("", |given| &given.kept), ending)
    }

    fn facts(&self) -> Result<HereFacts, Error> {
        let manifest = Manifest::read(&self.model_folder()).map_err(Error::broken)?;
        let Manifest { parameters, memory_bytes, disk_bytes, .. } = manifest;
        Ok(HereFacts { parameters, memory_bytes, disk_bytes })
    }

    fn order(&self) -> Result<Option<Order>, String> {
        if matches!(self.method.source(), Some(EncoderSource::Elsewhere(_))) {
            return Ok(None);
        }
        let items = &self.items;
        let rows: Vec<usize> = (0..items.len()).filter(|&row| items.target(row).is_some()).collect();
        // Trees read the fields, whatever the text of an item is.
        let read = |row: usize| match items.features().is_empty() || self.method.reads() != Reads::Fields {
            true => items.input(row).unwrap_or_default().to_owned(),
            false => items.features().lines(row),
        };
        let input = |row: usize| self.asked.as_ref().map_or_else(|| read(row), |asked| asked[row].clone());
        let places = || spread(rows.len());
        let inputs = places().map(|place| input(rows[place])).collect();
        let passage = |place: usize| items.context(rows[place]).unwrap_or_default().to_owned();
        let passages = match self.kind {
            Kind::Extract => places().map(passage).collect(),
            _ => Vec::new(),
        };
        Ok(Some(Order::Model { saved: self.model_folder(), inputs, passages }))
    }

    fn model(&self) -> Option<PathBuf> {
        Some(self.model_folder())
    }

    fn notes(&self) -> Vec<String> {
        TrainingReport::read(&self.model_folder())
            .map(|report| trained_kind::told(&self.name, &report))
            .into_iter()
            .chain(self.lesson())
            .collect()
    }

    fn learning(&self, lesson: &Lesson<'_>) -> Result<Option<LearningCurve>, Error> {
        self.curve(lesson).map_err(|error| match error {
            ModelError::Stopped => Error::Stopped,
            other => Error::broken(other),
        })
    }

    fn used_up(&self, row: usize) -> Option<UsedUp> {
        self.given.get()?.vectors.as_ref()?.used_up.get(&row).copied()
    }
}

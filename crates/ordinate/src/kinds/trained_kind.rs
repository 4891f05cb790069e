//! The kind of candidates that a method makes in this process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ordinate_adapt::{Ended, TrainingReport};
use ordinate_core::task::{CandidateEntry, Local};
use ordinate_core::{CandidateName, FieldValue, Item, Items, Prediction};
use ordinate_measure::Contender;
use ordinate_models::decoder::Place as Files;
use ordinate_models::encoder::Source;
use ordinate_models::{
    Encoders, Fold, Kind, Manifest, Model, ModelError, Reads, Sample, SharedEncoder, Stop,
};

use super::methods::method;
use super::trained::{Trained, TrainedAnswerer};
use super::{CandidateKind, Opened, Opening, Pieces, Place, curve, decoder, teaching};
use crate::error::Error;
use crate::observe::{Step, step};
use crate::reopen::{Again, AnswersInputs};

pub(super) struct TrainedKind;

impl CandidateKind for TrainedKind {
    fn name(&self) -> &'static str {
        "trained"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.entry.local.is_some() || place.entry.adapt.is_some())
    }

    fn check(&self, place: Place<'_>) -> Result<String, Error> {
        if let Some(model) = crate::hub::absent(place.task, place.entry)? {
            return Ok(format!("runs here; `run` would fetch {model}"));
        }
        let method = method(place)?.0;
        if let Some(teacher) = method.teacher() {
            teaching::check(place, teacher)?;
            return Ok(format!("runs here, trained once on what {teacher} says"));
        }
        Ok(match method.is_slow() {
            false => "runs here".to_owned(),
            true if place.task.file.data.test.is_some() => "runs here, trained once".to_owned(),
            true => format!(
                "runs here, trained {} times, so that no item is answered by a model that saw it: with train and test in [data] it is trained once",
                Fold::all().count()
            ),
        })
    }

    fn spares_train(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(crate::hub::absent(place.task, place.entry)?.is_none() && method(place)?.0.is_slow())
    }

    fn after(&self, entry: &CandidateEntry) -> Vec<CandidateName> {
        entry.adapt.as_ref().and_then(|adapt| adapt.teacher.clone()).into_iter().collect()
    }

    fn reads_fields(&self, place: Place<'_>) -> Result<bool, Error> {
        if crate::hub::absent(place.task, place.entry)?.is_some() {
            return Ok(false);
        }
        Ok(method(place)?.0.reads() == Reads::Fields)
    }

    fn has_curve(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(crate::hub::absent(place.task, place.entry)?.is_none() && curve::is_measured(place)?)
    }

    fn pieces(&self, place: Place<'_>) -> Result<Option<Pieces>, Error> {
        if crate::hub::absent(place.task, place.entry)?.is_some() {
            return Ok(None);
        }
        let (method, kind) = method(place)?;
        // The vectors of whoever stands on an encoder are pieces of their own, and what learns from a teacher comes after it.
        if method.encoder().is_some() || method.teacher().is_some() {
            return Ok(None);
        }
        if method.learns() {
            // With test items there is one training, and a curve is of trainings on parts of everything.
            let is_once = place.task.file.data.test.is_some();
            let folds = method.is_slow() && !is_once && !curve::is_measured(place)?;
            return Ok(folds.then_some(Pieces::Folds));
        }
        Ok(method.source().map(|_| match kind {
            Kind::Text | Kind::Extract => Pieces::FEW,
            _ => Pieces::MANY,
        }))
    }

    fn check_items(&self, place: Place<'_>, items: &Items) -> Result<(), Error> {
        if crate::hub::absent(place.task, place.entry)?.is_some() {
            return Ok(());
        }
        let (method, kind) = method(place)?;
        if method.reads() == Reads::Fields {
            return Ok(());
        }
        let lacks = |row: &usize| items.target(*row).is_some() && items.input(*row).is_none();
        if let Some(row) = (0..items.len()).find(lacks) {
            return Err(place.fail(ModelError::NoInput(items.id(row).to_owned())));
        }
        let is_asked = |row: usize| items.target(row).or(items.input(row)).is_some();
        let lacks = |row: &usize| {
            is_asked(*row) && items.context(*row).is_none_or(|passage| passage.trim().is_empty())
        };
        match (0..items.len()).find(|row| kind == Kind::Extract && lacks(row)) {
            Some(row) => Err(place.fail(ModelError::NoPassage(items.id(row).to_owned()))),
            None => Ok(()),
        }
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        let (method, kind) = method(opening.place)?;
        let teacher = method.teacher().cloned();
        if teacher.is_none() && method.is_slow() && opening.place.task.file.data.test.is_none() {
            let (name, times) = (&opening.place.entry.name, Fold::all().count());
            let text = format!(
                "{name} will be trained {times} times: each item is answered by a model that did not see it. With train and test in [data] it is trained once."
            );
            step(opening.seen.as_ref(), Step::Note(&text));
        }
        let trained = Arc::new(Trained::new(opening, method, kind)?);
        let wants = match teacher {
            Some(teacher) => teaching::wants(opening, &teacher, &trained)?,
            None => {
                trained.given(None).map_err(|error| opening.place.fail(error))?;
                Vec::new()
            }
        };
        let contender =
            Contender::new(opening.place.entry.name.clone(), TrainedAnswerer(Arc::clone(&trained)));
        Ok(Opened { here: Some(trained), wants, ..Opened::new(contender) })
    }

    fn reopen(&self, again: &Again<'_>) -> Result<Option<Box<dyn AnswersInputs>>, Error> {
        let Some(model) = &again.candidate.model else { return Ok(None) };
        let folder = again.folder.join(model);
        let manifest = Manifest::read_whole(&folder).map_err(|error| again.fail(error))?;
        if manifest.reads == Reads::Question {
            return reopened_decoder(again, folder).map(Some);
        }
        let encoders = Encoders::new();
        let model = again.methods.load(&folder, &encoders).map_err(|error| again.fail(error))?;
        let reads = manifest.reads;
        let passages = again.all.task_kind == "extract" && reads == Reads::Text;
        Ok(Some(Box::new(Loaded { model, reads, passages, encoder: encoders.only() })))
    }
}

/// A decoder that was trained is asked as one that was not.
fn reopened_decoder(again: &Again<'_>, folder: PathBuf) -> Result<Box<dyn AnswersInputs>, Error> {
    let local = Local {
        model: folder.display().to_string(),
        labels: BTreeMap::new(),
        template: None,
        examples: None,
        max_tokens: None,
        temperature: None,
        top_p: None,
        engine: None,
        precision: None,
    };
    let files = Files::Folder(Source::at(folder));
    decoder::reopened(again, files, &local)
}

/// A model that was saved.
struct Loaded {
    model: Box<dyn Model>,
    reads: Reads,
    /// Whether its answers stand in passages.
    passages: bool,
    /// What it stands on, where that is shared and not a part of it.
    encoder: Option<Arc<SharedEncoder>>,
}

impl AnswersInputs for Loaded {
    fn embed(&self, text: &str) -> Option<Result<Vec<f32>, String>> {
        let embedded = self.encoder.as_ref()?.embed(&[text], Stop::NEVER);
        let first = embedded.map(|vectors| vectors.first().map(|one| one.vector.clone()).unwrap_or_default());
        Some(first.map_err(|error| error.to_string()))
    }

    fn embeds(&self) -> bool {
        self.encoder.is_some()
    }

    fn shares(&self, inputs: &[&str], label: &str) -> Option<Result<Vec<f64>, String>> {
        let samples: Vec<Sample<'_>> = inputs.iter().map(|input| Sample::text(input)).collect();
        self.model.shares(&samples, label).map_err(|error| error.to_string()).transpose()
    }

    fn answer_item(&self, item: &Item) -> Result<Prediction, String> {
        let fields = &item.input.fields;
        if self.reads != Reads::Fields || fields.is_empty() {
            return self.said(Sample { context: item.context.as_deref(), ..Sample::text(&item.input.text) });
        }
        // An item may have a text of its own beside its fields.
        let lines: Vec<String> = fields
            .iter()
            .map(|field| match &field.value {
                FieldValue::Number(number) => format!("{}: {number}", field.name),
                FieldValue::Category(text) => format!("{}: {text}", field.name),
            })
            .collect();
        self.answer(&lines.join("\n"))
    }

    fn answer(&self, input: &str) -> Result<Prediction, String> {
        self.said(Sample::text(input))
    }

    fn reads_passages(&self) -> bool {
        self.passages
    }
}

impl Loaded {
    fn said(&self, sample: Sample<'_>) -> Result<Prediction, String> {
        let replies = self.model.answer(&[sample]).map_err(|error| error.to_string())?;
        Ok(replies.into_iter().next().ok_or("it gave no answer")?.prediction)
    }
}

/// What a training was, in a sentence.
pub(super) fn told(name: &CandidateName, report: &TrainingReport) -> String {
    let TrainingReport { items, seconds, threads, passes, .. } = report;
    let way = report.chosen.clone().unwrap_or_else(|| report.method.clone());
    let validated = report.validated.map_or_else(String::new, |found| {
        format!("; on {} items held out it scored {:.3}", found.items, found.score)
    });
    let time = if report.ended == Ended::Time { ", when its time was up" } else { "" };
    format!(
        "{name} was trained ({way}) on {items} items, {passes:.1} passes in {seconds:.0} s on {threads} threads{time}{validated}."
    )
}

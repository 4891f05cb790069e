//! Candidates that write in this process (`local` with a decoder), told the same as live candidates.

mod decoding;
pub(super) mod questions;

use std::path::Path;
use std::sync::Arc;

use ordinate_core::task::Local;
use ordinate_core::{Item, Prediction};
use ordinate_measure::Contender;
use ordinate_models::decoder::{Place as Files, find};
use ordinate_models::encoder::Source;
use ordinate_models::seq2seq::is_translator;
use ordinate_tasks::Reader;

use super::{CandidateKind, Opened, Opening, Pieces, Place};
use crate::error::Error;
use crate::materials::draw;
use crate::reopen::{Again, AnswersInputs};
use decoding::{DecoderAnswerer, Decoding};
use questions::Told;

pub(super) struct DecoderKind;

impl CandidateKind for DecoderKind {
    fn name(&self) -> &'static str {
        "decoder"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(files(place)?.is_some())
    }

    fn check(&self, place: Place<'_>) -> Result<String, Error> {
        if let Some(model) = crate::hub::absent(place.task, place.entry)? {
            return Ok(format!("runs here; `run` would fetch {model}"));
        }
        settings(place)?;
        Ok("runs here".to_owned())
    }

    fn pieces(&self, _: Place<'_>) -> Result<Option<Pieces>, Error> {
        Ok(Some(Pieces::FEW))
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        let place = opening.place;
        let (files, local) = settings(place)?;
        let (task, materials) = (place.task, opening.materials);
        let told = Told {
            kind: task.kind,
            labels: &materials.labels,
            prompt: &task.file.prompt,
            examples: &materials.examples,
            seed: task.file.statistics.seed.unwrap_or_default(),
        };
        let mut decoding = Decoding::new(files, &local, &told).map_err(|error| place.fail(error))?;
        // What cannot be asked is refused before the model is read, which may take long.
        let items = materials.asked.iter().map(|&row| materials.items.item(row as usize));
        decoding.settle(opening.cache, items).map_err(|error| place.fail(error))?;
        let decoding = Arc::new(decoding);
        let contender = Contender::new(place.entry.name.clone(), DecoderAnswerer(Arc::clone(&decoding)));
        Ok(Opened { here: Some(decoding), ..Opened::new(contender) })
    }

    fn reopen(&self, again: &Again<'_>) -> Result<Option<Box<dyn AnswersInputs>>, Error> {
        let fail = |problem: &str| again.fail(problem);
        let local = again.candidate.entry.local.as_ref().ok_or_else(|| fail("it names no model"))?;
        let files = find(&local.model, Path::new("")).map_err(|error| again.fail(error))?;
        let files = files.ok_or_else(|| fail("its model does not write"))?;
        let files = files.by(local.engine.unwrap_or_default()).map_err(|error| again.fail(error))?;
        reopened(again, files, local).map(Some)
    }
}

/// A decoder of these files, opened again.
pub(super) fn reopened(
    again: &Again<'_>,
    files: Files,
    local: &Local,
) -> Result<Box<dyn AnswersInputs>, Error> {
    let kind = again.task_kinds.get(&again.all.task_kind);
    let kind = kind.ok_or_else(|| again.fail("the kind of its task is not known"))?;
    let (labels, prompt, seed) = (&again.all.labels, &again.all.prompt, again.all.seed);
    let examples = Arc::new(draw(kind, prompt, seed, again.all.examples.clone()));
    let told = Told { kind, labels, prompt, examples: &examples, seed };
    let decoding = Decoding::new(files, local, &told).map_err(|error| again.fail(error))?;
    Ok(Box::new(Loaded { decoding, reader: Reader::new(kind, labels) }))
}

/// A decoder that was opened again.
struct Loaded {
    decoding: Decoding,
    reader: Reader,
}

impl AnswersInputs for Loaded {
    fn answer(&self, input: &str) -> Result<Prediction, String> {
        self.answer_item(&Item { id: "asked".to_owned(), input: input.into(), ..Item::default() })
    }

    fn answer_item(&self, item: &Item) -> Result<Prediction, String> {
        let body = self.decoding.request(item).map_err(|error| error.to_string())?;
        let reply = self.decoding.answer(&body).map_err(|error| error.to_string())?;
        let reply = reply.map_err(|failure| failure.message)?;
        if self.decoding.chooses(item) {
            let (output, confidence) = (reply.text, reply.confidence);
            return Ok(Prediction { output, confidence, ..Prediction::default() });
        }
        let found = self.reader.read(item, &reply.text).map_err(|unreadable| unreadable.to_string())?;
        let (output, confidence) = (found.output.to_string(), reply.confidence);
        Ok(Prediction { output, confidence, ..Prediction::default() })
    }

    /// One answer takes all of the machine.
    fn at_once(&self) -> usize {
        1
    }
}

/// The files of the decoder that an entry names; `None` where it names something else. Keys that are for decoders alone
/// are refused there.
fn files(place: Place<'_>) -> Result<Option<Files>, Error> {
    let Some(local) = &place.entry.local else { return Ok(None) };
    if crate::hub::absent(place.task, place.entry)?.is_some() {
        return Ok(None);
    }
    if let Some(files) = find(&local.model, place.task.dir()).map_err(|error| place.fail(error))? {
        return Ok(Some(files));
    }
    // A translator writes too, and has this key of theirs.
    let source = Source::find(&local.model, place.task.dir());
    let translates = source.is_ok_and(|source| is_translator(&source));
    let keys = [
        ("max_tokens", local.max_tokens.is_some() && !translates),
        ("temperature", local.temperature.is_some()),
        ("top_p", local.top_p.is_some()),
        ("engine", local.engine.is_some()),
    ];
    match keys.iter().find(|(_, there)| *there) {
        Some((key, _)) => {
            Err(place
                .fail(format!("{key} is for models that write, and {:?} does not; remove it", local.model)))
        }
        None => Ok(None),
    }
}

/// The files and settings of a decoder, checked.
fn settings(place: Place<'_>) -> Result<(Files, Local), Error> {
    let fail = |problem: &str| Err(place.fail(problem));
    let (Some(files), Some(local)) = (files(place)?, &place.entry.local) else {
        return fail("its model does not write");
    };
    if !local.labels.is_empty() || local.examples.is_some() {
        return fail(
            "labels and examples are for encoders; a model that writes is told what labels mean by [prompt] instruction, and shown examples by [prompt] examples",
        );
    }
    if local.template.is_some() {
        return fail(
            "template is for masked language models; a model that writes is asked as [prompt] template says",
        );
    }
    if local.precision.is_some() {
        return fail(
            "precision is for encoders; of a model that writes take a .gguf file, whose weights are quantised",
        );
    }
    if local.temperature.is_some_and(|heat| !(0.0..=100.0).contains(&heat)) {
        return fail("temperature is not a number from 0 to 100");
    }
    if local.top_p.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
        return fail("top_p is not a number above 0, and at most 1");
    }
    let files = files.by(local.engine.unwrap_or_default()).map_err(|error| place.fail(error))?;
    Ok((files, local.clone()))
}

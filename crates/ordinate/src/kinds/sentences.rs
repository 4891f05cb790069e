//! Candidates that answer with sentences of the text itself (`local` with the name of a way to pick them).

use ordinate_core::{Item, Items, OutputKind};
use ordinate_models::gauge::Order;
use ordinate_sentences::Picker;
use serde::{Deserialize, Serialize};

use super::untrained::{Reopened, Untrained, no_other_keys, opened};
use super::{CandidateKind, Opened, Opening, Place};
use crate::error::Error;
use crate::reopen::{Again, AnswersInputs};

pub(super) struct SentencesKind;

/// Raised when something else comes to be picked.
const VERSION: u32 = 1;

const BATCH: usize = 100;

impl CandidateKind for SentencesKind {
    fn name(&self) -> &'static str {
        "sentences"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.task.kind.output() == Some(OutputKind::Text) && method(place).is_some())
    }

    fn check(&self, place: Place<'_>) -> Result<String, Error> {
        named(place)?;
        Ok("runs here".to_owned())
    }

    fn check_items(&self, place: Place<'_>, items: &Items) -> Result<(), Error> {
        if named(place)?.picker != Picker::Answering {
            return Ok(());
        }
        let lacks = |row: &usize| items.target(*row).is_some() && items.context(*row).is_none();
        match (0..items.len()).find(lacks) {
            Some(row) => Err(place.fail(format!(
                "item {:?} has no passage to look for the answer in; name the field with [data] context, or remove the candidate",
                items.id(row)
            ))),
            None => Ok(()),
        }
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        Ok(opened(named(opening.place)?, opening))
    }

    fn reopen(&self, again: &Again<'_>) -> Result<Option<Box<dyn AnswersInputs>>, Error> {
        let local = again.candidate.entry.local.as_ref();
        match local.and_then(|local| Named::of(&local.model)) {
            Some(method) => Ok(Some(Box::new(Reopened(method)))),
            None => Err(again.fail("this version picks no sentences so")),
        }
    }
}

/// A way of picking, and its name.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    picker: Picker,
}

impl Named {
    fn of(name: &str) -> Option<Self> {
        Some(Self { name: name.to_owned(), picker: Picker::named(name)? })
    }
}

fn method(place: Place<'_>) -> Option<Named> {
    place.entry.local.as_ref().and_then(|local| Named::of(&local.model))
}

/// The method of an entry, checked.
fn named(place: Place<'_>) -> Result<Named, Error> {
    let (Some(method), Some(local)) = (method(place), &place.entry.local) else {
        return Err(place.fail("it does not say how sentences are picked"));
    };
    no_other_keys(place, local, "which picks sentences")?;
    Ok(method)
}

/// What is read of an item.
#[derive(Serialize, Deserialize)]
struct Body {
    input: String,
    passage: Option<String>,
}

impl Untrained for Named {
    fn identity(&self) -> String {
        format!("{{\"sentences\":{VERSION},\"picked\":\"{}\"}}", self.name)
    }

    fn batch(&self) -> usize {
        BATCH
    }

    fn request(&self, item: &Item) -> String {
        let body = Body { input: item.input.text.clone(), passage: item.context.clone() };
        serde_json::to_string(&body).unwrap_or_default()
    }

    fn answer(&self, request: &str) -> Result<String, String> {
        let body: Body = serde_json::from_str(request).map_err(|error| error.to_string())?;
        self.picker.pick(&body.input, body.passage.as_deref()).map_err(|error| error.to_string())
    }

    fn reads_passages(&self) -> bool {
        self.picker == Picker::Answering
    }

    fn order(&self, requests: Vec<String>) -> Order {
        let body = |text: &String| serde_json::from_str::<Body>(text).ok();
        let texts = requests.iter().filter_map(body).map(|body| (body.input, body.passage)).collect();
        Order::Sentences { picked: self.name.clone(), texts }
    }
}

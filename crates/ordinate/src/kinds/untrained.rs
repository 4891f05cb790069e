//! What candidates have in common that answer here, item by item, and have learned nothing: no item is answered by what saw its
//! target.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ordinate_core::task::Local;
use ordinate_core::{Item, Prediction};
use ordinate_measure::{Answerer, AnswererError, Attempt, Contender, Limits, Request};
use ordinate_models::gauge::Order;
use ordinate_remote::{Failure, FailureKind, PromptError, Reply};

use super::{HereFacts, InProcess, Opened, Opening, Place};
use crate::cache::{self, digest};
use crate::error::Error;
use crate::hosting::spread;
use crate::observe::Doing;
use crate::reopen::AnswersInputs;

/// A method that answers.
pub(super) trait Untrained: Clone + Send + Sync + 'static {
    /// What its answers hang on, besides the request.
    fn identity(&self) -> String;

    /// Items of one batch, which a kill loses: one, where each takes long.
    fn batch(&self) -> usize;

    /// What it reads of an item.
    fn request(&self, item: &Item) -> String;

    /// The answer, or why there is none, in words.
    fn answer(&self, request: &str) -> Result<String, String>;

    /// Whether it looks for its answer in a passage.
    fn reads_passages(&self) -> bool {
        false
    }

    /// What is measured for hosting.
    fn order(&self, requests: Vec<String>) -> Order;
}

/// Refuses the keys of an entry that are for models that learned something. `what` it is, in words.
pub(super) fn no_other_keys(place: Place<'_>, local: &Local, what: &str) -> Result<(), Error> {
    let keys = [
        ("labels", !local.labels.is_empty()),
        ("template", local.template.is_some()),
        ("examples", local.examples.is_some()),
        ("max_tokens", local.max_tokens.is_some()),
        ("temperature", local.temperature.is_some()),
        ("top_p", local.top_p.is_some()),
        ("engine", local.engine.is_some()),
        ("precision", local.precision.is_some()),
    ];
    match keys.iter().find(|(_, there)| *there) {
        Some((key, _)) => {
            Err(place.fail(format!("{key} means nothing to {:?}, {what}; remove it", local.model)))
        }
        None => Ok(()),
    }
}

/// The candidate, ready to be asked.
pub(super) fn opened(method: impl Untrained, opening: &Opening<'_>) -> Opened {
    let (items, asked) = (&opening.materials.items, &opening.materials.asked);
    let requests: Vec<String> = asked.iter().map(|&row| method.request(&items.item(row as usize))).collect();
    let sample = spread(requests.len()).map(|at| requests[at].clone()).collect();
    let identity = method.identity();
    let kept = digest(std::iter::once(identity.as_str()).chain(requests.iter().map(String::as_str)));
    let here = Here { method: method.clone(), cache: opening.cache.to_owned(), kept, sample };
    let contender = Contender::new(opening.place.entry.name.clone(), Asked(method));
    Opened { here: Some(Arc::new(here)), ..Opened::new(contender) }
}

/// What is known of a method, and where it is kept.
struct Here<M> {
    method: M,
    cache: PathBuf,
    /// A digest of the method and all requests.
    kept: String,
    /// Requests on which hosting is measured.
    sample: Vec<String>,
}

impl<M: Untrained> InProcess for Here<M> {
    fn doing(&self, items: usize) -> Doing {
        Doing::Answering(items)
    }

    fn kept_as(&self, ending: &str) -> PathBuf {
        cache::path(Path::new(&self.cache), &self.kept, ending)
    }

    fn facts(&self) -> Result<HereFacts, Error> {
        // It has no weights and no files.
        Ok(HereFacts::default())
    }

    fn order(&self) -> Result<Option<Order>, String> {
        Ok(Some(self.method.order(self.sample.clone())))
    }
}

/// Asks a method about one item after the other: the time of each is its latency.
struct Asked<M>(M);

impl<M: Untrained> Answerer for Asked<M> {
    fn identity(&self) -> String {
        self.0.identity()
    }

    fn request(&self, _: usize, item: &Item) -> Result<String, PromptError> {
        Ok(self.0.request(item))
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        let method = self.0.clone();
        let bodies: Vec<String> = batch.iter().map(|request| request.body.clone()).collect();
        Box::pin(async move {
            let work = move || bodies.iter().map(|body| reply(&method, body)).collect();
            tokio::task::spawn_blocking(work).await.map_err(AnswererError::new)
        })
    }

    fn limits(&self) -> Limits {
        Limits { in_flight: Some(1), batch: self.0.batch(), files: 0, alone: true }
    }

    fn gives_outputs(&self) -> bool {
        true
    }
}

fn reply(method: &impl Untrained, body: &str) -> Result<Reply, Failure> {
    let started = Instant::now();
    match method.answer(body) {
        Ok(text) => Ok(Reply { text, latency: started.elapsed(), ..Reply::default() }),
        Err(why) => Err(Failure { latency: started.elapsed(), ..Failure::new(FailureKind::Reported, why) }),
    }
}

/// A method that was opened again.
pub(super) struct Reopened<M>(pub(super) M);

impl<M: Untrained> AnswersInputs for Reopened<M> {
    fn answer(&self, input: &str) -> Result<Prediction, String> {
        let item = Item { id: "asked".to_owned(), input: input.into(), ..Item::default() };
        self.answer_item(&item)
    }

    fn answer_item(&self, item: &Item) -> Result<Prediction, String> {
        self.0.answer(&self.0.request(item)).map(|output| Prediction { output, ..Prediction::default() })
    }

    fn reads_passages(&self) -> bool {
        self.0.reads_passages()
    }
}

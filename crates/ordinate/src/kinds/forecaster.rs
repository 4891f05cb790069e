//! Candidates that continue a series from its own past, in this process (`local` with the name of a method): nothing is
//! trained, so that no item is answered by what saw its target.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use ordinate_core::{Item, Items, Output, Series};
use ordinate_forecast::Method;
use ordinate_measure::{Answerer, AnswererError, Attempt, Contender, Limits, Request};
use ordinate_models::gauge::Order;
use ordinate_remote::{Failure, FailureKind, PromptError, Reply};

use super::{CandidateKind, HereFacts, InProcess, Opened, Opening, Place};
use crate::cache::{self, digest};
use crate::error::Error;
use crate::hosting::spread;
use crate::observe::Doing;
use crate::reopen::{Again, AnswersInputs};

pub(super) struct ForecasterKind;

/// Raised when a method comes to answer otherwise: what older versions answered is not taken then.
const VERSION: u32 = 1;

/// Series of one batch: of methods that take long for each, so that a kill loses one, and of others.
const BATCHES: [usize; 2] = [1, 100];

impl CandidateKind for ForecasterKind {
    fn name(&self) -> &'static str {
        "forecaster"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.task.kind.takes_series() && method(place).is_some())
    }

    fn check(&self, place: Place<'_>) -> Result<String, Error> {
        named(place)?;
        Ok("runs here".to_owned())
    }

    fn check_items(&self, place: Place<'_>, items: &Items) -> Result<(), Error> {
        let is_none = |row: &usize| items.target(*row).is_some() && series(items, *row).is_none();
        match (0..items.len()).find(is_none) {
            Some(row) => Err(place.fail(format!("item {:?} is no series", items.id(row)))),
            None => Ok(()),
        }
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        let place = opening.place;
        let method = named(place)?;
        let (items, asked) = (&opening.materials.items, &opening.materials.asked);
        let text = |row: usize| items.input(row).unwrap_or_default();
        let sample = spread(asked.len()).map(|at| text(asked[at] as usize).to_owned()).collect();
        let identity = identity(method);
        let seen = asked.iter().map(|&row| text(row as usize));
        let kept = digest(std::iter::once(identity.as_str()).chain(seen));
        let here = Arc::new(Forecaster { method, cache: opening.cache.to_owned(), kept, sample });
        let contender = Contender::new(place.entry.name.clone(), ForecasterAnswerer(method));
        Ok(Opened { here: Some(here), ..Opened::new(contender) })
    }

    fn reopen(&self, again: &Again<'_>) -> Result<Option<Box<dyn AnswersInputs>>, Error> {
        let local = again.candidate.entry.local.as_ref();
        let method = local.and_then(|local| Method::named(&local.model));
        match method {
            Some(method) => Ok(Some(Box::new(Reopened(method)))),
            None => Err(again.fail("this version has no such method")),
        }
    }
}

fn identity(method: Method) -> String {
    format!("{{\"forecaster\":{VERSION},\"method\":\"{}\"}}", method.name())
}

fn method(place: Place<'_>) -> Option<Method> {
    place.entry.local.as_ref().and_then(|local| Method::named(&local.model))
}

/// The method of an entry, without keys that are for other models.
fn named(place: Place<'_>) -> Result<Method, Error> {
    let (Some(method), Some(local)) = (method(place), &place.entry.local) else {
        return Err(place.fail("it names no method of forecasting"));
    };
    let keys = [
        ("labels", !local.labels.is_empty()),
        ("template", local.template.is_some()),
        ("examples", local.examples.is_some()),
        ("max_tokens", local.max_tokens.is_some()),
        ("temperature", local.temperature.is_some()),
        ("top_p", local.top_p.is_some()),
        ("engine", local.engine.is_some()),
    ];
    match keys.iter().find(|(_, there)| *there) {
        Some((key, _)) => Err(place.fail(format!(
            "{key} means nothing to {}, which reads a series alone; remove it",
            method.name()
        ))),
        None => Ok(method),
    }
}

fn series(items: &Items, row: usize) -> Option<Series> {
    Series::read(items.input(row)?)
}

/// A method, and what is known of it.
struct Forecaster {
    method: Method,
    cache: PathBuf,
    /// A digest of the method and all series.
    kept: String,
    /// Series on which hosting is measured.
    sample: Vec<String>,
}

impl InProcess for Forecaster {
    fn doing(&self, items: usize) -> Doing {
        Doing::Answering(items)
    }

    fn kept_as(&self, ending: &str) -> PathBuf {
        cache::path(&self.cache, &self.kept, ending)
    }

    fn facts(&self) -> Result<HereFacts, Error> {
        // It has no weights and no files.
        Ok(HereFacts::default())
    }

    fn order(&self) -> Result<Option<Order>, String> {
        Ok(Some(Order::Forecaster { method: self.method.name().to_owned(), series: self.sample.clone() }))
    }
}

/// Asks a method, one series after the other: the time of each is its latency.
struct ForecasterAnswerer(Method);

impl Answerer for ForecasterAnswerer {
    fn identity(&self) -> String {
        identity(self.0)
    }

    fn request(&self, _: usize, item: &Item) -> Result<String, PromptError> {
        Ok(item.input.text.clone())
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        let method = self.0;
        let bodies: Vec<String> = batch.iter().map(|request| request.body.clone()).collect();
        Box::pin(async move {
            let work = move || bodies.iter().map(|body| reply(method, body)).collect();
            tokio::task::spawn_blocking(work).await.map_err(AnswererError::new)
        })
    }

    fn limits(&self) -> Limits {
        let batch = BATCHES[usize::from(!self.0.is_slow())];
        Limits { in_flight: Some(1), batch, files: 0, alone: true }
    }

    fn gives_outputs(&self) -> bool {
        true
    }
}

fn reply(method: Method, body: &str) -> Result<Reply, Failure> {
    let started = Instant::now();
    match forecast(method, body) {
        Ok(text) => Ok(Reply { text, latency: started.elapsed(), ..Reply::default() }),
        Err(why) => Err(Failure { latency: started.elapsed(), ..Failure::new(FailureKind::Reported, why) }),
    }
}

fn forecast(method: Method, text: &str) -> Result<String, String> {
    let series = Series::read(text).ok_or("the item is no series")?;
    let values = method.forecast(&series).map_err(|error| error.to_string())?;
    Ok(Output::Series(values).to_string())
}

/// A method that was opened again.
struct Reopened(Method);

impl AnswersInputs for Reopened {
    fn answer(&self, input: &str) -> Result<(String, Option<f64>), String> {
        forecast(self.0, input).map(|text| (text, None))
    }
}

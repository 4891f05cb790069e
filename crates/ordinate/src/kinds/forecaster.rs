//! Candidates that continue a series from its own past (`local` with the name of a method).

use ordinate_core::{Item, Items, Series};
use ordinate_forecast::Method;
use ordinate_models::gauge::Order;

use super::untrained::{Reopened, Untrained, no_other_keys, opened};
use super::{CandidateKind, Opened, Opening, Pieces, Place};
use crate::error::Error;
use crate::reopen::{Again, AnswersInputs};

pub(super) struct ForecasterKind;

/// Raised when a method comes to answer otherwise: what older versions answered is not taken then.
const VERSION: u32 = 1;

/// Series of one batch: of methods that take long for each, and of others.
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
        let is_none =
            |row: &usize| items.target(*row).is_some() && items.input(*row).and_then(Series::read).is_none();
        match (0..items.len()).find(is_none) {
            Some(row) => Err(place.fail(format!("item {:?} is no series", items.id(row)))),
            None => Ok(()),
        }
    }

    fn pieces(&self, place: Place<'_>) -> Result<Option<Pieces>, Error> {
        // What others take is less than handing it out.
        Ok(named(place)?.is_slow().then_some(Pieces::FEW))
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        Ok(opened(named(opening.place)?, opening))
    }

    fn reopen(&self, again: &Again<'_>) -> Result<Option<Box<dyn AnswersInputs>>, Error> {
        let local = again.candidate.entry.local.as_ref();
        match local.and_then(|local| Method::named(&local.model)) {
            Some(method) => Ok(Some(Box::new(Reopened(method)))),
            None => Err(again.fail("this version has no such method")),
        }
    }
}

fn method(place: Place<'_>) -> Option<Method> {
    place.entry.local.as_ref().and_then(|local| Method::named(&local.model))
}

/// The method of an entry, checked.
fn named(place: Place<'_>) -> Result<Method, Error> {
    let (Some(method), Some(local)) = (method(place), &place.entry.local) else {
        return Err(place.fail("it names no method of forecasting"));
    };
    no_other_keys(place, local, "which reads a series alone")?;
    Ok(method)
}

impl Untrained for Method {
    fn identity(&self) -> String {
        format!("{{\"forecaster\":{VERSION},\"method\":\"{}\"}}", self.name())
    }

    fn batch(&self) -> usize {
        BATCHES[usize::from(!self.is_slow())]
    }

    fn request(&self, item: &Item) -> String {
        item.input.text.clone()
    }

    fn answer(&self, request: &str) -> Result<String, String> {
        let series = Series::read(request).ok_or("the item is no series")?;
        let forecast = self.forecast(&series).map_err(|error| error.to_string())?;
        Ok(forecast.into_output().to_string())
    }

    fn order(&self, requests: Vec<String>) -> Order {
        Order::Forecaster { method: self.name().to_owned(), series: requests }
    }
}

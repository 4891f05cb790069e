//! How far it is, for whoever shows it.

use std::time::Duration;

use ordinate_core::CandidateName;

use crate::estimate::Estimate;
use crate::measured::Summary;

/// How far one candidate is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The candidate.
    pub name: CandidateName,
    /// Items in all.
    pub items: u64,
    /// Items with an answer or an error, those of earlier runs included.
    pub done: u64,
    /// Items that were answered in earlier runs.
    pub kept: u64,
    /// Errors among them.
    pub errors: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// USD metered, earlier runs included; 0 where no price is known.
    pub cost_usd: f64,
    /// How much longer its server asks to wait.
    pub waits: Option<Duration>,
    /// Items a second, lately.
    pub items_per_s: f64,
    /// Time left at this rate, where one is known.
    pub left: Option<Duration>,
}

/// Is told of what happens. Every method has an empty default.
pub trait Observer: Send + Sync {
    /// What it will probably cost, before anything is asked.
    fn estimated(&self, _estimates: &[Estimate]) {}

    /// Another run on the same answer store asks within the same rates or `max_spend`: it is waited for.
    fn waits_for_another(&self) {}

    /// A candidate that takes this machine alone is asked next.
    fn started(&self, _candidate: &CandidateName) {}

    /// How far it is: several times a second, and at the end. `spent_usd` is what counts against `max_spend`.
    fn progress(&self, _candidates: &[Progress], _spent_usd: f64) {}

    /// A candidate's asking has ended.
    fn ended(&self, _summary: &Summary) {}
}

/// Nobody looks.
impl Observer for () {}

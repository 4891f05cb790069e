//! A run that is served: its policy, whom it asks, and how its items are read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ordinate_combine::Artefact;
use ordinate_core::{CandidateName, Dial, Item, OutputKind, PolicyKind, nearest};
use ordinate_remote::Usage;
use ordinate_tasks::Reader;
use serde_json::{Map, Value};

use crate::candidate::Candidate;
use crate::drift::Drift;
use crate::settings::{Hedging, Shadowing, Streaming};
use crate::shadow::RunnerUp;

/// Reads items of requests.
pub type ReadItems = Box<dyn Fn(Vec<Map<String, Value>>) -> Result<Vec<Item>, String> + Send + Sync>;

/// Scores an answer: its text, the right answer, the input.
pub type Score = Box<dyn Fn(&str, &str, Option<&str>) -> f64 + Send + Sync>;

/// What a server is told of a run.
pub struct Run {
    /// The task's name: `ordinate/NAME` is the model that clients ask for.
    pub name: String,
    /// The policy, as it was measured.
    pub artefact: Artefact,
    /// Everybody who can be asked: those of the policy, and those who may stand in for them.
    pub candidates: Vec<Candidate>,
    /// The candidate with the best mean over all items of the run.
    pub best_single: Option<CandidateName>,
    /// What an answer of it costs on average by the verdict, USD, where that is known.
    pub best_single_usd: Option<f64>,
    /// What the verdict says that the policy's mean score is at least, in `[0, 1]`, where it says so.
    pub claimed: Option<f64>,
    /// Reads answers out of replies.
    pub reader: Reader,
    /// What answers are; `None` where the kind of the task does not say it.
    pub output: Option<OutputKind>,
    /// Reads items out of the rows of a request.
    pub read_items: ReadItems,
    /// When the verdict was reached, seconds since 1970.
    pub created: u64,
    /// A loss of quality that does not matter, by the needs of the verdict, in `[0, 1)`.
    pub margin: f64,
    /// Scores an answer against the right one, by the task's metric; `None` where answers are scored elsewhere.
    pub score: Option<Score>,
    /// What is known of the inputs that were measured, where they are to be held against those that come.
    pub drift: Option<Drift>,
}

/// A run that is served.
pub(crate) struct ServedTask {
    pub(crate) run: Run,
    /// The place among [`Run::candidates`] of each of the policy's.
    pub(crate) places: Vec<usize>,
    /// The same of the best single, among the policy's.
    best_single: Option<usize>,
    /// Whom a share of the items is asked of too.
    pub(crate) runner_up: Option<RunnerUp>,
    drift: Mutex<Option<Drift>>,
    /// How long a server is waited for before it is asked a second time.
    pub(crate) hedge: Option<Duration>,
    /// Whether an answer that broke off is gone on with, where a request does not say.
    pub(crate) continue_cut: bool,
}

/// A run that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unservable(pub(crate) String);

impl ServedTask {
    pub(crate) fn new(
        mut run: Run,
        shadow: Option<&Arc<Shadowing>>,
        (hedge, streams): (Option<Hedging>, Streaming),
    ) -> Result<Self, Unservable> {
        let names = run.artefact.policy.candidates();
        let place = |name: &CandidateName| {
            run.candidates.iter().position(|one| one.name == *name).ok_or_else(|| {
                Unservable(format!(
                    "{}: the policy {} asks {name}, who cannot be asked",
                    run.name, run.artefact.name
                ))
            })
        };
        let places = names.iter().map(place).collect::<Result<_, _>>()?;
        let best_single =
            run.best_single.as_ref().and_then(|best| names.iter().position(|name| name == best));
        let runner_up = shadow.map(|shadow| runner_up(&run, shadow)).transpose()?;
        let drift = Mutex::new(run.drift.take());
        let hedge = hedge.map(|hedge| Duration::from_millis(hedge.after_ms.get()));
        let continue_cut = streams.continue_cut;
        Ok(Self { run, places, best_single, runner_up, drift, hedge, continue_cut })
    }

    /// What is done with what is known of the measured inputs; `None` where nothing is.
    pub(crate) fn lock_drift<R>(&self, with: impl FnOnce(&mut Drift) -> R) -> Option<R> {
        self.drift.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(with)
    }

    /// The name by which clients ask for its policy.
    pub(crate) fn model(&self) -> String {
        format!("ordinate/{}", self.run.name)
    }

    /// Whether its policy asks one candidate and gives that one's answer.
    pub(crate) fn asks_one(&self) -> bool {
        matches!(
            self.run.artefact.policy.kind(),
            PolicyKind::Single | PolicyKind::ZeroRouter | PolicyKind::BySlice | PolicyKind::Route
        )
    }

    /// Those of the policy that have not been tried, best first by what the policy expects, then those who may stand in, by
    /// their mean in the verdict. Places among all candidates.
    pub(crate) fn next_best(
        &self,
        thought: &ordinate_core::Thought,
        dial: Dial,
        tried: &[usize],
    ) -> Vec<usize> {
        let worth = |at: usize| {
            let outlay = thought.outlay.get(at).copied().unwrap_or(0.0);
            let mean = || self.run.candidates[self.places[at]].quality;
            thought.quality.get(at).copied().map_or_else(mean, |quality| quality - dial.0 * outlay)
        };
        let mut own: Vec<usize> = (0..self.places.len()).collect();
        own.sort_by(|&a, &b| worth(b).total_cmp(&worth(a)));
        let mut others: Vec<usize> = (0..self.run.candidates.len())
            .filter(|place| !self.places.contains(place) && self.run.candidates[*place].may_stand_in)
            .collect();
        others.sort_by(|&a, &b| self.run.candidates[b].quality.total_cmp(&self.run.candidates[a].quality));
        let all = own.into_iter().map(|at| self.places[at]).chain(others);
        all.filter(|place| !tried.contains(place)).collect()
    }

    /// What the policy expects to gain by asking this one of its candidates and not the best single.
    pub(crate) fn expected_gain(&self, thought: &ordinate_core::Thought, at: usize) -> Option<f64> {
        let best = thought.quality.get(self.best_single?)?;
        Some(thought.quality.get(at)? - best)
    }
}

/// Whom a policy is held against: who is named, or the best by the verdict of those who meet the needs and are not the policy.
fn runner_up(run: &Run, shadow: &Arc<Shadowing>) -> Result<RunnerUp, Unservable> {
    let fail = |problem: String| Unservable(format!("{}: [shadow] {problem}", run.name));
    let place = match shadow.runner_up.get(&run.name) {
        Some(name) => run.candidates.iter().position(|one| one.name.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = run.candidates.iter().map(|one| one.name.as_str()).collect();
            let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean {near:?}?"));
            fail(format!(
                "runner_up names {name:?}, who cannot be asked here; those who can are {}{}",
                names.join(", "),
                near.unwrap_or_default()
            ))
        })?,
        None => {
            let is_policy = |one: &Candidate| run.artefact.policy.candidates() == [one.name.clone()];
            let others = (0..run.candidates.len())
                .filter(|&at| run.candidates[at].may_stand_in && !is_policy(&run.candidates[at]));
            let best = others.max_by(|&a, &b| {
                let quality = |at: usize| run.candidates[at].quality;
                quality(a).total_cmp(&quality(b)).then(b.cmp(&a))
            });
            best.ok_or_else(|| {
                fail("there is no runner-up that meets the needs and can be asked; name one: runner_up = { TASK = \"CANDIDATE\" }".to_owned())
            })?
        }
    };
    let candidate = &run.candidates[place];
    if shadow.requests_per_day.is_none() && candidate.cost_of(Some(Usage::default())).is_none() {
        return Err(fail(format!(
            "{} has no price, so that usd_per_day cannot be kept; give it a price (--upstreams), or write requests_per_day",
            candidate.name
        )));
    }
    Ok(RunnerUp::new(place, Arc::clone(shadow)))
}

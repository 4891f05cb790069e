//! A run that is served: its policy, whom it asks, and how its items are read.

use ordinate_combine::Artefact;
use ordinate_core::{CandidateName, Dial, Item, OutputKind, PolicyKind};
use ordinate_tasks::Reader;
use serde_json::{Map, Value};

use crate::candidate::Candidate;

/// Reads items of requests.
pub type ReadItems = Box<dyn Fn(Vec<Map<String, Value>>) -> Result<Vec<Item>, String> + Send + Sync>;

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
}

/// A run that is served.
pub(crate) struct ServedTask {
    pub(crate) run: Run,
    /// The place among [`Run::candidates`] of each of the policy's.
    pub(crate) places: Vec<usize>,
    /// The same of the best single, among the policy's.
    best_single: Option<usize>,
}

/// A run that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unservable(pub(crate) String);

impl ServedTask {
    pub(crate) fn new(run: Run) -> Result<Self, Unservable> {
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
        Ok(Self { run, places, best_single })
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

//! What deciding about a run leaves for the next time: of a verdict under other needs most figures are those of the one
//! before.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ordinate_core::PolicyKind;
use ordinate_core::verdict::{Complementarity, SliceCell};
use ordinate_score::{Groups, Memory};
use ordinate_trials::{Trial, Trials};

use crate::chosen::Points;
use crate::seen::Seen;
use crate::view::Looks;

/// Verdicts for which what was not used again is kept.
const VERDICTS: u64 = 200;

/// What was found out about one run in one setting, for verdicts under other needs. It changes no bit of them.
#[derive(Debug)]
pub struct Recall {
    pub(crate) groups: Option<Groups>,
    pub(crate) memory: Memory,
    /// What each candidate knows where another is wrong: no need has a say in it.
    pub(crate) complementarity: OnceLock<Vec<Complementarity>>,
    /// The candidates on each slice.
    pub(crate) cells: OnceLock<Vec<Vec<Option<SliceCell>>>>,
    lasts: bool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    verdict: u64,
    seen: HashMap<(Policy, Looks), (u64, Arc<Seen>)>,
    points: HashMap<Policy, (u64, Arc<OnceLock<Points>>)>,
}

/// A policy over some candidates, with what an item costs with each candidate that is hosted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Policy {
    file: String,
    kind: PolicyKind,
    columns: Vec<usize>,
    costs: Vec<(usize, Option<u64>)>,
}

impl Recall {
    /// For many verdicts on the same trials: takes some tens of megabytes for ten thousand items.
    #[must_use]
    pub fn new(trials: &Trials) -> Self {
        let groups = groups(trials);
        Self { memory: Memory::lasting(groups.as_ref()), lasts: true, ..Self::with(groups) }
    }

    /// For one verdict.
    pub(crate) fn once(trials: &Trials) -> Self {
        Self::with(groups(trials))
    }

    fn with(groups: Option<Groups>) -> Self {
        Self {
            memory: Memory::new(groups.as_ref()),
            groups,
            complementarity: OnceLock::new(),
            cells: OnceLock::new(),
            lasts: false,
            kept: Mutex::default(),
        }
    }

    /// Begins a verdict, and forgets what many verdicts had no use for.
    pub(crate) fn begin(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.verdict += 1;
        let verdict = kept.verdict;
        kept.seen.retain(|_, (last, _)| *last + VERDICTS > verdict);
        kept.points.retain(|_, (last, _)| *last + VERDICTS > verdict);
    }

    /// How the outcomes of a policy look.
    pub(crate) fn seen(
        &self,
        trial: &Trial,
        costs: &[(usize, Option<f64>)],
        looks: Looks,
        look: impl FnOnce() -> Seen,
    ) -> Arc<Seen> {
        if !self.lasts {
            return Arc::new(look());
        }
        let key = (policy(trial, costs), looks);
        let find = || {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let verdict = kept.verdict;
            found(&mut kept.seen, &key, verdict)
        };
        // Looking takes several threads, and so is not done under the lock.
        find().unwrap_or_else(|| {
            let seen = Arc::new(look());
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let verdict = kept.verdict;
            kept.seen.insert(key, (verdict, seen.clone()));
            seen
        })
    }

    /// Where the points of a policy over its dials are, or will be.
    pub(crate) fn points(&self, trial: &Trial, costs: &[(usize, Option<f64>)]) -> Arc<OnceLock<Points>> {
        if !self.lasts {
            return Arc::default();
        }
        let key = policy(trial, costs);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = kept.verdict;
        if let Some(points) = found(&mut kept.points, &key, verdict) {
            return points;
        }
        let points = Arc::default();
        kept.points.insert(key, (verdict, Arc::clone(&points)));
        points
    }
}

fn found<K: Eq + Hash, T: Clone>(map: &mut HashMap<K, (u64, T)>, key: &K, verdict: u64) -> Option<T> {
    let (last, value) = map.get_mut(key)?;
    *last = verdict;
    Some(value.clone())
}

fn policy(trial: &Trial, costs: &[(usize, Option<f64>)]) -> Policy {
    Policy {
        file: trial.file(),
        kind: trial.kind,
        columns: trial.columns.clone(),
        costs: costs.iter().map(|(column, cost)| (*column, cost.map(f64::to_bits))).collect(),
    }
}

/// The groups of the items that everything is scored on.
fn groups(trials: &Trials) -> Option<Groups> {
    trials.scored().clusters.as_deref().map(Groups::new)
}

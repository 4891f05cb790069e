//! All policies that were tried, as they are saved.

use ordinate_core::verdict::Verdict;
use ordinate_core::{Dial, Policy};
use ordinate_trials::{Trials, single_file};

use crate::artefact::Artefact;
use crate::single::Single;
use crate::zero_router;

/// All policies that were tried on one evidence.
#[derive(Debug)]
pub struct Learned {
    /// What they did. Its candidates stand in the order of their names.
    pub trials: Trials,
    /// Each of them, learned from all items that may be learned from: what is saved and served.
    pub policies: Vec<Box<dyn Policy>>,
}

impl Learned {
    /// Every policy that was tried, every single and the zero routers, with the files in a run folder that they are saved in; the one that the
    /// verdict recommends first. Policies that the verdict does not speak of stand at the dial for quality alone.
    #[must_use]
    pub fn artefacts(self, verdict: &Verdict) -> Vec<(String, Artefact)> {
        let trials = self.trials.trials.iter().zip(self.policies).map(|(trial, policy)| {
            let row = verdict.policies.iter().find(|row| row.name == trial.name);
            let row = row.filter(|_| trial.serves(&verdict.needs));
            let dial = row.and_then(|row| row.dial).or(trial.dials.first().copied()).unwrap_or_default();
            let (mix, promise) = row.map_or((None, None), |row| (row.mix, row.promise.clone()));
            (trial.file(), Artefact { name: trial.name.clone(), policy, dial, mix, promise })
        });
        let all = || self.trials.candidates.iter().map(|candidate| candidate.name.as_str());
        let singles = self.trials.candidates.iter().map(|candidate| {
            let policy = Box::new(Single::new(candidate.name.clone()));
            let (name, dial) = (candidate.name.to_string(), Dial::default());
            (single_file(&name, all()), Artefact { name, policy, dial, mix: None, promise: None })
        });
        let mut artefacts: Vec<(String, Artefact)> = trials.chain(singles).collect();
        artefacts.extend(zero_router::artefacts(&self.trials.candidates, verdict));
        let first = verdict.recommended.as_ref().and_then(|recommended| recommended.file.as_deref());
        artefacts.sort_by_key(|(file, _)| Some(file.as_str()) != first);
        artefacts
    }
}

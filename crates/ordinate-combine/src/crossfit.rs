//! Cross-fitting: whatever a policy does with an item comes from a fit that never saw the item. No needs are looked at.

use ordinate_core::evidence::{Part, View};
use ordinate_core::verdict::Verdict;
use ordinate_core::{Dial, Evidence, Policy, Row};
use ordinate_trials::{Board, Calibration, Folding, Outlay, Plays, Tested, Trial, Trials, single_file};
use rayon::prelude::*;

use crate::artefact::Artefact;
use crate::calibrate::calibrated;
use crate::error::{CombineError, NotApplicable};
use crate::folds::Folds;
use crate::learner::{Context, Learner};
use crate::replay::record;
use crate::single::Single;

/// How policies are tried.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Folds wanted.
    pub folds: u32,
    /// Seed of whatever is random.
    pub seed: u64,
}

/// All policies that were tried on one evidence.
#[derive(Debug)]
pub struct Learned {
    /// What they did.
    pub trials: Trials,
    /// Each of them, learned from all items that may be learned from: what is saved and served.
    pub policies: Vec<Box<dyn Policy>>,
}

impl Learned {
    /// Every policy that was tried and every single, with the files in a run folder that they are saved in; the one that the
    /// verdict recommends first. Policies that the verdict does not speak of stand at the dial for quality alone.
    #[must_use]
    pub fn artefacts(self, verdict: &Verdict) -> Vec<(String, Artefact)> {
        let trials = self.trials.trials.iter().zip(self.policies).map(|(trial, policy)| {
            let row = verdict.policies.iter().find(|row| row.name == trial.name);
            let row = row.filter(|_| trial.serves(&verdict.needs));
            let dial = row.and_then(|row| row.dial).or(trial.dials.first().copied()).unwrap_or_default();
            let promise = row.and_then(|row| row.promise.clone());
            (trial.file(), Artefact { name: trial.name.clone(), policy, dial, promise })
        });
        let singles = self.trials.candidates.iter().map(|candidate| {
            let policy = Box::new(Single::new(candidate.name.clone()));
            let (name, dial) = (candidate.name.to_string(), Dial::default());
            (single_file(&name), Artefact { name, policy, dial, promise: None })
        });
        let mut artefacts: Vec<(String, Artefact)> = trials.chain(singles).collect();
        let first = verdict.recommended.as_ref().and_then(|recommended| recommended.file.as_deref());
        artefacts.sort_by_key(|(file, _)| Some(file.as_str()) != first);
        artefacts
    }
}

/// Tries every learner on the evidence in `view`: cross-fitted, or fitted on train and scored on test where
/// the items say so.
///
/// # Errors
/// [`CombineError`] when the items cannot be folded.
pub fn learn(view: &View<'_>, learners: &[Box<dyn Learner>], plan: &Plan) -> Result<Learned, CombineError> {
    let evidence = view.evidence;
    let by_parts = evidence.items().has_parts();
    let of_part = |part| View {
        evidence,
        rows: view
            .rows
            .iter()
            .copied()
            .filter(|&row| !by_parts || evidence.items().part(row) == Some(part))
            .collect(),
    };
    let learn = of_part(Part::Train);
    let test = by_parts.then(|| of_part(Part::Test));
    let folds = Folds::deal(&learn, plan.folds, plan.seed)?;
    let parts: Vec<(View<'_>, Vec<usize>)> = (0..folds.count).map(|fold| folds.split(&learn, fold)).collect();
    let crossed = Crossed { learn: &learn, test: test.as_ref(), parts: &parts, plan };

    let (mut trials, mut policies, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for learner in learners {
        match learner.applies(evidence).and_then(|()| crossed.try_one(learner.as_ref())) {
            Ok(tried) => {
                for (trial, policy) in tried {
                    trials.push(trial);
                    policies.push(policy);
                }
            }
            Err(reason) => skipped.push(reason),
        }
    }
    let board = |view: &View<'_>| Board::new(evidence, &view.rows, dense_groups(view));
    let trials = Trials {
        candidates: evidence.candidates().to_vec(),
        slices: evidence.items().slices().names().iter().map(str::to_owned).collect(),
        learn: board(&learn),
        test: test.as_ref().map(board),
        foldings: vec![Folding { of: folds.of, count: folds.count }],
        trials,
        skipped,
    };
    Ok(Learned { trials, policies })
}

/// A trial and the policy learned from all items.
type Tried = (Trial, Box<dyn Policy>);

struct Crossed<'a> {
    learn: &'a View<'a>,
    test: Option<&'a View<'a>>,
    parts: &'a [(View<'a>, Vec<usize>)],
    plan: &'a Plan,
}

impl Crossed<'_> {
    fn rows_at(&self, positions: &[usize]) -> Vec<Row> {
        positions.iter().map(|&position| self.learn.rows[position]).collect()
    }

    /// The policy of a learner for each outlay that is known, and with and without items kept for a promise.
    fn try_one(&self, learner: &dyn Learner) -> Result<Vec<Tried>, NotApplicable> {
        let evidence = self.learn.evidence;
        let latency = learner.trades_outlay() && Outlay::Latency.is_known(evidence);
        let mut outlays = vec![(Outlay::Cost, latency.then_some(Outlay::Cost))];
        if latency {
            outlays.push((Outlay::Latency, Some(Outlay::Latency)));
        }
        let mut tried = Vec::new();
        for (outlay, only_for) in outlays {
            let context = Context { outlay, seed: self.plan.seed };
            let (mut trial, policy) = self.fitted(learner, &context)?;
            trial.outlay = only_for;
            let promising = learner.promises().then(|| self.promising(learner, &context).ok()).flatten();
            trial.has_twin = promising.is_some();
            tried.push((trial, policy));
            if let Some((mut trial, policy)) = promising {
                (trial.outlay, trial.has_twin) = (only_for, true);
                tried.push((trial, policy));
            }
        }
        Ok(tried)
    }

    fn fitted(&self, learner: &dyn Learner, context: &Context) -> Result<Tried, NotApplicable> {
        let dials = learner.dials(self.learn.evidence, context);
        let crossed: Vec<Box<dyn Policy>> =
            self.parts.par_iter().map(|(train, _)| learner.fit(train, context)).collect::<Result<_, _>>()?;
        let whole = learner.fit(self.learn, context)?;
        Ok(self.tried(learner, &dials, &crossed, whole))
    }

    fn promising(&self, learner: &dyn Learner, context: &Context) -> Result<Tried, NotApplicable> {
        let dials = learner.dials(self.learn.evidence, context);
        let mut position_of = vec![u32::MAX; self.learn.evidence.len()];
        for (position, &row) in (0..).zip(&self.learn.rows) {
            position_of[row] = position;
        }
        let fit = |train: &View<'_>| {
            let fitted = calibrated(learner, train, context, &dials)?;
            let items = fitted.rows.iter().map(|&row| position_of[row]).collect();
            Ok((fitted.policy, Tested { items, plays: fitted.plays }))
        };
        let crossed: Vec<(Box<dyn Policy>, Tested)> =
            self.parts.par_iter().map(|(train, _)| fit(train)).collect::<Result<_, _>>()?;
        let (crossed, folds): (Vec<_>, Vec<_>) = crossed.into_iter().unzip();
        let (policy, whole) = fit(self.learn)?;
        let (mut trial, policy) = self.tried(learner, &dials, &crossed, policy);
        trial.calibration = Some(Calibration { dials, folds: vec![folds], whole });
        Ok((trial, policy))
    }

    /// Plays every fold with the policy that did not see it, and the test items with that of all.
    fn tried(
        &self,
        learner: &dyn Learner,
        dials: &[Dial],
        crossed: &[Box<dyn Policy>],
        whole: Box<dyn Policy>,
    ) -> Tried {
        let evidence = self.learn.evidence;
        let len = self.learn.rows.len();
        let two = evidence.candidates().len() == 2;
        let mut plays = Plays::unknown(dials.len(), len);
        let mut advantage = vec![f64::NAN; if two { len } else { 0 }];
        for ((_, held_out), policy) in self.parts.iter().zip(crossed) {
            let rows = self.rows_at(held_out);
            plays.scatter(&record(policy.as_ref(), evidence, &rows, dials), held_out);
            if two {
                for (&position, expected) in held_out.iter().zip(advantages(policy.as_ref(), evidence, &rows))
                {
                    advantage[position] = expected;
                }
            }
        }
        let kept = plays.distinct();
        let dials: Vec<Dial> = kept.iter().map(|&dial| dials[dial]).collect();
        let on_test = self.test.map(|test| record(whole.as_ref(), evidence, &test.rows, &dials));
        if let Some(test) = self.test.filter(|_| two) {
            advantage = advantages(whole.as_ref(), evidence, &test.rows);
        }
        let trial = Trial {
            name: learner.name(),
            kind: learner.kind(),
            outlay: None,
            dials,
            plays: vec![plays.at(&kept)],
            on_test,
            advantage,
            calibration: None,
            has_twin: false,
        };
        (trial, whole)
    }
}

/// How much better a policy over two candidates expects the second to be, per row.
fn advantages(policy: &dyn Policy, evidence: &Evidence, rows: &[Row]) -> Vec<f64> {
    let of_row = |&row: &Row| match policy.think(&evidence.items().query(row)).quality[..] {
        [first, second] => second - first,
        _ => f64::NAN,
    };
    rows.par_iter().map(of_row).collect()
}

/// Dense group numbers of the rows in view; rows without a group are groups of their own.
#[must_use]
pub fn dense_groups(view: &View<'_>) -> Option<Vec<u32>> {
    let groups = view.evidence.items().groups();
    if groups.names().is_empty() {
        return None;
    }
    let mut dense = vec![u32::MAX; groups.names().len()];
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        next - 1
    };
    let number = |&row: &Row| match dense.get_mut(groups.codes()[row] as usize) {
        Some(slot) if *slot == u32::MAX => {
            *slot = fresh();
            *slot
        }
        Some(slot) => *slot,
        None => fresh(),
    };
    Some(view.rows.iter().map(number).collect())
}

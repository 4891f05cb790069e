//! Cross-fitting: every outcome comes from a policy that never saw the item, and from a dial that was chosen
//! without its fold.

use ordinate_core::evidence::{Part, View};
use ordinate_core::verdict::Promise;
use ordinate_core::{Dial, Evidence, Needs, Policy, PolicyKind, Row};
use rayon::prelude::*;

use crate::choose::choose_dial;
use crate::error::{CombineError, NotApplicable};
use crate::folds::Folds;
use crate::learner::{Context, Learner};
use crate::promise;
use crate::replay::{Played, replay};

/// One policy that was tried: what it scored on items that it had not seen, and the artefact learned from
/// all of them.
#[derive(Debug)]
pub struct Trial {
    /// Unique name.
    pub name: String,
    /// Kind.
    pub kind: PolicyKind,
    /// Learned from all items that may be learned from: what is saved and served.
    pub policy: Box<dyn Policy>,
    /// The dial that the needs choose, from all outcomes of the curve.
    pub dial: Dial,
    /// What is promised of the policy at this dial, where the needs have a margin and the kind makes promises.
    pub promise: Option<Promise>,
    /// The outcome per evaluated row; each fold at the dial that the other folds chose.
    pub played: Played,
    /// The outcomes at every dial, cross-fitted.
    pub curve: Vec<(Dial, Played)>,
    /// Between two candidates: how much better the policy expects the second to be, per evaluated row, from
    /// policies that never saw the row. NaN where it expects nothing; empty with other than two candidates.
    pub advantage: Vec<f64>,
}

/// All policies that were tried on one evidence.
#[derive(Debug)]
pub struct Trials {
    /// The evaluated rows of the evidence; every [`Played`] has an entry for each.
    pub rows: Vec<Row>,
    /// The fold of each evaluated row; all 0 where the task names train and test.
    pub fold_of: Vec<u32>,
    /// Folds; `None` where the task names train and test.
    pub folds: Option<u32>,
    /// Dense group number per evaluated row, where items are clustered.
    pub clusters: Option<Vec<u32>>,
    /// The best single, chosen on training items only.
    pub best_single: Played,
    /// The policies, in the order of their learners.
    pub trials: Vec<Trial>,
    /// Kinds that this evidence does not allow, and why.
    pub skipped: Vec<NotApplicable>,
}

/// How policies are tried.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// What is looked for; chooses dials.
    pub needs: &'a Needs,
    /// Folds wanted.
    pub folds: u32,
    /// What learners are told.
    pub context: Context,
    /// Candidates that keep the hard needs and may therefore be the best single; one flag a column. Where
    /// none does, all may.
    pub eligible: Vec<bool>,
}

/// Tries every learner on the evidence in `view`: cross-fitted, or fitted on train and scored on test where
/// the items say so.
///
/// # Errors
/// [`CombineError`] when the items cannot be folded.
pub fn try_all(
    view: &View<'_>,
    learners: &[Box<dyn Learner>],
    plan: &Plan<'_>,
) -> Result<Trials, CombineError> {
    let by_parts = view.evidence.items().has_parts();
    let of_part = |part| View {
        evidence: view.evidence,
        rows: view
            .rows
            .iter()
            .copied()
            .filter(|&row| !by_parts || view.evidence.items().part(row) == Some(part))
            .collect(),
    };
    let learn = of_part(Part::Train);
    let folds = Folds::deal(&learn, plan.folds, plan.context.seed)?;
    let parts: Vec<(View<'_>, Vec<usize>)> = (0..folds.count).map(|fold| folds.split(&learn, fold)).collect();
    let clusters = dense_groups(&learn);
    let crossed =
        Crossed { learn: &learn, folds: &folds, parts: &parts, clusters: clusters.as_deref(), plan };

    let best_single = crossed.best_single();
    let mut trials = Vec::new();
    let mut skipped = Vec::new();
    for learner in learners {
        let tried =
            learner.applies(view.evidence).and_then(|()| crossed.try_one(learner.as_ref(), &best_single));
        match tried {
            Ok(trial) => trials.push(trial),
            Err(reason) => skipped.push(reason),
        }
    }
    if !by_parts {
        return Ok(Trials {
            rows: learn.rows.clone(),
            fold_of: folds.of.clone(),
            folds: Some(folds.count),
            clusters,
            best_single,
            trials,
            skipped,
        });
    }
    // The dials were chosen within train; everything is now scored on test.
    let test = of_part(Part::Test);
    for trial in &mut trials {
        let dials: Vec<Dial> = trial.curve.iter().map(|(dial, _)| *dial).collect();
        let played = replay(trial.policy.as_ref(), test.evidence, &test.rows, &dials);
        trial.curve = dials.into_iter().zip(played).collect();
        if !trial.advantage.is_empty() {
            trial.advantage = advantages(trial.policy.as_ref(), test.evidence, &test.rows);
        }
        trial.played = trial
            .curve
            .iter()
            .find(|(dial, _)| *dial == trial.dial)
            .map_or_else(|| Played::unknown(test.rows.len()), |(_, played)| played.clone());
    }
    let best = best_column(&learn, &plan.eligible);
    Ok(Trials {
        best_single: Played::single(test.evidence, best, &test.rows),
        fold_of: vec![0; test.rows.len()],
        folds: None,
        clusters: dense_groups(&test),
        rows: test.rows,
        trials,
        skipped,
    })
}

struct Crossed<'a> {
    learn: &'a View<'a>,
    folds: &'a Folds,
    parts: &'a [(View<'a>, Vec<usize>)],
    clusters: Option<&'a [u32]>,
    plan: &'a Plan<'a>,
}

impl Crossed<'_> {
    fn rows_at(&self, positions: &[usize]) -> Vec<Row> {
        positions.iter().map(|&position| self.learn.rows[position]).collect()
    }

    fn best_single(&self) -> Played {
        let mut all = Played::unknown(self.learn.rows.len());
        for (train, held_out) in self.parts {
            let best = best_column(train, &self.plan.eligible);
            all.scatter(&Played::single(self.learn.evidence, best, &self.rows_at(held_out)), held_out);
        }
        all
    }

    fn try_one(&self, learner: &dyn Learner, best_single: &Played) -> Result<Trial, NotApplicable> {
        let context = &self.plan.context;
        let dials = learner.dials(self.learn.evidence, context);
        let margin = self.plan.needs.promised_margin().filter(|_| learner.promises());
        let fit = |train: &View<'_>| match margin {
            Some(margin) => promise::fit(learner, train, context, margin, &self.plan.eligible),
            None => Ok((learner.fit(train, context)?, None)),
        };
        let fitted: Vec<promise::Kept> =
            self.parts.par_iter().map(|(train, _)| fit(train)).collect::<Result<_, _>>()?;
        let (policy, promise) = fit(self.learn)?;
        let len = self.learn.rows.len();
        let mut curve = vec![Played::unknown(len); dials.len()];
        let mut advantage = vec![f64::NAN; if self.learn.evidence.candidates().len() == 2 { len } else { 0 }];
        // Fold by fold, each in parallel within: a million items at every dial take a gigabyte.
        for ((_, held_out), (policy, _)) in self.parts.iter().zip(&fitted) {
            let rows = self.rows_at(held_out);
            for (all, fold) in
                curve.iter_mut().zip(replay(policy.as_ref(), self.learn.evidence, &rows, &dials))
            {
                all.scatter(&fold, held_out);
            }
            if !advantage.is_empty() {
                for (&position, expected) in
                    held_out.iter().zip(advantages(policy.as_ref(), self.learn.evidence, &rows))
                {
                    advantage[position] = expected;
                }
            }
        }
        let (dials, curve) = distinct(dials, curve);

        let choose = |positions: &[usize]| {
            choose_dial(&curve, &best_single.quality, positions, self.clusters, self.plan.needs)
        };
        // All dials up to the promised one passed their test, so that the needs may choose among them.
        let promised = |promise: &Option<Promise>| {
            let most = promise.as_ref().map_or(f64::INFINITY, |promise| promise.dial.0);
            dials.partition_point(|dial| dial.0 <= most).saturating_sub(1)
        };
        let mut played = Played::unknown(len);
        for ((fold, (_, held_out)), (_, promise)) in (0..self.folds.count).zip(self.parts).zip(&fitted) {
            let others: Vec<usize> = (0..len).filter(|&position| self.folds.of[position] != fold).collect();
            let chosen = &curve[choose(&others).min(promised(promise))];
            for &position in held_out {
                played.copy_entry(position, chosen, position);
            }
        }
        let dial = dials[choose(&(0..len).collect::<Vec<_>>()).min(promised(&promise))];
        let curve = dials.into_iter().zip(curve).collect();
        Ok(Trial {
            name: learner.name(),
            kind: learner.kind(),
            policy,
            dial,
            promise,
            played,
            curve,
            advantage,
        })
    }
}

/// The column with the highest mean score on these rows among the eligible ones; errors count as 0, ties go to
/// the first.
#[must_use]
pub fn best_column(view: &View<'_>, eligible: &[bool]) -> usize {
    let anybody = !eligible.contains(&true);
    let mut best = (0, f64::NEG_INFINITY);
    for column in 0..view.evidence.candidates().len() {
        if !anybody && !eligible.get(column).copied().unwrap_or(true) {
            continue;
        }
        let answers = view.evidence.answers(column);
        let (mut sum, mut count) = (0.0, 0_usize);
        for &row in &view.rows {
            if answers.status(row) != ordinate_core::Status::Missing {
                sum += answers.score(row).unwrap_or(0.0);
                count += 1;
            }
        }
        // Answers to less than half of the items do not stand for all.
        let mean = if 2 * count <= view.rows.len() { f64::NEG_INFINITY } else { sum / count as f64 };
        if mean > best.1 {
            best = (column, mean);
        }
    }
    best.0
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

/// Leaves out dials whose outcome is that of the dial before.
fn distinct(dials: Vec<Dial>, curve: Vec<Played>) -> (Vec<Dial>, Vec<Played>) {
    let mut kept: (Vec<Dial>, Vec<Played>) = Default::default();
    let bits = |played: &Played| played.quality.iter().map(|q| q.to_bits()).collect::<Vec<_>>();
    for (dial, played) in dials.into_iter().zip(curve) {
        let same = kept.1.last().is_some_and(|last| {
            last.given == played.given && last.asked == played.asked && bits(last) == bits(&played)
        });
        if !same {
            kept.0.push(dial);
            kept.1.push(played);
        }
    }
    kept
}

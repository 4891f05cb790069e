//! Cross-fitting: whatever a policy does with an item comes from a fit that never saw the item. No needs are looked at,
//! and neither the order of the items nor that of the candidates makes a difference.

use ordinate_core::evidence::{Part, View};
use ordinate_core::verdict::Verdict;
use ordinate_core::{Dial, Evidence, Policy, Row};
use ordinate_trials::{
    Board, Calibration, Curve, Folding, Outlay, Plays, Priced, Tested, Trial, Trials, single_file,
};
use rayon::prelude::*;

use crate::alike::grouped;
use crate::artefact::Artefact;
use crate::calibrate::calibrated;
use crate::error::{CombineError, NotApplicable};
use crate::folds::Folds;
use crate::learner::{Context, Learner};
use crate::order::{in_order, in_order_of_name};
use crate::pools::{Pool, pools};
use crate::replay::{record, record_each};
use crate::single::Single;
use crate::zero_router;

/// How policies are tried.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Folds wanted.
    pub folds: u32,
    /// Seed of whatever is random in learners. Folds are dealt by what is in the items.
    pub seed: u64,
}

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
        let singles = self.trials.candidates.iter().map(|candidate| {
            let policy = Box::new(Single::new(candidate.name.clone()));
            let (name, dial) = (candidate.name.to_string(), Dial::default());
            (single_file(&name), Artefact { name, policy, dial, mix: None, promise: None })
        });
        let mut artefacts: Vec<(String, Artefact)> = trials.chain(singles).collect();
        artefacts.extend(zero_router::artefacts(&self.trials.candidates, verdict));
        let first = verdict.recommended.as_ref().and_then(|recommended| recommended.file.as_deref());
        artefacts.sort_by_key(|(file, _)| Some(file.as_str()) != first);
        artefacts
    }
}

/// Tries every learner on the evidence in `view`, over all candidates and over those of each lineage and place
/// ([`pools`]): cross-fitted, or fitted on train and scored on test where the items say so.
///
/// # Errors
/// [`CombineError`] when the items cannot be folded.
pub fn learn(view: &View<'_>, learners: &[Box<dyn Learner>], plan: &Plan) -> Result<Learned, CombineError> {
    let (evidence, alike) = grouped(&in_order_of_name(view.evidence));
    let evidence = &evidence;
    let by_parts = evidence.items().has_parts();
    let of_part = |part| {
        let keep = |row: &Row| !by_parts || evidence.items().part(*row) == Some(part);
        in_order(View { evidence, rows: view.rows.iter().copied().filter(keep).collect() })
    };
    let learn = of_part(Part::Train);
    let test = by_parts.then(|| of_part(Part::Test));
    let board = |view: &View<'_>| Board::new(evidence, &view.rows, dense_groups(view));
    let learn_board = board(&learn);
    let deal = |number| {
        let folds = Folds::deal(&learn, plan.folds, number)?;
        Ok::<_, CombineError>(Folding { of: folds.of, count: folds.count })
    };
    let foldings: Vec<Folding> = (0..max_foldings(learn.rows.len())).map(deal).collect::<Result<_, _>>()?;
    let crossed =
        Crossed { learn: &learn, board: &learn_board, test: test.as_ref(), foldings: &foldings, plan };

    let (mut trials, mut policies, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    let pools = pools(evidence.candidates());
    for learner in learners {
        // One fit over all candidates serves every pool, or each has its own.
        let together = if learner.narrows() { pools.len() } else { 1 };
        for pools in pools.chunks(together.max(1)) {
            let among = evidence.with_candidates(&pools[0].columns);
            match learner.applies(&among).and_then(|()| crossed.try_all(learner.as_ref(), pools, &among)) {
                Ok(tried) => {
                    for (trial, policy) in tried {
                        trials.push(trial);
                        policies.push(policy);
                    }
                }
                Err(reason) if pools[0].columns.len() == evidence.candidates().len() => skipped.push(reason),
                Err(_) => {}
            }
        }
    }
    let trials = Trials {
        candidates: evidence.candidates().to_vec(),
        slices: evidence.items().slices().names().iter().map(str::to_owned).collect(),
        test: test.as_ref().map(board),
        learn: learn_board,
        foldings,
        trials,
        skipped,
        alike,
    };
    Ok(Learned { trials, policies })
}

/// How often items are dealt into folds, at most: the fewer items, the more hangs on the dealing.
fn max_foldings(items: usize) -> u64 {
    match items {
        0..=1_000 => 8,
        1_001..=5_000 => 4,
        _ => 1,
    }
}

/// A trial and the policy learned from all items.
type Tried = (Trial, Box<dyn Policy>);

/// What a policy did with all items in one folding, and what tested the policies of its folds.
type Round = (Plays, Vec<f64>, Vec<Tested>);

struct Crossed<'a> {
    learn: &'a View<'a>,
    board: &'a Board,
    test: Option<&'a View<'a>>,
    foldings: &'a [Folding],
    plan: &'a Plan,
}

/// One learner among the candidates of one pool, and of others that its fit serves.
struct Among<'a> {
    learner: &'a dyn Learner,
    /// The pool that it is fitted over, and those that it serves besides: some of its candidates each.
    pools: &'a [Pool],
    learn: View<'a>,
    context: Context,
    /// Those of each pool.
    dials: Vec<Vec<Dial>>,
    /// Whether some items are kept to test the dials.
    promising: bool,
}

impl Among<'_> {
    /// The places of a pool's candidates among those that were learned from; `None` for all of them.
    fn places(&self, pool: usize) -> Option<&[usize]> {
        (pool > 0).then(|| self.pools[pool].columns.as_slice())
    }
}

impl Crossed<'_> {
    /// The policies of a learner for each pool and outlay that is known, and with and without items kept for a promise.
    fn try_all(
        &self,
        learner: &dyn Learner,
        pools: &[Pool],
        evidence: &Evidence,
    ) -> Result<Vec<Tried>, NotApplicable> {
        let latency = learner.trades_outlay() && Outlay::Latency.is_known(evidence);
        let mut outlays = vec![(Outlay::Cost, latency.then_some(Outlay::Cost))];
        if latency {
            outlays.push((Outlay::Latency, Some(Outlay::Latency)));
        }
        let mut tried = Vec::new();
        for (outlay, only_for) in outlays {
            let context = Context { outlay, seed: self.plan.seed };
            let learn = View { evidence, rows: self.learn.rows.clone() };
            let of =
                |pool: &Pool| learner.dials(&self.learn.evidence.with_candidates(&pool.columns), &context);
            let dials = pools.iter().map(of).collect();
            let mut among = Among { learner, pools, learn, context, dials, promising: false };
            let plain = self.tried(&among)?;
            among.promising = true;
            let promising = learner.promises().then(|| self.tried(&among).ok()).flatten();
            let has_twin = promising.is_some();
            for (mut trial, policy) in plain.into_iter().chain(promising.into_iter().flatten()) {
                (trial.outlay, trial.has_twin) = (only_for, has_twin);
                tried.push((trial, policy));
            }
        }
        Ok(tried)
    }

    /// Plays every fold with the policy that did not see it, and the test items with that of all: for each pool.
    fn tried(&self, among: &Among<'_>) -> Result<Vec<Tried>, NotApplicable> {
        let (whole, tested) = self.fit(among, &among.learn)?;
        let mut rounds: Vec<Vec<Round>> = among.pools.iter().map(|_| Vec::new()).collect();
        for folding in self.foldings {
            let open: Vec<usize> =
                (0..rounds.len()).filter(|&pool| !self.is_settled(&rounds[pool])).collect();
            if open.is_empty() {
                break;
            }
            for (&pool, round) in open.iter().zip(self.round(among, folding, &open)?) {
                rounds[pool].push(round);
            }
        }
        let narrowed = |pool: usize| among.places(pool).and_then(|places| whole.narrowed(places));
        let others: Vec<Box<dyn Policy>> = (1..rounds.len()).filter_map(narrowed).collect();
        let all = std::iter::once((whole, tested)).chain(others.into_iter().map(|policy| (policy, None)));
        let tried = all.zip(rounds).enumerate();
        Ok(tried
            .map(|(pool, ((whole, tested), rounds))| self.trial(among, pool, whole, tested, rounds))
            .collect())
    }

    /// What a policy did in the rounds of a pool.
    fn trial(
        &self,
        among: &Among<'_>,
        pool: usize,
        whole: Box<dyn Policy>,
        tested: Option<Tested>,
        rounds: Vec<Round>,
    ) -> Tried {
        let (own, all_dials) = (&among.pools[pool], &among.dials[pool]);
        let mut kept: Vec<usize> = rounds.iter().flat_map(|(plays, ..)| plays.distinct()).collect();
        kept.sort_unstable();
        kept.dedup();
        let dials: Vec<Dial> = kept.iter().map(|&dial| all_dials[dial]).collect();
        let full = self.learn.evidence;
        let on_test = self.test.map(|test| record(whole.as_ref(), full, &test.rows, &dials));
        let mut advantage = rounds.first().map(|(_, advantage, _)| advantage.clone()).unwrap_or_default();
        if let Some(test) = self.test.filter(|_| !advantage.is_empty()) {
            advantage = advantages(whole.as_ref(), full, &test.rows);
        }
        let (plays, folds): (Vec<Plays>, Vec<Vec<Tested>>) =
            rounds.into_iter().map(|(plays, _, tested)| (plays.at(&kept), tested)).unzip();
        let calibration = tested.map(|whole| Calibration { dials: all_dials.clone(), folds, whole });
        let name = match own.name.as_str() {
            "all" => among.learner.name(),
            pool => format!("{}@{}", among.learner.name(), pool.replace(' ', "-")),
        };
        let trial = Trial {
            name,
            kind: among.learner.kind(),
            pool: own.name.clone(),
            columns: own.columns.clone(),
            outlay: None,
            dials,
            plays,
            on_test,
            advantage,
            calibration,
            has_twin: false,
        };
        (trial, whole)
    }

    /// One folding: five fits, each played over the fold that it did not see, for each of these pools.
    fn round(
        &self,
        among: &Among<'_>,
        folding: &Folding,
        open: &[usize],
    ) -> Result<Vec<Round>, NotApplicable> {
        let full = self.learn.evidence;
        let len = self.learn.rows.len();
        let two = full.candidates().len() == 2;
        let fit = |fold: u32| {
            let inside = |position: &usize| folding.of[*position] == fold;
            let (held_out, train): (Vec<usize>, Vec<usize>) = (0..len).partition(inside);
            let rows = train.iter().map(|&position| self.learn.rows[position]).collect();
            let (policy, tested) = self.fit(among, &View { evidence: among.learn.evidence, rows })?;
            Ok((held_out, policy, tested))
        };
        type Fitted = (Vec<usize>, Box<dyn Policy>, Option<Tested>);
        let fitted: Vec<Fitted> =
            (0..folding.count).into_par_iter().map(fit).collect::<Result<_, NotApplicable>>()?;
        let each: Vec<(Option<&[usize]>, &[Dial])> =
            open.iter().map(|&pool| (among.places(pool), among.dials[pool].as_slice())).collect();
        let blank = |(_, dials): &(_, &[Dial])| (Plays::unknown(dials.len(), len), Vec::new(), Vec::new());
        let mut rounds: Vec<Round> = each.iter().map(blank).collect();
        let mut advantage = vec![f64::NAN; if two { len } else { 0 }];
        let mut all_tested = Vec::new();
        for (held_out, policy, tested) in fitted {
            let rows: Vec<Row> = held_out.iter().map(|&position| self.learn.rows[position]).collect();
            let played = record_each(policy.as_ref(), full, &rows, &each);
            for ((plays, ..), played) in rounds.iter_mut().zip(&played) {
                plays.scatter(played, &held_out);
            }
            if two {
                for (&position, expected) in held_out.iter().zip(advantages(policy.as_ref(), full, &rows)) {
                    advantage[position] = expected;
                }
            }
            all_tested.extend(tested);
        }
        // Both are of the policy over the pool that was learned from, which stands first while it is open.
        if let (Some((_, first, tested)), Some(0)) = (rounds.first_mut(), open.first()) {
            (*first, *tested) = (advantage, all_tested);
        }
        Ok(rounds)
    }

    fn fit(
        &self,
        among: &Among<'_>,
        train: &View<'_>,
    ) -> Result<(Box<dyn Policy>, Option<Tested>), NotApplicable> {
        if !among.promising {
            return Ok((among.learner.fit(train, &among.context)?, None));
        }
        let fitted = calibrated(among.learner, train, &among.context)?;
        let mut position_of = vec![u32::MAX; self.learn.evidence.len()];
        for (position, &row) in (0..).zip(&self.learn.rows) {
            position_of[row] = position;
        }
        let items = fitted.rows.iter().map(|&row| position_of[row]).collect();
        // Among all candidates, as everything is kept.
        let plays = record(fitted.policy.as_ref(), self.learn.evidence, &fitted.rows, &among.dials[0]);
        Ok((fitted.policy, Some(Tested { items, plays })))
    }

    /// Whether one folding more would move the mean quality by little against its standard error: by less than a tenth.
    fn is_settled(&self, rounds: &[Round]) -> bool {
        const SMALL: f64 = 0.01;
        if rounds.len() < 2 {
            return false;
        }
        let priced = Priced::new(self.board, &[]);
        let of_round = |curve: Curve<'_>| -> Vec<f64> {
            (0..curve.len()).map(|item| curve.quality(0, item)).filter(|quality| !quality.is_nan()).collect()
        };
        let scores: Vec<Vec<f64>> = rounds.iter().map(|(plays, ..)| of_round(priced.curve(plays))).collect();
        let moments = |values: &[f64]| {
            let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
            let squares: f64 = values.iter().map(|value| (value - sum / count).powi(2)).sum();
            (sum / count, squares / (count - 1.0).max(1.0))
        };
        let (_, between) = moments(&scores.iter().map(|scores| moments(scores).0).collect::<Vec<_>>());
        let (_, within) = moments(&scores[0]);
        between / rounds.len() as f64 <= SMALL * within / scores[0].len().max(1) as f64
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

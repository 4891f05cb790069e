//! Cross-fitting: whatever a policy does with an item comes from a fit that never saw the item. No needs are looked at,
//! and neither the order of the items nor that of the candidates makes a difference.

use ordinate_core::evidence::{Part, View};
use ordinate_core::{Dial, Evidence, Policy, Row};
use ordinate_trials::{Board, Calibration, Folding, Outlay, Plays, Tested, Trial, Trials};
use rayon::prelude::*;

use crate::alike::{dense_groups, grouped};
use crate::calibrate::calibrated;
use crate::error::{CombineError, NotApplicable};
use crate::folds::Folds;
use crate::learned::Learned;
use crate::learner::{Context, Learner};
use crate::order::{in_order, in_order_of_name, rows_of};
use crate::pools::{Pool, pools};
use crate::replay::{record, record_each};
use crate::settled::settled;

/// How policies are tried.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Folds wanted.
    pub folds: u32,
    /// Seed of whatever is random in learners. Folds are dealt by what is in the items.
    pub seed: u64,
}

/// Tries every learner on the evidence in `view`, over all candidates and over those of each lineage and place
/// ([`pools`]): cross-fitted, or fitted on train and scored on test where the items say so.
///
/// # Errors
/// [`CombineError`] when the items cannot be folded.
pub fn learn(view: &View<'_>, learners: &[Box<dyn Learner>], plan: &Plan) -> Result<Learned, CombineError> {
    learn_telling(view, learners, plan, &|_, _| {})
}

/// The same, and `told` is told how many of how many fits with all their folds are done.
///
/// # Errors
/// As [`learn`].
pub fn learn_telling(
    view: &View<'_>,
    learners: &[Box<dyn Learner>],
    plan: &Plan,
    told: &dyn Fn(usize, usize),
) -> Result<Learned, CombineError> {
    let (evidence, alike) = grouped(&in_order_of_name(view.evidence));
    let evidence = &evidence;
    let by_parts = evidence.items().has_parts();
    let of_part = |part| in_order(View { evidence, rows: rows_of(view, part) });
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
    // One fit over all candidates serves every pool, or each has its own.
    let together = |learner: &dyn Learner| if learner.narrows() { pools.len().max(1) } else { 1 };
    let fits = learners.iter().map(|learner| pools.len().div_ceil(together(learner.as_ref()))).sum();
    let mut done = 0;
    for learner in learners {
        for pools in pools.chunks(together(learner.as_ref())) {
            told(done, fits);
            done += 1;
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
    told(done, fits);
    let trials = Trials {
        candidates: evidence.candidates().to_vec(),
        slices: evidence.items().slices().names().iter().map(str::to_owned).collect(),
        test: test.as_ref().map(board),
        rectified: None,
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

/// A policy, and what tests its dials.
type Fit = (Box<dyn Policy>, Option<Tested>);

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
    /// One for each outlay that is known.
    contexts: Vec<Context>,
    /// Those of each seat.
    dials: Vec<Vec<Dial>>,
    /// Whether some items are kept to test the dials.
    promising: bool,
}

/// A policy for one context over one pool: `context * pools + pool`.
type Seat = usize;

impl Among<'_> {
    fn context(&self, seat: Seat) -> usize {
        seat / self.pools.len()
    }

    fn pool(&self, seat: Seat) -> usize {
        seat % self.pools.len()
    }

    fn seats(&self) -> usize {
        self.contexts.len() * self.pools.len()
    }

    /// The places of a pool's candidates among those that were learned from; `None` for all of them.
    fn places(&self, seat: Seat) -> Option<&[usize]> {
        let pool = self.pool(seat);
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
        let outlays = if latency { vec![Outlay::Cost, Outlay::Latency] } else { vec![Outlay::Cost] };
        let contexts: Vec<Context> =
            outlays.iter().map(|&outlay| Context { outlay, seed: self.plan.seed }).collect();
        let learn = View { evidence, rows: self.learn.rows.clone() };
        let of = |context: &Context| -> Vec<Vec<Dial>> {
            let of_pool =
                |pool: &Pool| learner.dials(&self.learn.evidence.with_candidates(&pool.columns), context);
            pools.iter().map(of_pool).collect()
        };
        let dials = contexts.iter().flat_map(of).collect();
        let mut among = Among { learner, pools, learn, contexts, dials, promising: false };
        let plain = self.tried(&among)?;
        among.promising = true;
        let promising = learner.promises().then(|| self.tried(&among).ok()).flatten();
        let has_twin = promising.is_some();
        let mut tried = Vec::new();
        for (seat, (mut trial, policy)) in
            plain.into_iter().chain(promising.into_iter().flatten()).enumerate()
        {
            let outlay = outlays[among.context(seat % among.seats())];
            (trial.outlay, trial.has_twin) = (latency.then_some(outlay), has_twin);
            tried.push((trial, policy));
        }
        tried.sort_by_key(|(trial, _)| trial.outlay == Some(Outlay::Latency));
        Ok(tried)
    }

    /// Plays every fold with the policies that did not see it, and the test items with those of all: for each seat.
    fn tried(&self, among: &Among<'_>) -> Result<Vec<Tried>, NotApplicable> {
        let contexts: Vec<usize> = (0..among.contexts.len()).collect();
        let whole = self.fit(among, &among.learn, &contexts)?;
        let mut rounds: Vec<Vec<Round>> = (0..among.seats()).map(|_| Vec::new()).collect();
        for folding in self.foldings {
            let open: Vec<Seat> = (0..rounds.len())
                .filter(|&seat| !settled(self.board, rounds[seat].iter().map(|(plays, ..)| plays)))
                .collect();
            if open.is_empty() {
                break;
            }
            for (&seat, round) in open.iter().zip(self.round(among, folding, &open)?) {
                rounds[seat].push(round);
            }
        }
        let mut all = Vec::with_capacity(rounds.len());
        for (context, (whole, tested)) in whole.into_iter().enumerate() {
            let seats = context * among.pools.len()..(context + 1) * among.pools.len();
            let narrowed = |seat: Seat| among.places(seat).and_then(|places| whole.narrowed(places));
            let others: Vec<Box<dyn Policy>> = seats.skip(1).filter_map(narrowed).collect();
            all.push((whole, tested));
            all.extend(others.into_iter().map(|policy| (policy, None)));
        }
        let tried = all.into_iter().zip(rounds).enumerate();
        Ok(tried
            .map(|(seat, ((whole, tested), rounds))| self.trial(among, seat, whole, tested, rounds))
            .collect())
    }

    /// What a policy did in the rounds of its seat.
    fn trial(
        &self,
        among: &Among<'_>,
        seat: Seat,
        whole: Box<dyn Policy>,
        tested: Option<Tested>,
        rounds: Vec<Round>,
    ) -> Tried {
        let (own, all_dials) = (&among.pools[among.pool(seat)], &among.dials[seat]);
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

    /// One folding: five fits, each played over the fold that it did not see, for each of these seats.
    fn round(
        &self,
        among: &Among<'_>,
        folding: &Folding,
        open: &[Seat],
    ) -> Result<Vec<Round>, NotApplicable> {
        let full = self.learn.evidence;
        let len = self.learn.rows.len();
        let two = full.candidates().len() == 2;
        let mut contexts: Vec<usize> = open.iter().map(|&seat| among.context(seat)).collect();
        contexts.dedup();
        let fit = |fold: u32| {
            let inside = |position: &usize| folding.of[*position] == fold;
            let (held_out, train): (Vec<usize>, Vec<usize>) = (0..len).partition(inside);
            let rows = train.iter().map(|&position| self.learn.rows[position]).collect();
            Ok((held_out, self.fit(among, &View { evidence: among.learn.evidence, rows }, &contexts)?))
        };
        type Fitted = (Vec<usize>, Vec<Fit>);
        let fitted: Vec<Fitted> =
            (0..folding.count).into_par_iter().map(fit).collect::<Result<_, NotApplicable>>()?;
        let blank = |&seat: &Seat| -> Round {
            (Plays::unknown(among.dials[seat].len(), len), Vec::new(), Vec::new())
        };
        let mut rounds: Vec<Round> = open.iter().map(blank).collect();
        for (held_out, policies) in fitted {
            let rows: Vec<Row> = held_out.iter().map(|&position| self.learn.rows[position]).collect();
            for (&context, (policy, tested)) in contexts.iter().zip(policies) {
                let of_it: Vec<usize> =
                    (0..open.len()).filter(|&at| among.context(open[at]) == context).collect();
                let each: Vec<(Option<&[usize]>, &[Dial])> = of_it
                    .iter()
                    .map(|&at| (among.places(open[at]), among.dials[open[at]].as_slice()))
                    .collect();
                let played = record_each(policy.as_ref(), full, &rows, &each);
                for (&at, played) in of_it.iter().zip(&played) {
                    rounds[at].0.scatter(played, &held_out);
                }
                // Both are of the policy over the pool that was learned from, which stands first while it is open.
                let Some(&first) = of_it.first().filter(|&&at| among.pool(open[at]) == 0) else { continue };
                let (_, advantage, all_tested) = &mut rounds[first];
                if two {
                    advantage.resize(len, f64::NAN);
                    for (&position, expected) in held_out.iter().zip(advantages(policy.as_ref(), full, &rows))
                    {
                        advantage[position] = expected;
                    }
                }
                all_tested.extend(tested);
            }
        }
        Ok(rounds)
    }

    /// A policy for each of these contexts, and what tests it.
    fn fit(
        &self,
        among: &Among<'_>,
        train: &View<'_>,
        contexts: &[usize],
    ) -> Result<Vec<Fit>, NotApplicable> {
        let chosen: Vec<Context> = contexts.iter().map(|&context| among.contexts[context]).collect();
        if !among.promising {
            let fitted = among.learner.fit_each(train, &chosen)?;
            return Ok(fitted.into_iter().map(|policy| (policy, None)).collect());
        }
        let mut position_of = vec![u32::MAX; self.learn.evidence.len()];
        for (position, &row) in (0..).zip(&self.learn.rows) {
            position_of[row] = position;
        }
        let of = |(&context, which): (&Context, &usize)| {
            let fitted = calibrated(among.learner, train, &context)?;
            let items = fitted.rows.iter().map(|&row| position_of[row]).collect();
            // Among all candidates, as everything is kept.
            let dials = &among.dials[which * among.pools.len()];
            let plays = record(fitted.policy.as_ref(), self.learn.evidence, &fitted.rows, dials);
            Ok((fitted.policy, Some(Tested { items, plays })))
        };
        chosen.iter().zip(contexts).map(of).collect()
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

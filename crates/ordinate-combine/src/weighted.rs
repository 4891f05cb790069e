//! Weighted: candidates are asked at once, and the weighted mean of their answers is given where answers are numbers or
//! series and a mean can be scored (`means`), else the answer with the largest weighted agreement.
//!
//! The weights are those of greedy ensemble selection with replacement (Caruana et al. 2004, by AutoGluon's
//! rule: [`ordinate_learn::greedy`]) over the recorded scores of the answer that an ensemble would give,
//! less what the dial makes of the outlay of its members. They are selected for each slice with enough
//! training items, and once for all items. For labels this is a weighted vote.

use std::collections::BTreeMap;

use ordinate_core::column::Codes;
use ordinate_core::evidence::View;
use ordinate_core::{
    CandidateName, Dial, Evidence, Given, OutputKind, Policy, PolicyKind, Query, Row, Seen, Step, Thought,
};
use ordinate_learn::greedy;
use ordinate_trials::Outlay;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::by_slice::{BySlice, Expected};
use crate::error::NotApplicable;
use crate::learner::{Context, Learner};
use crate::means::{Mean, Means, mean};
use crate::medoid::{Comparing, Pairs, has_outputs, with_outputs};
use crate::vote::{answered_rows, point_of, refuse, sparse_dials, together};

/// Rounds of the selection; on LawBench 25 gave no more.
const ROUNDS: usize = 12;
/// Selections are tried from nothing and from this many of the best.
const STARTERS: usize = 3;
/// Candidates that a selection starts from: those with the best utility. One bit each in a byte.
const POOL: usize = 6;
/// The fewest training items of a slice that has weights of its own.
const SLICE_ROWS: usize = 100;
/// The same for series, whose items say more: many values each. On m3_finance the sMAPE over all values is 13.6 with it and
/// 13.8 without, on m3_general 11.7 and 11.8 (seven methods, five folds).
const SLICE_SERIES: usize = 40;
/// Training rows that weights are selected on: for all slices together, and for items of other slices.
const ROWS: usize = 6_000;
const ROWS_ELSEWHERE: usize = 1_500;

/// Learns [`Weighted`].
#[derive(Debug, Clone, Copy, Default)]
pub struct WeightedLearner;

impl Learner for WeightedLearner {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Weighted
    }

    fn applies(&self, evidence: &Evidence) -> Result<(), NotApplicable> {
        match with_outputs(evidence).len() {
            0 => Err(refuse(
                self.kind(),
                "the evidence has scores only; weights need what the candidates said",
            )),
            1 => Err(refuse(self.kind(), "weights need the answers of at least two candidates")),
            _ => Ok(()),
        }
    }

    fn dials(&self, evidence: &Evidence, context: &Context) -> Vec<Dial> {
        sparse_dials(evidence, context.outlay)
    }

    fn fit(&self, train: &View<'_>, context: &Context) -> Result<Box<dyn Policy>, NotApplicable> {
        Ok(Box::new(Weighted::fit(train, &self.dials(train.evidence, context), context)?))
    }
}

/// How often each member is in an ensemble.
type Members = Vec<(usize, u32)>;

/// Asks the members of an ensemble and gives the weighted mean of their answers, or the one with the largest weighted
/// agreement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weighted {
    outputs: OutputKind,
    /// Whether texts are compared by chrF.
    #[serde(default)]
    chrf: bool,
    /// Whether it gives the mean of answers, and not one of them.
    #[serde(default)]
    means: bool,
    expected: BySlice,
    /// Points of the curve, rising.
    dials: Vec<f64>,
    /// Per slice and point.
    slices: BTreeMap<String, Vec<Members>>,
    /// Per point, for items of other slices.
    elsewhere: Vec<Members>,
}

impl Weighted {
    /// Selects the weights for each of these dials.
    ///
    /// # Errors
    /// [`NotApplicable`] when these rows hold no outputs.
    pub fn fit(train: &View<'_>, dials: &[Dial], context: &Context) -> Result<Self, NotApplicable> {
        let evidence = train.evidence;
        if !has_outputs(train) {
            return Err(refuse(
                PolicyKind::Weighted,
                "none of the training items has an answer that was kept",
            ));
        }
        let comparing = Comparing::of(evidence);
        let Comparing { outputs, chrf } = comparing;
        let has_target = |&row: &Row| evidence.items().target(row).is_some();
        let means = outputs.has_means() && evidence.scores_merged() && train.rows.iter().all(has_target);
        let expected = BySlice::fit(train, context.outlay);
        let voters = with_outputs(evidence);
        let rows = answered_rows(train, &voters, ROWS, context.seed);
        let selection =
            Selection { evidence, comparing, means, voters: &voters, outlay: context.outlay, dials };
        let slices = evidence.items().slices();
        let mut by_slice: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
        for &row in rows.iter().filter(|&&row| slices.codes()[row] != Codes::NONE) {
            by_slice.entry(slices.get(row).unwrap_or_default()).or_default().push(row);
        }
        let fewest = if means && outputs == OutputKind::Series { SLICE_SERIES } else { SLICE_ROWS };
        by_slice.retain(|_, rows| rows.len() >= fewest);
        let slices = by_slice
            .into_par_iter()
            .map(|(slice, rows)| {
                (slice.to_owned(), selection.at_all_dials(&rows, expected.expected(Some(slice))))
            })
            .collect();
        let few = answered_rows(train, &voters, ROWS_ELSEWHERE, context.seed);
        let elsewhere = selection.at_all_dials(&few, expected.expected(None));
        let dials = dials.iter().map(|Dial(dial)| *dial).collect();
        Ok(Self { outputs, chrf, means, expected, dials, slices, elsewhere })
    }

    fn members(&self, slice: Option<&str>, dial: Dial) -> &[(usize, u32)] {
        let points = slice.and_then(|slice| self.slices.get(slice)).unwrap_or(&self.elsewhere);
        points.get(point_of(&self.dials, dial)).map_or(&[], Vec::as_slice)
    }
}

impl Policy for Weighted {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Weighted
    }

    fn candidates(&self) -> &[CandidateName] {
        self.expected.candidates()
    }

    fn think(&self, query: &Query<'_>) -> Thought {
        self.expected.think(query)
    }

    fn next(&self, query: &Query<'_>, thought: &mut Thought, seen: &[Seen<'_>], dial: Dial) -> Step {
        let members = self.members(query.slice, dial);
        if seen.is_empty() {
            return Step::Ask(members.iter().map(|(candidate, _)| *candidate).collect());
        }
        let weight = |candidate: usize| {
            members
                .iter()
                .find(|(member, _)| *member == candidate)
                .map_or(0.0, |(_, count)| f64::from(*count))
        };
        if self.means {
            match mean(self.outputs, seen, weight) {
                Mean::Merged(output) => return Step::Give(Given::Merged(output)),
                Mean::Of(candidate) => return Step::Give(Given::Answer(candidate)),
                Mean::Nothing => {}
            }
        }
        let quality = &thought.quality;
        let comparing = Comparing { outputs: self.outputs, chrf: self.chrf };
        let mut pairs = Pairs::new(comparing, quality.len(), &mut thought.memo);
        Step::Give(Given::Answer(pairs.medoid(seen, weight, |candidate| quality[candidate])))
    }

    fn save(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }
}

/// What every selection of one fit shares.
struct Selection<'a> {
    evidence: &'a Evidence,
    comparing: Comparing,
    means: bool,
    voters: &'a [usize],
    outlay: Outlay,
    dials: &'a [Dial],
}

impl Selection<'_> {
    fn at_all_dials(&self, rows: &[Row], expected: &Expected) -> Vec<Members> {
        let pools: Vec<Vec<usize>> = self.dials.iter().map(|&dial| self.pool(dial, expected)).collect();
        if self.means {
            let each = self.dials.iter().zip(&pools);
            return each.map(|(&dial, pool)| self.mean_at(dial, pool, rows, expected)).collect();
        }
        let mut all = pools.concat();
        all.sort_unstable();
        all.dedup();
        // Every text is read once, for all dials.
        let mut memos: Vec<Vec<f64>> = rows
            .par_iter()
            .with_min_len(64)
            .map(|&row| {
                let seen: Vec<Seen<'_>> =
                    all.iter().map(|&c| self.evidence.answers(c).seen(c, row)).collect();
                let mut memo = Vec::new();
                Pairs::new(self.comparing, expected.quality.len(), &mut memo).complete(&seen);
                memo
            })
            .collect();
        self.dials
            .iter()
            .zip(&pools)
            .map(|(&dial, pool)| self.at(dial, pool, rows, expected, &mut memos))
            .collect()
    }

    /// The candidates with the best utility, the best first.
    fn pool(&self, Dial(dial): Dial, expected: &Expected) -> Vec<usize> {
        let paid = |c: usize| expected.outlay.get(c).copied().unwrap_or(0.0);
        let utility = |c: usize| dial.mul_add(-paid(c), expected.quality[c]);
        let mut pool = self.voters.to_vec();
        pool.sort_by(|&a, &b| utility(b).total_cmp(&utility(a)));
        pool.truncate(POOL);
        // Ties go to the better one, here as when it is served.
        pool.sort_by(|&a, &b| expected.quality[b].total_cmp(&expected.quality[a]));
        pool
    }

    fn at(
        &self,
        Dial(dial): Dial,
        pool: &[usize],
        rows: &[Row],
        expected: &Expected,
        memos: &mut [Vec<f64>],
    ) -> Members {
        let paid = |&c: &usize| expected.outlay.get(c).copied().unwrap_or(0.0);
        let size = pool.len();
        let mut ensemble = Ensemble {
            scores: Vec::with_capacity(rows.len() * size),
            speaks: Vec::with_capacity(rows.len()),
            pairs: Vec::with_capacity(rows.len() * size * size),
            support: vec![0.0; rows.len() * size],
            counts: vec![0; size],
            outlays: pool.iter().map(paid).collect(),
            outlay: self.outlay,
            dial,
        };
        for (&row, memo) in rows.iter().zip(memos) {
            self.read(row, pool, expected.quality.len(), memo, &mut ensemble);
        }
        members(pool, &mut ensemble)
    }

    /// The members whose mean is given.
    fn mean_at(&self, Dial(dial): Dial, pool: &[usize], rows: &[Row], expected: &Expected) -> Members {
        let paid = |&c: &usize| expected.outlay.get(c).copied().unwrap_or(0.0);
        let outlays = pool.iter().map(paid).collect();
        members(pool, &mut Means::new(self.evidence, pool, rows, outlays, (self.outlay, dial)))
    }

    /// Reads one training item into the ensemble's tables.
    fn read(&self, row: Row, pool: &[usize], candidates: usize, memo: &mut Vec<f64>, to: &mut Ensemble) {
        let seen: Vec<Seen<'_>> = pool.iter().map(|&c| self.evidence.answers(c).seen(c, row)).collect();
        let mut pairs = Pairs::new(self.comparing, candidates, memo);
        pairs.complete(&seen);
        to.scores.extend(pool.iter().map(|&c| self.evidence.answers(c).score(row).unwrap_or(0.0)));
        // Failed answers (NaN) and odd ones have no voice.
        let speaks = |&(_, &c): &(usize, &usize)| pairs.of(c, c).is_finite();
        to.speaks
            .push(pool.iter().enumerate().filter(speaks).fold(0, |mask, (position, _)| mask | 1 << position));
        for &a in pool {
            to.pairs.extend(pool.iter().map(|&b| pairs.of(a, b)));
        }
    }
}

/// An ensemble that can begin anew.
pub(crate) trait Growing: greedy::Pool {
    /// Without members.
    fn clear(&mut self);
}

/// The members that are selected, from nothing or from the best few.
fn members(pool: &[usize], ensemble: &mut impl Growing) -> Members {
    let mut best = greedy::select(ensemble, &[], ROUNDS);
    if STARTERS <= pool.len() {
        ensemble.clear();
        let start: Vec<usize> = (0..STARTERS).collect();
        let other = greedy::select(ensemble, &start, ROUNDS);
        if other.loss < best.loss {
            best = other;
        }
    }
    let members: Members = pool.iter().copied().zip(best.counts).filter(|(_, count)| *count > 0).collect();
    // Without a single row every loss is undefined: then the best is asked.
    if members.is_empty() { vec![(pool[0], 1)] } else { members }
}

/// The ensemble while it grows. Tables go item by item; within one, candidates are in the order of the pool.
struct Ensemble {
    scores: Vec<f64>,
    /// Per item: who has a voice, as bits.
    speaks: Vec<u8>,
    /// How much the second of every two speaks for the first.
    pairs: Vec<f64>,
    /// How much the present ensemble speaks for each.
    support: Vec<f64>,
    counts: Vec<u32>,
    /// Expected outlay of each.
    outlays: Vec<f64>,
    outlay: Outlay,
    dial: f64,
}

impl Growing for Ensemble {
    fn clear(&mut self) {
        self.counts.fill(0);
        self.support.fill(0.0);
    }
}

impl Ensemble {
    /// The score of the answer that `members` would give, `added` one of them whose voice is not yet in the
    /// support. Ties go to the first, which is the better one; where no member speaks, the first's counts.
    fn score(&self, item: usize, members: &[usize], added: usize) -> f64 {
        let size = self.counts.len();
        let speaks = |c: usize| self.speaks[item] & (1 << c) != 0;
        let support = &self.support[item * size..(item + 1) * size];
        let with_added = |c: usize| self.pairs[(item * size + c) * size + added];
        let louder = speaks(added);
        let (mut most, mut given) = (f64::NEG_INFINITY, members[0]);
        for &c in members {
            if speaks(c) {
                let support = support[c] + if louder { with_added(c) } else { 0.0 };
                if most == f64::NEG_INFINITY || support > most + 1e-9 * most.abs() {
                    (most, given) = (support, c);
                }
            }
        }
        self.scores[item * size + given]
    }
}

impl greedy::Pool for Ensemble {
    fn len(&self) -> usize {
        self.counts.len()
    }

    fn loss(&self, candidate: usize) -> f64 {
        let members: Vec<usize> =
            (0..self.counts.len()).filter(|&c| self.counts[c] > 0 || c == candidate).collect();
        let sum: f64 = (0..self.speaks.len()).map(|item| self.score(item, &members, candidate)).sum();
        let mean = sum / self.speaks.len() as f64;
        let paid = together(self.outlay, members.iter().map(|&c| self.outlays[c]));
        self.dial.mul_add(paid, 1.0 - mean)
    }

    fn add(&mut self, candidate: usize) {
        let size = self.counts.len();
        self.counts[candidate] += 1;
        for (item, &speaks) in
            self.speaks.iter().enumerate().filter(|(_, speaks)| *speaks & (1 << candidate) != 0)
        {
            for c in (0..size).filter(|&c| speaks & (1 << c) != 0) {
                self.support[item * size + c] += self.pairs[(item * size + c) * size + candidate];
            }
        }
    }
}

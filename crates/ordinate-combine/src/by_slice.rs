//! By-slice: per slice, the candidate with the best shrunken mean on training items (domain lookup).
//!
//! This is the bar that every learned policy must clear. The means are shrunken because the best of many raw
//! means over few items is mostly luck: in a slice of 20 items a candidate must lead by much to be believed.

use std::collections::BTreeMap;

use ordinate_core::column::Codes;
use ordinate_core::evidence::{Status, View};
use ordinate_core::{CandidateName, Dial, Evidence, Given, Policy, PolicyKind, Query, Seen, Step, Thought};
use ordinate_score::shrink::{Observed, Shrunken};
use ordinate_trials::Outlay;
use serde::{Deserialize, Serialize};

use crate::error::NotApplicable;
use crate::learner::{Context, Learner};

/// Pseudo-items with the candidate's overall outlay that are added to each slice.
const OUTLAY_PRIOR_ITEMS: f64 = 5.0;

/// Learns [`BySlice`].
#[derive(Debug, Clone, Copy, Default)]
pub struct BySliceLearner;

impl Learner for BySliceLearner {
    fn kind(&self) -> PolicyKind {
        PolicyKind::BySlice
    }

    fn applies(&self, evidence: &Evidence) -> Result<(), NotApplicable> {
        if evidence.items().slices().names().len() >= 2 {
            return Ok(());
        }
        let why =
            "the items have fewer than two slices; name a slice field to have a lookup by slice".to_owned();
        Err(NotApplicable { kind: self.kind(), why })
    }

    fn fit(&self, train: &View<'_>, context: &Context) -> Result<Box<dyn Policy>, NotApplicable> {
        Ok(Box::new(BySlice::fit(train, context.outlay)))
    }
}

/// What is expected of every candidate, in policy order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Quality, in units of score.
    pub quality: Vec<f64>,
    /// Outlay per item, USD or milliseconds; empty where it is not known.
    pub outlay: Vec<f64>,
}

/// Looks up the slice and asks the candidate with the best expected quality less what the dial makes of its
/// outlay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BySlice {
    candidates: Vec<CandidateName>,
    slices: BTreeMap<String, Expected>,
    /// For items of a slice that was not seen, or of none.
    elsewhere: Expected,
}

impl BySlice {
    /// Fits the lookup on these rows; errors count as score 0.
    ///
    /// Model: the score of candidate m on item i of slice s is an effect of the item, plus the candidate's
    /// effect on the slice, which varies around the candidate's own mean effect. Effects are measured as
    /// differences to the mean of the candidates on the same item, so that the difficulty of items cancels,
    /// and shrunken by empirical Bayes ([`Shrunken`]).
    #[must_use]
    pub fn fit(train: &View<'_>, outlay: Outlay) -> Self {
        let evidence = train.evidence;
        let count = evidence.candidates().len();
        let slices = evidence.items().slices();
        let mut sums = Sums::new(slices.names().len(), count);
        let known = outlay.is_known(evidence);
        for &row in &train.rows {
            let code = slices.codes()[row];
            if code != Codes::NONE {
                sums.add(evidence, outlay, code as usize, row);
            }
        }
        let overall = sums.overall(train, outlay);
        let mut table: BTreeMap<String, Expected> = slices
            .names()
            .iter()
            .enumerate()
            .filter(|(slice, _)| sums.items[*slice] > 0.0)
            .map(|(slice, name)| (name.to_owned(), sums.raw(slice, &overall, known)))
            .collect();
        for candidate in 0..count {
            let observed: Vec<Observed> =
                table.keys().map(|name| sums.observed(slices.names().find(name), candidate)).collect();
            let Some(shrunken) = Shrunken::fit(&observed) else { continue };
            for ((name, expected), effect) in table.iter_mut().zip(shrunken.means) {
                let base = slices.names().find(name).map_or(0.0, |slice| sums.base(slice as usize));
                expected.quality[candidate] = base + effect.mean;
            }
        }
        let mut policy = Self { candidates: evidence.names(), slices: table, elsewhere: overall };
        for (candidate, answers) in evidence.columns().iter().enumerate() {
            if train.rows.iter().all(|&row| answers.status(row) == Status::Missing) {
                policy.rule_out(candidate);
            }
        }
        policy
    }

    /// Expects less of a candidate than of any other, at the highest outlay: nothing is known of it.
    fn rule_out(&mut self, candidate: usize) {
        for expected in self.slices.values_mut().chain([&mut self.elsewhere]) {
            expected.quality[candidate] = -1.0;
            let most = expected.outlay.iter().copied().fold(0.0, f64::max);
            if let Some(outlay) = expected.outlay.get_mut(candidate) {
                *outlay = most;
            }
        }
    }

    /// What is expected of each candidate on this slice.
    #[must_use]
    pub fn expected(&self, slice: Option<&str>) -> &Expected {
        slice.and_then(|slice| self.slices.get(slice)).unwrap_or(&self.elsewhere)
    }
}

impl Policy for BySlice {
    fn kind(&self) -> PolicyKind {
        PolicyKind::BySlice
    }

    fn candidates(&self) -> &[CandidateName] {
        &self.candidates
    }

    fn think(&self, query: &Query<'_>) -> Thought {
        let expected = self.expected(query.slice);
        Thought { quality: expected.quality.clone(), outlay: expected.outlay.clone(), memo: Vec::new() }
    }

    fn next(&self, _: &Query<'_>, thought: &mut Thought, seen: &[Seen<'_>], dial: Dial) -> Step {
        match seen.first() {
            None => Step::Ask(vec![best_utility(&thought.quality, &thought.outlay, dial)]),
            Some(seen) => Step::Give(Given::Answer(seen.candidate)),
        }
    }

    fn sees_slices_alone(&self) -> bool {
        true
    }

    fn save(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }
}

/// The candidate with the highest `quality - dial * outlay`; ties go to the smaller outlay, then to the first.
#[must_use]
pub fn best_utility(quality: &[f64], outlay: &[f64], Dial(dial): Dial) -> usize {
    let outlay = |candidate: usize| outlay.get(candidate).copied().unwrap_or(0.0);
    let utility = |candidate: usize| dial.mul_add(-outlay(candidate), quality[candidate]);
    (1..quality.len()).fold(0, |best, candidate| {
        let (this, that) = (utility(candidate), utility(best));
        if this > that || (this == that && outlay(candidate) < outlay(best)) { candidate } else { best }
    })
}

/// Sums over the training items, by slice and candidate.
struct Sums {
    candidates: usize,
    /// Per slice: items.
    items: Vec<f64>,
    /// Per slice: sum over items of the candidates' mean score.
    base: Vec<f64>,
    /// Per slice and candidate: answers, sum and sum of squares of the differences to that mean.
    answers: Vec<f64>,
    effect: Vec<f64>,
    squares: Vec<f64>,
    /// Per slice and candidate: cells with a known outlay, and their sum.
    paid: Vec<f64>,
    outlay: Vec<f64>,
}

impl Sums {
    fn new(slices: usize, candidates: usize) -> Self {
        let cells = || vec![0.0; slices * candidates];
        Self {
            candidates,
            items: vec![0.0; slices],
            base: vec![0.0; slices],
            answers: cells(),
            effect: cells(),
            squares: cells(),
            paid: cells(),
            outlay: cells(),
        }
    }

    fn add(&mut self, evidence: &Evidence, outlay: Outlay, slice: usize, row: usize) {
        let (mut sum, mut count) = (0.0, 0.0);
        for answers in evidence.columns() {
            if answers.status(row) != Status::Missing {
                sum += answers.score(row).unwrap_or(0.0);
                count += 1.0;
            }
        }
        if count == 0.0 {
            return;
        }
        let mean = sum / count;
        self.items[slice] += 1.0;
        self.base[slice] += mean;
        for (candidate, answers) in evidence.columns().iter().enumerate() {
            if answers.status(row) == Status::Missing {
                continue;
            }
            let cell = slice * self.candidates + candidate;
            let difference = answers.score(row).unwrap_or(0.0) - mean;
            self.answers[cell] += 1.0;
            self.effect[cell] += difference;
            self.squares[cell] += difference * difference;
            if let Some(paid) = outlay.of(evidence, candidate, row) {
                self.paid[cell] += 1.0;
                self.outlay[cell] += paid;
            }
        }
    }

    /// The mean score of the slice, all candidates together.
    fn base(&self, slice: usize) -> f64 {
        self.base[slice] / self.items[slice]
    }

    fn observed(&self, slice: Option<u32>, candidate: usize) -> Observed {
        let nothing = Observed { items: 0.0, mean: 0.0, variance: 0.0 };
        let Some(slice) = slice else { return nothing };
        let cell = slice as usize * self.candidates + candidate;
        let items = self.answers[cell];
        if items == 0.0 {
            return nothing;
        }
        let mean = self.effect[cell] / items;
        let squares = (self.squares[cell] - items * mean * mean).max(0.0);
        Observed { items, mean, variance: if items > 1.0 { squares / (items - 1.0) } else { 0.0 } }
    }

    fn raw(&self, slice: usize, overall: &Expected, known: bool) -> Expected {
        let outlay = |candidate: usize| {
            let cell = slice * self.candidates + candidate;
            let prior = OUTLAY_PRIOR_ITEMS * overall.outlay[candidate];
            (self.outlay[cell] + prior) / (self.paid[cell] + OUTLAY_PRIOR_ITEMS)
        };
        Expected {
            quality: vec![0.0; self.candidates],
            outlay: if known { (0..self.candidates).map(outlay).collect() } else { Vec::new() },
        }
    }

    /// Means over all training rows, with or without a slice.
    fn overall(&self, train: &View<'_>, outlay: Outlay) -> Expected {
        let evidence = train.evidence;
        let mean = |values: &dyn Fn(usize) -> Option<f64>| {
            let (count, sum) = train
                .rows
                .iter()
                .filter_map(|&row| values(row))
                .fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
            if count == 0.0 { 0.0 } else { sum / count }
        };
        let quality = evidence.columns().iter().map(|answers| {
            mean(&|row| (answers.status(row) != Status::Missing).then(|| answers.score(row).unwrap_or(0.0)))
        });
        let outlays = (0..self.candidates).map(|m| mean(&|row| outlay.of(evidence, m, row)));
        Expected {
            quality: quality.collect(),
            outlay: if outlay.is_known(evidence) { outlays.collect() } else { Vec::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::replay;
    use crate::testing::evidence;

    #[test]
    fn each_slice_gets_its_best() {
        let rows: Vec<_> = (0..200)
            .map(|i| {
                let law = i % 2 == 0;
                let noise = 0.1 * f64::from(u8::from(i % 3 == 0));
                let scores = if law { [0.8 - noise, 0.2] } else { [0.3, 0.7 - noise] };
                (if law { "law" } else { "art" }, None, scores.map(Some).to_vec())
            })
            .collect();
        let evidence = evidence(2, &rows);
        let policy = BySlice::fit(&evidence.view(), Outlay::Cost);
        let played = &replay(&policy, &evidence, &evidence.view().rows, &[Dial(0.0)])[0];
        assert!((0..200).all(|i| usize::from(played.given[i]) == i % 2));
        // 0.5 of score is worth 0.001 USD only up to a dial of 500.
        let dear = &replay(&policy, &evidence, &evidence.view().rows, &[Dial(1000.0)])[0];
        assert!(dear.given.iter().all(|&given| given == 0));
        assert_eq!(policy.expected(Some("music")), policy.expected(None));
    }

    #[test]
    fn a_lucky_slice_is_not_believed() {
        // m0 is better everywhere; in the small slice m1 was lucky on two items.
        let mut rows: Vec<_> = (0..300)
            .map(|i| {
                let slice = ["a", "b", "c"][i % 3];
                let scores = [Some(f64::from(u8::from(i % 4 != 0))), Some(f64::from(u8::from(i % 4 == 1)))];
                (slice, None, scores.to_vec())
            })
            .collect();
        rows.push(("d", None, vec![Some(0.0), Some(1.0)]));
        rows.push(("d", None, vec![Some(1.0), Some(1.0)]));
        let evidence = evidence(2, &rows);
        let policy = BySlice::fit(&evidence.view(), Outlay::Cost);
        let expected = policy.expected(Some("d"));
        assert!(expected.quality[0] > expected.quality[1], "{expected:?}");
    }
}

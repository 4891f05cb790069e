//! Vote: several candidates are asked at once, and the answer that most of them agree on is given.
//!
//! Plurality for labels and choices, the median for numbers, the medoid for sets of labels and free text (`medoid`);
//! ties go to the candidate that is better on training items of the slice. Who is asked is looked up by slice
//! ([`BySlice`]); how many is learned for each dial from the training items, which gives the curve.
//! References: self-consistency by plurality (Wang et al. 2023), minimum Bayes risk by agreement (Kumar and
//! Byrne 2004).

use ordinate_core::evidence::{Status, View};
use ordinate_core::{
    CandidateName, Dial, Evidence, Given, OutputKind, Policy, PolicyKind, Query, Row, Seen, Step, Thought,
};
use ordinate_trials::Outlay;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::by_slice::BySlice;
use crate::dials::utility_dials;
use crate::error::NotApplicable;
use crate::learner::{Context, Learner};
use crate::medoid::{Pairs, has_outputs, with_outputs};
use crate::random;

/// How many candidates may vote.
const SIZES: [usize; 3] = [3, 5, 7];
/// Training rows that the number of voters is learned from: it is one number per dial.
const ROWS: usize = 2_000;
/// Only every fourth dial of the usual grid: each may ask others, whose texts must be compared.
const DIALS_APART: usize = 4;

/// The dials of policies that compare answers.
pub(crate) fn sparse_dials(evidence: &Evidence, outlay: Outlay) -> Vec<Dial> {
    utility_dials(evidence, outlay).into_iter().step_by(DIALS_APART).collect()
}

/// Learns [`Vote`].
#[derive(Debug, Clone, Copy, Default)]
pub struct VoteLearner;

impl Learner for VoteLearner {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Vote
    }

    fn applies(&self, evidence: &Evidence) -> Result<(), NotApplicable> {
        match with_outputs(evidence).len() {
            0 => Err(refuse(
                PolicyKind::Vote,
                "the evidence has scores only; a vote needs what the candidates said",
            )),
            1 | 2 => Err(refuse(PolicyKind::Vote, "a vote needs the answers of at least three candidates")),
            _ => Ok(()),
        }
    }

    fn dials(&self, evidence: &Evidence, context: &Context) -> Vec<Dial> {
        sparse_dials(evidence, context.outlay)
    }

    fn fit(&self, train: &View<'_>, context: &Context) -> Result<Box<dyn Policy>, NotApplicable> {
        Ok(Box::new(Vote::fit(train, context)?))
    }
}

/// Why a kind does not apply.
pub(crate) fn refuse(kind: PolicyKind, why: &str) -> NotApplicable {
    NotApplicable { kind, why: why.to_owned() }
}

/// At most `most` of these rows, in order, those where every one of `voters` was asked.
pub(crate) fn answered_rows(train: &View<'_>, voters: &[usize], most: usize, seed: u64) -> Vec<Row> {
    let asked = |row: &Row| voters.iter().all(|&c| train.evidence.answers(c).status(*row) != Status::Missing);
    let mut rows: Vec<Row> = train.rows.iter().copied().filter(asked).collect();
    if rows.len() > most {
        random::shuffle(&mut rows, seed);
        rows.truncate(most);
        rows.sort_unstable();
    }
    rows
}

/// What asking these candidates at the same time is expected to take: the sum in USD, the longest in
/// milliseconds.
pub(crate) fn together(outlay: Outlay, each: impl Iterator<Item = f64>) -> f64 {
    match outlay {
        Outlay::Cost => each.sum(),
        Outlay::Latency => each.fold(0.0, f64::max),
    }
}

/// The point of a curve that serves this dial: the last one that is not beyond it.
pub(crate) fn point_of(dials: &[f64], Dial(dial): Dial) -> usize {
    dials.partition_point(|point| *point <= dial).saturating_sub(1)
}

/// Asks the best few candidates of the slice and gives the answer that they agree on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    outputs: OutputKind,
    /// Candidates whose outputs were kept.
    voters: Vec<usize>,
    expected: BySlice,
    /// Points of the curve, rising, and how many candidates are asked at each.
    dials: Vec<f64>,
    sizes: Vec<usize>,
}

impl Vote {
    /// Learns how many to ask at each dial.
    ///
    /// # Errors
    /// [`NotApplicable`] when these rows hold no outputs.
    pub fn fit(train: &View<'_>, context: &Context) -> Result<Self, NotApplicable> {
        let evidence = train.evidence;
        if !has_outputs(train) {
            return Err(refuse(PolicyKind::Vote, "none of the training items has an answer that was kept"));
        }
        let outputs = evidence.output_kind();
        let voters = with_outputs(evidence);
        let expected = BySlice::fit(train, context.outlay);
        let dials: Vec<f64> =
            sparse_dials(evidence, context.outlay).into_iter().map(|Dial(dial)| dial).collect();
        let sizes: Vec<usize> = SIZES.into_iter().filter(|&size| size <= voters.len()).collect();
        let mut vote = Self { outputs, voters, expected, dials, sizes: Vec::new() };
        let rows = answered_rows(train, &vote.voters, ROWS, context.seed);
        let points = vote.dials.len();
        // Per point and size: the sum over rows of utility.
        let utilities = rows
            .par_chunks(64)
            .map(|rows| {
                let mut sums = vec![0.0; points * sizes.len()];
                for &row in rows {
                    vote.weigh(evidence, row, &sizes, context.outlay, &mut sums);
                }
                sums
            })
            .collect::<Vec<_>>()
            .into_iter()
            .fold(vec![0.0; points * sizes.len()], |mut all, sums| {
                all.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
                all
            });
        vote.sizes = utilities
            .chunks_exact(sizes.len())
            .map(|sums| {
                sizes[(1..sums.len()).fold(0, |best, size| if sums[size] > sums[best] { size } else { best })]
            })
            .collect();
        Ok(vote)
    }

    /// Adds the utility of each size at each dial on one training row.
    fn weigh(&self, evidence: &Evidence, row: Row, sizes: &[usize], outlay: Outlay, sums: &mut [f64]) {
        let query = evidence.items().query(row);
        let thought = self.expected.think(&query);
        let mut memo = Vec::new();
        let mut pairs = Pairs::new(self.outputs, thought.quality.len(), &mut memo);
        let rankings: Vec<Vec<usize>> =
            self.dials.iter().map(|&dial| self.ranked(&thought, Dial(dial))).collect();
        // All texts are read once: those of whoever is asked at any dial.
        let most = sizes.last().copied().unwrap_or(0);
        let mut asked: Vec<usize> =
            rankings.iter().flat_map(|ranked| ranked[..most].iter().copied()).collect();
        asked.sort_unstable();
        asked.dedup();
        let all: Vec<Seen<'_>> = asked.iter().map(|&c| evidence.answers(c).seen(c, row)).collect();
        pairs.complete(&all);
        for (point, (&dial, ranked)) in self.dials.iter().zip(&rankings).enumerate() {
            for (number, &size) in sizes.iter().enumerate() {
                let asked = &ranked[..size];
                let seen: Vec<Seen<'_>> = asked.iter().map(|&c| evidence.answers(c).seen(c, row)).collect();
                let given = pairs.medoid(&seen, |_| 1.0, |candidate| thought.quality[candidate]);
                let score = evidence.answers(given).score(row).unwrap_or(0.0);
                let paid = together(outlay, asked.iter().filter_map(|&c| thought.outlay.get(c).copied()));
                sums[point * sizes.len() + number] += dial.mul_add(-paid, score);
            }
        }
    }

    /// The voters, the best utility first.
    fn ranked(&self, thought: &Thought, Dial(dial): Dial) -> Vec<usize> {
        let utility =
            |&c: &usize| dial.mul_add(-thought.outlay.get(c).copied().unwrap_or(0.0), thought.quality[c]);
        let mut ranked = self.voters.clone();
        ranked.sort_by(|a, b| utility(b).total_cmp(&utility(a)));
        ranked
    }
}

impl Policy for Vote {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Vote
    }

    fn candidates(&self) -> &[CandidateName] {
        self.expected.candidates()
    }

    fn think(&self, query: &Query<'_>) -> Thought {
        self.expected.think(query)
    }

    fn next(&self, _: &Query<'_>, thought: &mut Thought, seen: &[Seen<'_>], dial: Dial) -> Step {
        if seen.is_empty() {
            let mut asked = self.ranked(thought, dial);
            let size = self.sizes.get(point_of(&self.dials, dial)).copied().unwrap_or(SIZES[0]);
            asked.truncate(size);
            return Step::Ask(asked);
        }
        let quality = &thought.quality;
        let mut pairs = Pairs::new(self.outputs, quality.len(), &mut thought.memo);
        Step::Give(Given::Answer(pairs.medoid(seen, |_| 1.0, |candidate| quality[candidate])))
    }

    fn save(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artefact::Artefact;
    use crate::learner::Learner;
    use crate::replay::replay;
    use crate::testing::{evidence, spoken};
    use crate::weighted::WeightedLearner;
    use ordinate_trials::Board;

    /// Five candidates that are right on 70 % of the items, each wrong on its own ones, with labels.
    fn independent() -> Evidence {
        let mut random = random::SplitMix::new(4);
        let rows: Vec<_> = (0..400)
            .map(|i| {
                let right = ["yes", "no"][i % 2];
                let wrong = ["no", "yes"][i % 2];
                let says = (0..5).map(|_| if random.unit() < 0.7 { (right, 1.0) } else { (wrong, 0.0) });
                (["s", "t"][i % 2], says.collect())
            })
            .collect();
        spoken(5, &rows)
    }

    #[test]
    fn independent_candidates_are_better_together() {
        let evidence = independent();
        let rows = evidence.view().rows;
        let mean = |quality: &[f64]| quality.iter().sum::<f64>() / quality.len() as f64;
        let best =
            (0..5).map(|c| mean(&Board::new(&evidence, &rows, None).columns[c].quality)).fold(0.0, f64::max);
        for learner in [&VoteLearner as &dyn Learner, &WeightedLearner] {
            learner.applies(&evidence).unwrap();
            let policy = learner.fit(&evidence.view(), &Context::default()).unwrap();
            let played = &replay(policy.as_ref(), &evidence, &rows, &[Dial(0.0), Dial(1e9)]);
            // Five of 70 % are right together on 83.7 %.
            assert!(mean(&played[0].quality) > best + 0.06, "{}: {best}", learner.name());
            assert!(mean(&played[1].cost_usd) < mean(&played[0].cost_usd), "{}", learner.name());
            assert!(played[0].quality.iter().all(|quality| !quality.is_nan()));
        }
    }

    #[test]
    fn one_good_candidate_is_not_outvoted_by_weights() {
        let rows: Vec<_> = (0..300)
            .map(|i| {
                let good = if i % 10 == 0 { ("no", 0.0) } else { ("yes", 1.0) };
                (
                    "s",
                    vec![
                        ("no", 0.0),
                        good,
                        ("no", 0.0),
                        (if i % 3 == 0 { "yes" } else { "no" }, f64::from(i % 3 == 0)),
                    ],
                )
            })
            .collect();
        let evidence = spoken(4, &rows);
        let policy = WeightedLearner.fit(&evidence.view(), &Context::default()).unwrap();
        let played = &replay(policy.as_ref(), &evidence, &evidence.view().rows, &[Dial(0.0)])[0];
        assert!(played.quality.iter().sum::<f64>() >= 270.0);
        assert_eq!(played.asked, [0, 300, 0, 0], "the others only cost");
    }

    #[test]
    fn saved_votes_decide_alike() {
        let evidence = independent();
        let rows = evidence.view().rows;
        for learner in [&VoteLearner as &dyn Learner, &WeightedLearner] {
            let dials = learner.dials(&evidence, &Context::default());
            let policy = learner.fit(&evidence.view(), &Context::default()).unwrap();
            let before = replay(policy.as_ref(), &evidence, &rows, &dials);
            let text =
                Artefact { name: learner.name(), policy, dial: dials[0], promise: None }.to_json().unwrap();
            let loaded = Artefact::from_json(&text).unwrap();
            assert_eq!(loaded.to_json().unwrap(), text);
            let after = replay(loaded.policy.as_ref(), &evidence, &rows, &dials);
            for (after, before) in after.iter().zip(&before) {
                assert!(after.given == before.given && after.asked == before.asked, "{}", learner.name());
            }
        }
    }

    #[test]
    fn scores_alone_are_refused() {
        let rows: Vec<_> = (0..20).map(|_| ("s", None, vec![Some(0.5), Some(0.1), Some(0.3)])).collect();
        let silent = evidence(3, &rows);
        for learner in [&VoteLearner as &dyn Learner, &WeightedLearner] {
            let why = learner.applies(&silent).unwrap_err().why;
            assert!(why.contains("scores only"), "{why}");
        }
        let two = spoken(2, &[("s", vec![("a", 1.0), ("b", 0.0)])]);
        assert!(VoteLearner.applies(&two).is_err());
    }
}

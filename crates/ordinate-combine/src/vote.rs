//! Vote: several candidates are asked at once, and the answer that most of them agree on is given.
//!
//! Plurality for labels and choices, the median for numbers, the median of each value for series where that can be scored, the
//! medoid for sets of labels and free text (`medoid`), which for translations is minimum Bayes risk over chrF;
//! ties go to the candidate that is better on training items of the slice. Who is asked is looked up by slice
//! ([`BySlice`]); how many is learned for each dial from the training items, which gives the curve. Where a vote was not seen to
//! pay there, the lookup answers alone (`pays`).
//! References: self-consistency by plurality (Wang et al. 2023), minimum Bayes risk by agreement (Kumar and
//! Byrne 2004).

use std::collections::BTreeMap;

use ordinate_core::evidence::{Status, View};
use ordinate_core::{
    CandidateName, Dial, Evidence, Given, OutputKind, Policy, PolicyKind, Query, Row, Seen, Step, Thought,
};
use ordinate_trials::Outlay;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::by_slice::{BySlice, best_utility};
use crate::dials::utility_dials;
use crate::error::NotApplicable;
use crate::learner::{Context, Learner};
use crate::means::median;
use crate::medoid::{Comparing, Pairs, has_outputs, with_outputs};
use crate::pays::{Gains, pays};
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
    /// Whether texts are compared by chrF.
    #[serde(default)]
    chrf: bool,
    /// Whether it gives the median of series, and not one of them.
    #[serde(default)]
    medians: bool,
    /// Per slice, the points at which it is left to the lookup; and those for items of other slices.
    #[serde(default)]
    quiet: BTreeMap<String, Vec<usize>>,
    #[serde(default)]
    quiet_elsewhere: Vec<usize>,
}

/// What a training row is worth at each point: by each size of a vote, and by the lookup.
struct Worth {
    row: Row,
    /// Per point and size.
    votes: Vec<f64>,
    /// Per point; `None` where it asks somebody who was not asked about this row.
    lookup: Vec<Option<f64>>,
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
        let Comparing { outputs, chrf } = Comparing::of(evidence);
        let voters = with_outputs(evidence);
        let expected = BySlice::fit(train, context.outlay);
        let dials: Vec<f64> =
            sparse_dials(evidence, context.outlay).into_iter().map(|Dial(dial)| dial).collect();
        let sizes: Vec<usize> = SIZES.into_iter().filter(|&size| size <= voters.len()).collect();
        let (quiet, quiet_elsewhere) = (BTreeMap::new(), Vec::new());
        let has_target = |&row: &Row| evidence.items().target(row).is_some();
        let medians =
            outputs == OutputKind::Series && evidence.scores_merged() && train.rows.iter().all(has_target);
        let mut vote = Self {
            outputs,
            voters,
            expected,
            dials,
            sizes: Vec::new(),
            chrf,
            medians,
            quiet,
            quiet_elsewhere,
        };
        let rows = answered_rows(train, &vote.voters, ROWS, context.seed);
        let worth: Vec<Worth> = rows
            .par_iter()
            .with_min_len(64)
            .map(|&row| vote.weigh(evidence, row, &sizes, context.outlay))
            .collect();
        let best = |worth: &mut dyn Iterator<Item = &Worth>| -> Vec<usize> {
            let mut sums = vec![0.0; vote.dials.len() * sizes.len()];
            worth.for_each(|one| sums.iter_mut().zip(&one.votes).for_each(|(sum, worth)| *sum += worth));
            let best = |sums: &[f64]| {
                (1..sums.len()).fold(0, |best, size| if sums[size] > sums[best] { size } else { best })
            };
            sums.chunks_exact(sizes.len()).map(best).collect()
        };
        let numbers = best(&mut worth.iter());
        // What a size gains is seen on the rows that did not choose it.
        let halves = [0, 1].map(|half| best(&mut worth.iter().skip(1 - half).step_by(2)));
        let gain = |number: usize, one: &Worth, point: usize| {
            let size = halves[number % 2][point];
            Some((one.row, one.votes[point * sizes.len() + size] - one.lookup[point]?))
        };
        let slices = evidence.items().slices();
        for point in 0..vote.dials.len() {
            let mut by_slice: BTreeMap<&str, Gains> = BTreeMap::new();
            let gains = worth.iter().enumerate().filter_map(|(number, one)| gain(number, one, point));
            let all: Gains = gains.collect();
            for &(row, gain) in &all {
                by_slice.entry(slices.get(row).unwrap_or_default()).or_default().push((row, gain));
            }
            let (names, gains): (Vec<&str>, Vec<Gains>) = by_slice.into_iter().unzip();
            for (name, pays) in names.iter().zip(pays(evidence, &gains)) {
                vote.quiet.entry((*name).to_owned()).or_default().extend((!pays).then_some(point));
            }
            vote.quiet_elsewhere.extend((!pays(evidence, &[all]).contains(&true)).then_some(point));
        }
        vote.quiet.retain(|name, _| !name.is_empty());
        vote.sizes = numbers.into_iter().map(|number| sizes[number]).collect();
        Ok(vote)
    }

    fn comparing(&self) -> Comparing {
        Comparing { outputs: self.outputs, chrf: self.chrf }
    }

    /// Whether this point of the curve is left to the lookup for items of this slice.
    fn is_quiet(&self, slice: Option<&str>, point: usize) -> bool {
        slice.and_then(|slice| self.quiet.get(slice)).unwrap_or(&self.quiet_elsewhere).contains(&point)
    }

    /// What one training row is worth at each dial.
    fn weigh(&self, evidence: &Evidence, row: Row, sizes: &[usize], outlay: Outlay) -> Worth {
        let query = evidence.items().query(row);
        let thought = self.expected.think(&query);
        let mut memo = Vec::new();
        let mut pairs = Pairs::new(self.comparing(), thought.quality.len(), &mut memo);
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
        let score = |candidate: usize| evidence.answers(candidate).score(row).unwrap_or(0.0);
        let expects = |candidate: usize| thought.outlay.get(candidate).copied();
        let mut worth = Worth { row, votes: Vec::new(), lookup: Vec::new() };
        for (&dial, ranked) in self.dials.iter().zip(&rankings) {
            for &size in sizes {
                let asked = &ranked[..size];
                let seen: Vec<Seen<'_>> = asked.iter().map(|&c| evidence.answers(c).seen(c, row)).collect();
                let median = self.medians.then(|| median(self.outputs, &seen)).flatten();
                let merged = median.and_then(|median| evidence.score_merged(row, &median));
                let won = match merged {
                    Some(score) => score,
                    None => score(pairs.medoid(&seen, |_| 1.0, |candidate| thought.quality[candidate])),
                };
                let paid = together(outlay, asked.iter().filter_map(|&c| expects(c)));
                worth.votes.push(dial.mul_add(-paid, won));
            }
            let alone = best_utility(&thought.quality, &thought.outlay, Dial(dial));
            let asked = evidence.answers(alone).status(row) != Status::Missing;
            let paid = expects(alone).unwrap_or(0.0);
            worth.lookup.push(asked.then(|| dial.mul_add(-paid, score(alone))));
        }
        worth
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

    fn next(&self, query: &Query<'_>, thought: &mut Thought, seen: &[Seen<'_>], dial: Dial) -> Step {
        let point = point_of(&self.dials, dial);
        if self.is_quiet(query.slice, point) {
            return match seen.first() {
                None => Step::Ask(vec![best_utility(&thought.quality, &thought.outlay, dial)]),
                Some(seen) => Step::Give(Given::Answer(seen.candidate)),
            };
        }
        if seen.is_empty() {
            let mut asked = self.ranked(thought, dial);
            let size = self.sizes.get(point).copied().unwrap_or(SIZES[0]);
            asked.truncate(size);
            return Step::Ask(asked);
        }
        if let Some(median) = self.medians.then(|| median(self.outputs, seen)).flatten() {
            return Step::Give(Given::Merged(median));
        }
        let quality = &thought.quality;
        let mut pairs = Pairs::new(self.comparing(), quality.len(), &mut thought.memo);
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
            let text = Artefact { name: learner.name(), policy, dial: dials[0], mix: None, promise: None }
                .to_json()
                .unwrap();
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

//! The ensemble of `weighted` for numbers and series: it answers with the weighted mean of its members' answers.

use ordinate_core::{Evidence, Output, OutputKind, Row, Seen};
use ordinate_learn::greedy;
use ordinate_trials::Outlay;

use crate::vote::together;
use crate::weighted::Growing;

/// What the ensemble answers.
pub(crate) enum Mean {
    /// The weighted mean of several answers.
    Merged(Output),
    /// The answer of the one candidate that said something.
    Of(usize),
    /// Nobody said anything that can be averaged.
    Nothing,
}

/// The mean of what was seen, each answer with the weight of its candidate.
pub(crate) fn mean(kind: OutputKind, seen: &[Seen<'_>], weight: impl Fn(usize) -> f64) -> Mean {
    let said: Vec<(usize, Output)> = seen
        .iter()
        .filter(|seen| !seen.failed)
        .filter_map(|seen| Some((seen.candidate, kind.read(seen.output?)?)))
        .collect();
    let answers: Vec<(f64, &Output)> =
        said.iter().map(|(candidate, output)| (weight(*candidate), output)).collect();
    match (said.as_slice(), kind.merge(&answers)) {
        ([], _) => Mean::Nothing,
        // Its own answer, without the rounding of a mean.
        ([(candidate, _)], _) => Mean::Of(*candidate),
        (_, Some(merged)) => Mean::Merged(merged),
        // Series of different lengths.
        (_, None) => Mean::Nothing,
    }
}

/// The median of the series that were seen, value by value; `None` where nobody gave one, or their lengths differ.
pub(crate) fn median(kind: OutputKind, seen: &[Seen<'_>]) -> Option<Output> {
    let said = seen.iter().filter(|seen| !seen.failed).filter_map(|seen| kind.read(seen.output?));
    let said: Vec<Output> = said.collect();
    kind.median(&said.iter().collect::<Vec<_>>())
}

/// The ensemble while it grows.
pub(crate) struct Means<'a> {
    evidence: &'a Evidence,
    kind: OutputKind,
    pool: &'a [usize],
    rows: &'a [Row],
    /// Item by item, and within one in the order of the pool: what was said.
    said: Vec<Option<Output>>,
    counts: Vec<u32>,
    /// Expected outlay of each.
    outlays: Vec<f64>,
    outlay: Outlay,
    dial: f64,
}

impl<'a> Means<'a> {
    /// Of these candidates, the better ones first, on these training rows.
    pub(crate) fn new(
        evidence: &'a Evidence,
        pool: &'a [usize],
        rows: &'a [Row],
        outlays: Vec<f64>,
        (outlay, dial): (Outlay, f64),
    ) -> Self {
        let kind = evidence.output_kind();
        let said = |row: Row, column: usize| {
            let seen = evidence.answers(column).seen(column, row);
            kind.read(seen.output.filter(|_| !seen.failed)?)
        };
        let said = rows.iter().flat_map(|&row| pool.iter().map(move |&column| said(row, column))).collect();
        Self { evidence, kind, pool, rows, said, counts: vec![0; pool.len()], outlays, outlay, dial }
    }

    /// The score of the mean of these members, with their weights; of the first one's own answer where nobody spoke.
    fn score(&self, item: usize, members: &[(usize, f64)]) -> f64 {
        let said = &self.said[item * self.pool.len()..][..self.pool.len()];
        let own =
            |member: usize| self.evidence.answers(self.pool[member]).score(self.rows[item]).unwrap_or(0.0);
        let answers: Vec<(f64, &Output)> = members
            .iter()
            .filter_map(|&(member, weight)| said[member].as_ref().map(|output| (weight, output)))
            .collect();
        let first = members.iter().map(|(member, _)| *member).find(|&member| said[member].is_some());
        match (answers.len(), first) {
            (0, _) | (_, None) => members.first().map_or(0.0, |(member, _)| own(*member)),
            (1, Some(only)) => own(only),
            (_, Some(first)) => self
                .kind
                .merge(&answers)
                .and_then(|merged| self.evidence.score_merged(self.rows[item], &merged))
                .unwrap_or_else(|| own(first)),
        }
    }
}

impl greedy::Pool for Means<'_> {
    fn len(&self) -> usize {
        self.counts.len()
    }

    fn loss(&self, candidate: usize) -> f64 {
        let weight = |c: usize| f64::from(self.counts[c] + u32::from(c == candidate));
        let members: Vec<(usize, f64)> =
            (0..self.counts.len()).map(|c| (c, weight(c))).filter(|(_, weight)| *weight > 0.0).collect();
        let sum: f64 = (0..self.rows.len()).map(|item| self.score(item, &members)).sum();
        let paid = together(self.outlay, members.iter().map(|(c, _)| self.outlays[*c]));
        self.dial.mul_add(paid, 1.0 - sum / self.rows.len() as f64)
    }

    fn add(&mut self, candidate: usize) {
        self.counts[candidate] += 1;
    }
}

impl Growing for Means<'_> {
    fn clear(&mut self) {
        self.counts.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
    use ordinate_core::{Answer, Candidate, CandidateName, Dial, Lineage, Probabilities, Score, ScoreOutput};

    use super::*;
    use crate::artefact::Artefact;
    use crate::learner::{Context, Learner};
    use crate::random::SplitMix;
    use crate::replay::{record, replay};
    use crate::vote::VoteLearner;
    use crate::weighted::WeightedLearner;
    use ordinate_trials::{Board, Played};

    /// `1 - |output - target| / 4`.
    #[derive(Debug)]
    struct Near;

    impl ScoreOutput for Near {
        fn score_output(&self, output: &Output, target: &str, _: Option<&str>) -> f64 {
            let Output::Number(output) = output else { return 0.0 };
            (1.0 - (output - target.parse::<f64>().unwrap()).abs() / 4.0).max(0.0)
        }
    }

    type Says<'a> = &'a dyn Fn(f64, &mut SplitMix) -> f64;

    /// Ratings by candidates, each with what it says of a target.
    fn ratings(says: &[Says<'_>]) -> Evidence {
        let name = |at: usize| CandidateName::new(&format!("m{at}")).unwrap();
        let named = (0..says.len()).map(|at| Candidate::new(name(at), Lineage::General));
        let mut builder = EvidenceBuilder::new(named).unwrap();
        let mut random = SplitMix::new(5);
        for number in 0..400 {
            let target = (1 + number % 5) as f64;
            let text = target.to_string();
            let fields = ItemFields { target: Some(&text), ..ItemFields::default() };
            let row = builder.add_item(&number.to_string(), fields).unwrap();
            for (candidate, says) in says.iter().enumerate() {
                let output = says(target, &mut random);
                let score = Score::new(Near.score_output(&Output::Number(output), &text, None)).unwrap();
                let output = output.to_string();
                let answer = Answer {
                    score: Some(score),
                    output: Some(&output),
                    cost_usd: Some(0.001),
                    ..Answer::default()
                };
                builder.answer(row, candidate, &answer).unwrap();
            }
        }
        builder.finish().unwrap().with_output_kind(OutputKind::Number)
    }

    fn mean_of(scores: &[f64]) -> f64 {
        scores.iter().sum::<f64>() / scores.len() as f64
    }

    #[test]
    fn a_vote_over_ratings_is_their_median() {
        // Two say 5 whatever it is, three are near: a plurality would give 5.
        let lower = |target: f64, _: &mut SplitMix| target.min(3.0) - 0.5;
        let right = |target: f64, _: &mut SplitMix| target.min(3.0);
        let upper = |target: f64, _: &mut SplitMix| target.min(3.0) + 0.5;
        let five = |_: f64, _: &mut SplitMix| 5.0;
        let evidence = ratings(&[&lower, &right, &upper, &five, &five]);
        let rows = evidence.view().rows;
        let policy = VoteLearner.fit(&evidence.view(), &Context::default()).unwrap();
        let played = &replay(policy.as_ref(), &evidence, &rows, &[Dial(0.0)])[0];
        let plays = record(policy.as_ref(), &evidence, &rows, &[Dial(0.0)]);
        let five_asked: Vec<usize> =
            (0..rows.len()).filter(|&row| plays.ways()[plays.code(0, row)].asked().count() == 5).collect();
        for row in five_asked {
            assert_eq!(played.given[row], 2, "the median of five");
        }
        assert!(played.given.iter().all(|&given| given < 3), "never a 5 of the two");
    }

    #[test]
    fn a_mean_that_nobody_gave_is_given_and_scored() {
        let above = |target: f64, random: &mut SplitMix| target + 0.8 + 0.2 * random.unit();
        let below = |target: f64, random: &mut SplitMix| target - 0.8 - 0.2 * random.unit();
        let evidence = ratings(&[&above, &below]).scored_by(Arc::new(Near));
        let rows = evidence.view().rows;
        let learn = |evidence: &Evidence| WeightedLearner.fit(&evidence.view(), &Context::default()).unwrap();
        let policy = learn(&evidence);
        let played = &replay(policy.as_ref(), &evidence, &rows, &[Dial(0.0)])[0];
        let best = (0..2)
            .map(|c| mean_of(&Board::new(&evidence, &rows, None).columns[c].quality))
            .fold(0.0, f64::max);
        assert!(mean_of(&played.quality) > 0.95 && best < 0.8, "{} {best}", mean_of(&played.quality));
        assert!(played.given.iter().all(|&given| given == Played::NOBODY));
        // The same from a file.
        let artefact =
            Artefact { name: "weighted".into(), policy, dial: Dial(0.0), mix: None, promise: None };
        let loaded = Artefact::from_json(&artefact.to_json().unwrap()).unwrap();
        assert_eq!(replay(loaded.policy.as_ref(), &evidence, &rows, &[Dial(0.0)])[0].quality, played.quality);
        // Without a scorer one of the two is given: what a mean would score is not known.
        let unscored = ratings(&[&above, &below]);
        let played = &replay(learn(&unscored).as_ref(), &unscored, &rows, &[Dial(0.0)])[0];
        assert!(played.given.iter().all(|&given| given < 2));
        assert!(mean_of(&played.quality) < 0.8);
    }

    #[test]
    fn who_says_nothing_has_no_weight() {
        let seen = |candidate, output, failed| Seen {
            candidate,
            output: Some(output),
            confidence: None,
            probabilities: Probabilities::Unsaid,
            output_tokens: None,
            failed,
            notes: None,
        };
        let all = [seen(0, "1", false), seen(1, "9", true), seen(2, "about 3", false), seen(3, "4", false)];
        let of = |seen: &[Seen<'_>]| mean(OutputKind::Number, seen, |candidate| (candidate + 1) as f64);
        assert!(matches!(of(&all), Mean::Merged(Output::Number(value)) if (value - 3.4).abs() < 1e-12));
        assert!(matches!(of(&all[..3]), Mean::Of(0)));
        assert!(matches!(of(&all[1..3]), Mean::Nothing));
    }
}

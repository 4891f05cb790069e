//! Stack: several candidates are asked, and a model over what they said decides whose label is right.
//!
//! Multinomial logistic regression on who said what and how sure they were, or on how probable they find each label where they
//! say so (Wolpert 1992, "Stacked generalization"; Ting and Witten 1999, by whom probabilities are worth more than labels). It
//! learns that one candidate takes *b* for *c*, or is right when it is sure, which no vote can know. It answers with a label that
//! somebody gave: its score is then known.

use std::collections::BTreeSet;

use ordinate_core::evidence::View;
use ordinate_core::{
    CandidateName, Dial, Evidence, Given, OutputKind, Policy, PolicyKind, Query, Row, Seen, Status, Step,
    Thought,
};
use ordinate_learn::logistic::{Logistic, SparseRow};
use serde::{Deserialize, Serialize};

use crate::by_slice::BySlice;
use crate::error::NotApplicable;
use crate::learner::{Context, Learner};
use crate::medoid::with_outputs;
use crate::vote::{answered_rows, refuse};

/// Candidates that are asked, at most, the best of all; fewer where there are many labels, since time grows with features
/// times labels.
const MAX_MEMBERS: usize = 8;
const MAX_FEATURES: usize = 1_200;
/// Different labels, at most.
const MAX_LABELS: usize = 200;
/// Training rows: more make it slower, not better.
const MAX_ROWS: usize = 4_000;
/// The fewest that it is learned from.
const MIN_ROWS: usize = 60;
/// Penalties to choose from, the strongest first.
const LAMBDAS: [f64; 4] = [10.0, 3.0, 1.0, 0.3];
/// How flat the loss is where fitting ends: to choose the penalty, and for good. Which label is most probable is settled long before the
/// probabilities are.
const ROUGH: f64 = 1e-4;
const FINE: f64 = 1e-5;
/// One of so many rows is kept to choose the penalty with.
const HELD_OUT: usize = 4;

/// Learns [`Stack`].
#[derive(Debug, Clone, Copy, Default)]
pub struct StackLearner;

impl Learner for StackLearner {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Stack
    }

    fn applies(&self, evidence: &Evidence) -> Result<(), NotApplicable> {
        match with_outputs(evidence).len() {
            0 => Err(refuse(
                self.kind(),
                "the evidence has scores only; stacking needs what the candidates said",
            )),
            1 => Err(refuse(self.kind(), "stacking needs the answers of at least two candidates")),
            _ if evidence.output_kind() == OutputKind::Label => Ok(()),
            _ => Err(refuse(self.kind(), "the answers are not labels, and it chooses between labels")),
        }
    }

    /// One point: who is asked was decided for quality.
    fn dials(&self, _: &Evidence, _: &Context) -> Vec<Dial> {
        vec![Dial(0.0)]
    }

    fn trades_outlay(&self) -> bool {
        false
    }

    fn fit(&self, train: &View<'_>, context: &Context) -> Result<Box<dyn Policy>, NotApplicable> {
        Ok(Box::new(Stack::fit(train, context)?))
    }
}

/// Asks its members and gives the label that the model takes for right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    lookup: BySlice,
    /// Candidates that are asked, the best first.
    members: Vec<usize>,
    /// Which of them say how probable they find each label; files of earlier versions do not know of it.
    #[serde(default)]
    telling: Vec<bool>,
    /// Labels, sorted.
    labels: Vec<String>,
    model: Logistic,
}

/// Who said what, as numbers.
struct Reader<'a> {
    members: &'a [usize],
    telling: &'a [bool],
    labels: &'a [String],
}

impl Reader<'_> {
    fn features(&self) -> usize {
        2 * self.members.len() * self.labels.len()
    }

    fn label(&self, seen: &Seen<'_>) -> Option<usize> {
        self.find(seen.output.filter(|_| !seen.failed)?)
    }

    fn find(&self, label: &str) -> Option<usize> {
        let label = label.trim();
        self.labels.binary_search_by(|known| known.as_str().cmp(label)).ok()
    }

    /// Per member: of one that tells them, its probabilities, each at its label; of another that gave a known label 1 at that label,
    /// and how sure it was in `[-1, 1]` beside it.
    fn read(&self, seen: &[Seen<'_>]) -> SparseRow {
        let mut read = SparseRow::new();
        for seen in seen.iter().filter(|seen| !seen.failed) {
            let Some(member) = self.members.iter().position(|member| *member == seen.candidate) else {
                continue;
            };
            let place = |label: usize| 2 * (member * self.labels.len() + label);
            let tells = self.telling.get(member).is_some_and(|tells| *tells);
            if tells && !seen.probabilities.is_empty() {
                let known = seen.probabilities.iter();
                read.extend(known.filter_map(|(label, share)| Some((place(self.find(label)?), share))));
                continue;
            }
            let Some(label) = self.label(seen) else { continue };
            if tells {
                read.push((place(label), seen.confidence.unwrap_or(1.0)));
            } else {
                let sure = seen.confidence.map_or(0.0, |confidence| 2.0 * confidence - 1.0);
                read.extend([(place(label), 1.0), (place(label) + 1, sure)]);
            }
        }
        read
    }

    /// The label that scored best on a training row, where one was right at all.
    fn truth(&self, evidence: &Evidence, row: Row) -> Option<usize> {
        let scored = |&column: &usize| {
            let answers = evidence.answers(column);
            Some((answers.score(row)?, self.label(&answers.seen(column, row))?))
        };
        let best = self.members.iter().filter_map(scored).max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(best.1).filter(|_| best.0 > 0.5)
    }
}

impl Stack {
    /// Learns from items that all members were asked about and one of them got right.
    ///
    /// # Errors
    /// [`NotApplicable`] when there are too few of them.
    pub fn fit(train: &View<'_>, context: &Context) -> Result<Self, NotApplicable> {
        let evidence = train.evidence;
        let lookup = BySlice::fit(train, context.outlay);
        let mut members = with_outputs(evidence);
        let quality = &lookup.expected(None).quality;
        members.sort_by(|&a, &b| quality[b].total_cmp(&quality[a]));
        members.truncate(MAX_MEMBERS);
        let labels: BTreeSet<&str> = train
            .rows
            .iter()
            .flat_map(|&row| members.iter().filter_map(move |&c| evidence.answers(c).output(row)))
            .map(str::trim)
            .collect();
        if labels.len() > MAX_LABELS {
            let why =
                format!("{} different labels are too many; it learns at most {MAX_LABELS}", labels.len());
            return Err(refuse(PolicyKind::Stack, &why));
        }
        let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
        members.truncate((MAX_FEATURES / (2 * labels.len().max(1))).clamp(2, MAX_MEMBERS));
        let telling: Vec<bool> = members.iter().map(|&column| tells(train, column)).collect();
        let reader = Reader { members: &members, telling: &telling, labels: &labels };
        let (rows, classes): (Vec<Row>, Vec<usize>) = answered_rows(train, &members, MAX_ROWS, context.seed)
            .into_iter()
            .filter_map(|row| Some((row, reader.truth(evidence, row)?)))
            .unzip();
        if rows.len() < MIN_ROWS {
            let why =
                format!("{} training items with a right label are too few; it needs {MIN_ROWS}", rows.len());
            return Err(refuse(PolicyKind::Stack, &why));
        }
        let seen = |row: Row| -> Vec<Seen<'_>> {
            members.iter().map(|&column| evidence.answers(column).seen(column, row)).collect()
        };
        let read: Vec<SparseRow> = rows.iter().map(|&row| reader.read(&seen(row))).collect();
        let fit = |keep: &dyn Fn(usize) -> bool, lambda: f64, flat: f64, start: Option<&Logistic>| {
            let kept = || (0..rows.len()).filter(|&at| keep(at));
            let x: Vec<SparseRow> = kept().map(|at| read[at].clone()).collect();
            let y: Vec<usize> = kept().map(|at| classes[at]).collect();
            Logistic::fit(&x, reader.features(), &y, labels.len(), lambda, flat, start).map_err(|error| {
                refuse(PolicyKind::Stack, &format!("its model could not be fitted: {error}"))
            })
        };
        // From the strongest penalty on, each begun where the one before ended; ties go to the weaker.
        let mut best: Option<(f64, f64, Logistic)> = None;
        let mut before: Option<Logistic> = None;
        for lambda in LAMBDAS {
            let model = fit(&|at| at % HELD_OUT != 0, lambda, ROUGH, before.as_ref())?;
            let score = |at: usize| {
                let given = give(&reader, &model, &seen(rows[at]));
                evidence.answers(given).score(rows[at]).unwrap_or(0.0)
            };
            let sum: f64 = (0..rows.len()).step_by(HELD_OUT).map(score).sum();
            before = Some(model.clone());
            if best.as_ref().is_none_or(|(most, ..)| sum >= *most) {
                best = Some((sum, lambda, model));
            }
        }
        let (lambda, start) = best.map_or((LAMBDAS[0], None), |(_, lambda, model)| (lambda, Some(model)));
        let model = fit(&|_| true, lambda, FINE, start.as_ref())?;
        Ok(Self { lookup, members, telling, labels, model })
    }
}

/// Whether a candidate says how probable it finds labels, wherever it answered.
fn tells(train: &View<'_>, column: usize) -> bool {
    let answers = train.evidence.answers(column);
    let answered = || train.rows.iter().filter(|&&row| answers.status(row) == Status::Scored);
    answered().next().is_some() && answered().all(|&row| !answers.probabilities(row).is_empty())
}

/// The candidate among `seen` that gave the most probable label; the first that was asked where none is known.
fn give(reader: &Reader<'_>, model: &Logistic, seen: &[Seen<'_>]) -> usize {
    let probabilities = model.probabilities(&reader.read(seen));
    let mut best: Option<(f64, usize)> = None;
    for seen in seen {
        let Some(label) = reader.label(seen) else { continue };
        if best.is_none_or(|(most, _)| probabilities[label] > most) {
            best = Some((probabilities[label], seen.candidate));
        }
    }
    let answered = || seen.iter().find(|seen| !seen.failed).or(seen.first());
    best.map_or_else(|| answered().map_or(0, |seen| seen.candidate), |(_, candidate)| candidate)
}

impl Policy for Stack {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Stack
    }

    fn candidates(&self) -> &[CandidateName] {
        self.lookup.candidates()
    }

    fn think(&self, query: &Query<'_>) -> Thought {
        self.lookup.think(query)
    }

    fn next(&self, _: &Query<'_>, _: &mut Thought, seen: &[Seen<'_>], _: Dial) -> Step {
        if seen.is_empty() {
            return Step::Ask(self.members.clone());
        }
        let reader = Reader { members: &self.members, telling: &self.telling, labels: &self.labels };
        Step::Give(Given::Answer(give(&reader, &self.model, seen)))
    }

    fn save(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artefact::Artefact;
    use crate::random::SplitMix;
    use crate::replay::replay;
    use crate::testing::{evidence, spoken, telling};
    use ordinate_core::Probabilities;
    use ordinate_trials::Played;

    /// The first candidate is always wrong, which tells all; the others are right on 60 %.
    fn contrary(count: usize, seed: u64) -> Evidence {
        let mut random = SplitMix::new(seed);
        let rows: Vec<_> = (0..count)
            .map(|i| {
                let (right, wrong) = [("ja", "nein"), ("nein", "ja")][i % 2];
                let mut says = vec![(wrong, 0.0)];
                for _ in 0..2 {
                    says.push(if random.unit() < 0.6 { (right, 1.0) } else { (wrong, 0.0) });
                }
                (["s", "t"][i % 3 % 2], says)
            })
            .collect();
        spoken(3, &rows)
    }

    fn played(policy: &dyn Policy, evidence: &Evidence) -> Played<'static> {
        replay(policy, evidence, &evidence.view().rows, &[Dial(0.0)]).remove(0)
    }

    #[test]
    fn learns_whom_not_to_believe() {
        let stack = Stack::fit(&contrary(600, 1).view(), &Context::default()).unwrap();
        let unseen = contrary(400, 2);
        let quality = played(&stack, &unseen).quality;
        // Somebody is right on 84 %.
        let best = (0..400).filter(|&row| (1..3).any(|c| unseen.answers(c).score(row) == Some(1.0))).count();
        assert_eq!(quality.iter().sum::<f64>(), best as f64);
    }

    /// The first candidate is never right, but what it finds second likeliest is; the others always say the same.
    fn second_guess(count: usize) -> Evidence {
        let rows: Vec<_> = (0..count)
            .map(|i| {
                let right = ["nein", "kaum"][i % 7 % 2];
                let one = |label: &'static str, told| (label, told, f64::from(u8::from(label == right)));
                let first = one("ja", vec![("ja".to_owned(), 0.5), (right.to_owned(), 0.4)]);
                vec![first, one("nein", Vec::new()), one("kaum", Vec::new())]
            })
            .collect();
        telling(3, &rows)
    }

    #[test]
    fn looks_at_what_is_second_likeliest() {
        let evidence = second_guess(300);
        let stack = Stack::fit(&evidence.view(), &Context::default()).unwrap();
        assert_eq!(stack.telling.iter().filter(|tells| **tells).count(), 1);
        assert_eq!(played(&stack, &evidence).quality.iter().sum::<f64>(), 300.0);
        fn seen<'a>(candidate: usize, output: &'a str, probabilities: Probabilities<'a>) -> Seen<'a> {
            let (output, confidence) = (Some(output), Some(0.5));
            Seen {
                candidate,
                output,
                confidence,
                probabilities,
                output_tokens: None,
                failed: false,
                notes: None,
            }
        }
        let others = [seen(1, "nein", Probabilities::Unsaid), seen(2, "kaum", Probabilities::Unsaid)];
        for (told, given) in [("nein", 1), ("kaum", 2)] {
            let list = [("ja".to_owned(), 0.5), (told.to_owned(), 0.4)];
            let all = [seen(0, "ja", Probabilities::Listed(&list)), others[0], others[1]];
            let step = stack.next(&Query::default(), &mut Thought::default(), &all, Dial(0.0));
            assert_eq!(step, Step::Give(Given::Answer(given)));
        }
        // Who tells no more is read by its answer: that is no reason to fail.
        let all = [seen(0, "ja", Probabilities::Unsaid), others[0], others[1]];
        let step = stack.next(&Query::default(), &mut Thought::default(), &all, Dial(0.0));
        assert!(matches!(step, Step::Give(Given::Answer(_))));
        // A file of an earlier version does not know of it.
        let mut saved = stack.save().unwrap();
        saved.as_object_mut().unwrap().remove("telling");
        assert_eq!(serde_json::from_value::<Stack>(saved).unwrap().telling, Vec::<bool>::new());
    }

    #[test]
    fn a_saved_stack_decides_alike() {
        let evidence = contrary(300, 3);
        let policy = StackLearner.fit(&evidence.view(), &Context::default()).unwrap();
        let before = played(policy.as_ref(), &evidence);
        let artefact = Artefact { name: "stack".into(), policy, dial: Dial(0.0), mix: None, promise: None };
        let loaded = Artefact::from_json(&artefact.to_json().unwrap()).unwrap();
        let after = played(loaded.policy.as_ref(), &evidence);
        // Not `Played` as a whole: the latencies, which these items lack, are NaN and equal nothing.
        assert_eq!((after.given, after.asked, after.quality), (before.given, before.asked, before.quality));
    }

    #[test]
    fn says_why_it_does_not_apply() {
        let scores: Vec<_> = (0..80).map(|_| ("s", None, vec![Some(0.5), Some(0.1)])).collect();
        assert!(StackLearner.applies(&evidence(2, &scores)).unwrap_err().why.contains("scores only"));
        let texts: Vec<String> = (0..80).map(|i| format!("answer number {i}")).collect();
        let rows: Vec<_> =
            texts.iter().map(|text| ("s", vec![(text.as_str(), 1.0), (text.as_str(), 0.0)])).collect();
        assert!(
            StackLearner
                .applies(&spoken(2, &rows).with_output_kind(OutputKind::Text))
                .unwrap_err()
                .why
                .contains("not labels")
        );
        assert!(StackLearner.applies(&contrary(80, 1)).is_ok());
        let few = Stack::fit(&contrary(40, 1).view(), &Context::default()).unwrap_err();
        assert!(few.why.contains("too few"), "{}", few.why);
    }

    #[test]
    fn failures_and_unknown_labels_have_no_voice() {
        let evidence = contrary(300, 3);
        let stack = Stack::fit(&evidence.view(), &Context::default()).unwrap();
        let seen = |candidate, output, failed| Seen {
            candidate,
            output: Some(output),
            confidence: None,
            probabilities: Probabilities::Unsaid,
            output_tokens: None,
            failed,
            notes: None,
        };
        let given =
            |seen: &[Seen<'_>]| stack.next(&Query::default(), &mut Thought::default(), seen, Dial(0.0));
        let answer = |candidate| Step::Give(Given::Answer(candidate));
        assert_eq!(given(&[seen(1, "ja", true), seen(2, "nein", false)]), answer(2));
        assert_eq!(given(&[seen(1, "vielleicht", false), seen(2, "nein", false)]), answer(2));
        assert_eq!(given(&[seen(1, "ja", true), seen(2, "vielleicht", false)]), answer(2));
        assert_eq!(given(&[seen(1, "ja", true)]), answer(1));
    }
}

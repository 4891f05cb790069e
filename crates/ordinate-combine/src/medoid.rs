//! The answer that the others agree with most: plurality for labels, the median for numbers, the medoid for sets of labels,
//! series and free text.
//!
//! All five are one rule, the weighted medoid: the answer with the largest weighted sum of agreement with
//! all answers. With equality as agreement that is a weighted plurality vote, with minus the distance of two
//! numbers a weighted median. It is always some candidate's own answer, so its score is known. Of texts that are known to be free
//! ones agreement is chrF, the output of the one against that of the other, which makes this minimum Bayes risk decoding over
//! chrF among the candidates' outputs (Kumar and Byrne 2004; Freitag et al. 2022); where it is not known what outputs are, which may
//! be labels or pages, it is the overlap of the bigrams that they start with.

use std::borrow::Cow;

use ordinate_core::evidence::View;
use ordinate_core::{Evidence, Output, OutputKind, Seen};

use crate::said::Said;

/// The columns whose outputs were kept.
pub(crate) fn with_outputs(evidence: &Evidence) -> Vec<usize> {
    (0..evidence.candidates().len()).filter(|&column| evidence.answers(column).has_output()).collect()
}

/// How outputs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comparing {
    pub(crate) outputs: OutputKind,
    /// Texts by chrF, else by the bigrams that they start with.
    pub(crate) chrf: bool,
}

impl Comparing {
    /// As the outputs of this evidence are.
    pub(crate) fn of(evidence: &Evidence) -> Self {
        let chrf = evidence.known_output_kind() == Some(OutputKind::Text);
        Self { outputs: evidence.output_kind(), chrf }
    }
}

/// An output made ready for comparing.
enum Ready<'a> {
    Typed(Output),
    Gist(Cow<'a, Said>),
    Chrf(Cow<'a, Said>, &'a str),
    /// Not what the others are: has no voice, and is taken only where all are odd.
    Odd,
}

impl<'a> Ready<'a> {
    fn new(comparing: Comparing, seen: &Seen<'a>, output: &'a str) -> Self {
        match comparing.outputs {
            OutputKind::Text if comparing.chrf => Self::Chrf(Said::of(seen), output),
            OutputKind::Text => Self::Gist(Said::of(seen)),
            kind => kind.read(output).map_or(Self::Odd, Self::Typed),
        }
    }

    /// How much the other speaks for this, and this for the other: larger is more alike; comparable only within one kind.
    fn agreement(&self, other: &Self) -> [f64; 2] {
        let alike = match (self, other) {
            (Self::Chrf(a, output), Self::Chrf(b, other)) => {
                return a.chrf(output).against(b.chrf(other));
            }
            (Self::Gist(a), Self::Gist(b)) => a.gist.agreement(&b.gist),
            (Self::Typed(a), Self::Typed(b)) => agreement(a, b),
            (Self::Odd, _) | (_, Self::Odd) => f64::NEG_INFINITY,
            _ => APART,
        };
        [alike; 2]
    }
}

fn agreement(a: &Output, b: &Output) -> f64 {
    match (a, b) {
        (Output::Label(a), Output::Label(b)) => f64::from(u8::from(a == b)),
        (Output::Labels(a), Output::Labels(b)) if a.is_empty() && b.is_empty() => 1.0,
        // The coefficient of Dice, which is the F1 of one set against the other.
        (Output::Labels(a), Output::Labels(b)) => {
            let both = a.iter().filter(|label| b.binary_search(label).is_ok()).count();
            2.0 * both as f64 / (a.len() + b.len()) as f64
        }
        (Output::Number(a), Output::Number(b)) => -(a - b).abs(),
        _ => match (a.values(), b.values()) {
            (Some(a), Some(b)) if a.len() == b.len() => {
                -a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>()
            }
            _ => APART,
        },
    }
}

/// The agreement of series of different length: as if they were far apart.
const APART: f64 = -1e9;

/// Agreement of every two of `size` candidates on one item, how much the second speaks for the first: NaN where it was not computed yet, negative
/// infinity with an answer that cannot be compared.
#[derive(Debug)]
pub(crate) struct Pairs<'a> {
    comparing: Comparing,
    size: usize,
    values: &'a mut Vec<f64>,
}

impl<'a> Pairs<'a> {
    /// Works on `values`, which may hold pairs of the same item from before.
    pub(crate) fn new(comparing: Comparing, size: usize, values: &'a mut Vec<f64>) -> Self {
        values.resize(size * size, f64::NAN);
        Self { comparing, size, values }
    }

    /// Computes what is missing among these answers. Failed ones and those without an output are left out.
    pub(crate) fn complete(&mut self, seen: &[Seen<'_>]) {
        let live: Vec<(&Seen<'_>, (usize, &str))> =
            seen.iter().filter_map(|seen| Some((seen, speaking(seen)?))).collect();
        let missing = |(_, (a, _)): &(&Seen<'_>, (usize, &str))| {
            live.iter().any(|(_, (b, _))| self.values[a * self.size + b].is_nan())
        };
        if !live.iter().any(missing) {
            return;
        }
        let ready: Vec<Ready<'_>> =
            live.iter().map(|(seen, (_, output))| Ready::new(self.comparing, seen, output)).collect();
        for (i, &(_, (a, output))) in live.iter().enumerate() {
            for (j, &(_, (b, other))) in live.iter().enumerate().take(i + 1) {
                if !self.values[a * self.size + b].is_nan() {
                    continue;
                }
                let odd = matches!(ready[i], Ready::Odd) || matches!(ready[j], Ready::Odd);
                let same = (a == b || output == other) && !odd;
                let [here, there] = if same { [self.itself(); 2] } else { ready[i].agreement(&ready[j]) };
                self.values[a * self.size + b] = here;
                self.values[b * self.size + a] = there;
            }
        }
    }

    /// The agreement of an answer with its equal.
    fn itself(&self) -> f64 {
        match self.comparing.outputs {
            OutputKind::Label | OutputKind::Labels | OutputKind::Text => 1.0,
            OutputKind::Number | OutputKind::Series => 0.0,
        }
    }

    /// How much the answer of `b` speaks for that of `a`.
    pub(crate) fn of(&self, a: usize, b: usize) -> f64 {
        self.values[a * self.size + b]
    }

    /// The candidate among `seen` whose answer has the largest weighted agreement with all; ties go to the
    /// larger `rank`. Where nobody answered, the first that was asked.
    pub(crate) fn medoid(
        &mut self,
        seen: &[Seen<'_>],
        weight: impl Fn(usize) -> f64,
        rank: impl Fn(usize) -> f64,
    ) -> usize {
        self.complete(seen);
        let mut best: Option<(f64, f64, usize)> = None;
        let live: Vec<usize> = seen.iter().filter_map(speaking).map(|(candidate, _)| candidate).collect();
        let comparable: Vec<usize> = live.iter().copied().filter(|&a| self.of(a, a).is_finite()).collect();
        let voices = if comparable.is_empty() { &live } else { &comparable };
        for &a in voices {
            let support: f64 = comparable.iter().map(|&b| weight(b) * self.of(a, b)).sum();
            let rank = rank(a);
            let beats = |(best, best_rank, _): (f64, f64, usize)| {
                support > best + EQUAL * best.abs()
                    || (support >= best - EQUAL * best.abs() && rank > best_rank)
            };
            if best.is_none_or(beats) {
                best = Some((support, rank, a));
            }
        }
        best.map_or_else(|| seen.first().map_or(0, |seen| seen.candidate), |(_, _, candidate)| candidate)
    }
}

/// Sums that differ by a smaller share differ by rounding only.
const EQUAL: f64 = 1e-9;

/// Whether any answer in view was kept.
pub(crate) fn has_outputs(view: &View<'_>) -> bool {
    view.evidence.columns().iter().any(|answers| view.rows.iter().any(|&row| answers.output(row).is_some()))
}

fn speaking<'a>(seen: &Seen<'a>) -> Option<(usize, &'a str)> {
    seen.output.filter(|_| !seen.failed).map(|output| (seen.candidate, output))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ordinate_core::Probabilities;

    fn medoid(outputs: OutputKind, says: &[&str], weights: &[f64]) -> usize {
        by(Comparing { outputs, chrf: false }, says, weights)
    }

    fn by(comparing: Comparing, outputs: &[&str], weights: &[f64]) -> usize {
        let seen: Vec<Seen<'_>> = outputs
            .iter()
            .enumerate()
            .map(|(candidate, output)| Seen {
                candidate,
                output: Some(output),
                confidence: None,
                probabilities: Probabilities::Unsaid,
                output_tokens: None,
                failed: *output == "failed",
                notes: None,
            })
            .collect();
        let mut memo = Vec::new();
        Pairs::new(comparing, outputs.len(), &mut memo).medoid(&seen, |c| weights[c], |c| -(c as f64))
    }

    #[test]
    fn labels_are_voted_on() {
        assert_eq!(medoid(OutputKind::Label, &["a", "b", " b"], &[1.0; 3]), 1);
        assert_eq!(medoid(OutputKind::Label, &["a", "b", "c"], &[1.0; 3]), 0, "ties go to the better");
        assert_eq!(medoid(OutputKind::Label, &["a", "b", "b"], &[3.0, 1.0, 1.0]), 0);
        assert_eq!(medoid(OutputKind::Label, &["failed", "failed", "b", "c", "c"], &[1.0; 5]), 3);
        assert_eq!(medoid(OutputKind::Label, &["failed", "failed"], &[1.0; 2]), 0);
    }

    #[test]
    fn numbers_give_the_median() {
        assert_eq!(medoid(OutputKind::Number, &["100", "1", "2.5"], &[1.0; 3]), 2);
        assert_eq!(medoid(OutputKind::Number, &["1", "2", "3", "4", "1000"], &[1.0; 5]), 2);
        assert_eq!(medoid(OutputKind::Number, &["1", "2", "3"], &[5.0, 1.0, 1.0]), 0);
        assert_eq!(medoid(OutputKind::Number, &["a lot", "2", "3", "4"], &[1.0; 4]), 2);
        assert_eq!(medoid(OutputKind::Series, &["[1, 1]", "[9, 9]", "[2, 1]"], &[1.0; 3]), 2);
    }

    #[test]
    fn sets_of_labels_give_the_one_most_like_the_others() {
        assert_eq!(medoid(OutputKind::Labels, &["[\"a\"]", "b, a", "a; b; c", "[]"], &[1.0; 4]), 1);
        assert_eq!(medoid(OutputKind::Labels, &["[]", "[]", "a"], &[1.0; 3]), 0);
    }

    #[test]
    fn texts_give_the_medoid() {
        let texts =
            ["the court dismissed the appeal", "bananas are yellow", "the court dismissed that appeal"];
        assert_ne!(medoid(OutputKind::Text, &texts, &[1.0; 3]), 1);
        let texts = ["香蕉是黄色的", "法院驳回上诉，维持原判", "法院驳回上诉，维持原判。", "法院驳回了上诉"];
        assert_ne!(medoid(OutputKind::Text, &texts, &[1.0; 4]), 0);
    }

    #[test]
    fn translations_give_the_one_of_the_least_bayes_risk() {
        use ordinate_tasks::metric::ChrfCounts;
        let texts = [
            "Ein Mann fährt mit dem Rad durch die Stadt.",
            "Ein Mann fährt durch die Stadt.",
            "Der Mann radelt durch die Stadt.",
            "Ein Mann fährt auf einem Fahrrad durch die Stadt.",
            "Mann Stadt",
            "",
        ];
        let comparing = Comparing { outputs: OutputKind::Text, chrf: true };
        for weights in [[1.0; 6], [1.0, 1.0, 4.0, 1.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0, 5.0, 0.0]] {
            let gain = |output: &str| -> f64 {
                let chrf = |reference: &str| match reference == output {
                    true => 1.0,
                    false => ChrfCounts::of(output, &[reference], false).score(),
                };
                texts.iter().zip(weights).map(|(reference, weight)| weight * chrf(reference)).sum()
            };
            let best = (0..6).max_by(|a, b| gain(texts[*a]).total_cmp(&gain(texts[*b]))).unwrap();
            assert_eq!(by(comparing, &texts, &weights), best, "{weights:?}");
        }
        // What speaks for a short output is not what it speaks for.
        let mut memo = Vec::new();
        let seen = |candidate: usize, output| Seen {
            candidate,
            output: Some(output),
            confidence: None,
            probabilities: Probabilities::Unsaid,
            output_tokens: None,
            failed: false,
            notes: None,
        };
        let mut pairs = Pairs::new(comparing, 2, &mut memo);
        pairs.complete(&[seen(0, texts[0]), seen(1, texts[4])]);
        assert!(pairs.of(0, 1) > pairs.of(1, 0));
    }
}

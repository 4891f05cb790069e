//! ROUGE (Lin 2004): F1 of n-grams or of the longest common subsequence, as Google's `rouge-score` package
//! computes them with `use_stemmer=False`.

use std::sync::Arc;

use ordinate_core::Output;

use super::grams::{Numbering, count, shared};
use super::{Metric, MetricError, Target, best};

/// ROUGE, F1; the best of several right answers counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rouge {
    /// ROUGE-1: words.
    One,
    /// ROUGE-2: pairs of words.
    Two,
    /// ROUGE-L: the longest common subsequence of words.
    Longest,
}

impl Metric for Rouge {
    fn name(&self) -> &'static str {
        match self {
            Self::One => "rouge-1",
            Self::Two => "rouge-2",
            Self::Longest => "rouge-l",
        }
    }

    fn about(&self) -> &'static str {
        match self {
            Self::One => {
                "ROUGE-1, F1, as rouge-score without a stemmer: words of the letters a-z and digits."
            }
            Self::Two => "ROUGE-2, F1: pairs of words.",
            Self::Longest => "ROUGE-L, F1: the longest common subsequence of words.",
        }
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        match self {
            Self::One => best(output, target, |output, right| n(output, right, 1)),
            Self::Two => best(output, target, |output, right| n(output, right, 2)),
            Self::Longest => best(output, target, l),
        }
    }

    fn needs_targets(&self) -> bool {
        true
    }

    fn fitted(
        &self,
        targets: &mut dyn Iterator<Item = Target<'_>>,
    ) -> Result<Option<Arc<dyn Metric>>, MetricError> {
        for target in targets {
            if !has_words(target.text) {
                return Err(MetricError::NoWords { id: target.id.to_owned() });
            }
        }
        Ok(None)
    }
}

/// Words: runs of `a-z` and `0-9` in the lower-cased text. Text of other scripts has none.
fn words(text: &str) -> String {
    text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect()
}

/// Whether the text has a word that ROUGE counts.
fn has_words(text: &str) -> bool {
    !words(text).trim().is_empty()
}

/// ROUGE-N: F1 of the n-grams. `n` is at most 4.
fn n(output: &str, target: &str, n: usize) -> f64 {
    let (given, right) = (words(output), words(target));
    let mut numbering = Numbering::default();
    let mut grams = |text| count(&numbering.numbers(str::split_whitespace(text)), n);
    let (given, right) = (grams(&given), grams(&right));
    let total = |counts: &super::grams::Counts| counts.iter().map(|(_, count)| *count as usize).sum();
    fmeasure(shared(&given, &right), total(&given), total(&right))
}

/// ROUGE-L: F1 of the longest common subsequence of words.
fn l(output: &str, target: &str) -> f64 {
    let (given, right) = (words(output), words(target));
    let mut numbering = Numbering::default();
    let given = numbering.numbers(given.split_whitespace());
    let right = numbering.numbers(right.split_whitespace());
    // One row of the usual table at a time.
    let mut row = vec![0_u64; right.len() + 1];
    for word in &given {
        let mut diagonal = 0;
        for (at, other) in right.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if word == other { diagonal + 1 } else { above.max(row[at]) };
            diagonal = above;
        }
    }
    fmeasure(row.last().copied().unwrap_or(0), given.len(), right.len())
}

/// 0 where there is nothing, even where there should be nothing: as the package has it.
fn fmeasure(found: u64, given: usize, right: usize) -> f64 {
    if found == 0 { 0.0 } else { super::f1(found, given, right) }
}

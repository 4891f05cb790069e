//! chrF (Popović 2015) and chrF++ (Popović 2017) as sacrebleu 2 computes them: F2 of the mean precision and mean
//! recall of n-grams of characters, and for chrF++ also of words.

use std::ops::AddAssign;

use ordinate_core::Output;

use super::Metric;
use super::grams::{Numbering, count, is_space, shared, split};

/// The longest n-grams of characters, and of words in chrF++.
pub(super) const CHARS: usize = 6;
const WORDS: usize = 2;

/// `sentence_chrf` of sacrebleu divided by 100; the best of several right answers counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chrf {
    /// N-grams of characters.
    Plain,
    /// chrF++: with words of one and two too (`word_order=2`).
    PlusPlus,
}

impl Metric for Chrf {
    fn name(&self) -> &'static str {
        match self {
            Self::Plain => "chrf",
            Self::PlusPlus => "chrf++",
        }
    }

    fn about(&self) -> &'static str {
        match self {
            Self::Plain => {
                "chrF of the sentence as sacrebleu, divided by 100: n-grams of characters, of any script."
            }
            Self::PlusPlus => "chrF++ of the sentence as sacrebleu, divided by 100: characters and words.",
        }
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        let (output, words) = (super::text(output), matches!(self, Self::PlusPlus));
        super::right_answers(target, |right| ChrfCounts::of(&output, right, words)).score()
    }
}

/// What chrF counts: of one segment, or summed over a corpus. For each order the n-grams of the output, of the
/// reference, and those that they share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChrfCounts(pub(super) [[u64; 3]; CHARS + WORDS]);

impl ChrfCounts {
    /// Of one output and its references (the best one counts); with `words` for chrF++.
    #[must_use]
    pub fn of(output: &str, references: &[&str], words: bool) -> Self {
        let mut best: Option<(f64, Self)> = None;
        for reference in references {
            let counts = Self::pair(output, reference, words);
            let score = counts.score();
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, counts));
            }
        }
        best.map(|(_, counts)| counts).unwrap_or_default()
    }

    fn pair(output: &str, reference: &str, words: bool) -> Self {
        let mut counts = Self::default();
        let (given, right) = (chars(output), chars(reference));
        for n in 1..=CHARS {
            counts.0[n - 1] = order(&given, &right, n);
        }
        if words {
            let mut numbering = Numbering::default();
            let (given, right) = (parted(output), parted(reference));
            let (given, right) = (numbering.numbers(given), numbering.numbers(right));
            for n in 1..=WORDS {
                counts.0[CHARS + n - 1] = order(&given, &right, n);
            }
        }
        counts
    }

    /// The score in `[0, 1]` (sacrebleu's divided by 100).
    #[must_use]
    pub fn score(&self) -> f64 {
        const BETA_SQUARED: f64 = 4.0;
        let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0_u32);
        for &[given, right, found] in self.0.iter().filter(|[given, right, _]| *given > 0 && *right > 0) {
            precision += found as f64 / given as f64;
            recall += found as f64 / right as f64;
            orders += 1;
        }
        if precision + recall == 0.0 {
            return 0.0;
        }
        let (precision, recall) = (precision / f64::from(orders), recall / f64::from(orders));
        ((1.0 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)).min(1.0)
    }
}

impl AddAssign for ChrfCounts {
    fn add_assign(&mut self, other: Self) {
        for (sums, counts) in self.0.iter_mut().zip(other.0) {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
    }
}

/// N-grams of the output (not counted where the reference has none of this order), of the reference, and shared.
fn order(given: &[u32], right: &[u32], n: usize) -> [u64; 3] {
    let total = |symbols: &[u32]| (symbols.len() + 1).saturating_sub(n) as u64;
    match total(right) {
        0 => [0, 0, 0],
        wanted => [total(given), wanted, shared(&count(given, n), &count(right, n))],
    }
}

/// The characters without white space.
fn chars(text: &str) -> Vec<u32> {
    text.chars().filter(|c| !is_space(*c)).map(u32::from).collect()
}

/// The words, one mark of ASCII punctuation parted from the end of each, or else from its beginning.
fn parted(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for word in split(text) {
        let ends = word.ends_with(|c: char| c.is_ascii_punctuation());
        let begins = word.starts_with(|c: char| c.is_ascii_punctuation());
        // Marks of ASCII are one byte long.
        let at = if ends { word.len() - 1 } else { usize::from(begins) };
        let (first, second) = word.split_at(at);
        parts.extend([first, second].into_iter().filter(|part| !part.is_empty()));
    }
    parts
}

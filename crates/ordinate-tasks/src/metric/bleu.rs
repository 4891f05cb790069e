//! BLEU (Papineni et al. 2002) as sacrebleu 2 computes it, with its exponential smoothing.

use std::ops::AddAssign;

use ordinate_core::Output;

use super::Metric;
use super::grams::{Counts, Numbering, at_most, count, shared, split};
use super::tokens::Tokenizer;

/// The longest n-grams that count.
const ORDER: usize = 4;

/// `sentence_bleu` of sacrebleu divided by 100: effective order, exponential smoothing. Several right answers are pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bleu(pub Tokenizer);

impl Metric for Bleu {
    fn name(&self) -> &'static str {
        match self.0 {
            Tokenizer::V13a => "bleu",
            Tokenizer::Zh => "bleu-zh",
        }
    }

    fn about(&self) -> &'static str {
        match self.0 {
            Tokenizer::V13a => {
                "BLEU of the sentence as sacrebleu, divided by 100: for languages that write spaces."
            }
            Tokenizer::Zh => {
                "BLEU of the sentence as sacrebleu, divided by 100, Chinese characters one by one."
            }
        }
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        let output = super::text(output);
        super::right_answers(target, |right| BleuCounts::of(&output, right, self.0)).score(true)
    }
}

/// What BLEU counts: of one segment, or summed over a corpus.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BleuCounts {
    words: u64,
    reference_words: u64,
    right: [u64; ORDER],
    total: [u64; ORDER],
}

impl BleuCounts {
    /// Of one output and its references.
    #[must_use]
    pub fn of(output: &str, references: &[&str], tokenizer: Tokenizer) -> Self {
        let output = tokenizer.spaced(output);
        let references: Vec<String> = references.iter().map(|text| tokenizer.spaced(text)).collect();
        let mut numbering = Numbering::default();
        let given = numbering.numbers(split(&output));
        let right: Vec<Vec<u32>> = references.iter().map(|text| numbering.numbers(split(text))).collect();
        let mut counts = Self { words: given.len() as u64, ..Self::default() };
        // The reference of the nearest length; the shorter one of two as near.
        let lengths = right.iter().map(|words| words.len() as u64);
        counts.reference_words = lengths.min_by_key(|len| (len.abs_diff(counts.words), *len)).unwrap_or(0);
        for n in 1..=ORDER {
            let mut allowed = Counts::new();
            for words in &right {
                at_most(&mut allowed, count(words, n));
            }
            counts.total[n - 1] = (given.len() + 1).saturating_sub(n) as u64;
            counts.right[n - 1] = shared(&count(&given, n), &allowed);
        }
        counts
    }

    /// BLEU in `[0, 1]` (sacrebleu's divided by 100). A single segment is scored by the orders of n-grams that it has
    /// (`effective_order=True`, as `sentence_bleu` does); a corpus by all four.
    #[must_use]
    pub fn score(&self, effective_order: bool) -> f64 {
        if self.right.iter().all(|right| *right == 0) {
            return 0.0;
        }
        let (words, reference) = (self.words as f64, self.reference_words as f64);
        let penalty = if words < reference { (1.0 - reference / words).exp() } else { 1.0 };
        let (mut halves, mut sum, mut order) = (1.0, 0.0, 0_u32);
        for (right, total) in self.right.iter().zip(&self.total) {
            if *total == 0 {
                if effective_order {
                    break;
                }
                return 0.0;
            }
            order += 1;
            let right = if *right == 0 {
                halves /= 2.0;
                halves
            } else {
                *right as f64
            };
            sum += (right / *total as f64).ln();
        }
        (penalty * (sum / f64::from(order)).exp()).min(1.0)
    }
}

impl AddAssign for BleuCounts {
    fn add_assign(&mut self, other: Self) {
        self.words += other.words;
        self.reference_words += other.reference_words;
        for n in 0..ORDER {
            self.right[n] += other.right[n];
            self.total[n] += other.total[n];
        }
    }
}

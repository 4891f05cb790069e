//! Texts made ready to be compared with many others by chrF.

use ordinate_core::random::mix;

use super::chrf::{CHARS, ChrfCounts};
use super::grams::is_space;

/// The n-grams of characters of a text, by their hashes: two of many texts are one in two thousand million times taken for the
/// same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChrfText {
    /// Those of one character, of two, and so on, each length sorted.
    grams: Vec<u32>,
    /// Where each length ends.
    ends: [usize; CHARS],
}

impl ChrfText {
    /// Of the first `most` characters of a text that are not white space.
    #[must_use]
    pub fn new(text: &str, most: usize) -> Self {
        let characters: Vec<u64> =
            text.chars().filter(|c| !is_space(*c)).take(most).map(|c| u64::from(u32::from(c))).collect();
        let mut grams = Vec::with_capacity(CHARS * characters.len());
        let mut ends = [0; CHARS];
        for (end, length) in ends.iter_mut().zip(1..) {
            let from = grams.len();
            let hash = |gram: &[u64]| (gram.iter().fold(length, |hash, c| mix(hash ^ c)) >> 32) as u32;
            grams.extend(characters.windows(length as usize).map(hash));
            grams[from..].sort_unstable();
            *end = grams.len();
        }
        Self { grams, ends }
    }

    /// chrF of this text as the output where the other is right, and of the other where this is.
    #[must_use]
    pub fn against(&self, other: &Self) -> [f64; 2] {
        let (mut here, mut there) = (ChrfCounts::default(), ChrfCounts::default());
        for order in 0..CHARS {
            let (own, theirs) = (self.order(order), other.order(order));
            let (a, b, both) = (own.len() as u64, theirs.len() as u64, shared(own, theirs));
            here.0[order] = [a, b, both];
            there.0[order] = [b, a, both];
        }
        [here.score(), there.score()]
    }

    fn order(&self, order: usize) -> &[u32] {
        let from = if order == 0 { 0 } else { self.ends[order - 1] };
        &self.grams[from..self.ends[order]]
    }
}

/// What two sorted lists have in common, each as often as the list that has it less often.
fn shared(a: &[u32], b: &[u32]) -> u64 {
    // Steps without branches: which list is ahead cannot be foretold.
    let (mut i, mut j, mut both) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        both += u64::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    both
}

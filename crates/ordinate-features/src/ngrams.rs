//! Hashed n-grams of words and characters.

use ordinate_core::random::mix;
use serde::{Deserialize, Serialize};

use crate::sparse::Sparse;

/// Which n-grams are counted: from the first to the second length, `(0, 0)` for none.
///
/// Texts are lower-cased and every run of white space is one space. A word is a run of letters, digits and
/// underscores; in scripts written without spaces (Chinese, Japanese) each character is a word, so that word
/// pairs there are character pairs. N-grams share `2^bits` places; the hash is fixed for good, because saved
/// policies depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ngrams {
    /// Lengths in words.
    pub words: (u8, u8),
    /// Lengths in characters, white space and punctuation included.
    pub chars: (u8, u8),
    /// The number of places is 2 to this power; at most 24.
    pub bits: u8,
}

impl Ngrams {
    /// The number of places.
    #[must_use]
    pub fn dims(&self) -> usize {
        1 << self.bits.min(24)
    }

    /// How often each n-gram occurs in `text`.
    #[must_use]
    pub fn counts(&self, text: &str) -> Sparse {
        let characters = normalised(text);
        let mut places = Vec::with_capacity(characters.len() * 2);
        let hashes: Vec<u64> = characters.iter().map(|c| u64::from(u32::from(*c))).collect();
        self.add(&hashes, self.chars, CHARS, &mut places);
        if self.words.1 > 0 {
            self.add(&words(&characters), self.words, WORDS, &mut places);
        }
        Sparse::counting(places)
    }

    fn add(&self, units: &[u64], (least, most): (u8, u8), kind: u64, places: &mut Vec<u32>) {
        let (least, most) = (usize::from(least.max(1)), usize::from(most));
        let mask = self.dims() as u64 - 1;
        for start in 0..units.len() {
            let mut hash = kind;
            for (length, unit) in (1..=most).zip(&units[start..]) {
                hash = mix(hash ^ unit.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                if length >= least {
                    places.push(((hash >> 20) & mask) as u32);
                }
            }
        }
    }
}

/// Starts of the hashes, so that a word and a character n-gram of the same letters differ.
const CHARS: u64 = 0x6368_6172;
const WORDS: u64 = 0x776f_7264;

/// Lower-cased characters, every run of white space one space.
pub(crate) fn normalised(text: &str) -> Vec<char> {
    let mut characters: Vec<char> = Vec::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() {
            if characters.last() != Some(&' ') {
                characters.push(' ');
            }
        } else if c.is_ascii() {
            characters.push(c.to_ascii_lowercase());
        } else {
            characters.extend(c.to_lowercase());
        }
    }
    characters
}

/// A hash for each word.
fn words(characters: &[char]) -> Vec<u64> {
    let mut words = Vec::with_capacity(characters.len() / 3);
    let mut open = None;
    for &c in characters {
        let code = u64::from(u32::from(c));
        if is_ideograph(c) {
            words.extend(open.take());
            words.push(mix(code));
        } else if c.is_alphanumeric() || c == '_' {
            open = Some(mix(open.unwrap_or(WORDS) ^ code.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        } else {
            words.extend(open.take());
        }
    }
    words.extend(open);
    words
}

/// Whether a character is of a script written without spaces: Chinese characters, kana.
pub(crate) fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Ngrams = Ngrams { words: (1, 2), chars: (2, 3), bits: 22 };

    #[test]
    fn case_and_white_space_do_not_count() {
        assert_eq!(ALL.counts("The  Law\n\tof TORTS"), ALL.counts("the law of torts"));
        assert_ne!(ALL.counts("the law of torts"), ALL.counts("the law of tort"));
    }

    #[test]
    fn counts_are_those_of_the_text() {
        let chars = Ngrams { words: (0, 0), chars: (2, 3), bits: 22 };
        // ab, bc, ca, ab, bc / abc, bca, cab, abc
        let counts = chars.counts("abcabc");
        let mut values = counts.value.clone();
        values.sort_by(f32::total_cmp);
        assert_eq!(values, [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
        let words = Ngrams { words: (1, 2), chars: (0, 0), bits: 22 };
        // 法, 律, 法律 / law_1, law_1 follows 律
        assert_eq!(words.counts("法律 law_1").index.len(), 5);
        assert_eq!(words.counts("").index.len(), 0);
    }

    /// Saved policies hold places of this hash: if this fails, old policies decide otherwise than measured.
    #[test]
    fn the_hash_never_changes() {
        let bits16 = Ngrams { words: (1, 1), chars: (2, 2), bits: 16 };
        assert_eq!(bits16.counts("法律 Law").index, HASHED);
    }

    const HASHED: [u32; 8] = [478, 9291, 17869, 32738, 33669, 40089, 56329, 63486];
}

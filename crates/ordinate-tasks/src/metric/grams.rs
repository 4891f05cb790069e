//! Counts of n-grams of words or characters, as sorted lists: two of them are compared in one pass.

use std::collections::HashMap;

/// An n-gram packed into a number, and how often it occurs; in the order of the numbers.
pub(super) type Counts = Vec<(u128, u32)>;

/// The n-grams of `symbols`. Each symbol has `128 / n` bits: 32 for up to 4 words, 21 (all of Unicode) for 6
/// characters.
pub(super) fn count(symbols: &[u32], n: usize) -> Counts {
    let bits = 128 / n;
    let pack =
        |gram: &[u32]| gram.iter().fold(0, |packed, symbol| (packed << (bits % 128)) | u128::from(*symbol));
    let mut packed: Vec<u128> = symbols.windows(n).map(pack).collect();
    packed.sort_unstable();
    let mut counts = Counts::with_capacity(packed.len());
    for gram in packed {
        match counts.last_mut() {
            Some((last, count)) if *last == gram => *count += 1,
            _ => counts.push((gram, 1)),
        }
    }
    counts
}

/// How many n-grams two lists share, each as often as in the list that has it less often.
pub(super) fn shared(a: &Counts, b: &Counts) -> u64 {
    let (mut at, mut found) = (0, 0);
    for (gram, count) in a {
        while b.get(at).is_some_and(|(other, _)| other < gram) {
            at += 1;
        }
        if let Some((_, other)) = b.get(at).filter(|(other, _)| other == gram) {
            found += u64::from(*count.min(other));
        }
    }
    found
}

/// Each n-gram as often as in the list that has it more often.
pub(super) fn at_most(a: &mut Counts, b: Counts) {
    a.extend(b);
    a.sort_unstable();
    // Of equal n-grams the last has the largest count.
    a.reverse();
    a.dedup_by_key(|(gram, _)| *gram);
    a.reverse();
}

/// Numbers for words, alike wherever the word stands.
#[derive(Debug, Default)]
pub(super) struct Numbering<'a>(HashMap<&'a str, u32>);

impl<'a> Numbering<'a> {
    /// The words as numbers.
    pub(super) fn numbers(&mut self, words: impl IntoIterator<Item = &'a str>) -> Vec<u32> {
        let mut number = |word| {
            let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
            *self.0.entry(word).or_insert(next)
        };
        words.into_iter().map(&mut number).collect()
    }
}

/// White space as Python's `str.split` and `str.isspace` have it: four separators of ASCII more than Unicode's.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// The words of `text`, as Python's `str.split`.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_clipped_and_joined() {
        let (a, b) = (count(&[1, 2, 1, 1], 1), count(&[1, 1, 3], 1));
        assert_eq!(a, [(1, 3), (2, 1)]);
        assert_eq!(shared(&a, &b), 2);
        assert_eq!(shared(&b, &a), 2);
        let mut most = a;
        at_most(&mut most, b);
        assert_eq!(most, [(1, 3), (2, 1), (3, 1)]);
        assert!(count(&[1], 2).is_empty());
        // The last character of Unicode, six times, fills its 21 bits each.
        assert_eq!(count(&[0x10_FFFF; 6], 6).len(), 1);
    }
}

//! Which items are learned from together.

use ordinate_core::random::shuffle;

/// Batches that are sorted by length together: within them, little is padded.
const TOGETHER: usize = 50;

/// The batches of one pass over items: in an order that hangs on the seed and the pass alone, items of like length together.
pub(crate) fn batches(
    items: &[usize],
    length: impl Fn(usize) -> usize,
    size: usize,
    seed: u64,
    pass: u64,
) -> Vec<Vec<usize>> {
    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(pass);
    let mut order = items.to_vec();
    shuffle(&mut order, seed);
    let size = size.max(1);
    let mut batches = Vec::with_capacity(items.len().div_ceil(size));
    for part in order.chunks_mut(TOGETHER * size) {
        part.sort_by_key(|&item| length(item));
        batches.extend(part.chunks(size).map(<[usize]>::to_vec));
    }
    shuffle(&mut batches, seed ^ 1);
    batches
}

/// A batch in parts of at most so many tokens, padding counted; an item that is longer is a part by itself. Their gradients
/// are added up, so that a batch of long texts takes no more memory than one of short ones.
pub(crate) fn parts(batch: &[usize], length: impl Fn(usize) -> usize, most: usize) -> Vec<&[usize]> {
    let mut parts = Vec::new();
    let (mut from, mut longest) = (0, 0);
    for (at, &item) in batch.iter().enumerate() {
        let length = length(item);
        let padded = length.max(longest);
        if at > from && padded * (at - from + 1) > most {
            parts.push(&batch[from..at]);
            (from, longest) = (at, length);
        } else {
            longest = padded;
        }
    }
    parts.push(&batch[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_once() {
        let lengths: Vec<usize> = (0..1_003).map(|at| at * 7 % 101).collect();
        let items: Vec<usize> = (0..lengths.len()).collect();
        let batches = |seed, pass| batches(&items, |item| lengths[item], 16, seed, pass);
        let made = batches(3, 0);
        let mut all: Vec<usize> = made.iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..1_003).collect::<Vec<_>>());
        assert_eq!(made, batches(3, 0));
        assert_ne!(made, batches(3, 1));
        assert_ne!(made, batches(4, 0));
        // Of random batches of 16, nearly half is padding.
        let padded: usize =
            made.iter().map(|one| one.len() * one.iter().map(|&at| lengths[at]).max().unwrap_or(0)).sum();
        assert!((padded as f64) < 1.1 * lengths.iter().sum::<usize>() as f64, "{padded}");
    }

    #[test]
    fn parts_hold_so_many_tokens() {
        let lengths = [10, 30, 20, 100, 5];
        let batch = [0, 1, 2, 3, 4];
        let length = |at: usize| lengths[at];
        let made = parts(&batch, length, 60);
        assert_eq!(made, [&[0, 1][..], &[2], &[3], &[4]]);
        assert_eq!(parts(&batch, length, 10_000), [&batch[..]]);
    }
}

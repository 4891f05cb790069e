//! Draws with replacement, without writing the indices down but where they serve many times ([`Draws`]).
//!
//! `n` draws from `n` rows are a multinomial: how many fall into each part of the table is drawn first, by
//! halving (a binomial at each node of a tree), then the rows within a part. The result is exact, and all
//! draws within one block of rows come together, while the block is in the fastest cache.

use std::ops::Range;

use ordinate_core::random::mix;
use rand_distr::Distribution;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

/// Rows of a block. At the greatest width (24 columns of `f64`) a block has 24 KiB: it stays in the L1 cache.
pub(super) const BLOCK: usize = 128;
/// Rows of a range, the unit of parallel work: a multiple of [`BLOCK`].
pub(super) const RANGE: usize = 1 << 16;

/// Bits of an index into a whole block.
const BITS: u32 = BLOCK.trailing_zeros();
/// Below this many draws, counting the ones of as many random bits is faster than a general binomial.
const FEW: u32 = 1024;

/// A stream of random numbers for one resample within one range (`None`: over the ranges).
///
/// Streams depend on nothing but these numbers, so that results do not depend on threads or on columns.
pub(super) fn stream(seed: u64, resample: usize, range: Option<usize>) -> Xoshiro256PlusPlus {
    let range = range.map_or(u64::MAX, |range| range as u64);
    Xoshiro256PlusPlus::seed_from_u64(mix(mix(mix(seed) ^ resample as u64) ^ range))
}

/// Spreads `draws` over parts of `size` rows each; the last part may have fewer. There are `rows` rows in all.
pub(super) fn spread(rng: &mut impl Rng, draws: u32, rows: usize, size: usize, parts: &mut [u32]) {
    if let [only] = parts {
        *only = draws;
        return;
    }
    if draws == 0 || parts.is_empty() {
        parts.fill(0);
        return;
    }
    // The left half is whole, so that most nodes of the tree are fair coins.
    let half = parts.len().next_power_of_two() / 2;
    let (left, right) = parts.split_at_mut(half);
    let left_rows = half * size;
    let to_left = binomial(rng, draws, left_rows, rows);
    spread(rng, to_left, left_rows, size, left);
    spread(rng, draws - to_left, rows - left_rows, size, right);
}

/// How many of `draws` from `rows` rows fall into `left` of them.
fn binomial(rng: &mut impl Rng, draws: u32, left: usize, rows: usize) -> u32 {
    if left * 2 == rows && draws < FEW {
        let whole: u32 = (0..draws / 64).map(|_| rng.next_u64().count_ones()).sum();
        let rest = rng.next_u64() & ((1 << (draws % 64)) - 1);
        return whole + rest.count_ones();
    }
    // A share of rows is always a probability: the error cannot happen.
    rand_distr::Binomial::new(u64::from(draws), left as f64 / rows as f64)
        .map_or(draws / 2, |binomial| binomial.sample(rng) as u32)
}

/// Draws `draws` random rows of a block of `rows`.
#[inline]
fn each(rng: &mut impl Rng, draws: u32, rows: usize, mut take: impl FnMut(usize)) {
    if rows == BLOCK {
        const PER_WORD: u32 = 64 / BITS;
        let mut word = |draws: u32| {
            let mut bits = rng.next_u64();
            for _ in 0..draws {
                take(bits as usize % BLOCK);
                bits >>= BITS;
            }
        };
        (0..draws / PER_WORD).for_each(|_| word(PER_WORD));
        word(draws % PER_WORD);
    } else {
        // The last block: an index by multiplication (Lemire 2019), whose bias is below 2^-25.
        for _ in 0..draws {
            take(((u64::from(rng.next_u32()) * rows as u64) >> 32) as usize);
        }
    }
}

/// Adds `draws` random rows of one block to `sums`.
pub(super) fn add_rows<const W: usize>(
    rng: &mut impl Rng,
    draws: u32,
    block: &[[f64; W]],
    sums: &mut [f64; W],
) {
    let mut local = [0.0; W];
    if let Ok(block) = <&[[f64; W]; BLOCK]>::try_from(block) {
        each(rng, draws, BLOCK, |row| add(&mut local, &block[row % BLOCK]));
    } else {
        each(rng, draws, block.len(), |row| add(&mut local, &block[row]));
    }
    add(sums, &local);
}

#[inline]
fn add<const W: usize>(sums: &mut [f64; W], values: &[f64; W]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// The draws of all resamples from the rows of one range, written down after all: who resamples further columns of the
/// same rows reads them in half the time that drawing takes.
#[derive(Debug)]
pub(super) struct Draws {
    rows: usize,
    /// How many draws fall into each block: a list for each resample.
    counts: Vec<Vec<u32>>,
    /// The rows within their blocks, block by block: a list for each resample.
    drawn: Vec<Vec<u8>>,
}

impl Draws {
    /// The most bytes.
    const MOST: usize = 64 << 20;

    /// `None` where they are too many, or from several ranges.
    pub(super) fn new(seed: u64, resamples: usize, rows: usize) -> Option<Self> {
        if rows > RANGE || rows * resamples > Self::MOST {
            return None;
        }
        let of_resample = |resample| {
            let mut stream = stream(seed, resample, Some(0));
            let mut counts = vec![0; rows.div_ceil(BLOCK)];
            spread(&mut stream, rows as u32, rows, BLOCK, &mut counts);
            let mut drawn = Vec::with_capacity(rows);
            for (block, &draws) in counts.iter().enumerate() {
                let size = BLOCK.min(rows - block * BLOCK);
                each(&mut stream, draws, size, |row| drawn.push(row as u8));
            }
            (counts, drawn)
        };
        let (counts, drawn) = (0..resamples).into_par_iter().map(of_resample).unzip();
        Some(Self { rows, counts, drawn })
    }

    /// The sums of these rows on some resamples.
    pub(super) fn sums<const W: usize>(&self, resamples: Range<usize>, rows: &[[f64; W]]) -> Vec<[f64; W]> {
        debug_assert_eq!(rows.len(), self.rows);
        let counts = &self.counts[resamples.clone()];
        let mut left: Vec<&[u8]> = self.drawn[resamples].iter().map(Vec::as_slice).collect();
        let mut sums = vec![[0.0; W]; left.len()];
        let mut next = |resample: usize, block: usize| {
            let (own, others) = left[resample].split_at(counts[resample][block] as usize);
            left[resample] = others;
            own
        };
        // While a block is in the cache all of them go over it.
        for (number, block) in rows.chunks(BLOCK).enumerate() {
            for (pair, sums) in sums.chunks_mut(2).enumerate() {
                let first = next(2 * pair, number);
                let second = if sums.len() == 2 { next(2 * pair + 1, number) } else { &[] };
                let locals = match <&[[f64; W]; BLOCK]>::try_from(block) {
                    Ok(block) => both(|row| &block[usize::from(row) % BLOCK], first, second),
                    Err(_) => both(|row| &block[usize::from(row)], first, second),
                };
                sums.iter_mut().zip(&locals).for_each(|(sum, local)| add(sum, local));
            }
        }
        sums
    }
}

/// The sums of two lists of rows, side by side: by itself each addition would wait for the one before.
#[inline]
fn both<'a, const W: usize>(row: impl Fn(u8) -> &'a [f64; W], first: &[u8], second: &[u8]) -> [[f64; W]; 2] {
    let (mut a, mut b) = ([0.0; W], [0.0; W]);
    let (one, of_first) = first.split_at(first.len().min(second.len()));
    let (other, of_second) = second.split_at(one.len());
    for (&one, &other) in one.iter().zip(other) {
        add(&mut a, row(one));
        add(&mut b, row(other));
    }
    of_first.iter().for_each(|&one| add(&mut a, row(one)));
    of_second.iter().for_each(|&one| add(&mut b, row(one)));
    [a, b]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of what `draw` gives, over many streams.
    fn moments(draw: impl Fn(&mut Xoshiro256PlusPlus) -> f64) -> (f64, f64) {
        const TIMES: usize = 40_000;
        let values: Vec<f64> = (0..TIMES).map(|resample| draw(&mut stream(9, resample, Some(4)))).collect();
        let mean = values.iter().sum::<f64>() / TIMES as f64;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / TIMES as f64)
    }

    #[test]
    fn parts_get_binomial_shares() {
        // Few draws, and too many for counting bits; the last part is not whole.
        for (rows, draws) in [(5 * BLOCK - 91, 300_u32), (22 * BLOCK + 1, 5_000), (4 * BLOCK, 900)] {
            let parts = rows.div_ceil(BLOCK);
            for part in [0, parts / 2, parts - 1] {
                let (mean, variance) = moments(|rng| {
                    let mut counts = vec![0; parts];
                    spread(rng, draws, rows, BLOCK, &mut counts);
                    assert_eq!(counts.iter().sum::<u32>(), draws);
                    f64::from(counts[part])
                });
                let share = BLOCK.min(rows - part * BLOCK) as f64 / rows as f64;
                let expected = f64::from(draws) * share * (1.0 - share);
                let error = (mean - f64::from(draws) * share) / (expected / 40_000.0).sqrt();
                assert!(error.abs() < 4.5, "part {part} of {parts}: off by {error} standard errors");
                assert!(
                    (variance / expected - 1.0).abs() < 0.04,
                    "part {part} of {parts}: {variance} {expected}"
                );
            }
        }
    }

    #[test]
    fn rows_of_a_block_are_drawn_alike() {
        for rows in [BLOCK, 77, 1] {
            let mut block = vec![[0.0; 128]; rows];
            block.iter_mut().enumerate().for_each(|(row, values)| values[row] = 1.0);
            let (mut sums, draws) = ([0.0; 128], 40_000 * rows as u32);
            add_rows(&mut stream(1, 2, None), draws, &block, &mut sums);
            assert_eq!(sums.iter().sum::<f64>(), f64::from(draws));
            // Pearson's chi-squared, four standard deviations above its mean at most.
            let chi2: f64 = sums[..rows].iter().map(|sum| (sum - 40_000.0).powi(2) / 40_000.0).sum();
            assert!(chi2 < rows as f64 + 4.0 * (2.0 * rows as f64).sqrt(), "{rows} rows: {chi2}");
        }
    }

    #[test]
    fn streams_differ_by_seed_resample_and_range() {
        let first = |seed, resample, range| stream(seed, resample, range).next_u64();
        let all = [
            first(0, 0, None),
            first(1, 0, None),
            first(0, 1, None),
            first(0, 0, Some(0)),
            first(0, 0, Some(1)),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one));
        }
    }
}

//! The resampled sums.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::bootstrap::Bootstrap;
use crate::bootstrap::draw::{self, BLOCK, Draws, RANGE};
use crate::bootstrap::plan::Sum;
use crate::groups::Groups;

/// Sums that are resampled together. More would not leave room for a block in the L1 cache.
const WIDEST: usize = 24;
/// Resamples that go over a block while it is in the cache; also the unit of parallel work.
const TOGETHER: usize = 128;

/// Every sum: a list with its value on every resample. `draws` are those of these resamples, where they were written down.
pub(super) fn sums(
    bootstrap: &Bootstrap,
    columns: &[&[f64]],
    groups: Option<&Groups>,
    sums: &[Sum],
    draws: Option<&Draws>,
) -> Vec<Arc<[f64]>> {
    let of_chunk = |chunk: &[Sum]| match chunk.len() {
        1 => table::<1>(bootstrap, columns, groups, chunk, draws),
        2 => table::<2>(bootstrap, columns, groups, chunk, draws),
        3..=4 => table::<4>(bootstrap, columns, groups, chunk, draws),
        5..=8 => table::<8>(bootstrap, columns, groups, chunk, draws),
        9..=16 => table::<16>(bootstrap, columns, groups, chunk, draws),
        _ => table::<WIDEST>(bootstrap, columns, groups, chunk, draws),
    };
    sums.chunks(WIDEST).flat_map(of_chunk).collect()
}

/// Resamples at most `W` sums.
fn table<const W: usize>(
    bootstrap: &Bootstrap,
    columns: &[&[f64]],
    groups: Option<&Groups>,
    sums: &[Sum],
    draws: Option<&Draws>,
) -> Vec<Arc<[f64]>> {
    let rows: Vec<[f64; W]> = rows(columns, groups, sums);
    let resamples = bootstrap.resamples.get() as usize;
    let all = match draws {
        Some(draws) => written(draws, resamples, &rows),
        None => drawn(bootstrap.seed, resamples, &rows),
    };
    (0..sums.len()).map(|sum| all.iter().map(|values| values[sum]).collect()).collect()
}

/// The sums on every resample, from draws that were written down.
fn written<const W: usize>(draws: &Draws, resamples: usize, rows: &[[f64; W]]) -> Vec<[f64; W]> {
    let parts: Vec<Vec<[f64; W]>> = (0..resamples.div_ceil(TOGETHER))
        .into_par_iter()
        .map(|part| draws.sums(part * TOGETHER..resamples.min((part + 1) * TOGETHER), rows))
        .collect();
    parts.concat()
}

/// The same, from draws that are made for it.
fn drawn<const W: usize>(seed: u64, resamples: usize, rows: &[[f64; W]]) -> Vec<[f64; W]> {
    let draws = draws_per_range(seed, resamples, rows.len());
    let ranges: Vec<(usize, &[[f64; W]])> = rows.chunks(RANGE).enumerate().collect();
    let parts: Vec<Vec<[f64; W]>> = (0..resamples.div_ceil(TOGETHER) * ranges.len())
        .into_par_iter()
        .map(|task| {
            let (range, rows) = ranges[task % ranges.len()];
            let first = task / ranges.len() * TOGETHER;
            let mut streams: Vec<_> = (first..resamples.min(first + TOGETHER))
                .map(|resample| (draws[resample][range], draw::stream(seed, resample, Some(range))))
                .collect();
            range_sums(&mut streams, rows)
        })
        .collect();
    // Added in a fixed order: floating-point sums depend on it.
    let mut all = vec![[0.0; W]; resamples];
    for (task, part) in parts.iter().enumerate() {
        let (range, first) = (task % ranges.len(), task / ranges.len() * TOGETHER);
        for (sums, values) in all[first..].iter_mut().zip(part) {
            if range == 0 {
                *sums = *values;
            } else {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
    }
    all
}

/// The sums within one range of rows, for resamples with so many draws from it.
fn range_sums<const W: usize>(
    resamples: &mut [(u32, Xoshiro256PlusPlus)],
    rows: &[[f64; W]],
) -> Vec<[f64; W]> {
    let blocks = rows.len().div_ceil(BLOCK);
    let mut draws = vec![0; blocks * resamples.len()];
    for ((from_range, stream), draws) in resamples.iter_mut().zip(draws.chunks_mut(blocks)) {
        draw::spread(stream, *from_range, rows.len(), BLOCK, draws);
    }
    let mut sums = vec![[0.0; W]; resamples.len()];
    for (number, block) in rows.chunks(BLOCK).enumerate() {
        for (resample, (_, stream)) in resamples.iter_mut().enumerate() {
            draw::add_rows(stream, draws[resample * blocks + number], block, &mut sums[resample]);
        }
    }
    sums
}

/// How many rows each resample draws from each range: `[resample][range]`.
fn draws_per_range(seed: u64, resamples: usize, rows: usize) -> Vec<Vec<u32>> {
    let spread = |resample| {
        let mut draws = vec![0; rows.div_ceil(RANGE)];
        let mut stream = draw::stream(seed, resample, None);
        draw::spread(&mut stream, rows as u32, rows, RANGE, &mut draws);
        draws
    };
    (0..resamples).into_par_iter().map(spread).collect()
}

/// What each unit adds to each sum: a row per item, or per group.
fn rows<const W: usize>(columns: &[&[f64]], groups: Option<&Groups>, sums: &[Sum]) -> Vec<[f64; W]> {
    let items = columns.first().map_or(0, |column| column.len());
    let values = |row: usize| sums.iter().map(move |sum| sum.value(columns, row));
    let Some(groups) = groups else {
        let row = |row| {
            let mut of_item = [0.0; W];
            of_item.iter_mut().zip(values(row)).for_each(|(sum, value)| *sum = value);
            of_item
        };
        return (0..items).into_par_iter().map(row).collect();
    };
    let mut of_groups = vec![[0.0; W]; groups.count()];
    for (row, &group) in groups.of_item().iter().enumerate() {
        let of_group = &mut of_groups[group as usize];
        of_group.iter_mut().zip(values(row)).for_each(|(sum, value)| *sum += value);
    }
    of_groups
}

//! How long intervals take: `cargo bench -p ordinate-score`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::num::NonZeroU32;

use divan::Bencher;
use ordinate_core::task::IntervalKind;
use ordinate_score::{Bootstrap, Groups, Statistic};
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

fn main() {
    divan::main();
}

const BOOTSTRAP: Bootstrap =
    Bootstrap { resamples: NonZeroU32::new(2_000).unwrap(), seed: 0, interval: IntervalKind::Bca };

/// Scores in [0, 1], a share of them missing.
fn columns(items: usize, candidates: usize, missing: f64) -> Vec<Vec<f64>> {
    let mut rng = SplitMix64::seed_from_u64(1);
    let mut uniform = move || rng.next_u64() as f64 / u64::MAX as f64;
    (0..candidates)
        .map(|_| (0..items).map(|_| if uniform() < missing { f64::NAN } else { uniform() }).collect())
        .collect()
}

/// All means, and all differences of two.
fn all(columns: usize) -> Vec<Statistic> {
    let means = (0..columns).map(Statistic::Mean);
    let pairs = (0..columns).flat_map(|a| (0..a).map(move |b| Statistic::Difference(a, b)));
    means.chain(pairs).collect()
}

fn run(bencher: Bencher<'_, '_>, items: usize, candidates: usize, missing: f64, groups: Option<&Groups>) {
    let columns = columns(items, candidates, missing);
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let statistics = all(candidates);
    bencher.bench_local(|| BOOTSTRAP.run(&columns, groups, &statistics));
}

#[divan::bench(args = [10_000, 100_000, 1_000_000], sample_count = 3)]
fn sixteen_candidates(bencher: Bencher<'_, '_>, items: usize) {
    run(bencher, items, 16, 0.0, None);
}

#[divan::bench(args = [1_000_000], sample_count = 3)]
fn sixteen_candidates_and_five_policies(bencher: Bencher<'_, '_>, items: usize) {
    run(bencher, items, 21, 0.0, None);
}

#[divan::bench(args = [100_000, 1_000_000], sample_count = 3)]
fn groups_of_ten(bencher: Bencher<'_, '_>, items: usize) {
    let codes: Vec<u32> = (0..items as u32).map(|item| item / 10).collect();
    run(bencher, items, 16, 0.0, Some(&Groups::new(&codes)));
}

#[divan::bench(args = [100_000, 1_000_000], sample_count = 1)]
fn a_tenth_missing(bencher: Bencher<'_, '_>, items: usize) {
    run(bencher, items, 16, 0.1, None);
}

//! Do 95 % intervals cover the truth 95 times in 100? By simulation, with fixed seeds.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::num::NonZeroU32;

use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::Estimate;
use ordinate_score::rescue::Rescue;
use ordinate_score::slice::Slices;
use ordinate_score::{Bootstrap, Groups, Statistic};
use rand_distr::{Beta, Distribution};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

const SIMULATIONS: u64 = 2_000;

/// The share of simulations whose interval has `truth` inside.
fn coverage(truth: f64, simulate: impl Fn(u64, &mut Xoshiro256PlusPlus) -> Estimate + Sync) -> f64 {
    let covers = |seed| {
        let interval = simulate(seed, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
        usize::from(interval.low <= truth && truth <= interval.high)
    };
    (0..SIMULATIONS).into_par_iter().map(covers).sum::<usize>() as f64 / SIMULATIONS as f64
}

#[track_caller]
fn within(coverage: f64, low: f64, high: f64) {
    assert!((low..=high).contains(&coverage), "{coverage}");
}

fn bootstrap(seed: u64, interval: IntervalKind) -> Bootstrap {
    Bootstrap { resamples: NonZeroU32::new(500).unwrap(), seed, interval }
}

fn uniform(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

fn happens(rng: &mut impl Rng, probability: f64) -> f64 {
    f64::from(uniform(rng) < probability)
}

const KINDS: [IntervalKind; 2] = [IntervalKind::Bca, IntervalKind::Percentile];

#[test]
fn difference_of_two_graded_candidates() {
    // Paired through the difficulty of the item; the true difference is 0.1.
    let noise = Beta::new(2.0, 3.0).unwrap();
    for kind in KINDS {
        within(
            coverage(0.1, |seed, rng| {
                let (a, b): (Vec<f64>, Vec<f64>) = (0..200)
                    .map(|_| {
                        let easy = uniform(rng);
                        let noises = [noise.sample(rng), noise.sample(rng)];
                        (0.4 * easy + 0.1 + 0.5 * noises[0], 0.4 * easy + 0.5 * noises[1])
                    })
                    .unzip();
                let run = bootstrap(seed, kind).run(&[&a, &b], None, &[Statistic::Difference(0, 1)]);
                run[0].unwrap().estimate
            }),
            0.93,
            0.97,
        );
    }
}

#[test]
fn mean_of_right_and_wrong_with_holes() {
    for kind in KINDS {
        within(
            coverage(0.8, |seed, rng| {
                let scores: Vec<f64> =
                    (0..250).map(|_| if uniform(rng) < 0.2 { f64::NAN } else { happens(rng, 0.8) }).collect();
                let run = bootstrap(seed, kind).run(&[&scores], None, &[Statistic::Mean(0)]);
                run[0].unwrap().estimate
            }),
            0.93,
            0.97,
        );
    }
}

/// Two candidates on 60 documents of 1 to 9 sentences each; how much better a is differs from document to
/// document, by 0.05 on average.
fn documents(rng: &mut Xoshiro256PlusPlus) -> (Vec<f64>, Vec<f64>, Vec<u32>) {
    let (mut a, mut b, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for document in 0..60 {
        let (level, gain) = (uniform(rng), 0.3 * (uniform(rng) - 0.5) + 0.05);
        for _ in 0..=(rng.next_u64() % 9) {
            a.push(0.2 + 0.4 * level + gain + 0.1 * uniform(rng));
            b.push(0.2 + 0.4 * level + 0.1 * uniform(rng));
            groups.push(document);
        }
    }
    (a, b, groups)
}

#[test]
fn difference_with_clustered_items() {
    let estimate = |seed, rng: &mut Xoshiro256PlusPlus, kind, grouped: bool| {
        let (a, b, groups) = documents(rng);
        let groups = grouped.then(|| Groups::new(&groups));
        let run = bootstrap(seed, kind).run(&[&a, &b], groups.as_ref(), &[Statistic::Difference(0, 1)]);
        run[0].unwrap().estimate
    };
    for kind in KINDS {
        within(coverage(0.05, |seed, rng| estimate(seed, rng, kind, true)), 0.93, 0.97);
        // Taking dependent items for independent ones promises 95 % and keeps far less.
        within(coverage(0.05, |seed, rng| estimate(seed, rng, kind, false)), 0.4, 0.75);
    }
}

/// Groups of items that share their group's luck, in this many sizes: equal ones, or from one item to nine times as many.
fn few_groups(rng: &mut Xoshiro256PlusPlus, groups: u32, equal: bool, binary: bool) -> (Vec<f64>, Vec<u32>) {
    let (mut values, mut codes) = (Vec::new(), Vec::new());
    for group in 0..groups {
        let level = 0.4 + 0.4 * uniform(rng);
        for _ in 0..if equal { 10 } else { 5 * (1 + rng.next_u64() % 9) } {
            values.push(if binary { happens(rng, level) } else { level + 0.3 * (uniform(rng) - 0.5) });
            codes.push(group);
        }
    }
    (values, codes)
}

#[test]
fn few_groups_are_enough_from_eight_on() {
    for groups in [8, 12, 19] {
        for (equal, binary) in [(true, false), (false, false), (true, true), (false, true)] {
            let covered = coverage(0.6, |seed, rng| {
                let (values, codes) = few_groups(rng, groups, equal, binary);
                let groups = Groups::new(&codes);
                let run =
                    bootstrap(seed, IntervalKind::Bca).run(&[&values], Some(&groups), &[Statistic::Mean(0)]);
                run[0].unwrap().estimate
            });
            println!(
                "{groups} groups, equal {equal}, right or wrong {binary}: covers {:.1} %",
                100.0 * covered
            );
            within(covered, 0.93, 0.97);
        }
    }
}

#[test]
fn p_of_no_difference_is_at_most_its_level() {
    // Equal candidates: p <= 0.05 in 5 % of simulations, p <= 0.01 in 1 %.
    let p: Vec<f64> = (0..SIMULATIONS)
        .into_par_iter()
        .map(|seed| {
            let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
            let [a, b]: [Vec<f64>; 2] = std::array::from_fn(|_| (0..200).map(|_| uniform(rng)).collect());
            let run = bootstrap(seed, IntervalKind::Bca).run(&[&a, &b], None, &[Statistic::Difference(0, 1)]);
            run[0].unwrap().p
        })
        .collect();
    let share = |level| p.iter().filter(|&&p| p <= level).count() as f64 / p.len() as f64;
    within(share(0.05), 0.03, 0.065);
    within(share(0.01), 0.004, 0.018);
}

#[test]
fn cheap_intervals_of_slices() {
    let one_slice = |scores: &[f64], groups: Option<&Groups>| {
        let cell = Slices::new(&vec![0; scores.len()], 1, groups).cells(scores)[0].unwrap();
        Estimate { mean: cell.mean, low: cell.low, high: cell.high }
    };
    // Few items, right nearly always: where intervals usually fail.
    let few = |_, rng: &mut Xoshiro256PlusPlus| {
        one_slice(&(0..25).map(|_| happens(rng, 0.9)).collect::<Vec<_>>(), None)
    };
    within(coverage(0.9, few), 0.93, 0.98);
    let graded =
        |_, rng: &mut Xoshiro256PlusPlus| one_slice(&(0..25).map(|_| uniform(rng)).collect::<Vec<_>>(), None);
    within(coverage(0.5, graded), 0.93, 0.97);
    // Passages with five questions each, some easy, some hard: mean 0.7.
    let grouped = |_, rng: &mut Xoshiro256PlusPlus| {
        let (mut scores, mut groups) = (Vec::new(), Vec::new());
        for group in 0..20 {
            let easy = 0.4 + 0.6 * uniform(rng);
            for _ in 0..5 {
                scores.push(happens(rng, easy));
                groups.push(group);
            }
        }
        one_slice(&scores, Some(&Groups::new(&groups)))
    };
    within(coverage(0.7, grouped), 0.93, 0.98);
}

#[test]
fn rescue_rate_with_clustered_items() {
    // b knows 40 % of the documents by heart and nothing of the others.
    let rescue = |rng: &mut Xoshiro256PlusPlus, grouped: bool| {
        let (mut a, mut b, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for group in 0..80 {
            let known = happens(rng, 0.4);
            for _ in 0..5 {
                a.push(happens(rng, 0.5));
                b.push(known);
                groups.push(group);
            }
        }
        let groups = grouped.then(|| Groups::new(&groups));
        Rescue::measure(&a, &b, groups.as_ref()).unwrap().rate
    };
    within(coverage(0.4, |_, rng| rescue(rng, true)), 0.93, 0.98);
    within(coverage(0.4, |_, rng| rescue(rng, false)), 0.5, 0.87);
}

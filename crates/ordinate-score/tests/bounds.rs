//! What a claim rests on: Tango's interval and CR2 equal a reference, and claims are false as often as they may be.
//!
//! The table: `cargo test -p ordinate-score --test bounds -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::num::NonZeroU32;

use ordinate_core::task::IntervalKind;
use ordinate_score::cluster::{self, Group};
use ordinate_score::compare::{Discordant, non_inferior};
use ordinate_score::{Bootstrap, Groups, Statistic, bounds, by_student, tango};
use rand_distr::{Beta, Distribution};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/bounds.json")).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn tangos_interval_is_that_of_the_score_test() {
    for case in golden()["tango"].as_array().unwrap() {
        let count = |name: &str| case[name].as_u64().unwrap();
        let discordant = Discordant { only_a: count("b"), only_b: count("c") };
        let ours = tango::interval(discordant, count("n"), 1.959_963_984_540_054).unwrap();
        assert!((ours.low - number(&case["low"])).abs() < 1e-6, "{ours:?} {case}");
        assert!((ours.high - number(&case["high"])).abs() < 1e-6, "{ours:?} {case}");
    }
}

#[test]
fn cr2_equals_its_definition_by_matrices() {
    for case in golden()["clusters"].as_array().unwrap() {
        let values: Vec<f64> = case["values"].as_array().unwrap().iter().map(number).collect();
        let of: Vec<usize> =
            case["groups"].as_array().unwrap().iter().map(|g| g.as_u64().unwrap() as usize).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let mut groups = vec![Group::default(); of.iter().max().unwrap() + 1];
        for (value, &group) in values.iter().zip(&of) {
            groups[group].items += 1.0;
            groups[group].residuals += value - mean;
            groups[group].squares += (value - mean).powi(2);
        }
        let spread = cluster::spread(&groups).unwrap();
        assert!((spread.se / number(&case["se"]) - 1.0).abs() < 1e-9, "{spread:?}");
        assert!((spread.freedom / number(&case["freedom"]) - 1.0).abs() < 1e-9, "{spread:?}");
        // The same through the estimates of a column.
        let codes: Vec<u32> = of.iter().map(|&group| group as u32).collect();
        let student = by_student(&[&values], Some(&Groups::new(&codes)), &[Statistic::Mean(0)])[0].unwrap();
        assert!((student.se - spread.se).abs() < 1e-12 && (student.freedom - spread.freedom).abs() < 1e-9);
    }
}

fn uniform(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

fn happens(rng: &mut impl Rng, probability: f64) -> f64 {
    f64::from(uniform(rng) < probability)
}

/// Scores of the reference and of the other on one item; the other is worse by `margin` on average.
struct Cell {
    name: &'static str,
    margin: f64,
    draw: fn(&mut Xoshiro256PlusPlus) -> (f64, f64),
}

fn right(rng: &mut Xoshiro256PlusPlus, p: f64, q: f64) -> (f64, f64) {
    (happens(rng, p), happens(rng, q))
}

/// Right together as often as can be.
fn alike(rng: &mut Xoshiro256PlusPlus, p: f64, q: f64) -> (f64, f64) {
    let luck = uniform(rng);
    (f64::from(luck < p), f64::from(luck < q))
}

fn cells() -> Vec<Cell> {
    let cell = |name, margin, draw| Cell { name, margin, draw };
    vec![
        cell("0.60 / 0.55", 0.05, |rng| right(rng, 0.60, 0.55)),
        cell("0.95 / 0.93", 0.02, |rng| right(rng, 0.95, 0.93)),
        cell("0.98 / 0.96", 0.02, |rng| right(rng, 0.98, 0.96)),
        cell("0.99 / 0.96", 0.03, |rng| right(rng, 0.99, 0.96)),
        cell("0.98 / 0.96, alike", 0.02, |rng| alike(rng, 0.98, 0.96)),
        cell("0.99 / 0.96, alike", 0.03, |rng| alike(rng, 0.99, 0.96)),
        cell("graded", 0.03, |rng| {
            let noise = Beta::new(2.0, 3.0).unwrap();
            let easy = 0.4 * uniform(rng);
            (easy + 0.03 + 0.5 * noise.sample(rng), easy + 0.5 * noise.sample(rng))
        }),
        cell("graded, nearly equal", 0.02, |rng| {
            let score = 0.5 + 0.4 * uniform(rng);
            (score, score - 0.04 * uniform(rng))
        }),
        cell("skewed scores", 0.05, |rng| {
            let high = Beta::new(9.5, 0.5).unwrap();
            let low = Beta::new(9.0, 1.0).unwrap();
            (high.sample(rng), low.sample(rng))
        }),
        cell("rare losses of 1", 0.02, |rng| (1.0, 1.0 - happens(rng, 0.02))),
        cell("rare losses of 1, noise", 0.02, |rng| {
            let (noise, lost) = (0.02 * (uniform(rng) - 0.5), happens(rng, 0.02));
            (0.97, (0.97 + noise) * (1.0 - lost) - 0.0006 * (1.0 - lost) / 0.98)
        }),
        cell("losses of 0.3 on a tenth", 0.03, |rng| {
            (0.8 + 0.02 * uniform(rng), 0.8 + 0.02 * uniform(rng) - 0.3 * happens(rng, 0.1))
        }),
    ]
}

const RUNS: u64 = 1_500;

/// The shares of runs in which the other is claimed to be as good within the margin, although it is worse by just that: by what
/// a claim rests on, and by the bootstrap alone.
fn claimed(cell: &Cell, items: usize) -> [f64; 2] {
    let claims = |run: u64| {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(run);
        let (reference, other): (Vec<f64>, Vec<f64>) = (0..items).map(|_| (cell.draw)(rng)).unzip();
        let resampled = resampled(&other, &reference, run);
        let bound = bounds::of_difference(&other, &reference, None, &resampled, 0.95);
        [bound, resampled.estimate].map(|interval| f64::from(u8::from(non_inferior(&interval, cell.margin))))
    };
    let sums = (0..RUNS).into_par_iter().map(claims).reduce(|| [0.0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    sums.map(|sum| sum / RUNS as f64)
}

fn resampled(a: &[f64], b: &[f64], seed: u64) -> ordinate_score::Estimated {
    let bootstrap = Bootstrap { resamples: NonZeroU32::new(400).unwrap(), seed, interval: IntervalKind::Bca };
    bootstrap.run(&[a, b], None, &[Statistic::Difference(0, 1)])[0].unwrap()
}

#[test]
fn as_good_as_is_claimed_falsely_in_at_most_3_5_percent() {
    println!("{:<26} {:>6}  {:>10} {:>14}", "true difference: -margin", "items", "claimed", "by bootstrap");
    let mut failed = Vec::new();
    for cell in cells() {
        for items in [10, 20, 60, 200, 1000] {
            let [share, before] = claimed(&cell, items);
            println!("{:<26} {items:>6}  {:>8.1} % {:>12.1} %", cell.name, 100.0 * share, 100.0 * before);
            if share > 0.035 {
                failed.push((cell.name, items, share));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn claims_are_still_made_where_they_are_due() {
    // As good, and the margin is wide: found nearly always.
    let equal = Cell { name: "", margin: 0.1, draw: |rng| right(rng, 0.9, 0.9) };
    let graded = Cell {
        name: "",
        margin: 0.05,
        draw: |rng| (0.5 + 0.3 * (uniform(rng) - 0.5), 0.5 + 0.3 * (uniform(rng) - 0.5)),
    };
    for (cell, items) in [(equal, 400), (graded, 300)] {
        let [share, _] = claimed(&cell, items);
        assert!(share > 0.9, "{share}");
    }
}

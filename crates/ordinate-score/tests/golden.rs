//! Equal to scipy and statsmodels: the values are written by `tests/golden/make.py`.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;

use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::Estimate;
use ordinate_score::routing::{Point, ShareCurve, aiq};
use ordinate_score::slice::Slices;
use ordinate_score::{Bootstrap, Groups, Statistic, compare, mean, normal, quantile, shrink};
use serde_json::Value;

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

fn codes(value: &Value) -> Vec<u32> {
    numbers(value).into_iter().map(|code| code as u32).collect()
}

#[track_caller]
fn close(ours: f64, theirs: f64, tolerance: f64) {
    // Relative where numbers are small: a p value of 10^-20 has digits too.
    let error = (ours - theirs).abs() / theirs.abs().clamp(1e-200, 1.0);
    assert!(ours == theirs || error <= tolerance, "{ours:e} is not {theirs:e} (off by {error:e})");
}

#[track_caller]
fn all_close(ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).for_each(|(ours, theirs)| close(*ours, *theirs, tolerance));
}

#[test]
fn mcnemar_and_corrections_equal_statsmodels() {
    let golden = golden("tests");
    for case in golden["mcnemar"].as_array().unwrap() {
        let p = compare::mcnemar_exact(case["b"].as_u64().unwrap(), case["c"].as_u64().unwrap());
        close(p, number(&case["p"]), 1e-9);
    }
    for case in golden["corrected"].as_array().unwrap() {
        let p = numbers(&case["p"]);
        all_close(&compare::holm(&p), &numbers(&case["holm"]), 1e-12);
        all_close(&compare::benjamini_hochberg(&p), &numbers(&case["bh"]), 1e-12);
    }
}

#[test]
fn distributions_equal_scipy() {
    let golden = golden("distributions");
    for row in rows(&golden["normal_quantile"]) {
        close(normal::quantile(row[0]), row[1], 1e-13);
    }
    for row in rows(&golden["normal_cdf"]) {
        close(normal::cdf(row[0]), row[1], 1e-13);
    }
    for row in rows(&golden["t_quantile"]) {
        close(normal::student_quantile(row[0], row[1]), row[2], 1e-9);
    }
    for row in rows(&golden["t_two_sided"]) {
        close(normal::student_two_sided(row[0], row[1]), row[2], 1e-9);
    }
    for row in rows(&golden["wilson"]) {
        let ours = mean::wilson(row[0] / row[1], row[1], normal::quantile(0.975));
        all_close(&[ours.low, ours.high], &row[2..], 1e-12);
    }
}

#[test]
fn quantiles_equal_numpy() {
    for case in golden("quantiles").as_array().unwrap() {
        let values = numbers(&case["values"]);
        for row in rows(&case["quantiles"]) {
            close(quantile::quantile(&values, row[0]).unwrap(), row[1], 1e-13);
        }
    }
}

/// The interval of all values as one slice.
fn one_slice(values: &[f64], groups: Option<&Groups>) -> [f64; 2] {
    let cell = Slices::new(&vec![0; values.len()], 1, groups).cells(values)[0].unwrap();
    [cell.low, cell.high]
}

#[test]
fn intervals_of_means_equal_scipy_and_statsmodels() {
    let golden = golden("means");
    for case in golden["t"].as_array().unwrap() {
        all_close(&one_slice(&numbers(&case["values"]), None), &numbers(&case["interval"]), 1e-9);
    }
    let groups = Groups::new(&codes(&golden["groups"]));
    let clustered = one_slice(&numbers(&golden["values"]), Some(&groups));
    all_close(&clustered, &numbers(&golden["clustered"]), 1e-9);
    let binary = one_slice(&numbers(&golden["binary"]), Some(&groups));
    all_close(&binary, &numbers(&golden["clustered_binary"]), 1e-9);
}

#[test]
fn variance_between_slices_equals_statsmodels() {
    for case in golden("meta").as_array().unwrap() {
        let (means, variances) = (numbers(&case["means"]), numbers(&case["variances"]));
        close(shrink::between(&means, &variances), number(&case["tau2"]), 1e-9);
        // With so many items the lent variance does not count, and the common mean is theirs too.
        let observed: Vec<shrink::Observed> = means
            .iter()
            .zip(&variances)
            .map(|(&mean, variance)| shrink::Observed { items: 1e13, mean, variance: variance * 1e13 })
            .collect();
        let fit = shrink::Shrunken::fit(&observed).unwrap();
        close(fit.prior_mean, number(&case["mean"]), 1e-9);
    }
}

fn bootstrap(interval: IntervalKind) -> Bootstrap {
    Bootstrap { resamples: NonZeroU32::new(100_000).unwrap(), seed: 3, interval }
}

/// Equal but for the luck of the resamples, here within 1.5 % of the interval's width.
#[track_caller]
fn close_interval(ours: &Estimate, theirs: &[f64]) {
    let tolerance = 0.015 * (theirs[1] - theirs[0]);
    assert!((ours.low - theirs[0]).abs() <= tolerance, "{ours:?} {theirs:?}");
    assert!((ours.high - theirs[1]).abs() <= tolerance, "{ours:?} {theirs:?}");
}

#[test]
fn bootstrap_intervals_equal_scipys() {
    for case in golden("bca")["whole"].as_array().unwrap() {
        let values = numbers(&case["values"]);
        for (kind, name) in [(IntervalKind::Bca, "bca"), (IntervalKind::Percentile, "percentile")] {
            let run = bootstrap(kind).run(&[&values], None, &[Statistic::Mean(0)]);
            close_interval(&run[0].unwrap().estimate, &numbers(&case[name]));
        }
    }
}

#[test]
fn grouped_bootstrap_interval_equals_scipys() {
    let golden = golden("grouped");
    let values = numbers(&golden["values"]);
    let groups = Groups::new(&codes(&golden["groups"]));
    let run = bootstrap(IntervalKind::Bca).run(&[&values], Some(&groups), &[Statistic::Mean(0)]);
    let ours = run[0].unwrap();
    close(ours.estimate.mean, number(&golden["mean"]), 1e-12);
    close(ours.se, number(&golden["se"]), 1e-9);
    close_interval(&ours.estimate, &numbers(&golden["bca"]));
}

#[test]
fn routing_measures_equal_their_definition() {
    let golden = golden("routing");
    let [weak, strong, advantage] = ["weak", "strong", "advantage"].map(|name| numbers(&golden[name]));
    let curve = ShareCurve::new(&weak, &strong, &advantage).unwrap();
    let apart = Estimate { mean: 0.3, low: 0.2, high: 0.4 };
    close(curve.apgr(&apart).unwrap(), number(&golden["apgr"]), 1e-9);
    for row in rows(&golden["cpt"]) {
        close(curve.cpt(row[0], &apart).unwrap(), row[1], 1e-12);
    }
    let points: Vec<Point> =
        rows(&golden["points"]).iter().map(|row| Point { cost: row[0], quality: row[1] }).collect();
    close(aiq(&points, 0.5, 8.0).unwrap(), number(&golden["aiq"]), 1e-9);
}

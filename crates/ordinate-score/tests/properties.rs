//! What holds for any input.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;

use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::Estimate;
use ordinate_score::rescue::Rescue;
use ordinate_score::routing::{Hull, Point, ShareCurve};
use ordinate_score::shrink::{Observed, Shrunken};
use ordinate_score::slice::Slices;
use ordinate_score::{Bootstrap, Estimated, Groups, Statistic, compare, mean, quantile};
use proptest::prelude::*;
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A score, often exactly 0 or 1, sometimes missing.
fn score() -> impl Strategy<Value = f64> {
    prop_oneof![3 => 0.0..=1.0, 2 => Just(0.0), 2 => Just(1.0), 1 => Just(f64::NAN)]
}

/// Two columns and a group per item.
fn table() -> impl Strategy<Value = Vec<(f64, f64, u32)>> {
    prop::collection::vec((score(), score(), 0_u32..6), 1..60)
}

fn columns(table: &[(f64, f64, u32)]) -> (Vec<f64>, Vec<f64>, Groups) {
    let groups: Vec<u32> = table.iter().map(|row| row.2).collect();
    (table.iter().map(|row| row.0).collect(), table.iter().map(|row| row.1).collect(), Groups::new(&groups))
}

fn bootstrap(seed: u64, interval: IntervalKind) -> Bootstrap {
    Bootstrap { resamples: NonZeroU32::new(150).unwrap(), seed, interval }
}

fn statistics() -> Vec<Statistic> {
    vec![
        Statistic::Mean(0),
        Statistic::Mean(1),
        Statistic::Difference(0, 1),
        Statistic::Linear(vec![(0, 0.5), (1, 0.5)]),
    ]
}

fn in_order(estimate: &Estimate) -> bool {
    estimate.low <= estimate.mean && estimate.mean <= estimate.high
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bootstrap_estimates_are_finite_and_in_order(
        table in table(), seed: u64, grouped: bool, percentile: bool,
    ) {
        let (a, b, groups) = columns(&table);
        let kind = if percentile { IntervalKind::Percentile } else { IntervalKind::Bca };
        let groups = grouped.then_some(&groups);
        let run = bootstrap(seed, kind).run(&[&a, &b], groups, &statistics());
        for (index, estimated) in run.iter().enumerate() {
            let Some(Estimated { estimate, se, p, items, units, constant, .. }) = estimated else { continue };
            prop_assert!(in_order(estimate));
            let least = if index == 2 { -1.0 } else { 0.0 };
            prop_assert!(least - 1e-9 <= estimate.low && estimate.high <= 1.0 + 1e-9);
            prop_assert!(se.is_finite() && *se >= 0.0);
            prop_assert!(!constant || *se == 0.0);
            prop_assert!((0.0..=1.0).contains(p));
            prop_assert!(1 <= *units && units <= items && *items <= table.len());
        }
        let common = a.iter().zip(&b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).count();
        prop_assert_eq!(run[2].map_or(0, |difference| difference.items), common);
    }

    #[test]
    fn a_difference_turned_round_is_its_mirror_image(table in table(), seed: u64) {
        let (a, b, _) = columns(&table);
        let both = [Statistic::Difference(0, 1), Statistic::Difference(1, 0)];
        let run = bootstrap(seed, IntervalKind::Percentile).run(&[&a, &b], None, &both);
        if let (Some(one), Some(other)) = (run[0], run[1]) {
            prop_assert!((one.estimate.low + other.estimate.high).abs() < 1e-12);
            prop_assert!((one.estimate.high + other.estimate.low).abs() < 1e-12);
            prop_assert!((one.p - other.p).abs() < 1e-12);
        }
    }

    #[test]
    fn corrections_are_bounded_and_keep_the_order(p in prop::collection::vec(0.0..=1.0, 0..40)) {
        let (holm, bh) = (compare::holm(&p), compare::benjamini_hochberg(&p));
        for i in 0..p.len() {
            prop_assert!(p[i] <= bh[i] && bh[i] <= holm[i] && holm[i] <= 1.0);
            prop_assert!(holm[i] <= (p[i] * p.len() as f64).min(1.0));
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || (holm[i] <= holm[j] && bh[i] <= bh[j]));
            }
        }
    }

    #[test]
    fn mcnemar_is_symmetric_and_falls_with_the_imbalance(b in 0_u64..3000, c in 0_u64..3000) {
        let p = compare::mcnemar_exact(b, c);
        prop_assert!(p > 0.0 || b.abs_diff(c) > 1000);
        prop_assert!(p <= 1.0);
        prop_assert_eq!(p, compare::mcnemar_exact(c, b));
        let (more, less) = (b.max(c), b.min(c));
        prop_assert!(compare::mcnemar_exact(more + 1, less) <= p);
    }

    #[test]
    fn the_hull_is_concave_rises_and_lies_above_every_point(
        points in prop::collection::vec((0.0..10.0, 0.0..=1.0), 1..30)
    ) {
        let points: Vec<Point> =
            points.into_iter().map(|(cost, quality)| Point { cost, quality }).collect();
        let hull = Hull::new(&points);
        for point in &points {
            prop_assert!(hull.quality_at(point.cost).unwrap() >= point.quality - 1e-12);
            let mix = hull.mix_at(point.cost).unwrap();
            let [cheap, dear] = [mix.cheap, mix.dear].map(|number| points[number]);
            let cost = cheap.cost + mix.dear_share * (dear.cost - cheap.cost);
            let quality = cheap.quality + mix.dear_share * (dear.quality - cheap.quality);
            prop_assert!(cost <= point.cost + 1e-9, "{} {}", cost, point.cost);
            prop_assert!((quality - hull.quality_at(point.cost).unwrap()).abs() < 1e-9);
        }
        let vertices: Vec<Point> = hull.vertices().map(|(point, _)| point).collect();
        let slopes: Vec<f64> = vertices
            .windows(2)
            .map(|pair| (pair[1].quality - pair[0].quality) / (pair[1].cost - pair[0].cost))
            .collect();
        prop_assert!(slopes.iter().all(|&slope| slope > 0.0));
        prop_assert!(slopes.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-9)));
        let dearest = points.iter().map(|point| point.cost).fold(0.0, f64::max);
        let cheapest = points.iter().map(|point| point.cost).fold(10.0, f64::min);
        if let Some(height) = hull.mean_over(cheapest, dearest) {
            prop_assert!(height >= hull.quality_at(cheapest).unwrap() - 1e-9);
            prop_assert!(height <= hull.quality_at(dearest).unwrap() + 1e-9);
        }
    }

    #[test]
    fn the_order_of_items_means_nothing_to_shares(
        items in prop::collection::vec((score(), score(), 0_u32..4), 1..40)
    ) {
        let quality = |items: &[(f64, f64, u32)]| {
            let weak: Vec<f64> = items.iter().map(|item| item.0).collect();
            let strong: Vec<f64> = items.iter().map(|item| item.1).collect();
            let advantage: Vec<f64> = items.iter().map(|item| f64::from(item.2)).collect();
            ShareCurve::new(&weak, &strong, &advantage).map_or(vec![], |curve| curve.quality().to_vec())
        };
        let turned: Vec<_> = items.iter().rev().copied().collect();
        let (one, other) = (quality(&items), quality(&turned));
        prop_assert_eq!(one.len(), other.len());
        prop_assert!(one.iter().zip(&other).all(|(one, other)| (one - other).abs() < 1e-12));
    }

    #[test]
    fn cheap_intervals_have_width_and_stay_in_the_unit_interval(table in table(), grouped: bool) {
        let (a, b, groups) = columns(&table);
        let groups = grouped.then_some(&groups);
        let of_item: Vec<u32> = table.iter().map(|row| row.2 % 3).collect();
        for cell in Slices::new(&of_item, 4, groups).cells(&a).into_iter().flatten() {
            prop_assert!(0.0 <= cell.low && cell.low <= cell.mean);
            prop_assert!(cell.mean <= cell.high && cell.high <= 1.0);
            prop_assert!(cell.low < cell.high);
            prop_assert!((-1e-12..=1.0 + 1e-12).contains(&cell.shrunken));
        }
        if let Some(rescue) = Rescue::measure(&a, &b, groups) {
            prop_assert!(in_order(&rescue.rate) && rescue.rate.low < rescue.rate.high);
            prop_assert!(rescue.rescued <= rescue.wrong);
        }
    }

    #[test]
    fn wilson_contains_the_share(right in 0_u32..500, wrong in 0_u32..500) {
        prop_assume!(right + wrong > 0);
        let items = f64::from(right + wrong);
        let interval = mean::wilson(f64::from(right) / items, items, 1.96);
        prop_assert!(in_order(&interval) && interval.low < interval.high);
        prop_assert!(0.0 <= interval.low && interval.high <= 1.0);
    }

    #[test]
    fn shrunken_means_lie_between_their_own_and_the_common_one(
        slices in prop::collection::vec(prop::collection::vec(score(), 0..12), 1..15)
    ) {
        let observed: Vec<Observed> =
            slices.iter().map(|scores| Observed::new(scores.iter().copied())).collect();
        let Some(fit) = Shrunken::fit(&observed) else { return Ok(()) };
        prop_assert!(fit.tau2 >= 0.0 && fit.prior_mean.is_finite());
        for (slice, shrunken) in observed.iter().zip(&fit.means) {
            prop_assert!(in_order(shrunken) && shrunken.high.is_finite());
            let own = if slice.items > 0.0 { slice.mean } else { fit.prior_mean };
            let (low, high) = (own.min(fit.prior_mean), own.max(fit.prior_mean));
            prop_assert!((low - 1e-12..=high + 1e-12).contains(&shrunken.mean));
        }
    }

    #[test]
    fn quantiles_rise(values in prop::collection::vec(-1e6..1e6, 1..50), low in 0.0..=1.0, high in 0.0..=1.0) {
        let (low, high) = if low <= high { (low, high) } else { (high, low) };
        let at = |q| quantile::quantile(&values, q).unwrap();
        prop_assert!(at(low) <= at(high));
        prop_assert_eq!(at(1.0), values.iter().copied().fold(f64::MIN, f64::max));
    }
}

/// Enough rows for several ranges, and a last block that is not whole.
fn large() -> (Vec<Vec<f64>>, Groups) {
    let column = |k: u64| -> Vec<f64> {
        let mut rng = SplitMix64::seed_from_u64(k);
        let value = |_| {
            let bits = rng.next_u64() >> 40;
            if k == 2 && bits % 7 == 0 { f64::NAN } else { bits as f64 / f64::from(1 << 24) }
        };
        (0..150_001).map(value).collect()
    };
    ((0..3).map(column).collect(), Groups::new(&(0..150_001).map(|i| i / 2).collect::<Vec<u32>>()))
}

#[test]
fn results_do_not_depend_on_threads_nor_on_the_other_statistics() {
    let (columns, groups) = large();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let statistics =
        [Statistic::Mean(0), Statistic::Difference(0, 1), Statistic::Mean(2), Statistic::Difference(1, 2)];
    for groups in [None, Some(&groups)] {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap(1, IntervalKind::Bca).run(&columns, groups, &statistics))
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(5));
        // So many statistics that the sums do not fit in one table.
        let many: Vec<Statistic> =
            (0..30).map(|k| Statistic::Linear(vec![(1, 0.5), (2, f64::from(k))])).collect();
        let many: Vec<Statistic> = many.into_iter().chain(statistics.clone()).collect();
        let run = bootstrap(1, IntervalKind::Bca).run(&columns, groups, &many);
        assert_eq!(one, run[30..]);
        assert_ne!(one, bootstrap(2, IntervalKind::Bca).run(&columns, groups, &statistics));
    }
}

#[test]
fn the_spread_of_the_resamples_is_the_standard_error() {
    // Many rows in several ranges and a last block that is not whole: were a part drawn too often or too
    // rarely, or were its rows, the interval would not be that of the normal approximation.
    let (columns, groups) = large();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let statistics = [Statistic::Mean(0), Statistic::Difference(0, 1), Statistic::Difference(1, 2)];
    let bootstrap =
        Bootstrap { resamples: NonZeroU32::new(4_000).unwrap(), seed: 5, interval: IntervalKind::Percentile };
    for groups in [None, Some(&groups)] {
        for estimated in bootstrap.run(&columns, groups, &statistics).into_iter().flatten() {
            let Estimate { mean, low, high } = estimated.estimate;
            assert!(((high - low) / (2.0 * 1.96 * estimated.se) - 1.0).abs() < 0.06, "{estimated:?}");
            assert!(((high + low) / 2.0 - mean).abs() < 0.12 * estimated.se, "{estimated:?}");
        }
    }
}

//! Measures of a policy's points in the plane of cost and quality.
//!
//! AIQ is RouterBench's (Hu et al. 2024), QNC the quality-neutral cost of Jitkrittum et al. (2025), PerfGain
//! and CostSave RouterEval's and Avengers-Pro's. All but AIQ take the points as measured: nothing between
//! two of them is promised.

use crate::routing::Hull;

/// What something costs and how good it is, on average over items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Mean cost, in any unit that all points share.
    pub cost: f64,
    /// Mean score.
    pub quality: f64,
}

/// Average improvement in quality: the mean height of the non-decreasing upper convex hull of the points
/// between the costs `low` and `high`. `None` where the hull begins right of `low`: extend the policy first,
/// by adding the point of the cheapest single candidate; or where `low < high` does not hold.
#[must_use]
pub fn aiq(points: &[Point], low: f64, high: f64) -> Option<f64> {
    Hull::new(points).mean_over(low, high)
}

/// Quality-neutral cost: the least cost of a point whose quality is at least `best_single`; `None` where
/// none is.
#[must_use]
pub fn qnc(points: &[Point], best_single: f64) -> Option<f64> {
    points
        .iter()
        .filter(|point| point.quality >= best_single && !point.cost.is_nan())
        .map(|point| point.cost)
        .min_by(f64::total_cmp)
}

/// The best quality of the points minus that of the best single candidate; `None` without points.
#[must_use]
pub fn perf_gain(points: &[Point], best_single: f64) -> Option<f64> {
    let qualities = points.iter().map(|point| point.quality).filter(|quality| !quality.is_nan());
    qualities.max_by(f64::total_cmp).map(|best| best - best_single)
}

/// The largest saving, as a share of the best single candidate's cost, at a quality at least as high;
/// negative where all such points cost more. `None` where no point is as good, or the best single is free.
#[must_use]
pub fn cost_save(points: &[Point], best_single: Point) -> Option<f64> {
    let cost = qnc(points, best_single.quality)?;
    (best_single.cost > 0.0).then(|| 1.0 - cost / best_single.cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_of_a_small_curve() {
        let point = |cost, quality| Point { cost, quality };
        let points = [point(1.0, 0.4), point(2.0, 0.62), point(4.0, 0.61), point(6.0, 0.7)];
        assert_eq!(qnc(&points, 0.6), Some(2.0));
        assert_eq!(qnc(&points, 0.8), None);
        assert!((perf_gain(&points, 0.6).unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(cost_save(&points, point(8.0, 0.6)), Some(0.75));
        assert_eq!(cost_save(&points, point(0.0, 0.6)), None);
        // From (1, .4) over (2, .62) to (6, .7), then flat.
        let area = 0.51 + 4.0 * 0.66 + 2.0 * 0.7;
        assert!((aiq(&points, 1.0, 8.0).unwrap() - area / 7.0).abs() < 1e-12);
        assert_eq!(aiq(&points, 0.5, 8.0), None);
        assert_eq!(aiq(&points, 8.0, 8.0), None);
        assert_eq!((qnc(&[], 0.0), perf_gain(&[], 0.0), aiq(&[], 0.0, 1.0)), (None, None, None));
    }
}

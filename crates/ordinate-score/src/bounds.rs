//! Intervals that a claim may rest on, also from few items and from scores that do not vary.
//!
//! The bootstrap and Student's t know only what was seen: ten items without a difference give an interval without width, and a
//! candidate that seldom fails badly looks safe until it has failed. So a claim such as "as good as, within the margin" rests
//! on these:
//!
//! - Right and wrong, independent items: Tango's score interval ([`tango`]) for differences, with 0 in it where the exact McNemar
//!   test sees no difference, and Wilson's ([`mean`](crate::mean)) for means. They hold from the first item on.
//! - Graded scores, or groups: the widest of the bootstrap, Student's t and a betting bound ([`betting`]) that holds
//!   for every distribution. The last is not asked where the end is so far off that, were it the truth and all of it the work of
//!   the rarest and worst failures, thirty of them would have been expected in the data: there the bootstrap may be trusted.
//! - Scores that are no scores of single items ([`ppi`](crate::ppi)) are outside of `[0, 1]`, and nothing bets on them.

use ordinate_core::verdict::Estimate;

use crate::betting::{self, Unit};
use crate::bootstrap::Estimated;
use crate::compare::Discordant;
use crate::groups::Groups;
use crate::mean::wilson;
use crate::normal::{quantile, student_quantile};
use crate::tango;

/// Expected worst failures from which the bootstrap is trusted.
const SEEN: f64 = 30.0;
/// Groups from which the bootstrap is trusted: what a group brings is a mean of its items, which varies less, and is less skewed,
/// than one item.
const MANY_GROUPS: usize = 100;

/// The interval of `mean(a) - mean(b)` over the items that have both scores, which are in `[0, 1]`.
///
/// `resampled` is what [`Bootstrap::run`](crate::Bootstrap::run) or [`by_student`](crate::by_student) said of the same
/// difference; `level` is the confidence, 0.95 for the verdict's, more where it is shared by several claims. `groups` where
/// items are clustered. Time grows with the number of items; with graded scores some milliseconds a thousand.
#[must_use]
pub fn of_difference(
    a: &[f64],
    b: &[f64],
    groups: Option<&Groups>,
    resampled: &Estimated,
    level: f64,
) -> Estimate {
    let independent = groups.is_none_or(|groups| groups.count() == groups.of_item().len());
    if let Some(discordant) = Discordant::count(a, b).filter(|_| independent) {
        let z = quantile(f64::midpoint(1.0, level));
        if let Some(interval) = tango::interval(discordant, resampled.items as u64, z) {
            return agreed(interval, discordant, resampled.items, level);
        }
    }
    // A difference in [-1, 1] as a score in [0, 1].
    let units = units(groups, a.len(), |item| f64::midpoint(1.0, a[item] - b[item]));
    let (low, high) = widest(&units, resampled, level, 2.0);
    Estimate { mean: resampled.estimate.mean, low: low.max(-1.0), high: high.min(1.0) }
}

/// The interval, which reaches one item beyond 0 on either side where the exact McNemar test does not tell the two apart at
/// this level: five items of five are not enough for it, and the score interval alone would take them.
fn agreed(interval: Estimate, discordant: Discordant, items: usize, level: f64) -> Estimate {
    if discordant.p() <= 1.0 - level {
        return interval;
    }
    let one = 1.0 / items.max(1) as f64;
    Estimate { mean: interval.mean, low: interval.low.min(-one), high: interval.high.max(one) }
}

/// The same for the mean of one column of scores in `[0, 1]`.
#[must_use]
pub fn of_mean(scores: &[f64], groups: Option<&Groups>, resampled: &Estimated, level: f64) -> Estimate {
    let independent = groups.is_none_or(|groups| groups.count() == groups.of_item().len());
    let mean = resampled.estimate.mean;
    let binary = scores.iter().all(|score| score.is_nan() || *score == 0.0 || *score == 1.0);
    if binary && independent && resampled.items > 0 {
        return wilson(mean, resampled.items as f64, quantile(f64::midpoint(1.0, level)));
    }
    let units = units(groups, scores.len(), |item| scores[item]);
    let (low, high) = widest(&units, resampled, level, 1.0);
    Estimate { mean, low: low.max(0.0), high: high.min(1.0) }
}

/// What each item, or group, brings; items without a value bring nothing.
fn units(groups: Option<&Groups>, items: usize, value: impl Fn(usize) -> f64) -> Vec<Unit> {
    let known = (0..items).map(|item| (item, value(item))).filter(|(_, value)| value.is_finite());
    let Some(groups) = groups else {
        return known.map(|(_, sum)| Unit { sum, items: 1.0 }).collect();
    };
    let mut units = vec![Unit { sum: 0.0, items: 0.0 }; groups.count()];
    for (item, value) in known {
        let unit = &mut units[groups.of_item()[item] as usize];
        unit.sum += value;
        unit.items += 1.0;
    }
    units.retain(|unit| unit.items > 0.0);
    units
}

/// The ends of the widest interval. Units are in `[0, 1]`, the estimate in an interval `range` wide.
fn widest(units: &[Unit], resampled: &Estimated, level: f64, range: f64) -> (f64, f64) {
    let beyond = f64::midpoint(1.0, level);
    let of_t = student_quantile(beyond, resampled.freedom) * resampled.se;
    let further = quantile(beyond) / quantile(0.975);
    let mean = resampled.estimate.mean;
    let below = of_t.max(further * (mean - resampled.estimate.low));
    let above = of_t.max(further * (resampled.estimate.high - mean));
    let items: f64 = units.iter().map(|unit| unit.items).sum();
    let largest = units.iter().map(|unit| unit.items).fold(1.0, f64::max);
    // As many failures by a whole score as `SEEN` would have moved the mean by this much.
    let trusted = SEEN * largest / items.max(1.0);
    let many = units.len() >= MANY_GROUPS && units.iter().any(|unit| unit.items > 1.0);
    let is_bounded = |unit: &Unit| unit.sum >= -1e-9 && unit.sum <= unit.items + 1e-9;
    let unbounded = !units.iter().all(is_bounded);
    let bet = |units: &[Unit], distance: f64| {
        if many || unbounded || distance >= trusted {
            return distance;
        }
        let share = units.iter().map(|unit| unit.sum).sum::<f64>() / items.max(1.0);
        distance.max((range * (share - betting::lower(units, 1.0 - beyond))).min(trusted))
    };
    let mirrored: Vec<Unit> =
        units.iter().map(|unit| Unit { sum: unit.items - unit.sum, items: unit.items }).collect();
    (mean - bet(units, below), mean + bet(&mirrored, above))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::{Statistic, by_student};

    fn difference(a: &[f64], b: &[f64], groups: Option<&Groups>) -> Estimate {
        let student = by_student(&[a, b], groups, &[Statistic::Difference(0, 1)])[0].unwrap();
        of_difference(a, b, groups, &student, 0.95)
    }

    #[test]
    fn equal_scores_prove_nothing_from_few_items() {
        for score in [1.0, 0.4] {
            let few = difference(&[score; 10], &[score; 10], None);
            assert!(few.low < -0.2 && few.high > 0.2 && few.mean == 0.0, "{few:?}");
            let many = difference(&[score; 2000], &[score; 2000], None);
            assert!(many.low > -0.01 && many.high < 0.01, "{many:?}");
        }
    }

    #[test]
    fn a_narrow_interval_of_graded_scores_is_doubted_until_failures_would_have_shown() {
        let a: Vec<f64> = (0..100).map(|i| 0.5 + 0.01 * f64::from(i % 3)).collect();
        let b: Vec<f64> = (0..100).map(|i| 0.5 + 0.01 * f64::from(i % 2)).collect();
        assert!(difference(&a, &b, None).low < -0.03);
        let groups = Groups::new(&(0..100).map(|i| i / 5).collect::<Vec<_>>());
        assert!(difference(&a, &b, Some(&groups)).low < -0.15);
    }

    #[test]
    fn means_have_width_too() {
        let scores = [1.0; 5];
        let student = by_student(&[&scores], None, &[Statistic::Mean(0)])[0].unwrap();
        let mean = of_mean(&scores, None, &student, 0.95);
        assert!(mean.low < 0.6 && mean.high == 1.0, "{mean:?}");
        let graded = [0.9; 5];
        let student = by_student(&[&graded], None, &[Statistic::Mean(0)])[0].unwrap();
        let mean = of_mean(&graded, None, &student, 0.95);
        assert!(mean.low < 0.6 && mean.high <= 1.0, "{mean:?}");
    }
}

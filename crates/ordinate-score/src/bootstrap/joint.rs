//! Several statistics at once: bounds that hold for all of them together, and for the one that was chosen for being best.

use std::sync::Arc;

use ordinate_core::verdict::Estimate;

use crate::bootstrap::part::Part;
use crate::bootstrap::{Estimated, Estimates};
use crate::normal::{quantile, student_quantile};
use crate::quantile::quantile_of_sorted;

/// Statistics with what they were on every resample, all on the same resamples. By [`Bootstrap::joint`](super::Bootstrap::joint).
#[derive(Debug, Clone)]
pub struct Joint {
    pub(super) estimates: Estimates,
    /// The statistics on the resamples that claims rest on.
    pub(super) claims: Vec<Arc<Part>>,
}

/// The best of several, with an interval that knows it was chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    /// The statistic with the largest estimate.
    pub best: usize,
    /// The one with the largest estimate among those that it was held against; `None` where there are none.
    pub against: Option<usize>,
    /// The estimate of `best` (less that of `against`), and its 95 % interval.
    pub estimate: Estimate,
    /// By how much the choice is expected to flatter the estimate.
    pub optimism: f64,
}

impl Joint {
    /// The estimates, in the order in which they were asked for; `None` where no item has all the values.
    #[must_use]
    pub fn estimates(&self) -> &Estimates {
        &self.estimates
    }

    /// Per resample: how far it is from the estimate.
    fn off(&self, statistic: usize) -> &[f64] {
        self.claims[statistic].off()
    }

    /// How many standard errors below its estimate each of these statistics has a lower bound, so that all bounds hold at
    /// once with this probability (0.975 for the lower ends of 95 % intervals): the quantile of the largest studentised
    /// error over the resamples ("max-t", Westfall and Young 1993; Romano and Wolf 2005). Never less than Student's t for
    /// one. Statistics that do not vary do not count.
    #[must_use]
    pub fn critical(&self, of: &[usize], probability: f64) -> f64 {
        let varying: Vec<(&[f64], Estimated)> = of
            .iter()
            .filter_map(|&s| Some((self.off(s), self.estimates.at(s)?)))
            .filter(|(_, estimated)| estimated.se > 0.0)
            .collect();
        let freedom = varying.iter().map(|(_, estimated)| estimated.freedom).fold(f64::INFINITY, f64::min);
        let single = student_quantile(probability, freedom.max(1.0));
        let resamples = varying.first().map_or(0, |(off, _)| off.len());
        let mut most: Vec<f64> = (0..resamples)
            .map(|b| varying.iter().map(|(off, e)| off[b] / e.se).fold(f64::NEG_INFINITY, f64::max))
            .collect();
        if most.is_empty() {
            return single;
        }
        most.sort_unstable_by(f64::total_cmp);
        // Resamples of few units are too alike, as much as the normal quantile is too small.
        let wider = single / quantile(probability);
        (quantile_of_sorted(&most, probability) * wider).max(single)
    }

    /// The lower bound that holds with this probability for how much the best of some leads the best of others.
    ///
    /// `differences[g][v]` is the statistic "v less g", for each of the others g and each of some v. The lead is the least over g of
    /// the largest difference over v; against every g the bounds of all v hold at once. `None` where nothing is compared.
    #[must_use]
    pub fn lead(&self, differences: &[Vec<usize>], probability: f64) -> Option<f64> {
        let over = |of: &Vec<usize>| {
            let critical = self.critical(of, probability);
            let lower = |&s: &usize| {
                let estimated = self.estimates.at(s).filter(|estimated| !estimated.constant)?;
                Some(critical.mul_add(-estimated.se, estimated.estimate.mean))
            };
            of.iter().filter_map(lower).fold(f64::NEG_INFINITY, f64::max)
        };
        differences.iter().map(over).reduce(f64::min).filter(|bound| bound.is_finite())
    }

    /// The best of these means, less the best of those that it is held against (none for the mean itself), with an interval
    /// that covers although both were chosen for being largest.
    ///
    /// The choice is made anew on every resample. Where its errors reach further than those of the one that was chosen, its
    /// interval is stretched by as much: downwards for the best of several, upwards for a difference to the best of several.
    /// `None` where none of them has an estimate.
    #[must_use]
    pub fn best(&self, of: &[usize], against: &[usize]) -> Option<Chosen> {
        let (of, against) = (self.valued(of), self.valued(against));
        let best = largest(&of, None)?;
        let other = largest(&against, None);
        let plain = best.estimated;
        let resamples = best.off.len();
        let error = |best: Option<&Valued<'_>>, other: Option<&Valued<'_>>, b: usize| {
            best.map_or(0.0, |best| best.off[b]) - other.map_or(0.0, |other| other.off[b])
        };
        let sorted = |values: &mut Vec<f64>| values.sort_unstable_by(f64::total_cmp);
        let mut fixed: Vec<f64> = (0..resamples).map(|b| error(Some(best), other, b)).collect();
        let mut chosen: Vec<f64> =
            (0..resamples).map(|b| error(largest(&of, Some(b)), largest(&against, Some(b)), b)).collect();
        let optimism = chosen.iter().sum::<f64>() / resamples.max(1) as f64;
        sorted(&mut fixed);
        sorted(&mut chosen);
        let further = |level: f64| quantile_of_sorted(&chosen, level) - quantile_of_sorted(&fixed, level);
        let (down, up) = if resamples == 0 { (0.0, 0.0) } else { (further(0.975), -further(0.025)) };
        let own = match other.map(|other| other.estimated) {
            None => plain.estimate,
            Some(other) => {
                let mean = plain.estimate.mean - other.estimate.mean;
                let ends = [0.975, 0.025].map(|level| {
                    if resamples == 0 { mean } else { mean - quantile_of_sorted(&fixed, level) }
                });
                Estimate { mean, low: ends[0].min(mean), high: ends[1].max(mean) }
            }
        };
        let estimate =
            Estimate { mean: own.mean, low: own.low - down.max(0.0), high: own.high + up.max(0.0) };
        Some(Chosen { best: best.statistic, against: other.map(|other| other.statistic), estimate, optimism })
    }

    /// Those with an estimate.
    fn valued(&self, of: &[usize]) -> Vec<Valued<'_>> {
        let valued = |&statistic: &usize| {
            let estimated = self.estimates.at(statistic)?;
            Some(Valued { statistic, estimated, off: self.off(statistic) })
        };
        of.iter().filter_map(valued).collect()
    }
}

/// A statistic with its estimate, and how far each resample is from it.
struct Valued<'a> {
    statistic: usize,
    estimated: Estimated,
    off: &'a [f64],
}

/// The statistic with the largest value, on the items as they are or on one resample; ties go to the first.
fn largest<'v, 'a>(of: &'v [Valued<'a>], resample: Option<usize>) -> Option<&'v Valued<'a>> {
    let value = |one: &Valued<'_>| one.estimated.estimate.mean + resample.map_or(0.0, |b| one.off[b]);
    of.iter().reduce(|best, next| if value(next) > value(best) { next } else { best })
}

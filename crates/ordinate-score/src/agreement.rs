//! How far a judge and people grade alike.

use ordinate_core::random::SplitMix;
use ordinate_core::verdict::Estimate;

use crate::mean::wilson;
use crate::normal;

/// Resamples of the intervals.
const RESAMPLES: usize = 1_000;

/// How far two say the same, each with a 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// The share of answers of which both say just the same; Wilson's interval.
    pub share: Estimate,
    /// Cohen's kappa with quadratic weights (Cohen 1968), which of two grades is the plain one; percentile bootstrap over items.
    /// `None` where all grades of both are one and the same.
    pub kappa: Option<Estimate>,
    /// Pearson's correlation; percentile bootstrap over items. `None` where the grades of either do not vary.
    pub correlation: Option<Estimate>,
}

/// Sums over pairs of grades.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.x += other.x;
        self.y += other.y;
        self.xx += other.xx;
        self.yy += other.yy;
        self.xy += other.xy;
    }

    /// Variances, covariance, and the difference of the means.
    fn moments(&self) -> (f64, f64, f64, f64) {
        let (x, y) = (self.x / self.count, self.y / self.count);
        (
            (self.xx / self.count - x * x).max(0.0),
            (self.yy / self.count - y * y).max(0.0),
            self.xy / self.count - x * y,
            x - y,
        )
    }

    /// Quadratic weights make of kappa a function of moments: one less the mean squared difference over what it would be of
    /// independent grades with the same shares.
    fn kappa(&self) -> Option<f64> {
        let (x, y, both, apart) = self.moments();
        let chance = apart.mul_add(apart, x + y);
        (chance > 1e-12).then(|| 2.0 * both / chance)
    }

    fn correlation(&self) -> Option<f64> {
        let (x, y, both, _) = self.moments();
        (x > 1e-12 && y > 1e-12).then(|| (both / (x * y).sqrt()).clamp(-1.0, 1.0))
    }
}

/// How far these grades agree: of each answer its item, and what the one and the other says. `None` of none.
#[must_use]
pub fn agreement(pairs: &[(usize, f64, f64)]) -> Option<Agreement> {
    if pairs.is_empty() {
        return None;
    }
    let same = pairs.iter().filter(|(_, x, y)| (x - y).abs() < 1e-9).count() as f64;
    let mut sorted = pairs.to_vec();
    sorted.sort_by_key(|(item, ..)| *item);
    let items: Vec<Sums> = sorted
        .chunk_by(|a, b| a.0 == b.0)
        .map(|own| {
            let mut sums = Sums::default();
            for &(_, x, y) in own {
                sums.add(&Sums { count: 1.0, x, y, xx: x * x, yy: y * y, xy: x * y });
            }
            sums
        })
        .collect();
    let all = total(items.iter());
    let mut random = SplitMix::new(0);
    let resamples: Vec<Sums> =
        (0..RESAMPLES).map(|_| total((0..items.len()).map(|_| &items[random.below(items.len())]))).collect();
    Some(Agreement {
        share: wilson(same / pairs.len() as f64, pairs.len() as f64, normal::quantile(0.975)),
        kappa: estimate(&all, &resamples, Sums::kappa),
        correlation: estimate(&all, &resamples, Sums::correlation),
    })
}

fn total<'s>(all: impl Iterator<Item = &'s Sums>) -> Sums {
    all.fold(Sums::default(), |mut sum, own| {
        sum.add(own);
        sum
    })
}

fn estimate(all: &Sums, resamples: &[Sums], of: impl Fn(&Sums) -> Option<f64>) -> Option<Estimate> {
    let mean = of(all)?;
    let mut values: Vec<f64> = resamples.iter().filter_map(of).collect();
    values.sort_unstable_by(f64::total_cmp);
    if values.is_empty() {
        return Some(Estimate { mean, low: -1.0, high: 1.0 });
    }
    let [low, high] = [0.025, 0.975].map(|level| crate::quantile::quantile_of_sorted(&values, level));
    Some(Estimate { mean, low: low.min(mean), high: high.max(mean) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_the_same_agrees_and_who_says_the_opposite_does_not() {
        let grades: Vec<f64> = (0..60).map(|at| f64::from(at % 3) / 2.0).collect();
        let pairs = |of: &dyn Fn(f64) -> f64| -> Vec<(usize, f64, f64)> {
            grades.iter().enumerate().map(|(at, grade)| (at, *grade, of(*grade))).collect()
        };
        let same = agreement(&pairs(&|grade| grade)).unwrap();
        assert!((same.kappa.unwrap().mean - 1.0).abs() < 1e-12 && (same.share.mean - 1.0).abs() < 1e-12);
        assert!(
            (agreement(&pairs(&|grade| 1.0 - grade)).unwrap().correlation.unwrap().mean + 1.0).abs() < 1e-12
        );
        let constant = agreement(&pairs(&|_| 0.5)).unwrap();
        assert_eq!((constant.correlation, constant.kappa.unwrap().mean), (None, 0.0));
        assert_eq!(agreement(&[]), None);
    }
}

//! Tests of paired differences, and their correction where there are many.

use ordinate_core::verdict::Estimate;
use statrs::distribution::{Binomial, DiscreteCDF};

/// Items on which exactly one of two candidates is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discordant {
    /// Only the first is right.
    pub only_a: u64,
    /// Only the second is right.
    pub only_b: u64,
}

impl Discordant {
    /// Counts them over the items with both scores. `None` when any of these scores is neither 0 nor 1: the
    /// test is for right and wrong only.
    #[must_use]
    pub fn count(a: &[f64], b: &[f64]) -> Option<Self> {
        let mut counts = Self { only_a: 0, only_b: 0 };
        for (&a, &b) in a.iter().zip(b) {
            if a.is_nan() || b.is_nan() {
                continue;
            }
            if (a != 0.0 && a != 1.0) || (b != 0.0 && b != 1.0) {
                return None;
            }
            counts.only_a += u64::from(a > b);
            counts.only_b += u64::from(b > a);
        }
        Some(counts)
    }

    /// Two-sided p value of the exact McNemar test.
    #[must_use]
    pub fn p(self) -> f64 {
        mcnemar_exact(self.only_a, self.only_b)
    }
}

/// Two-sided p value of the exact McNemar test: of `b + c` items on which exactly one of two is right, `b`
/// went to the one and `c` to the other, where a fair coin is expected (McNemar 1947; the exact binomial
/// form as in statsmodels' `mcnemar(exact=True)`). 1 when there are none. For independent items only.
#[must_use]
pub fn mcnemar_exact(b: u64, c: u64) -> f64 {
    // The two tails of a fair coin meet in the middle.
    if b.abs_diff(c) <= 1 {
        return 1.0;
    }
    Binomial::new(0.5, b + c).map_or(1.0, |coin| (2.0 * coin.cdf(b.min(c))).min(1.0))
}

/// p values corrected by Holm's step-down rule (Holm 1979): those at most 0.05 are shown together with a
/// family-wise error of at most 5 %, whatever their dependence. In the order given; `NaN` (no test) stays
/// `NaN` and does not count.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut corrected = vec![f64::NAN; p.len()];
    let mut least = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        least = least.max((order.len() - rank) as f64 * p[index]).min(1.0);
        corrected[index] = least;
    }
    corrected
}

/// p values corrected by Benjamini and Hochberg's step-up rule (1995): of those at most 0.05, at most 5 % are
/// expected to be false, for independent or positively dependent tests. In the order given; `NaN` (no test)
/// stays `NaN` and does not count.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut corrected = vec![f64::NAN; p.len()];
    let mut most = 1.0_f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        most = most.min(p[index] * (order.len() as f64 / (rank + 1) as f64));
        corrected[index] = most;
    }
    corrected
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&index| !p[index].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    order
}

/// Whether the other is as good as the reference within `margin`, from the interval of (other - reference):
/// its lower end is above -margin.
#[must_use]
pub fn non_inferior(difference: &Estimate, margin: f64) -> bool {
    difference.low > -margin
}

/// Whether the difference is clearly above 0: its interval is.
#[must_use]
pub fn clearly_positive(difference: &Estimate) -> bool {
    difference.low > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_right_and_wrong_are_counted() {
        let nan = f64::NAN;
        let counts = Discordant::count(&[1.0, 1.0, 0.0, nan, 1.0], &[0.0, 1.0, 1.0, 0.5, 0.0]);
        assert_eq!(counts, Some(Discordant { only_a: 2, only_b: 1 }));
        assert_eq!(Discordant::count(&[1.0, 0.5], &[0.0, 1.0]), None);
    }

    #[test]
    fn tests_that_were_not_made_do_not_count() {
        let p = [0.01, f64::NAN, 0.04];
        let holm = holm(&p);
        assert_eq!((holm[0], holm[2]), (0.02, 0.04));
        assert!(holm[1].is_nan() && benjamini_hochberg(&p)[1].is_nan());
    }

    #[test]
    fn as_good_as_needs_the_whole_interval_above_the_margin() {
        let difference = Estimate { mean: 0.0, low: -0.02, high: 0.02 };
        assert!(non_inferior(&difference, 0.03));
        assert!(!non_inferior(&difference, 0.02) && !non_inferior(&difference, 0.0));
    }
}

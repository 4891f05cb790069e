//! Rescue rate: how often one candidate is right where another is wrong.

use ordinate_core::verdict::Estimate;

use crate::groups::Groups;
use crate::mean::{Clusters, Scores};

/// Above this score an answer is right: 1 for right and wrong, more than half of the way for graded scores.
pub const RIGHT: f64 = 0.5;

/// How often b is right where a is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rescue {
    /// P(b right given a wrong), with its 95 % interval (see [`crate::mean`]).
    pub rate: Estimate,
    /// Items where a is wrong and b was asked.
    pub wrong: usize,
    /// Of these, the items where b is right.
    pub rescued: usize,
}

impl Rescue {
    /// Measures it over the items that both have a score for; `None` where a is never wrong. A score above
    /// [`RIGHT`] is right.
    #[must_use]
    pub fn measure(a: &[f64], b: &[f64], groups: Option<&Groups>) -> Option<Self> {
        // Comparisons with NaN are false.
        let asked = |a: f64, b: f64| a <= RIGHT && !b.is_nan();
        let (mut wrong, mut rescued) = (0_usize, 0_usize);
        for (&a, &b) in a.iter().zip(b) {
            let counts = asked(a, b);
            wrong += usize::from(counts);
            rescued += usize::from(counts & (b > RIGHT));
        }
        let mut scores = Scores::shares(rescued as f64, wrong as f64);
        if let Some(groups) = groups {
            let mut residuals = vec![None; groups.count()];
            for ((&a, &b), &group) in a.iter().zip(b).zip(groups.of_item()) {
                if asked(a, b) {
                    *residuals[group as usize].get_or_insert(0.0) += f64::from(b > RIGHT) - scores.mean();
                }
            }
            let squares = |sum: f64, residual: &f64| sum + residual * residual;
            scores = scores.grouped(Clusters {
                count: residuals.iter().flatten().count() as f64,
                squares: residuals.iter().flatten().fold(0.0, squares),
            });
        }
        Some(Self { rate: scores.interval()?, wrong, rescued })
    }

    /// Whether b rescues clearly more often than a guess would: the pair is complementary.
    #[must_use]
    pub fn above(&self, guess_rate: f64) -> bool {
        self.rate.low > guess_rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_what_both_were_asked() {
        let nan = f64::NAN;
        let a = [0.0, 0.5, 1.0, nan, 0.0, 0.2];
        let b = [1.0, 0.4, 1.0, 1.0, nan, 0.6];
        let rescue = Rescue::measure(&a, &b, None).unwrap();
        assert_eq!((rescue.wrong, rescue.rescued), (3, 2));
        assert_eq!(Rescue::measure(&[1.0], &[1.0], None), None);
        assert_eq!(Rescue::measure(&[1.0], &[1.0], Some(&Groups::new(&[0]))), None);
    }

    #[test]
    fn a_guesser_does_not_complement() {
        // Four options, right every fourth time.
        let b: Vec<f64> = (0..400).map(|i| f64::from(i % 4 == 0)).collect();
        let rescue = Rescue::measure(&[0.0; 400], &b, None).unwrap();
        assert!(!rescue.above(0.25) && rescue.above(0.2));
    }
}

//! The score of an answer.

use serde::{Deserialize, Serialize};

/// How good one answer is: a number in `[0, 1]`, larger is better, whatever the metric.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Score(f64);

/// A number that is no score.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the score {0} is not a number in [0, 1]; scale it so that 0 is the worst and 1 the best answer")]
pub struct ScoreError(pub f64);

impl Score {
    /// The worst score; also what an error counts as where errors are read as failures.
    pub const ZERO: Self = Self(0.0);
    /// The best score.
    pub const ONE: Self = Self(1.0);

    /// Checks that `value` is in `[0, 1]`.
    ///
    /// # Errors
    /// [`ScoreError`] for NaN, infinities and numbers outside `[0, 1]`.
    pub fn new(value: f64) -> Result<Self, ScoreError> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(ScoreError(value)) }
    }

    /// The score as a number in `[0, 1]`.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Score {
    type Error = ScoreError;
    fn try_from(value: f64) -> Result<Self, ScoreError> {
        Self::new(value)
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        score.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unit_interval_is_a_score() {
        assert_eq!(Score::new(0.0), Ok(Score::ZERO));
        assert_eq!(Score::new(1.0), Ok(Score::ONE));
        for bad in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
            assert!(Score::new(bad).is_err());
        }
    }
}

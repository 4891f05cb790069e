//! Ridge regression on features: how n-grams and probes answer numbers. Beside `ordinate_learn::kernel`, which factorises a
//! kernel of all rows: here there are as many rows and sparse features as a task has, and they are only multiplied with.

use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::linear::{Rows, splits};
use crate::stop::Stop;

/// Penalties that are tried.
const PENALTIES: [f64; 4] = [10.0, 1.0, 0.1, 0.01];
/// Steps of conjugate gradients at most, and the share of the first residual at which they end.
const STEPS: usize = 200;
const ENOUGH: f64 = 1e-5;

/// A linear regression: weights `w` and an intercept `b` that minimise `|y - X w - b|² + penalty |w|²`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ridge {
    /// One a feature, and the intercept last.
    weights: Vec<f64>,
}

impl Ridge {
    /// Fits on rows and the number of each. The penalty is that of the least squared error on rows held out.
    ///
    /// # Errors
    /// [`ModelError::TooFew`] with fewer than two rows; [`ModelError::Stopped`].
    pub fn fit(rows: Rows<'_>, targets: &[f64], stop: Stop<'_>) -> Result<Self, ModelError> {
        if rows.len() < 2 {
            return Err(ModelError::TooFew(rows.len()));
        }
        let all: Vec<usize> = (0..rows.len()).collect();
        // The weights for one penalty are near those for the next.
        let mut rounds: Vec<_> = splits(&all).into_iter().map(|(train, test)| (train, test, None)).collect();
        let mut best: Option<(f64, f64)> = None;
        for penalty in PENALTIES {
            let mut error = 0.0;
            for (train, test, before) in &mut rounds {
                stop.check()?;
                let fitted = Self::solve(rows, train, targets, penalty, before.as_ref());
                error += test.iter().map(|&row| (fitted.of(rows, row) - targets[row]).powi(2)).sum::<f64>();
                *before = Some(fitted);
            }
            if best.is_none_or(|(least, _)| error < least) {
                best = Some((error, penalty));
            }
        }
        let penalty = best.map_or(1.0, |(_, penalty)| penalty);
        Ok(Self::solve(rows, &all, targets, penalty, None))
    }

    /// The number of weights.
    pub(crate) fn parameters(&self) -> u64 {
        self.weights.len() as u64
    }

    /// The number for a row.
    pub(crate) fn of(&self, rows: Rows<'_>, row: usize) -> f64 {
        rows.dot(row, &self.weights) + self.weights.last().copied().unwrap_or_default()
    }

    /// Conjugate gradients on the normal equations (Hestenes and Stiefel 1952, as CGLS): `X` is only multiplied with.
    fn solve(rows: Rows<'_>, chosen: &[usize], targets: &[f64], penalty: f64, start: Option<&Self>) -> Self {
        let features = rows.features();
        let mean = chosen.iter().map(|&row| targets[row]).sum::<f64>() / chosen.len().max(1) as f64;
        let mut fitted = start.cloned().unwrap_or_else(|| {
            let mut weights = vec![0.0; features + 1];
            weights[features] = mean;
            Self { weights }
        });
        let mut left: Vec<f64> = chosen.iter().map(|&row| targets[row] - fitted.of(rows, row)).collect();
        // X' left - penalty w: the intercept is not penalised.
        let slope = |left: &[f64], weights: &[f64]| {
            let mut slope = vec![0.0; features + 1];
            for (&row, &left) in chosen.iter().zip(left) {
                rows.add(row, left, &mut slope);
                slope[features] += left;
            }
            for (slope, weight) in slope.iter_mut().zip(&weights[..features]) {
                *slope -= penalty * weight;
            }
            slope
        };
        let square = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
        let mut gradient = slope(&left, &fitted.weights);
        let mut direction = gradient.clone();
        let mut size = square(&gradient);
        // What the gradient is at no weights at all says how small is small.
        let none = Self { weights: vec![0.0; features + 1] };
        let of_none: Vec<f64> = chosen.iter().map(|&row| targets[row]).collect();
        let least = ENOUGH * ENOUGH * square(&slope(&of_none, &none.weights)).max(f64::MIN_POSITIVE);
        for _ in 0..STEPS {
            if size <= least {
                break;
            }
            let along = Self { weights: direction.clone() };
            let changes: Vec<f64> = chosen.iter().map(|&row| along.of(rows, row)).collect();
            let curvature = square(&changes) + penalty * square(&direction[..features]);
            if curvature <= 0.0 {
                break;
            }
            let step = size / curvature;
            fitted.weights.iter_mut().zip(&direction).for_each(|(weight, by)| *weight += step * by);
            left.iter_mut().zip(&changes).for_each(|(left, by)| *left -= step * by);
            gradient = slope(&left, &fitted.weights);
            let next = square(&gradient);
            let turn = next / size;
            size = next;
            direction.iter_mut().zip(&gradient).for_each(|(by, slope)| *by = slope + turn * *by);
        }
        fitted
    }
}

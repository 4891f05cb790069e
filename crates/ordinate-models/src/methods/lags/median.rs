//! Linear regression of the median: the weights of the least sum of absolute errors, which is what forecasts are scored by, and
//! which a few wild series do not lead astray.

use serde::{Deserialize, Serialize};

use super::windows::Window;

/// Rounds of reweighting.
const ROUNDS: usize = 10;
/// Errors that are smaller than this share of the median one count as if they were as large.
const FLOOR: f64 = 0.1;
/// The penalty, as a share of the mean square of the columns: with ten times as much the peak of a season is missed.
const PENALTY: f64 = 0.001;

/// Weights of some lags, and a constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Linear {
    /// The lags that it reads.
    columns: Vec<usize>,
    /// One a column, and the constant last.
    weights: Vec<f64>,
}

impl Linear {
    /// Fits on windows what comes in the step `ahead`, by least squares that are weighted anew by the inverse of their errors
    /// (Schlossmacher 1973). Without windows it says that nothing changes.
    pub(super) fn fit<'a>(
        columns: &[usize],
        windows: impl Iterator<Item = &'a Window>,
        ahead: usize,
    ) -> Self {
        let size = columns.len() + 1;
        let (mut rows, mut wanted, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for window in windows {
            rows.extend(columns.iter().map(|lag| window.lags[lag - 1]));
            rows.push(1.0);
            wanted.push(window.next[ahead]);
            counts.push(window.weight);
        }
        let mut weights = solve(&rows, size, &wanted, &counts);
        for _ in 0..ROUNDS {
            let errors: Vec<f64> = rows
                .chunks_exact(size)
                .zip(&wanted)
                .map(|(row, wanted)| (wanted - dot(row, &weights)).abs())
                .collect();
            let mut sorted = errors.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let floor = FLOOR * sorted.get(sorted.len() / 2).copied().unwrap_or_default();
            let floor = floor.max(1e-9);
            let anew: Vec<f64> =
                errors.iter().zip(&counts).map(|(error, count)| count / error.max(floor)).collect();
            weights = solve(&rows, size, &wanted, &anew);
        }
        Self { columns: columns.to_vec(), weights }
    }

    /// What comes of these lags.
    pub(super) fn say(&self, lags: &[f64]) -> f64 {
        let constant = self.weights.last().copied().unwrap_or_default();
        let columns = self.columns.iter().zip(&self.weights);
        columns.fold(constant, |sum, (lag, weight)| lags[lag - 1].mul_add(*weight, sum))
    }

    pub(super) fn parameters(&self) -> usize {
        self.weights.len()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The weights of weighted ridge regression, the last column unpenalised, by the normal equations and a Cholesky decomposition.
fn solve(rows: &[f64], size: usize, wanted: &[f64], counts: &[f64]) -> Vec<f64> {
    let mut products = vec![0.0; size * size];
    let mut right = vec![0.0; size];
    for ((row, wanted), count) in rows.chunks_exact(size).zip(wanted).zip(counts) {
        for (at, value) in row.iter().enumerate() {
            let value = count * value;
            right[at] += value * wanted;
            let line = &mut products[at * size..=at * size + at];
            line.iter_mut().zip(row).for_each(|(sum, other)| *sum += value * other);
        }
    }
    let trace: f64 = (0..size - 1).map(|at| products[at * size + at]).sum();
    let penalty = (PENALTY * trace / (size - 1).max(1) as f64).max(1e-12);
    (0..size - 1).for_each(|at| products[at * size + at] += penalty);
    // The lower triangle in place; a pivot that is none belongs to a column that says nothing.
    for at in 0..size {
        for other in at..size {
            let done = dot(&products[at * size..at * size + at], &products[other * size..other * size + at]);
            products[other * size + at] -= done;
        }
        let pivot = products[at * size + at].max(0.0).sqrt();
        products[at * size + at] = pivot;
        for other in at + 1..size {
            let value = &mut products[other * size + at];
            *value = if pivot > 0.0 { *value / pivot } else { 0.0 };
        }
    }
    let divide = |value: f64, pivot: f64| if pivot > 0.0 { value / pivot } else { 0.0 };
    for at in 0..size {
        let done = dot(&products[at * size..at * size + at], &right[..at]);
        right[at] = divide(right[at] - done, products[at * size + at]);
    }
    for at in (0..size).rev() {
        let done: f64 = (at + 1..size).map(|other| products[other * size + at] * right[other]).sum();
        right[at] = divide(right[at] - done, products[at * size + at]);
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(lags: Vec<f64>, next: f64) -> Window {
        Window { lags, next: vec![next], last: 0.0, size: 1.0, change: 1.0, half: 0, weight: 1.0 }
    }

    /// One in eight is far off, always to the same side: the median does not see it.
    #[test]
    fn wild_windows_do_not_lead_astray() {
        let windows: Vec<Window> = (0..400)
            .map(|at| {
                let (a, b) = (f64::from(at * 37 % 101) / 50.0 - 1.0, f64::from(at * 53 % 89) / 44.0 - 1.0);
                let wild = if at % 8 == 0 { 50.0 } else { 0.0 };
                window(vec![a, b, 7.0], 2.0 * a - b + 0.5 + wild)
            })
            .collect();
        let fitted = Linear::fit(&[1, 2], windows.iter(), 0);
        for (lags, right) in [([1.0, 0.0, 0.0], 2.5), ([0.0, 1.0, 9.0], -0.5), ([0.0, 0.0, 0.0], 0.5)] {
            assert!((fitted.say(&lags) - right).abs() < 0.1, "{fitted:?}");
        }
        assert!(Linear::fit(&[1, 2], [].iter(), 0).say(&[1.0, 1.0]).abs() < 1e-12);
        // A column that never changes is no harm.
        let same = Linear::fit(&[1, 2, 3], windows.iter(), 0);
        assert!(same.say(&[0.0, 0.0, 7.0]).is_finite());
    }
}

//! Multinomial logistic regression with an L2 penalty, on sparse rows.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};
use serde::{Deserialize, Serialize};

use crate::error::LearnError;
use crate::matrix::Matrix;

/// Steps after which fitting stops in any case.
const STEPS: u32 = 1_000;
/// It stops when no entry of the gradient, per row, is larger.
const FLAT: f64 = 1e-8;

/// A sparse row: feature numbers and values.
pub type SparseRow = Vec<(usize, f64)>;

/// A fitted model: probabilities of a few classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// A row per feature, the last one for the intercept; a column per class.
    weights: Matrix,
}

impl Logistic {
    /// Weights that minimise the log loss, summed over rows, plus `lambda / 2` times the sum of the squared
    /// weights, intercepts not counted: scikit-learn's `LogisticRegression` with `C = 1 / lambda`.
    ///
    /// `class_of` holds a class below `classes` for each row. Steps divide the gradient by Böhning's (1992)
    /// bound of the Hessian, which is factorised once, with Nesterov's momentum.
    ///
    /// # Errors
    /// [`LearnError`]: no rows, rows that do not match, a feature or a class out of range, numbers that are
    /// not finite, a `lambda` of 0 or less.
    pub fn fit(
        rows: &[SparseRow],
        features: usize,
        class_of: &[usize],
        classes: usize,
        lambda: f64,
    ) -> Result<Self, LearnError> {
        check(rows, features, class_of, classes, lambda)?;
        let size = features + 1;
        let mut bound = Mat::<f64>::zeros(size, size);
        for row in rows {
            for &(i, x) in row {
                for &(j, y) in row {
                    bound[(i, j)] += 0.5 * x * y;
                }
                bound[(features, i)] += 0.5 * x;
                bound[(i, features)] += 0.5 * x;
            }
            bound[(features, features)] += 0.5;
        }
        for i in 0..features {
            bound[(i, i)] += lambda;
        }
        let factor =
            Llt::new(bound.as_ref(), Side::Lower).map_err(|_| LearnError::NotPositiveDefinite { lambda })?;
        let mut model = Self { weights: Matrix::from_fn(size, classes, |_, _| 0.0) };
        let mut before = model.clone();
        let mut since = 0_u32;
        let flat = FLAT * rows.len() as f64;
        for _ in 0..STEPS {
            let momentum = f64::from(since) / f64::from(since + 3);
            let ahead = model.plus(momentum, &before);
            let gradient = ahead.gradient(rows, class_of, lambda);
            let steepest =
                (0..size).flat_map(|i| (0..classes).map(move |j| (i, j))).map(|at| gradient[at].abs());
            if steepest.fold(0.0, f64::max) <= flat {
                return Ok(ahead);
            }
            let step = factor.solve(&gradient);
            let next =
                Self { weights: Matrix::from_fn(size, classes, |i, j| ahead.weights[(i, j)] - step[(i, j)]) };
            // Momentum that leads uphill is dropped (O'Donoghue and Candès 2015).
            let uphill: f64 = (0..size)
                .flat_map(|i| (0..classes).map(move |j| (i, j)))
                .map(|at| gradient[at] * (next.weights[at] - model.weights[at]))
                .sum();
            since = if uphill > 0.0 { 0 } else { since + 1 };
            before = std::mem::replace(&mut model, next);
        }
        Ok(model)
    }

    /// The probability of each class; features that are out of range are left out.
    #[must_use]
    pub fn probabilities(&self, row: &[(usize, f64)]) -> Vec<f64> {
        let intercept = self.weights.rows() - 1;
        let mut scores = self.weights.row(intercept).to_vec();
        for &(feature, value) in row.iter().filter(|(feature, _)| *feature < intercept) {
            for (score, weight) in scores.iter_mut().zip(self.weights.row(feature)) {
                *score += value * weight;
            }
        }
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for score in &mut scores {
            *score = (*score - most).exp();
            sum += *score;
        }
        scores.iter_mut().for_each(|score| *score /= sum);
        scores
    }

    /// These weights and `share` of the way on from `before`.
    fn plus(&self, share: f64, before: &Self) -> Self {
        let (now, then) = (&self.weights, &before.weights);
        let value = |i, j| share.mul_add(now[(i, j)] - then[(i, j)], now[(i, j)]);
        Self { weights: Matrix::from_fn(now.rows(), now.columns(), value) }
    }

    fn gradient(&self, rows: &[SparseRow], class_of: &[usize], lambda: f64) -> Mat<f64> {
        let (size, classes) = (self.weights.rows(), self.weights.columns());
        let intercept = size - 1;
        let penalty = |i: usize, j: usize| if i < intercept { lambda * self.weights[(i, j)] } else { 0.0 };
        let mut gradient = Mat::from_fn(size, classes, penalty);
        for (row, &class) in rows.iter().zip(class_of) {
            let mut error = self.probabilities(row);
            error[class] -= 1.0;
            for (j, error) in error.into_iter().enumerate() {
                for &(i, value) in row {
                    gradient[(i, j)] += value * error;
                }
                gradient[(intercept, j)] += error;
            }
        }
        gradient
    }
}

fn check(
    rows: &[SparseRow],
    features: usize,
    class_of: &[usize],
    classes: usize,
    lambda: f64,
) -> Result<(), LearnError> {
    if !(lambda > 0.0 && lambda.is_finite()) {
        return Err(LearnError::Parameter { name: "lambda", value: lambda, range: "finite and above 0" });
    }
    if rows.is_empty() || classes == 0 {
        return Err(LearnError::Empty("the table of features", rows.len(), features));
    }
    if class_of.len() != rows.len() {
        return Err(LearnError::Shape {
            what: "the list of classes",
            found: class_of.len(),
            wanted: rows.len(),
        });
    }
    if let Some(&class) = class_of.iter().find(|&&class| class >= classes) {
        return Err(LearnError::Shape { what: "a class number", found: class, wanted: classes - 1 });
    }
    for (row, entries) in rows.iter().enumerate() {
        for &(column, value) in entries {
            if column >= features {
                return Err(LearnError::Shape {
                    what: "a feature number",
                    found: column,
                    wanted: features - 1,
                });
            }
            if !value.is_finite() {
                return Err(LearnError::NotFinite { what: "the features", row, column, value });
            }
        }
    }
    Ok(())
}

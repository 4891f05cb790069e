//! Multinomial logistic regression with an L2 penalty, on sparse rows of a few hundred features. Beside [`crate::margin`], which fits
//! each class against the rest: here the probabilities of all classes are fitted together, as a stack of candidates needs them.

use serde::{Deserialize, Serialize};

use crate::error::LearnError;
use crate::lbfgs;
use crate::matrix::Matrix;
use crate::power::exp;

/// Steps after which fitting stops in any case.
const STEPS: u32 = 1_000;

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
    /// `class_of` holds a class below `classes` for each row. `start` is a model of the same shape to begin with, such as the one
    /// for another `lambda`: it saves steps and changes nothing else. By L-BFGS, scaled by the diagonal of Böhning's (1992) bound
    /// of the Hessian, until no entry of the gradient, per row, is larger than `flat` (with 1e-7 the probabilities are scikit-learn's
    /// to 1e-5; whoever asks only which class is most probable needs less): a step takes time proportional to classes times the entries of the rows and the features that are used.
    ///
    /// # Errors
    /// [`LearnError`]: no rows, rows that do not match, a feature or a class out of range, numbers that are
    /// not finite, a `lambda` of 0 or less, a start of another shape.
    pub fn fit(
        rows: &[SparseRow],
        features: usize,
        class_of: &[usize],
        classes: usize,
        lambda: f64,
        flat: f64,
        start: Option<&Self>,
    ) -> Result<Self, LearnError> {
        check(rows, features, class_of, classes, lambda)?;
        if start
            .is_some_and(|start| (start.weights.rows(), start.weights.columns()) != (features + 1, classes))
        {
            let found = start.map_or(0, |start| start.weights.values().len());
            let wanted = (features + 1) * classes;
            return Err(LearnError::Shape { what: "the start", found, wanted });
        }
        // A feature that no row has keeps a weight of 0: the others are numbered without gaps.
        let mut place = vec![usize::MAX; features];
        let mut used = Vec::new();
        let mut dense = |&(feature, value): &(usize, f64)| {
            (value != 0.0).then(|| {
                if place[feature] == usize::MAX {
                    place[feature] = used.len();
                    used.push(feature);
                }
                (place[feature], value)
            })
        };
        let rows: Vec<SparseRow> =
            rows.iter().map(|row| row.iter().filter_map(&mut dense).collect()).collect();
        let mut bound = vec![lambda; used.len()];
        for &(feature, value) in rows.iter().flatten() {
            bound[feature] += 0.5 * value * value;
        }
        bound.push(0.5 * rows.len() as f64);
        // Beside the used features the intercept.
        used.push(features);
        let begin = used.iter().flat_map(|&feature| {
            (0..classes).map(move |class| start.map_or(0.0, |s| s.weights[(feature, class)]))
        });
        let curvature: Vec<f64> =
            bound.iter().flat_map(|bound| std::iter::repeat_n(*bound, classes)).collect();
        let flat = flat * rows.len() as f64;
        let problem = Problem { rows: &rows, class_of, classes, lambda };
        let flatten = |vector: &mut [f64]| {
            vector.iter_mut().zip(&curvature).for_each(|(value, curvature)| *value /= curvature);
        };
        let found = lbfgs::minimise(begin.collect(), flatten, flat, STEPS, |weights, gradient| {
            pulp::Arch::new().dispatch(Loss { of: &problem, weights, gradient })
        });
        let mut weights = Matrix::from_fn(features + 1, classes, |_, _| 0.0);
        for (&feature, found) in used.iter().zip(found.chunks_exact(classes)) {
            weights.row_mut(feature).copy_from_slice(found);
        }
        Ok(Self { weights })
    }

    /// The probability of each class; features that are out of range are left out.
    #[must_use]
    pub fn probabilities(&self, row: &[(usize, f64)]) -> Vec<f64> {
        let intercept = self.weights.rows() - 1;
        let known: SparseRow = row.iter().copied().filter(|(feature, _)| *feature < intercept).collect();
        let mut scores = vec![0.0; self.weights.columns()];
        score(self.weights.values(), &known, &mut scores);
        shares(&mut scores);
        scores
    }
}

/// The scores of each class for a row; weights are a row per feature, the last one for the intercept.
#[inline(always)]
fn score(weights: &[f64], row: &[(usize, f64)], scores: &mut [f64]) {
    let classes = scores.len();
    scores.copy_from_slice(&weights[weights.len() - classes..]);
    for &(feature, value) in row {
        for (score, weight) in scores.iter_mut().zip(&weights[feature * classes..][..classes]) {
            *score += value * weight;
        }
    }
}

/// Turns scores into probabilities; gives the logarithm of what they were divided by.
#[inline(always)]
fn shares(scores: &mut [f64]) -> f64 {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter_mut().for_each(|score| *score = exp(*score - most));
    let sum: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
    most + sum.ln()
}

/// What is minimised.
struct Problem<'a> {
    rows: &'a [SparseRow],
    class_of: &'a [usize],
    classes: usize,
    lambda: f64,
}

/// [`Problem::loss`]. Not a closure: that would not be compiled for the processor's own registers.
struct Loss<'a> {
    of: &'a Problem<'a>,
    weights: &'a [f64],
    gradient: &'a mut [f64],
}

impl pulp::NullaryFnOnce for Loss<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        self.of.loss(self.weights, self.gradient)
    }
}

impl Problem<'_> {
    /// The penalised log loss at these weights, with its gradient.
    #[inline(always)]
    fn loss(&self, weights: &[f64], gradient: &mut [f64]) -> f64 {
        let penalised = weights.len() - self.classes;
        let mut loss = 0.0;
        for (slope, weight) in gradient.iter_mut().zip(weights).take(penalised) {
            *slope = self.lambda * weight;
            loss += 0.5 * self.lambda * weight * weight;
        }
        gradient[penalised..].fill(0.0);
        let mut error = vec![0.0; self.classes];
        for (row, &class) in self.rows.iter().zip(self.class_of) {
            score(weights, row, &mut error);
            let own = error[class];
            loss += shares(&mut error) - own;
            error[class] -= 1.0;
            let places = row.iter().map(|&(feature, value)| (feature * self.classes, value));
            for (place, value) in places.chain([(penalised, 1.0)]) {
                for (slope, error) in gradient[place..].iter_mut().zip(&error) {
                    *slope += value * error;
                }
            }
        }
        loss
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

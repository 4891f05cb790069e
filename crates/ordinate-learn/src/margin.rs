//! Linear classifiers for many sparse features: one logistic regression per class against the rest. For dense ones:
//! [`crate::dense`].

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::descent::Descent;
use crate::error::LearnError;

/// The largest gradient of a dual variable that is left: of a fit that is used, and of one that a cost is chosen by
/// (LIBLINEAR's default).
const EXACT: f64 = 0.02;
const ROUGH: f64 = 0.1;

/// A row of features: numbers of features and their values.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    /// Numbers of features, each at most once.
    pub index: &'a [u32],
    /// Their values.
    pub value: &'a [f32],
}

impl Cells<'_> {
    fn dot(&self, weights: &[f32]) -> f64 {
        let terms = self.index.iter().zip(self.value);
        terms.map(|(&at, &value)| f64::from(weights.get(at as usize).copied().unwrap_or(0.0) * value)).sum()
    }
}

/// One L2-penalised logistic regression per class against all others, with a penalised intercept, as LIBLINEAR fits
/// them (dual coordinate descent; Yu, Huang and Lin 2011, algorithm 5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Margins {
    features: usize,
    /// Per class: a weight per feature, and the intercept last.
    weights: Vec<Vec<f32>>,
}

impl Margins {
    /// Fits. `holds(row, class)` says whether the class is right for the row: exactly one of them for labels, any
    /// number for tags. `cost` is LIBLINEAR's `C`: the weight of the rows' log loss against half the squared weights.
    ///
    /// # Errors
    /// [`LearnError`]: no rows or classes, a feature out of range, a number that is not finite, a `cost` of 0 or less.
    pub fn fit(
        rows: &[Cells<'_>],
        features: usize,
        classes: usize,
        holds: impl Fn(usize, usize) -> bool + Sync,
        cost: f64,
    ) -> Result<Self, LearnError> {
        let mut fitted = Self { features, weights: Vec::new() };
        Self::path(rows, features, classes, holds, (&[cost], EXACT), &mut |_, found| {
            fitted = found;
            ControlFlow::Continue(())
        })?;
        Ok(fitted)
    }

    /// Fits for each of some costs, in ascending order, as exactly as is enough to choose one of them. What was found for
    /// one cost is where the next begins; `each` is given the place of the cost and the fit, and may break off.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub fn search(
        rows: &[Cells<'_>],
        features: usize,
        classes: usize,
        holds: impl Fn(usize, usize) -> bool + Sync,
        costs: &[f64],
        each: &mut dyn FnMut(usize, Self) -> ControlFlow<()>,
    ) -> Result<(), LearnError> {
        Self::path(rows, features, classes, holds, (costs, ROUGH), each)
    }

    fn path(
        rows: &[Cells<'_>],
        features: usize,
        classes: usize,
        holds: impl Fn(usize, usize) -> bool + Sync,
        (costs, tolerance): (&[f64], f64),
        each: &mut dyn FnMut(usize, Self) -> ControlFlow<()>,
    ) -> Result<(), LearnError> {
        costs.iter().try_for_each(|&cost| check(rows, features, classes, cost))?;
        let squares: Vec<f64> = rows
            .iter()
            .map(|row| 1.0 + row.value.iter().map(|value| f64::from(value * value)).sum::<f64>())
            .collect();
        let descent = Descent { rows, squares: &squares, features, classes, holds, costs, tolerance };
        descent.solve(&mut |at, weights| each(at, Self { features, weights }));
        Ok(())
    }

    /// Of weights that were fitted elsewhere: per class one per feature, and the intercept.
    pub(crate) fn new(features: usize, weights: Vec<Vec<f32>>) -> Self {
        Self { features, weights }
    }

    /// Per class: a weight per feature, and the intercept last.
    pub(crate) fn weights(&self) -> &[Vec<f32>] {
        &self.weights
    }

    /// The number of features.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// The number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.weights.len()
    }

    /// The number of weights, intercepts counted.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.weights.len() * (self.features + 1)
    }

    /// The score of each class for a row of all features; features that are out of range are left out.
    #[must_use]
    pub fn scores_dense(&self, row: &[f32]) -> Vec<f64> {
        self.weights
            .iter()
            .map(|weights| {
                let (weights, intercept) = weights.split_at(self.features.min(weights.len()));
                let sum: f64 = weights.iter().zip(row).map(|(weight, value)| f64::from(weight * value)).sum();
                sum + intercept.first().copied().map_or(0.0, f64::from)
            })
            .collect()
    }

    /// The log-odds of each class against the rest; features that are out of range are left out.
    #[must_use]
    pub fn scores(&self, row: Cells<'_>) -> Vec<f64> {
        self.weights
            .iter()
            .map(|weights| {
                let (weights, intercept) = weights.split_at(self.features.min(weights.len()));
                row.dot(weights) + intercept.first().copied().map_or(0.0, f64::from)
            })
            .collect()
    }
}

fn check(rows: &[Cells<'_>], features: usize, classes: usize, cost: f64) -> Result<(), LearnError> {
    if !(cost > 0.0 && cost.is_finite()) {
        return Err(LearnError::Parameter { name: "cost", value: cost, range: "finite and above 0" });
    }
    if rows.is_empty() || classes == 0 {
        return Err(LearnError::Empty("the table of features", rows.len(), features));
    }
    for (at, row) in rows.iter().enumerate() {
        for (&column, &value) in row.index.iter().zip(row.value) {
            let column = column as usize;
            if column >= features {
                let wanted = features.saturating_sub(1);
                return Err(LearnError::Shape { what: "a feature number", found: column, wanted });
            }
            if !value.is_finite() {
                let value = f64::from(value);
                return Err(LearnError::NotFinite { what: "the features", row: at, column, value });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ordinate_core::random::SplitMix;

    /// The primal gradient at the result is near zero: `w = C * sum of (holds - p) x`.
    #[test]
    fn the_gradient_vanishes() {
        let index: Vec<u32> = (0..6).collect();
        let mut random = SplitMix::new(7);
        let values: Vec<Vec<f32>> =
            (0..300).map(|_| (0..6).map(|_| random.unit() as f32 - 0.5).collect()).collect();
        let right = |row: usize, class: usize| {
            let best = if values[row][0] > 0.1 {
                0
            } else if values[row][1] > values[row][2] {
                1
            } else {
                2
            };
            class == best
        };
        let rows: Vec<Cells<'_>> = values.iter().map(|value| Cells { index: &index, value }).collect();
        for cost in [0.5, 8.0] {
            let fitted = Margins::fit(&rows, 6, 3, right, cost).unwrap();
            for class in 0..3 {
                let mut gradient: Vec<f64> = fitted.weights[class].iter().map(|w| f64::from(*w)).collect();
                for (at, row) in rows.iter().enumerate() {
                    let p = 1.0 / (1.0 + (-fitted.scores(*row)[class]).exp());
                    let error = f64::from(u8::from(right(at, class))) - p;
                    for (place, value) in row.value.iter().enumerate() {
                        gradient[place] -= cost * error * f64::from(*value);
                    }
                    gradient[6] -= cost * error;
                }
                let size = cost * 300.0;
                assert!(gradient.iter().all(|g| g.abs() < 3e-4 * size), "{cost} {class} {gradient:?}");
            }
        }
    }

    /// What is found on the way from one cost to the next is near what is found from nothing; and it ends where it is told to.
    #[test]
    fn a_search_finds_what_fits_find() {
        let mut random = SplitMix::new(5);
        let rows: Vec<(Vec<u32>, Vec<f32>)> = (0..400)
            .map(|_| {
                let index: Vec<u32> = (0..60).filter(|_| random.unit() < 0.15).collect();
                let value = index.iter().map(|_| random.unit() as f32).collect();
                (index, value)
            })
            .collect();
        let cells: Vec<Cells<'_>> = rows.iter().map(|(index, value)| Cells { index, value }).collect();
        let noise: Vec<f64> = (0..400).map(|_| random.unit()).collect();
        let holds = |row: usize, class: usize| {
            rows[row].0.iter().any(|at| *at as usize % 7 == class) != (noise[row] < 0.1)
        };
        let costs = [0.5, 4.0, 32.0];
        let mut seen = 0;
        let each = &mut |at: usize, found: Margins| {
            let fitted = Margins::fit(&cells, 60, 7, holds, costs[at]).unwrap();
            for row in &cells {
                for (a, b) in found.scores(*row).into_iter().zip(fitted.scores(*row)) {
                    let share = |score: f64| 1.0 / (1.0 + (-score).exp());
                    assert!((share(a) - share(b)).abs() < 0.02, "{}: {a} {b}", costs[at]);
                }
            }
            seen += 1;
            if at == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        Margins::search(&cells, 60, 7, holds, &costs, each).unwrap();
        assert_eq!(seen, 2);
    }

    #[test]
    fn bad_input() {
        let row = Cells { index: &[3], value: &[1.0] };
        assert!(Margins::fit(&[row], 3, 2, |_, _| true, 1.0).is_err());
        assert!(Margins::fit(&[], 3, 2, |_, _| true, 1.0).is_err());
        assert!(Margins::fit(&[row], 4, 2, |_, _| true, 0.0).is_err());
        let row = Cells { index: &[0], value: &[f32::NAN] };
        assert!(Margins::fit(&[row], 4, 2, |_, _| true, 1.0).is_err());
        // One class only, and a row without features.
        let rows = [Cells { index: &[0], value: &[1.0] }, Cells { index: &[], value: &[] }];
        let fitted = Margins::fit(&rows, 1, 1, |_, _| true, 1.0).unwrap();
        assert!(fitted.scores(rows[0])[0] > 0.0 && fitted.parameters() == 2);
    }
}

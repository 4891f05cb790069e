//! What stands on the features of n-grams and encoders: a classifier, or a regression.

use ordinate_features::Sparse;
use serde::{Deserialize, Serialize};

use crate::class_means::ClassMeans;
use crate::error::ModelError;
use crate::kind::Kind;
use crate::linear::{Calibrated, Rows};
use crate::model::Prediction;
use crate::regression::Ridge;
use crate::stop::Stop;

/// A linear model of labels or of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Head {
    /// Logistic regression.
    Labels(Calibrated),
    /// Ridge regression.
    Number(Ridge),
    /// The means of labels.
    Means(ClassMeans),
}

impl Head {
    /// Fits on rows and the labels of each, of which the only one is a number for [`Kind::Regress`].
    ///
    /// # Errors
    /// As [`Calibrated::fit`] and [`Ridge::fit`]; [`ModelError::NoNumber`].
    pub fn fit(
        kind: Kind,
        rows: Rows<'_>,
        targets: &[Vec<String>],
        costs: &[f64],
        stop: Stop<'_>,
    ) -> Result<Self, ModelError> {
        if kind == Kind::Regress {
            let texts = targets.iter().map(|target| target.first().map(String::as_str).unwrap_or_default());
            let numbers = texts.map(number).collect::<Result<Vec<f64>, _>>()?;
            return Ok(Self::Number(Ridge::fit(rows, &numbers, stop)?));
        }
        Ok(Self::Labels(Calibrated::fit(kind, rows, targets, costs, stop)?))
    }

    /// The answer to a row of few features.
    #[must_use]
    pub fn predict(&self, row: &Sparse) -> Prediction {
        match self {
            Self::Labels(model) => model.predict(row),
            Self::Number(model) => said(model.of(Rows::Sparse(std::slice::from_ref(row), 0), 0)),
            Self::Means(model) => model.predict(&dense(row, model.width())),
        }
    }

    /// The answer to a row of all features.
    #[must_use]
    pub fn predict_dense(&self, row: &[f32]) -> Prediction {
        match self {
            Self::Labels(model) => model.predict_dense(row),
            Self::Number(model) => said(model.of(Rows::Dense(&[row]), 0)),
            Self::Means(model) => model.predict(row),
        }
    }

    /// How probable a label is, of a row of all features; `None` of a number, and for a label that it does not know.
    #[must_use]
    pub fn share_dense(&self, row: &[f32], label: &str) -> Option<f64> {
        match self {
            Self::Labels(model) => model.share_dense(row, label),
            Self::Number(_) => None,
            Self::Means(model) => model.share(row, label),
        }
    }

    /// The number of weights.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        match self {
            Self::Labels(model) => model.parameters(),
            Self::Number(model) => model.parameters(),
            Self::Means(model) => model.parameters(),
        }
    }
}

/// A row of few features as one of all.
fn dense(row: &Sparse, width: usize) -> Vec<f32> {
    let mut all = vec![0.0; width];
    for (&at, &value) in row.index.iter().zip(&row.value) {
        if let Some(cell) = all.get_mut(at as usize) {
            *cell = value;
        }
    }
    all
}

/// The number that a target is.
///
/// # Errors
/// [`ModelError::NoNumber`].
pub fn number(target: &str) -> Result<f64, ModelError> {
    let number = target.trim().parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| ModelError::NoNumber(target.to_owned()))
}

/// A number as an answer, with seven digits: more would be noise. How sure it is, is not known.
pub(crate) fn said(number: f64) -> Prediction {
    let short = format!("{number:.6e}").parse().unwrap_or(number);
    Prediction { output: short.to_string(), ..Prediction::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_with_seven_digits() {
        for (number, text) in [(0.1 + 0.2, "0.3"), (1_234_567.891, "1234568"), (-2.0, "-2"), (0.0, "0")] {
            assert_eq!(said(number).output, text);
        }
    }

    #[test]
    fn a_line_is_found() {
        let rows: Vec<Vec<f32>> =
            (0..60_u16).map(|at| vec![f32::from(at % 7), f32::from(at * at % 11)]).collect();
        let targets: Vec<Vec<String>> =
            rows.iter().map(|row| vec![(2.0 * row[0] - row[1] + 5.0).to_string()]).collect();
        let dense: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        let head = Head::fit(Kind::Regress, Rows::Dense(&dense), &targets, &[], Stop::NEVER).unwrap();
        let answer: f64 = head.predict_dense(&[10.0, 0.0]).output.parse().unwrap();
        assert!((answer - 25.0).abs() < 0.01, "{answer}");
        let bad = [vec!["1".to_owned()], vec!["two".to_owned()]];
        let error = Head::fit(Kind::Regress, Rows::Dense(&dense[..2]), &bad, &[], Stop::NEVER)
            .unwrap_err()
            .to_string();
        assert!(error.contains("two"), "{error}");
    }
}

//! Dense matrices, row by row.

use serde::{Deserialize, Serialize};

use crate::error::LearnError;

/// A dense matrix, stored row by row: one row per item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Saved<T>", into = "Saved<T>")]
#[serde(bound(serialize = "T: Clone + Serialize", deserialize = "T: Deserialize<'de>"))]
pub struct Matrix<T = f64> {
    rows: usize,
    columns: usize,
    values: Vec<T>,
}

#[derive(Serialize, Deserialize)]
struct Saved<T> {
    columns: usize,
    values: Vec<T>,
}

impl<T> From<Matrix<T>> for Saved<T> {
    fn from(matrix: Matrix<T>) -> Self {
        Self { columns: matrix.columns, values: matrix.values }
    }
}

impl<T> TryFrom<Saved<T>> for Matrix<T> {
    type Error = LearnError;

    fn try_from(saved: Saved<T>) -> Result<Self, LearnError> {
        Self::new(saved.columns, saved.values)
    }
}

impl<T> Matrix<T> {
    /// A matrix of these values, row by row.
    ///
    /// # Errors
    /// [`LearnError::Shape`] when the values do not fill whole rows.
    pub fn new(columns: usize, values: Vec<T>) -> Result<Self, LearnError> {
        let rows = values.len().checked_div(columns).unwrap_or(0);
        if rows * columns != values.len() {
            let wanted = rows * columns;
            return Err(LearnError::Shape { what: "the list of values", found: values.len(), wanted });
        }
        Ok(Self { rows, columns, values })
    }

    /// A matrix computed cell by cell from row and column.
    #[must_use]
    pub fn from_fn(rows: usize, columns: usize, mut value: impl FnMut(usize, usize) -> T) -> Self {
        let mut values = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            values.extend((0..columns).map(|column| value(row, column)));
        }
        Self { rows, columns, values }
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One row.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[T] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// One row, to be changed.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// All values, row by row.
    #[must_use]
    pub fn values(&self) -> &[T] {
        &self.values
    }
}

impl<T> std::ops::Index<(usize, usize)> for Matrix<T> {
    type Output = T;

    fn index(&self, (row, column): (usize, usize)) -> &T {
        &self.row(row)[column]
    }
}

impl<T> std::ops::IndexMut<(usize, usize)> for Matrix<T> {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut T {
        &mut self.row_mut(row)[column]
    }
}

impl<T: Copy + Into<f64>> Matrix<T> {
    /// Refuses matrices without cells, or with a number that is infinite or not a number.
    ///
    /// # Errors
    /// [`LearnError::Empty`], [`LearnError::NotFinite`]; `what` names the matrix in them.
    pub fn check(&self, what: &'static str) -> Result<(), LearnError> {
        if self.values.is_empty() {
            return Err(LearnError::Empty(what, self.rows, self.columns));
        }
        match self.values.iter().position(|&value| !value.into().is_finite()) {
            None => Ok(()),
            Some(at) => {
                let (row, column) = (at / self.columns, at % self.columns);
                Err(LearnError::NotFinite { what, row, column, value: self.values[at].into() })
            }
        }
    }
}

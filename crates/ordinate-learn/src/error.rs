//! What can go wrong when a model is fitted or read back.

/// Why a model could not be fitted or read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LearnError {
    /// No rows, or rows without columns.
    #[error("there is nothing to learn from: {0} has {1} row(s) of {2} column(s)")]
    Empty(&'static str, usize, usize),
    /// Two matrices do not fit together.
    #[error("{what} has {found} where {wanted} were expected")]
    Shape {
        /// Which extent of which matrix.
        what: &'static str,
        /// What it has.
        found: usize,
        /// What it should have.
        wanted: usize,
    },
    /// A number is infinite or not a number.
    #[error("a number among {what} is {value} (row {row}, column {column}); numbers must be finite")]
    NotFinite {
        /// Which matrix.
        what: &'static str,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The offending value.
        value: f64,
    },
    /// A parameter is out of its range.
    #[error("{name} is {value}; it must be {range}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed, in words.
        range: &'static str,
    },
    /// The kernel is not positive definite with this penalty.
    #[error("the kernel matrix plus {lambda} on its diagonal is not positive definite; use a larger lambda")]
    NotPositiveDefinite {
        /// The penalty.
        lambda: f64,
    },
    /// A saved model cannot be read.
    #[error("the saved model is damaged: {0}")]
    Damaged(String),
}

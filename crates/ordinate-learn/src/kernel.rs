//! Kernel ridge regression with leave-one-out predictions in closed form, and Nyström's approximation for
//! many rows.
//!
//! The caller computes the kernel, so it may be a sum of several. There is no intercept: subtract the means
//! first. References: Rasmussen and Williams 2006, chapters 2, 5.4.2 and 8.1; Williams and Seeger 2001.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::solvers::{DenseSolveCore, Llt, Solve};
use faer::{Accum, Mat, MatRef, Par, Side};

use crate::error::LearnError;
use crate::matrix::Matrix;

/// What is added to the diagonal of the landmarks' kernel, as a share of its mean: more where that is not enough.
const JITTERS: [f64; 4] = [1e-10, 1e-8, 1e-6, 1e-4];

/// A fitted regression: one column per output.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// Weights of the training rows: the prediction for a new item is the row of its kernel values with them, times this.
    pub weights: Matrix,
    /// For every training row the prediction of the regression fitted without that row, with the same
    /// penalty.
    pub left_out: Matrix,
}

/// Weights that minimise `|y - K w|² + lambda w' K w`: `(K + lambda I)^-1 y`.
///
/// `k` holds the kernel of the training rows (n x n, symmetric; the lower half is read), `y` a column per
/// output.
///
/// # Errors
/// [`LearnError`]: shapes that do not match, numbers that are not finite, a `lambda` of 0 or less, a kernel
/// that is not positive definite with it.
pub fn ridge(k: &Matrix, y: &Matrix, lambda: f64) -> Result<Matrix, LearnError> {
    Ok(from_faer(factorise(k, y, lambda)?.solve(view(y)).as_ref()))
}

/// The leave-one-out predictions of [`ridge`]: `y_i - w_i / ((K + lambda I)^-1)_ii`.
///
/// # Errors
/// As [`ridge`].
pub fn loo(k: &Matrix, y: &Matrix, lambda: f64) -> Result<Matrix, LearnError> {
    Ok(ridge_loo(k, y, lambda)?.left_out)
}

/// [`ridge`] and [`loo`] from one factorisation.
///
/// # Errors
/// As [`ridge`].
pub fn ridge_loo(k: &Matrix, y: &Matrix, lambda: f64) -> Result<Ridge, LearnError> {
    let factor = factorise(k, y, lambda)?;
    let weights = from_faer(factor.solve(view(y)).as_ref());
    let inverse = factor.inverse();
    let left_out = Matrix::from_fn(y.rows(), y.columns(), |row, output| {
        y[(row, output)] - weights[(row, output)] / inverse[(row, row)]
    });
    Ok(Ridge { weights, left_out })
}

/// Nyström's approximation of [`ridge`] (subset of regressors), for each of several penalties: weights of a few landmarks
/// that minimise `|y - K_nl w|² + lambda w' K_ll w`. With every row a landmark it is the exact one.
///
/// `k_nl` holds the kernel of the training rows with the landmarks (n x l), `k_ll` that of the landmarks
/// with each other. Time grows with n l², however many penalties there are.
///
/// # Errors
/// As [`ridge`].
pub fn nystrom(k_nl: &Matrix, k_ll: &Matrix, y: &Matrix, lambdas: &[f64]) -> Result<Vec<Matrix>, LearnError> {
    for &lambda in lambdas {
        check(k_ll, k_nl.columns(), lambda)?;
    }
    k_nl.check("the kernel of rows and landmarks")?;
    y.check("the outputs")?;
    if k_nl.rows() != y.rows() {
        let what = "the number of rows of the outputs";
        return Err(LearnError::Shape { what, found: y.rows(), wanted: k_nl.rows() });
    }
    let (rows, landmarks) = (view(k_nl), view(k_ll));
    // Only the lower half is read.
    let mut products = Mat::<f64>::zeros(k_ll.rows(), k_ll.rows());
    matmul(
        &mut products,
        BlockStructure::TriangularLower,
        Accum::Replace,
        rows.transpose(),
        BlockStructure::Rectangular,
        rows,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    let right = rows.transpose() * view(y);
    // Landmarks may nearly coincide: a trace of the diagonal keeps the sum positive definite.
    let mean = (0..k_ll.rows()).map(|i| k_ll[(i, i)]).sum::<f64>() / k_ll.rows() as f64;
    let weights = |&lambda: &f64| {
        let mut gram = products.clone();
        for i in 0..k_ll.rows() {
            for j in 0..=i {
                gram[(i, j)] += lambda * landmarks[(i, j)];
            }
        }
        let mut added = 0.0;
        let factor = JITTERS.iter().find_map(|jitter| {
            for i in 0..k_ll.rows() {
                gram[(i, i)] += lambda * (jitter - added) * mean;
            }
            added = *jitter;
            Llt::new(gram.as_ref(), Side::Lower).ok()
        });
        let factor = factor.ok_or(LearnError::NotPositiveDefinite { lambda })?;
        Ok(from_faer(factor.solve(&right).as_ref()))
    };
    lambdas.iter().map(weights).collect()
}

fn factorise(k: &Matrix, y: &Matrix, lambda: f64) -> Result<Llt<f64>, LearnError> {
    check(k, y.rows(), lambda)?;
    y.check("the outputs")?;
    let mut matrix = view(k).to_owned();
    for i in 0..k.rows() {
        matrix[(i, i)] += lambda;
    }
    Llt::new(matrix.as_ref(), Side::Lower).map_err(|_| LearnError::NotPositiveDefinite { lambda })
}

fn check(k: &Matrix, size: usize, lambda: f64) -> Result<(), LearnError> {
    if !(lambda > 0.0 && lambda.is_finite()) {
        return Err(LearnError::Parameter { name: "lambda", value: lambda, range: "finite and above 0" });
    }
    k.check("the kernel")?;
    for (what, found) in
        [("the number of rows of the kernel", k.rows()), ("the number of columns of the kernel", k.columns())]
    {
        if found != size {
            return Err(LearnError::Shape { what, found, wanted: size });
        }
    }
    Ok(())
}

/// The same values, without a copy.
fn view(matrix: &Matrix) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(matrix.values(), matrix.rows(), matrix.columns())
}

fn from_faer(matrix: MatRef<'_, f64>) -> Matrix {
    Matrix::from_fn(matrix.nrows(), matrix.ncols(), |row, column| matrix[(row, column)])
}

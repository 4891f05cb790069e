//! Inner products of many vectors at once: how a kernel regression gets from vectors to a kernel, and back from
//! dual weights to a weight per dimension.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};
use ordinate_learn::Matrix;

/// The inner products of every two of these vectors, which lie one after the other, each `width` long.
#[must_use]
pub fn kernel(vectors: &[f32], width: usize) -> Matrix {
    let rows = vectors.len() / width.max(1);
    let vectors = MatRef::from_row_major_slice(vectors, rows, width);
    let mut products = Mat::<f32>::zeros(rows, rows);
    // They are symmetric: the lower half is enough.
    triangular::matmul(
        &mut products,
        BlockStructure::TriangularLower,
        Accum::Replace,
        vectors,
        BlockStructure::Rectangular,
        vectors.transpose(),
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    Matrix::from_fn(rows, rows, |i, j| f64::from(products[(i.max(j), i.min(j))]))
}

/// Weights per dimension and output (row by row), of dual weights per vector and output.
#[must_use]
pub fn primal(vectors: &[f32], width: usize, dual: &Matrix) -> Vec<f32> {
    let vectors = MatRef::from_row_major_slice(vectors, dual.rows(), width);
    let dual = Mat::from_fn(dual.rows(), dual.columns(), |row, output| dual[(row, output)] as f32);
    let mut weights = Mat::<f32>::zeros(width, dual.ncols());
    matmul(weights.as_mut(), Accum::Replace, vectors.transpose(), dual.as_ref(), 1.0, Par::Seq);
    (0..width * dual.ncols()).map(|at| weights[(at / dual.ncols(), at % dual.ncols())]).collect()
}

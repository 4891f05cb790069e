//! A few dense dimensions for sparse rows: truncated singular value decomposition (latent semantic analysis).

use faer::{Mat, Side};
use ordinate_core::random::SplitMix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::packed;
use crate::sparse::Sparse;

/// Columns beyond those asked for, and rounds of subspace iteration: with both, the leading directions are
/// exact to several digits even where singular values fall slowly.
const OVERSAMPLING: usize = 10;
const ROUNDS: usize = 4;
/// Rows of one task; fixed, so that sums do not depend on the number of threads.
const BLOCK: usize = 512;

/// The leading right singular vectors of a sparse matrix: rows are projected onto them.
///
/// Fitted by randomised subspace iteration (Halko, Martinsson and Tropp 2011, "Finding structure with
/// randomness", algorithms 4.4 and 5.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Svd {
    dims: usize,
    /// A row for each place of the sparse vectors, `dims` numbers each.
    #[serde(with = "packed")]
    directions: Vec<f32>,
    /// Singular values, in descending order.
    #[serde(with = "packed")]
    values: Vec<f32>,
}

impl Svd {
    /// Fits at most `dims` directions to these rows, whose indices are below `places`. Fewer directions come
    /// back where the rows have no more.
    #[must_use]
    pub fn fit(rows: &[Sparse], places: usize, dims: usize, seed: u64) -> Self {
        let width = (dims + OVERSAMPLING).min(rows.len()).min(places);
        // Either side may be kept orthonormal. Of few rows theirs is by far the cheaper one, and enough.
        let few = rows.len() < places;
        let mut basis = match few {
            true => transposed_times(rows, &noise(rows.len(), width, seed), places),
            false => noise(places, width, seed),
        };
        let mut image = Tall::default();
        for round in 0..=ROUNDS {
            image = orthonormal(&times(rows, &basis));
            if image.width == 0 {
                break;
            }
            basis = transposed_times(rows, &image, places);
            if round < ROUNDS && !few {
                basis = orthonormal(&basis);
            }
        }
        if image.width == 0 {
            return Self { dims: 0, directions: Vec::new(), values: Vec::new() };
        }
        // X is Q B with B = basis', so the eigenvectors of B B' turn `basis` into the right singular vectors.
        let eigen = descending(&gram(&basis));
        let largest = eigen.first().map_or(0.0, |(value, _)| value.max(0.0));
        let kept: Vec<(f64, Vec<f64>)> =
            eigen.into_iter().take(dims).filter(|(value, _)| *value > 1e-9 * largest).collect();
        let dims = kept.len();
        let turn: Vec<f64> = (0..basis.width)
            .flat_map(|i| {
                kept.iter().map(move |(value, vector)| vector[i] / value.sqrt()).collect::<Vec<_>>()
            })
            .collect();
        let values = kept.iter().map(|(value, _)| value.sqrt() as f32).collect();
        Self { dims, directions: turned(&basis, &turn, dims).cells, values }
    }

    /// The number of dimensions.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// The singular values, in descending order.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The row in [`Svd::dims`] dimensions.
    #[must_use]
    pub fn project(&self, row: &Sparse) -> Vec<f32> {
        let mut projected = vec![0.0; self.dims];
        for (index, value) in row.iter() {
            let start = index as usize * self.dims;
            if let Some(direction) = self.directions.get(start..start + self.dims) {
                projected.iter_mut().zip(direction).for_each(|(sum, d)| *sum += value * d);
            }
        }
        projected
    }
}

/// A dense matrix with many rows and few columns, row by row.
#[derive(Debug, Clone, Default)]
struct Tall {
    width: usize,
    cells: Vec<f32>,
}

impl Tall {
    fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.cells.chunks_exact(self.width.max(1))
    }
}

/// Standard normal numbers (Box and Muller), the same for the same seed.
fn noise(rows: usize, width: usize, seed: u64) -> Tall {
    let mut random = SplitMix::new(seed ^ 0x5bd1_e995);
    // One bit more than `unit` has: the logarithm wants no 0.
    let mut unit = || random.unit() + 1.0 / (1_u64 << 53) as f64;
    let mut normal =
        || ((-2.0 * libm::log(unit())).sqrt() * libm::cos(std::f64::consts::TAU * unit())) as f32;
    Tall { width, cells: (0..rows * width).map(|_| normal()).collect() }
}

/// `rows * right`.
fn times(rows: &[Sparse], right: &Tall) -> Tall {
    let width = right.width;
    let mut cells = vec![0.0; rows.len() * width];
    cells.par_chunks_mut(width.max(1)).zip(rows).for_each(|(out, row)| {
        for (index, value) in row.iter() {
            let start = index as usize * width;
            if let Some(from) = right.cells.get(start..start + width) {
                out.iter_mut().zip(from).for_each(|(sum, cell)| *sum += value * cell);
            }
        }
    });
    Tall { width, cells }
}

/// `rows' * right`, summed block by block in a fixed order.
fn transposed_times(rows: &[Sparse], right: &Tall, places: usize) -> Tall {
    let width = right.width;
    let blocks: Vec<Vec<f32>> = rows
        .par_chunks(BLOCK)
        .zip(right.cells.par_chunks(BLOCK * width.max(1)))
        .map(|(rows, right)| {
            let mut sum = vec![0.0; places * width];
            for (row, from) in rows.iter().zip(right.chunks_exact(width.max(1))) {
                for (index, value) in row.iter() {
                    let start = index as usize * width;
                    if let Some(out) = sum.get_mut(start..start + width) {
                        out.iter_mut().zip(from).for_each(|(sum, cell)| *sum += value * cell);
                    }
                }
            }
            sum
        })
        .collect();
    let mut cells = vec![0.0; places * width];
    for block in blocks {
        cells.iter_mut().zip(block).for_each(|(sum, cell)| *sum += cell);
    }
    Tall { width, cells }
}

/// `tall' * tall`.
fn gram(tall: &Tall) -> Mat<f64> {
    let width = tall.width;
    let blocks: Vec<Vec<f64>> = tall
        .cells
        .par_chunks(BLOCK * width.max(1))
        .map(|cells| {
            let mut sum = vec![0.0; width * width];
            for row in cells.chunks_exact(width.max(1)) {
                for (i, &a) in row.iter().enumerate() {
                    let a = f64::from(a);
                    let out = &mut sum[i * width..=i * width + i];
                    out.iter_mut().zip(row).for_each(|(sum, b)| *sum += a * f64::from(*b));
                }
            }
            sum
        })
        .collect();
    let mut sum = vec![0.0; width * width];
    for block in blocks {
        sum.iter_mut().zip(block).for_each(|(sum, cell)| *sum += cell);
    }
    Mat::from_fn(width, width, |i, j| sum[i.max(j) * width + i.min(j)])
}

/// Eigenvalues in descending order, each with its vector; none where they cannot be computed.
fn descending(symmetric: &Mat<f64>) -> Vec<(f64, Vec<f64>)> {
    // faer does not decompose a matrix without rows.
    if symmetric.nrows() == 0 {
        return Vec::new();
    }
    let Ok(eigen) = symmetric.self_adjoint_eigen(Side::Lower) else { return Vec::new() };
    let vector = |column: usize| eigen.U().col(column).iter().copied().collect();
    let values: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
    let mut pairs: Vec<(f64, Vec<f64>)> =
        values.into_iter().enumerate().map(|(column, value)| (value, vector(column))).collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    pairs
}

/// An orthonormal basis of the columns; directions that the columns do not have are left out.
fn orthonormal(tall: &Tall) -> Tall {
    let eigen = descending(&gram(tall));
    let largest = eigen.first().map_or(0.0, |(value, _)| value.max(0.0));
    let kept: Vec<_> =
        eigen.into_iter().filter(|(value, _)| *value > 1e-9 * largest && *value > 0.0).collect();
    let turn: Vec<f64> = (0..tall.width)
        .flat_map(|i| kept.iter().map(move |(value, vector)| vector[i] / value.sqrt()).collect::<Vec<_>>())
        .collect();
    turned(tall, &turn, kept.len())
}

/// `tall * turn`, where `turn` has `width` columns.
fn turned(tall: &Tall, turn: &[f64], width: usize) -> Tall {
    let turn: Vec<f32> = turn.iter().map(|value| *value as f32).collect();
    let mut cells = vec![0.0; tall.rows().len() * width];
    if width > 0 {
        cells.par_chunks_mut(width).zip(tall.cells.par_chunks(tall.width)).for_each(|(out, row)| {
            for (value, turn) in row.iter().zip(turn.chunks_exact(width)) {
                out.iter_mut().zip(turn).for_each(|(sum, t)| *sum += value * t);
            }
        });
    }
    Tall { width, cells }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows near three directions: what they share is found, what is noise is not.
    #[test]
    fn finds_the_leading_directions() {
        let rows: Vec<Sparse> = (0..200_u32)
            .map(|i| {
                let topic = i % 3;
                let mut indices: Vec<u32> = (0..8).map(|j| topic * 20 + (i * 7 + j * 3) % 20).collect();
                indices.push(60 + i % 40);
                Sparse::counting(indices)
            })
            .collect();
        let svd = Svd::fit(&rows, 100, 3, 1);
        assert_eq!(svd.dims(), 3);
        let projected: Vec<Vec<f32>> = rows.iter().map(|row| svd.project(row)).collect();
        let cosine = |a: &[f32], b: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        for i in 0..200 {
            for j in 0..200 {
                let same = i % 3 == j % 3;
                assert!((cosine(&projected[i], &projected[j]) > 0.8) == same, "{i} {j}");
            }
        }
    }

    #[test]
    fn few_or_equal_or_empty_rows() {
        let row = Sparse::counting(vec![1, 2, 3]);
        assert_eq!(Svd::fit(&[], 10, 4, 1).dims(), 0);
        assert_eq!(Svd::fit(&vec![Sparse::default(); 5], 10, 4, 1).dims(), 0);
        let one = Svd::fit(&vec![row.clone(); 5], 10, 4, 1);
        assert_eq!(one.dims(), 1);
        assert!((one.project(&row)[0].abs() - 3.0_f32.sqrt()).abs() < 1e-5);
        assert!((one.values()[0] - 15.0_f32.sqrt()).abs() < 1e-4);
    }
}

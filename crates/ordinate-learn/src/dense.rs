//! Linear classifiers for dense features, such as an encoder's vectors: logistic regression over all classes at once, by
//! L-BFGS on products of matrices. Coordinate descent ([`Margins::fit`]) is for sparse rows: on dense ones it moves one
//! weight after another through every row.

use faer::linalg::matmul::matmul;
use faer::linalg::solvers::{Llt, Solve};
use faer::prelude::ReborrowMut as _;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use rayon::prelude::*;

use crate::error::LearnError;
use crate::lbfgs;
use crate::margin::Margins;
use crate::power::exp;

/// What the scores of a row become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Probabilities that sum to 1: exactly one class is right.
    Softmax,
    /// A probability each: any number of classes is right.
    Sigmoid,
}

/// Steps after which fitting stops in any case.
const STEPS: u32 = 300;
/// It stops when no entry of the gradient of the mean loss is larger: a tenth of scikit-learn's default.
const FLAT: f64 = 1e-5;
/// Rows of a block: what one thread takes at a time. Sums run over blocks in their order, so the same rows give the same
/// bits whatever the number of threads.
const BLOCK: usize = 512;

impl Margins {
    /// Fits weights that minimise `cost` times the log loss, summed over rows, plus half the sum of squared weights,
    /// intercepts not counted: scikit-learn's `LogisticRegression(C=cost)`, and for [`Link::Sigmoid`] one of those per
    /// class. `right` are the classes of each row, below `classes`. It begins at `start`, such as the weights for
    /// another cost, else at 0.
    ///
    /// By L-BFGS, where a step costs two products of rows x features x classes. Its guess of the curvature is that of the loss
    /// where all classes are as probable as each other (Böhning 1992): an encoder's features vary along few directions, and
    /// without it most steps are spent on finding these.
    ///
    /// # Errors
    /// [`LearnError`]: no rows or classes, rows of different lengths, a number that is not finite, a class out of range,
    /// not one class of a row for [`Link::Softmax`], a `cost` of 0 or less.
    pub fn fit_dense(
        rows: &[&[f32]],
        right: &[&[usize]],
        classes: usize,
        link: Link,
        cost: f64,
        start: Option<&Self>,
    ) -> Result<Self, LearnError> {
        let features = check(rows, right, classes, link, cost)?;
        let problem = Problem::new(rows, right, features, link, cost);
        let begin = start.filter(|start| start.classes() == classes && start.features() == features);
        let size = features + 1;
        let mut weights = vec![0.0; size * classes];
        for (column, start) in
            weights.chunks_exact_mut(size).zip(begin.iter().flat_map(|start| start.weights()))
        {
            column.iter_mut().zip(start).for_each(|(weight, start)| *weight = f64::from(*start));
        }
        let curvature = problem.curvature(classes);
        let flatten = |vector: &mut [f64]| {
            if let Some(curvature) = &curvature {
                curvature.solve_in_place(MatMut::from_column_major_slice_mut(vector, size, classes));
            }
        };
        let flat = FLAT * cost * rows.len() as f64;
        let found = lbfgs::minimise(weights, flatten, flat, STEPS, |weights, gradient| {
            problem.loss(MatRef::from_column_major_slice(weights, size, classes), gradient)
        });
        let column = |weights: &[f64]| weights.iter().map(|weight| *weight as f32).collect();
        Ok(Self::new(features, found.chunks_exact(size).map(column).collect()))
    }
}

/// Rows that one thread takes.
struct Block<'a> {
    /// Rows x (features and a 1 for the intercept).
    x: Mat<f64>,
    right: &'a [&'a [usize]],
}

struct Problem<'a> {
    blocks: Vec<Block<'a>>,
    features: usize,
    link: Link,
    cost: f64,
}

impl<'a> Problem<'a> {
    fn new(rows: &[&[f32]], right: &'a [&'a [usize]], features: usize, link: Link, cost: f64) -> Self {
        let value = |row: &[f32], at: usize| row.get(at).map_or(1.0, |value| f64::from(*value));
        let blocks = rows
            .chunks(BLOCK)
            .zip(right.chunks(BLOCK))
            .map(|(rows, right)| Block {
                x: Mat::from_fn(rows.len(), features + 1, |i, j| value(rows[i], j)),
                right,
            })
            .collect();
        Self { blocks, features, link, cost }
    }

    /// The guess of the curvature, the same for all classes; `None` where it cannot be solved for.
    fn curvature(&self, classes: usize) -> Option<Llt<f64>> {
        let size = self.features + 1;
        let share = 1.0 / (classes as f64).max(2.0);
        let weight = self.cost * share * (1.0 - share);
        let of = |block: &Block<'_>| {
            let mut part = Mat::zeros(size, size);
            matmul(&mut part, Accum::Replace, block.x.transpose(), &block.x, weight, Par::Seq);
            part
        };
        let parts: Vec<Mat<f64>> = self.blocks.par_iter().map(of).collect();
        let mut sum = Mat::<f64>::zeros(size, size);
        parts.iter().for_each(|part| sum += part);
        (0..self.features).for_each(|at| sum[(at, at)] += 1.0);
        Llt::new(sum.as_ref(), Side::Lower).ok()
    }

    /// The penalised loss of these weights, and its gradient, column by column.
    fn loss(&self, weights: MatRef<'_, f64>, gradient: &mut [f64]) -> f64 {
        let (size, classes) = (weights.nrows(), weights.ncols());
        let of = |block: &Block<'_>| {
            let mut errors = Mat::zeros(block.x.nrows(), classes);
            matmul(&mut errors, Accum::Replace, &block.x, weights, 1.0, Par::Seq);
            let loss = pulp::Arch::new().dispatch(Errors { of: self, block, scores: &mut errors });
            let mut part = Mat::zeros(size, classes);
            matmul(&mut part, Accum::Replace, block.x.transpose(), &errors, self.cost, Par::Seq);
            (loss, part)
        };
        let parts: Vec<(f64, Mat<f64>)> = self.blocks.par_iter().map(of).collect();
        let mut sum = MatMut::from_column_major_slice_mut(gradient, size, classes);
        sum.copy_from(weights);
        sum.rb_mut().row_mut(self.features).fill(0.0);
        parts.iter().for_each(|(_, part)| sum += part);
        let losses: f64 = parts.iter().map(|(loss, _)| loss).sum();
        self.cost * losses + 0.5 * weights.get(..self.features, ..).squared_norm_l2()
    }

    /// Scores to probabilities less what is right; gives the loss. Column by column, as they lie in memory.
    #[inline(always)]
    fn errors(&self, block: &Block<'_>, scores: &mut Mat<f64>) -> f64 {
        let rows = scores.nrows();
        let right = || (0..rows).flat_map(|at| block.right[at].iter().map(move |&class| (at, class)));
        let mut loss = -right().map(|(at, class)| scores[(at, class)]).sum::<f64>();
        match self.link {
            Link::Softmax => {
                let mut most = vec![f64::NEG_INFINITY; rows];
                for class in 0..scores.ncols() {
                    let column = scores.col_as_slice(class);
                    most.iter_mut().zip(column).for_each(|(most, score)| *most = most.max(*score));
                }
                let mut sums = vec![0.0; rows];
                for class in 0..scores.ncols() {
                    let column = scores.col_as_slice_mut(class);
                    for ((score, sum), most) in column.iter_mut().zip(&mut sums).zip(&most) {
                        *score = exp(*score - most);
                        *sum += *score;
                    }
                }
                loss += most.iter().zip(&sums).map(|(most, sum)| most + sum.ln()).sum::<f64>();
                for class in 0..scores.ncols() {
                    let column = scores.col_as_slice_mut(class);
                    column.iter_mut().zip(&sums).for_each(|(power, sum)| *power /= sum);
                }
            }
            Link::Sigmoid => {
                for score in scores.col_iter_mut().flat_map(faer::ColMut::iter_mut) {
                    // `ln(1 + e^x)` and its slope, by a power that does not overflow.
                    let power = exp(-score.abs());
                    loss += score.max(0.0) + power.ln_1p();
                    *score = if *score < 0.0 { power } else { 1.0 } / (1.0 + power);
                }
            }
        }
        right().for_each(|(at, class)| scores[(at, class)] -= 1.0);
        loss
    }
}

/// [`Problem::errors`]. Not a closure: that would not be compiled for the processor's own registers.
struct Errors<'a, 'b> {
    of: &'a Problem<'b>,
    block: &'a Block<'b>,
    scores: &'a mut Mat<f64>,
}

impl pulp::NullaryFnOnce for Errors<'_, '_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        self.of.errors(self.block, self.scores)
    }
}

/// The number of features.
fn check(
    rows: &[&[f32]],
    right: &[&[usize]],
    classes: usize,
    link: Link,
    cost: f64,
) -> Result<usize, LearnError> {
    if !(cost > 0.0 && cost.is_finite()) {
        return Err(LearnError::Parameter { name: "cost", value: cost, range: "finite and above 0" });
    }
    let features = rows.first().map_or(0, |row| row.len());
    if rows.is_empty() || classes == 0 {
        return Err(LearnError::Empty("the table of features", rows.len(), features));
    }
    if right.len() != rows.len() {
        return Err(LearnError::Shape {
            what: "the list of classes",
            found: right.len(),
            wanted: rows.len(),
        });
    }
    for (at, (row, right)) in rows.iter().zip(right).enumerate() {
        if row.len() != features {
            return Err(LearnError::Shape { what: "a row", found: row.len(), wanted: features });
        }
        if let Some(column) = row.iter().position(|value| !value.is_finite()) {
            let value = f64::from(row[column]);
            return Err(LearnError::NotFinite { what: "the features", row: at, column, value });
        }
        if let Some(&class) = right.iter().find(|&&class| class >= classes) {
            return Err(LearnError::Shape { what: "a class number", found: class, wanted: classes - 1 });
        }
        if link == Link::Softmax && right.len() != 1 {
            return Err(LearnError::Shape { what: "the classes of a row", found: right.len(), wanted: 1 });
        }
    }
    Ok(features)
}

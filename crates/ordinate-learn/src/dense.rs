//! Linear classifiers for dense features, such as an encoder's vectors: logistic regression over all classes at once, by
//! L-BFGS on products of matrices. Coordinate descent ([`Margins::fit`]) is for sparse rows: on dense ones it moves one
//! weight after another through every row.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use rayon::prelude::*;

use crate::error::LearnError;
use crate::margin::Margins;

/// What the scores of a row become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Probabilities that sum to 1: exactly one class is right.
    Softmax,
    /// A probability each: any number of classes is right.
    Sigmoid,
}

/// Steps after which fitting stops in any case.
const STEPS: usize = 300;
/// It stops when no entry of the gradient of the mean loss is larger.
const FLAT: f64 = 1e-6;
/// Steps that the curvature is estimated from.
const MEMORY: usize = 10;
/// Rows of a block: what one thread takes at a time. Sums run over blocks in their order, so the same rows give the same
/// bits whatever the number of threads.
const BLOCK: usize = 512;

impl Margins {
    /// Fits weights that minimise `cost` times the log loss, summed over rows, plus half the sum of squared weights,
    /// intercepts not counted: scikit-learn's `LogisticRegression(C=cost)`, and for [`Link::Sigmoid`] one of those per
    /// class. `right` are the classes of each row, below `classes`. It begins at `start`, such as the weights for
    /// another cost, else at 0.
    ///
    /// Limited-memory BFGS (Liu and Nocedal 1989) with Armijo's backtracking; a step costs two products of rows x
    /// features x classes.
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
        let problem = Problem::new(rows, right, features, classes, link, cost);
        let begin = start.filter(|start| start.classes() == classes && start.features() == features);
        let mut weights = begin.map_or_else(
            || Mat::zeros(features + 1, classes),
            |start| Mat::from_fn(features + 1, classes, |i, j| f64::from(start.weights()[j][i])),
        );
        problem.descend(&mut weights);
        let column = |j: usize| (0..=features).map(|i| weights[(i, j)] as f32).collect();
        Ok(Self::new(features, (0..classes).map(column).collect()))
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
    rows: usize,
    link: Link,
    cost: f64,
}

impl<'a> Problem<'a> {
    fn new(
        rows: &[&[f32]],
        right: &'a [&'a [usize]],
        features: usize,
        classes: usize,
        link: Link,
        cost: f64,
    ) -> Self {
        debug_assert!(classes > 0);
        let value = |row: &[f32], at: usize| row.get(at).map_or(1.0, |value| f64::from(*value));
        let blocks = rows
            .chunks(BLOCK)
            .zip(right.chunks(BLOCK))
            .map(|(rows, right)| Block {
                x: Mat::from_fn(rows.len(), features + 1, |i, j| value(rows[i], j)),
                right,
            })
            .collect();
        Self { blocks, rows: rows.len(), link, cost }
    }

    fn descend(&self, weights: &mut Mat<f64>) {
        let mut scores = self.scores(weights);
        let (mut loss, errors) = self.loss(&scores, weights);
        let mut gradient = self.gradient(&errors, weights);
        let mut history: Vec<(Mat<f64>, Mat<f64>, f64)> = Vec::new();
        let flat = FLAT * self.cost * self.rows as f64;
        for _ in 0..STEPS {
            if gradient.norm_max() <= flat {
                return;
            }
            let direction = downhill(&gradient, &history);
            let slope = dot(&gradient, &direction);
            let along = self.scores(&direction);
            let mut step = if history.is_empty() { (1.0 / gradient.norm_l2()).min(1.0) } else { 1.0 };
            let (next, at, (next_loss, errors)) = loop {
                let next = &*weights + faer::Scale(step) * &direction;
                let at: Vec<Mat<f64>> =
                    scores.par_iter().zip(&along).map(|(s, d)| s + faer::Scale(step) * d).collect();
                let lost = self.loss(&at, &next);
                if lost.0 <= loss + 1e-4 * step * slope {
                    break (next, at, lost);
                }
                step /= 2.0;
                // Nothing is gained any more that numbers of 64 bits can tell.
                if step < 1e-12 {
                    return;
                }
            };
            let moved = &next - &*weights;
            let next_gradient = self.gradient(&errors, &next);
            let turned = &next_gradient - &gradient;
            let curve = dot(&moved, &turned);
            if curve > 0.0 {
                if history.len() == MEMORY {
                    history.remove(0);
                }
                history.push((moved, turned, 1.0 / curve));
            }
            (*weights, scores, loss, gradient) = (next, at, next_loss, next_gradient);
        }
    }

    fn scores(&self, weights: &Mat<f64>) -> Vec<Mat<f64>> {
        let of = |block: &Block<'_>| {
            let mut scores = Mat::zeros(block.x.nrows(), weights.ncols());
            matmul(&mut scores, Accum::Replace, &block.x, weights, 1.0, Par::Seq);
            scores
        };
        self.blocks.par_iter().map(of).collect()
    }

    /// The loss of these scores, and per block what each is too high by.
    fn loss(&self, scores: &[Mat<f64>], weights: &Mat<f64>) -> (f64, Vec<Mat<f64>>) {
        let of = |(block, scores): (&Block<'_>, &Mat<f64>)| {
            let mut errors = scores.clone();
            (self.errors(block, &mut errors), errors)
        };
        let (losses, errors): (Vec<f64>, Vec<_>) = self.blocks.par_iter().zip(scores).map(of).unzip();
        let kept = weights.nrows() - 1;
        let squares = weights.get(..kept, ..).squared_norm_l2();
        (self.cost * losses.iter().sum::<f64>() + 0.5 * squares, errors)
    }

    /// Scores to probabilities less what is right; gives the loss. Column by column, as they lie in memory.
    fn errors(&self, block: &Block<'_>, scores: &mut Mat<f64>) -> f64 {
        let rows = scores.nrows();
        let right = || (0..rows).flat_map(|at| block.right[at].iter().map(move |&class| (at, class)));
        let mut loss = -right().map(|(at, class)| scores[(at, class)]).sum::<f64>();
        match self.link {
            Link::Softmax => {
                let mut most = vec![f64::NEG_INFINITY; rows];
                for column in scores.col_iter() {
                    most.iter_mut().zip(column.iter()).for_each(|(most, score)| *most = most.max(*score));
                }
                let mut sums = vec![0.0; rows];
                for column in scores.col_iter_mut() {
                    for ((score, sum), most) in column.iter_mut().zip(&mut sums).zip(&most) {
                        *score = (*score - most).exp();
                        *sum += *score;
                    }
                }
                loss += most.iter().zip(&sums).map(|(most, sum)| most + sum.ln()).sum::<f64>();
                for column in scores.col_iter_mut() {
                    column.iter_mut().zip(&sums).for_each(|(power, sum)| *power /= sum);
                }
            }
            Link::Sigmoid => {
                for score in scores.col_iter_mut().flat_map(faer::ColMut::iter_mut) {
                    // `ln(1 + e^x)` and its slope, by a power that does not overflow.
                    let power = (-score.abs()).exp();
                    loss += score.max(0.0) + power.ln_1p();
                    *score = if *score < 0.0 { power } else { 1.0 } / (1.0 + power);
                }
            }
        }
        right().for_each(|(at, class)| scores[(at, class)] -= 1.0);
        loss
    }

    fn gradient(&self, errors: &[Mat<f64>], weights: &Mat<f64>) -> Mat<f64> {
        let of = |(block, error): (&Block<'_>, &Mat<f64>)| {
            let mut part = Mat::zeros(block.x.ncols(), error.ncols());
            matmul(&mut part, Accum::Replace, block.x.transpose(), error, self.cost, Par::Seq);
            part
        };
        let parts: Vec<Mat<f64>> = self.blocks.par_iter().zip(errors).map(of).collect();
        let mut gradient = weights.clone();
        gradient.row_mut(weights.nrows() - 1).fill(0.0);
        parts.iter().for_each(|part| gradient += part);
        gradient
    }
}

/// The direction of the two-loop recursion (Nocedal 1980).
fn downhill(gradient: &Mat<f64>, history: &[(Mat<f64>, Mat<f64>, f64)]) -> Mat<f64> {
    let mut direction = -gradient;
    let mut shares = Vec::with_capacity(history.len());
    for (moved, turned, inverse) in history.iter().rev() {
        let share = inverse * dot(moved, &direction);
        direction -= faer::Scale(share) * turned;
        shares.push(share);
    }
    if let Some((_, turned, inverse)) = history.last() {
        direction *= faer::Scale(1.0 / (inverse * turned.squared_norm_l2()));
    }
    for ((moved, turned, inverse), share) in history.iter().zip(shares.into_iter().rev()) {
        direction += faer::Scale(share - inverse * dot(turned, &direction)) * moved;
    }
    direction
}

fn dot(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    let columns = a.col_iter().zip(b.col_iter());
    columns.map(|(a, b)| a.iter().zip(b.iter()).map(|(a, b)| a * b).sum::<f64>()).sum()
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

//! Extremely randomised trees for several outputs at once (Geurts, Ernst, Wehenkel 2006).
//!
//! No bootstrap: every tree sees every row. At each node one random cut is drawn for each of a few random
//! features, and the cut that reduces the variance most, summed over the outputs, is taken.
//!
//! Not a crate's: smartcore's extremely randomised trees are for one output, and a policy predicts an
//! output for each candidate, of which one tree serves all.

mod file;
mod grow;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::LearnError;
use crate::matrix::Matrix;
use grow::{Columns, Grower};
use ordinate_core::random::SplitMix;

/// How a forest is grown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Trees.
    pub trees: usize,
    /// The fewest rows in a leaf.
    pub min_leaf: usize,
    /// The share of the features that is tried at each node, in `(0, 1]`; at least one is.
    pub features: f64,
    /// Seed: the same seed grows the same forest, whatever the number of threads.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self { trees: 100, min_leaf: 5, features: 0.5, seed: 0 }
    }
}

impl Params {
    fn check(&self) -> Result<(), LearnError> {
        let refuse =
            |name, value: usize| LearnError::Parameter { name, value: value as f64, range: "at least 1" };
        if self.trees == 0 {
            return Err(refuse("the number of trees", 0));
        }
        if self.min_leaf == 0 {
            return Err(refuse("the fewest rows in a leaf", 0));
        }
        if !(self.features > 0.0 && self.features <= 1.0) {
            let (name, range) = ("the share of features", "above 0 and at most 1");
            return Err(LearnError::Parameter { name, value: self.features, range });
        }
        Ok(())
    }
}

/// A node of a tree; the children of an inner node are the next node (left) and `next` (right).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    /// The feature that is compared; [`Node::LEAF`] in a leaf.
    feature: u16,
    /// Rows with a value of at most this go left.
    cut: f32,
    /// The right child, or in a leaf the number of the leaf.
    next: u32,
}

impl Node {
    const LEAF: u16 = u16::MAX;
}

/// A fitted forest.
///
/// Leaves hold their means in 16-bit steps between the smallest and the largest mean of the output: a file
/// of a quarter of the size, at an error of 1/131,070 of that range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "file::File", into = "file::File")]
pub struct Forest {
    features: usize,
    outputs: usize,
    /// Per output: the mean that a leaf's 0 stands for, and what each step adds.
    lowest: Vec<f64>,
    step: Vec<f64>,
    nodes: Vec<Node>,
    /// Where each tree starts in `nodes`.
    roots: Vec<u32>,
    /// Leaf by leaf, an entry per output.
    leaves: Vec<u16>,
}

impl Forest {
    /// Grows a forest on `x` (a row per item, a column per feature) and `y` (a row per item, a column per
    /// output).
    ///
    /// # Errors
    /// [`LearnError`]: parameters out of range, no rows, rows that do not match, numbers that are not finite,
    /// more than 65,534 features.
    pub fn fit(x: &Matrix<f32>, y: &Matrix, params: &Params) -> Result<Self, LearnError> {
        params.check()?;
        x.check("the features")?;
        y.check("the outputs")?;
        if x.rows() != y.rows() {
            let what = "the number of rows of the outputs";
            return Err(LearnError::Shape { what, found: y.rows(), wanted: x.rows() });
        }
        let most = usize::from(Node::LEAF) - 1;
        if x.columns() > most {
            let what = "the number of features";
            return Err(LearnError::Shape { what, found: x.columns(), wanted: most });
        }
        let columns = Columns::new(x);
        let mut seeds = SplitMix::new(params.seed);
        let seeds: Vec<u64> = (0..params.trees).map(|_| seeds.next_u64()).collect();
        let trees: Vec<(Vec<Node>, Vec<f64>)> = seeds
            .into_par_iter()
            .map(|seed| Grower::new(&columns, y, params, SplitMix::new(seed)).grow())
            .collect();
        Ok(Self::assemble(x.columns(), y.columns(), trees))
    }

    fn assemble(features: usize, outputs: usize, trees: Vec<(Vec<Node>, Vec<f64>)>) -> Self {
        let mut lowest = vec![f64::INFINITY; outputs];
        let mut highest = vec![f64::NEG_INFINITY; outputs];
        for leaf in trees.iter().flat_map(|(_, means)| means.chunks_exact(outputs)) {
            for (output, &mean) in leaf.iter().enumerate() {
                lowest[output] = lowest[output].min(mean);
                highest[output] = highest[output].max(mean);
            }
        }
        let step: Vec<f64> =
            lowest.iter().zip(&highest).map(|(low, high)| (high - low) / f64::from(u16::MAX)).collect();
        let mut forest = Self {
            features,
            outputs,
            lowest,
            step,
            nodes: Vec::new(),
            roots: Vec::new(),
            leaves: Vec::new(),
        };
        for (nodes, means) in trees {
            // Node and leaf counts are below rows x trees, which memory keeps below 2^32.
            let (first, first_leaf) = (forest.nodes.len() as u32, (forest.leaves.len() / outputs) as u32);
            forest.roots.push(first);
            forest.nodes.extend(nodes.into_iter().map(|node| {
                let offset = if node.feature == Node::LEAF { first_leaf } else { first };
                Node { next: node.next + offset, ..node }
            }));
            let (lowest, step) = (&forest.lowest, &forest.step);
            forest.leaves.extend(means.iter().enumerate().map(|(at, mean)| {
                let output = at % outputs;
                let steps = if step[output] > 0.0 { (mean - lowest[output]) / step[output] } else { 0.0 };

                steps.round() as u16
            }));
        }
        forest
    }

    /// The number of features that it was grown on.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// The number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.roots.len()
    }

    /// The mean of the trees for one item, an entry per output. A feature that is absent or not a number
    /// goes right at every cut.
    #[must_use]
    pub fn predict(&self, x: &[f32]) -> Vec<f64> {
        let mut steps = vec![0_u64; self.outputs];
        for &root in &self.roots {
            let leaf = self.leaf(root as usize, x) * self.outputs;
            for (sum, &value) in steps.iter_mut().zip(&self.leaves[leaf..leaf + self.outputs]) {
                *sum += u64::from(value);
            }
        }
        let mean = |(output, sum): (usize, u64)| {
            (sum as f64 / self.roots.len() as f64).mul_add(self.step[output], self.lowest[output])
        };
        steps.into_iter().enumerate().map(mean).collect()
    }

    /// [`Forest::predict`] for every row, in parallel.
    #[must_use]
    pub fn predict_rows(&self, x: &Matrix<f32>) -> Matrix {
        let rows: Vec<Vec<f64>> =
            (0..x.rows()).into_par_iter().with_min_len(64).map(|row| self.predict(x.row(row))).collect();
        Matrix::from_fn(x.rows(), self.outputs, |row, output| rows[row][output])
    }

    fn leaf(&self, root: usize, x: &[f32]) -> usize {
        let mut at = root;
        loop {
            let node = self.nodes[at];
            if node.feature == Node::LEAF {
                return node.next as usize;
            }
            let value = x.get(usize::from(node.feature)).copied().unwrap_or(f32::NAN);
            at = if value <= node.cut { at + 1 } else { node.next as usize };
        }
    }
}

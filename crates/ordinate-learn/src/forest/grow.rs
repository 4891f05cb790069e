//! Grows one tree.

use super::{Node, Params};
use crate::matrix::Matrix;
use ordinate_core::random::SplitMix;

/// Feature values that differ by less are one value (the threshold of scikit-learn).
const SAME: f32 = 1e-7;

/// Features, column by column: a node reads one feature of many rows.
pub(super) struct Columns {
    rows: usize,
    values: Vec<f32>,
    count: usize,
}

impl Columns {
    pub(super) fn new(x: &Matrix<f32>) -> Self {
        let mut values = vec![0.0; x.rows() * x.columns()];
        for row in 0..x.rows() {
            for (feature, &value) in x.row(row).iter().enumerate() {
                values[feature * x.rows() + row] = value;
            }
        }
        Self { rows: x.rows(), values, count: x.columns() }
    }

    fn of(&self, feature: usize) -> &[f32] {
        &self.values[feature * self.rows..(feature + 1) * self.rows]
    }
}

/// A cut of a node's rows.
#[derive(Clone, Copy)]
struct Cut {
    feature: usize,
    at: f32,
    /// Rows with a value of at most `at`.
    left: usize,
    gain: f64,
}

/// A node that has yet to be split.
struct Open {
    /// The node's rows are `order[start..end]`.
    start: usize,
    end: usize,
    /// Features `features[..constant]` are known to be constant in it.
    constant: usize,
    /// The inner node whose right child it is.
    parent: Option<usize>,
}

/// The state of one growing tree.
pub(super) struct Grower<'a> {
    x: &'a Columns,
    y: &'a Matrix,
    min_leaf: usize,
    /// Features that are tried at a node.
    tried: usize,
    random: SplitMix,
    /// Row numbers; the rows of a node stand together.
    order: Vec<u32>,
    /// Feature numbers, constant ones first.
    features: Vec<usize>,
    /// Of the node in hand: the sum of each output.
    total: Vec<f64>,
    /// Room for the values of a feature, for a side of a cut, and for its sums.
    values: Vec<f32>,
    side: Vec<u32>,
    other: Vec<u32>,
    sum: Vec<f64>,
}

impl<'a> Grower<'a> {
    pub(super) fn new(x: &'a Columns, y: &'a Matrix, params: &Params, random: SplitMix) -> Self {
        let tried = ((params.features * x.count as f64) as usize).max(1);
        let order = (0..x.rows as u32).collect();
        Self {
            x,
            y,
            min_leaf: params.min_leaf,
            tried,
            random,
            order,
            features: (0..x.count).collect(),
            total: vec![0.0; y.columns()],
            values: vec![0.0; x.rows],
            side: vec![0; x.rows],
            other: vec![0; x.rows],
            sum: vec![0.0; y.columns()],
        }
    }

    /// The nodes in pre-order (a leaf's `next` is its number) and the means of the leaves.
    pub(super) fn grow(mut self) -> (Vec<Node>, Vec<f64>) {
        let mut nodes: Vec<Node> = Vec::new();
        let mut means = Vec::new();
        let mut open = vec![Open { start: 0, end: self.x.rows, constant: 0, parent: None }];
        // Depth first, left before right: the left child is the next node. Constant features of an ancestor
        // stay at the front of `features` as long as its descendants only swap behind them.
        while let Some(node) = open.pop() {
            let number = nodes.len() as u32;
            if let Some(parent) = node.parent {
                nodes[parent].next = number;
            }
            sum_rows(self.y, &self.order[node.start..node.end], &mut self.total);
            let mut constant = node.constant;
            match self.best_cut(&node, &mut constant) {
                Some(cut) => {
                    self.partition(&node, cut);
                    // `features` has at most 65,534 entries.
                    nodes.push(Node { feature: cut.feature as u16, cut: cut.at, next: 0 });
                    let middle = node.start + cut.left;
                    let parent = Some(nodes.len() - 1);
                    open.push(Open { start: middle, end: node.end, constant, parent });
                    open.push(Open { start: node.start, end: middle, constant, parent: None });
                }
                None => {
                    let leaf = (means.len() / self.total.len()) as u32;
                    nodes.push(Node { feature: Node::LEAF, cut: 0.0, next: leaf });
                    let rows = (node.end - node.start) as f64;
                    means.extend(self.total.iter().map(|sum| sum / rows));
                }
            }
        }
        (nodes, means)
    }

    /// The best of the random cuts of the node whose sums are in `total`. `constant` grows by the features
    /// found to be constant.
    ///
    /// Like scikit-learn, constant features count among those tried, but as long as only constant ones were
    /// met it goes on.
    fn best_cut(&mut self, node: &Open, constant: &mut usize) -> Option<Cut> {
        let rows = node.end - node.start;
        if rows < 2 * self.min_leaf || self.is_pure(node) {
            return None;
        }
        let mut best: Option<Cut> = None;
        // Features are drawn without replacement from `features[*constant..last]`.
        let mut last = self.features.len();
        let mut visited = self.constants_drawn(node.constant);
        let mut varied = 0;
        while last > *constant && (visited < self.tried || varied == 0) {
            visited += 1;
            let drawn = *constant + self.random.below(last - *constant);
            let feature = self.features[drawn];
            let (low, high) = self.gather(feature, node);
            if high <= low + SAME {
                self.features.swap(drawn, *constant);
                *constant += 1;
                continue;
            }
            last -= 1;
            varied += 1;
            self.features.swap(drawn, last);
            let at = (f64::from(high) - f64::from(low)).mul_add(self.random.unit(), f64::from(low)) as f32;
            let at = if at >= high { low } else { at };
            if let Some(cut) = self.weigh(feature, at, node)
                && best.is_none_or(|best| cut.gain > best.gain)
            {
                best = Some(cut);
            }
        }
        best
    }

    /// How many of the features to be tried are among those already known to be constant.
    fn constants_drawn(&mut self, constant: usize) -> usize {
        let mut left = constant;
        let mut drawn = 0;
        for draw in 0..self.tried.min(self.features.len()) {
            if left > 0 && self.random.below(self.features.len() - draw) < left {
                left -= 1;
                drawn += 1;
            }
        }
        drawn
    }

    fn is_pure(&self, node: &Open) -> bool {
        let order = &self.order[node.start..node.end];
        let first = self.y.row(order[0] as usize);
        order[1..].iter().all(|&row| self.y.row(row as usize) == first)
    }

    /// Copies the feature's values of the node's rows to `values`; their smallest and largest.
    fn gather(&mut self, feature: usize, node: &Open) -> (f32, f32) {
        let column = self.x.of(feature);
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for (value, &row) in self.values.iter_mut().zip(&self.order[node.start..node.end]) {
            let this = column[row as usize];
            *value = this;
            low = if this < low { this } else { low };
            high = if this > high { this } else { high };
        }
        (low, high)
    }

    /// The gain of a cut of the values in `values`; `None` where a side has too few rows.
    fn weigh(&mut self, feature: usize, at: f32, node: &Open) -> Option<Cut> {
        let order = &self.order[node.start..node.end];
        // Without branches: which side a row falls on cannot be foretold.
        let (mut left, mut right) = (0, 0);
        for (&row, &value) in order.iter().zip(&self.values) {
            self.side[left] = row;
            self.other[right] = row;
            let goes_left = usize::from(value <= at);
            left += goes_left;
            right += 1 - goes_left;
        }
        if left < self.min_leaf || right < self.min_leaf {
            return None;
        }
        // Only the smaller side is summed; what is left of the total is the other's.
        let (rows, smaller, larger) = if left <= right {
            (&self.side[..left], left, right)
        } else {
            (&self.other[..right], right, left)
        };
        sum_rows(self.y, rows, &mut self.sum);
        let (smaller, larger) = (smaller as f64, larger as f64);
        let gain = self.sum.iter().zip(&self.total).fold(0.0, |gain, (sum, total)| {
            let rest = total - sum;
            gain + sum * sum / smaller + rest * rest / larger
        });
        Some(Cut { feature, at, left, gain })
    }

    /// Puts the rows left of the cut first, in their order.
    fn partition(&mut self, node: &Open, cut: Cut) {
        self.gather(cut.feature, node);
        let order = &mut self.order[node.start..node.end];
        let (mut left, mut right) = (0, 0);
        for (&row, &value) in order.iter().zip(&self.values) {
            self.side[left] = row;
            self.other[right] = row;
            let goes_left = usize::from(value <= cut.at);
            left += goes_left;
            right += 1 - goes_left;
        }
        order[..left].copy_from_slice(&self.side[..left]);
        order[left..].copy_from_slice(&self.other[..right]);
    }
}

/// The sum of these rows of `y`, an entry per output.
fn sum_rows(y: &Matrix, rows: &[u32], sum: &mut [f64]) {
    // Most forests have one or two outputs: sums in registers.
    match sum {
        [a] => *a = rows.iter().map(|&row| y.values()[row as usize]).sum(),
        [a, b] => {
            (*a, *b) = rows.iter().fold((0.0, 0.0), |(a, b), &row| {
                let at = 2 * row as usize;
                (a + y.values()[at], b + y.values()[at + 1])
            });
        }
        sum => {
            sum.fill(0.0);
            for &row in rows {
                for (sum, value) in sum.iter_mut().zip(y.row(row as usize)) {
                    *sum += value;
                }
            }
        }
    }
}

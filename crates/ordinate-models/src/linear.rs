//! A calibrated linear classifier on features: what n-grams and probes share.

use std::ops::ControlFlow;

use ordinate_core::random::shuffle;
use ordinate_features::Sparse;
use ordinate_learn::{Cells, LearnError, Link, Margins};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::kind::{Kind, tag_text};
use crate::model::Prediction;
use crate::stop::Stop;

/// A linear classifier whose probabilities were calibrated on rows that its weights had not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    labels: Vec<String>,
    tags: bool,
    margins: Margins,
    /// What the log-odds are multiplied with (a temperature's inverse; Guo et al. 2017).
    sharpness: f64,
}

/// Rows below which every row is held out once, instead of a fifth of them.
const FEW: usize = 500;
const FOLDS: usize = 5;

/// The features of the rows to learn from.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// Few of so many features each.
    Sparse(&'a [Sparse], usize),
    /// All features.
    Dense(&'a [&'a [f32]]),
}

impl Rows<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Sparse(rows, _) => rows.len(),
            Self::Dense(rows) => rows.len(),
        }
    }

    /// How many features a row has.
    pub(crate) fn features(&self) -> usize {
        match self {
            Self::Sparse(_, features) => *features,
            Self::Dense(rows) => rows.first().map_or(0, |row| row.len()),
        }
    }

    /// The inner product of a row with these weights, of which there may be more than features.
    pub(crate) fn dot(&self, row: usize, weights: &[f64]) -> f64 {
        match self {
            Self::Sparse(rows, _) => {
                rows[row].iter().map(|(at, value)| f64::from(value) * weights[at as usize]).sum()
            }
            Self::Dense(rows) => {
                rows[row].iter().zip(weights).map(|(value, by)| f64::from(*value) * by).sum()
            }
        }
    }

    /// Adds so many times a row to `sums`.
    pub(crate) fn add(&self, row: usize, times: f64, sums: &mut [f64]) {
        match self {
            Self::Sparse(rows, _) => {
                rows[row].iter().for_each(|(at, value)| sums[at as usize] += times * f64::from(value));
            }
            Self::Dense(rows) => {
                rows[row].iter().zip(sums).for_each(|(value, sum)| *sum += times * f64::from(*value));
            }
        }
    }

    fn fit(
        &self,
        labelled: &Labelled<'_>,
        chosen: &[usize],
        cost: f64,
        start: Option<&Margins>,
    ) -> Result<Margins, LearnError> {
        let Labelled { kind, right, classes } = *labelled;
        match self {
            Self::Sparse(rows, features) => {
                let cells: Vec<Cells<'_>> = chosen.iter().map(|&row| cells(&rows[row])).collect();
                let holds = |at: usize, class: usize| right[chosen[at]].contains(&class);
                Margins::fit(&cells, *features, classes, holds, cost)
            }
            Self::Dense(rows) => {
                let link = if kind == Kind::Tag { Link::Sigmoid } else { Link::Softmax };
                let rows: Vec<&[f32]> = chosen.iter().map(|&row| rows[row]).collect();
                let right: Vec<&[usize]> = chosen.iter().map(|&row| right[row].as_slice()).collect();
                Margins::fit_dense(&rows, &right, classes, link, cost, start)
            }
        }
    }

    /// Fits for each cost in turn: where the weights for one cost are, those for the next are near. `each` may break off.
    fn search(
        &self,
        labelled: &Labelled<'_>,
        chosen: &[usize],
        costs: &[f64],
        each: &mut dyn FnMut(usize, &Margins) -> ControlFlow<()>,
    ) -> Result<(), LearnError> {
        if let Self::Sparse(rows, features) = self {
            let cells: Vec<Cells<'_>> = chosen.iter().map(|&row| cells(&rows[row])).collect();
            let holds = |at: usize, class: usize| labelled.right[chosen[at]].contains(&class);
            let each = &mut |at: usize, margins: Margins| each(at, &margins);
            return Margins::search(&cells, *features, labelled.classes, holds, costs, each);
        }
        let mut before = None;
        for (at, &cost) in costs.iter().enumerate() {
            let margins = self.fit(labelled, chosen, cost, before.as_ref())?;
            if each(at, &margins).is_break() {
                break;
            }
            before = Some(margins);
        }
        Ok(())
    }

    fn scores(&self, margins: &Margins, row: usize) -> Vec<f64> {
        match self {
            Self::Sparse(rows, _) => margins.scores(cells(&rows[row])),
            Self::Dense(rows) => margins.scores_dense(rows[row]),
        }
    }
}

/// The labels of rows, by their places.
#[derive(Clone, Copy)]
struct Labelled<'a> {
    kind: Kind,
    right: &'a [Vec<usize>],
    classes: usize,
}

fn cells(row: &Sparse) -> Cells<'_> {
    Cells { index: &row.index, value: &row.value }
}

impl Calibrated {
    /// Fits on rows and the labels of each. Penalty and sharpness are those of the least log loss on rows held out,
    /// among `costs` (LIBLINEAR's `C`).
    ///
    /// # Errors
    /// [`ModelError::TooLittle`] with fewer than two rows or labels; [`ModelError::Stopped`].
    pub fn fit(
        kind: Kind,
        rows: Rows<'_>,
        targets: &[Vec<String>],
        costs: &[f64],
        stop: Stop<'_>,
    ) -> Result<Self, ModelError> {
        let mut labels: Vec<String> = targets.iter().flatten().cloned().collect();
        labels.sort_unstable();
        labels.dedup();
        if rows.len() < 2 || labels.len() < 2 {
            return Err(ModelError::TooLittle { found: rows.len(), labels: labels.len() });
        }
        let place = |label: &String| labels.binary_search(label).ok();
        let right: Vec<Vec<usize>> =
            targets.iter().map(|target| target.iter().filter_map(place).collect()).collect();
        let all: Vec<usize> = (0..rows.len()).collect();
        let labelled = Labelled { kind, right: &right, classes: labels.len() };
        let rounds = splits(&all);
        let mut held: Vec<Held> = vec![Vec::new(); costs.len()];
        let (mut best, mut start): (Option<(f64, f64, f64)>, _) = (None, None);
        for (round, (train, test)) in rounds.iter().enumerate() {
            stop.check()?;
            rows.search(&labelled, train, costs, &mut |at, margins| {
                held[at].par_extend(test.par_iter().map(|&row| (row, rows.scores(margins, row))));
                if round + 1 < rounds.len() {
                    return ControlFlow::Continue(());
                }
                let (sharpness, loss) = sharpen(kind, &std::mem::take(&mut held[at]), &right);
                if best.is_none_or(|(least, ..)| loss < least) {
                    best = Some((loss, costs[at], sharpness));
                    // Where coordinate descent begins is not in the weights.
                    start = matches!(rows, Rows::Dense(_)).then(|| margins.clone());
                    return ControlFlow::Continue(());
                }
                // Behind its lowest point the loss only rises, as far as many rows tell.
                if rounds.len() == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        stop.check()?;
        let (_, cost, sharpness) = best.unwrap_or((0.0, 1.0, 1.0));
        let margins = rows.fit(&labelled, &all, cost, start.as_ref())?;
        Ok(Self { labels, tags: kind == Kind::Tag, margins, sharpness })
    }

    /// The labels, sorted.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The number of weights.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.margins.parameters() as u64
    }

    /// The probability of each label, in the order of [`Self::labels`]; they sum to 1 for `classify`.
    #[must_use]
    pub fn probabilities(&self, row: &Sparse) -> Vec<f64> {
        self.calibrated(&self.margins.scores(cells(row)))
    }

    fn calibrated(&self, scores: &[f64]) -> Vec<f64> {
        let kind = if self.tags { Kind::Tag } else { Kind::Classify };
        probabilities(kind, scores, self.sharpness)
    }

    /// The answer to a row of few features.
    #[must_use]
    pub fn predict(&self, row: &Sparse) -> Prediction {
        self.answer(&self.probabilities(row))
    }

    /// The answer to a row of all features.
    #[must_use]
    pub fn predict_dense(&self, row: &[f32]) -> Prediction {
        self.answer(&self.calibrated(&self.margins.scores_dense(row)))
    }

    /// How probable one label is, of a row of all features; `None` for a label that it does not know.
    #[must_use]
    pub fn share_dense(&self, row: &[f32], label: &str) -> Option<f64> {
        let at = self.labels.iter().position(|own| own == label)?;
        self.calibrated(&self.margins.scores_dense(row)).get(at).copied()
    }

    fn answer(&self, shares: &[f64]) -> Prediction {
        if self.tags {
            let chosen: Vec<&str> = self
                .labels
                .iter()
                .zip(shares)
                .filter(|(_, share)| **share >= 0.5)
                .map(|(label, _)| label.as_str())
                .collect();
            // Tags are taken to be independent, as they are fitted.
            let sure = shares.iter().map(|share| share.max(1.0 - share)).product();
            return Prediction { output: tag_text(&chosen), confidence: Some(sure), ..Prediction::default() };
        }
        Prediction::likeliest(&self.labels, shares)
    }
}

/// Train and test rows: each row is held out once where there are few, else one fifth of them.
pub(crate) fn splits(rows: &[usize]) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut order = rows.to_vec();
    shuffle(&mut order, 11);
    let folds = FOLDS.min(rows.len());
    let rounds = if rows.len() < FEW { folds } else { 1 };
    (0..rounds)
        .map(|round| {
            let (test, train): (Vec<_>, Vec<_>) =
                order.iter().copied().enumerate().partition(|(place, _)| place % folds == round);
            let plain = |rows: Vec<(usize, usize)>| rows.into_iter().map(|(_, row)| row).collect();
            (plain(train), plain(test))
        })
        .collect()
}

pub(crate) fn probabilities(kind: Kind, scores: &[f64], sharpness: f64) -> Vec<f64> {
    match kind {
        Kind::Tag => scores.iter().map(|score| 1.0 / (1.0 + (-sharpness * score).exp())).collect(),
        Kind::Classify | Kind::Choose | Kind::Regress | Kind::Series | Kind::Text | Kind::Extract => {
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let powers: Vec<f64> = scores.iter().map(|score| (sharpness * (score - most)).exp()).collect();
            let sum: f64 = powers.iter().sum();
            powers.iter().map(|power| power / sum).collect()
        }
    }
}

/// Rows that were held out, and the scores of each.
type Held = Vec<(usize, Vec<f64>)>;

/// The sharpness of the least mean log loss on held-out scores, and that loss: golden-section search over its
/// logarithm, in which the loss has one minimum.
pub fn sharpen(kind: Kind, held: &[(usize, Vec<f64>)], right: &[Vec<usize>]) -> (f64, f64) {
    // Chunks are summed in their order, so that the number of threads changes nothing.
    const ROWS: usize = 256;
    let loss = |log: f64| {
        let of = |rows: &[(usize, Vec<f64>)]| -> f64 {
            rows.iter().map(|(row, scores)| log_loss(kind, scores, &right[*row], log.exp())).sum()
        };
        let sums: Vec<f64> = held.par_chunks(ROWS).map(of).collect();
        sums.iter().sum::<f64>() / held.len().max(1) as f64
    };
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-3.0_f64, 4.0_f64);
    let inner = |low: f64, high: f64| (high - golden * (high - low), low + golden * (high - low));
    let (a, b) = inner(low, high);
    let (mut of_a, mut of_b) = (loss(a), loss(b));
    for _ in 0..30 {
        let (a, b) = inner(low, high);
        if of_a < of_b {
            (high, of_b) = (b, of_a);
            of_a = loss(inner(low, high).0);
        } else {
            (low, of_a) = (a, of_b);
            of_b = loss(inner(low, high).1);
        }
    }
    let log = f64::midpoint(low, high);
    (log.exp(), loss(log))
}

/// The log loss of a row whose right classes are these.
fn log_loss(kind: Kind, scores: &[f64], right: &[usize], sharpness: f64) -> f64 {
    const MIN: f64 = 1e-9;
    if kind == Kind::Tag {
        let one = |(class, score): (usize, &f64)| {
            let share = 1.0 / (1.0 + (-sharpness * score).exp());
            -if right.contains(&class) { share } else { 1.0 - share }.max(MIN).ln()
        };
        return scores.iter().enumerate().map(one).sum();
    }
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|score| (sharpness * (score - most)).exp()).sum();
    right.iter().map(|&class| (sum.ln() - sharpness * (scores[class] - most)).min(-MIN.ln())).sum()
}

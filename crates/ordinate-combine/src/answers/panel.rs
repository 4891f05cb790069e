//! Whom a slice asks first, and what their answers say of the quality of each candidate.

use std::collections::BTreeMap;

use ordinate_core::Row;
use ordinate_core::column::Codes;
use ordinate_core::evidence::{Status, View};
use ordinate_features::packed;
use ordinate_learn::{LearnError, Matrix, kernel};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::sight::{Scene, Sight};
use crate::by_slice::BySlice;
use crate::products;

/// The fewest items of a slice that a model is fitted on; the lookup serves smaller slices.
const MIN_ITEMS: usize = 60;
/// The most: time grows with their square, and with their cube.
const MAX_ITEMS: usize = 1_500;
/// Penalties to choose from.
const LAMBDAS: [f64; 3] = [0.5, 1.0, 2.0];

/// A model for each slice that has enough items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Panels(BTreeMap<String, Panel>);

/// The model of one slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Panel {
    /// Candidates asked first, together.
    pub(super) asked: Vec<usize>,
    /// Candidates whose quality is predicted: those asked, and perhaps others.
    pub(super) targets: Vec<usize>,
    /// Expected quality of each target before anything is seen.
    base: Vec<f64>,
    sight: Sight,
    /// Per dimension of sight, a weight per target.
    #[serde(with = "packed")]
    weights: Vec<f32>,
}

/// A slice on its way to a model.
struct Draft<'a> {
    name: &'a str,
    asked: Vec<usize>,
    targets: Vec<usize>,
    base: Vec<f64>,
    rows: Vec<Row>,
    sight: Sight,
    /// Vectors of the rows, one after the other.
    vectors: Vec<f32>,
    /// Dual weights and leave-one-out predictions, per penalty.
    fits: Vec<kernel::Ridge>,
}

/// Says whom a slice asks first, and whose quality is predicted, from what is expected of each candidate.
pub(super) type Choose<'a> = &'a (dyn Fn(&[f64]) -> (Vec<usize>, Vec<usize>) + Sync);

impl Panels {
    /// Fits the slices of `train`. The penalty is chosen by leave-one-out predictions: the one whose choices
    /// score highest over all slices.
    pub(super) fn fit(train: &View<'_>, lookup: &BySlice, choose: Choose<'_>) -> Result<Self, LearnError> {
        let slices = train.evidence.items().slices();
        let mut rows: Vec<Vec<Row>> = vec![Vec::new(); slices.names().len()];
        for &row in &train.rows {
            let code = slices.codes()[row];
            if code != Codes::NONE && rows[code as usize].len() < MAX_ITEMS {
                rows[code as usize].push(row);
            }
        }
        let named: Vec<(&str, Vec<Row>)> = slices.names().iter().zip(rows).collect();
        let drafts: Vec<Draft<'_>> = named
            .into_par_iter()
            .filter_map(|(name, rows)| draft(train, lookup, choose, name, rows).transpose())
            .collect::<Result<_, _>>()?;
        let score =
            |penalty: usize| drafts.iter().map(|draft| draft.left_out_score(train, penalty)).sum::<f64>();
        let best = (0..LAMBDAS.len())
            .map(|penalty| (score(penalty), penalty))
            .fold((f64::NEG_INFINITY, 0), |best, scored| if scored.0 > best.0 { scored } else { best });
        Ok(Self(drafts.into_par_iter().map(|draft| (draft.name.to_owned(), draft.panel(best.1))).collect()))
    }

    pub(super) fn of(&self, slice: Option<&str>) -> Option<&Panel> {
        self.0.get(slice?)
    }
}

fn draft<'a>(
    train: &View<'_>,
    lookup: &BySlice,
    choose: Choose<'_>,
    name: &'a str,
    mut rows: Vec<Row>,
) -> Result<Option<Draft<'a>>, LearnError> {
    let evidence = train.evidence;
    let expected = lookup.expected(Some(name));
    let (asked, targets) = choose(&expected.quality);
    let all_answered = |row: &Row| {
        let answered = |&column: &usize| evidence.answers(column).status(*row) != Status::Missing;
        targets.iter().all(answered) && asked.iter().all(answered) && evidence.items().input(*row).is_some()
    };
    rows.retain(all_answered);
    if rows.len() < MIN_ITEMS || asked.is_empty() {
        return Ok(None);
    }
    let scenes: Vec<Scene<'_>> = rows
        .iter()
        .filter_map(|&row| {
            let seen = asked.iter().map(|&column| evidence.answers(column).seen(column, row));
            Scene::new(&evidence.items().query(row), seen)
        })
        .collect();
    let sight = Sight::fit(&scenes, asked.len());
    let mut vectors = Vec::with_capacity(scenes.len() * sight.dimensions());
    scenes.iter().for_each(|scene| sight.append(scene, &mut vectors));
    let base: Vec<f64> = targets.iter().map(|&target| expected.quality[target]).collect();
    let residuals = Matrix::from_fn(rows.len(), targets.len(), |row, target| {
        evidence.answers(targets[target]).score(rows[row]).unwrap_or(0.0) - base[target]
    });
    let gram = products::kernel(&vectors, sight.dimensions());
    let fits = LAMBDAS
        .iter()
        .map(|&lambda| kernel::ridge_loo(&gram, &residuals, lambda))
        .collect::<Result<_, _>>()?;
    Ok(Some(Draft { name, asked, targets, base, rows, sight, vectors, fits }))
}

impl Draft<'_> {
    /// The sum of the scores of the answers that leave-one-out predictions would choose.
    fn left_out_score(&self, train: &View<'_>, penalty: usize) -> f64 {
        let predicted = &self.fits[penalty].left_out;
        let chosen = |row: usize| {
            let quality = |target: usize| self.base[target] + predicted[(row, target)];
            (1..self.targets.len())
                .fold(0, |best, target| if quality(target) > quality(best) { target } else { best })
        };
        (0..self.rows.len())
            .map(|row| {
                let column = self.targets[chosen(row)];
                train.evidence.answers(column).score(self.rows[row]).unwrap_or(0.0)
            })
            .sum()
    }

    /// The model in primal form: a weight per dimension, so that a decision costs one inner product a target.
    fn panel(self, penalty: usize) -> Panel {
        let dual = &self.fits[penalty].weights;
        let weights = products::primal(&self.vectors, self.sight.dimensions(), dual);
        Panel { asked: self.asked, targets: self.targets, base: self.base, sight: self.sight, weights }
    }
}

impl Panel {
    /// Expected quality of each target, given the answers of those asked.
    pub(super) fn expect(&self, scene: &Scene<'_>) -> Vec<f64> {
        let mut expected = self.base.clone();
        let count = self.targets.len().max(1);
        let mut vector = Vec::with_capacity(self.sight.dimensions());
        self.sight.append(scene, &mut vector);
        // Most dimensions are those of words that nobody said.
        let said = vector.iter().zip(self.weights.chunks_exact(count)).filter(|(value, _)| **value != 0.0);
        for (value, weights) in said {
            for (expected, weight) in expected.iter_mut().zip(weights) {
                *expected += f64::from(*value) * f64::from(*weight);
            }
        }
        expected
    }
}

/// The inner product of two vectors, in a fixed order of sixteen sums that a compiler can keep in registers.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a_blocks, a_rest) = a.as_chunks::<16>();
    let (b_blocks, b_rest) = b.as_chunks::<16>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..16 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

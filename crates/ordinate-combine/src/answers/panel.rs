//! Whom a slice asks first, what their answers say of the quality of each candidate, and at which dials that is worth
//! more than to look the slice up.

use std::collections::BTreeMap;

use ordinate_core::column::Codes;
use ordinate_core::evidence::{Status, View};
use ordinate_core::{Dial, Row};
use ordinate_features::packed;
use ordinate_learn::{LearnError, Matrix, kernel};
use ordinate_trials::Outlay;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::sight::{Scene, Sight};
use crate::by_slice::{BySlice, Expected, best_utility};
use crate::pays::{Gains, pays};
use crate::products;
use crate::vote::together;

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
    /// The points of the curve at which the lookup is kept to; none where the panel is always asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quiet: Vec<usize>,
}

/// How a policy makes use of panels.
pub(super) trait Player: Sync {
    /// Whom a slice asks first, and whose quality is predicted, from what is expected of each candidate.
    fn choose(&self, expected: &[f64]) -> (Vec<usize>, Vec<usize>);

    /// The points of its curve, rising.
    fn dials(&self) -> &[Dial];

    /// Which of the targets answers, by what is predicted of each, and whether one is asked that was not among the first; its
    /// outlay is expected to be `last`.
    fn give(&self, predicted: &[f64], dial: Dial, last: f64) -> (usize, bool);
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

impl Panels {
    /// Fits the slices of `train`. The penalty is chosen by leave-one-out predictions: the one whose choices
    /// score highest over all slices. By the same predictions, of items that were left out, a slice is left to the lookup at
    /// those points of the curve at which a panel was not seen to be worth more.
    pub(super) fn fit(
        train: &View<'_>,
        lookup: &BySlice,
        outlay: Outlay,
        player: &dyn Player,
    ) -> Result<Self, LearnError> {
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
            .filter_map(|(name, rows)| draft(train, lookup, player, name, rows).transpose())
            .collect::<Result<_, _>>()?;
        let score =
            |penalty: usize| drafts.iter().map(|draft| draft.left_out_score(train, penalty)).sum::<f64>();
        let best = (0..LAMBDAS.len())
            .map(|penalty| (score(penalty), penalty))
            .fold((f64::NEG_INFINITY, 0), |best, scored| if scored.0 > best.0 { scored } else { best });
        let gains: Vec<Vec<Gains>> = drafts
            .par_iter()
            .map(|draft| {
                let expected = lookup.expected(Some(draft.name));
                let at = |&dial: &Dial| draft.gains(train, expected, outlay, player, dial, best.1);
                player.dials().iter().map(at).collect()
            })
            .collect();
        let mut quiet = vec![Vec::new(); drafts.len()];
        for point in 0..player.dials().len() {
            let of_point: Vec<_> = gains.iter().map(|gains| gains[point].clone()).collect();
            for (quiet, pays) in quiet.iter_mut().zip(pays(train.evidence, &of_point)) {
                quiet.extend((!pays).then_some(point));
            }
        }
        let heard = |quiet: &Vec<usize>| quiet.len() < player.dials().len();
        let panels = drafts.into_par_iter().zip(quiet).filter(|(_, quiet)| heard(quiet));
        Ok(Self(panels.map(|(draft, quiet)| (draft.name.to_owned(), draft.panel(best.1, quiet))).collect()))
    }

    /// The panel of a slice, where it is asked at this point of the curve.
    pub(super) fn of(&self, slice: Option<&str>, point: usize) -> Option<&Panel> {
        self.0.get(slice?).filter(|panel| !panel.quiet.contains(&point))
    }
}

fn draft<'a>(
    train: &View<'_>,
    lookup: &BySlice,
    player: &dyn Player,
    name: &'a str,
    mut rows: Vec<Row>,
) -> Result<Option<Draft<'a>>, LearnError> {
    let evidence = train.evidence;
    let expected = lookup.expected(Some(name));
    let (asked, targets) = player.choose(&expected.quality);
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

    /// For each row, what leave-one-out predictions would gain at this dial over the lookup, in score and outlay.
    fn gains(
        &self,
        train: &View<'_>,
        expected: &Expected,
        outlay: Outlay,
        player: &dyn Player,
        dial: Dial,
        penalty: usize,
    ) -> Gains {
        let evidence = train.evidence;
        let expects = |column: usize| expected.outlay.get(column).copied().unwrap_or(0.0);
        let paid =
            |column: usize, row: Row| outlay.of(evidence, column, row).unwrap_or_else(|| expects(column));
        let score = |column: usize, row: Row| evidence.answers(column).score(row).unwrap_or(0.0);
        let last = self.targets.last().map_or(0.0, |&target| expects(target));
        let looked_up = best_utility(&expected.quality, &expected.outlay, dial);
        let predicted = &self.fits[penalty].left_out;
        let mut gains = Vec::with_capacity(self.rows.len());
        for (number, &row) in self.rows.iter().enumerate() {
            if evidence.answers(looked_up).status(row) == Status::Missing {
                continue;
            }
            let quality: Vec<f64> = self
                .base
                .iter()
                .enumerate()
                .map(|(target, base)| base + predicted[(number, target)])
                .collect();
            let (given, further) = player.give(&quality, dial, last);
            let first = together(outlay, self.asked.iter().map(|&column| paid(column, row)));
            let then =
                if further { self.targets.last().map_or(0.0, |&column| paid(column, row)) } else { 0.0 };
            let own = dial.0.mul_add(-(first + then), score(self.targets[given], row));
            gains.push((row, own - dial.0.mul_add(-paid(looked_up, row), score(looked_up, row))));
        }
        gains
    }

    /// The model in primal form: a weight per dimension, so that a decision costs one inner product a target.
    fn panel(self, penalty: usize, quiet: Vec<usize>) -> Panel {
        let dual = &self.fits[penalty].weights;
        let weights = products::primal(&self.vectors, self.sight.dimensions(), dual);
        let Self { asked, targets, base, sight, .. } = self;
        Panel { asked, targets, base, sight, weights, quiet }
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

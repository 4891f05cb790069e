//! Which models are believed, and how much: decided within the training rows.
//!
//! Every setting of every family predicts items that it was not fitted on. Of each family the setting with the least
//! squared error is kept; the families then get the non-negative weights with the least squared error
//! together (stacking; Breiman 1996, "Stacked regressions"). Weights need not add up to 1: what is left over
//! stays with the lookup by slice, so a model that knows nothing is not listened to.

use ordinate_core::evidence::View;

use super::Trouble;
use super::lesson::Lesson;
use super::model::{Family, Model};
use super::reader::Reading;
use crate::by_slice::BySlice;
use crate::folds::Folds;
use ordinate_trials::Outlay;

/// Inner folds; with many items the first alone is precise enough.
const FOLDS: u32 = 3;
const FEW_ITEMS: usize = 4_000;
/// Weights below this do not pay for their model.
const MIN_WEIGHT: f64 = 0.05;

/// A family with one setting, and its weight.
pub(super) type Chosen = (Family, f64);

/// Sums over held-out cells of products: of every two predictions, and of predictions with what came out.
#[derive(Debug, Default)]
struct Products {
    models: usize,
    both: Vec<f64>,
    outcome: Vec<f64>,
}

impl Products {
    fn add(&mut self, models: &[Model], lesson: &Lesson<'_>) {
        use rayon::prelude::*;
        self.models = models.len();
        self.both.resize(models.len() * models.len(), 0.0);
        self.outcome.resize(models.len(), 0.0);
        let predicted: Vec<Vec<Vec<f64>>> = lesson
            .items
            .par_iter()
            .map(|item| models.iter().map(|model| model.predict(item)).collect())
            .collect();
        for (row, predicted) in predicted.iter().enumerate() {
            for (i, first) in predicted.iter().enumerate() {
                for (j, second) in predicted.iter().enumerate() {
                    let product: f64 = first.iter().zip(second).map(|(a, b)| a * b).sum();
                    self.both[i * models.len() + j] += product;
                }
                let outcome = first.iter().enumerate().map(|(m, value)| value * lesson.deviation(row, m));
                self.outcome[i] += outcome.sum::<f64>();
            }
        }
    }

    /// How much squared error the model takes away with the best weight of its own.
    fn gain(&self, model: usize) -> f64 {
        let own = self.both[model * self.models + model];
        if own > 0.0 { self.outcome[model].max(0.0).powi(2) / own } else { 0.0 }
    }

    /// Non-negative least squares over these models, by coordinate descent.
    fn weights(&self, models: &[usize]) -> Vec<f64> {
        const ROUNDS: usize = 500;
        let mut weights = vec![0.0; models.len()];
        for _ in 0..ROUNDS {
            for (at, &model) in models.iter().enumerate() {
                let row = &self.both[model * self.models..(model + 1) * self.models];
                if row[model] <= 0.0 {
                    continue;
                }
                let others: f64 = models
                    .iter()
                    .zip(&weights)
                    .filter(|(other, _)| **other != model)
                    .map(|(&other, weight)| row[other] * weight)
                    .sum();
                weights[at] = ((self.outcome[model] - others) / row[model]).max(0.0);
            }
        }
        weights
    }
}

/// Chooses among the families. `readings` are those of the rows of `view`, in the same order.
pub(super) fn choose<'a>(
    families: &[Family],
    view: &View<'_>,
    readings: &[&'a Reading<'a>],
    slices: usize,
    seed: u64,
) -> Result<Vec<Chosen>, Trouble> {
    let folds = Folds::deal(view, FOLDS, seed)?;
    let tried = if view.rows.len() <= FEW_ITEMS { folds.count } else { 1 };
    let mut products = Products::default();
    // The family and the setting of each model.
    let mut of: Vec<(usize, usize)> = Vec::new();
    for fold in 0..tried {
        let (train, held_out) = folds.split(view, fold);
        let test = View { evidence: view.evidence, rows: held_out.iter().map(|&at| view.rows[at]).collect() };
        let inside: Vec<_> =
            (0..view.rows.len()).filter(|&at| folds.of[at] != fold).map(|at| readings[at]).collect();
        let outside: Vec<_> = held_out.iter().map(|&at| readings[at]).collect();
        let lookup = BySlice::fit(&train, Outlay::Cost);
        let lesson = Lesson::new(&train, &inside, &lookup, slices);
        let mut models = Vec::new();
        of.clear();
        for (number, family) in families.iter().enumerate() {
            let fitted = family.fit(&lesson, seed)?;
            of.extend((0..fitted.len()).map(|setting| (number, setting)));
            models.extend(fitted);
        }
        products.add(&models, &Lesson::new(&test, &outside, &lookup, slices));
    }
    let best_of =
        |family: usize| {
            let mut settings = (0..of.len()).filter(|&model| of[model].0 == family);
            let first = settings.next()?;
            Some(settings.fold(
                first,
                |best, model| if products.gain(model) > products.gain(best) { model } else { best },
            ))
        };
    let best: Vec<usize> = (0..families.len()).filter_map(best_of).collect();
    let weighed = products.weights(&best);
    let kept: Vec<usize> =
        best.iter().zip(&weighed).filter(|(_, weight)| **weight >= MIN_WEIGHT).map(|(m, _)| *m).collect();
    let weights = products.weights(&kept);
    let chosen = |(&model, weight): (&usize, f64)| {
        let (family, setting) = of[model];
        (families[family].only(setting), weight)
    };
    Ok(kept.iter().zip(weights).map(chosen).collect())
}

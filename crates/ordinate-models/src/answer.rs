//! Lets a model answer the items of a task. No item is answered by a model that was trained on it.

use std::time::Instant;

use ordinate_core::{Items, Part};
use ordinate_learn::random::shuffle;

use crate::error::ModelError;
use crate::folds::folds;
use crate::kind::Kind;
use crate::metric::score;
use crate::model::{Encoder, Facts, Model, Reply};
use crate::ngram::Ngram;
use crate::probe::{Probe, ZeroShot};
use crate::recipe::Recipe;

/// Folds of the cross-fitting.
const FOLDS: usize = 5;

/// An item that was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The item's row.
    pub row: usize,
    /// What was said.
    pub output: String,
    /// How sure, in `[0, 1]`.
    pub confidence: Option<f64>,
    /// The score against the target.
    pub score: f64,
    /// Wall-clock time of this item alone, milliseconds.
    pub latency_ms: f64,
}

/// Answers every item that has a target. Where the task names train and test items, test items are answered by a
/// model trained on all train items, and train items (from which policies learn) by models trained on the other
/// folds; where it names one file of items, all are answered by such models. Items of a group stay together.
///
/// # Errors
/// [`ModelError`], for example where there is too little to train on.
pub fn answer_items(
    items: &Items,
    kind: Kind,
    recipe: &Recipe,
    seed: u64,
) -> Result<(Vec<Answered>, Facts), ModelError> {
    let all: Vec<usize> = (0..items.len()).filter(|&row| items.target(row).is_some()).collect();
    if let Some(&row) = all.iter().find(|&&row| items.input(row).is_none()) {
        return Err(ModelError::NoInput(items.id(row).to_owned()));
    }
    let (test, train): (Vec<usize>, Vec<usize>) =
        all.iter().partition(|&&row| items.has_parts() && items.part(row) == Some(Part::Test));
    let encoder = recipe.from().map(crate::recipe::From::open).transpose()?;
    let bench = Bench { items, kind, recipe, encoder: encoder.as_deref(), seed };
    let mut answered = Vec::with_capacity(all.len());
    let whole = bench.fit(&train)?;
    let facts = whole.facts();
    bench.answer(whole.as_ref(), &test, &mut answered)?;
    // What was not trained needs no folds.
    if matches!(recipe, Recipe::ZeroShot { .. }) {
        bench.answer(whole.as_ref(), &train, &mut answered)?;
    } else {
        let fold_of = folds(items, &train, FOLDS, seed);
        for fold in 0..FOLDS {
            let of = |same: bool| {
                let rows = train.iter().zip(&fold_of).filter(move |(_, of)| (**of == fold) == same);
                rows.map(|(row, _)| *row).collect::<Vec<_>>()
            };
            let out = of(true);
            if !out.is_empty() {
                bench.answer(bench.fit(&of(false))?.as_ref(), &out, &mut answered)?;
            }
        }
    }
    answered.sort_by_key(|one| one.row);
    Ok((answered, facts))
}

/// At most so many of the rows, drawn at random.
fn some_of(rows: &[usize], most: Option<u32>, seed: u64) -> Vec<usize> {
    let mut rows = rows.to_vec();
    if let Some(most) = most {
        shuffle(&mut rows, seed);
        rows.truncate(most as usize);
    }
    rows
}

/// Where models are trained and asked.
struct Bench<'a> {
    items: &'a Items,
    kind: Kind,
    recipe: &'a Recipe,
    encoder: Option<&'a dyn Encoder>,
    seed: u64,
}

impl<'a> Bench<'a> {
    /// The model of the recipe, trained on these rows or some of them.
    fn fit(&self, rows: &[usize]) -> Result<Box<dyn Model + 'a>, ModelError> {
        let rows = some_of(rows, self.recipe.examples(), self.seed);
        let texts: Vec<&str> = rows.iter().map(|&row| self.items.input(row).unwrap_or_default()).collect();
        let targets: Vec<Vec<String>> =
            rows.iter().map(|&row| self.kind.labels(self.items.target(row).unwrap_or_default())).collect();
        match (self.recipe, self.encoder) {
            (Recipe::Probe { .. }, Some(encoder)) => {
                let vectors = encoder.embed(&texts)?;
                let vectors: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
                Ok(Box::new(Probe::fit(encoder, self.kind, &vectors, &targets)?))
            }
            (Recipe::ZeroShot { labels, .. }, Some(encoder)) => {
                let mut names: Vec<String> =
                    targets.into_iter().flatten().chain(labels.keys().cloned()).collect();
                names.sort_unstable();
                names.dedup();
                if names.len() < 2 {
                    return Err(ModelError::TooLittle { found: rows.len(), labels: names.len() });
                }
                Ok(Box::new(ZeroShot::new(encoder, &names, labels)?))
            }
            _ => Ok(Box::new(Ngram::fit(self.kind, &texts, &targets)?)),
        }
    }

    fn answer(
        &self,
        model: &dyn Model,
        rows: &[usize],
        answered: &mut Vec<Answered>,
    ) -> Result<(), ModelError> {
        for &row in rows {
            let (input, target) =
                (self.items.input(row).unwrap_or_default(), self.items.target(row).unwrap_or_default());
            let started = Instant::now();
            let reply = model.answer(&[input])?;
            let latency_ms = started.elapsed().as_secs_f64() * 1e3;
            for Reply { output, confidence } in reply {
                let score = score(self.kind, &output, target);
                answered.push(Answered { row, output, confidence, score, latency_ms });
            }
        }
        Ok(())
    }
}

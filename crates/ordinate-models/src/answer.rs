//! Lets a model answer the items of a task. No item is answered by a model that was trained on it.

use std::time::Instant;

use ordinate_core::{Items, Part};
use ordinate_learn::random::shuffle;

use crate::error::ModelError;
use crate::folds::folds;
use crate::kind::Kind;
use crate::metric::score;
use crate::model::{Facts, Model};
use crate::ngram::Ngram;
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
    let Recipe::Ngram { examples } = recipe;
    let mut answered = Vec::with_capacity(all.len());
    let whole = fit(items, kind, &some_of(&train, *examples, seed))?;
    let facts = whole.facts();
    answer(items, kind, &whole, &test, &mut answered)?;
    let fold_of = folds(items, &train, FOLDS, seed);
    for fold in 0..FOLDS {
        let (out, rest): (Vec<_>, Vec<_>) =
            train.iter().copied().zip(&fold_of).partition(|(_, of)| **of == fold);
        let rows = |pairs: Vec<(usize, &usize)>| pairs.into_iter().map(|(row, _)| row).collect::<Vec<_>>();
        let (out, rest) = (rows(out), rows(rest));
        if !out.is_empty() {
            let model = fit(items, kind, &some_of(&rest, *examples, seed))?;
            answer(items, kind, &model, &out, &mut answered)?;
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

fn fit(items: &Items, kind: Kind, rows: &[usize]) -> Result<Ngram, ModelError> {
    let texts: Vec<&str> = rows.iter().map(|&row| items.input(row).unwrap_or_default()).collect();
    let targets: Vec<Vec<String>> =
        rows.iter().map(|&row| kind.labels(items.target(row).unwrap_or_default())).collect();
    Ngram::fit(kind, &texts, &targets)
}

fn answer(
    items: &Items,
    kind: Kind,
    model: &dyn Model,
    rows: &[usize],
    answered: &mut Vec<Answered>,
) -> Result<(), ModelError> {
    for &row in rows {
        let (input, target) = (items.input(row).unwrap_or_default(), items.target(row).unwrap_or_default());
        let started = Instant::now();
        let reply = model.answer(&[input])?;
        let latency_ms = started.elapsed().as_secs_f64() * 1e3;
        for reply in reply {
            let score = score(kind, &reply.output, target);
            answered.push(Answered {
                row,
                output: reply.output,
                confidence: reply.confidence,
                score,
                latency_ms,
            });
        }
    }
    Ok(())
}

//! Lets a model answer the items of a task. No item is answered by a model that was trained on it.

use std::time::Instant;

use ordinate_core::{Items, Part};
use ordinate_learn::random::shuffle;
use ordinate_tasks::Scorer;

use crate::boosted::Boosted;
use crate::cloze::Cloze;
use crate::embedded::Embedded;
use crate::error::ModelError;
use crate::folds::folds;
use crate::kind::Kind;
use crate::model::{Facts, Model, Reply};
use crate::nearest::Nearest;
use crate::ngram::Ngram;
use crate::probe::Probe;
use crate::published::Published;
use crate::recipe::Recipe;
use crate::saved::{Kept, Saved};

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

/// Answers every item that has a target; `embedded` is [`Embedded::of`] the recipe's encoder and the same items, where
/// it has one. Where the task names train and test items, test items are answered by a
/// model trained on all train items, and train items (from which policies learn) by models trained on the other
/// folds; where it names one file of items, all are answered by such models. Items of a group stay together. The model of
/// all train items is given too, as it is kept.
///
/// # Errors
/// [`ModelError`], for example where there is too little to train on.
pub fn answer_items(
    items: &Items,
    (kind, scorer): (Kind, &Scorer),
    recipe: &Recipe,
    embedded: Option<&Embedded>,
    seed: u64,
) -> Result<(Vec<Answered>, Facts, Saved), ModelError> {
    let bench = Bench { items, kind, scorer, recipe, embedded, seed };
    let (test, train) = bench.parts()?;
    let mut answered = Vec::with_capacity(test.len() + train.len());
    let whole = bench.fit(&train)?;
    let (facts, saved) = (whole.facts(), bench.saved(&whole)?);
    bench.answer(&whole, &test, &mut answered)?;
    // What was not trained needs no folds.
    if matches!(
        recipe,
        Recipe::Nearest { examples: None, .. } | Recipe::Published { .. } | Recipe::Cloze { .. }
    ) {
        bench.answer(&whole, &train, &mut answered)?;
    } else {
        let fold_of = folds(items, &train, FOLDS, seed);
        for fold in 0..FOLDS {
            let of = |same: bool| {
                let rows = train.iter().zip(&fold_of).filter(move |(_, of)| (**of == fold) == same);
                rows.map(|(row, _)| *row).collect::<Vec<_>>()
            };
            let out = of(true);
            if !out.is_empty() {
                bench.answer(&bench.fit(&of(false))?, &out, &mut answered)?;
            }
        }
    }
    answered.sort_by_key(|one| one.row);
    Ok((answered, facts, saved))
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

/// A model that was trained.
enum Trained<'a> {
    Ngram(Ngram),
    Boosted(Boosted),
    Probe(Probe<'a>, &'a Embedded),
    Nearest(Nearest<'a>, &'a Embedded),
    Published(Box<Published>),
    Cloze(Box<Cloze>),
}

impl Trained<'_> {
    fn facts(&self) -> Facts {
        match self {
            Self::Ngram(model) => model.facts(),
            Self::Boosted(model) => model.facts(),
            Self::Probe(model, _) => model.facts(),
            Self::Nearest(model, _) => model.facts(),
            Self::Published(model) => model.facts(),
            Self::Cloze(model) => model.facts(),
        }
    }

    /// The answer to an item, and what it took, milliseconds.
    fn answer(&self, items: &Items, row: usize) -> Result<(Reply, f64), ModelError> {
        let started = Instant::now();
        let (reply, before) = match self {
            Self::Ngram(model) => (alone(model, items, row)?, 0.0),
            Self::Boosted(model) => (model.reply(items.features(), row), 0.0),
            Self::Published(model) => (alone(model.as_ref(), items, row)?, 0.0),
            Self::Cloze(model) => (alone(model.as_ref(), items, row)?, 0.0),
            Self::Probe(model, embedded) => (model.reply(embedded.vector(row)), embedded.took_ms(row)),
            Self::Nearest(model, embedded) => (model.reply(embedded.vector(row)), embedded.took_ms(row)),
        };
        Ok((reply, before + started.elapsed().as_secs_f64() * 1e3))
    }
}

fn alone(model: &dyn Model, items: &Items, row: usize) -> Result<Reply, ModelError> {
    let replies = model.answer(&[items.input(row).unwrap_or_default()])?;
    replies.into_iter().next().ok_or_else(|| ModelError::Failed("no answer".to_owned()))
}

/// Where models are trained and asked.
struct Bench<'a> {
    items: &'a Items,
    kind: Kind,
    scorer: &'a Scorer,
    recipe: &'a Recipe,
    embedded: Option<&'a Embedded>,
    seed: u64,
}

impl<'a> Bench<'a> {
    /// Rows with targets that can be answered: those of the test part, and those to learn from.
    fn parts(&self) -> Result<(Vec<usize>, Vec<usize>), ModelError> {
        let items = self.items;
        let known = |row: usize| self.embedded.is_none_or(|embedded| embedded.has(row));
        let all: Vec<usize> =
            (0..items.len()).filter(|&row| items.target(row).is_some() && known(row)).collect();
        if !self.recipe.reads_features()
            && let Some(&row) = all.iter().find(|&&row| items.input(row).is_none())
        {
            return Err(ModelError::NoInput(items.id(row).to_owned()));
        }
        Ok(all.iter().partition(|&&row| items.has_parts() && items.part(row) == Some(Part::Test)))
    }

    /// The model of the recipe, trained on these rows or some of them.
    fn fit(&self, all: &[usize]) -> Result<Trained<'a>, ModelError> {
        let rows = some_of(all, self.recipe.examples(), self.seed);
        let labels = |row: usize| self.kind.labels(self.items.target(row).unwrap_or_default());
        match (self.recipe, self.embedded) {
            (Recipe::Probe { .. }, Some(embedded)) => {
                let vectors: Vec<&[f32]> = rows.iter().map(|&row| embedded.vector(row)).collect();
                let targets: Vec<Vec<String>> = rows.iter().map(|&row| labels(row)).collect();
                Ok(Trained::Probe(Probe::fit(embedded.encoder(), self.kind, &vectors, &targets)?, embedded))
            }
            (Recipe::Nearest { labels: words, examples, .. }, Some(embedded)) => {
                // The names of the labels are no secret: all are known, however few the examples.
                let mut names: Vec<String> =
                    all.iter().flat_map(|&row| labels(row)).chain(words.keys().cloned()).collect();
                names.sort_unstable();
                names.dedup();
                if names.len() < 2 {
                    return Err(ModelError::TooLittle { found: all.len(), labels: names.len() });
                }
                let mut nearest = Nearest::new(embedded.encoder(), &names, words)?;
                for &row in rows.iter().filter(|_| examples.is_some()) {
                    labels(row).iter().for_each(|label| nearest.learn(embedded.vector(row), label));
                }
                Ok(Trained::Nearest(nearest, embedded))
            }
            (Recipe::Ngram { .. }, _) => {
                let texts: Vec<&str> =
                    rows.iter().map(|&row| self.items.input(row).unwrap_or_default()).collect();
                let targets: Vec<Vec<String>> = rows.iter().map(|&row| labels(row)).collect();
                Ok(Trained::Ngram(Ngram::fit(self.kind, &texts, &targets)?))
            }
            (Recipe::Boosted { .. }, _) => {
                let targets: Vec<&str> =
                    rows.iter().map(|&row| self.items.target(row).unwrap_or_default()).collect();
                Ok(Trained::Boosted(Boosted::fit(self.kind, self.items.features(), &rows, &targets)?))
            }
            (Recipe::Published { source, labels: map }, _) => {
                let names = all.iter().flat_map(|&row| labels(row)).collect();
                Ok(Trained::Published(Box::new(Published::open(source, self.kind, &names, map)?)))
            }
            (Recipe::Cloze { source, template, labels: words }, _) => {
                let names = all.iter().flat_map(|&row| labels(row)).collect();
                Ok(Trained::Cloze(Box::new(Cloze::open(source, self.kind, template, &names, words)?)))
            }
            (_, None) => Err(ModelError::Failed("its encoder was not opened".to_owned())),
        }
    }

    /// The model as it is hosted.
    fn saved(&self, model: &Trained<'_>) -> Result<Saved, ModelError> {
        let lacks = || ModelError::Failed("its encoder was not named".to_owned());
        let from = || self.recipe.from().cloned().ok_or_else(lacks);
        Ok(Saved::new(match (model, self.recipe) {
            (Trained::Ngram(model), _) => Kept::Ngram(Box::new(model.clone())),
            (Trained::Probe(model, _), _) => Kept::Probe { from: from()?, linear: model.linear().clone() },
            (Trained::Nearest(model, _), _) => Kept::Nearest { from: from()?, known: model.known().clone() },
            (Trained::Published(model), Recipe::Published { source, .. }) => {
                Kept::Published(model.matched(source))
            }
            (Trained::Cloze(model), Recipe::Cloze { source, template, labels }) => Kept::Cloze {
                source: source.clone(),
                template: template.clone(),
                names: model.names(),
                words: labels.clone(),
            },
            (Trained::Boosted(model), _) => Kept::Boosted(model.to_json()?),
            (Trained::Published(_) | Trained::Cloze(_), _) => return Err(lacks()),
        }))
    }

    fn answer(
        &self,
        model: &Trained<'_>,
        rows: &[usize],
        answered: &mut Vec<Answered>,
    ) -> Result<(), ModelError> {
        for &row in rows {
            let (Reply { output, confidence }, latency_ms) = model.answer(self.items, row)?;
            let score = self.scorer.score(&output, self.items.target(row).unwrap_or_default());
            answered.push(Answered { row, output, confidence, score, latency_ms });
        }
        Ok(())
    }
}

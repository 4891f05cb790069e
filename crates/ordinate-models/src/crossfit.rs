//! Which of a method's models answers which item of a task. No item is answered by a model that was trained on it.

use std::collections::HashMap;

use ordinate_core::{Items, Part};
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::fold::folds;
use crate::kind::Kind;
use crate::method::{Fitting, Method, Reads, Taught, TrainingSet};
use crate::model::Model;
use crate::overlap::{self, Told};

/// Folds of the cross-fitting.
const FOLDS: usize = 5;

/// Which of a method's models answers an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fold {
    /// The one that is trained on all train items, and kept.
    Whole,
    /// The one that is trained on the train items of the other folds.
    Without(usize),
}

impl Fold {
    /// Every fold there may be, in the order in which they are trained.
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Whole).chain((0..FOLDS).map(Self::Without))
    }
}

/// Which model answers which item, and what each is trained on.
///
/// Where the task names train and test items, test items are answered by a model trained on all train items, and train
/// items (from which policies learn) by models trained on the other folds; where it names one file of items, all are
/// answered by such models. Items of a group stay together, and so do series of which one shows what the other is to forecast: where
/// all are of one series, each is answered by a model that was trained on no item. A method that does not learn answers all with
/// one model.
pub struct CrossFit<'a> {
    items: &'a Items,
    kind: Kind,
    method: &'a dyn Method,
    /// The rows that are learned from, and the fold that each is left out of.
    train: Vec<(usize, usize)>,
    /// A fold for each item; `None` for one that is not answered.
    fold_of: Vec<Option<Fold>>,
    /// What a teacher answered, by row.
    taught: Option<&'a HashMap<usize, Taught>>,
    /// What is read in place of the items' own texts, by row.
    texts: Option<&'a [String]>,
}

impl<'a> CrossFit<'a> {
    /// Of the items that have a target and are `usable`, by row.
    ///
    /// # Errors
    /// [`ModelError::NoInput`] where one of them has no text, and the method reads texts or images; [`ModelError::Shown`] where a
    /// train item shows what a test item is to forecast.
    pub fn new(
        items: &'a Items,
        kind: Kind,
        method: &'a dyn Method,
        usable: &dyn Fn(usize) -> bool,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let all: Vec<usize> =
            (0..items.len()).filter(|&row| items.target(row).is_some() && usable(row)).collect();
        if method.reads() != Reads::Fields
            && let Some(&row) = all.iter().find(|&&row| items.input(row).is_none())
        {
            return Err(ModelError::NoInput(items.id(row).to_owned()));
        }
        let by_parts = items.has_parts();
        let (test, train): (Vec<usize>, Vec<usize>) =
            all.iter().partition(|&&row| by_parts && items.part(row) == Some(Part::Test));
        let groups: Vec<Option<&str>> = train.iter().map(|&row| items.groups().get(row)).collect();
        let without = match kind == Kind::Series && method.learns() {
            false => folds(&groups, FOLDS, seed),
            true => {
                let of =
                    |rows: &[usize]| rows.iter().map(|&row| Told::of_row(items, row)).collect::<Vec<_>>();
                let told = of(&train);
                if let Some((shows, asked)) = overlap::shows(&told, &of(&test)) {
                    let id = |row: usize| items.id(row).to_owned();
                    return Err(ModelError::Shown { train: id(train[shows]), test: id(test[asked]) });
                }
                let units: Vec<String> =
                    overlap::units(&told, &groups).into_iter().map(|unit| unit.to_string()).collect();
                folds(&units.iter().map(|unit| Some(unit.as_str())).collect::<Vec<_>>(), FOLDS, seed)
            }
        };
        let train: Vec<(usize, usize)> = train.into_iter().zip(without).collect();
        let mut fold_of = vec![None; items.len()];
        test.into_iter().for_each(|row| fold_of[row] = Some(Fold::Whole));
        // What has no target was not learned from.
        let is_free =
            |row: &usize| items.target(*row).is_none() && items.input(*row).is_some() && usable(*row);
        (0..items.len()).filter(is_free).for_each(|row| fold_of[row] = Some(Fold::Whole));
        for &(row, fold) in &train {
            fold_of[row] = Some(if method.learns() { Fold::Without(fold) } else { Fold::Whole });
        }
        Ok(Self { items, kind, method, train, fold_of, taught: None, texts: None })
    }

    /// With what a teacher answered, by row: train items without a target are learned from as well.
    #[must_use]
    pub fn taught_by(self, taught: &'a HashMap<usize, Taught>) -> Self {
        Self { taught: Some(taught), ..self }
    }

    /// With what is read in place of the items' own texts, by row.
    #[must_use]
    pub fn with_texts(self, texts: &'a [String]) -> Self {
        Self { texts: Some(texts), ..self }
    }

    /// The model that answers an item; `None` for one that is not answered.
    #[must_use]
    pub fn fold(&self, row: usize) -> Option<Fold> {
        self.fold_of.get(row).copied().flatten()
    }

    /// The rows that the model of a fold answers, in order.
    #[must_use]
    pub fn rows(&self, fold: Fold) -> Vec<usize> {
        (0..self.fold_of.len()).filter(|&row| self.fold_of[row] == Some(fold)).collect()
    }

    /// The model of a fold.
    ///
    /// # Errors
    /// As [`Method::fit`].
    pub fn fit(&self, fold: Fold, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let learned = |&&(_, of): &&(usize, usize)| fold != Fold::Without(of);
        let mut rows: Vec<usize> = self.train.iter().filter(learned).map(|&(row, _)| row).collect();
        let Some(taught) = self.taught else {
            let train = TrainingSet::of(self.items, &rows, self.kind);
            let train = match self.texts {
                Some(texts) => train.with_texts(&rows, texts),
                None => train,
            };
            return self.method.fit(&train, fitting);
        };
        let is_free = |row: &usize| {
            self.items.part(*row) == Some(Part::Train)
                && self.items.target(*row).is_none()
                && self.items.input(*row).is_some()
        };
        let mut free: Vec<usize> = taught.keys().copied().filter(is_free).collect();
        free.sort_unstable();
        rows.extend(free);
        let train = TrainingSet::of(self.items, &rows, self.kind);
        self.method.fit(&train.taught_by(rows.iter().map(|row| taught.get(row))), fitting)
    }
}

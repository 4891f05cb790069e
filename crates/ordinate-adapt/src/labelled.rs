//! A classifier and the items that it is trained on.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use ordinate_models::encoder::{Problem, TrainableClassifier};
use ordinate_models::{ModelError, Stop};

use crate::batches::{batches, parts};
use crate::loss::Targets;
use crate::objective::Objective;
use crate::validation::{Validated, validated, validated_numbers};

/// Tokens that go through the layers together, padding counted, in training: what a graph keeps of them is the memory that
/// training takes (about 150 numbers a token, layer and dimension).
pub(crate) const TOKENS: usize = 4_096;
/// The same where no graph is kept.
pub(crate) const READ: usize = 8_192;

/// A classifier that is trained.
pub(crate) struct Labelled<'a> {
    pub(crate) model: &'a TrainableClassifier,
    pub(crate) problem: Problem,
    /// The tokens of each item, and how many they are.
    pub(crate) tokens: Vec<Vec<u32>>,
    pub(crate) lengths: Vec<usize>,
    pub(crate) targets: Targets,
    /// The right labels of each item.
    pub(crate) right: Vec<Vec<usize>>,
    /// The right number of each item, over the spread; empty for labels.
    pub(crate) numbers: Vec<f64>,
    /// The items that are learned from.
    pub(crate) learned: Vec<usize>,
    /// The items that are held out.
    pub(crate) held: Vec<usize>,
    pub(crate) batch: usize,
    pub(crate) seed: u64,
}

impl Labelled<'_> {
    fn batch_of(&self, places: &[usize]) -> Vec<&[u32]> {
        places.iter().map(|&at| self.tokens[at].as_slice()).collect()
    }

    /// The logits of items, in their order.
    pub(crate) fn logits(&self, places: &[usize], stop: Stop<'_>) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|&at| self.lengths[places[at]]);
        let sorted: Vec<usize> = order.iter().map(|&at| places[at]).collect();
        let mut all = vec![Vec::new(); places.len()];
        let mut done = 0;
        for part in parts(&sorted, |at| self.lengths[at], READ) {
            stop.check()?;
            let rows = self.model.read(&self.batch_of(part))?;
            for row in rows {
                all[order[done]] = row;
                done += 1;
            }
        }
        Ok(all)
    }
}

impl Objective for Labelled<'_> {
    fn variables(&self) -> &BTreeMap<String, Var> {
        self.model.variables()
    }

    fn is_new(&self, name: &str) -> bool {
        self.model.is_head(name)
    }

    fn batches(&self, pass: u64) -> Vec<Vec<usize>> {
        batches(&self.learned, |at| self.lengths[at], self.batch, self.seed, pass)
    }

    fn parts<'a>(&self, batch: &'a [usize]) -> Vec<&'a [usize]> {
        parts(batch, |at| self.lengths[at], TOKENS)
    }

    fn loss(&self, part: &[usize], batch: &[usize]) -> Result<Tensor, ModelError> {
        let logits = self.model.logits(&self.batch_of(part))?;
        self.targets.loss(&logits, part, batch).map_err(|error| ModelError::Failed(error.to_string()))
    }

    fn validate(&self) -> Result<Option<Validated>, ModelError> {
        if self.held.is_empty() {
            return Ok(None);
        }
        let logits = self.logits(&self.held, Stop::NEVER)?;
        if self.problem == Problem::Number {
            let said: Vec<f64> = logits.iter().map(|row| f64::from(row[0])).collect();
            let right: Vec<f64> = self.held.iter().map(|&at| self.numbers[at]).collect();
            return Ok(Some(validated_numbers(&said, &right)));
        }
        let right: Vec<Vec<usize>> = self.held.iter().map(|&at| self.right[at].clone()).collect();
        Ok(Some(validated(self.problem, &logits, &right)))
    }
}

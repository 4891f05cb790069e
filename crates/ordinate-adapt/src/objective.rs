//! What the trainer needs to know of what it trains.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use ordinate_models::ModelError;

use crate::validation::Validated;

/// What is to be trained, and on what.
pub(crate) trait Objective {
    /// What is trained, by name.
    fn variables(&self) -> &BTreeMap<String, Var>;

    /// Whether a variable was not trained before: it takes larger steps.
    fn is_new(&self, name: &str) -> bool;

    /// The batches of a pass, by the places of their items. The same for the same pass.
    fn batches(&self, pass: u64) -> Vec<Vec<usize>>;

    /// A batch in parts that are computed one after the other.
    fn parts<'a>(&self, batch: &'a [usize]) -> Vec<&'a [usize]>;

    /// What the items of a part add to the loss of their batch.
    fn loss(&self, part: &[usize], batch: &[usize]) -> Result<Tensor, ModelError>;

    /// How well items are answered that were held out; `None` where none were. Not stopped half-way: the state of a training
    /// is that between two steps, and what follows a step belongs to it.
    fn validate(&self) -> Result<Option<Validated>, ModelError>;
}

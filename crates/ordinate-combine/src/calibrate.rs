//! Policies that are learned from two thirds of the items, so that the rest can test their dials (learn then test:
//! Angelopoulos, Bates, Candès, Jordan and Lei 2021). What is promised of them follows later, for any margin.

use ordinate_core::evidence::View;
use ordinate_core::{Policy, Row};

use crate::error::{CombineError, NotApplicable};
use crate::folds::Folds;
use crate::learner::{Context, Learner};
use crate::random;

/// One of so many parts of the training items is kept for testing.
const PARTS: u32 = 3;

/// A policy, and the items that may test its dials.
#[derive(Debug)]
pub struct Calibrated {
    /// The policy.
    pub policy: Box<dyn Policy>,
    /// The rows that test it, in random order: a test that looks at one after the other must not hang on theirs.
    pub rows: Vec<Row>,
}

/// Learns a policy from two thirds of these rows; the rest may test it. Whole groups go to one side.
///
/// # Errors
/// [`NotApplicable`] when the rows are too few for the learner.
pub fn calibrated(
    learner: &dyn Learner,
    train: &View<'_>,
    context: &Context,
) -> Result<Calibrated, NotApplicable> {
    let refuse = |error: CombineError| NotApplicable { kind: learner.kind(), why: error.to_string() };
    let folds = Folds::deal(train, PARTS, context.seed).map_err(refuse)?;
    let (fitting, testing) = folds.split(train, 0);
    let policy = learner.fit(&fitting, context)?;
    let mut rows: Vec<Row> = testing.iter().map(|&position| train.rows[position]).collect();
    random::shuffle(&mut rows, context.seed);
    Ok(Calibrated { policy, rows })
}

//! Learns policies from evidence, cross-fitted.
//!
//! A [`Learner`] makes a policy from some rows; [`learn`] makes sure that nothing is scored on rows that shaped it, and
//! knows no needs; [`record`] plays a policy over recorded answers; an [`Artefact`] is the policy as a file.

mod alike;
pub mod answers;
pub mod artefact;
pub mod by_slice;
mod calibrate;
mod crossfit;
mod dials;
mod error;
mod folds;
mod gist;
mod learned;
mod learner;
mod means;
mod medoid;
mod order;
mod pays;
mod pools;
pub mod products;
mod replay;
pub mod route;
mod said;
mod settled;
pub mod single;
pub mod stack;
mod table;
#[cfg(test)]
mod testing;
pub mod texts;
pub mod vote;
pub mod weighted;
mod zero_router;

pub use alike::dense_groups;
pub use artefact::Artefact;
pub use calibrate::{Calibrated, calibrated};
pub use crossfit::{Plan, learn, learn_telling};
pub use error::{CombineError, NotApplicable};
pub use folds::Folds;
pub use learned::Learned;
pub use learner::{Context, Learner};
pub use order::scored_rows;
pub use ordinate_core::random;
pub use ordinate_trials::{Outlay, Played};
pub use pools::{Pool, pools};
pub use replay::{record, replay, replay_served};

use ordinate_core::PolicyKind;

/// The learners of these kinds (all where `None`), what is simpler first.
#[must_use]
pub fn learners(kinds: Option<&[PolicyKind]>) -> Vec<Box<dyn Learner>> {
    table::TABLE
        .iter()
        .filter(|row| kinds.is_none_or(|kinds| kinds.contains(&row.kind)))
        .filter_map(|row| row.learner.map(|learner| learner()))
        .collect()
}

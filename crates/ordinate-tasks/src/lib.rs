//! The kinds of task: one file a kind in [`kinds`], a line each in [`Kinds::builtin`].
//!
//! A [`Kind`] says what its items need, what a candidate is told, how a reply is read into an
//! [`ordinate_core::Output`], and by which [`Metric`]s an output is scored. Nothing outside this crate asks which kind a
//! task is: it asks the kind.
//!
//! - [`Reader`]: reads the replies of one task.
//! - [`Scorer`]: scores the outputs of one task.
//! - [`metric`]: the metrics, and the figures of whole sets of answers ([`metric::corpus`]).
//! - [`reading`]: labels, letters, numbers, spans and JSON in free text.

mod floor;
pub mod kind;
pub mod kinds;
pub mod metric;
pub mod reading;
mod scorer;

pub use floor::Floors;
pub use kind::{Kind, Kinds, Lacks, Template};
pub use metric::{Metric, MetricError, Target};
pub use reading::{Extracted, Labels, Reader, Unreadable, Wrote};
pub use scorer::Scorer;

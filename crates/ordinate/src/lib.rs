//! Ordinate as a library: [`check`] a task, [`run`] it, or [`decide`] over evidence that is at hand.
//!
//! Everything is asynchronous and needs a tokio runtime; what takes the processor runs on threads of its own, so that a
//! server can hold other conversations meanwhile. Errors are values that say who has to act ([`Error::fault`]), an
//! [`Observer`] is told what happens, and a [`CancellationToken`] in the [`Options`] stops a run.
//! `examples/run_a_task.rs` is a whole program.

mod ask;
mod check;
mod decide;
mod decode;
mod deploy;
mod embed;
mod error;
mod estimates;
mod folder;
mod hub;
mod live;
mod local;
mod metric;
mod models;
mod observe;
mod options;
mod run;
mod script;
mod verify;
mod work;

pub use ask::{Asked, Expected, Question, ask};
pub use check::{Checked, CheckedCandidate, check};
pub use decide::{Decided, decide, judge};
pub use error::{Error, Fault};
pub use estimates::estimate_lines;
pub use folder::Folder;
pub use models::{NamedModel, model_card, model_table, models_at_hand, pairs};
pub use observe::{Doing, Event, Observer, Step};
pub use options::Options;
pub use ordinate_data::{Task, read_task};
pub use ordinate_measure::{CancellationToken, Ended, Estimate, Progress, Summary};
pub use run::{Run, run};
pub use verify::verify;

//! Models that run in this process.
//!
//! A [`Model`] answers inputs. [`Ngram`] is trained on the task's own items and knows nothing else; encoders
//! ([`Encoder`]) turn texts into vectors, on which a probe is trained ([`Probe`]) or labels are compared by their
//! words ([`Nearest`]). [`answer_items`] lets a model answer the items of a task without ever seeing the item that it
//! answers, and [`Recipe`] is what the task file says of it.

mod answer;
mod boosted;
mod card;
mod cloze;
pub mod decoder;
mod embedded;
pub mod encoder;
mod error;
mod folds;
pub mod gauge;
mod head;
mod inspect;
mod kind;
mod linear;
mod model;
mod nearest;
mod ngram;
mod probe;
mod published;
mod recipe;
mod regression;
mod saved;
mod script;

pub use answer::{Answered, answer_items};
pub use boosted::Boosted;
pub use cloze::Cloze;
pub use embedded::Embedded;
pub use error::ModelError;
pub use head::Head;
pub use inspect::{Inspected, Role, inspect, inspect_source};
pub use kind::Kind;
pub use linear::{Calibrated, Rows};
pub use model::{Encoder, Facts, Model, Reply};
pub use nearest::Nearest;
pub use ngram::Ngram;
pub use probe::Probe;
pub use published::Published;
pub use recipe::{From, Recipe};
pub use regression::Ridge;
pub use saved::Saved;
pub use script::share_of_other_scripts;

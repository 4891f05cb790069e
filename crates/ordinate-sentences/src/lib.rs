//! Answers that are sentences of the text itself ([`Picker`]).

mod answering;
mod picker;
mod textrank;
mod words;

pub use picker::{PickError, Picker};
pub use textrank::central;

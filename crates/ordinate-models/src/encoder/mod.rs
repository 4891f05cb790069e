//! Encoders: where they come from, and their texts in batches.

mod bert;
mod fixed;
mod folder;

pub use bert::Bert;
pub use fixed::{Fixed, builtin};
pub use folder::{Source, open};

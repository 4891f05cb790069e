//! Encoders: where they come from, and their texts in batches.

mod bert;
mod body;
mod fixed;
mod folder;
mod gelu;
mod head;
mod layers;
mod masked;
mod modernbert;
mod plus;
mod softmax;
mod source;

pub(crate) use bert::Config as BertConfig;
pub use bert::{Bert, Config};
pub(crate) use body::KNOWN;
pub use fixed::{Fixed, builtin};
pub use folder::{Classifier, is_classifier, open};
pub use masked::Masked;
pub use source::Source;

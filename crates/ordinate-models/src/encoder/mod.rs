//! Encoders: where they come from, and their texts in batches.

mod bert;
mod body;
mod folder;
mod head;
mod layers;
mod masked;
mod modernbert;
mod static_embeddings;
mod trainable;

pub use crate::source::Source;
pub(crate) use bert::Config as BertConfig;
pub use bert::{Bert, Config};
pub(crate) use body::KNOWN;
pub use folder::{Classifier, is_classifier, open};
pub use masked::Masked;
pub use static_embeddings::{StaticEmbeddings, builtin};
pub use trainable::Trainable;

//! Encoders: where they come from, and their texts in batches.

pub(crate) mod adapter;
mod bert;
mod body;
mod files;
mod folder;
mod head;
pub(crate) mod layers;
mod layout;
mod masked;
mod modernbert;
mod pretraining;
mod static_embeddings;
mod trainable;
mod tuning;
mod written;

pub use crate::source::Source;
pub(crate) use bert::Config as BertConfig;
pub use bert::{Bert, Config};
pub(crate) use body::KNOWN;
pub(crate) use files::{json, tensors, weights};
pub use folder::{Classifier, is_classifier, open};
pub use masked::Masked;
pub use pretraining::TrainableMasked;
pub use static_embeddings::{StaticEmbeddings, builtin};
pub use trainable::Trainable;
pub(crate) use trainable::variables;
pub(crate) use tuning::normal;
pub use tuning::{Answers, LowRank, Problem, Reach, TrainableClassifier};
pub use written::{TunedEncoder, Written};
pub(crate) use written::{adapter_config, save_tensors, unwritten, write_json};

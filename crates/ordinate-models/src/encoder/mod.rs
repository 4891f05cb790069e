//! Encoders: where they come from, and their texts in batches.

pub(crate) mod adapter;
mod bert;
mod body;
mod files;
pub(crate) mod folder;
mod head;
pub(crate) mod layers;
mod layout;
mod masked;
mod modernbert;
mod pretraining;
mod spans;
mod static_embeddings;
mod trainable;
mod tunable;
mod tuning;
mod windows;
mod written;

pub use crate::source::Source;
pub(crate) use bert::Config as BertConfig;
pub use bert::{Bert, Config};
pub(crate) use body::KNOWN;
pub(crate) use files::{json, tensors, weights};
pub use folder::{Classifier, is_classifier, open};
pub use masked::Masked;
pub use pretraining::{Among, TrainableMasked};
pub use spans::{Ends, Extractor, Spans, TrainableExtractor, is_extractor};
pub use static_embeddings::{StaticEmbeddings, builtin};
pub use trainable::Trainable;
pub(crate) use trainable::variables;
pub(crate) use tunable::normal;
pub use tunable::{LowRank, Reach};
pub use tuning::{Answers, Problem, TrainableClassifier};
pub use windows::Window;
pub use written::{TunedEncoder, Written};
pub(crate) use written::{adapter_config, save_tensors, unwritten, write_json};

//! Models that run in this process.
//!
//! A [`Method`] makes a [`Model`] out of the train items of a task, and a model answers items. [`Methods`] is the table of
//! them, with a line a method: it finds the method of a candidate of the task file, and reads saved models again.
//! Encoders ([`Encoder`]) turn texts into vectors, once for all models on them ([`Encoders`]). [`CrossFit`] says which
//! model answers which item, so that none sees the item that it answers before.

mod card;
mod class_means;
mod crossfit;
pub mod decoder;
pub mod encoder;
mod encoders;
mod error;
mod fold;
mod forecaster;
pub mod gauge;
mod head;
mod inspect;
mod kind;
mod linear;
mod manifest;
mod memory;
mod method;
mod methods;
mod model;
mod ops;
mod overlap;
mod regression;
mod script;
pub mod seq2seq;
mod source;
mod stop;
mod tokenizer;
pub mod vision;

pub use class_means::ClassMeans;
pub use crossfit::{CrossFit, Fold};
pub use encoders::{Embedding, EncoderSource, Encoders, SharedEncoder};
pub use error::ModelError;
pub use fold::folds;
pub use forecaster::{Forecaster, is_forecaster};
pub use head::{Head, number};
pub use inspect::{Inspected, Role, inspect, inspect_source};
pub use kind::Kind;
pub use linear::{Calibrated, Rows, sharpen};
pub use manifest::{Manifest, read_model, save, write_model};
pub use method::{Fitting, Identity, Method, Reads, Taught, Training, TrainingProgress, TrainingSet, drawn};
pub use methods::boosted::{Boosted, GradientBoosting};
pub use methods::cloze::{Cloze, ClozeLabels};
pub use methods::extractor::{PublishedExtractor, says_nothing};
pub use methods::fields::{FieldLinear, Linear};
pub use methods::forecaster::PublishedForecaster;
pub use methods::lags::{Lags, LagsModel};
pub use methods::means::Averaging;
pub use methods::memory::{Memory, TranslationMemory};
pub use methods::nearest::{Nearest, NearestLabel};
pub use methods::ngram::{Ngram, NgramLinear};
pub use methods::pictured::PublishedImageClassifier;
pub use methods::probe::{KIND as PROBE, Probe, Probing};
pub use methods::published::{Published, PublishedClassifier};
pub use methods::translator::PublishedTranslator;
pub use methods::{MethodKind, Methods, Of, Saved};
pub use model::{Encoder, Facts, Model, Prediction, Reply, Sample};
pub use regression::Ridge;
pub use script::share_of_other_scripts;
pub use stop::Stop;

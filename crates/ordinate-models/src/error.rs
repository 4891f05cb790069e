//! Why a model cannot be made or cannot answer.

use std::path::PathBuf;

use ordinate_core::nearest;
use ordinate_core::task::{Adapt, Local};

/// What is said of a name that no model has.
fn unknown(name: &str) -> String {
    let named = Local::BROUGHT.into_iter().filter(|name| ![Adapt::OPENAI, Adapt::SCRATCH].contains(name));
    let brought: Vec<&str> = named.collect();
    let picked = ["lead-3", "textrank-3", "answering-sentence"];
    let all = brought.iter().copied().chain(Local::FORECASTERS).chain(picked);
    let near = nearest(name, all).map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
    format!(
        "{name:?} is no model that runs here{near}; known are {}, a folder with config.json, tokenizer.json and model.safetensors, \
         hf:org/name[@revision], and a .gguf file; in tasks of kind \"forecast\" {}; and where the answer is a text {}",
        brought.join(", "),
        Local::FORECASTERS.join(", "),
        picked.join(", ")
    )
}

/// Why a model cannot be made or cannot answer: one sentence that says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The model is not known.
    #[error("{}", unknown(.0))]
    Unknown(String),
    /// The name of a model of the hub is wrong.
    #[error("{0}")]
    Name(#[from] ordinate_hub::NameError),
    /// A way of adapting a model is not known.
    #[error(
        "{0:?} is no way of adapting a model; known are auto, means, probe, contrastive, lora, full, mlm, distill and seq2seq"
    )]
    Method(String),
    /// A setting does not go with the others, or is out of bounds.
    #[error("{0}")]
    Setting(String),
    /// Models that run here do not do this kind of task.
    #[error("{model} answers tasks of kind {does}, and this one is {kind}; {instead}")]
    Kind {
        /// What runs here.
        model: &'static str,
        /// The kinds that it does.
        does: String,
        /// The kind of the task.
        kind: String,
        /// What to do.
        instead: &'static str,
    },
    /// A published classifier knows other labels than the task.
    #[error(
        "{why}: it knows {theirs}, and the task's labels are {ours}; say which is which with labels = {{ \
         \"the task's\" = \"its own\" }} in local"
    )]
    Labels {
        /// What does not fit.
        why: String,
        /// The model's labels.
        theirs: String,
        /// The task's labels.
        ours: String,
    },
    /// A template for a masked language model is wrong, or stands with a model that has no use for one.
    #[error("{0}")]
    Template(String),
    /// There is too little to train on.
    #[error(
        "there is too little to train on: {found} items with input and target, of {labels} labels; name train \
             items in [data], with the fields input and target"
    )]
    TooLittle {
        /// Items with input and target.
        found: usize,
        /// Different labels.
        labels: usize,
    },
    /// There are too few numbers to train on.
    #[error(
        "there is too little to train on: {0} items with a target; name train items in [data], with the field target"
    )]
    TooFew(usize),
    /// A target is no number.
    #[error("the target {0:?} is not a number; correct it, or remove the item")]
    NoNumber(String),
    /// An item that is to be answered has no input.
    #[error(
        "item {0:?} has no input: name the field with the text in [data] input; where it is empty, or all [data] features \
         are, fill it or remove the item"
    )]
    NoInput(String),
    /// An item that is to be answered out of its passage has none.
    #[error(
        "item {0:?} has no passage to look for the answer in: name the field with the passage in [data] context; where it is empty, \
         fill it or remove the item"
    )]
    NoPassage(String),
    /// A train item shows what a test item is to forecast.
    #[error(
        "the train item {train:?} shows values that the test item {test:?} is to forecast, so that a model trained on it would know them; \
             end its series before, or move it to the test items"
    )]
    Shown {
        /// The train item.
        train: String,
        /// The test item.
        test: String,
    },
    /// A target is not what its kind needs.
    #[error("the target {target:?} of item {id:?} is no {wanted}")]
    Target {
        /// The item.
        id: String,
        /// Its target.
        target: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// A file of a model is missing, damaged, or something else.
    #[error("{}: {problem}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// This build has no llama.cpp.
    #[error(
        "this ordinate was built without llama.cpp; build it with `cargo build --release --features llama-cpp` (needs cmake, a C++ \
         compiler and libclang), or remove engine: candle runs the same files, more slowly"
    )]
    Engine,
    /// The learner failed.
    #[error("{0}")]
    Learn(#[from] ordinate_learn::LearnError),
    /// Training was stopped by the caller.
    #[error("it was stopped before it was trained")]
    Stopped,
    /// The computation failed, which is a bug or a damaged model.
    #[error("the model failed: {0}")]
    Failed(String),
}

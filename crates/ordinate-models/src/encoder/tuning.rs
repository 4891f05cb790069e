//! A sequence classifier that is trained: an encoder and a head as `transformers` has them.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use serde_json::{Map, Value, json};

use crate::encoder::adapter;
use crate::encoder::files::Files;
use crate::encoder::folder::{Classifier, plain};
use crate::encoder::head::has_head;
use crate::encoder::layout::Layout;
use crate::encoder::trainable::{lengths, tokens};
use crate::encoder::tunable::{Last, Reach, Tunable, allowed, describe, layout};
use crate::encoder::written::Written;
use crate::error::ModelError;
use crate::source::Source;

/// What a classifier answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The names of its labels; one for a number.
    pub names: Vec<String>,
    /// What they are.
    pub problem: Problem,
}

/// What the labels of a classifier are, as `problem_type` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// One of them is right.
    OneLabel,
    /// Each is a question of its own.
    SeveralLabels,
    /// There is one, and its logit is the answer.
    Number,
}

impl Problem {
    fn name(self) -> &'static str {
        match self {
            Self::OneLabel => "single_label_classification",
            Self::SeveralLabels => "multi_label_classification",
            Self::Number => "regression",
        }
    }
}

/// A classifier whose weights, or some of them, are variables.
pub struct TrainableClassifier(Tunable);

impl TrainableClassifier {
    /// Opens an encoder, or a classifier, with a head for these answers: its own where it has one for the same labels, else
    /// a new one.
    ///
    /// # Errors
    /// As [`crate::encoder::open`].
    pub fn open(source: &Source, answers: &Answers, reach: Reach, seed: u64) -> Result<Self, ModelError> {
        allowed(source, reach)?;
        Self::of(Files::read(source)?, source, answers, reach, seed)
    }

    /// The same of files that were read, and may have been trained on since.
    pub(crate) fn of(
        mut files: Files,
        source: &Source,
        answers: &Answers,
        reach: Reach,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let layout = layout(&files, source, Layout::of)?;
        let own = own_labels(&files.config, answers);
        let last = Last { outputs: answers.names.len(), kept: own.is_some() };
        describe(&mut files.config, &layout);
        name_labels(&mut files.config, &own.unwrap_or_else(|| answers.names.clone()), answers.problem);
        Tunable::of(files, source, layout, last, reach, seed).map(Self)
    }

    /// What is trained, by the names that `transformers` has for it.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, Var> {
        &self.0.variables
    }

    /// Whether a variable is of the head.
    #[must_use]
    pub fn is_head(&self, name: &str) -> bool {
        self.0.is_head(name)
    }

    /// The labels, in the order of the logits.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        self.0.head.labels()
    }

    /// The tokens of texts, cut to the longest that it reads.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the tokenizer fails.
    pub fn tokens(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, ModelError> {
        tokens(self.0.folder.tokenizer(), texts)
    }

    /// The logits of a batch: texts x labels.
    ///
    /// # Errors
    /// [`ModelError::Failed`] for a text that is too long or has no tokens, or a token that is not in the vocabulary.
    pub fn logits(&self, batch: &[&[u32]]) -> Result<Tensor, ModelError> {
        let states = self.0.folder.body().states(batch);
        let logits = states.and_then(|states| self.0.head.of_batch(&states, &lengths(batch)));
        logits.map_err(|error| ModelError::Failed(plain(&error)))
    }

    /// The logits of a batch as numbers.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn read(&self, batch: &[&[u32]]) -> Result<Vec<Vec<f32>>, ModelError> {
        let (folder, head) = &self.0.reading;
        let states = folder.body().states(batch);
        let logits = states.and_then(|states| head.of_batch(&states, &lengths(batch))?.to_vec2());
        logits.map_err(|error| ModelError::Failed(plain(&error)))
    }

    /// The dimensions of its encoder.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.folder.width()
    }

    /// Multiplies the logits, and adds to them: by the last layer's own weights, so that every reader of them does.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn scale_logits(&self, times: f64, plus: f64) -> Result<(), ModelError> {
        self.0.scale_logits(times, plus)
    }

    /// The classifier with the values that its variables have now, and what is written of it.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn tuned(&self) -> Result<(Classifier, Written), ModelError> {
        let written = self.0.written(adapter::CLASSIFIES)?;
        Ok((Classifier::of(&written.files)?, written))
    }
}

/// The labels of a classifier that are those asked for, in its own order.
fn own_labels(config: &Value, answers: &Answers) -> Option<Vec<String>> {
    let names = config["id2label"].as_object().filter(|_| has_head(config))?;
    let name = |at: usize| names.get(&at.to_string())?.as_str().map(str::to_owned);
    let own: Vec<String> = (0..names.len()).map(name).collect::<Option<_>>()?;
    let (mut ours, mut theirs) = (answers.names.clone(), own.clone());
    ours.sort_unstable();
    theirs.sort_unstable();
    (ours == theirs && answers.problem != Problem::Number).then_some(own)
}

/// Says in a configuration what the labels are.
fn name_labels(config: &mut Value, names: &[String], problem: Problem) {
    let numbered = || names.iter().enumerate();
    config["id2label"] =
        numbered().map(|(at, name)| (at.to_string(), json!(name))).collect::<Map<_, _>>().into();
    config["label2id"] = numbered().map(|(at, name)| (name.clone(), json!(at))).collect::<Map<_, _>>().into();
    config["problem_type"] = json!(problem.name());
}

//! `adapt`: a vertical model that is made of a general one.

use std::num::NonZeroU32;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Precision;
use crate::CandidateName;

impl Adapt {
    /// `from` of a model that starts from the embeddings of the candidate's own `openai`.
    pub const OPENAI: &str = "openai";
    /// `from` of a network of images, or of a translator, that nothing was trained before.
    pub const SCRATCH: &str = "scratch";
}

/// `adapt = { from = "hf:...", method = "probe" }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adapt {
    /// The general model to start from: `builtin`, a folder, `hf:org/name[@revision]`; or `openai` for the embeddings of
    /// the API that the same candidate names in `openai`. A folder or model of the hub is an encoder, or with `lora`, `full` and
    /// `auto` a decoder (safetensors, no GGUF file), which learns `classify`, `choose`, `generate` and `translate` behind the prompt
    /// that it is asked with. Of images: `scratch` for a small convolutional network that is trained
    /// on this task alone, or a folder with such a network (`models/NAME` of the run folder of a task of other images). Of
    /// translations (`seq2seq`): `scratch`, or a translator of the Marian family.
    pub from: String,
    /// `means`, `probe`, `contrastive`, `lora`, `full`, `mlm`, `distill`, or `auto`, which chooses one of `probe` to `full`; `seq2seq` for
    /// translators, on the task's pairs. In a task of kind `extract`, `lora`, `full` and `auto` train an encoder to find the answers
    /// in the passages. A decoder has `lora`, `full`, and `auto`, which is `lora`.
    pub method: String,
    /// The candidate whose answers to train items `distill` learns from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<CandidateName>,
    /// How many train items at most it is trained on; for `distill`, whose targets it is shown: of the others it learns what
    /// its teacher answers. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<u32>,
    /// Texts of the domain without labels, for `mlm`: a file with a text a line, or JSON lines with the field `text`. They are
    /// learned from besides those of the train items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<PathBuf>,
    /// Passes over the train items at most, for `lora`, `full` and `auto`; training ends before, once items that are held
    /// out are answered no better. Default: by the number of train items, 4 to 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<NonZeroU32>,
    /// How long one training may take at most; what is best then is taken. Default: as long as its passes take, for `auto` 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_minutes: Option<f64>,
    /// The largest step of training. Default: by the method and the width of the encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Items of one step. Default: 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<NonZeroU32>,
    /// The rank of the updates of `lora`. Default: 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<NonZeroU32>,
    /// How much a label counts in training. Default: as often as it occurs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// For `probe` and `means`: in what the layers of the encoder compute. Default: `f32`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
}

impl Adapt {
    /// Whether weights of the model are trained: `probe` and `means` leave it as it is.
    #[must_use]
    pub fn trains(&self) -> bool {
        !["probe", "means"].contains(&self.method.as_str())
    }

    /// The keys that are given and are for methods that train the encoder alone.
    #[must_use]
    pub fn training_keys(&self) -> Vec<&'static str> {
        [
            ("epochs", self.epochs.is_some()),
            ("max_minutes", self.max_minutes.is_some()),
            ("learning_rate", self.learning_rate.is_some()),
            ("batch_size", self.batch_size.is_some()),
            ("rank", self.rank.is_some()),
            ("class_weights", self.class_weights.is_some()),
            ("teacher", self.teacher.is_some()),
            ("texts", self.texts.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, given)| given.then_some(key))
        .collect()
    }
}

/// How much a label counts in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeights {
    /// Each label as much as every other: an item of a rare one counts for more.
    Balanced,
}

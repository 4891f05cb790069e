//! `local`: a model that runs in this process.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Adapt;
use crate::output::OutputKind;

/// `local = { model = "..." }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Local {
    /// `ngram-linear`, or on fields `gradient-boosting` or `field-linear` (trained on the task's train items), `builtin` (the encoder that Ordinate
    /// brings), a folder, `hf:org/name[@revision]`, or a `.gguf` file. For series: `naive`, `seasonal-naive`, `drift`, `theta`,
    /// `optimised-theta`, `dynamic-theta`, `auto-theta`, `ets`, `guarded-ets` or `arima`, `lags`, which is trained on the task's
    /// other series, and published forecasters (Chronos) by folder or `hf:` name. For texts: sentences of the text
    /// itself, `lead-3`, `textrank-3`, `answering-sentence`; or `translation-memory`, the target of the train item that is most
    /// like the text.
    pub model: String,
    /// What each label means, for models that were not trained on the task. Default: the labels' own words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// A sentence with a gap, for a masked language model, which fills it with the labels' words: `{input} It is [MASK].`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// How many train items at most a model is trained on, or looks for nearest examples in: for ever more of them,
    /// what data is worth. Default: all for `ngram-linear`,
    /// `gradient-boosting`, `field-linear`, `lags` and `translation-memory`, none for an encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<u32>,
    /// The most tokens that a decoder writes; each task kind has a default. Of a published translator: default what its files say
    /// (`max_new_tokens`, else `max_length`, of `generation_config.json`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Sampling temperature of a decoder. Default 0: the most probable token every time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// A decoder draws from the most probable tokens that together have this probability. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// What runs a decoder. Default: `candle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// In what the layers of an encoder, or of a published classifier or finder of spans, compute. Default: `f32`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
}

/// In what the layers of an encoder compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Numbers of 32 bits, as files have them.
    #[default]
    F32,
    /// Whole numbers of eight bits: weights of layers take a quarter of the memory, texts less time, and vectors are a little off.
    Int8,
}

/// What runs a decoder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Engine {
    /// Ordinate's own definition of the model, on candle.
    #[default]
    #[serde(rename = "candle")]
    Candle,
    /// llama.cpp, for `.gguf` files, where this build has it (the cargo feature `llama-cpp`).
    #[serde(rename = "llama.cpp")]
    LlamaCpp,
}

impl Local {
    /// What is a name of a model that Ordinate brings, whatever files lie about.
    pub const BROUGHT: [&str; 8] = [
        "builtin",
        "ngram-linear",
        "gradient-boosting",
        "field-linear",
        "translation-memory",
        "lags",
        Adapt::OPENAI,
        Adapt::SCRATCH,
    ];

    /// What is the name of a method of forecasting in a `forecast` task, whatever files lie about.
    pub const FORECASTERS: [&str; 10] = [
        "naive",
        "seasonal-naive",
        "drift",
        "theta",
        "optimised-theta",
        "dynamic-theta",
        "auto-theta",
        "ets",
        "guarded-ets",
        "arima",
    ];
}

impl Local {
    /// Whether `model` is, in a task with such outputs, the name of a method, whatever files lie about: of forecasting, or of
    /// picking sentences (`lead-3`, `textrank-3`, `answering-sentence`).
    #[must_use]
    pub fn names_method(&self, output: Option<OutputKind>) -> bool {
        let counted = |name: &str| {
            let count = self.model.strip_prefix(name);
            count.is_some_and(|count| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
        };
        match output {
            Some(OutputKind::Series) => Self::FORECASTERS.contains(&self.model.as_str()),
            Some(OutputKind::Text) => {
                counted("lead-") || counted("textrank-") || self.model == "answering-sentence"
            }
            _ => false,
        }
    }
}

//! The parts of the task file that say how live candidates are asked: `[prompt]`, `[measure]`, `openai` and
//! `command`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::candidate::Price;

/// `[prompt]`: what a candidate is told. Without it each task kind has a default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PromptSection {
    /// One or two sentences that say what is wanted, put into the default prompt
    /// ("Which way does the headline say that the gold price went?").
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// The system message, a minijinja template. Default: the kind's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The user message, a minijinja template over `input`, `context`, `options`, `labels`, `examples`,
    /// `instruction`, `language` and `item` (`item.id`, `item.slice`, `item.group`; of a series `item.season`, `item.horizon`, and `item.quantiles` where some are asked for). Default: the kind's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Examples drawn from train. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<u32>,
    /// How examples are drawn. Default `per-class` where items have labels, else `random`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choose_examples: Option<ChooseExamples>,
    /// The language translated into, for the default prompt of `translate` ("French").
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// How examples are drawn from train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChooseExamples {
    /// The same random ones for every item.
    Random,
    /// The same for every item, as many of each label as of any other.
    PerClass,
    /// For each item the train items most like it (character n-grams).
    Nearest,
}

impl PromptSection {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `[measure]`: how much may be asked, and how fast.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MeasureSection {
    /// The most that all answers of this run may cost, USD, those paid for in earlier runs included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_spend: Option<f64>,
    /// The most requests in flight for one candidate. Default 256; fewer are used where more do not help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Tries for one item before its error is recorded. Default 6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// Stop asking a candidate that is already beaten under the needs. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_early: Option<bool>,
    /// Ask about a random part of the items that grows until the verdict stands, and no further. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_settled: Option<bool>,
    /// The probability that early stopping ever stops a candidate that is not beaten. Default 0.05.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
}

impl MeasureSection {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `openai = { model = "...", base_url = "..." }`: a model behind an OpenAI-compatible API.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenAi {
    /// The model's name there.
    pub model: String,
    /// The API's address. Default OpenAI's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// USD per million tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The environment variable that holds the key. Default `OPENAI_API_KEY`, but only for OpenAI's own address:
    /// no other server is sent a key that was not named here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_env: Option<String>,
    /// The header that bears the key. Default `Authorization` (as `Bearer`); Azure wants `api-key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_header: Option<String>,
    /// Azure's `api-version`, sent in the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Sampling temperature. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The most tokens of an answer; each task kind has a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Ask for log-probabilities, from which a confidence is computed. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<bool>,
    /// Stream, so that the time to the first token is measured. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Ask for JSON of a fixed schema (`response_format`), where the server offers it. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured: Option<bool>,
    /// Further fields of the request's body, as they are (`{ reasoning_effort = "low" }`). With
    /// `max_completion_tokens` here, `max_tokens` is not sent.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// Fields that the server does not take and that are left out (`["temperature"]`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omit: Vec<String>,
    /// The most requests per minute. Default: no limit but what the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// The most tokens per minute, read and written together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u32>,
    /// The most requests in flight; overrides `[measure] concurrency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Time-outs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<TimeOuts>,
}

/// Time-outs of one request, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeOuts {
    /// Until the connection stands. Default 10.
    pub connect_s: f64,
    /// Until the first byte of the answer. Default 120.
    pub first_token_s: f64,
    /// Between two parts of the answer. Default 60.
    pub idle_s: f64,
    /// Until the whole answer. Default 300.
    pub total_s: f64,
}

impl Default for TimeOuts {
    fn default() -> Self {
        Self { connect_s: 10.0, first_token_s: 120.0, idle_s: 60.0, total_s: 300.0 }
    }
}

/// `command = { run = ["python", "model.py"] }`: a program that reads an item a line on standard input and
/// writes an answer a line on standard output, both JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments; relative paths are relative to `folder`.
    pub run: Vec<String>,
    /// The folder that it runs in, relative to the task file's. Default: the task file's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Environment variables that it gets, by their names, besides `PATH`, `HOME` and the like; no other does it see
    /// (`["HF_TOKEN"]`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Copies that run side by side. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// The longest time for one item, seconds; the program is ended and started again after it. Default 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<f64>,
    /// The longest time until the first answer after a start, seconds: models take time to load. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_s: Option<f64>,
    /// A word of yours that is part of the candidate's identity: change it, and everything is asked again. The
    /// text of the files named in `run` is part of it anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

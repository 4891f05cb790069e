//! The part of the verdict that says how the candidates came through that this run asked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::CandidateName;

/// How one candidate that was asked came through. Counts are exact; answers of earlier runs of the same task are
/// included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// Its name in `candidates`.
    pub name: CandidateName,
    /// Items that it was to be asked about.
    pub items: u64,
    /// Items with an answer or an error.
    pub answered: u64,
    /// Requests that this run sent, retries included.
    pub requests: u64,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// Replies that were cut at the most tokens; those without an answer that is sure are among the errors.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut: u64,
    /// Answers that name another model than the one that was asked, by that model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_models: BTreeMap<String, u64>,
    /// Answers whose count of tokens cannot be, and is taken for unknown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens_unbelievable: u64,
    /// Answers whose total of tokens is not the sum of its parts: what is beyond them counts as written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens_disagree: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// USD as metered; `null` where no price is known.
    pub cost_usd: Option<f64>,
    /// Latency of answers.
    #[serde(default)]
    pub latency_ms: Option<Percentiles>,
    /// Time to the first text, where answers were streamed.
    #[serde(default)]
    pub first_token_ms: Option<Percentiles>,
    /// Why it was no longer asked, where it was beaten early.
    #[serde(default)]
    pub stopped: Option<Stopped>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Percentiles of milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
}

/// A candidate that was beaten before it was asked about everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// The figures.
    pub why: String,
    /// Items that it was not asked about.
    pub saved_items: u64,
    /// USD that they would probably have cost.
    pub saved_usd: Option<f64>,
}

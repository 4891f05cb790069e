//! Something that can answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::CandidateName;

/// Where a candidate's knowledge comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lineage {
    /// A model that knows many things.
    General,
    /// A model made for this domain.
    Vertical,
    /// A general model adapted with labelled items of the task (probe, LoRA, fine-tuning, distillation).
    Transferred,
}

impl Lineage {
    /// The word used in task files, reports and `verdict.json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Vertical => "vertical",
            Self::Transferred => "transferred",
        }
    }
}

impl std::fmt::Display for Lineage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a candidate runs: decides what the need `stay_local` lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Hosting {
    /// On machines of one's own: the data does not leave them.
    Local,
    /// Behind somebody else's API.
    Remote,
}

/// Price of a candidate: list prices, used where the evidence has token counts but no cost of its own; or the hourly
/// price of a machine that hosts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// USD per million input tokens.
    #[serde(default)]
    pub input: f64,
    /// USD per million output tokens.
    #[serde(default)]
    pub output: f64,
    /// USD per million input tokens that the server read from its cache; as `input` where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<f64>,
    /// USD per million input tokens that the server wrote into its cache; as `input` where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    /// USD per item, whatever its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_item: Option<f64>,
    /// USD per hour of one machine that hosts it, instead of the others: what an item costs follows from
    /// `volume_per_day` and from how many items the machine answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<f64>,
}

impl Price {
    /// USD for one answer of this many tokens; the hours of a machine are not in it.
    #[must_use]
    pub fn cost_usd(&self, input_tokens: u64, output_tokens: u64) -> f64 {
        let tokens = (input_tokens as f64).mul_add(self.input, output_tokens as f64 * self.output);
        tokens / 1e6 + self.per_item.unwrap_or(0.0)
    }

    /// What is added to [`Self::cost_usd`], USD, where so many of the input tokens were read from a cache, and so many
    /// written into it. Negative where that is cheaper, as reading usually is.
    #[must_use]
    pub fn cache_usd(&self, cached: u64, written: u64) -> f64 {
        let beyond =
            |price: Option<f64>, tokens: u64| price.map_or(0.0, |price| (price - self.input) * tokens as f64);
        (beyond(self.cached_input, cached) + beyond(self.cache_write, written)) / 1e6
    }

    /// The dearest that an input token can be.
    #[must_use]
    pub fn dearest_input(&self) -> f64 {
        [self.cached_input, self.cache_write].into_iter().flatten().fold(self.input, f64::max)
    }

    /// Whether no token costs anything.
    #[must_use]
    pub fn is_free_of_tokens(&self) -> bool {
        self.dearest_input() == 0.0 && self.output == 0.0
    }
}

/// A candidate as evidence knows it: its name, its lineage and the deployment facts that needs are held to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Unique within a task.
    pub name: CandidateName,
    /// General, vertical or transferred.
    pub lineage: Lineage,
    /// Where it runs, if known.
    pub hosting: Option<Hosting>,
    /// Its list price, if known.
    pub price: Option<Price>,
    /// Memory needed to host it, GB, if known.
    pub memory_gb: Option<f64>,
    /// Parameters, billions, if known.
    pub parameters_billion: Option<f64>,
}

impl Candidate {
    /// A candidate of which only name and lineage are known.
    #[must_use]
    pub fn new(name: CandidateName, lineage: Lineage) -> Self {
        Self { name, lineage, hosting: None, price: None, memory_gb: None, parameters_billion: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_is_per_million_tokens() {
        let price = Price { input: 30.0, output: 60.0, ..Price::default() };
        assert!((price.cost_usd(42, 47) - 0.00408).abs() < 1e-12);
        assert!(price.cache_usd(40, 2).abs() < 1e-12 && (price.dearest_input() - 30.0).abs() < 1e-12);
        let cached = Price { cached_input: Some(3.0), cache_write: Some(37.5), ..price };
        let each = 1_000.0 * 30.0 + 600.0 * 3.0 + 200.0 * 37.5 + 50.0 * 60.0;
        assert!((cached.cost_usd(1_800, 50) + cached.cache_usd(600, 200) - each / 1e6).abs() < 1e-12);
        assert!((cached.dearest_input() - 37.5).abs() < 1e-12);
    }
}

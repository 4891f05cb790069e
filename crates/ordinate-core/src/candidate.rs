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
    }
}

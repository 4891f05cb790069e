//! The part of the verdict that speaks of policies.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Estimate;
use crate::name::CandidateName;
use crate::policy::{Dial, Mix, PolicyKind};

/// One policy that joins candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyRow {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: PolicyKind,
    /// Cross-fitted mean score (or on test items, where train and test are named).
    pub quality: Estimate,
    /// Paired difference to the best single, which is chosen on training items.
    pub gain_over_best_single: Estimate,
    /// Paired difference to by-slice; `null` for by-slice itself.
    pub gain_over_by_slice: Option<Estimate>,
    /// Paired difference to the zero router at the same cost, if costs are known.
    #[serde(default)]
    pub gain_over_zero_router: Option<Estimate>,
    /// USD per 1,000 items, if known.
    pub cost_per_1k: Option<f64>,
    /// Whether a model that it asks runs on a machine of one's own that has no price: `cost_per_1k` is then without that
    /// machine, and nothing is free.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_priced: bool,
    /// 95th percentile of latency, milliseconds, if known.
    pub p95_ms: Option<f64>,
    /// Memory to host every candidate that it uses, GB, if known.
    pub memory_gb: Option<f64>,
    /// Share of items whose answer comes from each candidate.
    pub share: BTreeMap<String, f64>,
    /// Whether it meets every hard need.
    pub meets_needs: bool,
    /// The needs that it does not meet, in plain words.
    #[serde(default)]
    pub misses: Vec<String>,
    /// Whether it clears the bar for a combination (rule 8).
    #[serde(default)]
    pub clears_the_bar: bool,
    /// Where on its curve it stands.
    #[serde(default)]
    pub dial: Option<Dial>,
    /// The coin between `dial` and another one by which it spends the budget; absent where it stands at one dial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// The saved policy, relative to the run folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What is promised of it, where the needs have a margin and its kind makes promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<Promise>,
    /// Slices where it is clearly better or worse than the best single (Benjamini-Hochberg).
    #[serde(default)]
    pub slices: Vec<SliceGain>,
    /// Further measures of routing, by name (`regret`, `aiq`, `qnc`, ...; see `docs/measures.md`).
    #[serde(default)]
    pub measures: BTreeMap<String, f64>,
    /// Over which candidates it was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// The share of the variance of `gain_over_best_single` that is how items were dealt into folds; `null` where they
    /// were dealt once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folding_share: Option<f64>,
}

/// Candidates that a policy is learned over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pool {
    /// What they have in common: `all`, a lineage, `local`, or `local` and a lineage.
    pub name: String,
    /// Their names.
    pub candidates: Vec<CandidateName>,
}

/// The best contender that joins lineages, against the best that does without; both meet the needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Crossing {
    /// What joins lineages.
    pub across: String,
    /// What does without.
    pub within: String,
    /// Paired difference of quality.
    pub gain: Estimate,
    /// Share of the answers of `across` that come from each lineage.
    pub share: BTreeMap<String, f64>,
}

/// "With this confidence, the mean score is at most `margin` below that of `against`": tested on training items that
/// the policy had not seen (learn then test), for its dial and all that spare less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Promise {
    /// The most that the mean score may be below.
    pub margin: f64,
    /// The probability, over samples of training items, that it holds for all items like them.
    pub confidence: f64,
    /// The candidate that the policy is held against.
    pub against: CandidateName,
    /// Items (or groups) that it was tested on.
    pub items: usize,
    /// The last dial that passed.
    pub dial: Dial,
}

/// A policy against the best single on one slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SliceGain {
    /// The slice.
    pub slice: String,
    /// Paired difference.
    pub difference: Estimate,
    /// p value, corrected by Benjamini-Hochberg over slices.
    pub p_adjusted: f64,
}

//! The verdict: the contract of `verdict.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::candidate::Lineage;
use crate::name::CandidateName;
use crate::needs::Needs;
use crate::policy::{Dial, Mix, PolicyKind};

mod deployment;
mod floor;
mod judge;
mod learning;
mod measured;
mod policies;
mod series;

pub use deployment::{BreakEven, Deployment, Machine};
pub use floor::Floor;
pub use judge::{Judge, JudgeAgreement, JudgedCandidate, JudgedSlice};
pub use learning::{DataNeed, FamilyWeight, LabelRange, LearningBand, NextPoint, Overtakes};
pub use measured::{Measured, Percentiles, Stopped};
pub use policies::{Crossing, PolicyRow, Pool, Promise, SliceGain};
pub use series::{BandShown, ForecastShown, SeriesShown};

/// The version of `verdict.json` that this code writes.
pub const VERSION: u32 = 1;

/// A mean with its 95 % interval. Qualities and differences of quality are in units of score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The estimate.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// What is the right choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// General models only (one, or a policy over several).
    General,
    /// Vertical models only.
    Vertical,
    /// Transferred models only.
    Transferred,
    /// A policy that joins models of more than one lineage.
    Combined,
    /// The leading outcomes differ and the data cannot separate them.
    Undecided,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::General, Self::Vertical, Self::Transferred, Self::Combined, Self::Undecided];

    /// The word used in `verdict.json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Vertical => "vertical",
            Self::Transferred => "transferred",
            Self::Combined => "combined",
            Self::Undecided => "undecided",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What Ordinate says about a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Version of this format.
    pub version: u32,
    /// The task's name.
    pub task: String,
    /// What is the right choice. Where `undecided`, `recommended` is provisional.
    pub outcome: Outcome,
    /// The policy to use; `null` where no policy meets the needs.
    pub recommended: Option<Recommended>,
    /// The needs that were in force, overrides included.
    pub needs: Needs,
    /// What the figures rest on.
    pub basis: Basis,
    /// Every candidate, best quality first.
    pub candidates: Vec<CandidateRow>,
    /// Every policy that was tried, singles apart; best quality first.
    pub policies: Vec<PolicyRow>,
    /// Paired comparisons of candidates, corrected by Holm.
    pub comparisons: Vec<Comparison>,
    /// The points that nothing else beats in both cost and quality, cheapest first.
    pub frontier: Vec<FrontierPoint>,
    /// Each policy's points over its dial, cheapest first: every point cross-fitted.
    #[serde(default)]
    pub curves: Vec<Curve>,
    /// Upper convex hull of the singles (the zero router), cheapest first.
    #[serde(default)]
    pub zero_router: Vec<FrontierPoint>,
    /// The best answer to every item: an upper bound, partly luck.
    #[serde(default)]
    pub oracle: Option<FrontierPoint>,
    /// Quality against labelled examples, of the candidates that learn from them here.
    #[serde(default)]
    pub data_needs: Vec<DataNeed>,
    /// Pairs of candidates: does one know what the other does not?
    pub complementarity: Vec<Complementarity>,
    /// How far the data is from a decision; `null` unless `outcome` is `undecided`.
    pub undecided: Option<Undecided>,
    /// What the verdict would be with errors left out, where that differs.
    #[serde(default)]
    pub errors_left_out: Option<OtherReading>,
    /// What the verdict would be were all answers wrong that the recommended contender was never asked for, where that
    /// differs; the outcome is then `undecided`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_at_worst: Option<OtherReading>,
    /// What joining lineages gains; `null` where nothing that meets the needs does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crossing: Option<Crossing>,
    /// How the candidates that this run asked came through; empty where all were recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<Measured>,
    /// What hosting each candidate that ran in this process takes, measured on this machine; empty where none did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployment: Vec<Deployment>,
    /// A few series of a `forecast` task, from the one that the best candidate foretold worst to the one that it foretold best.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<SeriesShown>,
    /// Every candidate with an hourly price against every one that is paid by the item or token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_even: Vec<BreakEven>,
    /// Who graded the answers, where the metric is `judge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Judge>,
    /// Reasons, in plain words, each with its figure.
    pub why: Vec<String>,
    /// What was assumed, estimated or left out.
    #[serde(default)]
    pub assumed: Vec<String>,
}

/// What the figures rest on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    /// Items scored.
    pub items: u64,
    /// What scores are, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What guessing scores, and saying always the same, where that can be computed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floors: Vec<Floor>,
    /// Groups of dependent items, where the task has groups.
    pub groups: Option<u64>,
    /// Slices.
    pub slices: u64,
    /// Folds of the cross-fitting; `null` where train and test were named.
    pub folds: Option<u32>,
    /// How often items were dealt into folds anew, at most; figures are means over these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foldings: Option<u32>,
    /// Bootstrap resamples.
    pub resamples: u32,
    /// Seed.
    pub seed: u64,
    /// `bca` or `percentile`.
    pub interval: String,
    /// The margin in force.
    pub margin: f64,
    /// Version of Ordinate.
    pub ordinate: String,
}

/// The policy to use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recommended {
    /// Its name in `candidates` or `policies`.
    pub name: String,
    /// Its kind.
    pub kind: PolicyKind,
    /// The lineage of its candidates; `mixed` where they differ.
    pub lineage: String,
    /// Mean score.
    pub quality: Estimate,
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
    /// Where on its curve it stands.
    #[serde(default)]
    pub dial: Option<Dial>,
    /// The coin between `dial` and another one by which it spends the budget; absent where it stands at one dial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// The saved policy, relative to the run folder.
    #[serde(default)]
    pub file: Option<String>,
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateRow {
    /// Its name.
    pub name: CandidateName,
    /// Its lineage.
    pub lineage: Lineage,
    /// Mean score over the items that it was asked about; errors count as 0.
    pub quality: Estimate,
    /// Mean score with errors left out; `null` where there are no errors.
    #[serde(default)]
    pub quality_without_errors: Option<Estimate>,
    /// Items that it was asked about.
    pub items: u64,
    /// USD per 1,000 items, if known.
    pub cost_per_1k: Option<f64>,
    /// Whether a model that it asks runs on a machine of one's own that has no price: `cost_per_1k` is then without that
    /// machine, and nothing is free.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_priced: bool,
    /// 95th percentile of latency, milliseconds, if known.
    pub p95_ms: Option<f64>,
    /// Memory to host it, GB, if known.
    pub memory_gb: Option<f64>,
    /// Errors.
    pub errors: u64,
    /// Whether it meets every hard need.
    pub meets_needs: bool,
    /// The needs that it does not meet, in plain words.
    #[serde(default)]
    pub misses: Vec<String>,
    /// Its quality per slice.
    pub slices: BTreeMap<String, SliceCell>,
}

/// One candidate on one slice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SliceCell {
    /// Mean score.
    pub mean: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
    /// Mean shrunken towards the candidate's mean over all slices (empirical Bayes).
    pub shrunken: f64,
    /// Items.
    pub items: u64,
}

/// A paired comparison of two candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The one with the higher mean.
    pub a: String,
    /// The other.
    pub b: String,
    /// Mean of a minus b over the items that both were asked about.
    pub difference: Estimate,
    /// Two-sided p value: exact McNemar for 0/1 scores of independent items, else bootstrap.
    pub p: f64,
    /// The p value corrected by Holm over all pairs.
    pub p_adjusted: f64,
    /// Whether b is non-inferior to a within the margin.
    pub non_inferior: bool,
    /// Items that both were asked about.
    #[serde(default)]
    pub items: u64,
}

/// A point in the plane of cost and quality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FrontierPoint {
    /// The candidate or policy.
    pub name: String,
    /// USD per 1,000 items.
    pub cost_per_1k: f64,
    /// Mean score.
    pub quality: f64,
    /// Lower end of the interval of the quality, where it was computed.
    #[serde(default)]
    pub low: Option<f64>,
    /// Upper end of the interval of the quality, where it was computed.
    #[serde(default)]
    pub high: Option<f64>,
}

/// A policy over its dial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// The policy.
    pub name: String,
    /// Its kind.
    pub kind: PolicyKind,
    /// Its points, cheapest first.
    pub points: Vec<CurvePoint>,
}

/// One point of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// The dial.
    pub dial: Dial,
    /// USD per 1,000 items.
    pub cost_per_1k: f64,
    /// Mean score.
    pub quality: f64,
}

/// Whether b knows what a does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Complementarity {
    /// The candidate that is wrong.
    pub a: String,
    /// The candidate that may rescue it.
    pub b: String,
    /// P(b right given a wrong).
    pub rescue_rate: Estimate,
    /// What guessing would rescue; `null` where it cannot be known.
    pub guess_rate: Option<f64>,
    /// Whether the rescue rate is clearly above the guess rate; false where that is not known.
    #[serde(default)]
    pub complementary: bool,
}

/// How far the data is from a decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Undecided {
    /// The smallest difference that the items at hand could have shown (80 % power, 5 % level).
    pub smallest_detectable: f64,
    /// Items in all that would probably settle it.
    pub items_needed: u64,
}

/// The verdict under the other reading of errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OtherReading {
    /// The outcome.
    pub outcome: Outcome,
    /// The name of the recommended policy.
    pub recommended: Option<String>,
}

//! The part of the verdict that shows a few series and what was forecast of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::CandidateName;

/// A series of a `forecast` task: what was known, what came, and what candidates said would come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesShown {
    /// The item.
    pub id: String,
    /// The end of what was known, the oldest value first.
    pub past: Vec<f64>,
    /// What came.
    pub target: Vec<f64>,
    /// What the best candidates said would come, the best on the mean of all series first.
    pub forecasts: Vec<ForecastShown>,
}

/// What a candidate said would come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForecastShown {
    /// The candidate.
    pub name: CandidateName,
    /// As many values as the target has.
    pub values: Vec<f64>,
    /// Where it said that most of what comes would lie; absent where it gave no quantiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<BandShown>,
    /// Its score.
    pub score: f64,
}

/// The widest interval between two quantiles of a forecast that are as far from the ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BandShown {
    /// How much of what comes was to lie within: 0.8 between the quantiles 0.1 and 0.9.
    pub share: f64,
    /// The lower bounds, as many as the target has.
    pub low: Vec<f64>,
    /// The upper bounds.
    pub high: Vec<f64>,
}

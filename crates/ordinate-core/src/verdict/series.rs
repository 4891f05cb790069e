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
    /// Its score.
    pub score: f64,
}

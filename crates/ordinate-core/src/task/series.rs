//! `[series]`: what is to be known of the series of a `forecast` task.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[series]`: seasons, horizons and what is held out of the series of a `forecast` task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesSection {
    /// Values of one season (12 for months of a year; 1 where there is none), or the field that says it: by the number, or in
    /// a word such as `monthly`. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season: Option<CountOrField>,
    /// How many values are to be forecast, or the field that says it. Default: as many as the target has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon: Option<CountOrField>,
    /// Where items have no target, how often the last values are held out of each series: 3 forecasts from three origins, a
    /// horizon apart, the items of a series being one group. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origins: Option<NonZeroU32>,
    /// How many values of the past are shown at most, the latest. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<NonZeroU32>,
    /// The levels of the quantiles that are asked for besides the values, rising (`[0.1, 0.5, 0.9]`). Default: none, and the
    /// deciles where the metric is `wql`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
    /// The field with the time of a value, where each row is a time, and not a series: `[data] input` has the value, and
    /// `[data] id` says of which series, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The fields with the values of one series each, where each row is a time and has the values of several series.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

/// A number, or the field with the number of each item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CountOrField {
    /// The same for all items.
    Count(NonZeroU32),
    /// The field.
    Field(String),
}

impl CountOrField {
    /// The field, where one is named.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Count(_) => None,
            Self::Field(name) => Some(name),
        }
    }
}

impl SeriesSection {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

//! `[data_needs]`: what more labels would be worth.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[data_needs]`: which candidates are trained on parts of the labels, to tell what more of them would be worth.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataNeedsSection {
    /// Whose learning curves are measured. Default `fast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measure: Option<CurvesOf>,
    /// How often each number of labels is drawn. Default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draws: Option<NonZeroU32>,
    /// Labelled items that the trainings for one curve learn from, all together, at most: the largest numbers of labels are left
    /// out beyond it. Default 6,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
}

/// Whose learning curves are measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CurvesOf {
    /// Nobody's.
    None,
    /// Those of candidates that train in seconds: n-grams, probes, boosted trees.
    #[default]
    Fast,
    /// Those of candidates as well that train for minutes.
    All,
}

impl DataNeedsSection {
    /// How often each number of labels is drawn.
    #[must_use]
    pub fn draws(&self) -> u32 {
        self.draws.map_or(3, u32::from)
    }

    /// Labelled items that the trainings for one curve learn from, all together, at most.
    #[must_use]
    pub fn max_items(&self) -> u64 {
        self.max_items.unwrap_or(6_000)
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

//! Quality against the number of labels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Quality of a candidate against the number of labelled examples that it learned from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataNeed {
    /// The candidate.
    pub candidate: String,
    /// Pairs of labelled examples and mean score, over the draws of the examples.
    pub points: Vec<(u64, f64)>,
    /// The candidate that it overtakes, and with how many labels; `null` where it probably overtakes none within ten times the
    /// labels at hand.
    pub overtakes: Option<Overtakes>,
    /// The labels at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<u64>,
    /// How often each number of labels but all was drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draws: Option<u32>,
    /// The curve with its 95 % interval over draws and families of functions, up to ten times the labels at hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub band: Vec<LearningBand>,
    /// How much each family of functions counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<FamilyWeight>,
    /// Where the next point of quality would be bought; `null` where probably not within ten times the labels at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_point: Option<NextPoint>,
}

/// Where one candidate overtakes another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overtakes {
    /// The other candidate.
    pub other: String,
    /// The interval of labelled examples, 95 % over draws and families; its upper end is at most ten times the labels at hand.
    pub labels: LabelRange,
    /// The share of the curves that do not overtake it even there.
    #[serde(default)]
    pub never: f64,
}

/// An interval of labelled examples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LabelRange {
    /// Lower end.
    pub low: u64,
    /// Upper end.
    pub high: u64,
}

/// The quality with so many labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LearningBand {
    /// Labelled examples.
    pub labels: u64,
    /// Lower end.
    pub low: f64,
    /// Median.
    pub mid: f64,
    /// Upper end.
    pub high: f64,
}

/// How much a family of functions counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyWeight {
    /// `pow3` (a - b n^-c), `pow2` (1 - b n^-c), `exp3` (a - b exp(-c n)), `log` (a + b ln n), `ilog` (a - b / ln n).
    pub family: String,
    /// Its weight; they add up to 1.
    pub weight: f64,
}

/// With how many labels the quality is higher by a point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NextPoint {
    /// How much higher, in units of score.
    pub gain: f64,
    /// The interval of labelled examples in all, as in `overtakes`.
    pub labels: LabelRange,
    /// The share of the curves that do not get there.
    pub never: f64,
}

//! The figures of every candidate on every item.

use ordinate_core::{Evidence, Row, Status};
use serde::{Deserialize, Serialize};

/// One candidate: an entry an item of the board.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Column {
    /// Score; 0 where it failed, NaN where it was never asked.
    #[serde(with = "crate::packed")]
    pub quality: Vec<f64>,
    /// Whether it failed.
    #[serde(with = "crate::packed")]
    pub failed: Vec<bool>,
    /// USD, NaN where it is not known; empty where no cost of this candidate is known at all.
    #[serde(with = "crate::packed")]
    pub cost_usd: Vec<f64>,
    /// Milliseconds, NaN where it is not known; empty where no latency of this candidate is known at all.
    #[serde(with = "crate::packed")]
    pub latency_ms: Vec<f64>,
}

/// Items x candidates, without texts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Board {
    /// The number of each item's slice; [`ordinate_core::column::Codes::NONE`] where it has none.
    #[serde(with = "crate::packed")]
    pub slice_of: Vec<u32>,
    /// Dense number of each item's group, where items are clustered.
    pub clusters: Option<Vec<u32>>,
    /// The candidates, in the order of the evidence.
    pub columns: Vec<Column>,
}

impl Board {
    /// These rows of evidence.
    #[must_use]
    pub fn new(evidence: &Evidence, rows: &[Row], clusters: Option<Vec<u32>>) -> Self {
        let codes = evidence.items().slices().codes();
        let columns = (0..evidence.candidates().len()).map(|column| Column::new(evidence, column, rows));
        Self { slice_of: rows.iter().map(|&row| codes[row]).collect(), clusters, columns: columns.collect() }
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slice_of.len()
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slice_of.is_empty()
    }
}

impl Column {
    fn new(evidence: &Evidence, candidate: usize, rows: &[Row]) -> Self {
        let answers = evidence.answers(candidate);
        let quality = |&row: &Row| match answers.status(row) {
            Status::Scored => answers.score(row).unwrap_or(f64::NAN),
            Status::Error => 0.0,
            Status::Missing => f64::NAN,
        };
        // An error without a cost of its own was not charged.
        let cost = |&row: &Row| {
            let unknown = if answers.status(row) == Status::Error { 0.0 } else { f64::NAN };
            answers.cost_usd(row).unwrap_or(unknown)
        };
        let latency = |&row: &Row| answers.latency_ms(row).unwrap_or(f64::NAN);
        let known = |any: bool, value: &dyn Fn(&Row) -> f64| -> Vec<f64> {
            if any { rows.iter().map(value).collect() } else { Vec::new() }
        };
        Self {
            quality: rows.iter().map(quality).collect(),
            failed: rows.iter().map(|&row| answers.status(row) == Status::Error).collect(),
            cost_usd: known(answers.has_cost(), &cost),
            latency_ms: known(answers.has_latency(), &latency),
        }
    }
}

//! What a dial trades quality for.

use ordinate_core::Evidence;
use serde::{Deserialize, Serialize};

/// What a dial trades quality for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Outlay {
    /// USD per item.
    #[default]
    Cost,
    /// Milliseconds per item.
    Latency,
}

impl Outlay {
    /// The outlay of one cell, if it is known.
    #[must_use]
    pub fn of(self, evidence: &Evidence, candidate: usize, row: usize) -> Option<f64> {
        let answers = evidence.answers(candidate);
        match self {
            Self::Cost => answers.cost_usd(row),
            Self::Latency => answers.latency_ms(row),
        }
    }

    /// Whether every candidate has it.
    #[must_use]
    pub fn is_known(self, evidence: &Evidence) -> bool {
        evidence.columns().iter().all(|answers| match self {
            Self::Cost => answers.has_cost(),
            Self::Latency => answers.has_latency(),
        })
    }
}

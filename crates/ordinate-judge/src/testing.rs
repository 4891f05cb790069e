//! What unit tests are made of.

use std::collections::BTreeMap;

use ordinate_core::verdict::{CandidateRow, Estimate};
use ordinate_core::{CandidateName, Lineage};

/// A candidate without costs and times, whose quality is known to within 0.01.
pub(crate) fn row(name: &str, lineage: Lineage, mean: f64) -> CandidateRow {
    CandidateRow {
        name: CandidateName::new(name).unwrap(),
        lineage,
        quality: Estimate { mean, low: mean - 0.01, high: mean + 0.01 },
        quality_without_errors: None,
        items: 100,
        cost_per_1k: None,
        not_priced: false,
        p95_ms: None,
        memory_gb: None,
        errors: 0,
        meets_needs: true,
        misses: Vec::new(),
        slices: BTreeMap::new(),
    }
}

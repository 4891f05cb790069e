//! Running sums of one candidate.

use std::collections::BTreeMap;

use ordinate_core::Needs;
use ordinate_remote::Doubt;

use crate::measured::{Remarks, Row};

/// Answers before a limit on cost or latency is taken to be met.
const ENOUGH: u64 = 30;

/// What a candidate has done so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: u64,
    pub(crate) kept: u64,
    pub(crate) errors: BTreeMap<&'static str, u64>,
    pub(crate) remarks: Remarks,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) latencies_ms: Vec<f32>,
    pub(crate) first_tokens_ms: Vec<f32>,
    /// Answers within `max_p95_ms`, counted as they come.
    within: u64,
    timed: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, row: &Row, kept: bool) {
        self.done += 1;
        self.kept += u64::from(kept);
        if let Some((kind, _)) = &row.error {
            *self.errors.entry(kind.as_str()).or_default() += 1;
        }
        self.remarks.cut += u64::from(row.cut);
        if let Some(model) = &row.model {
            *self.remarks.models.entry(model.clone()).or_default() += 1;
        }
        match row.doubt {
            Some(Doubt::Unbelievable) => self.remarks.tokens_unbelievable += 1,
            Some(Doubt::Disagrees) => self.remarks.tokens_disagree += 1,
            None => {}
        }
        self.input_tokens = self.input_tokens.saturating_add(row.input_tokens.unwrap_or(0));
        self.output_tokens = self.output_tokens.saturating_add(row.output_tokens.unwrap_or(0));
        if let Some(cost) = row.cost_usd {
            *self.cost_usd.get_or_insert(0.0) += cost;
        }
        if let Some(latency) = row.latency_ms.filter(|_| row.error.is_none()) {
            self.latencies_ms.push(latency as f32);
        }
        if let Some(latency) = row.first_token_ms.filter(|_| row.error.is_none()) {
            self.first_tokens_ms.push(latency as f32);
        }
    }

    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Whether cost and latency so far are within the needs.
    pub(crate) fn meets(&mut self, needs: &Needs) -> bool {
        if let Some(limit) = needs.max_p95_ms {
            let from = usize::try_from(self.timed).unwrap_or(usize::MAX).min(self.latencies_ms.len());
            self.within +=
                self.latencies_ms[from..].iter().filter(|ms| f64::from(**ms) <= limit).count() as u64;
            self.timed = self.latencies_ms.len() as u64;
            if self.timed < ENOUGH || (self.within as f64) < 0.95 * self.timed as f64 {
                return false;
            }
        }
        if let Some(limit) = needs.max_cost_per_1k {
            let per_1k = self.cost_usd.map(|cost| cost * 1e3 / self.done.max(1) as f64);
            if self.done < ENOUGH || per_1k.is_none_or(|cost| cost > limit) {
                return false;
            }
        }
        true
    }
}

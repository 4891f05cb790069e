//! The tables of candidates and of policies.

use ordinate_core::policy::PolicyKind;
use ordinate_core::verdict::{Estimate, PolicyRow, Verdict};

use super::bar::{Bar, Range};
use crate::figures;
use crate::text::clean;
use crate::words;

pub(super) struct Candidates {
    /// Candidates and policies, best quality first.
    pub(super) rows: Vec<Row>,
    pub(super) some_errors: bool,
    /// What guessing scores, and saying always the same.
    pub(super) floors: Vec<(String, String)>,
    pub(super) policies: Vec<Policy>,
    /// Names of the further measures, and one row a policy.
    pub(super) measures: Vec<String>,
    pub(super) measured: Vec<(String, Vec<String>)>,
}

pub(super) struct Row {
    pub(super) name: String,
    /// Lineage of a candidate, kind of a policy.
    pub(super) kind: &'static str,
    /// Class of the mark: the lineage, or `policy`.
    pub(super) mark: &'static str,
    pub(super) recommended: bool,
    pub(super) quality: Quality,
    pub(super) cost: Cell,
    pub(super) p95: Cell,
    pub(super) memory: Cell,
    pub(super) errors: u64,
    /// Quality with errors left out.
    pub(super) without_errors: Option<String>,
    pub(super) meets_needs: bool,
    pub(super) misses: String,
}

/// A figure, and the number that it is sorted by (empty where unknown).
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) key: String,
}

impl Cell {
    pub(super) fn new(text: String, value: Option<f64>) -> Self {
        Self { text, key: value.filter(|x| x.is_finite()).map(|x| x.to_string()).unwrap_or_default() }
    }
}

/// An estimate with its interval, its bar and the number that it is sorted by.
pub(super) struct Quality {
    pub(super) mean: String,
    pub(super) interval: String,
    pub(super) bar: Option<Bar>,
    pub(super) key: String,
}

impl Quality {
    pub(super) fn of_quality(estimate: &Estimate, range: Range) -> Self {
        Self::new(figures::quality(estimate.mean), estimate, range)
    }

    pub(super) fn of_difference(estimate: &Estimate, range: Range) -> Self {
        Self::new(figures::difference(estimate.mean), estimate, range)
    }

    fn new(mean: String, estimate: &Estimate, range: Range) -> Self {
        let Cell { text: mean, key } = Cell::new(mean, Some(estimate.mean));
        Self { mean, interval: figures::interval(estimate), bar: range.bar(estimate), key }
    }
}

pub(super) struct Policy {
    pub(super) name: String,
    pub(super) over_best_single: Quality,
    /// Whether it is by-slice: then there is no gain over by-slice.
    pub(super) is_by_slice: bool,
    pub(super) over_by_slice: Option<Quality>,
    pub(super) over_zero_router: Option<Quality>,
    pub(super) clears_the_bar: bool,
    pub(super) dial: Option<String>,
    pub(super) share: String,
}

pub(super) fn candidates(verdict: &Verdict) -> Candidates {
    let mut measures: Vec<String> =
        verdict.policies.iter().flat_map(|p| p.measures.keys().cloned()).collect();
    measures.sort_unstable();
    measures.dedup();
    let measured = |policy: &PolicyRow| {
        let value = |key| policy.measures.get(key).map_or_else(String::new, |x| figures::number(*x));
        (clean(&policy.name), measures.iter().map(value).collect())
    };
    let measured =
        if measures.is_empty() { Vec::new() } else { verdict.policies.iter().map(measured).collect() };
    let rows = rows(verdict);
    Candidates {
        some_errors: rows.iter().any(|row| row.errors > 0),
        floors: (verdict.basis.floors.iter())
            .map(|floor| (clean(&floor.name), figures::quality(floor.quality)))
            .collect(),
        rows,
        policies: policies(verdict),
        measures: measures.iter().map(|name| clean(name)).collect(),
        measured,
    }
}

fn rows(verdict: &Verdict) -> Vec<Row> {
    let recommended = verdict.recommended.as_ref().map(|r| r.name.as_str());
    let qualities = verdict.candidates.iter().map(|c| &c.quality);
    let range = Range::of(qualities.chain(verdict.policies.iter().map(|p| &p.quality)), None);
    let candidates = verdict.candidates.iter().map(|c| {
        let row = Row {
            name: clean(c.name.as_str()),
            kind: c.lineage.as_str(),
            mark: c.lineage.as_str(),
            recommended: recommended == Some(c.name.as_str()),
            quality: Quality::of_quality(&c.quality, range),
            cost: Cell::new(figures::price(c.cost_per_1k, c.not_priced), c.cost_per_1k),
            p95: Cell::new(figures::latency(c.p95_ms), c.p95_ms),
            memory: Cell::new(figures::memory(c.memory_gb), c.memory_gb),
            errors: c.errors,
            without_errors: c.quality_without_errors.as_ref().map(figures::estimate),
            meets_needs: c.meets_needs,
            misses: clean_list(&c.misses),
        };
        (c.quality.mean, row)
    });
    let policies = verdict.policies.iter().map(|p| {
        let row = Row {
            name: clean(&p.name),
            kind: p.kind.as_str(),
            mark: "policy",
            recommended: recommended == Some(p.name.as_str()),
            quality: Quality::of_quality(&p.quality, range),
            cost: Cell::new(figures::price(p.cost_per_1k, p.not_priced), p.cost_per_1k),
            p95: Cell::new(figures::latency(p.p95_ms), p.p95_ms),
            memory: Cell::new(figures::memory(p.memory_gb), p.memory_gb),
            errors: 0,
            without_errors: None,
            meets_needs: p.meets_needs,
            misses: clean_list(&p.misses),
        };
        (p.quality.mean, row)
    });
    let mut rows: Vec<(f64, Row)> = policies.chain(candidates).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    rows.into_iter().map(|(_, row)| row).collect()
}

fn clean_list(misses: &[String]) -> String {
    misses.iter().map(|miss| clean(miss)).collect::<Vec<_>>().join("; ")
}

fn policies(verdict: &Verdict) -> Vec<Policy> {
    let gains = verdict.policies.iter().flat_map(|p| {
        [Some(&p.gain_over_best_single), p.gain_over_by_slice.as_ref(), p.gain_over_zero_router.as_ref()]
    });
    let range = Range::of(gains.flatten(), Some(0.0));
    let policy = |p: &PolicyRow| Policy {
        name: clean(&p.name),
        over_best_single: Quality::of_difference(&p.gain_over_best_single, range),
        is_by_slice: p.kind == PolicyKind::BySlice,
        over_by_slice: p.gain_over_by_slice.as_ref().map(|gain| Quality::of_difference(gain, range)),
        over_zero_router: p.gain_over_zero_router.as_ref().map(|gain| Quality::of_difference(gain, range)),
        clears_the_bar: p.clears_the_bar,
        dial: p.dial.map(|dial| figures::number(dial.0)),
        share: share(p),
    };
    verdict.policies.iter().map(policy).collect()
}

/// The three largest shares, the others counted.
fn share(policy: &PolicyRow) -> String {
    let shares = words::shares(&policy.share);
    let named =
        shares.iter().take(3).map(|(name, share)| format!("{} {}", clean(name), figures::percent(*share)));
    let others = shares.len().saturating_sub(3);
    let others = (others > 0).then(|| format!("{others} more"));
    named.chain(others).collect::<Vec<_>>().join(", ")
}

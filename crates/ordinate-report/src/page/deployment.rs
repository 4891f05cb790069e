//! What hosting takes, and when it pays.

use ordinate_core::verdict::Verdict;

use super::candidates::Cell;
use crate::figures;
use crate::hosting;
use crate::text::clean;

pub(super) struct Deployment {
    /// Where it was measured; of the first candidate, for all were measured on the machine of the run.
    pub(super) machine: String,
    pub(super) rows: Vec<Row>,
    pub(super) break_even: Vec<Pair>,
}

pub(super) struct Row {
    pub(super) name: String,
    /// Parameters, files, peak memory, load time, latencies, rates.
    pub(super) cells: Vec<Cell>,
    /// The batch of the last rate, and how many items the latencies are from.
    pub(super) batch: String,
    pub(super) items: String,
}

pub(super) struct Pair {
    pub(super) hosted: String,
    pub(super) api: String,
    pub(super) per_hour: Cell,
    pub(super) api_cost: Cell,
    pub(super) volume: Cell,
    pub(super) hosted_quality: String,
    pub(super) api_quality: String,
}

/// `None` where nothing was hosted here and nothing has an hourly price.
pub(super) fn deployment(verdict: &Verdict) -> Option<Deployment> {
    if verdict.deployment.is_empty() && verdict.break_even.is_empty() {
        return None;
    }
    let row = |one: &ordinate_core::verdict::Deployment| {
        let size = |text: String, bytes: u64| Cell::new(text, Some(bytes as f64));
        let time = |ms: f64| Cell::new(hosting::short(ms), Some(ms));
        let rate = |rate: f64| Cell::new(hosting::rate(rate), Some(rate));
        let peak = match one.peak_memory_bytes {
            Some(peak) => size(hosting::bytes(peak), peak),
            None => Cell::new(figures::UNKNOWN.to_owned(), None),
        };
        Row {
            name: clean(one.name.as_str()),
            cells: vec![
                size(hosting::parameters(one.parameters), one.parameters),
                size(hosting::bytes(one.disk_bytes), one.disk_bytes),
                peak,
                time(one.load_ms),
                time(one.latency_ms.p50),
                time(one.latency_ms.p95),
                time(one.latency_ms.p99),
                rate(one.per_second),
                rate(one.best_per_second),
            ],
            batch: figures::count(one.best_batch),
            items: figures::count(one.items),
        }
    };
    let pair = |one: &ordinate_core::verdict::BreakEven| Pair {
        hosted: clean(one.hosted.as_str()),
        api: clean(one.api.as_str()),
        per_hour: Cell::new(figures::dollars(one.per_hour), Some(one.per_hour)),
        api_cost: Cell::new(figures::dollars(one.api_cost_per_1k), Some(one.api_cost_per_1k)),
        volume: Cell::new(hosting::above(one), one.volume_per_day),
        hosted_quality: figures::estimate(&one.hosted_quality),
        api_quality: figures::estimate(&one.api_quality),
    };
    Some(Deployment {
        machine: verdict.deployment.first().map(|one| hosting::machine(&one.machine)).unwrap_or_default(),
        rows: verdict.deployment.iter().map(row).collect(),
        break_even: verdict.break_even.iter().map(pair).collect(),
    })
}

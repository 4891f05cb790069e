//! What hosting takes and when it pays, in words: shared by the terminal and the page.

use ordinate_core::verdict::{BreakEven, Deployment, Machine};

use crate::figures;
use crate::text::clean;

/// `AMD EPYC, 2 cores`.
pub(crate) fn machine(machine: &Machine) -> String {
    let plural = if machine.cores == 1 { "" } else { "s" };
    format!("{}, {} core{plural}", clean(&machine.cpu), figures::count(machine.cores))
}

/// Bytes as GB or MB.
pub(crate) fn bytes(bytes: u64) -> String {
    let mb = bytes as f64 / 1e6;
    if mb >= 1_000.0 {
        figures::memory(Some(mb / 1e3))
    } else if mb >= 10.0 {
        format!("{mb:.0} MB")
    } else {
        format!("{mb:.1} MB")
    }
}

/// Weights: `7.6 million`.
pub(crate) fn parameters(parameters: u64) -> String {
    match parameters as f64 {
        many if many >= 1e9 => format!("{:.1} billion", many / 1e9),
        many if many >= 1e6 => format!("{:.1} million", many / 1e6),
        _ => figures::count(parameters),
    }
}

/// Items per second.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second.is_finite() && per_second < 10.0 {
        return format!("{per_second:.2}");
    }
    figures::number(per_second.round())
}

/// A duration in milliseconds, also a short one.
pub(crate) fn short(ms: f64) -> String {
    if ms.is_finite() && ms > 0.0 && ms < 1.0 { format!("{ms:.2} ms") } else { figures::latency(Some(ms)) }
}

/// What hosting one candidate takes, in one sentence.
pub(crate) fn deployment(one: &Deployment) -> String {
    let peak = match one.peak_memory_bytes {
        Some(peak) => format!("{} of memory at its peak", bytes(peak)),
        None => format!("{} of weights in memory (peak not known)", bytes(one.memory_bytes)),
    };
    let batch = match one.best_batch {
        1 => String::new(),
        batch => format!(", {} in batches of {}", rate(one.best_per_second), figures::count(batch)),
    };
    format!(
        "{}: {peak}, loads in {}, answers in {} (p95 {}, p99 {}), {} items/s one at a time{batch}.",
        clean(one.name.as_str()),
        short(one.load_ms),
        short(one.latency_ms.p50),
        short(one.latency_ms.p95),
        short(one.latency_ms.p99),
        rate(one.per_second),
    )
}

/// Above which volume hosting is cheaper, in a few words.
pub(crate) fn above(one: &BreakEven) -> String {
    let volume = |volume: f64| figures::number(volume.round());
    let unknown = if one.items_per_second.is_none() { ", if one machine can do them" } else { "" };
    match (one.volume_per_day, one.always_above) {
        (None, _) => "never".to_owned(),
        (Some(0.0), _) => "at any volume".to_owned(),
        (Some(first), Some(always)) if always > first => {
            format!("above {} items a day on one machine, and always above {}", volume(first), volume(always))
        }
        (Some(first), _) => format!("above {} items a day{unknown}", volume(first)),
    }
}

/// When hosting one candidate is cheaper than asking another, in one sentence.
pub(crate) fn break_even(one: &BreakEven) -> String {
    let hosted = clean(one.hosted.as_str());
    let api =
        format!("{} ({} per 1,000 items)", clean(one.api.as_str()), figures::dollars(one.api_cost_per_1k));
    let pays = match one.volume_per_day {
        None => format!("hosting {hosted} never gets cheaper than {api}"),
        Some(_) => format!("hosting {hosted} is cheaper than {api} {}", above(one)),
    };
    format!(
        "At {} an hour {pays}. Quality: {} against {}.",
        figures::dollars(one.per_hour),
        figures::estimate(&one.hosted_quality),
        figures::estimate(&one.api_quality),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rates() {
        assert_eq!([31_000_000, 7_900_000, 2_500_000_000].map(bytes), ["31 MB", "7.9 MB", "2.5 GB"]);
        assert_eq!([950, 7_600_000, 1_540_000_000].map(parameters), ["950", "7.6 million", "1.5 billion"]);
        assert_eq!([0.345, 9.5, 123.4, 12_345.6].map(rate), ["0.34", "9.50", "123", "12,346"]);
        assert_eq!([0.064, 3.21, 1_250.0].map(short), ["0.06 ms", "3.2 ms", "1.2 s"]);
        assert_eq!(rate(f64::NAN), figures::UNKNOWN);
    }
}

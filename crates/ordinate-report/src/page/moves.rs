//! Needs that a reader moves: a control each, over the range of the figures at hand.

use ordinate_core::Goal;
use ordinate_core::verdict::Verdict;

/// The controls, or why there are none.
pub(super) struct Moves {
    pub(super) controls: Vec<Control>,
    /// Why needs cannot be moved on the page.
    pub(super) elsewhere: Option<&'static str>,
}

/// One need.
pub(super) struct Control {
    /// As in `[needs]`.
    pub(super) key: &'static str,
    pub(super) label: &'static str,
    pub(super) unit: &'static str,
    /// What the run was judged under; empty where the need was absent.
    pub(super) value: String,
    /// What an absent need means.
    pub(super) none: &'static str,
    /// Where a slider goes; none for what is not a number, and where no figure says what would be a sensible one.
    pub(super) range: Option<Range>,
}

/// The ends of a slider.
pub(super) struct Range {
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) logarithmic: bool,
    /// At which end the need is absent: `start` or `end`; empty where at none.
    pub(super) open: &'static str,
}

pub(super) fn moves(verdict: &Verdict) -> Moves {
    let needs = &verdict.needs;
    let of = |candidate: fn(&ordinate_core::verdict::CandidateRow) -> Option<f64>,
              policy: fn(&ordinate_core::verdict::PolicyRow) -> Option<f64>| {
        verdict.candidates.iter().filter_map(candidate).chain(verdict.policies.iter().filter_map(policy))
    };
    let goal = match needs.goal {
        Goal::Quality => "quality",
        Goal::Cost => "cost",
        Goal::Latency => "latency",
    };
    let qualities =
        of(|c| Some(c.quality.mean), |p| Some(p.quality.mean)).filter(|quality| quality.is_finite());
    let least_quality =
        linear(qualities.flat_map(|quality| [quality - 0.05, quality + 0.05]), needs.min_quality, "start");
    let most_margin = (2.0 * needs.margin.unwrap_or(0.0)).clamp(0.1, 0.999);
    let margin = Range { least: 0.0, most: most_margin, logarithmic: false, open: "" };
    let number = |key, label, unit, value: Option<f64>, none, range| {
        let value = value.map_or_else(String::new, |value| value.to_string());
        Control { key, label, unit, value, none, range }
    };
    let cost = logarithmic(of(|c| c.cost_per_1k, |p| p.cost_per_1k), needs.max_cost_per_1k);
    let latency = logarithmic(of(|c| c.p95_ms, |p| p.p95_ms), needs.max_p95_ms);
    let memory = logarithmic(of(|c| c.memory_gb, |p| p.memory_gb), needs.max_memory_gb);
    let volume = needs.volume_per_day.map(|volume| volume as f64);
    let pays = verdict.break_even.iter().filter_map(|pair| pair.volume_per_day);
    let busiest = pays.chain(volume).filter(|volume| volume.is_finite()).fold(1e5, f64::max);
    let volumes = Range { least: 1.0, most: 10.0 * busiest, logarithmic: true, open: "start" };
    let hosted = !verdict.break_even.is_empty() || volume.is_some();
    let choice = |key, label, value: String| Control { key, label, unit: "", value, none: "", range: None };
    Moves {
        controls: vec![
            choice("goal", "Goal", goal.to_owned()),
            number("margin", "Margin", "of quality do not matter", needs.margin, "by goal", Some(margin)),
            number(
                "min_quality",
                "Least quality",
                "at the lower bound",
                needs.min_quality,
                "none",
                least_quality,
            ),
            number(
                "max_cost_per_1k",
                "Cost",
                "$ per 1,000 items at most",
                needs.max_cost_per_1k,
                "no limit",
                cost,
            ),
            number(
                "max_p95_ms",
                "Latency",
                "ms at most, 95th percentile",
                needs.max_p95_ms,
                "no limit",
                latency,
            ),
            number("max_memory_gb", "Memory", "GB at most", needs.max_memory_gb, "no limit", memory),
            choice("stay_local", "Data stays on the machine", needs.stay_local.to_string()),
            number("volume_per_day", "Volume", "items a day", volume, "not said", hosted.then_some(volumes)),
        ],
        elsewhere: None,
    }
}

impl Moves {
    /// No controls, and why.
    pub(super) fn elsewhere(why: &'static str) -> Self {
        Self { controls: Vec::new(), elsewhere: Some(why) }
    }
}

/// From the least of what is known and positive to the most, with some room; absent at the end.
fn logarithmic(known: impl Iterator<Item = f64>, own: Option<f64>) -> Option<Range> {
    let (low, high) = ends(known.chain(own).filter(|value| *value > 0.0))?;
    Some(Range { least: round(low / 1.5), most: round(high * 1.5), logarithmic: true, open: "end" })
}

/// The same on a straight scale within `[0, 1]`, in steps of a hundredth.
fn linear(known: impl Iterator<Item = f64>, own: Option<f64>, open: &'static str) -> Option<Range> {
    let (low, high) = ends(known.chain(own))?;
    let least = (low.clamp(0.0, 1.0) * 100.0).floor() / 100.0;
    let most = (high.clamp(0.0, 1.0) * 100.0).ceil() / 100.0;
    Some(Range { least, most, logarithmic: false, open })
}

fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    (low <= high).then_some((low, high))
}

/// Two significant digits.
fn round(value: f64) -> f64 {
    let unit = 10f64.powf(value.log10().floor() - 1.0);
    (value / unit).round() * unit
}

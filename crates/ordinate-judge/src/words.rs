//! Figures in words.

use ordinate_core::verdict::Estimate;
use ordinate_core::{Goal, Needs};
use ordinate_score::bootstrap::Estimated;

/// `0.524 [0.516, 0.531]`.
pub(crate) fn level(estimate: &Estimate) -> String {
    format!("{:.3} [{:.3}, {:.3}]", estimate.mean, estimate.low, estimate.high)
}

/// `+0.063 [+0.057, +0.069]`.
pub(crate) fn signed(estimated: &Estimated) -> String {
    let Estimate { mean, low, high } = estimated.estimate;
    format!("{mean:+.3} [{low:+.3}, {high:+.3}]")
}

/// `$9.12 per 1,000 items`, with as many digits as small prices need.
pub(crate) fn usd(per_1k: Option<f64>) -> String {
    match per_1k {
        None => "cost unknown".to_owned(),
        Some(usd) if !usd.is_finite() => "cost unknown".to_owned(),
        Some(usd) if usd >= 0.1 || usd == 0.0 => format!("${usd:.2} per 1,000 items"),
        Some(usd) if usd < 0.0001 => "less than $0.0001 per 1,000 items".to_owned(),
        Some(usd) => format!("${usd:.4} per 1,000 items"),
    }
}

/// What the goal wants little of: a price, or a latency.
pub(crate) fn outlay(needs: &Needs, value: Option<f64>) -> String {
    match (needs.goal, value) {
        (Goal::Latency, Some(ms)) if ms.is_finite() => format!("{ms:.0} ms at the 95th percentile"),
        (Goal::Latency, _) => "latency unknown".to_owned(),
        (Goal::Quality | Goal::Cost, value) => usd(value),
    }
}

/// A count with thousands separators.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

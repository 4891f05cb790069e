//! Figures in words.

use ordinate_core::verdict::Estimate;
use ordinate_core::{Goal, Needs};
use ordinate_score::bootstrap::Estimated;

use crate::contender::Contender;

/// `0.524 [0.516, 0.531]`.
pub(crate) fn level(estimate: &Estimate) -> String {
    format!("{:.3} [{:.3}, {:.3}]", estimate.mean, estimate.low, estimate.high)
}

/// `+0.063 [+0.057, +0.069]`.
pub(crate) fn signed(estimated: &Estimated) -> String {
    let Estimate { mean, low, high } = estimated.estimate;
    format!("{} [{}, {}]", difference(mean), difference(low), difference(high))
}

/// `+0.063`.
pub(crate) fn signed_number(x: f64) -> String {
    difference(x)
}

/// Three decimals with a sign; nothing is not less than nothing.
fn difference(x: f64) -> String {
    let text = format!("{x:+.3}");
    if text == "-0.000" { "+0.000".to_owned() } else { text }
}

/// `$9.12 per 1,000 items`, with as many digits as small prices need.
pub(crate) fn usd(per_1k: Option<f64>) -> String {
    match per_1k.filter(|usd| usd.is_finite()) {
        None => "cost unknown".to_owned(),
        Some(usd) => format!("{} per 1,000 items", dollars(usd)),
    }
}

/// `$9.12`, with as many digits as small amounts need.
pub(crate) fn dollars(usd: f64) -> String {
    match usd {
        _ if usd >= 0.1 || usd == 0.0 => format!("${usd:.2}"),
        _ if usd >= 0.001 => format!("${usd:.4}"),
        // Two digits that say something: hosting a small model costs so little.
        _ => format!("${usd:.*}", (-usd.log10()).ceil().clamp(0.0, 12.0) as usize + 1),
    }
}

/// What a contender costs: no price is said where a machine that it needs has none.
pub(crate) fn price(contender: &Contender<'_>) -> String {
    match contender.cost_per_1k {
        Some(0.0) if contender.not_priced => "not priced".to_owned(),
        Some(cost) if contender.not_priced => format!("at least {}", usd(Some(cost))),
        cost => usd(cost),
    }
}

/// What the goal wants little of: a price, or a latency.
pub(crate) fn outlay(needs: &Needs, contender: &Contender<'_>) -> String {
    match (needs.goal, contender.outlay(needs)) {
        (Goal::Latency, Some(ms)) if ms.is_finite() => format!("{ms:.0} ms at the 95th percentile"),
        (Goal::Latency, _) => "latency unknown".to_owned(),
        (Goal::Quality | Goal::Cost, _) => price(contender),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_figures_say_something() {
        let said = [14.08, 0.25, 0.0912, 0.002, 0.000_031, 1e-7, 0.0].map(|price| usd(Some(price)));
        let prices = said.each_ref().map(|text| text.trim_end_matches(" per 1,000 items"));
        assert_eq!(prices, ["$14.08", "$0.25", "$0.0912", "$0.0020", "$0.000031", "$0.00000010", "$0.00"]);
        assert_eq!([0.063, -0.063, -0.0001, 0.0].map(difference), ["+0.063", "-0.063", "+0.000", "+0.000"]);
    }
}

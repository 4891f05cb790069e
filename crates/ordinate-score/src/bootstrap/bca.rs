//! The BCa interval: bias-corrected and accelerated (Efron 1987; as in `scipy.stats.bootstrap`).

use crate::normal;

/// Levels of the two ends of a 95 % percentile interval.
pub(super) const TAILS: [f64; 2] = [0.025, 0.975];

/// The bias correction: the normal quantile of the share of resamples below the estimate, those within
/// `tie` of it counted half. Kept finite where all resamples lie on one side.
pub(super) fn bias(sorted: &[f64], estimate: f64, tie: f64) -> f64 {
    let below = sorted.partition_point(|&value| value < estimate - tie);
    let at_most = sorted.partition_point(|&value| value <= estimate + tie);
    let twice = (below + at_most).clamp(1, (2 * sorted.len()).saturating_sub(1).max(1));
    normal::quantile(twice as f64 / (2 * sorted.len()) as f64)
}

/// The levels whose quantiles are the ends of the interval.
pub(super) fn levels(bias: f64, acceleration: f64) -> [f64; 2] {
    TAILS.map(|tail| {
        let z = bias + normal::quantile(tail);
        let slowed = 1.0 - acceleration * z;
        // With the greatest skewness the transformation has its pole within the tail: the end is the extreme.
        if slowed <= 0.0 { normal::cdf(z * f64::INFINITY) } else { normal::cdf(bias + z / slowed) }
    })
}

/// The acceleration: a sixth of the skewness of the leave-one-out estimates, sign reversed.
pub(super) fn acceleration(leave_one_out: &[f64]) -> f64 {
    let mean = leave_one_out.iter().sum::<f64>() / leave_one_out.len() as f64;
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in leave_one_out {
        let difference = mean - value;
        squares += difference * difference;
        cubes += difference * difference * difference;
    }
    let acceleration = cubes / (6.0 * squares * squares.sqrt());
    if acceleration.is_finite() { acceleration } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn numbers(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    }

    #[test]
    fn levels_equal_scipys_from_the_same_resamples() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/bca.json")).unwrap();
        for case in golden["levels"].as_array().unwrap() {
            let mut replicates = numbers(&case["replicates"]);
            replicates.sort_unstable_by(f64::total_cmp);
            let acceleration = acceleration(&numbers(&case["leave_one_out"]));
            assert!((acceleration - case["acceleration"].as_f64().unwrap()).abs() < 1e-12);
            let bias = bias(&replicates, case["estimate"].as_f64().unwrap(), 0.0);
            for (ours, theirs) in levels(bias, acceleration).iter().zip(numbers(&case["levels"])) {
                assert!((ours - theirs).abs() < 1e-12, "{ours} {theirs}");
            }
        }
    }

    #[test]
    fn levels_are_finite_whatever_comes() {
        let one_side = bias(&[1.0; 50], 2.0, 0.0);
        assert!(one_side.is_finite() && one_side > 2.0);
        for bias in [-3.0, 0.0, 3.0] {
            for acceleration in [-10.0, -0.6, 0.0, 0.6, 10.0] {
                let [low, high] = levels(bias, acceleration);
                assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high), "{low} {high}");
            }
        }
        assert_eq!(acceleration(&[0.5; 4]), 0.0);
        assert_eq!(acceleration(&[]), 0.0);
    }
}

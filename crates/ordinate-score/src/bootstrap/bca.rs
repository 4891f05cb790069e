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

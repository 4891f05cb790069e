//! Quantiles of a sample.

/// The `q`-quantile of the finite values, interpolated linearly between order statistics (type 7 of Hyndman
/// and Fan 1996, the default of numpy and R). `None` when no value is finite. `q` is clamped to `[0, 1]`.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.is_empty() {
        return None;
    }
    let rank = q.clamp(0.0, 1.0) * (finite.len() - 1) as f64;
    let (_, below, above) = finite.select_nth_unstable_by(rank as usize, f64::total_cmp);
    let below = *below;
    let above = above.iter().copied().min_by(f64::total_cmp).unwrap_or(below);
    Some(between(below, above, rank.fract()))
}

/// The 95th percentile of the finite values, as latencies are reported.
#[must_use]
pub fn p95(values: &[f64]) -> Option<f64> {
    quantile(values, 0.95)
}

/// The `q`-quantile (type 7) of values in ascending order; `NaN` when there are none.
#[must_use]
pub fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let rank = q.clamp(0.0, 1.0) * last as f64;
    let below = (rank as usize).min(last);
    between(sorted[below], sorted[(below + 1).min(last)], rank.fract())
}

fn between(below: f64, above: f64, share: f64) -> f64 {
    below + (above - below) * share
}

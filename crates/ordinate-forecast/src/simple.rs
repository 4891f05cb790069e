//! Forecasts that are a line each (Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 5.2).

use ordinate_core::Series;

/// The last value.
pub(crate) fn naive(series: &Series) -> Result<Vec<f64>, String> {
    let last = series.values.last().ok_or("it has no value")?;
    Ok(vec![*last; series.horizon as usize])
}

/// The last season.
pub(crate) fn seasonal_naive(series: &Series) -> Result<Vec<f64>, String> {
    let season = series.season as usize;
    let start = series.values.len().checked_sub(season);
    let start = start.ok_or_else(|| format!("a season has {season}"))?;
    let last = &series.values[start..];
    Ok(last.iter().copied().cycle().take(series.horizon as usize).collect())
}

/// The line through the first and the last value.
pub(crate) fn drift(series: &Series) -> Result<Vec<f64>, String> {
    let (Some(first), Some(last)) = (series.values.first(), series.values.last()) else {
        return Err("it has no value".to_owned());
    };
    let steps = (series.values.len() - 1) as f64;
    if steps == 0.0 {
        return Err("a line needs two".to_owned());
    }
    let slope = (last - first) / steps;
    Ok((1..=series.horizon).map(|ahead| f64::from(ahead).mul_add(slope, *last)).collect())
}

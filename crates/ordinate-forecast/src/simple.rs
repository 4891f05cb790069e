//! Forecasts that are a line each, and how far from them what came was in the past (Hyndman and Athanasopoulos, "Forecasting:
//! Principles and Practice", 5.2 and 5.5).

use ordinate_core::Series;

use crate::spread::Spread;

/// The last value.
pub(crate) fn naive(series: &Series) -> Result<Spread, String> {
    let last = series.values.last().ok_or("it has no value")?;
    Ok(Spread {
        values: vec![*last; series.horizon as usize],
        errors: changes(&series.values, 1),
        growth: Box::new(|ahead| ahead),
    })
}

/// The last season.
pub(crate) fn seasonal_naive(series: &Series) -> Result<Spread, String> {
    let season = series.season as usize;
    let start = series.values.len().checked_sub(season);
    let start = start.ok_or_else(|| format!("a season has {season}"))?;
    let last = &series.values[start..];
    Ok(Spread {
        values: last.iter().copied().cycle().take(series.horizon as usize).collect(),
        errors: changes(&series.values, season),
        growth: Box::new(move |ahead| ((ahead - 1.0) / season as f64).floor() + 1.0),
    })
}

/// The line through the first and the last value.
pub(crate) fn drift(series: &Series) -> Result<Spread, String> {
    let (Some(first), Some(last)) = (series.values.first(), series.values.last()) else {
        return Err("it has no value".to_owned());
    };
    let steps = (series.values.len() - 1) as f64;
    if steps == 0.0 {
        return Err("a line needs two".to_owned());
    }
    let slope = (last - first) / steps;
    Ok(Spread {
        values: (1..=series.horizon).map(|ahead| f64::from(ahead).mul_add(slope, *last)).collect(),
        errors: changes(&series.values, 1).into_iter().map(|change| change - slope).collect(),
        growth: Box::new(move |ahead| ahead * (1.0 + ahead / steps)),
    })
}

/// What the past changed by from each value to the one so many later.
fn changes(values: &[f64], apart: usize) -> Vec<f64> {
    values.iter().zip(values.iter().skip(apart)).map(|(before, after)| after - before).collect()
}

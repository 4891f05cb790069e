//! How near a forecast is: the errors of the forecasting competitions, and what becomes of them in `[0, 1]`.

use std::sync::Arc;

use ordinate_core::{Output, OutputKind, Series};

use super::{Metric, MetricError, Target};

/// `1 - sMAPE / 200`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Smape;

/// `1 / (1 + MASE)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mase;

/// `1 / (1 + RMSSE)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rmsse;

/// The errors of forecasts as the field reports them: the smaller the better, with no upper limit but that of sMAPE. Forecast and
/// target are of one length, at least 1.
pub mod errors {
    use ordinate_core::{Interval, Output, Series};

    /// sMAPE in per cent, from 0 to 200: the mean of `200 |y - f| / (|y| + |f|)`, which is 0 where both are 0 (M4 competition,
    /// Makridakis, Spiliotis and Assimakopoulos 2020).
    #[must_use]
    pub fn smape(forecast: &[f64], target: &[f64]) -> f64 {
        let error = |(f, y): (&f64, &f64)| match f.abs() + y.abs() {
            0.0 => 0.0,
            sum if sum <= f64::MAX / 200.0 => 200.0 * (y - f).abs() / sum,
            _ => 200.0 * (y / 1e3 - f / 1e3).abs() / (f.abs() / 1e3 + y.abs() / 1e3),
        };
        mean(forecast.iter().zip(target).map(error), target.len())
    }

    /// MASE: the mean absolute error over the mean absolute change of the past from one season to the next (Hyndman and Koehler
    /// 2006, as in M4); `None` where the past has no such change.
    #[must_use]
    pub fn mase(forecast: &[f64], target: &[f64], past: &Series) -> Option<f64> {
        let scale = past.absolute_scale().filter(|scale| *scale > 0.0 && scale.is_finite())?;
        let error = mean(forecast.iter().zip(target).map(|(f, y)| (y - f).abs()), target.len());
        Some(error / scale)
    }

    /// RMSSE: the root of the mean squared error over the mean squared change of the past from one season to the next; `None`
    /// where the past has no such change. (The M5 competition took season 1.)
    #[must_use]
    pub fn rmsse(forecast: &[f64], target: &[f64], past: &Series) -> Option<f64> {
        let scale = past.squared_scale().filter(|scale| *scale > 0.0 && scale.is_finite())?;
        let error = mean(forecast.iter().zip(target).map(|(f, y)| (y - f).powi(2)), target.len());
        Some((error / scale).sqrt())
    }

    /// The quantile loss, in the unit of the values: the sum over them of `2 |(y - f) ([y <= f] - level)|`, as the mean over these
    /// levels (GluonTS's `quantile_loss`). `None` for an output that is no forecast.
    #[must_use]
    pub fn quantile_loss(forecast: &Output, target: &[f64], levels: &[f64]) -> Option<f64> {
        let of_level = |&level: &f64| {
            let quantile = forecast.quantile(level)?;
            let loss = |(f, y): (&f64, &f64)| 2.0 * (y - f).abs() * if y <= f { 1.0 - level } else { level };
            Some(quantile.iter().zip(target).map(loss).sum::<f64>())
        };
        let sum: Option<f64> = levels.iter().map(of_level).sum();
        sum.map(|sum| sum / levels.len() as f64)
    }

    /// What [`quantile_loss`] is measured by: the sum of the absolute values that came.
    #[must_use]
    pub fn magnitude(target: &[f64]) -> f64 {
        target.iter().map(|value| value.abs()).sum()
    }

    /// The share of the values that came which lie within an interval, its ends included (utilsforecast's `coverage`).
    #[must_use]
    pub fn coverage(interval: Interval<'_>, target: &[f64]) -> f64 {
        let within = |((low, high), y): ((&f64, &f64), &f64)| f64::from(u8::from((low..=high).contains(&y)));
        mean(interval.low.iter().zip(interval.high).zip(target).map(within), target.len())
    }

    fn mean(values: impl Iterator<Item = f64>, count: usize) -> f64 {
        values.sum::<f64>() / count as f64
    }
}

/// The values of a target; `None` where it is no series.
pub(super) fn values(target: &str) -> Option<Vec<f64>> {
    match OutputKind::Series.read(target) {
        Some(Output::Series(values)) => Some(values),
        _ => None,
    }
}

/// The error of an output of the length of the target; `None` where there is none.
fn error(output: &Output, target: &str, of: impl Fn(&[f64], &[f64]) -> Option<f64>) -> Option<f64> {
    let forecast = output.values()?;
    let target = values(target).filter(|target| target.len() == forecast.len())?;
    of(forecast, &target)
}

/// What an error that knows no limit is worth: 1 where there is none, a half where it is 1, falling to 0.
pub(super) fn worth(error: Option<f64>) -> f64 {
    error.filter(|error| !error.is_nan()).map_or(0.0, |error| 1.0 / (1.0 + error))
}

/// Sees to it that an error can be measured by the past of every item.
fn scaled(
    targets: &mut dyn Iterator<Item = Target<'_>>,
    metric: &'static str,
    scale: impl Fn(&Series) -> Option<f64>,
) -> Result<Option<Arc<dyn Metric>>, MetricError> {
    for target in targets {
        let id = || target.id.to_owned();
        values(target.text).ok_or_else(|| MetricError::NotASeries { id: id() })?;
        let why = match target.input.and_then(Series::read) {
            None => "is not known".to_owned(),
            Some(past) => match scale(&past) {
                Some(scale) if scale > 0.0 && scale.is_finite() => continue,
                Some(0.0) if past.season > 1 => format!("does not change over a season of {}", past.season),
                Some(0.0) => "does not change".to_owned(),
                Some(_) => "changes by more than can be computed with".to_owned(),
                None => {
                    format!("has {} values, no more than one season of {}", past.values.len(), past.season)
                }
            },
        };
        return Err(MetricError::NoScale { id: id(), why, metric });
    }
    Ok(None)
}

impl Metric for Smape {
    fn name(&self) -> &'static str {
        "smape"
    }

    fn about(&self) -> &'static str {
        "1 - sMAPE / 200, sMAPE in per cent from 0 to 200 as in the M4 competition: the mean score is 1 less the mean sMAPE over 200."
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        let error = error(output, target, |forecast, target| Some(errors::smape(forecast, target)));
        error.map_or(0.0, |error| (1.0 - error / 200.0).clamp(0.0, 1.0))
    }

    fn needs_targets(&self) -> bool {
        true
    }

    fn fitted(
        &self,
        targets: &mut dyn Iterator<Item = Target<'_>>,
    ) -> Result<Option<Arc<dyn Metric>>, MetricError> {
        for target in targets {
            values(target.text).ok_or_else(|| MetricError::NotASeries { id: target.id.to_owned() })?;
        }
        Ok(None)
    }
}

impl Metric for Mase {
    fn name(&self) -> &'static str {
        "mase"
    }

    fn about(&self) -> &'static str {
        "1 / (1 + MASE), MASE as in the M4 competition: a half where the forecast errs as much as the seasonal naive one did in the past."
    }

    fn score(&self, _: &Output, _: &str) -> f64 {
        0.0
    }

    fn score_of(&self, output: &Output, target: &str, input: Option<&str>) -> f64 {
        let Some(past) = input.and_then(Series::read) else { return 0.0 };
        worth(error(output, target, |forecast, target| errors::mase(forecast, target, &past)))
    }

    fn needs_targets(&self) -> bool {
        true
    }

    fn fitted(
        &self,
        targets: &mut dyn Iterator<Item = Target<'_>>,
    ) -> Result<Option<Arc<dyn Metric>>, MetricError> {
        scaled(targets, "mase", Series::absolute_scale)
    }
}

impl Metric for Rmsse {
    fn name(&self) -> &'static str {
        "rmsse"
    }

    fn about(&self) -> &'static str {
        "1 / (1 + RMSSE), the root mean squared error scaled by the seasonal changes of the past (season 1: as in the M5 competition)."
    }

    fn score(&self, _: &Output, _: &str) -> f64 {
        0.0
    }

    fn score_of(&self, output: &Output, target: &str, input: Option<&str>) -> f64 {
        let Some(past) = input.and_then(Series::read) else { return 0.0 };
        worth(error(output, target, |forecast, target| errors::rmsse(forecast, target, &past)))
    }

    fn needs_targets(&self) -> bool {
        true
    }

    fn fitted(
        &self,
        targets: &mut dyn Iterator<Item = Target<'_>>,
    ) -> Result<Option<Arc<dyn Metric>>, MetricError> {
        scaled(targets, "rmsse", Series::squared_scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_largest_numbers_are_numbers() {
        for (forecast, target) in [(-1e308, 5.0), (1e308, -1e308), (1.7e308, 0.0)] {
            assert!((errors::smape(&[forecast], &[target]) - 200.0).abs() < 1e-9, "{forecast} {target}");
        }
        assert!((errors::smape(&[1e308], &[1e308])).abs() < 1e-9);
        assert!((errors::smape(&[3.0], &[5.0]) - 50.0).abs() < 1e-9);
    }
}

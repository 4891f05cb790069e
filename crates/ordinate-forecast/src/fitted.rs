//! The models of `anofox-forecast`.

use anofox_forecast::core::TimeSeries;
use anofox_forecast::models::Forecaster;
use anofox_forecast::models::arima::AutoARIMA;
use anofox_forecast::models::exponential::{AutoETS, AutoETSConfig};
use anofox_forecast::models::inspect::Explanation;
use anofox_forecast::models::theta::{AutoTheta, DynamicTheta, OptimizedTheta, Theta};
use chrono::{DateTime, Duration, Utc};
use ordinate_core::{Forecast, Quantile, Series, caught};

use crate::method::Method;
use crate::spread::Spread;

/// The forecast of a model that is fitted to the series. A library that panics on one series must not lose the others.
pub(crate) fn forecast(method: Method, series: &Series) -> Result<Forecast, String> {
    // Below, smoothing and decomposition are of nothing: the models give numbers that mean nothing, or panic.
    const FEWEST: usize = 4;
    if series.values.len() < FEWEST {
        return Err(format!("it needs at least {FEWEST}"));
    }
    let fitted = caught(|| {
        let times = times(series.values.len());
        let known =
            TimeSeries::univariate(times, series.values.clone()).map_err(|error| error.to_string())?;
        let mut model = Model::of(method, series);
        let found = model.forecaster().fit_predict(&known, series.horizon as usize);
        let values = found.map(|found| found.primary().to_vec()).map_err(|error| error.to_string())?;
        model.with_quantiles(values, &series.quantiles)
    });
    fitted.and_then(|found| found)
}

/// Times a day apart: the models count values, and look at no calendar.
fn times(count: usize) -> Vec<DateTime<Utc>> {
    let start = DateTime::<Utc>::UNIX_EPOCH;
    (0..count).map(|at| start + Duration::days(at as i64)).collect()
}

/// A model, by what its quantiles are made of.
enum Model {
    /// One whose own intervals are right: those of R's `thetaf`, of the state space models (Hyndman and others 2008), of ARIMA.
    Intervals(Box<dyn Forecaster>),
    /// One of Theta, whose intervals in the library do not get wider where the level follows each value (`alpha` 1). Theta is
    /// exponential smoothing with a drift (Hyndman and Billah 2003), and so are its errors here.
    Optimised(OptimizedTheta),
    Dynamic(DynamicTheta),
    Chosen(AutoTheta),
}

impl Model {
    /// The model of a method. A season of which the past has no two is none: what comes once cannot be told from a trend.
    fn of(method: Method, series: &Series) -> Self {
        let season = series.season as usize;
        let seasonal = season > 1 && series.values.len() >= 2 * season;
        match (method, seasonal) {
            (Method::Theta, true) => Self::Intervals(Box::new(Theta::seasonal(season))),
            (Method::OptimisedTheta, true) => Self::Optimised(OptimizedTheta::seasonal(season)),
            (Method::OptimisedTheta, false) => Self::Optimised(OptimizedTheta::new()),
            (Method::DynamicTheta, true) => Self::Dynamic(DynamicTheta::seasonal_optimized(season)),
            (Method::DynamicTheta, false) => Self::Dynamic(DynamicTheta::optimized()),
            (Method::AutoTheta, true) => Self::Chosen(AutoTheta::seasonal(season)),
            (Method::AutoTheta, false) => Self::Chosen(AutoTheta::new()),
            (Method::Ets | Method::GuardedEts, _) => {
                let season = if seasonal { season } else { 1 };
                // The guard is the library's own: no other ETS has it (`scripts/series/run.py compare`).
                let spike_trend_guard = method == Method::GuardedEts;
                let config = AutoETSConfig { spike_trend_guard, ..AutoETSConfig::with_period(season) };
                Self::Intervals(Box::new(AutoETS::with_config(config)))
            }
            (Method::Arima, true) => Self::Intervals(Box::new(AutoARIMA::seasonal(season))),
            (Method::Arima, false) => Self::Intervals(Box::new(AutoARIMA::new())),
            // The naive ones are computed elsewhere.
            (Method::Theta | Method::Naive | Method::SeasonalNaive | Method::Drift, _) => {
                Self::Intervals(Box::new(Theta::new()))
            }
        }
    }

    fn forecaster(&mut self) -> &mut dyn Forecaster {
        match self {
            Self::Intervals(model) => model.as_mut(),
            Self::Optimised(model) => model,
            Self::Dynamic(model) => model,
            Self::Chosen(model) => model,
        }
    }

    /// What was forecast, with quantiles of these levels.
    fn with_quantiles(&self, values: Vec<f64>, levels: &[f64]) -> Result<Forecast, String> {
        let (alpha, errors) = match self {
            Self::Intervals(model) => {
                let at_level = |&level: &f64| {
                    Ok(Quantile { level, values: of_interval(model.as_ref(), &values, level)? })
                };
                let quantiles: Result<Vec<Quantile>, String> = levels.iter().map(at_level).collect();
                let quantiles = quantiles?;
                return Forecast::new(values, quantiles);
            }
            Self::Optimised(model) => (model.alpha(), model.residuals()),
            Self::Dynamic(model) => (Some(model.alpha()), model.residuals()),
            Self::Chosen(model) => {
                let alpha = match Forecaster::explanation(model) {
                    Ok(Explanation::Theta(said)) => said.alpha,
                    _ => None,
                };
                (alpha, model.residuals())
            }
        };
        let alpha = alpha.filter(|alpha| (0.0..=1.0).contains(alpha)).unwrap_or(1.0);
        // The first value is taken as it is: it has no error.
        let errors = errors.unwrap_or_default().iter().skip(1).copied().collect();
        let growth = Box::new(move |ahead: f64| (alpha * alpha).mul_add(ahead - 1.0, 1.0));
        Spread { values, errors, growth }.with_quantiles(levels)
    }
}

/// The quantile of a level, as a bound of the interval of which it is one end.
fn of_interval(model: &dyn Forecaster, values: &[f64], level: f64) -> Result<Vec<f64>, String> {
    let share = (2.0 * level - 1.0).abs();
    if share < 1e-9 {
        return Ok(values.to_vec());
    }
    let found = model.predict_with_intervals(values.len(), share).map_err(|error| error.to_string())?;
    let bound = if level < 0.5 { found.lower_series(0) } else { found.upper_series(0) };
    bound.map(<[f64]>::to_vec).map_err(|error| error.to_string())
}

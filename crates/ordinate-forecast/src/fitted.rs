//! The models of `anofox-forecast`.

use anofox_forecast::core::TimeSeries;
use anofox_forecast::models::Forecaster;
use anofox_forecast::models::arima::AutoARIMA;
use anofox_forecast::models::exponential::{AutoETS, AutoETSConfig};
use anofox_forecast::models::theta::{AutoTheta, DynamicTheta, OptimizedTheta, Theta};
use chrono::{DateTime, Duration, Utc};
use ordinate_core::{Series, caught};

use crate::method::Method;

/// The forecast of a model that is fitted to the series. A library that panics on one series must not lose the others.
pub(crate) fn forecast(method: Method, series: &Series) -> Result<Vec<f64>, String> {
    // Below, smoothing and decomposition are of nothing: the models give numbers that mean nothing, or panic.
    const FEWEST: usize = 4;
    if series.values.len() < FEWEST {
        return Err(format!("it needs at least {FEWEST}"));
    }
    let fitted = caught(|| {
        let times = times(series.values.len());
        let known =
            TimeSeries::univariate(times, series.values.clone()).map_err(|error| error.to_string())?;
        let found = model(method, series).fit_predict(&known, series.horizon as usize);
        found.map(|found| found.primary().to_vec()).map_err(|error| error.to_string())
    });
    fitted.and_then(|found| found)
}

/// Times a day apart: the models count values, and look at no calendar.
fn times(count: usize) -> Vec<DateTime<Utc>> {
    let start = DateTime::<Utc>::UNIX_EPOCH;
    (0..count).map(|at| start + Duration::days(at as i64)).collect()
}

/// The model of a method. A season of which the past has no two is none: what comes once cannot be told from a trend.
fn model(method: Method, series: &Series) -> Box<dyn Forecaster> {
    let season = series.season as usize;
    let seasonal = season > 1 && series.values.len() >= 2 * season;
    match (method, seasonal) {
        (Method::Theta, true) => Box::new(Theta::seasonal(season)),
        (Method::OptimisedTheta, true) => Box::new(OptimizedTheta::seasonal(season)),
        (Method::OptimisedTheta, false) => Box::new(OptimizedTheta::new()),
        (Method::DynamicTheta, true) => Box::new(DynamicTheta::seasonal_optimized(season)),
        (Method::DynamicTheta, false) => Box::new(DynamicTheta::optimized()),
        (Method::AutoTheta, true) => Box::new(AutoTheta::seasonal(season)),
        (Method::AutoTheta, false) => Box::new(AutoTheta::new()),
        (Method::Ets | Method::GuardedEts, _) => {
            let season = if seasonal { season } else { 1 };
            // The guard is the library's own: no other ETS has it (`scripts/series/run.py compare`).
            let spike_trend_guard = method == Method::GuardedEts;
            let config = AutoETSConfig { spike_trend_guard, ..AutoETSConfig::with_period(season) };
            Box::new(AutoETS::with_config(config))
        }
        (Method::Arima, true) => Box::new(AutoARIMA::seasonal(season)),
        (Method::Arima, false) => Box::new(AutoARIMA::new()),
        // The naive ones are computed elsewhere.
        (Method::Theta | Method::Naive | Method::SeasonalNaive | Method::Drift, _) => Box::new(Theta::new()),
    }
}

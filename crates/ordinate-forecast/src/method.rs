//! The table of methods, and what each does.

use ordinate_core::{Forecast, Series};

use crate::{fitted, simple};

/// A way of continuing a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The last value, again and again.
    Naive,
    /// The last season, again and again; without a season as [`Self::Naive`].
    SeasonalNaive,
    /// The straight line through the first and the last value.
    Drift,
    /// The standard Theta method (Assimakopoulos and Nikolopoulos 2000), of a seasonal series after taking its season out.
    Theta,
    /// Theta with the coefficient estimated (Fiorucci and others 2016, OTM).
    OptimisedTheta,
    /// The same with a trend that follows the series (DOTM).
    DynamicTheta,
    /// Of four kinds of Theta the one with the least error in the past.
    AutoTheta,
    /// Exponential smoothing, error, trend and season chosen by the corrected AIC (Hyndman and others 2002).
    Ets,
    /// The same without a trend where the past jumps, and with the spikes of its end cut: a guard of `anofox-forecast`'s own.
    GuardedEts,
    /// Seasonal ARIMA, its orders chosen stepwise (Hyndman and Khandakar 2008).
    Arima,
}

/// Why a method has no forecast for a series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method} cannot forecast a series of {values} values: {why}")]
pub struct ForecastError {
    /// The method.
    pub method: &'static str,
    /// How many values it was given.
    pub values: usize,
    /// What it says.
    pub why: String,
}

impl Method {
    /// All, a line each.
    pub const ALL: [Self; 10] = [
        Self::Naive,
        Self::SeasonalNaive,
        Self::Drift,
        Self::Theta,
        Self::OptimisedTheta,
        Self::DynamicTheta,
        Self::AutoTheta,
        Self::Ets,
        Self::GuardedEts,
        Self::Arima,
    ];

    /// Its name in task files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::SeasonalNaive => "seasonal-naive",
            Self::Drift => "drift",
            Self::Theta => "theta",
            Self::OptimisedTheta => "optimised-theta",
            Self::DynamicTheta => "dynamic-theta",
            Self::AutoTheta => "auto-theta",
            Self::Ets => "ets",
            Self::GuardedEts => "guarded-ets",
            Self::Arima => "arima",
        }
    }

    /// The method of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Whether it takes seconds for a series.
    #[must_use]
    pub fn is_slow(self) -> bool {
        matches!(self, Self::Arima | Self::Ets | Self::GuardedEts)
    }

    /// The next values of a series, as many as its horizon, with the quantiles that it asks for: finite numbers.
    ///
    /// # Errors
    /// [`ForecastError`] where the series is too short for the method, or has no finite forecast by it.
    pub fn forecast(self, series: &Series) -> Result<Forecast, ForecastError> {
        let levels = &series.quantiles;
        let found = match self {
            Self::Naive => simple::naive(series).and_then(|found| found.with_quantiles(levels)),
            Self::SeasonalNaive => {
                simple::seasonal_naive(series).and_then(|found| found.with_quantiles(levels))
            }
            Self::Drift => simple::drift(series).and_then(|found| found.with_quantiles(levels)),
            _ => fitted::forecast(self, series),
        };
        let whole = |found: Forecast| {
            let whole = found.values().len() == series.horizon as usize;
            whole.then_some(found).ok_or_else(|| "its forecast is not whole".to_owned())
        };
        found.and_then(whole).map_err(|why| ForecastError {
            method: self.name(),
            values: series.values.len(),
            why,
        })
    }
}

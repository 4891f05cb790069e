//! A forecast with the errors that its method made in the past, of which its quantiles are made.

use ordinate_core::{Forecast, Quantile};
use ordinate_score::quantile::quantile;

/// A forecast, and what is known of its errors: nothing but the past has been looked at.
pub(crate) struct Spread {
    /// The values that are expected.
    pub(crate) values: Vec<f64>,
    /// The errors of the past, one step ahead.
    pub(crate) errors: Vec<f64>,
    /// By how much the variance of errors grows so many steps ahead; 1 for one step.
    pub(crate) growth: Box<dyn Fn(f64) -> f64>,
}

impl Spread {
    /// With quantiles of these levels: those of the errors of the past, wider the further ahead by the root of the growth. Where
    /// the past has no error yet, the values alone.
    pub(crate) fn with_quantiles(self, levels: &[f64]) -> Result<Forecast, String> {
        let at_level = |&level: &f64| {
            let error = quantile(&self.errors, level)?;
            let wider = |(at, value): (usize, &f64)| value + error * (self.growth)((at + 1) as f64).sqrt();
            Some(Quantile { level, values: self.values.iter().enumerate().map(wider).collect() })
        };
        let quantiles: Option<Vec<Quantile>> = levels.iter().map(at_level).collect();
        Forecast::new(self.values, quantiles.unwrap_or_default())
    }
}

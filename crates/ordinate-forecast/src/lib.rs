//! Methods that continue one series from its own past ([`Method`]): they learn from nothing else.
//!
//! Theta, exponential smoothing and ARIMA are those of `anofox-forecast`; the naive ones are a line each.

mod fitted;
mod method;
mod simple;
mod spread;

pub use method::{ForecastError, Method};

//! How good a routing is: measures over the plane of cost and quality, and over shares of a strong model.

mod hull;
mod oracle;
mod points;
mod share;

pub use hull::{Hull, Mix};
pub use oracle::{Oracle, regret};
pub use points::{Point, aiq, cost_save, perf_gain, qnc};
pub use share::ShareCurve;

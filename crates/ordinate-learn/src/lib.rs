//! Small learners on dense features, for policies: fast on a few thousand rows, the same bits for the same
//! seed whatever the number of threads, and saved to the same predictions.

pub mod dense;
mod descent;
mod error;
pub mod forest;
pub mod greedy;
pub mod kernel;
mod lbfgs;
pub mod logistic;
pub mod margin;
mod matrix;
mod power;

pub use dense::Link;
pub use error::LearnError;
pub use forest::Forest;
pub use logistic::Logistic;
pub use margin::{Cells, Margins};
pub use matrix::Matrix;

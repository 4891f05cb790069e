//! Grades of a judge, which no formula gives.

use ordinate_core::Output;

use crate::metric::Metric;

/// What a judge says: it is asked when all answers are there (`[judge]`), so that this gives 0 for whatever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged;

impl Metric for Judged {
    fn name(&self) -> &'static str {
        "judge"
    }

    fn about(&self) -> &'static str {
        "What a model or a program says of the answer by a rubric, from 0 to 1: see `[judge]`."
    }

    fn score(&self, _output: &Output, _target: &str) -> f64 {
        0.0
    }
}

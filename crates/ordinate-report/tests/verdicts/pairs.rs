//! What is said of two candidates.

use ordinate_core::verdict::{Comparison, Complementarity};

use super::estimate;

pub(super) fn comparison(a: &str, b: &str) -> Comparison {
    Comparison {
        a: a.to_owned(),
        b: b.to_owned(),
        difference: estimate(0.055, 0.02),
        p: 0.00001,
        p_adjusted: 0.00003,
        non_inferior: false,
        items: 1_200,
    }
}

pub(super) fn rescue(
    a: &str,
    b: &str,
    rate: f64,
    guess_rate: Option<f64>,
    complementary: bool,
) -> Complementarity {
    Complementarity {
        a: a.to_owned(),
        b: b.to_owned(),
        rescue_rate: estimate(rate, 0.04),
        guess_rate,
        complementary,
    }
}

//! Normal and Student's t distribution.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::erf::erfc_inv;

/// P(Z <= z) for a standard normal Z. Full relative precision in the lower tail.
#[must_use]
pub fn cdf(z: f64) -> f64 {
    // statrs' erfc is good to 1e-11 only.
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The z with P(Z <= z) = p; infinite for p = 0 and 1, `NaN` outside `[0, 1]`.
#[must_use]
pub fn quantile(p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return match p {
            0.0 => f64::NEG_INFINITY,
            1.0 => f64::INFINITY,
            _ => f64::NAN,
        };
    }
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)
}

/// The t with P(T <= t) = p for Student's T with `freedom > 0` degrees of freedom.
///
/// Above 200 degrees of freedom by the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5), which is
/// exact to 1e-11 there; the search that serves below loses digits with the degrees of freedom.
#[must_use]
pub fn student_quantile(p: f64, freedom: f64) -> f64 {
    let z = quantile(p);
    if !z.is_finite() || freedom.is_infinite() {
        return z;
    }
    if freedom <= 200.0 {
        return StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |t| t.inverse_cdf(p));
    }
    let z2 = z * z;
    let terms = [
        z * (z2 + 1.0) / 4.0,
        z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0,
        z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0,
        z * ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92_160.0,
    ];
    z + terms.iter().rev().fold(0.0, |sum, term| (sum + term) / freedom)
}

/// Two-sided p value of Student's t with `freedom > 0` degrees of freedom.
#[must_use]
pub fn student_two_sided(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || freedom.is_nan() || freedom <= 0.0 {
        return f64::NAN;
    }
    if t.is_infinite() {
        return 0.0;
    }
    // Where the incomplete beta function has lost its digits the two distributions are one.
    if freedom > 1e7 {
        return (2.0 * cdf(-t.abs())).min(1.0);
    }
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |dist| (2.0 * dist.cdf(-t.abs())).min(1.0))
}

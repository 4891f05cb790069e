//! What the items at hand could have shown, and how many it takes.
//!
//! For the two-sided 5 % test of a mean difference with 80 % power, by the normal approximation:
//! a difference is detected when it is (z_0.975 + z_0.8) = 2.80 standard errors away from 0.

use crate::normal;

/// Level of the two-sided test.
pub const LEVEL: f64 = 0.05;
/// Chance to show a difference of the given size.
pub const POWER: f64 = 0.8;

/// Standard errors between 0 and a difference that is shown at [`LEVEL`] with [`POWER`].
fn standard_errors() -> f64 {
    normal::quantile(1.0 - LEVEL / 2.0) + normal::quantile(POWER)
}

/// The smallest difference that is shown with 80 % power when its standard error is `se`.
#[must_use]
pub fn smallest_detectable(se: f64) -> f64 {
    standard_errors() * se
}

/// Items in all at which a true difference of `difference` is shown with 80 % power, when `items` items gave
/// the standard error `se`, which falls with the square root of their number (with groups: of groups of the
/// same kind). At least 2. `None` when no number of items does: the difference is 0 or so small that more
/// than 10^15 items were needed, or an argument is not finite or negative.
#[must_use]
pub fn items_needed(difference: f64, se: f64, items: usize) -> Option<u64> {
    const MAX: f64 = 1e15;
    let ratio = smallest_detectable(se) / difference.abs();
    let needed = items as f64 * ratio * ratio;
    (se >= 0.0 && difference != 0.0 && needed <= MAX).then(|| (needed.ceil() as u64).max(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_detectable_difference_needs_the_items_at_hand() {
        // (1.959963984540 + 0.841621233573) x 0.02
        assert!((smallest_detectable(0.02) - 0.056_031_704_362_26).abs() < 1e-12);
        assert_eq!(items_needed(smallest_detectable(0.02) * (1.0 + 1e-12), 0.02, 500), Some(500));
        // Half the difference takes four times the items.
        assert_eq!(items_needed(-smallest_detectable(0.02) / 2.0 * (1.0 + 1e-12), 0.02, 500), Some(2_000));
    }

    #[test]
    fn what_no_number_of_items_shows_is_none() {
        assert_eq!(items_needed(0.0, 0.02, 500), None);
        assert_eq!(items_needed(1e-12, 0.02, 500), None);
        assert_eq!(items_needed(f64::NAN, 0.02, 500), None);
        assert_eq!(items_needed(0.1, f64::NAN, 500), None);
        assert_eq!(items_needed(0.1, 0.0, 500), Some(2));
    }
}

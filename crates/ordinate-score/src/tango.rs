//! Tango's score interval of the difference of two paired shares.

use ordinate_core::verdict::Estimate;

use crate::compare::Discordant;

/// The interval of `share of a - share of b` over `items` paired right-or-wrong scores, `z` standard errors to each side
/// (Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the paired-sample design").
///
/// It holds every difference that the score test does not reject, with the variance that goes with that difference. So it has
/// width also where no item tells the two apart: without discordant items its ends are `z^2 / (items + z^2)` away from 0.
/// `None` without items. For independent items only.
#[must_use]
pub fn interval(discordant: Discordant, items: u64, z: f64) -> Option<Estimate> {
    let (b, c) = (discordant.only_a as f64, discordant.only_b as f64);
    let n = items as f64;
    let valid = items > 0 && discordant.only_a + discordant.only_b <= items;
    let mean = (b - c) / n;
    valid.then(|| Estimate { mean, low: end(b, c, n, z), high: -end(c, b, n, z) })
}

/// The lower end, by bisection: the score statistic falls as the difference rises.
fn end(b: f64, c: f64, n: f64, z: f64) -> f64 {
    let (mut low, mut high) = (-1.0, (b - c) / n);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if score(b, c, n, middle) > z { low = middle } else { high = middle }
    }
    low
}

/// Standard errors between the difference seen and `difference`, where the latter is the truth: the share on which only b is
/// right is the one of maximum likelihood given that difference.
fn score(b: f64, c: f64, n: f64, difference: f64) -> f64 {
    let linear = difference.mul_add(2.0 * n - b + c, -b - c);
    let constant = -c * difference * (1.0 - difference);
    let only_b = ((linear * linear - 8.0 * n * constant).max(0.0).sqrt() - linear) / (4.0 * n);
    let variance = n * (2.0 * only_b + difference * (1.0 - difference));
    let apart = b - c - n * difference;
    if variance > 0.0 { apart / variance.sqrt() } else { apart.signum() * f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(only_a: u64, only_b: u64, items: u64) -> Estimate {
        interval(Discordant { only_a, only_b }, items, 1.959_963_984_540_054).unwrap()
    }

    #[test]
    fn no_discordant_item_still_leaves_doubt() {
        let none = of(0, 0, 20);
        let end = 3.841_458_820_694_124 / 23.841_458_820_694_124;
        assert!((none.low + end).abs() < 1e-9 && (none.high - end).abs() < 1e-9, "{none:?}");
        assert_eq!(interval(Discordant { only_a: 0, only_b: 0 }, 0, 1.96), None);
    }

    #[test]
    fn it_is_symmetric_and_inside_what_is_possible() {
        let (one, other) = (of(7, 2, 30), of(2, 7, 30));
        assert!((one.low + other.high).abs() < 1e-12 && (one.high + other.low).abs() < 1e-12);
        let all = of(5, 0, 5);
        assert!(all.low > 0.0 && all.high <= 1.0, "{all:?}");
    }
}

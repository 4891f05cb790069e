//! A promise that is kept in 95 of 100 cases: "at most this much worse than that candidate".
//!
//! Learn then test (Angelopoulos, Bates, Candès, Jordan and Lei 2021): a policy is fitted on two thirds of the
//! training items; on the rest, which it has not seen, every dial is a hypothesis "its mean loss is above the
//! margin". The hypotheses are tested in a fixed order, from the dial that spares least to the one that spares
//! most, and testing stops at the first that cannot be rejected, so that the family-wise error stays at 5 %.
//! The p value is that of a betting martingale for bounded means (Waudby-Smith and Ramdas 2024, "Estimating means
//! of bounded random variables by betting"): valid for any number of items, with no normal approximation.

use ordinate_core::Dial;
use ordinate_score::Groups;
use ordinate_trials::Curve;

/// The probability that a promise may be broken with.
pub const LEVEL: f64 = 0.05;

/// The last dial that passes its test, and how many items (or groups) it was tested on; `None` where none does.
///
/// `curve` has what the policy did with items that it had not seen, in random order, at `dials`, which spare more and
/// more. `reference` are the scores, on the same items, of the candidate that it is held against. Items, or where there
/// are groups the means of groups, must be exchangeable: the promise is for items like these.
#[must_use]
pub fn test(
    curve: &Curve<'_>,
    reference: &[f64],
    groups: Option<&Groups>,
    dials: &[Dial],
    margin: f64,
) -> Option<(Dial, usize)> {
    let mut items = 0;
    let passes = |(number, _): &(usize, &Dial)| {
        let own: Vec<f64> = (0..reference.len()).map(|item| curve.quality(*number, item)).collect();
        let losses = units(reference, &own, groups);
        items = losses.len();
        p_value(&losses, margin) <= LEVEL
    };
    let (_, &dial) = dials.iter().enumerate().take_while(passes).last()?;
    Some((dial, items))
}

/// Losses in `[-1, 1]`: one an item, or the mean of each group. Items of which nothing is known are left out.
fn units(reference: &[f64], own: &[f64], groups: Option<&Groups>) -> Vec<f64> {
    let losses = reference.iter().zip(own).map(|(reference, own)| reference - own);
    let Some(groups) = groups else { return losses.filter(|loss| !loss.is_nan()).collect() };
    // Groups are numbered in the order in which they first appear.
    let mut sums: Vec<(f64, f64)> = vec![(0.0, 0.0); groups.count()];
    for (&cluster, loss) in groups.of_item().iter().zip(losses).filter(|(_, loss)| !loss.is_nan()) {
        let (sum, count) = &mut sums[cluster as usize];
        *sum += loss;
        *count += 1.0;
    }
    sums.into_iter().filter(|(_, count)| *count > 0.0).map(|(sum, count)| sum / count).collect()
}

/// A p value for "the mean loss is above `margin`", of independent losses in `[-1, 1]`: one over the largest
/// capital of a gambler who bets, each time with what the losses before suggest, that it is not.
///
/// The bet is `min(3/4 of the largest allowed, sqrt(2 ln(1 / LEVEL) / (n variance)))` (Waudby-Smith and Ramdas,
/// equation 26), with mean and variance of the losses so far.
#[must_use]
pub fn p_value(losses: &[f64], margin: f64) -> f64 {
    if !(0.0..1.0).contains(&margin) || losses.is_empty() {
        return 1.0;
    }
    let limit = f64::midpoint(1.0, margin);
    let most = 0.75 / (1.0 - limit);
    let numerator = 2.0 * -libm::log(LEVEL) / losses.len() as f64;
    let (mut capital, mut richest) = (0.0_f64, 0.0_f64);
    // One made-up loss of one half with the largest variance, so that the first bets are small.
    let (mut sum, mut squares, mut seen) = (0.5, 0.25, 1.0);
    for loss in losses {
        let loss = f64::midpoint(1.0, loss.clamp(-1.0, 1.0));
        let bet = (numerator / (squares / seen)).sqrt().min(most);
        capital += libm::log1p(bet * (limit - loss));
        richest = richest.max(capital);
        seen += 1.0;
        sum += loss;
        squares += (loss - sum / seen).powi(2);
    }
    libm::exp(-richest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ordinate_combine::random::SplitMix;

    /// Losses of -1, 0 and 1 with this mean.
    fn losses(count: usize, mean: f64, spread: f64, random: &mut SplitMix) -> Vec<f64> {
        let worse = f64::midpoint(spread, mean);
        (0..count)
            .map(|_| match random.unit() {
                u if u < worse => 1.0,
                u if u < spread => -1.0,
                _ => 0.0,
            })
            .collect()
    }

    #[test]
    fn what_is_not_true_is_promised_in_at_most_a_twentieth() {
        let mut random = SplitMix::new(7);
        for (count, spread) in [(50, 0.5), (400, 0.2), (400, 0.02), (3_000, 0.2)] {
            let promised = (0..2_000)
                .filter(|_| p_value(&losses(count, 0.02, spread, &mut random), 0.02) <= LEVEL)
                .count();
            assert!(promised <= 120, "{promised} of 2000 with {count} items, spread {spread}");
        }
    }

    #[test]
    fn what_is_true_is_promised_with_enough_items() {
        let mut random = SplitMix::new(7);
        let mut power = |count: usize, mean: f64| {
            (0..200).filter(|_| p_value(&losses(count, mean, 0.1, &mut random), 0.02) <= LEVEL).count()
        };
        let (few, many) = (power(300, 0.0), power(3_000, 0.0));
        assert!(few < 120 && many > 150, "{few} {many}");
        assert_eq!(p_value(&[], 0.02), 1.0);
        assert_eq!(p_value(&[0.0; 10], 1.0), 1.0);
        assert!(p_value(&vec![0.0; 3_000], 0.02) < 1e-3);
    }

    #[test]
    fn a_group_is_one_unit() {
        let (reference, own) = ([1.0, 1.0, 0.0, f64::NAN], [0.0, 1.0, 1.0, 1.0]);
        assert_eq!(units(&reference, &own, None), [1.0, 0.0, -1.0]);
        assert_eq!(units(&reference, &own, Some(&Groups::new(&[0, 0, 1, 2]))), [0.5, -1.0]);
    }
}

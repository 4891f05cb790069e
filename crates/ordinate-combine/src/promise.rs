//! A promise that is kept in 95 of 100 cases: "at most this much worse than that candidate".
//!
//! Learn then test (Angelopoulos, Bates, Candès, Jordan and Lei 2021): a policy is fitted on two thirds of the
//! training items; on the rest, which it has not seen, every dial is a hypothesis "its mean loss is above the
//! margin". The hypotheses are tested in a fixed order, from the dial that spares least to the one that spares
//! most, and testing stops at the first that cannot be rejected, so that the family-wise error stays at 5 %.
//! The p value is that of a betting martingale for bounded means (Waudby-Smith and Ramdas 2024, "Estimating means
//! of bounded random variables by betting"): valid for any number of items, with no normal approximation.

use ordinate_core::evidence::{Evidence, View};
use ordinate_core::verdict::Promise;
use ordinate_core::{Dial, Policy, Row};

use crate::crossfit::{best_column, dense_groups};
use crate::error::{CombineError, NotApplicable};
use crate::folds::Folds;
use crate::learner::{Context, Learner};
use crate::random;
use crate::replay::{Played, replay};

/// The probability that a promise may be broken with.
pub const LEVEL: f64 = 0.05;
/// One of so many parts of the training items is kept for testing.
const PARTS: u32 = 3;

/// What is promised: to be no more than `margin` worse, in mean score, than this column of the evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// Column of the candidate that the policy is held against.
    pub against: usize,
    /// The most that its mean score may be above the policy's; at least 0.
    pub margin: f64,
}

/// A policy, and what can be promised of it; `None` where no dial passes its test.
pub type Kept = (Box<dyn Policy>, Option<Promise>);

/// Learns a policy from two thirds of these rows and finds, on the rest, the dial that spares most and still
/// keeps the promise. Whole groups go to one side. Items, or where there are groups the means of groups, must be
/// exchangeable: the promise is for items like these. The policy is held against the best single of the two
/// thirds, among those that `eligible` allows.
///
/// # Errors
/// [`NotApplicable`] when the rows are too few for the learner.
pub fn fit(
    learner: &dyn Learner,
    train: &View<'_>,
    context: &Context,
    margin: f64,
    eligible: &[bool],
) -> Result<Kept, NotApplicable> {
    let refuse = |error: CombineError| NotApplicable { kind: learner.kind(), why: error.to_string() };
    let folds = Folds::deal(train, PARTS, context.seed).map_err(refuse)?;
    let (fitting, testing) = folds.split(train, 0);
    let rows = testing.iter().map(|&position| train.rows[position]).collect();
    let policy = learner.fit(&fitting, context)?;
    let testing = View { evidence: train.evidence, rows };
    let wanted = Wanted { against: best_column(&fitting, eligible), margin };
    let promise = test(policy.as_ref(), &testing, &learner.dials(train.evidence, context), context, wanted);
    Ok((policy, promise))
}

/// What `policy` can promise at one of `dials`, which spare more and more, by items that it has not seen.
#[must_use]
pub fn test(
    policy: &dyn Policy,
    unseen: &View<'_>,
    dials: &[Dial],
    context: &Context,
    wanted: Wanted,
) -> Option<Promise> {
    // The martingale looks at one item after the other; their order must not depend on what came out.
    let mut rows = unseen.rows.clone();
    random::shuffle(&mut rows, context.seed);
    let unseen = View { evidence: unseen.evidence, rows };
    let clusters = dense_groups(&unseen);
    let reference = Played::single(unseen.evidence, wanted.against, &unseen.rows);
    let curve = replay(policy, unseen.evidence, &unseen.rows, dials);
    let losses = |played: &Played| units(&reference.quality, &played.quality, clusters.as_deref());
    let mut items = 0;
    let kept = dials.iter().zip(&curve).take_while(|(_, played)| {
        let losses = losses(played);
        items = losses.len();
        p_value(&losses, wanted.margin) <= LEVEL
    });
    let dial = kept.last().map(|(dial, _)| *dial)?;
    let against = unseen.evidence.candidates().get(wanted.against)?.name.clone();
    Some(Promise { margin: wanted.margin, confidence: 1.0 - LEVEL, against, items, dial })
}

/// Losses in `[-1, 1]`: one an item, or the mean of each group. Items of which nothing is known are left out.
fn units(reference: &[f64], own: &[f64], clusters: Option<&[u32]>) -> Vec<f64> {
    let losses = reference.iter().zip(own).map(|(reference, own)| reference - own);
    let Some(clusters) = clusters else { return losses.filter(|loss| !loss.is_nan()).collect() };
    // Groups are numbered in the order in which they first appear.
    let mut sums: Vec<(f64, f64)> =
        vec![(0.0, 0.0); clusters.iter().max().map_or(0, |most| *most as usize + 1)];
    for (&cluster, loss) in clusters.iter().zip(losses).filter(|(_, loss)| !loss.is_nan()) {
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

/// The mean loss against a candidate on these rows, to see whether a promise is kept.
#[must_use]
pub fn loss(policy: &dyn Policy, evidence: &Evidence, rows: &[Row], dial: Dial, against: usize) -> f64 {
    let reference = Played::single(evidence, against, rows);
    let Some(own) = replay(policy, evidence, rows, &[dial]).pop() else { return f64::NAN };
    let losses = units(&reference.quality, &own.quality, None);
    losses.iter().sum::<f64>() / losses.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix;

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
        assert_eq!(units(&reference, &own, Some(&[0, 0, 1, 2])), [0.5, -1.0]);
    }
}

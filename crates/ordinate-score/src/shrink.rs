//! Means of slices, shrunken by empirical Bayes.
//!
//! The normal-normal model of random-effects meta-analysis: the true means of the slices scatter around a
//! common mean with variance tau², each observed mean around its true one with variance v = sigma² / n. The
//! best guess of a slice's true mean lies between what was observed and the common mean, nearer to the
//! latter the fewer items the slice has (Efron and Morris 1975). tau² is DerSimonian and Laird's (1986).

use ordinate_core::verdict::Estimate;

use crate::normal;

/// Items whose variance is lent to each slice from all slices together. Without it a slice with three right
/// answers would claim to be known exactly (the idea of Smyth's moderated variances, 2004).
const LENT: f64 = 4.0;

/// What was observed on one slice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// Items; the effective number where they are dependent. 0 for a slice without any.
    pub items: f64,
    /// Their mean.
    pub mean: f64,
    /// Their variance (divided by items - 1); whatever with fewer than two items.
    pub variance: f64,
}

impl Observed {
    /// Observes the values that are not `NaN`, as independent items.
    #[must_use]
    pub fn new(values: impl Iterator<Item = f64>) -> Self {
        // Welford's update: no cancellation, one pass.
        let (mut items, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for value in values.filter(|value| !value.is_nan()) {
            items += 1.0;
            let difference = value - mean;
            mean += difference / items;
            squares += difference * (value - mean);
        }
        Self { items, mean, variance: if items > 1.0 { squares / (items - 1.0) } else { 0.0 } }
    }
}

/// The common mean of slices and how they scatter around it, with each slice's shrunken mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunken {
    /// The common mean, towards which slices are shrunken; each slice counts by how well it is known.
    pub prior_mean: f64,
    /// Variance of true means between slices.
    pub tau2: f64,
    /// Per slice, in the order given, the shrunken mean and its 95 % interval, which takes `tau2` as known.
    /// For a slice without items the common mean, with the interval of a new slice.
    pub means: Vec<Estimate>,
}

impl Shrunken {
    /// Shrinks the means of one candidate's slices. `None` when there is no item at all.
    #[must_use]
    pub fn fit(slices: &[Observed]) -> Option<Self> {
        let within = within(slices);
        let (means, variances): (Vec<f64>, Vec<f64>) = slices
            .iter()
            .zip(&within)
            .filter(|(slice, _)| slice.items > 0.0)
            .map(|(slice, sigma2)| (slice.mean, sigma2 / slice.items))
            .unzip();
        if means.is_empty() {
            return None;
        }
        let tau2 = if slices.iter().any(|slice| slice.items > 1.0) {
            between(&means, &variances)
        } else {
            // One item each: what differs between slices cannot be told from luck.
            0.0
        };
        let (prior_mean, prior_variance) = random_effects(&means, &variances, tau2);
        let z = normal::quantile(0.975);
        let means = slices
            .iter()
            .zip(&within)
            .map(|(slice, &sigma2)| {
                let mean = shrink(slice.items, slice.mean, prior_mean, tau2, sigma2);
                let own = own_weight(slice.items, tau2, sigma2);
                // tau² v / (tau² + v), written so that a slice without items has tau².
                let left = if slice.items > 0.0 { own * sigma2 / slice.items } else { tau2 };
                let half = z * (left + (1.0 - own).powi(2) * prior_variance).sqrt();
                Estimate { mean, low: mean - half, high: mean + half }
            })
            .collect();
        Some(Self { prior_mean, tau2, means })
    }
}

/// The mean of a slice of `items` items, shrunken towards `prior_mean`: `tau2` is the variance of true
/// means between slices, `sigma2` that of items within the slice. `prior_mean` where there is no item.
#[must_use]
pub fn shrink(items: f64, mean: f64, prior_mean: f64, tau2: f64, sigma2: f64) -> f64 {
    if items > 0.0 { prior_mean + own_weight(items, tau2, sigma2) * (mean - prior_mean) } else { prior_mean }
}

/// How much a slice's own mean counts, in `[0, 1]`.
fn own_weight(items: f64, tau2: f64, sigma2: f64) -> f64 {
    // With tau² = sigma² = 0 all slices are equal, and any weight is right.
    if items > 0.0 && tau2 > 0.0 { tau2 / (tau2 + sigma2 / items) } else { 0.0 }
}

/// The variance of items within each slice, moderated: every slice borrows [`LENT`] items' worth of the
/// variance within all slices.
fn within(slices: &[Observed]) -> Vec<f64> {
    let freedom = |slice: &Observed| (slice.items - 1.0).max(0.0);
    let all_freedom: f64 = slices.iter().map(freedom).sum();
    let pooled = if all_freedom > 0.0 {
        slices
            .iter()
            .filter(|slice| slice.items > 1.0)
            .map(|slice| freedom(slice) * slice.variance)
            .sum::<f64>()
            / all_freedom
    } else {
        // One item each: the variance of all items is all there is.
        Observed::new(slices.iter().filter(|slice| slice.items > 0.0).map(|slice| slice.mean)).variance
    };
    slices
        .iter()
        .map(|slice| {
            let own = freedom(slice);
            let squares = if own > 0.0 { own * slice.variance } else { 0.0 };
            (squares + LENT * pooled) / (own + LENT)
        })
        .collect()
}

/// DerSimonian and Laird's estimate of the variance between true means, from observed means and the
/// variances of these means. Where they have none the observed means are the true ones.
#[must_use]
pub fn between(means: &[f64], variances: &[f64]) -> f64 {
    if variances.iter().any(|&variance| variance <= 0.0) {
        return Observed::new(means.iter().copied()).variance;
    }
    let weights = || variances.iter().map(|variance| 1.0 / variance);
    let sum: f64 = weights().sum();
    let squares: f64 = weights().map(|weight| weight * weight).sum();
    let mean = weights().zip(means).map(|(weight, mean)| weight * mean).sum::<f64>() / sum;
    let q: f64 = weights().zip(means).map(|(weight, other)| weight * (other - mean).powi(2)).sum();
    let scale = sum - squares / sum;
    if scale > 0.0 { ((q - (means.len() as f64 - 1.0)) / scale).max(0.0) } else { 0.0 }
}

/// The common mean under random effects, and the variance of this mean.
fn random_effects(means: &[f64], variances: &[f64], tau2: f64) -> (f64, f64) {
    // Equal weights where nothing varies.
    let known = variances.iter().all(|variance| variance + tau2 > 0.0);
    let weights = || variances.iter().map(|variance| if known { 1.0 / (variance + tau2) } else { 1.0 });
    let sum: f64 = weights().sum();
    let mean = weights().zip(means).map(|(weight, mean)| weight * mean).sum::<f64>() / sum;
    (mean, if known { 1.0 / sum } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_data_is_pulled_and_much_is_not() {
        let slice = |items, mean| Observed { items, mean, variance: 0.2 };
        let fit = Shrunken::fit(&[slice(4.0, 1.0), slice(4000.0, 0.9), slice(4000.0, 0.3), slice(0.0, 0.0)])
            .unwrap();
        assert!(fit.means[0].mean < 0.95 && fit.means[0].mean > fit.prior_mean);
        assert!((fit.means[1].mean - 0.9).abs() < 1e-3);
        assert_eq!(fit.means[3].mean, fit.prior_mean);
        assert!(fit.means[3].high - fit.means[3].low > fit.means[1].high - fit.means[1].low);
    }

    #[test]
    fn slices_that_differ_by_luck_only_become_one() {
        let slice = |mean| Observed { items: 10.0, mean, variance: 0.25 };
        let fit = Shrunken::fit(&[slice(0.45), slice(0.5), slice(0.55)]).unwrap();
        assert_eq!(fit.tau2, 0.0);
        assert!(fit.means.iter().all(|slice| (slice.mean - 0.5).abs() < 1e-12));
    }

    #[test]
    fn slices_of_one_item_or_without_variance_are_defined() {
        let slice = |items, mean| Observed { items, mean, variance: 0.0 };
        let singles = Shrunken::fit(&[slice(1.0, 0.0), slice(1.0, 1.0)]).unwrap();
        assert!(singles.means.iter().all(|slice| (slice.mean - 0.5).abs() < 1e-12));
        let constant = Shrunken::fit(&[slice(5.0, 0.0), slice(5.0, 1.0)]).unwrap();
        assert_eq!(constant.means.iter().map(|slice| slice.mean).collect::<Vec<_>>(), [0.0, 1.0]);
        let alone = Shrunken::fit(&[slice(1.0, 0.7)]).unwrap();
        assert!((alone.means[0].mean - 0.7).abs() < 1e-12);
        assert_eq!(Shrunken::fit(&[]), None);
        assert_eq!(Shrunken::fit(&[slice(0.0, 0.0)]), None);
    }
}

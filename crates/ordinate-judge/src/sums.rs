//! Means per dial out of sums per fold: for evidence so large that a column per dial would take the most time and memory of
//! all.

use ordinate_core::{Goal, Needs};
use ordinate_trials::Curve;

/// Sums over the items of one fold at one dial.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    items: f64,
    quality: f64,
    squares: f64,
    priced: f64,
    cost_usd: f64,
}

/// What one dial comes to on some folds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OfDial {
    /// The mean of the quality; `None` where there are no items.
    pub(crate) quality: Option<f64>,
    /// Its standard error.
    pub(crate) error: f64,
    /// Mean USD an item; infinite where it is not known.
    pub(crate) cost_usd: f64,
}

/// The sums of a curve, by dial and fold.
#[derive(Debug)]
pub(crate) struct Sums(Vec<Vec<Sum>>);

impl Sums {
    /// `None` where an item has no quality at some dial: then means are taken over the items that all dials have.
    pub(crate) fn new(curve: &Curve<'_>, fold_of: &[u32], folds: u32) -> Option<Self> {
        Self::of(curve.dials(), fold_of, folds, |dial, item| {
            (curve.quality(dial, item), curve.cost(dial, item))
        })
    }

    /// The same of any quality and cost by dial and item.
    pub(crate) fn of(
        dials: usize,
        fold_of: &[u32],
        folds: u32,
        value: impl Fn(usize, usize) -> (f64, f64),
    ) -> Option<Self> {
        let mut sums = vec![vec![Sum::default(); folds as usize]; dials];
        for (dial, sums) in sums.iter_mut().enumerate() {
            for (item, &fold) in fold_of.iter().enumerate() {
                let (quality, cost) = value(dial, item);
                if quality.is_nan() {
                    return None;
                }
                let sum = &mut sums[fold as usize];
                sum.items += 1.0;
                sum.quality += quality;
                sum.squares += quality * quality;
                if !cost.is_nan() {
                    sum.priced += 1.0;
                    sum.cost_usd += cost;
                }
            }
        }
        Some(Self(sums))
    }

    /// Whether means of quality and cost are all that these needs look at.
    pub(crate) fn are_enough(needs: &Needs) -> bool {
        needs.goal == Goal::Quality && needs.margin() == 0.0 && needs.max_p95_ms.is_none()
    }

    /// Every dial, on all folds but this one.
    pub(crate) fn outside(&self, fold: Option<u32>) -> Vec<OfDial> {
        let of_dial = |folds: &Vec<Sum>| {
            let others = (0..).zip(folds).filter(|(number, _)| Some(*number) != fold);
            let sum = others.fold(Sum::default(), |all, (_, sum)| Sum {
                items: all.items + sum.items,
                quality: all.quality + sum.quality,
                squares: all.squares + sum.squares,
                priced: all.priced + sum.priced,
                cost_usd: all.cost_usd + sum.cost_usd,
            });
            let mean = sum.quality / sum.items;
            let around = (sum.squares - sum.quality * mean).max(0.0);
            OfDial {
                quality: (sum.items > 0.0).then_some(mean),
                error: around.sqrt() / sum.items,
                cost_usd: if sum.priced > 0.0 { sum.cost_usd / sum.priced } else { f64::INFINITY },
            }
        };
        self.0.iter().map(of_dial).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_a_fold_is_the_rest() {
        let sum = |quality, squares, cost_usd| Sum { items: 2.0, quality, squares, priced: 2.0, cost_usd };
        let sums = Sums(vec![vec![sum(2.0, 2.0, 0.4), sum(1.0, 1.0, 0.2), sum(0.0, 0.0, 0.6)]]);
        let [others] = sums.outside(Some(0))[..] else { panic!() };
        // 0, 1, 0, 0: mean 0.25, squares around it 0.75.
        assert_eq!(others.quality, Some(0.25));
        assert!((others.error - 0.75_f64.sqrt() / 4.0).abs() < 1e-12);
        assert!((others.cost_usd - 0.2).abs() < 1e-12);
        let [all] = sums.outside(None)[..] else { panic!() };
        assert_eq!(all.quality, Some(0.5));
    }
}

//! Learning curves: quality as a function of the number of labels, known from a few trainings, foretold for more, and never as
//! a point: over the draws of the labels, and over several families of functions.

mod family;

use ordinate_core::random::SplitMix;
use std::collections::BTreeMap;

use crate::normal;

pub use family::{Curve, Family};

/// How often the draws are drawn again.
const REPLICATES: usize = 100;
/// What a curve may miss beyond what draws explain, in units of score: no family is the true one.
const MISFIT: f64 = 0.008;
/// The least standard deviation of a draw.
const LEAST: f64 = 0.002;
/// How much the fit counts against the number of parameters when families are weighed; 1 would be Akaike's weights, which trust a
/// few points of one curve too much.
const TRUST: f64 = 0.25;
/// Shares of the weight that intervals leave out on each side.
const TAIL: f64 = 0.025;

/// Curves that the points allow, each with its weight; weights of a replicate add up to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    replicates: Vec<Vec<(Curve, f64)>>,
}

/// Three quantiles: 2.5 %, 50 % and 97.5 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Lower end.
    pub low: f64,
    /// Median.
    pub mid: f64,
    /// Upper end.
    pub high: f64,
}

/// With how many labels something is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// The fewest labels, the 2.5 % quantile.
    pub low: f64,
    /// The most, the 97.5 % quantile, or the horizon.
    pub high: f64,
    /// The share of the weight of curves that do not reach it up to the horizon.
    pub never: f64,
}

impl Ensemble {
    /// Of points: labels and score, one for each training. Points with the same number of labels are draws of one another.
    /// `None` with fewer than three numbers of labels.
    #[must_use]
    pub fn fit(points: &[(u64, f64)], seed: u64) -> Option<Self> {
        let mut draws: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for &(labels, score) in points.iter().filter(|(labels, score)| *labels > 0 && score.is_finite()) {
            draws.entry(labels).or_default().push(score);
        }
        if draws.len() < 3 {
            return None;
        }
        let means: Vec<(f64, f64, f64)> = with_errors(&draws);
        let knots = |means: &[(f64, f64, f64)]| -> Vec<(f64, f64, f64)> {
            let most = means.last().map_or(1.0, |mean| mean.0);
            // What is foretold lies beyond the most labels: points near it count for more.
            means.iter().map(|&(n, score, error)| (n, score, n / most / error.powi(2))).collect()
        };
        let weights = weights(&knots(&means));
        let mut random = SplitMix::new(seed ^ 0x6375_7276);
        let replicate = |_| {
            let drawn: Vec<(f64, f64, f64)> = means
                .iter()
                .map(|&(n, score, error)| {
                    let unit = random.unit().clamp(1e-9, 1.0 - 1e-9);
                    (n, score + error * normal::quantile(unit), error)
                })
                .collect();
            let knots = knots(&drawn);
            let fitted =
                weights.iter().filter_map(|&(family, weight)| Some((Curve::fit(family, &knots)?, weight)));
            fitted.collect()
        };
        Some(Self { replicates: (0..REPLICATES).map(replicate).collect() })
    }

    /// The weights of the families.
    #[must_use]
    pub fn families(&self) -> Vec<(Family, f64)> {
        self.replicates.first().into_iter().flatten().map(|(curve, weight)| (curve.family, *weight)).collect()
    }

    /// The quality with so many labels.
    #[must_use]
    pub fn band(&self, labels: f64) -> Band {
        let values =
            self.replicates.iter().flatten().map(|(curve, weight)| (curve.at(labels), *weight)).collect();
        let values = Weighted::new(values);
        Band { low: values.quantile(TAIL), mid: values.quantile(0.5), high: values.quantile(1.0 - TAIL) }
    }

    /// With how many labels, from `from` up to `horizon`, the quality reaches `level`.
    #[must_use]
    pub fn reaches(&self, level: f64, from: f64, horizon: f64) -> Reach {
        self.first(from, horizon, |curve, _| {
            vec![(1.0, level - curve.at(from) <= 0.0, Box::new(move |n| curve.at(n) >= level))]
        })
    }

    /// With how many labels, from `from` up to `horizon`, it is as good as another with as many.
    #[must_use]
    pub fn overtakes(&self, other: &Self, from: f64, horizon: f64) -> Reach {
        self.first(from, horizon, |curve, at| {
            let others = other.replicates.get(at).into_iter().flatten();
            others
                .map(|(other, weight)| {
                    let beats: Beats<'_> = Box::new(move |n| curve.at(n) >= other.at(n));
                    (*weight, beats(from), beats)
                })
                .collect()
        })
    }

    /// With how many labels, from `from` up to `horizon`, the quality is higher by `gain` than with `from`.
    #[must_use]
    pub fn gains(&self, gain: f64, from: f64, horizon: f64) -> Reach {
        self.first(from, horizon, |curve, _| {
            let level = curve.at(from) + gain;
            vec![(1.0, false, Box::new(move |n| curve.at(n) >= level))]
        })
    }

    fn first<'a>(
        &'a self,
        from: f64,
        horizon: f64,
        of: impl Fn(&'a Curve, usize) -> Vec<(f64, bool, Beats<'a>)>,
    ) -> Reach {
        let mut found = Vec::new();
        for (at, replicate) in self.replicates.iter().enumerate() {
            for (curve, weight) in replicate {
                for (share, is_there, beats) in of(curve, at) {
                    let labels = if is_there { from } else { crossing(from, horizon, &beats) };
                    found.push((labels, weight * share));
                }
            }
        }
        let total: f64 = found.iter().map(|one| one.1).sum();
        // A sum of nothing is -0.0, which nobody wants to read.
        let never = found.iter().filter(|one| one.0.is_infinite()).fold(0.0, |sum, one| sum + one.1);
        let found = Weighted::new(found);
        Reach {
            low: found.quantile(TAIL).min(horizon),
            high: found.quantile(1.0 - TAIL).min(horizon),
            never: if total > 0.0 { never / total } else { 1.0 },
        }
    }
}

type Beats<'a> = Box<dyn Fn(f64) -> bool + 'a>;

/// Steps between `from` and `horizon` in which a crossing is looked for.
const STEPS: i32 = 200;

/// The first number of labels with which something is true; infinite where that is beyond the horizon.
fn crossing(from: f64, horizon: f64, is_true: &Beats<'_>) -> f64 {
    let from = from.max(1.0);
    let step = (horizon / from).max(1.0).ln() / f64::from(STEPS);
    let at = |step_number: i32| from * (step * f64::from(step_number)).exp();
    (0..=STEPS).map(at).find(|&n| is_true(n)).unwrap_or(f64::INFINITY)
}

/// Labels, mean score and its standard error. A draw of few labels differs from another as the square root of their number: half
/// of what is known of a count is from its own draws, which are few, and half from those of all counts.
fn with_errors(draws: &BTreeMap<u64, Vec<f64>>) -> Vec<(f64, f64, f64)> {
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len().max(1) as f64;
    let squares = |scores: &[f64]| scores.iter().map(|score| (score - mean(scores)).powi(2)).sum::<f64>();
    let freedom: usize = draws.values().map(|scores| scores.len() - 1).sum();
    let scaled = draws.iter().map(|(&labels, scores)| labels as f64 * squares(scores)).sum::<f64>();
    let scaled = scaled / freedom.max(1) as f64;
    draws
        .iter()
        .map(|(&labels, scores)| {
            let of_all = scaled / labels as f64;
            let variance = match scores.len() {
                0 | 1 => of_all,
                count => f64::midpoint(squares(scores) / (count - 1) as f64, of_all),
            };
            let variance = variance.max(LEAST.powi(2)) / scores.len().max(1) as f64;
            (labels as f64, mean(scores), (variance + MISFIT.powi(2)).sqrt())
        })
        .collect()
}

/// How much each family counts: by what it misses and how many numbers it has to miss it with (Burnham and Anderson 2002, with
/// the evidence counted at [`TRUST`]).
fn weights(knots: &[(f64, f64, f64)]) -> Vec<(Family, f64)> {
    let cost = |family: Family| {
        let squares = Curve::fit(family, knots).map_or(f64::INFINITY, |curve| curve.squares(knots));
        (family, TRUST * f64::midpoint(squares, 2.0 * family.parameters()) - family.prior().ln())
    };
    let costs: Vec<(Family, f64)> = Family::ALL.into_iter().map(cost).collect();
    let least = costs.iter().map(|cost| cost.1).fold(f64::INFINITY, f64::min);
    let total: f64 = costs.iter().map(|cost| (least - cost.1).exp()).sum();
    costs.into_iter().map(|(family, cost)| (family, (least - cost).exp() / total)).collect()
}

/// Values with weights, in order.
struct Weighted(Vec<(f64, f64)>);

impl Weighted {
    fn new(mut values: Vec<(f64, f64)>) -> Self {
        values.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self(values)
    }

    /// The least value up to which this share of the weight lies; `NaN` where there is none.
    fn quantile(&self, share: f64) -> f64 {
        // What the order of additions makes of a sum is not to decide between two values.
        let wanted = share * self.0.iter().map(|value| value.1).sum::<f64>() - 1e-9;
        let mut sum = 0.0;
        for &(value, weight) in &self.0 {
            sum += weight;
            if sum >= wanted {
                return value;
            }
        }
        self.0.last().map_or(f64::NAN, |value| value.0)
    }
}

#[cfg(test)]
mod tests;

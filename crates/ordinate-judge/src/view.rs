//! The outcomes of one policy, as the choice of its dial sees them.

use std::borrow::Cow;
use std::sync::OnceLock;

use ordinate_core::{Goal, Needs};
use ordinate_trials::Curve;

/// A sample mean and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub(crate) mean: f64,
    pub(crate) error: f64,
}

/// The outcomes of one policy: a column a dial, as far as the needs look at them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcomes {
    pub(crate) quality: Vec<Vec<f64>>,
    pub(crate) cost_usd: Vec<Vec<f64>>,
    pub(crate) latency_ms: Vec<Vec<f64>>,
}

/// The figures besides quality that some needs look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Looks {
    cost: bool,
    latency: bool,
}

impl Looks {
    pub(crate) fn of(needs: &Needs) -> Self {
        let by_latency = needs.goal == Goal::Latency;
        Self {
            cost: !by_latency || needs.max_cost_per_1k.is_some(),
            latency: by_latency || needs.max_p95_ms.is_some(),
        }
    }
}

impl Outcomes {
    pub(crate) fn new(curve: &Curve<'_>, looks: Looks) -> Self {
        let columns = |any: bool, value: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
            let column = |dial| (0..curve.len()).map(|item| value(dial, item)).collect();
            if any { (0..curve.dials()).map(column).collect() } else { Vec::new() }
        };
        Self {
            quality: columns(true, &|dial, item| curve.quality(dial, item)),
            cost_usd: columns(looks.cost, &|dial, item| curve.cost(dial, item)),
            latency_ms: columns(looks.latency, &|dial, item| curve.latency(dial, item)),
        }
    }

    /// The mean over several foldings of the same items, item by item and dial by dial.
    pub(crate) fn mean(rounds: &[Self]) -> Cow<'_, Self> {
        let [first, others @ ..] = rounds else { return Cow::Owned(Self::default()) };
        if others.is_empty() {
            return Cow::Borrowed(first);
        }
        let mut mean = first.clone();
        let add = |mean: &mut Vec<Vec<f64>>, columns: &[Vec<f64>]| {
            for (mean, column) in mean.iter_mut().zip(columns) {
                mean.iter_mut().zip(column).for_each(|(mean, value)| *mean += value);
            }
        };
        for round in others {
            add(&mut mean.quality, &round.quality);
            add(&mut mean.cost_usd, &round.cost_usd);
            add(&mut mean.latency_ms, &round.latency_ms);
        }
        let columns = [&mut mean.quality, &mut mean.cost_usd, &mut mean.latency_ms];
        columns.into_iter().flatten().flatten().for_each(|value| *value /= rounds.len() as f64);
        Cow::Owned(mean)
    }

    pub(crate) fn dials(&self) -> usize {
        self.quality.len()
    }
}

/// A curve seen from some items of it, whatever the needs want of it.
#[derive(Debug)]
pub(crate) struct View {
    /// The items that are looked at.
    pub(crate) positions: Vec<usize>,
    /// Per dial, mean USD and milliseconds; infinite where they are not known, none where nobody looks.
    pub(crate) cost_usd: Vec<f64>,
    pub(crate) latency_ms: Vec<f64>,
    pub(crate) quality: Vec<Option<Moments>>,
    /// Per dial, the 95th percentile of latency.
    p95_ms: OnceLock<Vec<Option<f64>>>,
}

impl View {
    pub(crate) fn new(curve: &Outcomes, positions: Vec<usize>, clusters: Option<&[u32]>) -> Self {
        // Means over different items cannot be compared.
        let known = |position: &usize| curve.quality.iter().all(|quality| !quality[*position].is_nan());
        let common: Vec<usize> = positions.iter().copied().filter(known).collect();
        let positions = if common.is_empty() { positions } else { common };
        let mean =
            |values: &Vec<f64>| mean_of(&at(values, &positions)).map_or(f64::INFINITY, |(mean, _)| mean);
        Self {
            cost_usd: curve.cost_usd.iter().map(mean).collect(),
            latency_ms: curve.latency_ms.iter().map(mean).collect(),
            quality: curve
                .quality
                .iter()
                .map(|quality| moments(&at(quality, &positions), &positions, clusters))
                .collect(),
            p95_ms: OnceLock::new(),
            positions,
        }
    }

    pub(crate) fn p95_ms(&self, curve: &Outcomes) -> &[Option<f64>] {
        let p95 = |latency: &Vec<f64>| {
            let known: Vec<f64> =
                at(latency, &self.positions).into_iter().filter(|latency| !latency.is_nan()).collect();
            ordinate_score::quantile::p95(&known)
        };
        self.p95_ms.get_or_init(|| curve.latency_ms.iter().map(p95).collect())
    }
}

/// The values at these positions.
pub(crate) fn at(values: &[f64], positions: &[usize]) -> Vec<f64> {
    positions.iter().map(|&position| values[position]).collect()
}

/// Mean of the values that are known, and how many these are.
fn mean_of(values: &[f64]) -> Option<(f64, usize)> {
    let known = values.iter().filter(|value| !value.is_nan());
    let (count, sum) = known.fold((0_usize, 0.0), |(n, sum), value| (n + 1, sum + value));
    (count > 0).then(|| (sum / count as f64, count))
}

/// Mean and standard error of the values at some positions, as far as they are known; clusters are summed first.
pub(crate) fn moments(values: &[f64], positions: &[usize], clusters: Option<&[u32]>) -> Option<Moments> {
    let known = || positions.iter().zip(values).filter(|(_, value)| !value.is_nan());
    let (mean, count) = mean_of(values)?;
    let squares = match clusters {
        None => known().map(|(_, value)| (value - mean).powi(2)).sum::<f64>(),
        Some(clusters) => {
            let groups = clusters.iter().max().map_or(0, |most| *most as usize + 1);
            let mut sums = vec![0.0; groups];
            for (&position, value) in known() {
                sums[clusters[position] as usize] += value - mean;
            }
            sums.iter().map(|sum| sum * sum).sum()
        }
    };
    Some(Moments { mean, error: squares.sqrt() / count as f64 })
}

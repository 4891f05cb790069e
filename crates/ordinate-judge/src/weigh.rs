//! Every quality and every difference that a verdict needs, from one set of resamples.

use std::borrow::Cow;
use std::num::NonZeroU32;

use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::Estimate;
use ordinate_core::{Goal, Needs};
use ordinate_score::{Bootstrap, Estimated, Groups, Statistic, by_student};

use ordinate_score::mean::wilson;
use ordinate_score::normal::quantile;
use ordinate_score::routing::{Hull, Point};
use ordinate_trials::Played;
use serde::{Deserialize, Serialize};

use crate::contender::{Contender, mean};

/// How errors are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// An error scores 0.
    AsFailures,
    /// An error is not counted.
    LeftOut,
}

/// Settings of the bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resampling {
    /// Resamples.
    pub resamples: NonZeroU32,
    /// Seed.
    pub seed: u64,
    /// Kind of interval.
    pub interval: IntervalKind,
}

/// Estimates for all contenders under one reading of errors.
pub(crate) struct Weighed {
    /// Mean quality per contender.
    pub(crate) quality: Vec<Option<Estimated>>,
    /// Paired differences of quality: `a - b` for a < b, in row order.
    differences: Vec<Option<Estimated>>,
    /// Paired difference to the best single that was chosen on training items; policies only.
    pub(crate) over_best_single: Vec<Option<Estimated>>,
    /// Paired difference to the zero router at the same cost; policies with a known cost only.
    pub(crate) over_zero_router: Vec<Option<Estimated>>,
    /// Paired differences of outlay per item, as `differences`; empty where the goal does not look at it.
    outlays: Vec<Option<Estimated>>,
    count: usize,
}

impl Weighed {
    /// Runs the bootstrap.
    pub(crate) fn new(
        contenders: &[Contender<'_>],
        eligible: &[bool],
        best_single: &Played<'_>,
        needs: &Needs,
        resampling: Resampling,
        groups: Option<&Groups>,
        reading: Reading,
    ) -> Self {
        let count = contenders.len();
        let columns: Vec<Cow<'_, [f64]>> = contenders
            .iter()
            .map(|c| &c.played)
            .chain([best_single])
            .map(|played| scores(played, reading))
            .collect();
        let best_single = count;

        let mut statistics: Vec<Statistic> = (0..count).map(Statistic::Mean).collect();
        let pairs: Vec<(usize, usize)> =
            (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect();
        statistics.extend(pairs.iter().map(|&(a, b)| Statistic::Difference(a, b)));
        let policies: Vec<usize> = (0..count).filter(|&c| !contenders[c].is_single()).collect();
        statistics.extend(policies.iter().map(|&policy| Statistic::Difference(policy, best_single)));
        let mixtures: Vec<Option<Statistic>> = policies
            .iter()
            .map(|&policy| against_zero_router(policy, contenders, eligible, &columns))
            .collect();
        statistics.extend(mixtures.iter().flatten().cloned());

        let bootstrap = Bootstrap {
            resamples: resampling.resamples,
            seed: resampling.seed,
            interval: resampling.interval,
        };
        let run = |columns: &[&[f64]], statistics: &[Statistic]| {
            estimate(&bootstrap, columns, groups, statistics, reading)
        };
        let columns: Vec<&[f64]> = columns.iter().map(|column| &**column).collect();
        let mut results = run(&columns, &statistics).into_iter();
        let quality = results.by_ref().take(count).map(|quality| quality.map(with_width)).collect();
        let differences = results.by_ref().take(pairs.len()).collect();
        let mut over_best_single = vec![None; count];
        for &policy in &policies {
            over_best_single[policy] = results.next().flatten();
        }
        let mut over_zero_router = vec![None; count];
        for (&policy, _) in policies.iter().zip(&mixtures).filter(|(_, mixture)| mixture.is_some()) {
            over_zero_router[policy] = results.next().flatten();
        }
        let outlays = if needs.goal == Goal::Quality && needs.margin() == 0.0 {
            Vec::new()
        } else {
            let columns: Vec<&[f64]> = contenders
                .iter()
                .map(|c| match needs.goal {
                    Goal::Latency => &*c.played.latency_ms,
                    Goal::Quality | Goal::Cost => &*c.played.cost_usd,
                })
                .collect();
            let statistics: Vec<_> = pairs.iter().map(|&(a, b)| Statistic::Difference(a, b)).collect();
            run(&columns, &statistics)
        };
        Self { quality, differences, over_best_single, over_zero_router, outlays, count }
    }

    /// The estimate of a's quality less b's.
    pub(crate) fn difference(&self, a: usize, b: usize) -> Option<Estimated> {
        self.pair(&self.differences, a, b)
    }

    /// The estimate of a's outlay per item less b's.
    pub(crate) fn outlay_difference(&self, a: usize, b: usize) -> Option<Estimated> {
        self.pair(&self.outlays, a, b)
    }

    /// The mean quality, or minus infinity where nothing is known.
    pub(crate) fn mean(&self, contender: usize) -> f64 {
        self.quality[contender].map_or(f64::NEG_INFINITY, |quality| quality.estimate.mean)
    }

    /// The estimate of the quality.
    pub(crate) fn estimate(&self, contender: usize) -> Estimate {
        self.quality[contender].map(|quality| quality.estimate).unwrap_or_default()
    }

    fn pair(&self, table: &[Option<Estimated>], a: usize, b: usize) -> Option<Estimated> {
        let (low, high) = (a.min(b), a.max(b));
        if low == high {
            return None;
        }
        // Pairs (low, high) are in row order: row `low` starts after the rows above it.
        let index = low * (2 * self.count - low - 1) / 2 + (high - low - 1);
        let found = (*table.get(index)?)?;
        Some(if a < b { found } else { flip(found) })
    }
}

/// The scores under one reading of errors.
fn scores<'a>(played: &'a Played<'_>, reading: Reading) -> Cow<'a, [f64]> {
    match reading {
        Reading::AsFailures => Cow::Borrowed(&played.quality),
        Reading::LeftOut => Cow::Owned(played.quality_without_errors()),
    }
}

/// Units (items or groups) from which the mean is as good as normal: there the resamples of pairs with holes in
/// different places, each of which needs sums of its own, are spared.
const MANY_UNITS: usize = 20_000;

/// Resamples; but the reading that only checks whether errors change the verdict, and pairs with different
/// holes in large evidence, take Student's t.
fn estimate(
    bootstrap: &Bootstrap,
    columns: &[&[f64]],
    groups: Option<&Groups>,
    statistics: &[Statistic],
    reading: Reading,
) -> Vec<Option<Estimated>> {
    if reading == Reading::LeftOut {
        return by_student(columns, groups, statistics);
    }
    let units = groups.map_or(columns.first().map_or(0, |column| column.len()), Groups::count);
    let holes: Vec<Vec<usize>> = columns.iter().map(|column| holes(column)).collect();
    let costly = |statistic: &Statistic| match statistic {
        Statistic::Mean(_) => false,
        Statistic::Difference(a, b) => holes[*a] != holes[*b],
        Statistic::Linear(weights) => weights.windows(2).any(|pair| holes[pair[0].0] != holes[pair[1].0]),
    };
    let (by_t, resampled): (Vec<usize>, Vec<usize>) =
        (0..statistics.len()).partition(|&s| units >= MANY_UNITS && costly(&statistics[s]));
    let take = |chosen: &[usize]| chosen.iter().map(|&s| statistics[s].clone()).collect::<Vec<_>>();
    let mut estimates = vec![None; statistics.len()];
    let of_t = by_student(columns, groups, &take(&by_t));
    let of_resamples = bootstrap.run(columns, groups, &take(&resampled));
    for (statistic, estimated) in by_t.into_iter().zip(of_t).chain(resampled.into_iter().zip(of_resamples)) {
        estimates[statistic] = estimated;
    }
    estimates
}

fn holes(column: &[f64]) -> Vec<usize> {
    (0..column.len()).filter(|&item| column[item].is_nan()).collect()
}

/// The interval of a mean of scores that do not vary: three right answers of three do not show that all are.
fn with_width(quality: Estimated) -> Estimated {
    if !quality.constant {
        return quality;
    }
    let estimate = wilson(quality.estimate.mean, quality.units as f64, quantile(0.975));
    Estimated { estimate, ..quality }
}

fn flip(estimated: Estimated) -> Estimated {
    let Estimate { mean, low, high } = estimated.estimate;
    Estimated { estimate: Estimate { mean: -mean, low: -high, high: -low }, ..estimated }
}

/// The policy less the mixture of two singles that costs the same: linear in the columns, so paired too.
fn against_zero_router(
    policy: usize,
    contenders: &[Contender<'_>],
    eligible: &[bool],
    columns: &[Cow<'_, [f64]>],
) -> Option<Statistic> {
    let cost = contenders[policy].cost_per_1k?;
    let anybody = !eligible.contains(&true);
    let (singles, points): (Vec<usize>, Vec<Point>) = contenders
        .iter()
        .enumerate()
        .filter(|(_, c)| c.candidate.is_some_and(|column| anybody || eligible[column]))
        .filter_map(|(index, c)| {
            let known: Vec<f64> = columns[index].iter().copied().filter(|q| !q.is_nan()).collect();
            Some((index, Point { cost: c.cost_per_1k?, quality: mean(&known)? }))
        })
        .unzip();
    let mix = Hull::new(&points).mix_at(cost)?;
    let mut weights = vec![(policy, 1.0), (singles[mix.cheap], mix.dear_share - 1.0)];
    if mix.dear != mix.cheap {
        weights.push((singles[mix.dear], -mix.dear_share));
    }
    Some(Statistic::Linear(weights))
}

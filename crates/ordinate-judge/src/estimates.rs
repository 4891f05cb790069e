//! How single figures are estimated: the columns under a reading of errors, resamples or Student's t, and by how much
//! intervals are wider than the items show.

use std::borrow::Cow;

use ordinate_core::PolicyKind;
use ordinate_core::verdict::Estimate;
use ordinate_score::bounds::of_mean;
use ordinate_score::normal::student_quantile;
use ordinate_score::routing::{Hull, Point};
use ordinate_score::{Bootstrap, Estimated, Estimates, Groups, Memory, Statistic, by_student, student_later};
use ordinate_trials::Played;

use crate::contender::{Contender, mean};
use crate::weigh::Reading;

/// The folds of a cross-fitting share most of their training items, so that a gain over all of them varies more between
/// samples than its items do: in variance by 1 / R + K / (K - 1), with R foldings of K folds (Nadeau and Bengio 2003;
/// Bouckaert and Frank 2004 for repeated ones).
pub(crate) fn widening(foldings: Option<usize>, folds: Option<u32>) -> f64 {
    let (Some(foldings), Some(folds)) = (foldings, folds) else { return 1.0 };
    let folds = f64::from(folds.max(2));
    (1.0 / foldings.max(1) as f64 + folds / (folds - 1.0)).sqrt()
}

pub(crate) fn widened(estimated: Estimated, by: f64) -> Estimated {
    let Estimate { mean, low, high } = estimated.estimate;
    let estimate = Estimate { mean, low: by.mul_add(low - mean, mean), high: by.mul_add(high - mean, mean) };
    Estimated { estimate, se: by * estimated.se, ..estimated }
}

pub(crate) fn units(columns: &[Cow<'_, [f64]>], groups: Option<&Groups>) -> usize {
    groups.map_or(columns.first().map_or(0, |column| column.len()), Groups::count)
}

/// The scores under one reading of errors.
pub(crate) fn scores<'a>(played: &'a Played<'_>, reading: Reading) -> Cow<'a, [f64]> {
    match reading {
        Reading::AsFailures => Cow::Borrowed(&played.quality),
        Reading::LeftOut => Cow::Owned(played.quality_without_errors()),
        Reading::MissingAsFailures => Cow::Owned(
            played.quality.iter().map(|quality| if quality.is_nan() { 0.0 } else { *quality }).collect(),
        ),
    }
}

/// Units (items or groups) from which the mean is as good as normal: there the resamples of pairs with holes in
/// different places, each of which needs sums of its own, are spared.
pub(crate) const MANY_UNITS: usize = 20_000;

/// Estimates by their place: made when they are asked for, or at once where a copy of all columns would be too much.
#[derive(Debug)]
pub(crate) enum Told {
    Later(Estimates),
    Now(Vec<Option<Estimated>>),
}

impl Told {
    /// `None` where there is no such place, or no item has all the values.
    pub(crate) fn at(&self, place: usize) -> Option<Estimated> {
        match self {
            Self::Later(estimates) if place < estimates.len() => estimates.at(place),
            Self::Later(_) => None,
            Self::Now(estimates) => estimates.get(place).copied().flatten(),
        }
    }
}

/// Resamples; but the readings that only check whether errors and missing answers change the verdict, and pairs with different
/// holes in large evidence, take Student's t. The items and groups are those of the memory.
pub(crate) fn estimate(
    memory: &Memory,
    bootstrap: &Bootstrap,
    columns: &[&[f64]],
    groups: Option<&Groups>,
    statistics: &[Statistic],
    reading: Reading,
) -> Told {
    let units = groups.map_or(columns.first().map_or(0, |column| column.len()), Groups::count);
    match (reading, units < MANY_UNITS) {
        (Reading::AsFailures, true) => Told::Later(bootstrap.later(memory, columns, statistics)),
        (_, true) => Told::Later(student_later(memory, columns, statistics)),
        (Reading::AsFailures, false) => Told::Now(of_many(bootstrap, columns, groups, statistics)),
        (_, false) => Told::Now(by_student(columns, groups, statistics)),
    }
}

fn of_many(
    bootstrap: &Bootstrap,
    columns: &[&[f64]],
    groups: Option<&Groups>,
    statistics: &[Statistic],
) -> Vec<Option<Estimated>> {
    let holes: Vec<Vec<usize>> = columns.iter().map(|column| holes(column)).collect();
    let costly = |statistic: &Statistic| match statistic {
        Statistic::Mean(_) => false,
        Statistic::Difference(a, b) => holes[*a] != holes[*b],
        Statistic::Linear(weights) => weights.windows(2).any(|pair| holes[pair[0].0] != holes[pair[1].0]),
    };
    let (by_t, resampled): (Vec<usize>, Vec<usize>) =
        (0..statistics.len()).partition(|&s| costly(&statistics[s]));
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

/// The interval of a mean that a claim may rest on: three right answers of three do not show that all are.
pub(crate) fn with_width(quality: Estimated, scores: &[f64], groups: Option<&Groups>) -> Estimated {
    if is_rectified(scores) {
        let Estimate { mean, low, high } = of_mean(scores, groups, &quality, 0.95);
        // The mean of scores that are estimates in the mean alone may be a little outside of what a quality can be.
        let [mean, low, high] = [mean, low, high].map(|end| end.clamp(0.0, 1.0));
        return Estimated { estimate: Estimate { mean, low, high }, ..quality };
    }
    if !quality.constant && quality.units >= FEW_UNITS {
        return quality;
    }
    let own = quality.estimate;
    let bounds = of_mean(scores, groups, &quality, 0.95);
    let estimate = Estimate { low: own.low.min(bounds.low), high: own.high.max(bounds.high), ..own };
    Estimated { estimate, ..quality }
}

/// Whether these scores are made for their mean alone ([`ordinate_score::ppi`]), so that they may be outside of what a score can be.
pub(crate) fn is_rectified(scores: &[f64]) -> bool {
    scores.iter().any(|score| !score.is_nan() && !(0.0..=1.0).contains(score))
}

/// An estimate with the wider of its interval and that of Student's t: few labels make resamples too sure.
pub(crate) fn at_least_students(estimated: Estimated) -> Estimated {
    let Estimate { mean, low, high } = estimated.estimate;
    let half = student_quantile(0.975, estimated.freedom) * estimated.se;
    Estimated {
        estimate: Estimate { mean, low: low.min(mean - half), high: high.max(mean + half) },
        ..estimated
    }
}

/// Units up to which the bootstrap of a mean is checked against bounds that hold from few.
const FEW_UNITS: usize = 50;

pub(crate) fn flip(estimated: Estimated) -> Estimated {
    let Estimate { mean, low, high } = estimated.estimate;
    Estimated { estimate: Estimate { mean: -mean, low: -high, high: -low }, ..estimated }
}

/// The policy less the mixture of two singles that costs the same: linear in the columns, so paired too.
pub(crate) fn against_zero_router(
    policy: usize,
    contenders: &[Contender<'_>],
    mixable: &[bool],
    columns: &[Cow<'_, [f64]>],
) -> Option<Statistic> {
    let own = &contenders[policy];
    let cost = own.cost_per_1k.filter(|_| own.kind != PolicyKind::ZeroRouter)?;
    let anybody = !mixable.contains(&true);
    let (singles, points): (Vec<usize>, Vec<Point>) = contenders
        .iter()
        .enumerate()
        .filter(|(_, c)| c.candidate.is_some_and(|column| anybody || mixable[column]))
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

//! Which dial of a curve the needs choose, from outcomes on items that are not scored with it.

use ordinate_core::{Goal, Needs};
use ordinate_trials::Curve;

/// One-sided 95 % normal quantile: a limit must hold for the population, not only for the sample.
const ONE_SIDED: f64 = 1.645;
/// Two-sided 95 % normal quantile, as in the intervals of the verdict.
const TWO_SIDED: f64 = 1.96;

/// A sample mean and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moments {
    mean: f64,
    error: f64,
}

/// The outcomes of one policy: a column a dial, as far as the needs look at them.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    quality: Vec<Vec<f64>>,
    cost_usd: Vec<Vec<f64>>,
    latency_ms: Vec<Vec<f64>>,
}

impl Outcomes {
    pub(crate) fn new(curve: &Curve<'_>, needs: &Needs) -> Self {
        let columns = |any: bool, value: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
            let column = |dial| (0..curve.len()).map(|item| value(dial, item)).collect();
            if any { (0..curve.dials()).map(column).collect() } else { Vec::new() }
        };
        let by_latency = needs.goal == Goal::Latency;
        Self {
            quality: columns(true, &|dial, item| curve.quality(dial, item)),
            cost_usd: columns(!by_latency || needs.max_cost_per_1k.is_some(), &|dial, item| {
                curve.cost(dial, item)
            }),
            latency_ms: columns(by_latency || needs.max_p95_ms.is_some(), &|dial, item| {
                curve.latency(dial, item)
            }),
        }
    }

    /// The mean over several foldings of the same items, item by item and dial by dial.
    pub(crate) fn mean(mut rounds: Vec<Self>) -> Self {
        let count = rounds.len() as f64;
        let Some(mut mean) = rounds.pop() else { return Self::default() };
        let add = |mean: &mut Vec<Vec<f64>>, columns: &[Vec<f64>]| {
            for (mean, column) in mean.iter_mut().zip(columns) {
                mean.iter_mut().zip(column).for_each(|(mean, value)| *mean += value);
            }
        };
        for round in &rounds {
            add(&mut mean.quality, &round.quality);
            add(&mut mean.cost_usd, &round.cost_usd);
            add(&mut mean.latency_ms, &round.latency_ms);
        }
        if count > 1.0 {
            let columns = [&mut mean.quality, &mut mean.cost_usd, &mut mean.latency_ms];
            columns.into_iter().flatten().flatten().for_each(|value| *value /= count);
        }
        mean
    }

    fn dials(&self) -> usize {
        self.quality.len()
    }
}

/// The number of the dial that the needs choose.
///
/// `curve` has the outcomes of one policy; only `positions` are looked at. `best_single` are
/// the scores of the best single on the same positions as `curve`. `clusters` holds a group number per
/// position where items are clustered. The limits on cost and latency come first (the upper 95 % bound of
/// the mean cost must keep them); then the goal:
/// quality takes the highest mean, or the least outlay whose paired lower bound is within the margin of it;
/// cost and latency take the least outlay that keeps `min_quality` (lower bound) or, without one, that stays
/// within the margin of the best of curve and best single. Where nothing keeps the limits the one with the
/// least outlay is taken: the judge will say that it fails them.
#[must_use]
pub(crate) fn choose_dial(
    curve: &Outcomes,
    best_single: &[f64],
    positions: &[usize],
    clusters: Option<&[u32]>,
    needs: &Needs,
) -> usize {
    // Means over different items cannot be compared.
    let known = |position: &usize| curve.quality.iter().all(|quality| !quality[*position].is_nan());
    let common: Vec<usize> = positions.iter().copied().filter(known).collect();
    let positions = if common.is_empty() { positions } else { &common };
    let moments = |values: &dyn Fn(usize) -> f64| moments(values, positions, clusters);
    let outlays = match needs.goal {
        Goal::Latency => &curve.latency_ms,
        Goal::Quality | Goal::Cost => &curve.cost_usd,
    };
    let outlay: Vec<f64> = outlays
        .iter()
        .map(|outlay| {
            mean_of(&|position| outlay[position], positions).map_or(f64::INFINITY, |(mean, _)| mean)
        })
        .collect();
    let quality: Vec<Option<Moments>> =
        curve.quality.iter().map(|quality| moments(&|position| quality[position])).collect();
    let mean = |dial: usize| quality[dial].map_or(f64::NEG_INFINITY, |m| m.mean);
    let cheapest = |dials: &mut dyn Iterator<Item = usize>| {
        dials.min_by(|&a, &b| outlay[a].total_cmp(&outlay[b]).then(mean(b).total_cmp(&mean(a))))
    };
    let allowed: Vec<usize> = (0..curve.dials())
        .filter(|&dial| keeps_limits(curve, dial, positions, clusters, needs) && quality[dial].is_some())
        .collect();
    let Some(&first) = allowed.first() else {
        return cheapest(&mut (0..curve.dials())).unwrap_or(0);
    };
    // Ties go to the cheaper dial.
    let best = allowed.iter().copied().fold(first, |best, dial| {
        let better = mean(dial) > mean(best) || (mean(dial) == mean(best) && outlay[dial] < outlay[best]);
        if better { dial } else { best }
    });
    let margin = needs.margin();
    if let (Goal::Cost | Goal::Latency, Some(least)) = (needs.goal, needs.min_quality) {
        let keeps =
            |dial: &usize| quality[*dial].is_some_and(|m| TWO_SIDED.mul_add(-m.error, m.mean) >= least);
        return cheapest(&mut allowed.iter().copied().filter(keeps)).unwrap_or(best);
    }
    if margin == 0.0 {
        return best;
    }
    let single = moments(&|position| best_single[position]).map_or(f64::NEG_INFINITY, |m| m.mean);
    let reference: &[f64] =
        if needs.goal != Goal::Quality && single > mean(best) { best_single } else { &curve.quality[best] };
    let within = |dial: &usize| {
        let difference = moments(&|position| curve.quality[*dial][position] - reference[position]);
        difference.is_some_and(|m| TWO_SIDED.mul_add(-m.error, m.mean) > -margin)
    };
    cheapest(&mut allowed.iter().copied().filter(within)).unwrap_or(best)
}

fn keeps_limits(
    curve: &Outcomes,
    dial: usize,
    positions: &[usize],
    clusters: Option<&[u32]>,
    needs: &Needs,
) -> bool {
    let cost = needs.max_cost_per_1k.is_none_or(|most| {
        moments(&|position| curve.cost_usd[dial][position], positions, clusters)
            .is_some_and(|m| 1000.0 * ONE_SIDED.mul_add(m.error, m.mean) <= most)
    });
    let latency = needs.max_p95_ms.is_none_or(|most| {
        let known: Vec<f64> = positions
            .iter()
            .map(|&position| curve.latency_ms[dial][position])
            .filter(|latency| !latency.is_nan())
            .collect();
        ordinate_score::quantile::p95(&known).is_some_and(|p95| p95 <= most)
    });
    cost && latency
}

/// Mean over the positions where the value is known, and how many these are.
fn mean_of(value: &dyn Fn(usize) -> f64, positions: &[usize]) -> Option<(f64, usize)> {
    let known = positions.iter().map(|&position| value(position)).filter(|value| !value.is_nan());
    let (count, sum) = known.fold((0_usize, 0.0), |(n, sum), value| (n + 1, sum + value));
    (count > 0).then(|| (sum / count as f64, count))
}

/// Mean and standard error over the positions where the value is known; clusters are summed first.
fn moments(value: &dyn Fn(usize) -> f64, positions: &[usize], clusters: Option<&[u32]>) -> Option<Moments> {
    let known = || positions.iter().map(|&p| (p, value(p))).filter(|(_, value)| !value.is_nan());
    let (mean, count) = mean_of(value, positions)?;
    let squares = match clusters {
        None => known().map(|(_, value)| (value - mean).powi(2)).sum::<f64>(),
        Some(clusters) => {
            let groups = clusters.iter().max().map_or(0, |most| *most as usize + 1);
            let mut sums = vec![0.0; groups];
            for (position, value) in known() {
                sums[clusters[position] as usize] += value - mean;
            }
            sums.iter().map(|sum| sum * sum).sum()
        }
    };
    Some(Moments { mean, error: squares.sqrt() / count as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A curve of three dials: dear and good, half as dear and a little worse, cheap and bad.
    fn curve() -> Outcomes {
        let mut curve = Outcomes::default();
        for (quality, cost) in [(0.80, 0.010), (0.795, 0.005), (0.60, 0.001)] {
            let at =
                |i: usize| f64::clamp(quality + if i.is_multiple_of(2) { 0.05 } else { -0.05 }, 0.0, 1.0);
            curve.quality.push((0..400).map(at).collect());
            curve.cost_usd.push(vec![cost; 400]);
        }
        curve
    }

    fn chosen(needs: &[&str]) -> usize {
        let mut all = Needs::default();
        for need in needs {
            all.set(need).unwrap();
        }
        let curve = curve();
        let positions: Vec<usize> = (0..400).collect();
        choose_dial(&curve, &curve.quality[2], &positions, None, &all)
    }

    #[test]
    fn the_needs_choose_the_dial() {
        assert_eq!(chosen(&[]), 0);
        assert_eq!(chosen(&["margin=0.01"]), 1);
        assert_eq!(chosen(&["max_cost_per_1k=6"]), 1);
        assert_eq!(chosen(&["max_cost_per_1k=2"]), 2);
        assert_eq!(chosen(&["max_cost_per_1k=0.5"]), 2, "nothing keeps the limit: the cheapest");
        assert_eq!(chosen(&["goal=cost"]), 1);
        assert_eq!(chosen(&["goal=cost", "min_quality=0.5"]), 2);
        assert_eq!(chosen(&["goal=cost", "min_quality=0.797"]), 0, "the mean would do, its lower bound not");
    }

    #[test]
    fn only_the_given_positions_are_looked_at() {
        let mut curve = curve();
        for i in 0..200 {
            curve.quality[2][i] = 1.0;
        }
        let single = vec![0.0; 400];
        let at = |range: std::ops::Range<usize>| {
            choose_dial(&curve, &single, &range.collect::<Vec<_>>(), None, &Needs::default())
        };
        assert_eq!((at(0..200), at(200..400)), (2, 0));
    }
}

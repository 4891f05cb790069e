//! The routing measures of a policy: how good its whole curve is, not only the point that was chosen.

use std::collections::BTreeMap;

use ordinate_score::routing::{Point, ShareCurve, aiq, cost_save, perf_gain, qnc, regret};

use ordinate_trials::{Curve, Priced, Trial};

use crate::contender::{Contender, mean};
use crate::weigh::Weighed;

/// The measures of every contender; empty for singles. Definitions and sources: `docs/measures.md`.
///
/// `aiq`, `qnc` (USD per 1,000 items), `perf_gain` and `cost_save` look at the curve over the dial and take the
/// best single on the same items; `regret` is at the policy's dial, in units of score; `oracle_gap` is what the
/// best answer to every item would gain; `apgr`, `cpt50` and `cpt80` are for two candidates whose qualities are
/// clearly apart.
pub(crate) fn measures(
    contenders: &[Contender<'_>],
    weighed: &Weighed,
    scored: &Priced<'_>,
) -> Vec<BTreeMap<String, f64>> {
    let singles: Vec<usize> = (0..contenders.len()).filter(|&c| contenders[c].is_single()).collect();
    contenders.iter().map(|contender| of(contender, contenders, &singles, weighed, scored)).collect()
}

fn of(
    contender: &Contender<'_>,
    contenders: &[Contender<'_>],
    singles: &[usize],
    weighed: &Weighed,
    scored: &Priced<'_>,
) -> BTreeMap<String, f64> {
    let Some(chosen) = contender.chosen else { return BTreeMap::new() };
    let mut found: Vec<(&str, Option<f64>)> = Vec::new();

    let point = |c: usize| Some(Point { cost: contenders[c].cost_per_1k?, quality: weighed.mean(c) });
    let ends: Vec<Point> = singles.iter().filter_map(|&c| point(c)).collect();
    let best = singles.iter().copied().max_by(|&a, &b| weighed.mean(a).total_cmp(&weighed.mean(b)));
    if let (Some(best), true) = (best.and_then(point), contender.cost_per_1k.is_some()) {
        let curves = chosen.curves(scored);
        let points: Vec<Point> = (0..chosen.trial.dials.len())
            .filter_map(|dial| mean_point(&curves, dial))
            .map(|(cost, quality)| Point { cost, quality })
            .collect();
        // Every policy can fall back on the cheapest single: all are compared over one range of cost.
        let low = ends.iter().map(|end| end.cost).fold(f64::INFINITY, f64::min);
        let high = ends.iter().map(|end| end.cost).fold(f64::NEG_INFINITY, f64::max);
        let mut extended = points.clone();
        extended.extend(ends.iter().filter(|end| end.cost == low));
        found.push(("aiq", aiq(&extended, low, high)));
        found.push(("qnc", qnc(&points, best.quality)));
        found.push(("perf_gain", perf_gain(&points, best.quality)));
        found.push(("cost_save", cost_save(&points, best)));
    }

    let scores: Vec<&[f64]> = singles.iter().map(|&c| &*contenders[c].played.quality).collect();
    let costs: Vec<&[f64]> = singles.iter().map(|&c| &*contenders[c].played.cost_usd).collect();
    let played = &contender.played;
    found.push(("regret", regret(&scores, &costs, &played.quality, &played.cost_usd, chosen.dial.0)));
    found.push(("oracle_gap", regret(&scores, &costs, &played.quality, &played.cost_usd, 0.0)));
    found.extend(shares(chosen.trial, contenders, singles, weighed));
    found.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// APGR and CPT, between two candidates.
fn shares(
    trial: &Trial,
    contenders: &[Contender<'_>],
    singles: &[usize],
    weighed: &Weighed,
) -> Vec<(&'static str, Option<f64>)> {
    let [first, second] = singles[..] else { return Vec::new() };
    if trial.advantage.iter().all(|advantage| advantage.is_nan()) {
        return Vec::new();
    }
    let turned = weighed.mean(first) > weighed.mean(second);
    let (weak, strong) = if turned { (second, first) } else { (first, second) };
    let advantage: Vec<f64> = trial.advantage.iter().map(|a| if turned { -a } else { *a }).collect();
    let curve =
        ShareCurve::new(&contenders[weak].played.quality, &contenders[strong].played.quality, &advantage);
    let (Some(curve), Some(difference)) = (curve, weighed.difference(strong, weak)) else {
        return Vec::new();
    };
    vec![
        ("apgr", curve.apgr(&difference.estimate)),
        ("cpt50", curve.cpt(0.5, &difference.estimate)),
        ("cpt80", curve.cpt(0.8, &difference.estimate)),
    ]
}

/// Mean cost (USD per 1,000 items) and quality at a dial, over the items where each is known and over foldings.
pub(crate) fn mean_point(curves: &[Curve<'_>], dial: usize) -> Option<(f64, f64)> {
    let known = |value: &dyn Fn(&Curve<'_>, usize) -> f64| -> Vec<f64> {
        let of_curve = |curve| (0..Curve::len(curve)).map(|item| value(curve, item));
        curves.iter().flat_map(of_curve).filter(|value| !value.is_nan()).collect()
    };
    let cost = 1000.0 * mean(&known(&|curve, item| curve.cost(dial, item)))?;
    Some((cost, mean(&known(&|curve, item| curve.quality(dial, item)))?))
}

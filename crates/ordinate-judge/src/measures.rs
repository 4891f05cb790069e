//! The routing measures of a policy: how good its whole curve is, not only the point that was chosen.

use std::collections::BTreeMap;

use ordinate_core::PolicyKind;
use ordinate_score::routing::{Point, ShareCurve, aiq, cost_save, perf_gain, qnc, regret};

use ordinate_trials::{Curve, Folding, Priced, Trial};

use crate::contender::{Contender, mean};
use crate::weigh::Weighed;

/// The measures of every contender; empty for singles and coins. Definitions and sources: `docs/measures.md`.
///
/// `aiq`, `qnc` (USD per 1,000 items), `perf_gain` and `cost_save` look at the curve over the dial and take the
/// best single on the same items; `regret` is at the policy's dial, in units of score; `oracle_gap` is what the
/// best answer to every item would gain; `apgr`, `cpt50` and `cpt80` are for two candidates whose qualities are
/// clearly apart.
pub(crate) fn measures(
    contenders: &[Contender<'_>],
    weighed: &Weighed<'_>,
    scored: &Priced<'_>,
    folds: Option<&Folding>,
    is_rectified: bool,
) -> Vec<BTreeMap<String, f64>> {
    let singles: Vec<usize> = (0..contenders.len()).filter(|&c| contenders[c].is_single()).collect();
    let of = |contender| {
        let mut found = of(contender, contenders, &singles, weighed, scored, folds);
        if is_rectified {
            // The best of several scores is no estimate where each is one in the mean alone.
            found.retain(|name, _| name != "regret" && name != "oracle_gap");
        }
        found
    };
    contenders.iter().map(of).collect()
}

fn of(
    contender: &Contender<'_>,
    contenders: &[Contender<'_>],
    singles: &[usize],
    weighed: &Weighed<'_>,
    scored: &Priced<'_>,
    folds: Option<&Folding>,
) -> BTreeMap<String, f64> {
    let routes = contender.chosen.filter(|_| contender.kind != PolicyKind::ZeroRouter);
    let Some(chosen) = routes else { return BTreeMap::new() };
    let mut found: Vec<(&str, Option<f64>)> = Vec::new();

    let point = |c: usize| Some(Point { cost: contenders[c].cost_per_1k?, quality: weighed.mean(c) });
    let ends: Vec<Point> = singles.iter().filter_map(|&c| point(c)).collect();
    let best = singles.iter().copied().max_by(|&a, &b| weighed.mean(a).total_cmp(&weighed.mean(b)));
    if let (Some(best), true) = (best.and_then(point), contender.cost_per_1k.is_some()) {
        let known = chosen.points(scored).iter().flatten();
        let points: Vec<Point> = known.map(|&(cost, quality)| Point { cost, quality }).collect();
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
    found.extend(shares(chosen.trial, contenders, singles, weighed, folds));
    found.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// APGR and CPT, between two candidates.
fn shares(
    trial: &Trial,
    contenders: &[Contender<'_>],
    singles: &[usize],
    weighed: &Weighed<'_>,
    folds: Option<&Folding>,
) -> Vec<(&'static str, Option<f64>)> {
    let [first, second] = singles[..] else { return Vec::new() };
    if trial.advantage.iter().all(|advantage| advantage.is_nan()) {
        return Vec::new();
    }
    let turned = weighed.mean(first) > weighed.mean(second);
    let (weak, strong) = if turned { (second, first) } else { (first, second) };
    let advantage: Vec<f64> = trial.advantage.iter().map(|a| if turned { -a } else { *a }).collect();
    let advantage = folds.map_or_else(|| advantage.clone(), |folds| ranks_within(&advantage, folds));
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

/// Ranks within each fold, in (0, 1), equals sharing theirs: what policies of different folds expect cannot be compared, and
/// one that expects the same of every item has no order to offer. NaN where nothing is expected.
fn ranks_within(advantage: &[f64], folds: &Folding) -> Vec<f64> {
    let mut ranks = vec![f64::NAN; advantage.len()];
    for fold in 0..folds.count {
        let known = |&item: &usize| folds.of[item] == fold && !advantage[item].is_nan();
        let mut items: Vec<usize> = (0..advantage.len()).filter(known).collect();
        items.sort_by(|&a, &b| advantage[a].total_cmp(&advantage[b]));
        let count = items.len() as f64;
        let mut before = 0.0;
        for equals in items.chunk_by(|&a, &b| advantage[a] == advantage[b]) {
            let size = equals.len() as f64;
            equals.iter().for_each(|&item| ranks[item] = (before + size / 2.0) / count);
            before += size;
        }
    }
    ranks
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

#[cfg(test)]
mod tests {
    use ordinate_core::verdict::Estimate;

    use super::*;

    #[test]
    fn who_always_asks_one_is_a_coin() {
        let folds = Folding { of: (0..90).map(|item| item % 3).collect(), count: 3 };
        // The same for all items of a fold, and in the fold where the second is better least of it.
        let advantage: Vec<f64> = (0..90).map(|item| [0.3, 0.2, 0.1][item % 3]).collect();
        let ranks = ranks_within(&advantage, &folds);
        assert!(ranks.iter().all(|rank| (rank - 0.5).abs() < 1e-12));
        let weak = vec![0.0; 90];
        let strong: Vec<f64> = (0..90).map(|item| f64::from(u8::from(item % 3 == 2))).collect();
        let clear = Estimate { mean: 0.3, low: 0.2, high: 0.4 };
        let apgr =
            |advantage: &[f64]| ShareCurve::new(&weak, &strong, advantage).unwrap().apgr(&clear).unwrap();
        assert!((apgr(&ranks) - 0.5).abs() < 1e-12 && apgr(&advantage) < 0.3);
    }

    #[test]
    fn ranks_are_shared_and_unknown_stays_unknown() {
        let folds = Folding { of: vec![0, 0, 0, 1, 1, 0], count: 2 };
        let ranks = ranks_within(&[0.1, 0.5, 0.5, 9.0, -9.0, f64::NAN], &folds);
        assert!((ranks[0] - 1.0 / 6.0).abs() < 1e-12 && (ranks[1] - 4.0 / 6.0).abs() < 1e-12);
        assert_eq!((ranks[1], ranks[3], ranks[4]), (ranks[2], 0.75, 0.25));
        assert!(ranks[5].is_nan());
    }
}

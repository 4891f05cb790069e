//! Which dial of a curve the needs choose, from outcomes on items that are not scored with it.

use std::borrow::Cow;

use ordinate_core::{Goal, Needs};
use ordinate_score::routing::{Hull, Point};
use ordinate_trials::Pick;

use crate::sums::OfDial;
use crate::view::{Moments, Outcomes, View, at, moments};

/// Two-sided 95 % normal quantile, as in the intervals of the verdict.
const TWO_SIDED: f64 = 1.96;

/// Where the needs stand on one curve, seen from some items of it.
///
/// The limits on cost and latency come first; then the goal: quality takes the highest mean that the budget buys, or the least
/// outlay whose paired lower bound is within the margin of it; cost and latency take the least outlay that keeps
/// `min_quality` (lower bound) or, without one, that stays within the margin of the best of curve and best single. Where nothing
/// keeps the limits the one with the least outlay is taken: the judge will say that it fails them.
pub(crate) struct Chooser<'a> {
    curve: Option<(&'a Outcomes, &'a View)>,
    /// The scores of the best single on the same items as `curve`.
    best_single: &'a [f64],
    /// A group number per item, where items are clustered.
    clusters: Option<&'a [u32]>,
    needs: &'a Needs,
    /// Standard errors that a bound lies below a mean: as many as where the verdict tests the policy.
    bound: f64,
    /// Per dial, the mean of what the goal wants little of; infinite where it is not known.
    outlay: Vec<f64>,
    /// Per dial, USD per 1,000 items; infinite where it is not known.
    cost: Vec<f64>,
    /// Per dial, whether it keeps `max_p95_ms`.
    in_time: Vec<bool>,
    quality: Cow<'a, [Option<Moments>]>,
}

impl<'a> Chooser<'a> {
    pub(crate) fn new(
        curve: &'a Outcomes,
        view: &'a View,
        best_single: &'a [f64],
        clusters: Option<&'a [u32]>,
        needs: &'a Needs,
        widening: f64,
    ) -> Self {
        let outlay = match needs.goal {
            Goal::Latency => &view.latency_ms,
            Goal::Quality | Goal::Cost => &view.cost_usd,
        };
        let in_time = match needs.max_p95_ms {
            None => vec![true; curve.dials()],
            Some(most) => {
                let keeps = |p95: &Option<f64>| p95.is_some_and(|p95| p95 <= most);
                view.p95_ms(curve).iter().map(keeps).collect()
            }
        };
        Self {
            outlay: outlay.clone(),
            cost: view.cost_usd.iter().map(|mean| 1000.0 * mean).collect(),
            in_time,
            quality: Cow::Borrowed(&view.quality),
            curve: Some((curve, view)),
            best_single,
            clusters,
            needs,
            bound: widening * TWO_SIDED,
        }
    }

    /// The same from means alone, where the needs look at nothing else.
    pub(crate) fn of_means(dials: &[OfDial], needs: &'a Needs) -> Self {
        let quality = |dial: &OfDial| Some(Moments { mean: dial.quality?, error: dial.error });
        Self {
            curve: None,
            best_single: &[],
            clusters: None,
            needs,
            bound: TWO_SIDED,
            outlay: dials.iter().map(|dial| dial.cost_usd).collect(),
            cost: dials.iter().map(|dial| 1000.0 * dial.cost_usd).collect(),
            in_time: vec![true; dials.len()],
            quality: dials.iter().map(quality).collect::<Vec<_>>().into(),
        }
    }

    /// The choice among the dials up to `most`, for at most `budget` USD per 1,000 items by the means of these items. Without a
    /// margin a larger budget never buys less quality, by the same means.
    pub(crate) fn pick(&self, budget: Option<f64>, most: usize) -> Pick {
        let dials = 0..self.quality.len().min(most.saturating_add(1));
        let mean = |dial: usize| self.quality[dial].map_or(f64::NEG_INFINITY, |m| m.mean);
        let cheapest = |dials: &mut dyn Iterator<Item = usize>| {
            dials.min_by(|&a, &b| self.outlay[a].total_cmp(&self.outlay[b]).then(mean(b).total_cmp(&mean(a))))
        };
        let in_budget = |dial: &usize| budget.is_none_or(|budget| self.cost[*dial] <= budget);
        let in_time: Vec<usize> =
            dials.clone().filter(|&dial| self.in_time[dial] && self.quality[dial].is_some()).collect();
        let allowed: Vec<usize> = in_time.iter().copied().filter(in_budget).collect();
        let Some(&first) = allowed.first() else {
            return Pick::at(cheapest(&mut dials.clone()).unwrap_or(0));
        };
        // Ties go to the cheaper dial.
        let best = allowed.iter().copied().fold(first, |best, dial| {
            let better = mean(dial) > mean(best)
                || (mean(dial) == mean(best) && self.outlay[dial] < self.outlay[best]);
            if better { dial } else { best }
        });
        let mix = budget.and_then(|budget| self.mix(budget, &in_time));
        let top = mix.filter(|mix| mix.expected(mean) > mean(best)).unwrap_or(Pick::at(best));
        if let (Goal::Cost | Goal::Latency, Some(least)) = (self.needs.goal, self.needs.min_quality) {
            let keeps = |dial: &usize| {
                self.quality[*dial].is_some_and(|m| TWO_SIDED.mul_add(-m.error, m.mean) >= least)
            };
            return cheapest(&mut allowed.iter().copied().filter(keeps)).map_or(top, Pick::at);
        }
        let margin = self.needs.margin();
        let Some((curve, view)) = self.curve.filter(|_| margin > 0.0) else { return top };
        let moments = |values: &[f64]| moments(values, &view.positions, self.clusters);
        let best_single = at(self.best_single, &view.positions);
        let single = moments(&best_single).map_or(f64::NEG_INFINITY, |single| single.mean);
        let reference = if self.needs.goal != Goal::Quality && single > top.expected(mean) {
            best_single
        } else {
            let expected = |&position: &usize| top.expected(|dial| curve.quality[dial][position]);
            view.positions.iter().map(expected).collect()
        };
        let within = |dial: usize| {
            let own = view.positions.iter().map(|&position| curve.quality[dial][position]);
            let difference: Vec<f64> = own.zip(&reference).map(|(own, reference)| own - reference).collect();
            moments(&difference).is_some_and(|m| self.bound.mul_add(-m.error, m.mean) > -margin)
        };
        // The first that passes is the cheapest that does.
        let mut by_outlay = allowed;
        by_outlay
            .sort_by(|&a, &b| self.outlay[a].total_cmp(&self.outlay[b]).then(mean(b).total_cmp(&mean(a))));
        by_outlay.into_iter().find(|&dial| within(dial)).map_or(top, Pick::at)
    }

    /// The coin between two of these dials that buys most for this budget: a point on their hull.
    fn mix(&self, budget: f64, dials: &[usize]) -> Option<Pick> {
        let point = |&dial: &usize| Point {
            cost: self.cost[dial],
            quality: self.quality[dial].map_or(f64::NAN, |quality| quality.mean),
        };
        let mix = Hull::new(&dials.iter().map(point).collect::<Vec<_>>()).mix_at(budget)?;
        let share = (mix.dear_share > 0.0).then_some((dials[mix.dear], mix.dear_share));
        Some(Pick { dial: dials[mix.cheap], mix: share })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sums::Sums;
    use proptest::prelude::*;

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

    fn chosen(needs: &[&str]) -> Pick {
        let mut all = Needs::default();
        for need in needs {
            all.set(need).unwrap();
        }
        let curve = curve();
        let positions: Vec<usize> = (0..400).collect();
        let view = View::new(&curve, positions, None);
        Chooser::new(&curve, &view, &curve.quality[2], None, &all, 1.0).pick(all.max_cost_per_1k, usize::MAX)
    }

    #[test]
    fn the_needs_choose_the_dial() {
        assert_eq!(chosen(&[]), Pick::at(0));
        assert_eq!(chosen(&["margin=0.01"]), Pick::at(1));
        assert_eq!(chosen(&["max_cost_per_1k=5"]), Pick::at(1));
        assert_eq!(chosen(&["max_cost_per_1k=0.5"]), Pick::at(2), "nothing keeps the limit: the cheapest");
        assert_eq!(chosen(&["goal=cost"]), Pick::at(1));
        assert_eq!(chosen(&["goal=cost", "min_quality=0.5"]), Pick::at(2));
        let kept = chosen(&["goal=cost", "min_quality=0.797"]);
        assert_eq!(kept, Pick::at(0), "the mean would do, its lower bound not");
    }

    #[test]
    fn a_budget_between_two_dials_is_spent_by_a_coin() {
        let Pick { dial, mix: Some((other, share)) } = chosen(&["max_cost_per_1k=4"]) else { panic!() };
        assert_eq!((dial, other), (2, 1));
        assert!((share - 0.75).abs() < 1e-9, "{share}");
        // A margin that a cheaper dial keeps needs no coin.
        assert_eq!(chosen(&["max_cost_per_1k=6", "margin=0.02"]), Pick::at(1));
    }

    proptest! {
        /// Whatever the curve, with a larger budget the expected quality is never lower, and the budget is kept and, as
        /// long as more of it helps, spent.
        #[test]
        fn a_looser_limit_is_never_worse(
            points in proptest::collection::vec((0.0..1.0_f64, 0.0..0.02_f64), 1..12),
            mut budgets in proptest::collection::vec(0.0..25.0_f64, 2..8),
        ) {
            let mut curve = Outcomes::default();
            for &(quality, cost) in &points {
                curve.quality.push((0..40).map(|i| if i < (40.0 * quality) as usize { 1.0 } else { 0.0 }).collect());
                curve.cost_usd.push((0..40).map(|i| cost * (0.5 + f64::from(i) / 39.0)).collect());
            }
            budgets.sort_by(f64::total_cmp);
            let needs = Needs::default();
            let view = View::new(&curve, (0..40).collect(), None);
            let all = Chooser::new(&curve, &view, &curve.quality[0], None, &needs, 1.0);
            let expected = |pick: Pick| {
                (pick.expected(|dial| all.quality[dial].unwrap().mean), pick.expected(|dial| all.cost[dial]))
            };
            let least = all.cost.iter().copied().fold(f64::INFINITY, f64::min);
            let (top, top_cost) = expected(all.pick(None, usize::MAX));
            let mut last = 0.0;
            for &budget in budgets.iter().filter(|budget| **budget >= least) {
                let (quality, cost) = expected(all.pick(Some(budget), usize::MAX));
                prop_assert!(quality >= last - 1e-12 && cost <= budget + 1e-9);
                prop_assert!(cost >= 0.95 * budget.min(top_cost) || quality >= top - 1e-12);
                last = quality;
            }
        }
    }

    #[test]
    fn sums_choose_as_columns_do() {
        let mut curve = curve();
        let fold_of: Vec<u32> = (0..400).map(|item| item * 7 % 5).collect();
        // Which dial is best differs from fold to fold.
        for (item, fold) in fold_of.iter().enumerate() {
            curve.quality[2][item] += 0.06 * f64::from(*fold);
        }
        let value = |dial: usize, item: usize| (curve.quality[dial][item], curve.cost_usd[dial][item]);
        let sums = Sums::of(3, &fold_of, 5, value).unwrap();
        let mut budget = Needs::default();
        budget.set("max_cost_per_1k=4").unwrap();
        for needs in [Needs::default(), budget] {
            for fold in 0..5 {
                let others = (0..400).filter(|&item| fold_of[item] != fold).collect();
                let view = View::new(&curve, others, None);
                let columns = Chooser::new(&curve, &view, &curve.quality[0], None, &needs, 1.0);
                let means = Chooser::of_means(&sums.outside(Some(fold)), &needs);
                let pick = |chooser: &Chooser<'_>| chooser.pick(needs.max_cost_per_1k, usize::MAX);
                assert_eq!(pick(&columns).dial, pick(&means).dial, "{fold}");
                let share = |pick: Pick| pick.mix.map_or(0.0, |(_, share)| share);
                assert!((share(pick(&columns)) - share(pick(&means))).abs() < 1e-9, "{fold}");
            }
        }
    }

    #[test]
    fn only_the_given_positions_are_looked_at() {
        let mut curve = curve();
        for i in 0..200 {
            curve.quality[2][i] = 1.0;
        }
        let (single, needs) = (vec![0.0; 400], Needs::default());
        let at = |range: std::ops::Range<usize>| {
            let view = View::new(&curve, range.collect(), None);
            Chooser::new(&curve, &view, &single, None, &needs, 1.0).pick(None, usize::MAX)
        };
        assert_eq!((at(0..200), at(200..400)), (Pick::at(2), Pick::at(0)));
    }
}

//! Every quality and every difference that a verdict needs, from one set of resamples.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::OnceLock;

use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::Estimate;
use ordinate_core::{Goal, Needs};
use ordinate_score::bootstrap::Joint;
use ordinate_score::bounds::of_difference;
use ordinate_score::normal::student_quantile;
use ordinate_score::{Bootstrap, Estimated, Groups, Memory, Statistic};
use ordinate_trials::Played;
use serde::{Deserialize, Serialize};

use crate::chosen::Chosen;
use crate::contender::Contender;
use crate::dealt::{self, Dealt};
use crate::estimates::{
    MANY_UNITS, Told, against_zero_router, at_least_students, estimate, flip, is_rectified, scores, units,
    widened, widening, with_width,
};

/// How errors are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// An error scores 0.
    AsFailures,
    /// An error is not counted.
    LeftOut,
    /// An error scores 0, and so does what was never asked: the worst that it may have been.
    MissingAsFailures,
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

/// What is weighed, and against what.
pub(crate) struct Weighing<'a> {
    pub(crate) contenders: &'a [Contender<'a>],
    /// Candidates of which the zero router may be mixed: those that meet the needs but for what they cost and take.
    pub(crate) mixable: &'a [bool],
    pub(crate) best_single: &'a Played<'a>,
    /// Its quality in each folding, where there are several.
    pub(crate) best_single_by_folding: &'a [Vec<f64>],
    pub(crate) needs: &'a Needs,
    pub(crate) resampling: Resampling,
    pub(crate) groups: Option<&'a Groups>,
    /// What was resampled of these items before.
    pub(crate) memory: &'a Memory,
    /// Folds of the cross-fitting, if there was one.
    pub(crate) folds: Option<u32>,
}

impl Weighing<'_> {
    fn bootstrap(&self) -> Bootstrap {
        let Resampling { resamples, seed, interval } = self.resampling;
        Bootstrap { resamples, seed, interval }
    }
}

/// Estimates for all contenders under one reading of errors and missing answers.
pub(crate) struct Weighed<'a> {
    all: &'a Weighing<'a>,
    reading: Reading,
    /// Mean quality per contender.
    pub(crate) quality: Vec<Option<Estimated>>,
    /// The statistics on the qualities; among them, from `pairs` on, the paired differences: `a - b` for a < b, in row order.
    told: Told,
    pairs: usize,
    /// Paired difference to the best single that was chosen on training items; policies only. Its interval counts the
    /// cross-fitting.
    pub(crate) over_best_single: Vec<Option<Estimated>>,
    /// Paired difference to the zero router at the same cost; policies with a known cost only.
    pub(crate) over_zero_router: Vec<Option<Estimated>>,
    /// Paired differences of outlay per item, in the same order, made when the first is asked for.
    outlays: OnceLock<Told>,
    /// The statistics on the qualities, on the same resamples, where there are few enough items for it to matter.
    joint: Option<Joint>,
    /// Where in `joint` the difference `a - b` is.
    place: HashMap<(usize, usize), usize>,
    /// The places in `joint` of the differences of policies to the best single.
    over_single: Vec<usize>,
    /// By how much the error of each paired difference is larger than its items show, in the same order: found when it is first asked
    /// for, since a verdict asks for few of them, and each goes over all items and foldings.
    widening: Vec<OnceLock<f64>>,
    /// By how much cross-fitting alone makes the errors of each contender larger.
    crossed: Vec<f64>,
    /// The scores, where there are so few items that the bootstrap alone may be too sure; else empty.
    columns: Vec<Vec<f64>>,
    groups: Option<Groups>,
    /// Whether scores are made for their mean alone.
    is_rectified: bool,
    count: usize,
}

impl<'a> Weighed<'a> {
    /// Runs the bootstrap.
    pub(crate) fn new(all: &'a Weighing<'a>, reading: Reading) -> Self {
        let contenders = all.contenders;
        let count = contenders.len();
        let columns: Vec<Cow<'_, [f64]>> = contenders
            .iter()
            .map(|c| &c.played)
            .chain([all.best_single])
            .map(|played| scores(played, reading))
            .collect();
        let best_single = count;
        let is_rectified = columns.iter().any(|column| is_rectified(column));

        let mut statistics: Vec<Statistic> = (0..count).map(Statistic::Mean).collect();
        let mut place = HashMap::new();
        let mut pair = |a: usize, b: usize, statistics: &mut Vec<Statistic>| {
            place.insert((a, b), statistics.len());
            statistics.push(Statistic::Difference(a, b));
        };
        for a in 0..count {
            (a + 1..count).for_each(|b| pair(a, b, &mut statistics));
        }
        let pairs = count..statistics.len();
        let policies: Vec<usize> = (0..count).filter(|&c| !contenders[c].is_single()).collect();
        let over_single: Vec<usize> = (statistics.len()..statistics.len() + policies.len()).collect();
        statistics.extend(policies.iter().map(|&policy| Statistic::Difference(policy, best_single)));
        let mixtures: Vec<Option<Statistic>> = policies
            .iter()
            .map(|&policy| against_zero_router(policy, contenders, all.mixable, &columns))
            .collect();
        statistics.extend(mixtures.iter().flatten().cloned());
        // Claims are about a policy less what it is held against, and about one lineage less another.
        let resamples = reading == Reading::AsFailures && units(&columns, all.groups) < MANY_UNITS;
        if resamples {
            for b in 0..count {
                let claims =
                    |&a: &usize| !contenders[b].is_single() || contenders[a].outcome != contenders[b].outcome;
                (0..b).filter(claims).for_each(|a| pair(b, a, &mut statistics));
            }
        }

        let bootstrap = all.bootstrap();
        let slices: Vec<&[f64]> = columns.iter().map(|column| &**column).collect();
        let joint = resamples.then(|| bootstrap.joint(all.memory, &slices, &statistics));
        let told = match &joint {
            Some(joint) => Told::Later(joint.estimates().clone()),
            None => estimate(all.memory, &bootstrap, &slices, all.groups, &statistics, reading),
        };
        let foldings = |contender: &Contender<'_>| contender.chosen.and_then(Chosen::foldings);
        let crossed: Vec<f64> =
            contenders.iter().map(|contender| widening(foldings(contender), all.folds)).collect();
        let dealt = |c: usize| Dealt { mean: slices[c], foldings: foldings_of(&contenders[c]) };
        let single = Dealt { mean: slices[best_single], foldings: all.best_single_by_folding };
        let wider_over_single = |c: usize| crossed[c] * dealt::widening(&dealt(c), &single);
        let quality = (0..count)
            .map(|c| told.at(c).map(|quality| with_width(quality, slices[c], all.groups)))
            .collect();
        let mut over_best_single = vec![None; count];
        for (&policy, &place) in policies.iter().zip(&over_single) {
            over_best_single[policy] = told.at(place).map(|gain| widened(gain, wider_over_single(policy)));
        }
        let mut over_zero_router = vec![None; count];
        let mut places = pairs.end + policies.len()..;
        for (&policy, mixture) in policies.iter().zip(&mixtures) {
            let Some(Statistic::Linear(weights)) = mixture else { continue };
            let mean = mixed(&slices, &weights[1..]);
            let by = crossed[policy] * dealt::widening(&dealt(policy), &Dealt { mean: &mean, foldings: &[] });
            over_zero_router[policy] =
                places.next().and_then(|place| told.at(place)).map(|gain| widened(gain, by));
        }
        Self {
            all,
            reading,
            quality,
            told,
            pairs: pairs.start,
            over_best_single,
            over_zero_router,
            outlays: OnceLock::new(),
            joint,
            place,
            over_single,
            widening: vec![OnceLock::new(); count * count.saturating_sub(1) / 2],
            crossed,
            columns: if units(&columns, all.groups) < MANY_UNITS {
                columns.into_iter().map(Cow::into_owned).collect()
            } else {
                Vec::new()
            },
            groups: all.groups.cloned(),
            is_rectified,
            count,
        }
    }

    /// The estimate of a's quality less b's, with an interval that counts the cross-fitting of policies.
    pub(crate) fn difference(&self, a: usize, b: usize) -> Option<Estimated> {
        let difference = self.pair(&self.told, self.pairs, a, b)?;
        let difference = if self.is_rectified { at_least_students(difference) } else { difference };
        let wider = self.widening.get(self.place_of(a, b))?;
        Some(widened(difference, *wider.get_or_init(|| self.wider(a.min(b), a.max(b)))))
    }

    /// By how much the error of the difference of these is larger than its items show.
    fn wider(&self, a: usize, b: usize) -> f64 {
        let contenders = self.all.contenders;
        let [of_a, of_b] = [a, b].map(|c| scores(&contenders[c].played, self.reading));
        let dealt = |c: usize, mean| Dealt { mean, foldings: foldings_of(&contenders[c]) };
        self.crossed[a].max(self.crossed[b]) * dealt::widening(&dealt(a, &of_a), &dealt(b, &of_b))
    }

    /// The interval of a's quality less b's that a claim of being no worse may rest on, from however few items.
    pub(crate) fn bounds(&self, a: usize, b: usize, level: f64) -> Option<Estimate> {
        let difference = self.difference(a, b)?;
        let groups = self.groups.as_ref();
        if self.columns.is_empty() {
            let half = student_quantile(f64::midpoint(1.0, level), difference.freedom) * difference.se;
            let mean = difference.estimate.mean;
            return Some(Estimate { mean, low: mean - half, high: mean + half });
        }
        Some(of_difference(&self.columns[a], &self.columns[b], groups, &difference, level))
    }

    /// The lower bounds of how much each of these leads `other`, which hold all at once with 97.5 %; of those with an
    /// estimate.
    pub(crate) fn leads(&self, contenders: &[usize], other: usize) -> Vec<(usize, f64)> {
        let found: Vec<(usize, Estimated)> =
            contenders.iter().filter_map(|&c| Some((c, self.difference(c, other)?))).collect();
        let places: Option<Vec<usize>> =
            found.iter().map(|(c, _)| self.place.get(&(*c, other)).copied()).collect();
        let critical = self.critical(places.as_deref(), found.iter().map(|(_, lead)| lead));
        found.iter().map(|(c, lead)| (*c, critical.mul_add(-lead.se, lead.estimate.mean))).collect()
    }

    /// The same for the lead over the best single that was chosen on training items, of all policies.
    pub(crate) fn leads_over_single(&self) -> Vec<(usize, f64)> {
        let found: Vec<(usize, Estimated)> =
            self.over_best_single.iter().enumerate().filter_map(|(c, gain)| Some((c, (*gain)?))).collect();
        let critical = self.critical(Some(&self.over_single), found.iter().map(|(_, gain)| gain));
        found.iter().map(|(c, gain)| (*c, critical.mul_add(-gain.se, gain.estimate.mean))).collect()
    }

    /// The lower bound of the lead over the zero router, at the share of the level that every policy has.
    pub(crate) fn lead_over_zero_router(&self, policy: usize) -> Option<f64> {
        let gain = self.over_zero_router[policy]?;
        let gains: Vec<Estimated> = self.over_best_single.iter().copied().flatten().collect();
        let critical = self.critical(Some(&self.over_single), gains.iter());
        Some(critical.mul_add(-gain.se, gain.estimate.mean))
    }

    /// Standard errors below an estimate at which the bounds of all of these hold at once.
    fn critical<'b>(
        &self,
        places: Option<&[usize]>,
        estimates: impl ExactSizeIterator<Item = &'b Estimated>,
    ) -> f64 {
        const ONE_SIDED: f64 = 0.975;
        if let (Some(joint), Some(places)) = (&self.joint, places) {
            return joint.critical(places, ONE_SIDED);
        }
        let tests = estimates.len().max(1) as f64;
        let freedom = estimates.map(|estimate| estimate.freedom).fold(f64::INFINITY, f64::min);
        student_quantile(1.0 - (1.0 - ONE_SIDED) / tests, freedom.clamp(1.0, 1e9))
    }

    /// The lower bound, at this probability, of how much the best of some leads the best of others; `None` where nothing
    /// can be said of the choice.
    pub(crate) fn lead(&self, own: &[usize], others: &[usize], probability: f64) -> Option<f64> {
        let row = |&other: &usize| -> Option<Vec<usize>> {
            own.iter().map(|&c| self.place.get(&(c, other)).copied()).collect()
        };
        let differences: Option<Vec<Vec<usize>>> = others.iter().map(row).collect();
        self.joint.as_ref()?.lead(&differences?, probability)
    }

    /// The gain of a policy over the best single that was chosen on training items, with an interval that knows, where it is the
    /// largest gain of all policies, that it was chosen for that.
    pub(crate) fn gain(&self, policy: usize) -> Option<Estimate> {
        let gain = self.over_best_single[policy]?;
        Some(self.as_largest(&self.over_single, gain))
    }

    /// The lead of a contender over another one, with an interval that knows that it is the best of these.
    pub(crate) fn lead_of_best(&self, contender: usize, of: &[usize], other: usize) -> Option<Estimate> {
        let lead = self.difference(contender, other)?;
        let places: Option<Vec<usize>> = of.iter().map(|&c| self.place.get(&(c, other)).copied()).collect();
        Some(places.map_or(lead.estimate, |places| self.as_largest(&places, lead)))
    }

    /// An estimate whose interval reaches as much further down as the choice of the largest of these errs, if it is that.
    fn as_largest(&self, places: &[usize], estimated: Estimated) -> Estimate {
        let own = estimated.estimate;
        let further = || {
            let joint = self.joint.as_ref()?;
            let chosen = joint.best(places, &[])?;
            let plain = joint.estimates().at(chosen.best)?;
            let is_it = (plain.estimate.mean - own.mean).abs() < 1e-12 && plain.se > 0.0;
            is_it.then(|| (plain.estimate.low - chosen.estimate.low) * estimated.se / plain.se)
        };
        Estimate { low: own.low - further().unwrap_or(0.0), ..own }
    }

    /// The quality of a contender with an interval that knows that it was chosen for being the best of these.
    pub(crate) fn chosen(&self, contender: usize, of: &[usize]) -> Estimate {
        let plain = self.estimate(contender);
        let chosen = self.joint.as_ref().and_then(|joint| joint.best(of, &[]));
        // No quality is outside of what a score can be, however few items it rests on.
        chosen.filter(|chosen| chosen.best == contender).map_or(plain, |chosen| Estimate {
            low: plain.low.min(chosen.estimate.low.max(0.0)),
            high: plain.high.max(chosen.estimate.high.min(1.0)),
            ..plain
        })
    }

    /// The estimate of a's outlay per item less b's; `None` where the goal does not look at it.
    pub(crate) fn outlay_difference(&self, a: usize, b: usize) -> Option<Estimated> {
        if self.all.needs.goal == Goal::Quality && self.all.needs.margin() == 0.0 {
            return None;
        }
        self.pair(self.outlays.get_or_init(|| self.outlays()), 0, a, b)
    }

    fn outlays(&self) -> Told {
        let all = self.all;
        let outlay = |contender: &'a Contender<'a>| match all.needs.goal {
            Goal::Latency => &*contender.played.latency_ms,
            Goal::Quality | Goal::Cost => &*contender.played.cost_usd,
        };
        let outlays: Vec<&[f64]> = all.contenders.iter().map(outlay).collect();
        let pairs = (0..self.count).flat_map(|a| (a + 1..self.count).map(move |b| (a, b)));
        let statistics: Vec<Statistic> = pairs.map(|(a, b)| Statistic::Difference(a, b)).collect();
        estimate(all.memory, &all.bootstrap(), &outlays, all.groups, &statistics, self.reading)
    }

    /// The mean quality, or minus infinity where nothing is known.
    pub(crate) fn mean(&self, contender: usize) -> f64 {
        self.quality[contender].map_or(f64::NEG_INFINITY, |quality| quality.estimate.mean)
    }

    /// The estimate of the quality.
    pub(crate) fn estimate(&self, contender: usize) -> Estimate {
        self.quality[contender].map(|quality| quality.estimate).unwrap_or_default()
    }

    /// A pair out of a table whose pairs begin at `first`.
    fn pair(&self, table: &Told, first: usize, a: usize, b: usize) -> Option<Estimated> {
        if a == b {
            return None;
        }
        let found = table.at(first + self.place_of(a, b))?;
        Some(if a < b { found } else { flip(found) })
    }

    /// Where a pair of two different contenders stands.
    fn place_of(&self, a: usize, b: usize) -> usize {
        let (low, high) = (a.min(b), a.max(b));
        // Pairs (low, high) are in row order: row `low` starts after the rows above it.
        low * (2 * self.count - low - 1) / 2 + (high - low - 1)
    }
}

/// What a policy came to in each folding; none of a single.
fn foldings_of<'c>(contender: &'c Contender<'_>) -> &'c [Vec<f64>] {
    contender.chosen.map_or(&[], |chosen| &chosen.by_folding)
}

/// The mixture of columns with these weights, turned to the sign of what a policy is held against.
fn mixed(columns: &[&[f64]], weights: &[(usize, f64)]) -> Vec<f64> {
    let at = |item: usize| weights.iter().map(|(column, weight)| -weight * columns[*column][item]).sum();
    (0..columns.first().map_or(0, |column| column.len())).map(at).collect()
}

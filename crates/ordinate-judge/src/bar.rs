//! The bar for a combination: it must beat what would be recommended without it.
//!
//! The bounds hold for all policies that were tried at once, since the best of many is partly luck.

use ordinate_core::verdict::Outcome;
use ordinate_core::{Needs, PolicyKind};
use ordinate_score::Estimated;

use crate::contender::Contender;
use crate::limits::Miss;
use crate::weigh::Weighed;
use crate::words::{outlay, signed, signed_number};

/// The level of every test.
pub(crate) const LEVEL: f64 = 0.05;

/// A gain of quality below this is no reason to host models of a further lineage, and no doubt about one, where the task
/// names no larger margin.
pub(crate) const MATTERS: f64 = 0.01;

/// What is needed to hold a policy to the bar.
pub(crate) struct Field<'a> {
    pub(crate) contenders: &'a [Contender<'a>],
    pub(crate) weighed: &'a Weighed<'a>,
    pub(crate) needs: &'a Needs,
    /// Whether each contender meets the hard needs.
    may: Vec<bool>,
    /// Lower bounds of the gains over the best single that was chosen on training items.
    over_single: Vec<(usize, f64)>,
}

impl<'a> Field<'a> {
    pub(crate) fn new(
        contenders: &'a [Contender<'a>],
        weighed: &'a Weighed<'a>,
        needs: &'a Needs,
        misses: &[Vec<Miss>],
    ) -> Self {
        let may = misses.iter().map(Vec::is_empty).collect();
        Self { contenders, weighed, needs, may, over_single: weighed.leads_over_single() }
    }

    /// The gain that joining lineages has to be worth.
    pub(crate) fn matters(&self) -> f64 {
        self.needs.margin().max(MATTERS)
    }

    /// Whether there is only one candidate.
    pub(crate) fn is_alone(&self) -> bool {
        self.contenders.iter().filter(|contender| contender.is_single()).count() == 1
    }

    /// Whether the data shows that `rival` does not lead `other` by more than `margin`, at this share of the
    /// level, by bounds that hold from few items too.
    pub(crate) fn separates(&self, rival: usize, other: usize, margin: f64, tests: usize) -> bool {
        let level = 1.0 - LEVEL / tests.max(1) as f64;
        let Some(bounds) = self.weighed.bounds(rival, other, level) else { return false };
        // Scores that are all equal show no lead, and no difference either.
        let same =
            self.weighed.difference(rival, other).is_some_and(|d| d.constant && d.estimate.mean == 0.0);
        bounds.high <= margin && !(same && margin == 0.0)
    }

    pub(crate) fn by_slice(&self) -> Option<usize> {
        self.contenders.iter().position(|contender| contender.kind == PolicyKind::BySlice)
    }

    /// What is simpler comes first: a single, a coin between two, a lookup by slice, whatever is learned besides.
    pub(crate) fn rung(&self, contender: usize) -> usize {
        match self.contenders[contender].kind {
            PolicyKind::Single => 0,
            PolicyKind::ZeroRouter => 1,
            PolicyKind::BySlice => 2,
            _ => 3,
        }
    }

    /// A coin within the same budget that is as good as this policy by its mean, and joins no more lineages.
    fn better_coin(&self, policy: usize) -> Option<usize> {
        let coin = |&c: &usize| {
            self.contenders[c].kind == PolicyKind::ZeroRouter
                && self.may[c]
                && self.crosses(c) <= self.crosses(policy)
        };
        let as_good =
            |&c: &usize| self.weighed.difference(policy, c).is_some_and(|lead| lead.estimate.mean <= 0.0);
        (0..self.contenders.len()).filter(coin).find(as_good)
    }

    pub(crate) fn crosses(&self, contender: usize) -> bool {
        self.contenders[contender].outcome == Outcome::Combined
    }

    /// The single with the highest mean among those that may be recommended; of all, where none may.
    fn best_single(&self) -> Option<usize> {
        let anybody = !self.may.contains(&true);
        let singles = (0..self.contenders.len())
            .filter(|&c| self.contenders[c].is_single() && (anybody || self.may[c]));
        singles.max_by(|&a, &b| self.weighed.mean(a).total_cmp(&self.weighed.mean(b)))
    }

    /// Which of these policies beat, in quality, the zero router, the best single, and what would win without them.
    ///
    /// `winner` is that; where they join lineages and it does not, they have to be better by more than the margin, and by
    /// what matters. The error is the first bar that a policy does not clear, in plain words with its figure.
    pub(crate) fn clear_in_quality(
        &self,
        policies: &[usize],
        winner: Option<usize>,
    ) -> Vec<(usize, Result<(), String>)> {
        let winner = winner.or_else(|| self.best_single());
        let leads = winner.map_or_else(Vec::new, |winner| self.weighed.leads(policies, winner));
        policies.iter().map(|&policy| (policy, self.clears(policy, winner, &leads))).collect()
    }

    fn clears(&self, policy: usize, winner: Option<usize>, leads: &[(usize, f64)]) -> Result<(), String> {
        let weighed = self.weighed;
        let name = &self.contenders[policy].name;
        let bound =
            |leads: &[(usize, f64)]| leads.iter().find(|(c, _)| *c == policy).map(|(_, bound)| *bound);
        let refused = |gain: Option<Estimated>, bound: f64, other: &str| {
            let gain = gain.map_or_else(String::new, |gain| signed_number(gain.estimate.mean));
            let bound = signed_number(bound);
            format!(
                "{name} is not clearly better than {other} ({gain}, at least {bound} with all that were tried counted)"
            )
        };
        let gain = weighed.over_best_single[policy];
        let least = bound(&self.over_single)
            .ok_or_else(|| format!("{name} shares no scored item with the best single"))?;
        if least <= 0.0 {
            return Err(refused(gain, least, "the best single that the other folds would choose"));
        }
        if let Some(winner) = winner {
            let other = &self.contenders[winner].name;
            let lead = weighed.difference(policy, winner);
            let least = bound(leads).ok_or_else(|| format!("{name} shares no scored item with {other}"))?;
            if least <= 0.0 {
                return Err(refused(lead, least, other));
            }
            let mean = lead.map_or(0.0, |lead| lead.estimate.mean);
            if self.crosses(policy)
                && !self.crosses(winner)
                && (mean <= self.matters() || least <= self.needs.margin())
            {
                let (mean, least) = (signed_number(mean), signed_number(least));
                return Err(format!(
                    "to join lineages gains {mean} (at least {least}) over {other}, which does without, and that is not \
                     clearly more than what matters ({})",
                    self.matters()
                ));
            }
        }
        if self.contenders[policy].kind == PolicyKind::ZeroRouter {
            return Ok(());
        }
        match (weighed.lead_over_zero_router(policy), self.better_coin(policy)) {
            (Some(least), _) if least <= 0.0 => {
                Err(refused(weighed.over_zero_router[policy], least, "the zero router at the same cost"))
            }
            (_, Some(coin)) => {
                let lead = weighed.difference(policy, coin).map_or_else(String::new, |lead| signed(&lead));
                let coin = &self.contenders[coin];
                Err(format!(
                    "{name} is no better than a coin toss within the same budget ({lead} against {}, {})",
                    coin.name,
                    outlay(self.needs, coin)
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether the policy spares outlay against every simpler contender that keeps the quality: singles, lookups by slice,
    /// and where it joins lineages whatever does without.
    ///
    /// # Errors
    /// The first bar that it does not clear, in plain words with its figure.
    pub(crate) fn clears_in_outlay(
        &self,
        policy: usize,
        keeps: &dyn Fn(usize) -> bool,
    ) -> Result<(), String> {
        let name = &self.contenders[policy].name;
        let own = self.contenders[policy]
            .outlay(self.needs)
            .ok_or_else(|| format!("the outlay of {name} is not known"))?;
        let is_simpler = |&c: &usize| {
            self.rung(c) < self.rung(policy) && self.crosses(c) <= self.crosses(policy)
                || self.crosses(policy) && !self.crosses(c)
        };
        let simpler = (0..self.contenders.len()).filter(is_simpler).filter(|&c| c != policy && keeps(c));
        for other in simpler {
            let theirs = self.contenders[other].outlay(self.needs).unwrap_or(f64::INFINITY);
            let clear = self.weighed.outlay_difference(policy, other).is_some_and(|d| d.estimate.high < 0.0);
            if own >= theirs || !clear {
                let (policy, other) = (&self.contenders[policy], &self.contenders[other]);
                return Err(format!(
                    "{name} ({}) does not clearly spare anything against {} ({}), which is simpler and as good",
                    outlay(self.needs, policy),
                    other.name,
                    outlay(self.needs, other)
                ));
            }
        }
        match (self.weighed.lead_over_zero_router(policy), self.weighed.over_zero_router[policy]) {
            (Some(least), Some(gain)) if least <= 0.0 => Err(format!(
                "{name} keeps the quality, but is not clearly better than the zero router at the same cost ({})",
                signed(&gain)
            )),
            _ => Ok(()),
        }
    }
}

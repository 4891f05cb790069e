//! The bar for a combination: it must beat what is simpler.
//!
//! By-slice must beat the best single and the zero router; a learned policy must beat by-slice too; each with
//! an interval above zero, in quality or in what the goal buys. p values are corrected by Holm over all
//! policies that were tried, since the best of many is partly luck.

use ordinate_core::{Needs, PolicyKind};
use ordinate_score::Estimated;
use ordinate_score::compare::{Discordant, holm};
use ordinate_score::normal::{quantile as normal_quantile, student_quantile};

use crate::contender::Contender;
use crate::limits::Miss;
use crate::weigh::Weighed;
use crate::words::{outlay, signed};

/// The level of every test.
pub(crate) const LEVEL: f64 = 0.05;

/// What is needed to hold a policy to the bar.
pub(crate) struct Field<'a> {
    pub(crate) contenders: &'a [Contender<'a>],
    pub(crate) weighed: &'a Weighed,
    pub(crate) needs: &'a Needs,
    /// Whether each contender meets the hard needs.
    may: Vec<bool>,
    /// By how much the intervals of gains are widened.
    widening: f64,
    /// Holm-corrected p values of the gains over the best single; 1 for singles.
    adjusted: Vec<f64>,
}

impl<'a> Field<'a> {
    /// `folds` are those of the cross-fitting, if there was one.
    pub(crate) fn new(
        contenders: &'a [Contender<'a>],
        weighed: &'a Weighed,
        needs: &'a Needs,
        misses: &[Vec<Miss>],
        folds: Option<u32>,
    ) -> Self {
        let policies: Vec<usize> = (0..contenders.len()).filter(|&c| !contenders[c].is_single()).collect();
        let p: Vec<f64> =
            policies.iter().map(|&policy| weighed.over_best_single[policy].map_or(1.0, |e| e.p)).collect();
        let mut adjusted = vec![1.0; contenders.len()];
        for (&policy, p) in policies.iter().zip(holm(&p)) {
            adjusted[policy] = p;
        }
        let may = misses.iter().map(Vec::is_empty).collect();
        Self { contenders, weighed, needs, may, adjusted, widening: folds.map_or(1.0, widening) }
    }

    /// Whether there is only one candidate.
    pub(crate) fn is_alone(&self) -> bool {
        self.contenders.iter().filter(|contender| contender.is_single()).count() == 1
    }

    /// Whether the data shows that `rival` does not lead `other` by more than `margin`, at this share of the
    /// level. The upper bound is that of the bootstrap or of Student's t, whichever is higher: with few items
    /// the bootstrap is too sure. 0/1 scores of independent items have to pass McNemar's exact test too where
    /// there is no margin. Differences that do not vary show nothing on few items.
    pub(crate) fn separates(&self, rival: usize, other: usize, margin: f64, tests: usize) -> bool {
        const FEW: usize = 10;
        let Some(lead) = self.weighed.difference(rival, other) else { return false };
        let level = LEVEL / tests.max(1) as f64;
        if lead.constant && (lead.items < FEW || lead.estimate.mean == 0.0 && margin == 0.0) {
            return false;
        }
        let freedom = lead.units.saturating_sub(1).max(1) as f64;
        let of_t = student_quantile(1.0 - level / 2.0, freedom) * lead.se;
        let wider = normal_quantile(1.0 - level / 2.0) / normal_quantile(1.0 - LEVEL / 2.0);
        let of_resamples = (lead.estimate.high - lead.estimate.mean) * wider;
        if lead.estimate.mean + of_t.max(of_resamples) > margin {
            return false;
        }
        let quality = |c: usize| &*self.contenders[c].played.quality;
        let exact = (lead.units == lead.items && margin == 0.0)
            .then(|| Discordant::count(quality(rival), quality(other)))
            .flatten();
        exact.is_none_or(|discordant| discordant.p() < level)
    }

    pub(crate) fn by_slice(&self) -> Option<usize> {
        self.contenders.iter().position(|contender| contender.kind == PolicyKind::BySlice)
    }

    /// The single with the highest mean among those that may be recommended; of all, where none may.
    fn best_single(&self) -> Option<usize> {
        let anybody = !self.may.contains(&true);
        let singles = (0..self.contenders.len())
            .filter(|&c| self.contenders[c].is_single() && (anybody || self.may[c]));
        singles.max_by(|&a, &b| self.weighed.mean(a).total_cmp(&self.weighed.mean(b)))
    }

    /// By-slice, where `policy` is a learned one that has to beat it.
    fn simpler(&self, policy: usize) -> Option<usize> {
        self.by_slice().filter(|&by_slice| by_slice != policy)
    }

    /// Whether the policy beats what is simpler in quality.
    ///
    /// # Errors
    /// The first bar that it does not clear, in plain words with its figure.
    pub(crate) fn clears_in_quality(&self, policy: usize) -> Result<(), String> {
        let weighed = self.weighed;
        let name = &self.contenders[policy].name;
        let gain = weighed.over_best_single[policy]
            .ok_or_else(|| format!("{name} shares no scored item with the best single"))?;
        if self.lower(&gain) <= 0.0 || self.adjusted[policy] >= LEVEL {
            return Err(format!("{name} is not clearly better than the best single ({})", signed(&gain)));
        }
        // Chosen on the items that it is scored on, the best single is flattered: all the better for a bar.
        if let Some(best) = self.best_single() {
            self.above(weighed.difference(policy, best), name, &self.contenders[best].name)?;
        }
        self.above(weighed.over_zero_router[policy], name, "the zero router at the same cost")?;
        if let Some(by_slice) = self.simpler(policy) {
            let gain = weighed.difference(policy, by_slice);
            gain.ok_or_else(|| format!("{name} shares no scored item with by-slice"))?;
            self.above(gain, name, "by-slice")?;
        }
        Ok(())
    }

    /// Whether the policy spares outlay against every simpler contender that keeps the quality.
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
        let simpler = (0..self.contenders.len())
            .filter(|&c| self.contenders[c].is_single() || Some(c) == self.simpler(policy))
            .filter(|&c| c != policy && keeps(c));
        for other in simpler {
            let theirs = self.contenders[other].outlay(self.needs).unwrap_or(f64::INFINITY);
            let clear = self.weighed.outlay_difference(policy, other).is_some_and(|d| d.estimate.high < 0.0);
            if own >= theirs || !clear {
                let other = &self.contenders[other].name;
                return Err(format!(
                    "{name} ({}) does not clearly spare anything against {other} ({}), which is simpler and as good",
                    outlay(self.needs, Some(own)),
                    outlay(self.needs, Some(theirs))
                ));
            }
        }
        self.above(self.weighed.over_zero_router[policy], name, "the zero router at the same cost")
    }

    /// The lower bound that counts for the bar, at each policy's share of the level.
    fn lower(&self, gain: &Estimated) -> f64 {
        let policies = self.contenders.iter().filter(|contender| !contender.is_single()).count();
        let above = 1.0 - LEVEL / policies.max(1) as f64 / 2.0;
        let freedom = gain.units.saturating_sub(1).max(1) as f64;
        let of_t = student_quantile(above, freedom) * gain.se;
        let further = normal_quantile(above) / normal_quantile(1.0 - LEVEL / 2.0);
        let below = of_t.max(further * (gain.estimate.mean - gain.estimate.low));
        gain.estimate.mean - self.widening * below
    }

    /// `Ok` where the gain is not known (no costs) or its interval is above zero.
    fn above(&self, gain: Option<Estimated>, name: &str, other: &str) -> Result<(), String> {
        match gain {
            Some(gain) if self.lower(&gain) <= 0.0 => {
                Err(format!("{name} is not clearly better than {other} ({})", signed(&gain)))
            }
            _ => Ok(()),
        }
    }
}

/// The folds of a cross-fitting share most of their training items, so that a gain over all of them varies
/// more between samples than its items do: by 1 + K / (K - 1) in variance (Nadeau and Bengio 2003, with a
/// K-th of the items held out each time).
fn widening(folds: u32) -> f64 {
    let folds = f64::from(folds.max(2));
    (1.0 + folds / (folds - 1.0)).sqrt()
}

//! The rules of the verdict: hard needs first, then the goal; a combination only over the bar; undecided where
//! the data cannot separate the leading outcomes.

use ordinate_core::verdict::{Outcome, Promise, Undecided};
use ordinate_core::{Goal, Needs, PolicyKind};
use ordinate_score::bootstrap::Estimated;
use ordinate_score::compare::non_inferior;
use ordinate_score::{normal, power};

use crate::bar::{Field, LEVEL};
use crate::contender::Contender;
use crate::limits::Miss;
use crate::words::signed_number;

/// Means that differ by less are as good as equal where the task names no margin: the cheaper is taken.
const NEAR: f64 = 0.002;

/// More items than anybody labels: what is needed where no number can be told.
pub(crate) const MANY: u64 = 1_000_000_000;

/// What the rules say.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// The recommended contender; provisional where undecided.
    pub(crate) recommended: Option<usize>,
    pub(crate) outcome: Outcome,
    pub(crate) undecided: Option<Undecided>,
    /// The contender of another outcome that could not be separated.
    pub(crate) rival: Option<usize>,
    /// Per contender: why it does not clear the bar for a combination; `None` where it does, and for singles.
    pub(crate) bars: Vec<Option<String>>,
    /// The best in quality among those that may be recommended: what `recommended` is as good as.
    pub(crate) best: Option<usize>,
    /// The best in quality that does without joining lineages.
    pub(crate) within: Option<usize>,
    /// Those among which `recommended` was chosen for its quality: itself alone where it was chosen for its outlay.
    pub(crate) among: Vec<usize>,
}

impl Choice {
    /// What is promised of a contender, where it clears the bar: a promise to lose little beside the reason why it is not to be
    /// used would be one test against another.
    pub(crate) fn promise<'a>(&self, index: usize, contender: &Contender<'a>) -> Option<&'a Promise> {
        contender.chosen.filter(|_| self.bars[index].is_none())?.promise.as_ref()
    }
}

/// Items that a contender has no answer to.
pub(crate) fn missing(contender: &Contender<'_>) -> usize {
    contender.played.quality.iter().filter(|quality| quality.is_nan()).count()
}

/// Undecided, since what the recommended contender was never asked might have gone wrong: as many items more settle it as it
/// left out.
pub(crate) fn doubt_missing(mut choice: Choice, field: &Field<'_>) -> Choice {
    let Some(recommended) = choice.recommended else { return choice };
    let Some(quality) = field.weighed.quality[recommended] else { return choice };
    let items_needed = (quality.items + missing(&field.contenders[recommended])) as u64;
    let smallest_detectable = power::smallest_detectable(quality.se);
    choice.outcome = Outcome::Undecided;
    choice.undecided.get_or_insert(Undecided { smallest_detectable, items_needed });
    choice
}

/// Where the climb from what is simple to what is not ends.
struct Ladder {
    best: Option<usize>,
    within: Option<usize>,
    /// Per contender: why it does not clear the bar in quality.
    in_quality: Vec<Result<(), String>>,
}

/// Applies the rules. `misses` are the hard needs that each contender misses.
pub(crate) fn choose(field: &Field<'_>, misses: &[Vec<Miss>]) -> Choice {
    let rules = Rules { field, misses, margin: field.needs.margin() };
    let count = field.contenders.len();
    let Ladder { best, within, in_quality } = rules.climb();
    let keeps = |c: usize| rules.keeps(c, best);
    let spares = rules.spares();
    let bars: Vec<Option<String>> = (0..count)
        .map(|c| match &in_quality[c] {
            Ok(()) => None,
            Err(_) if spares && rules.meets(c) && keeps(c) && field.clears_in_outlay(c, &keeps).is_ok() => {
                None
            }
            Err(why) if spares && keeps(c) => {
                field.clears_in_outlay(c, &keeps).err().or_else(|| Some(why.clone()))
            }
            // Who wants to spare is told whether the quality is kept, not whether it is better.
            Err(why) if spares => Some(rules.not_kept(c, best).unwrap_or_else(|| why.clone())),
            Err(why) => Some(why.clone()),
        })
        .collect();
    let recommendable: Vec<usize> = (0..count).filter(|&c| rules.meets(c) && bars[c].is_none()).collect();
    let recommended = if spares {
        rules.cheapest(recommendable.iter().copied().filter(|&c| keeps(c))).or(best)
    } else {
        rules.cheapest(recommendable.iter().copied().filter(|&c| rules.nearly(c, best))).or(best)
    };
    let choice = Choice {
        recommended,
        outcome: recommended.map_or(Outcome::Undecided, |r| field.contenders[r].outcome),
        undecided: None,
        rival: None,
        bars,
        best,
        within,
        among: if recommended == best { recommendable.clone() } else { recommended.into_iter().collect() },
    };
    match recommended {
        // Who was compared with nobody has won nothing.
        Some(_) if field.is_alone() => Choice { outcome: Outcome::Undecided, ..choice },
        Some(recommended) => rules.doubt(choice, recommended, &recommendable),
        None => rules.nobody(choice),
    }
}

struct Rules<'a> {
    field: &'a Field<'a>,
    misses: &'a [Vec<Miss>],
    margin: f64,
}

impl Rules<'_> {
    fn needs(&self) -> &Needs {
        self.field.needs
    }

    /// Whether less outlay is wanted as long as the quality is kept.
    fn spares(&self) -> bool {
        self.needs().goal != Goal::Quality || self.margin > 0.0
    }

    fn meets(&self, contender: usize) -> bool {
        self.misses[contender].is_empty() && self.field.weighed.quality[contender].is_some()
    }

    fn outlay(&self, contender: usize) -> f64 {
        self.field.contenders[contender].outlay(self.needs()).unwrap_or(f64::INFINITY)
    }

    /// From the best single up, what one lineage can do alone before what joins several: whatever clearly beats what would
    /// win without it takes its place.
    fn climb(&self) -> Ladder {
        let field = self.field;
        let all = 0..field.contenders.len();
        let mut winner = self.highest(all.clone().filter(|&c| field.rung(c) == 0 && self.meets(c)));
        let mut within = winner;
        let mut in_quality = vec![Ok(()); all.len()];
        for crosses in [false, true] {
            for rung in [1, 2, 3] {
                let tried: Vec<usize> =
                    all.clone().filter(|&c| field.rung(c) == rung && field.crosses(c) == crosses).collect();
                let mut cleared: Vec<usize> = winner.into_iter().collect();
                for (policy, clear) in field.clear_in_quality(&tried, winner) {
                    if clear.is_ok() && self.meets(policy) {
                        cleared.push(policy);
                    }
                    in_quality[policy] = clear;
                }
                winner = self.highest(cleared.into_iter());
            }
            if !crosses {
                within = winner;
            }
        }
        Ladder { best: winner, within, in_quality }
    }

    /// Whether the quality is as good as that of the best, to within what nobody would notice.
    fn nearly(&self, contender: usize, best: Option<usize>) -> bool {
        best.is_some_and(|best| {
            let lead = self.field.weighed.difference(contender, best);
            contender == best || lead.is_some_and(|lead| lead.estimate.mean >= -NEAR)
        })
    }

    /// The highest mean quality; ties go to the smaller outlay, then to the first.
    fn highest(&self, contenders: impl Iterator<Item = usize>) -> Option<usize> {
        let weighed = self.field.weighed;
        contenders.reduce(|best, c| {
            // On the items that both have: means over different items cannot be compared.
            let (this, that) = match weighed.difference(c, best) {
                Some(lead) => (lead.estimate.mean, 0.0),
                None => (weighed.mean(c), weighed.mean(best)),
            };
            if this > that || (this == that && self.outlay(c) < self.outlay(best)) { c } else { best }
        })
    }

    /// The least known outlay; ties go to the higher quality, then to the first.
    fn cheapest(&self, contenders: impl Iterator<Item = usize>) -> Option<usize> {
        contenders.filter(|&c| self.outlay(c).is_finite()).reduce(|best, c| {
            let (this, that) = (self.outlay(c), self.outlay(best));
            let better = self.field.weighed.mean(c) > self.field.weighed.mean(best);
            if this < that || (this == that && better) { c } else { best }
        })
    }

    /// Whether the quality is kept: `min_quality` where it is the yardstick of the goal (a hard need, so
    /// nothing more to ask), else non-inferior to the best within the margin.
    fn keeps(&self, contender: usize, best: Option<usize>) -> bool {
        if !self.meets(contender) {
            return false;
        }
        if self.needs().goal != Goal::Quality && self.needs().min_quality.is_some() {
            return true;
        }
        match best {
            None => false,
            Some(best) if best == contender => true,
            Some(best) => self
                .field
                .weighed
                .bounds(contender, best, 1.0 - LEVEL)
                .is_some_and(|bounds| non_inferior(&bounds, self.margin)),
        }
    }

    /// Why a policy is not shown to keep the quality of the best; `None` where it is the needs that it misses.
    fn not_kept(&self, contender: usize, best: Option<usize>) -> Option<String> {
        let best = best.filter(|&best| best != contender && self.meets(contender))?;
        let difference = self.field.weighed.difference(contender, best)?;
        let least = self.field.weighed.bounds(contender, best, 1.0 - LEVEL)?.low;
        Some(format!(
            "{} is not shown to keep the quality of {} ({}, at least {}, with a margin of {})",
            self.field.contenders[contender].name,
            self.field.contenders[best].name,
            signed_number(difference.estimate.mean),
            signed_number(least),
            self.margin
        ))
    }

    /// Looks for an outcome that the data cannot separate from the recommended one.
    fn doubt(&self, mut choice: Choice, recommended: usize, recommendable: &[usize]) -> Choice {
        let contenders = self.field.contenders;
        let own = contenders[recommended].outcome;
        let mut others: Vec<Outcome> = contenders.iter().map(|c| c.outcome).filter(|o| *o != own).collect();
        // Whatever was tried might have led.
        if own != Outcome::Combined && contenders.iter().any(|contender| !contender.is_single()) {
            others.push(Outcome::Combined);
        }
        others.sort_by_key(|outcome| outcome.as_str());
        others.dedup();
        // Every further outcome is one more chance to be wrong: each is tested at its share of the level.
        let stretch = stretch(others.len());
        let led_by = |rival: usize| self.field.weighed.difference(rival, recommended);
        // The cheaper of what is as good as equal was held against nobody yet: only that it may be worse by no more than that.
        let near = choice.best != Some(recommended) && !self.spares();
        let margin = if near { self.margin.max(NEAR) } else { self.margin };
        // What is non-inferior to the best was held against it already.
        let passed = choice.best.filter(|&best| best != recommended && !near);
        // Where a least quality is the yardstick, who leads beyond it does not matter.
        let yardstick = self.needs().goal != Goal::Quality && self.needs().min_quality.is_some();
        let of_outcome = |outcome: Outcome| -> Vec<usize> {
            recommendable.iter().copied().filter(|&c| contenders[c].outcome == outcome).collect()
        };
        let (best_of_own, own_all) = (near || choice.best == Some(recommended), of_outcome(own));
        let leaders = others.iter().filter(|_| !yardstick).filter_map(|&outcome| {
            let theirs = of_outcome(outcome);
            let rival = self.highest(theirs.iter().copied()).filter(|&rival| Some(rival) != passed)?;
            // The best of many is partly luck, on either side.
            let probability = 1.0 - LEVEL / 2.0 / others.len().max(1) as f64;
            let lead = self.field.weighed.lead(&own_all, &theirs, probability).filter(|_| best_of_own);
            let separate = self.field.separates(rival, recommended, margin, others.len())
                && lead.is_none_or(|lead| lead >= -margin);
            (!separate).then_some(rival)
        });
        let rival = leaders
            .chain(self.unproven(recommended))
            .filter_map(|rival| Some((rival, led_by(rival)?)))
            .chain(self.unsettled(recommended).and_then(|rival| Some((rival, led_by(rival)?))))
            .max_by(|(_, a), (_, b)| a.estimate.mean.total_cmp(&b.estimate.mean));
        if let Some((rival, lead)) = rival {
            choice.outcome = Outcome::Undecided;
            choice.undecided = Some(self.distance(&lead, stretch));
            choice.rival = Some(rival);
        }
        choice
    }

    /// A policy of another outcome that leads without having cleared the bar, and is not shown to be no better by what
    /// matters: evidence for a combination never hides it. A lookup by slice need not even lead: what it would reach, were
    /// it learned from enough, is what few items leave open.
    fn unproven(&self, recommended: usize) -> Option<usize> {
        if self.needs().goal != Goal::Quality {
            return None;
        }
        let contenders = self.field.contenders;
        let leads = |&c: &usize| {
            !contenders[c].is_single()
                && contenders[c].outcome != contenders[recommended].outcome
                && self.meets(c)
                && self.field.weighed.difference(c, recommended).is_some_and(|lead| {
                    lead.estimate.mean > 0.0 || contenders[c].kind == PolicyKind::BySlice && !lead.constant
                })
                && !self.field.separates(c, recommended, self.field.matters(), 1)
        };
        self.highest((0..contenders.len()).filter(leads))
    }

    /// For goals of outlay: a single of another outcome that is cheaper and would do by its mean, but not by
    /// its lower bound.
    fn unsettled(&self, recommended: usize) -> Option<usize> {
        if self.needs().goal == Goal::Quality {
            return None;
        }
        let contenders = self.field.contenders;
        let weighed = self.field.weighed;
        let would_do = |c: usize| match self.needs().min_quality {
            Some(least) => weighed.mean(c) >= least && weighed.estimate(c).low < least,
            None => {
                self.meets(c)
                    && weighed
                        .difference(c, recommended)
                        .is_some_and(|d| d.estimate.mean > -self.margin && d.estimate.low <= -self.margin)
            }
        };
        let only_quality = |c: usize| self.misses[c].iter().all(|miss| miss.need == "min_quality");
        let open = (0..contenders.len()).filter(|&c| {
            contenders[c].is_single()
                && contenders[c].outcome != contenders[recommended].outcome
                && self.outlay(c) < self.outlay(recommended)
                && only_quality(c)
                && would_do(c)
        });
        self.highest(open)
    }

    /// Nobody meets the hard needs: undecided where only more data can tell, and then the likeliest.
    fn nobody(&self, mut choice: Choice) -> Choice {
        let Some(least) = self.needs().min_quality else { return choice };
        let weighed = self.field.weighed;
        let open = (0..self.field.contenders.len()).filter(|&c| {
            self.misses[c].iter().all(|miss| miss.need == "min_quality")
                && weighed.mean(c) >= least
                && (self.field.contenders[c].is_single() || choice.bars[c].is_none())
        });
        if let Some(likeliest) = self.highest(open) {
            choice.recommended = Some(likeliest);
            if let Some(quality) = weighed.quality[likeliest] {
                let gap = quality.estimate.mean - least;
                choice.undecided = Some(undecided(gap, quality.se, 1.0, quality.items));
            }
        }
        choice
    }

    /// How far the data is from separating a rival: a lead above the margin would have to be shown to be one,
    /// a smaller one to stay below it.
    fn distance(&self, lead: &Estimated, stretch: f64) -> Undecided {
        let mean = lead.estimate.mean;
        let gap = if mean > self.margin { mean } else { self.margin - mean };
        let level = normal::quantile(1.0 - LEVEL / 2.0);
        let wider = level.mul_add(stretch - 1.0, 1.0 / POWER_SHARE) * POWER_SHARE;
        undecided(gap, lead.se, wider, lead.items)
    }
}

/// 1 / (z_0.975 + z_0.8).
const POWER_SHARE: f64 = 0.356_93;

/// `wider` is by how much the corrected level needs more standard errors than the plain one.
fn undecided(gap: f64, se: f64, wider: f64, items: usize) -> Undecided {
    let needed = power::items_needed(gap, se * wider, items).unwrap_or(MANY);
    // What is at hand did not settle it.
    let needed = needed.max(items as u64 + 1).min(MANY);
    Undecided { smallest_detectable: power::smallest_detectable(se), items_needed: needed }
}

/// How much wider an interval becomes when its level is shared by `tests` tests (Bonferroni).
fn stretch(tests: usize) -> f64 {
    let tests = tests.max(1) as f64;
    normal::quantile(1.0 - LEVEL / 2.0 / tests) / normal::quantile(1.0 - LEVEL / 2.0)
}

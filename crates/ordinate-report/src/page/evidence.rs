//! The tables behind the verdict: comparisons, gains and harms by slice, complementarity.

use ordinate_core::verdict::{Comparison, Complementarity, PolicyRow, Verdict};

use super::bar::Range;
use super::candidates::Quality;
use crate::figures;
use crate::text::clean;

/// The level at which a corrected p value separates.
const LEVEL: f64 = 0.05;
/// Pairs shown unfolded.
const PAIRS_SHOWN: usize = 12;

pub(super) struct Evidence {
    /// Comparisons with the best candidate, then the others.
    pub(super) with_best: Vec<Pair>,
    pub(super) others: Vec<Pair>,
    pub(super) by_slice: Vec<BySlice>,
    /// The strongest pairs, then the others.
    pub(super) strongest: Vec<Rescue>,
    pub(super) weaker: Vec<Rescue>,
    pub(super) margin: String,
}

pub(super) struct Pair {
    pub(super) a: String,
    pub(super) b: String,
    pub(super) difference: Quality,
    pub(super) p: String,
    pub(super) p_adjusted: String,
    pub(super) separated: bool,
    pub(super) non_inferior: bool,
    pub(super) items: String,
}

/// One policy against the best single, slice by slice.
pub(super) struct BySlice {
    pub(super) policy: String,
    pub(super) recommended: bool,
    pub(super) gains: usize,
    pub(super) harms: usize,
    pub(super) rows: Vec<Gain>,
}

pub(super) struct Gain {
    pub(super) slice: String,
    pub(super) difference: Quality,
    pub(super) p_adjusted: String,
    pub(super) gain: bool,
}

pub(super) struct Rescue {
    pub(super) a: String,
    pub(super) b: String,
    pub(super) rescue: Quality,
    pub(super) guess: String,
    pub(super) above: String,
    pub(super) complementary: bool,
}

pub(super) fn evidence(verdict: &Verdict) -> Evidence {
    let best = verdict.candidates.first().map(|c| c.name.as_str());
    let range = Range::of(verdict.comparisons.iter().map(|c| &c.difference), Some(0.0));
    let is_with_best = |c: &&Comparison| best == Some(c.a.as_str()) || best == Some(c.b.as_str());
    let (with_best, others): (Vec<_>, Vec<_>) = verdict.comparisons.iter().partition(is_with_best);
    let pairs = |rows: Vec<&Comparison>| rows.into_iter().map(|c| pair(c, range)).collect();
    let mut rescues = rescues(verdict);
    let weaker = rescues.split_off(rescues.len().min(PAIRS_SHOWN));
    Evidence {
        with_best: pairs(with_best),
        others: pairs(others),
        by_slice: verdict.policies.iter().filter_map(|policy| by_slice(verdict, policy)).collect(),
        strongest: rescues,
        weaker,
        margin: figures::number(verdict.basis.margin),
    }
}

fn pair(c: &Comparison, range: Range) -> Pair {
    Pair {
        a: clean(&c.a),
        b: clean(&c.b),
        difference: Quality::of_difference(&c.difference, range),
        p: figures::p_value(c.p),
        p_adjusted: figures::p_value(c.p_adjusted),
        separated: c.p_adjusted < LEVEL,
        non_inferior: c.non_inferior,
        items: figures::count(c.items),
    }
}

fn by_slice(verdict: &Verdict, policy: &PolicyRow) -> Option<BySlice> {
    if policy.slices.is_empty() {
        return None;
    }
    let range = Range::of(policy.slices.iter().map(|s| &s.difference), Some(0.0));
    let mut slices: Vec<_> = policy.slices.iter().collect();
    slices.sort_by(|a, b| b.difference.mean.total_cmp(&a.difference.mean));
    let rows: Vec<Gain> = slices
        .into_iter()
        .map(|s| Gain {
            slice: clean(&s.slice),
            difference: Quality::of_difference(&s.difference, range),
            p_adjusted: figures::p_value(s.p_adjusted),
            gain: s.difference.mean > 0.0,
        })
        .collect();
    let gains = rows.iter().filter(|row| row.gain).count();
    Some(BySlice {
        policy: clean(&policy.name),
        recommended: verdict.recommended.as_ref().is_some_and(|r| r.name == policy.name),
        gains,
        harms: rows.len() - gains,
        rows,
    })
}

/// Pairs by how far the rescue rate is above the guess rate (where that is known), clear ones first.
fn rescues(verdict: &Verdict) -> Vec<Rescue> {
    let above = |c: &Complementarity| c.guess_rate.map(|guess| c.rescue_rate.mean - guess);
    let mut pairs: Vec<&Complementarity> = verdict.complementarity.iter().collect();
    pairs.sort_by(|x, y| {
        let (x_above, y_above) = (above(x), above(y));
        let strength = |c: &Complementarity, above: Option<f64>| above.unwrap_or(c.rescue_rate.mean);
        (y.complementary.cmp(&x.complementary))
            .then(y_above.is_some().cmp(&x_above.is_some()))
            .then(strength(y, y_above).total_cmp(&strength(x, x_above)))
    });
    let range = Range::of(pairs.iter().map(|c| &c.rescue_rate), Some(0.0));
    let rescue = |c: &Complementarity| Rescue {
        a: clean(&c.a),
        b: clean(&c.b),
        rescue: Quality::of_quality(&c.rescue_rate, range),
        guess: c.guess_rate.map_or_else(|| figures::UNKNOWN.to_owned(), figures::quality),
        above: above(c).map_or_else(|| figures::UNKNOWN.to_owned(), figures::difference),
        complementary: c.complementary,
    };
    pairs.into_iter().map(rescue).collect()
}

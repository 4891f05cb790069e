//! What to use, its figures, and who answers how much.

use ordinate_core::verdict::{Outcome, Verdict};

use crate::figures;
use crate::text::clean;
use crate::words;

/// Shares with a bar of their own; the others share one.
const SHARES_SHOWN: usize = 7;

pub(super) struct Hero {
    /// `Use` or `Provisionally`.
    pub(super) verb: &'static str,
    pub(super) name: String,
    pub(super) what: &'static str,
    pub(super) kind: String,
    pub(super) figures: Vec<Figure>,
    pub(super) shares: Vec<Share>,
}

/// A large number with its label and what qualifies it.
pub(super) struct Figure {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) beside: String,
    pub(super) known: bool,
}

pub(super) struct Share {
    pub(super) name: String,
    /// `general`, `vertical`, `transferred` or `others`.
    pub(super) lineage: &'static str,
    /// Whether it is one candidate, of a known lineage.
    pub(super) one: bool,
    pub(super) percent: String,
    /// Width of the bar, per cent.
    pub(super) width: String,
}

pub(super) fn hero(verdict: &Verdict) -> Option<Hero> {
    let recommended = verdict.recommended.as_ref()?;
    Some(Hero {
        verb: if verdict.outcome == Outcome::Undecided { "Provisionally use" } else { "Use" },
        name: clean(&recommended.name),
        what: words::what_it_does(recommended.kind),
        kind: words::kind_and_lineage(recommended),
        figures: figures_of(verdict),
        shares: shares(verdict),
    })
}

fn figures_of(verdict: &Verdict) -> Vec<Figure> {
    let Some(recommended) = &verdict.recommended else { return Vec::new() };
    let figure = |label, value: String, beside: &str| {
        let known = value != figures::UNKNOWN && value != figures::NOT_PRICED;
        Figure { label, value, beside: if known { beside.to_owned() } else { String::new() }, known }
    };
    let quality = &recommended.quality;
    let mut all = vec![figure("Quality", figures::quality(quality.mean), &figures::interval(quality))];
    if let Some(policy) = verdict.policies.iter().find(|policy| policy.name == recommended.name) {
        let gain = &policy.gain_over_best_single;
        all.push(figure("Gain over best single", figures::difference(gain.mean), &figures::interval(gain)));
    }
    all.push(figure(
        "Cost",
        figures::price(recommended.cost_per_1k, recommended.not_priced),
        "per 1,000 items",
    ));
    all.push(figure("Latency", figures::latency(recommended.p95_ms), "95th percentile"));
    all.push(figure("Memory", figures::memory(recommended.memory_gb), "to host all that it uses"));
    all
}

fn shares(verdict: &Verdict) -> Vec<Share> {
    let shares = verdict.recommended.as_ref().map(|r| words::shares(&r.share)).unwrap_or_default();
    let row = |name: String, lineage, share: f64| Share {
        name,
        lineage,
        one: lineage != "others",
        percent: figures::percent(share),
        width: format!("{:.2}%", (share * 100.0).clamp(0.0, 100.0)),
    };
    let named = if shares.len() == SHARES_SHOWN + 1 { shares.len() } else { SHARES_SHOWN };
    let mut rows: Vec<Share> = shares
        .iter()
        .take(named)
        .map(|(name, share)| {
            let candidate = verdict.candidates.iter().find(|c| c.name.as_str() == *name);
            row(clean(name), candidate.map_or("others", |c| c.lineage.as_str()), *share)
        })
        .collect();
    let others = shares.get(named..).unwrap_or_default();
    if !others.is_empty() {
        rows.push(row(format!("{} others", others.len()), "others", others.iter().map(|(_, s)| s).sum()));
    }
    rows
}

//! Do the printed 95 % intervals cover the truth: the quality of what is recommended, and the gain of the leading policy over
//! the best single? The truth is how likely those are right whose answers the saved policy gives on many fresh items.

use std::collections::BTreeMap;

use ordinate_combine::{Artefact, replay_served};
use ordinate_core::verdict::Estimate;
use ordinate_core::{Evidence, PolicyKind};
use ordinate_trials::Played;
use rayon::prelude::*;

use crate::pool::{Know, Pool};
use crate::{judged, learned_of, percent};

/// Fresh items: their own error is a tenth of an interval's half at 3,000 items.
const FRESH: usize = 40_000;

/// What sums of so many numbers may be off.
const ROUNDING: f64 = 1e-9;

pub(crate) fn show(tasks: u64, part: &str, kind: Option<&str>) {
    let kinds: Option<Vec<PolicyKind>> = kind.map(|name| {
        let known = PolicyKind::ALL.into_iter().find(|kind| kind.as_str() == name);
        vec![known.expect("a kind of policy")]
    });
    let base = Pool { slices: 4, ..Pool::PLAIN };
    let pools = [
        ("2 equal", base),
        ("8 equal", Pool { candidates: 8, ..base }),
        ("by slice, 0.05", Pool { know: Know::Slices(0.05), ..base }),
        ("by text, 0.05", Pool { know: Know::Text(0.05), texts: true, ..base }),
    ];
    println!(
        "{:<16} {:>6} {:>6}  {:>12} {:>12} {:>14} {:>12} {:>12}",
        "candidates", "items", "tasks", "quality", "of a single", "of a policy", "largest gain", "every gain"
    );
    for (name, pool) in pools.into_iter().filter(|(name, _)| name.contains(part)) {
        let evidence = pool.evidence(FRESH, 1 << 40);
        let fresh = Fresh { right: pool.chances(&evidence), evidence };
        for items in [200, 1_000, 3_000] {
            let seen: Vec<Seen> = (0..tasks)
                .into_par_iter()
                .map(|seed| one(&pool, items, seed, &fresh, kinds.as_deref()))
                .collect();
            let share = |values: Vec<bool>| {
                if values.is_empty() {
                    return "-".to_owned();
                }
                percent(values.iter().filter(|covered| **covered).count(), values.len())
            };
            println!(
                "{name:<16} {items:>6} {:>6}  {:>12} {:>12} {:>14} {:>12} {:>12}",
                seen.len(),
                share(seen.iter().map(|seen| seen.quality).collect()),
                share(seen.iter().filter(|seen| seen.single).map(|seen| seen.quality).collect()),
                share(seen.iter().filter(|seen| !seen.single).map(|seen| seen.quality).collect()),
                share(seen.iter().filter_map(|seen| seen.gains.first().map(|gain| gain.covered)).collect()),
                share(seen.iter().flat_map(|seen| seen.gains.iter().map(|gain| gain.covered)).collect())
            );
            let mut kinds: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
            for gain in seen.iter().flat_map(|seen| &seen.gains) {
                let (count, covered, above) = kinds.entry(gain.kind.as_str()).or_default();
                *count += 1;
                *covered += usize::from(gain.covered);
                *above += usize::from(gain.above);
            }
            for (kind, (count, covered, above)) in kinds {
                println!(
                    "    {kind:<12} {count:>6} gains, {} covered, {} below the truth",
                    percent(covered, count),
                    percent(above, count)
                );
            }
        }
    }
}

/// Items that no policy learned from.
struct Fresh {
    evidence: Evidence,
    /// How likely each candidate is right, item by item.
    right: Vec<Vec<f64>>,
}

/// Whether the intervals of one task cover.
struct Seen {
    quality: bool,
    single: bool,
    /// Of all policies, the one with the highest quality first.
    gains: Vec<Gain>,
}

/// Whether the interval of a policy's gain covers, and if not whether the truth is above it.
struct Gain {
    kind: PolicyKind,
    covered: bool,
    above: bool,
}

fn one(pool: &Pool, items: usize, seed: u64, fresh: &Fresh, kinds: Option<&[PolicyKind]>) -> Seen {
    let judged = judged(learned_of(&pool.evidence(items, seed), kinds), &[], 500);
    let recommended = judged.verdict.recommended.as_ref().expect("nothing is excluded");
    let single = recommended.kind == PolicyKind::Single;
    // All singles are equal on average, and so known exactly.
    let truth = |name: &str| {
        judged
            .artefacts
            .iter()
            .find(|artefact| artefact.name == name && artefact.policy.kind() != PolicyKind::Single)
            .map(|artefact| mean(artefact, fresh))
    };
    // A policy that does what the single does gains nothing, and its interval has no width.
    let covers = |estimate: &Estimate, truth: f64| {
        estimate.low - ROUNDING <= truth && truth <= estimate.high + ROUNDING
    };
    let gains = judged.verdict.policies.iter();
    let gains = gains
        .map(|policy| {
            let gain = &policy.gain_over_best_single;
            let truth = truth(&policy.name).map_or(0.0, |quality| quality - pool.quality);
            Gain { kind: policy.kind, covered: covers(gain, truth), above: truth > gain.high + ROUNDING }
        })
        .collect();
    Seen {
        quality: covers(&recommended.quality, truth(&recommended.name).unwrap_or(pool.quality)),
        single,
        gains,
    }
}

/// What the saved policy reaches: the luck of the fresh items is left out where an answer is a candidate's own, so that of a policy that does
/// what the single does the gain is nothing, and not a little more or less.
fn mean(artefact: &Artefact, fresh: &Fresh) -> f64 {
    let rows: Vec<usize> = (0..fresh.evidence.len()).collect();
    let played = replay_served(artefact, &fresh.evidence, &rows);
    let of_item = |row: usize| match played.given[row] {
        Played::NOBODY => played.quality[row],
        column => fresh.right[row][usize::from(column)],
    };
    rows.iter().map(|&row| of_item(row)).sum::<f64>() / rows.len() as f64
}

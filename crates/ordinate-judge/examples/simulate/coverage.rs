//! Do the printed 95 % intervals cover the truth: the quality of what is recommended, and the gain of the leading policy over
//! the best single? The truth is what the saved policy reaches on many fresh items.

use std::collections::BTreeMap;

use ordinate_combine::{Artefact, replay_served};
use ordinate_core::verdict::Estimate;
use ordinate_core::{Evidence, PolicyKind};
use rayon::prelude::*;

use crate::pool::{Know, Pool};
use crate::{judged, learned_of, percent};

/// Fresh items: their own error is a tenth of an interval's half at 3,000 items.
const FRESH: usize = 40_000;

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
        let fresh = pool.evidence(FRESH, 1 << 40);
        // What policies are held against, on the same items: their luck is in both.
        let columns = fresh.columns();
        let scores = columns.iter().flat_map(|answers| (0..FRESH).filter_map(|row| answers.score(row)));
        let singles = scores.sum::<f64>() / (columns.len() * FRESH) as f64;
        for items in [200, 1_000, 3_000] {
            let seen: Vec<Seen> = (0..tasks)
                .into_par_iter()
                .map(|seed| one(&pool, items, seed, (&fresh, singles), kinds.as_deref()))
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

fn one(
    pool: &Pool,
    items: usize,
    seed: u64,
    (fresh, singles): (&Evidence, f64),
    kinds: Option<&[PolicyKind]>,
) -> Seen {
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
    let covers = |estimate: &Estimate, truth: f64| estimate.low <= truth && truth <= estimate.high;
    let gains = judged.verdict.policies.iter();
    let gains = gains
        .map(|policy| {
            let gain = &policy.gain_over_best_single;
            let truth = truth(&policy.name).map_or(0.0, |quality| quality - singles);
            Gain { kind: policy.kind, covered: covers(gain, truth), above: truth > gain.high }
        })
        .collect();
    Seen {
        quality: covers(&recommended.quality, truth(&recommended.name).unwrap_or(pool.quality)),
        single,
        gains,
    }
}

/// What the saved policy reaches.
fn mean(artefact: &Artefact, fresh: &Evidence) -> f64 {
    let rows: Vec<usize> = (0..fresh.len()).collect();
    let played = replay_served(artefact, fresh, &rows);
    let quality = &played.quality;
    quality.iter().sum::<f64>() / quality.len() as f64
}

//! Do the printed 95 % intervals cover the truth: the quality of what is recommended, and the gain of the leading policy over
//! the best single? The truth is what the saved policy reaches on many fresh items.

use ordinate_combine::{Artefact, replay_served};
use ordinate_core::verdict::Estimate;
use ordinate_core::{Evidence, PolicyKind};
use rayon::prelude::*;

use crate::pool::{Know, Pool};
use crate::{percent, verdict};

/// Fresh items: their own error is a tenth of an interval's half at 3,000 items.
const FRESH: usize = 40_000;

pub(crate) fn show(tasks: u64, part: &str) {
    let base = Pool { slices: 4, ..Pool::PLAIN };
    let pools = [
        ("8 equal", Pool { candidates: 8, ..base }),
        ("by slice, 0.05", Pool { know: Know::Slices(0.05), ..base }),
        ("by text, 0.05", Pool { know: Know::Text(0.05), texts: true, ..base }),
    ];
    println!(
        "{:<16} {:>6} {:>6}  {:>12} {:>12} {:>14} {:>12}",
        "candidates", "items", "tasks", "quality", "of a single", "of a policy", "gain"
    );
    for (name, pool) in pools.into_iter().filter(|(name, _)| name.contains(part)) {
        let fresh = pool.evidence(FRESH, 1 << 40);
        for items in [200, 1_000, 3_000] {
            let seen: Vec<Seen> =
                (0..tasks).into_par_iter().map(|seed| one(&pool, items, seed, &fresh)).collect();
            let share = |values: Vec<bool>| {
                if values.is_empty() {
                    return "-".to_owned();
                }
                percent(values.iter().filter(|covered| **covered).count(), values.len())
            };
            println!(
                "{name:<16} {items:>6} {:>6}  {:>12} {:>12} {:>14} {:>12}",
                seen.len(),
                share(seen.iter().map(|seen| seen.quality).collect()),
                share(seen.iter().filter(|seen| seen.single).map(|seen| seen.quality).collect()),
                share(seen.iter().filter(|seen| !seen.single).map(|seen| seen.quality).collect()),
                share(seen.iter().filter_map(|seen| seen.gain).collect())
            );
        }
    }
}

/// Whether the intervals of one task cover.
struct Seen {
    quality: bool,
    single: bool,
    gain: Option<bool>,
}

fn one(pool: &Pool, items: usize, seed: u64, fresh: &Evidence) -> Seen {
    let judged = verdict(&pool.evidence(items, seed), &[], 500);
    let recommended = judged.verdict.recommended.as_ref().expect("nothing is excluded");
    let single = recommended.kind == PolicyKind::Single;
    // All singles are equal on average, and so known exactly.
    let truth = |name: &str| {
        judged
            .artefacts
            .iter()
            .find(|artefact| artefact.name == name && artefact.policy.kind() != PolicyKind::Single)
            .map_or(pool.quality, |artefact| mean(artefact, fresh))
    };
    let covers = |estimate: &Estimate, truth: f64| estimate.low <= truth && truth <= estimate.high;
    let gain = judged
        .verdict
        .policies
        .first()
        .map(|policy| covers(&policy.gain_over_best_single, truth(&policy.name) - pool.quality));
    Seen { quality: covers(&recommended.quality, truth(&recommended.name)), single, gain }
}

/// What the saved policy reaches.
fn mean(artefact: &Artefact, fresh: &Evidence) -> f64 {
    let rows: Vec<usize> = (0..fresh.len()).collect();
    let played = replay_served(artefact, fresh, &rows);
    let quality = &played.quality;
    quality.iter().sum::<f64>() / quality.len() as f64
}

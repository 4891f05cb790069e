//! Two candidates of which each is better on half of the items: how often is it found that joining them pays?

use std::path::Path;

use ordinate_core::verdict::Outcome;
use rayon::prelude::*;

use crate::other;
use crate::pool::{Know, Pool};
use crate::{percent, verdict};

/// `before` is another `ordinate`, which is given the same tasks.
pub(crate) fn show(tasks: u64, part: &str, before: Option<&Path>) {
    println!(
        "{:<10} {:>6} {:>6}  {:>6} {:>9} {:>10} {:>10} {:>16}",
        "known by", "gain", "items", "tasks", "combined", "undecided", "a lineage", "combined before"
    );
    let kinds = [("slice", false), ("text", true)];
    for (name, by_text) in kinds.into_iter().filter(|(name, _)| name.contains(part)) {
        for gain in [0.03, 0.08] {
            for items in [300, 1_000, 3_000] {
                let know = if by_text { Know::Text(gain) } else { Know::Slices(gain) };
                let pool = Pool { know, slices: 4, texts: by_text, ..Pool::PLAIN };
                let outcomes: Vec<Outcome> = (0..tasks)
                    .into_par_iter()
                    .map(|seed| verdict(&pool.evidence(items, seed), &[], 500).verdict.outcome)
                    .collect();
                let earlier: Option<Vec<Outcome>> = before.map(|binary| {
                    (0..tasks).map(|seed| other::outcome(binary, &pool.evidence(items, seed))).collect()
                });
                let count =
                    |all: &[Outcome], of: Outcome| all.iter().filter(|outcome| **outcome == of).count();
                let (combined, undecided) =
                    (count(&outcomes, Outcome::Combined), count(&outcomes, Outcome::Undecided));
                println!(
                    "{name:<10} {gain:>6} {items:>6}  {:>6} {:>9} {:>10} {:>10} {:>16}",
                    outcomes.len(),
                    percent(combined, outcomes.len()),
                    percent(undecided, outcomes.len()),
                    percent(outcomes.len() - combined - undecided, outcomes.len()),
                    earlier.map_or_else(
                        || "-".to_owned(),
                        |earlier| percent(count(&earlier, Outcome::Combined), earlier.len())
                    )
                );
            }
        }
    }
}

//! Two candidates of which each is better on half of the items: how often is it found that joining them pays?

use ordinate_core::verdict::Outcome;
use rayon::prelude::*;

use crate::pool::{Know, Pool};
use crate::{percent, verdict};

pub(crate) fn show(tasks: u64) {
    println!(
        "{:<10} {:>6} {:>6}  {:>6} {:>9} {:>10} {:>10}",
        "known by", "gain", "items", "tasks", "combined", "undecided", "a lineage"
    );
    for (name, by_text) in [("slice", false), ("text", true)] {
        for gain in [0.03, 0.08] {
            for items in [300, 1_000, 3_000] {
                let know = if by_text { Know::Text(gain) } else { Know::Slices(gain) };
                let pool = Pool { know, slices: 4, texts: by_text, ..Pool::PLAIN };
                let outcomes: Vec<Outcome> = (0..tasks)
                    .into_par_iter()
                    .map(|seed| verdict(&pool.evidence(items, seed), &[], 500).verdict.outcome)
                    .collect();
                let count = |of: Outcome| outcomes.iter().filter(|outcome| **outcome == of).count();
                let (combined, undecided) = (count(Outcome::Combined), count(Outcome::Undecided));
                println!(
                    "{name:<10} {gain:>6} {items:>6}  {:>6} {:>9} {:>10} {:>10}",
                    outcomes.len(),
                    percent(combined, outcomes.len()),
                    percent(undecided, outcomes.len()),
                    percent(outcomes.len() - combined - undecided, outcomes.len())
                );
            }
        }
    }
}

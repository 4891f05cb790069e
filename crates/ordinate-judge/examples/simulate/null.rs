//! Tasks in which all candidates are equal: nothing is to be found, in no stratum.

use ordinate_core::verdict::Outcome;
use rayon::prelude::*;

use crate::pool::Pool;
use crate::{percent, verdict};

const SIZES: [usize; 3] = [60, 200, 1_000];
const CANDIDATES: [usize; 3] = [2, 5, 16];

pub(crate) fn show(tasks: u64, part: &str) {
    let plain = Pool::PLAIN;
    let strata = [
        ("scores alone", plain),
        ("slices", Pool { slices: 4, ..plain }),
        ("texts", Pool { texts: true, ..plain }),
        ("slices, texts, outputs", Pool { slices: 4, texts: true, outputs: true, ..plain }),
        ("slices, groups of 5", Pool { slices: 4, of_group: 5, ..plain }),
    ];
    println!(
        "{:<24} {:>6} {:>11}  {:>6} {:>9} {:>16} {:>10}",
        "equal candidates", "items", "candidates", "tasks", "combined", "a lineage claimed", "undecided"
    );
    let (mut all, mut all_combined, mut all_claimed) = (0, 0, 0);
    for (name, pool) in strata.into_iter().filter(|(name, _)| name.contains(part)) {
        for items in SIZES {
            for candidates in CANDIDATES {
                let pool = Pool { candidates, ..pool };
                let outcomes: Vec<Outcome> = (0..tasks)
                    .into_par_iter()
                    .map(|seed| verdict(&pool.evidence(items, seed), &[], 500).verdict.outcome)
                    .collect();
                let count = |of: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| of(o)).count();
                let combined = count(&|outcome| *outcome == Outcome::Combined);
                let undecided = count(&|outcome| *outcome == Outcome::Undecided);
                let claimed = outcomes.len() - combined - undecided;
                println!(
                    "{name:<24} {items:>6} {candidates:>11}  {:>6} {:>9} {:>16} {:>10}",
                    outcomes.len(),
                    percent(combined, outcomes.len()),
                    percent(claimed, outcomes.len()),
                    percent(undecided, outcomes.len())
                );
                all += outcomes.len();
                all_combined += combined;
                all_claimed += claimed;
            }
        }
    }
    println!(
        "all: {all} tasks, combined in {}, a lineage claimed in {}",
        percent(all_combined, all),
        percent(all_claimed, all)
    );
}

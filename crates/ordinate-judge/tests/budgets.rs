//! A budget is spent: by every policy, on what helps, and a larger one is never worse.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

mod support;

use ordinate_combine::{Plan, learn, learners};
use ordinate_core::verdict::{Outcome, Verdict};
use ordinate_core::{Evidence, Needs, PolicyKind};
use ordinate_judge::decide;
use ordinate_trials::Trials;
use support::{Pool, setting};

/// Cross-fitting plays each fold at what the others chose, so that what is expected to be no worse may come out a little so.
const LUCK: f64 = 0.005;

/// Three candidates at 1, 2 and 3 dollars for 1,000 items; the dearer the better, and each best on slices of its own.
fn trials(seed: u64, items: usize, kinds: &[PolicyKind]) -> Trials {
    let pool = Pool { items, slices: 6, groups: None, truth: vec![0.5, 0.62, 0.7], seed };
    let evidence: Evidence =
        pool.spoken_with(|model, slice, quality| quality + if slice % 3 == model { 0.15 } else { 0.0 });
    learn(&evidence.view(), &learners(Some(kinds)), &Plan { folds: 5, seed: 1 }).unwrap().trials
}

/// The verdict under these needs.
fn verdict(trials: &Trials, needs: &[&str]) -> Verdict {
    let mut all = Needs::default();
    needs.iter().for_each(|need| all.set(need).unwrap());
    decide(trials, &all, &setting())
}

fn row(verdict: &Verdict, name: &str) -> (f64, f64) {
    let row = verdict.policies.iter().find(|row| row.name == name).unwrap();
    (row.quality.mean, row.cost_per_1k.unwrap())
}

#[test]
fn what_helps_is_bought() {
    for seed in 0..2 {
        let evidence = trials(seed, 800, &[PolicyKind::BySlice]);
        let free = verdict(&evidence, &[]);
        let mut last = std::collections::BTreeMap::new();
        for budget in [1.1, 1.4, 1.7, 2.0, 2.3, 2.6] {
            let verdict = verdict(&evidence, &[&format!("max_cost_per_1k={budget}")]);
            for name in ["by-slice", "zero-router"] {
                let (quality, cost) = row(&verdict, name);
                let wants = if name == "zero-router" { 3.0 } else { row(&free, name).1 };
                assert!(cost <= budget, "{seed} {name}: {cost} of {budget}");
                assert!(
                    cost >= 0.95 * budget.min(wants),
                    "{seed} {name}: {cost} of {budget}, {wants} without"
                );
                let before = last.insert(name, quality).unwrap_or(0.0);
                assert!(quality >= before - LUCK, "{seed} {name}: {quality} after {before} at {budget}");
            }
            let recommended = verdict.recommended.as_ref().unwrap();
            let coin = row(&verdict, "zero-router");
            // A coin across lineages has to be clearly worth them, as all that joins lineages has; until then it is a rival.
            let loses = coin.0 - recommended.quality.mean;
            assert!(
                loses <= 0.01
                    || recommended.kind == PolicyKind::Single
                    || verdict.outcome == Outcome::Undecided,
                "{seed} {loses}: {:?}",
                verdict.why
            );
            let before = last.insert("recommended", recommended.quality.mean).unwrap_or(0.0);
            assert!(recommended.quality.mean >= before - LUCK, "{seed} at {budget}: {:?}", verdict.why);
        }
    }
}

/// Without a budget nobody tosses a coin, and a budget that nobody exceeds changes nothing.
#[test]
fn a_budget_that_does_not_bind_is_none() {
    let evidence = trials(5, 200, &[PolicyKind::BySlice, PolicyKind::Route]);
    let (free, loose) = (verdict(&evidence, &[]), verdict(&evidence, &["max_cost_per_1k=100"]));
    assert!(free.policies.iter().all(|row| row.mix.is_none() && row.kind != PolicyKind::ZeroRouter));
    assert_eq!(free.recommended, loose.recommended);
    assert_eq!(free.policies, loose.policies);
}

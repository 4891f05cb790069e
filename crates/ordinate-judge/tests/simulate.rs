//! Simulated pools where the truth is known: luck must not be taken for a reason to combine or to choose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use ordinate_core::PolicyKind;
use ordinate_core::verdict::{Outcome, Verdict};
use rayon::prelude::*;
use support::{Pool, verdict};

#[test]
fn equal_models_are_not_combined_and_seldom_told_apart() {
    let (mut combined, mut claimed) = (0, 0);
    for seed in 0..200 {
        let pool = Pool { items: 400, slices: 5, groups: None, truth: vec![0.7, 0.7], seed };
        let verdict = verdict(&pool.evidence(), &[]);
        let recommended = verdict.recommended.unwrap();
        combined += usize::from(recommended.kind != PolicyKind::Single);
        claimed += usize::from(matches!(verdict.outcome, Outcome::General | Outcome::Vertical));
        if verdict.outcome == Outcome::Undecided {
            let undecided = verdict.undecided.unwrap();
            assert!(undecided.items_needed > 400, "{undecided:?}");
            // A lookup that nearly always asks the same one, and may lead all the same, differs on few items.
            let lookup = verdict.why.iter().any(|why| why.starts_with("Undecided: by-slice"));
            let least = if lookup { 0.005 } else { 0.02 };
            assert!(
                undecided.smallest_detectable > least && undecided.smallest_detectable < 0.2,
                "{undecided:?} {:?}",
                verdict.why
            );
        }
    }
    assert_eq!(combined, 0, "of 200 pools a combination was recommended in {combined}");
    assert!(claimed <= 10, "of 200 pools a lineage was claimed in {claimed}");
}

#[test]
fn few_items_are_no_reason_to_be_sure() {
    for (items, truth) in [(3, 0.5), (5, 0.5), (8, 0.5), (10, 0.5), (20, 0.5), (30, 0.9), (50, 0.5)] {
        let claimed = (0..200)
            .filter(|&seed| {
                let pool = Pool { items, slices: 2, groups: None, truth: vec![truth, truth], seed };
                verdict(&pool.evidence(), &[]).outcome != Outcome::Undecided
            })
            .count();
        assert!(claimed <= 10, "of 200 pools of {items} items something was claimed in {claimed}");
    }
}

#[test]
fn a_dominant_model_is_recommended_alone() {
    for seed in 0..200 {
        let pool = Pool { items: 400, slices: 5, groups: None, truth: vec![0.9, 0.6, 0.5], seed };
        let verdict = verdict(&pool.evidence(), &[]);
        assert_eq!(verdict.outcome, Outcome::General, "{:?}", verdict.why);
        assert_eq!(verdict.recommended.unwrap().name, "m0");
    }
}

#[test]
fn luck_that_is_shared_by_groups_is_not_believed() {
    let claimed = (0..200)
        .filter(|&seed| {
            let pool = Pool { items: 400, slices: 4, groups: Some(40), truth: vec![0.7, 0.7], seed };
            let outcome = verdict(&pool.evidence(), &[]).outcome;
            matches!(outcome, Outcome::General | Outcome::Vertical | Outcome::Combined)
        })
        .count();
    assert!(claimed <= 10, "of 200 pools something was claimed in {claimed}");
}

/// With inputs and outputs all policies are tried: none may find something where there is nothing.
#[test]
fn learned_policies_find_nothing_where_there_is_nothing() {
    nothing_is_found(12);
}

/// The same for 200 pools of each kind, some minutes: `cargo test --release -p ordinate-judge -- --ignored`.
#[test]
#[ignore = "takes some minutes"]
fn learned_policies_find_nothing_in_many_pools() {
    nothing_is_found(200);
}

fn nothing_is_found(pools: u64) {
    let count = |truth: &[f64], wrong: &(dyn Fn(&Verdict) -> bool + Sync)| {
        let wrong_in = |seed: u64| {
            let pool = Pool { items: 300, slices: 3, groups: None, truth: truth.to_vec(), seed };
            let verdict = verdict(&pool.spoken(), &[]);
            assert!(verdict.policies.len() >= 6, "{:?}", verdict.why);
            usize::from(wrong(&verdict))
        };
        (0..pools).into_par_iter().map(wrong_in).sum::<usize>()
    };
    let single = |verdict: &Verdict, name: Option<&str>| {
        verdict.recommended.as_ref().is_some_and(|recommended| {
            recommended.kind == PolicyKind::Single && name.is_none_or(|name| recommended.name == name)
        })
    };
    let equal = count(&[0.7, 0.7], &|verdict| !single(verdict, None));
    assert_eq!(equal, 0, "two equal models were combined in {equal} of {pools} pools");
    let dominated = count(&[0.9, 0.6, 0.5], &|verdict| !single(verdict, Some("m0")));
    assert_eq!(dominated, 0, "the dominant model was not recommended alone in {dominated} of {pools} pools");
}

#[test]
fn a_real_advantage_by_slice_is_found() {
    let pool = Pool { items: 2000, slices: 4, groups: None, truth: vec![0.7, 0.68], seed: 3 };
    let verdict = verdict(
        &pool.evidence_with(|model, slice, quality| {
            // m0 knows the even slices, m1 the odd ones.
            quality + if model == slice % 2 { 0.15 } else { -0.15 }
        }),
        &[],
    );
    assert_eq!(verdict.outcome, Outcome::Combined, "{:?}", verdict.why);
    let by_slice = verdict.policies.iter().find(|policy| policy.name == "by-slice").unwrap();
    assert!(by_slice.gain_over_best_single.low > 0.08, "{by_slice:?}");
    assert!((by_slice.share["m0"] - 0.5).abs() < 0.01);
}

//! Tables with known truth on which a verdict once went wrong, read from `../shared` where it is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ordinate_combine::{Plan, learn, learners};
use ordinate_core::verdict::{Outcome, Verdict};
use ordinate_data::{load_evidence, read_task};
use ordinate_judge::{Resampling, Setting, decide};

/// The folder of a case, or `None` after saying that the test is skipped.
fn case(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/verdict").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not here", folder.display());
    None
}

fn verdict(task: &Path, needs: &[&str], seed: u64) -> Verdict {
    let task = read_task(task).unwrap();
    let mut all = task.file.needs.clone();
    needs.iter().for_each(|need| all.set(need).unwrap());
    let evidence = load_evidence(&task).unwrap().evidence;
    let learned = learn(&evidence.view(), &learners(None), &Plan { folds: 5, seed }).unwrap();
    let setting = Setting {
        task: task.file.task.name,
        resampling: Resampling { resamples: 2_000.try_into().unwrap(), seed, interval: Default::default() },
        guess_rate: None,
        metric: None,
        floors: Vec::new(),
        notes: Vec::new(),
        hosted: Vec::new(),
        measured: Vec::new(),
        deployment: Vec::new(),
        series: Vec::new(),
        learning: Vec::new(),
        judge: None,
    };
    decide(&learned.trials, &all, &setting)
}

fn said(verdict: &Verdict) -> String {
    let name = verdict.recommended.as_ref().map(|recommended| recommended.name.as_str());
    format!("{} {name:?}\n  {}", verdict.outcome, verdict.why.join("\n  "))
}

#[test]
fn equal_texts_are_no_reason_to_combine() {
    let Some(folder) = case("dup") else { return };
    let verdict = verdict(&folder.join("t.toml"), &[], 0);
    assert_ne!(verdict.outcome, Outcome::Combined, "{}", said(&verdict));
    assert_eq!(verdict.basis.groups, Some(150));
}

/// A combination that is better leads, and is never hidden behind a decided single.
#[test]
fn a_lead_is_never_hidden() {
    for (name, seed) in [
        ("general_although_lead_weakcont_200", 6),
        ("general_although_lead_weak01_3000", 14),
        ("general_by_design", 2),
    ] {
        let Some(folder) = case(name) else { return };
        let verdict = verdict(&folder.join("t.toml"), &[], seed);
        let open = matches!(verdict.outcome, Outcome::Combined | Outcome::Undecided);
        assert!(open, "{name}: {}", said(&verdict));
    }
}

#[test]
fn few_equal_scores_prove_nothing() {
    for name in ["ni_10", "ni_20", "ni_20b"] {
        let Some(folder) = case(name) else { return };
        let verdict = verdict(&folder.join("t.toml"), &[], 0);
        assert_eq!(verdict.outcome, Outcome::Undecided, "{name}: {}", said(&verdict));
    }
}

#[test]
fn the_luckiest_of_fifteen_claims_nothing() {
    let Some(folder) = case("asym_1v15") else { return };
    let verdict = verdict(&folder.join("t.toml"), &[], 2);
    assert_eq!(verdict.outcome, Outcome::Undecided, "{}", said(&verdict));
}

#[test]
fn what_was_left_out_may_have_been_wrong() {
    let Some(folder) = case("mnar") else { return };
    let verdict = verdict(&folder.join("t.toml"), &[], 0);
    assert_ne!(verdict.outcome, Outcome::Vertical, "{}", said(&verdict));
    assert!(verdict.missing_at_worst.is_some());
    assert!(verdict.why.iter().any(|why| why.contains("167 of 400")), "{}", said(&verdict));
}

/// A coin may be tossed between any two candidates, also one that is beyond the budget by itself.
#[test]
fn no_policy_wins_that_loses_against_a_coin_toss() {
    let Some(folder) = case("coin_toss") else { return };
    let verdict = verdict(&folder.join("t.toml"), &["max_cost_per_1k=6"], 0);
    let recommended = verdict.recommended.as_ref().unwrap();
    assert!(recommended.quality.mean > 0.70, "{}", said(&verdict));
    let cost = recommended.cost_per_1k.unwrap();
    assert!((0.95 * 6.0..=6.0).contains(&cost), "{cost}: {}", said(&verdict));
    // Whatever else was tried and is recommended beats the coin that the budget buys.
    let coin = verdict.policies.iter().find(|policy| policy.name == "zero-router").unwrap();
    assert!(recommended.quality.mean >= coin.quality.mean, "{coin:?}");
    assert!(coin.mix.is_some_and(|mix| (mix.share - 5.0 / 9.0).abs() < 0.01), "{coin:?}");
}

/// The whole way from a tight budget to a loose one: every step is spent, and none is worse.
#[test]
fn a_looser_budget_is_never_worse() {
    let Some(folder) = case("coin_toss") else { return };
    let mut last = 0.0;
    for budget in [1.2, 2.0, 3.0, 4.5, 6.0, 7.5, 9.0, 9.9] {
        let verdict = verdict(&folder.join("t.toml"), &[&format!("max_cost_per_1k={budget}")], 0);
        let recommended = verdict.recommended.as_ref().unwrap();
        let (quality, cost) = (recommended.quality.mean, recommended.cost_per_1k.unwrap());
        assert!(
            quality >= last && cost <= budget,
            "{budget}: {quality} after {last}, {cost}; {}",
            said(&verdict)
        );
        last = quality;
    }
}

#[test]
fn a_hundredth_of_the_answers_decides_nothing() {
    let Some(folder) = case("one_percent_vertical") else { return };
    for (task, needs) in [("t.toml", &[][..]), ("t.toml", &["margin=0.01"]), ("without.toml", &[])] {
        let verdict = verdict(&folder.join(task), needs, 0);
        assert_eq!(verdict.outcome, Outcome::General, "{task} {needs:?}: {}", said(&verdict));
    }
}

#[test]
fn one_data_set_has_one_outcome() {
    for name in ["seed/strong01_300", "seed/weak01_1500", "seed/weakcont_200", "seed_general_or_combined"] {
        let Some(folder) = case(name) else { return };
        let outcomes: Vec<Outcome> =
            (0..40).map(|seed| verdict(&folder.join("t.toml"), &[], seed).outcome).collect();
        let most = outcomes.iter().map(|one| outcomes.iter().filter(|other| *other == one).count()).max();
        assert!(most >= Some(38), "{name}: {outcomes:?}");
    }
}

/// Rows and candidates in another order give the same verdict, to the last digit.
#[test]
fn the_order_makes_no_difference() {
    let Some(folder) = case("seed_general_or_combined") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let table = std::fs::read_to_string(folder.join("e.csv")).unwrap();
    let (head, rows) = table.split_once('\n').unwrap();
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.reverse();
    std::fs::write(scratch.path().join("e.csv"), format!("{head}\n{}\n", rows.join("\n"))).unwrap();
    let mut task = "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nevidence = \"e.csv\"\n".to_owned();
    for (name, lineage) in [("m3", "vertical"), ("m0", "general"), ("m2", "vertical"), ("m1", "general")] {
        let _ = write!(task, "[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\n");
    }
    std::fs::write(scratch.path().join("t.toml"), task).unwrap();
    let (as_it_is, turned) =
        (verdict(&folder.join("t.toml"), &[], 0), verdict(&scratch.path().join("t.toml"), &[], 0));
    assert!(as_it_is == turned, "{}\n{}", said(&as_it_is), said(&turned));
}

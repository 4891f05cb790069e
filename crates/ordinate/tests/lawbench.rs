//! The README's example: real models, real scores, known figures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use support::{Desk, named, number, root};

fn example() -> std::path::PathBuf {
    root().join("examples/lawbench/ordinate.toml")
}

#[test]
fn sending_each_task_to_the_right_model_beats_gpt4() {
    let verdict = Desk::new().verdict(&example(), &[]);
    assert_eq!(verdict["outcome"], "combined");
    let gpt4 = named(&verdict, "candidates", "GPT4");
    assert!((number(gpt4, "quality.mean") - 0.524).abs() < 0.0005);
    let by_slice = named(&verdict, "policies", "by-slice");
    assert!((number(by_slice, "quality.mean") - 0.587).abs() <= 0.004);
    assert!(number(by_slice, "gain_over_best_single.low") > 0.055);
    assert!(number(by_slice, "cost_per_1k") < 0.70 * number(gpt4, "cost_per_1k"));
    assert!(verdict["assumed"].to_string().contains("estimate"), "token counts and prices are estimates");
}

#[test]
fn a_fiftieth_of_the_price_buys_gpt4s_quality() {
    let verdict = Desk::new().verdict(&example(), &["--need", "max_cost_per_1k=0.25"]);
    assert!(number(&verdict, "recommended.quality.mean") >= 0.51, "{}", verdict["recommended"]);
    assert!(number(&verdict, "recommended.cost_per_1k") <= 0.25);
}

#[test]
fn among_vertical_models_the_outcome_is_vertical() {
    let desk = Desk::new();
    let text = std::fs::read_to_string(example()).unwrap();
    let mut task: toml::Table = text.parse().unwrap();
    let candidates = task["candidate"].as_array_mut().unwrap();
    candidates.retain(|candidate| candidate["lineage"].as_str() == Some("vertical"));
    assert_eq!(candidates.len(), 7);
    let table = root().join("examples/lawbench/lawbench.csv.gz");
    desk.write("lawbench.csv.gz", std::fs::read(table).unwrap());
    let task = desk.write("ordinate.toml", task.to_string());
    let verdict = desk.verdict(&task, &["--need", "goal=quality"]);
    assert_eq!(verdict["outcome"], "vertical");
    assert!(verdict["assumed"].to_string().contains("GPT4"), "who is left out is said");
}

#[test]
fn the_same_seed_gives_the_same_verdict() {
    let (a, b) = (Desk::new(), Desk::new());
    assert_eq!(a.verdict(&example(), &["--seed", "7"]), b.verdict(&example(), &["--seed", "7"]));
    assert_ne!(a.verdict(&example(), &["--seed", "8"]), b.verdict(&example(), &["--seed", "7"]));
}

#[test]
fn what_nobody_can_meet_is_said() {
    let verdict = Desk::new().verdict(&example(), &["--need", "min_quality=0.9"]);
    assert!(verdict["recommended"].is_null());
    assert!(verdict["why"].to_string().contains("min_quality"), "{}", verdict["why"]);
}

#[test]
fn a_run_folder_holds_all_that_it_promises() {
    let desk = Desk::new();
    desk.verdict(&example(), &[]);
    for file in ["task.toml", "evidence.parquet", "policies/by-slice.json", "verdict.json", "report.html"] {
        assert!(desk.path("run").join(file).is_file(), "{file}");
    }
    let again = desk.ordinate(["report", "run", "--json"]);
    let verdict: serde_json::Value = serde_json::from_str(&again.stdout()).unwrap();
    let file = verdict["recommended"]["file"].as_str().unwrap();
    assert!(desk.path("run").join(file).is_file());
    let summary = desk.ordinate(["report", "run"]).stdout();
    assert!(summary.lines().all(|line| line.chars().count() <= 100), "{summary}");
    assert!(summary.to_lowercase().contains("combined"));
}

//! Every case of `../shared/cases/inputs`, by its name: files and servers as people reported them, and what is right. Tests of
//! the same kinds with invented data are in `inputs.rs`, `replies.rs` and the importers' and readers' own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/cases.rs"]
mod cases;
mod support;

use cases::{Served, case, replace};
use serde_json::Value;
use support::{Desk, Ran, named, number};

fn import(desk: &Desk, logs: &[&str], out: &str) -> String {
    let ran = desk.ordinate([&["import"], logs, &["--out", out]].concat());
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    ran.stdout()
}

/// The line of an import that has this candidate.
fn line<'a>(said: &'a str, candidate: &str) -> &'a str {
    let begins = format!("  {candidate} ");
    said.lines().find(|line| line.starts_with(&begins)).unwrap_or_else(|| panic!("no {candidate}: {said}"))
}

#[test]
fn case_01_two_runs_of_a_model_are_mixed() {
    let Some(desk) = case("inputs/01-two-runs-of-a-model-are-mixed") else { return };
    let said = import(&desk, &["logs"], "mine");
    assert!(line(&said, "org/alpha").contains("0.000, 30 scored"), "{said}");
    assert!(line(&said, "org/alpha (run 2)").contains("0.900, 100 scored"), "{said}");
    assert!(line(&said, "org/beta").contains("0.750, 100 scored"), "{said}");
    replace(
        &desk,
        "mine/ordinate.toml",
        "\"org/beta\"\nlineage = \"general\"",
        "\"org/beta\"\nlineage = \"vertical\"",
    );
    let verdict = desk.verdict(&desk.path("mine/ordinate.toml"), &[]);
    assert_eq!(verdict["recommended"]["name"], "org/alpha (run 2)");
}

#[test]
fn case_03_error_column_that_says_no_error() {
    let Some(desk) = case("inputs/03-error-column-that-says-no-error") else { return };
    for task in ["csv.toml", "jsonl.toml", "parquet.toml"] {
        assert_eq!(desk.ordinate(["check", task]).status(), 0);
        let verdict = desk.verdict(&desk.path(task), &[]);
        let vertical = named(&verdict, "candidates", "vert-b");
        assert_eq!((&vertical["errors"], &verdict["outcome"]), (&0.into(), &"vertical".into()), "{task}");
        assert!((number(vertical, "quality.mean") - 0.8375).abs() < 1e-9, "{task}");
    }
}

#[test]
fn case_04_lm_eval_models_scored_by_different_filters() {
    let Some(desk) = case("inputs/04-lm-eval-models-scored-by-different-filters") else { return };
    let refused = desk.ordinate(["import", "one-filter-each", "--out", "a"]).refusal();
    assert!(refused.contains("strict-match") && refused.contains("flexible-extract"), "{refused}");
    let said = import(&desk, &["other-order"], "b");
    let means = ["org/alpha", "org/beta"].map(|name| line(&said, name).contains("mean 0.300"));
    assert_eq!(means, [true, true], "{said}");
}

#[test]
fn case_06_hugging_face_classlabel() {
    let Some(desk) = case("inputs/06-hugging-face-classlabel") else { return };
    let said = desk.ordinate(["check", "task.toml", "--show-prompt"]).stdout();
    assert!(said.contains("- negative\n- positive\n") && !said.contains("- 0"), "{said}");
    let ran = desk.ordinate(["init", "test.parquet", "--out", "new.toml"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    assert_eq!(desk.ordinate(["check", "new.toml"]).status(), 0);
}

#[test]
fn case_08_promptfoo_column_taken_for_prompt() {
    let Some(desk) = case("inputs/08-promptfoo-column-taken-for-prompt") else { return };
    let said = import(&desk, &["two-by-two.json"], "a");
    for name in ["openai:gpt-x", "openai:gpt-x (prompt 2)", "ollama:med-7b", "ollama:med-7b (prompt 2)"] {
        line(&said, name);
    }
    assert!(!said.contains("(prompt 3)") && !said.contains("(prompt 4)"), "{said}");
    let said = import(&desk, &["monday.json", "tuesday.json"], "b");
    for name in ["openai:gpt-x", "openai:gpt-x (run 2)", "ollama:med-7b", "ollama:med-7b (run 2)"] {
        line(&said, name);
    }
    assert!(!said.contains("(prompt 2)"), "{said}");
}

#[test]
fn case_09_lm_eval_logs_without_metrics_key() {
    let Some(desk) = case("inputs/09-lm-eval-logs-without-metrics-key") else { return };
    for (logs, of_filters) in [("logs", false), ("two-filters", true)] {
        let said = import(&desk, &[logs], &format!("mine-{logs}"));
        assert!(line(&said, "org/alpha").contains("mean 0.333, 30 scored"), "{said}");
        assert!(line(&said, "org/beta").contains("mean 0.567, 30 scored"), "{said}");
        assert_eq!(said.contains("did not name: the first is taken"), of_filters, "{said}");
    }
}

#[test]
fn case_10_lm_eval_jsonl_that_is_an_array() {
    let Some(desk) = case("inputs/10-lm-eval-jsonl-that-is-an-array") else { return };
    let said = import(&desk, &["logs"], "a");
    assert!(line(&said, "org__alpha").contains("mean 0.433, 30 scored"), "{said}");
    assert!(line(&said, "org__beta").contains("mean 0.800, 30 scored"), "{said}");
    let said = import(&desk, &["logs/org__alpha/pebbles.jsonl"], "b");
    assert!(said.contains("30 items, 1 candidate\n"), "{said}");
}

#[test]
fn case_11_inspect_json_log() {
    let Some(desk) = case("inputs/11-inspect-json-log") else { return };
    let said = import(&desk, &["2026-03-01T09-00-00_stones_abc.json"], "mine");
    assert!(line(&said, "lab/general").contains("mean 0.750, 12 scored"), "{said}");
    assert!(said.contains("0.7500 includes of lab/general") && said.contains("imported 0.7500"), "{said}");
    let verdict = desk.verdict(&desk.path("mine/ordinate.toml"), &[]);
    assert!(verdict["why"].to_string().contains("Nothing to compare yet"), "{}", verdict["why"]);
}

/// Runs `task.toml` of a case beside its own server.
fn served(desk: &Desk) -> Ran {
    let server = Served::start(desk, "serve.py", &["."]);
    replace(desk, "task.toml", ":18801", &format!(":{}", server.port));
    desk.ordinate(["run", "task.toml", "--json", "--out", "run"])
}

fn verdict(ran: &Ran) -> Value {
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    serde_json::from_str(&ran.stdout()).unwrap()
}

fn cost(verdict: &Value, name: &str) -> f64 {
    number(named(verdict, "candidates", name), "cost_per_1k")
}

#[test]
fn case_12_reasoning_tokens_not_priced() {
    let Some(desk) = case("inputs/12-reasoning-tokens-not-priced") else { return };
    let verdict = verdict(&served(&desk));
    assert!((cost(&verdict, "odd") - 1.026).abs() < 1e-9 && (cost(&verdict, "good") - 0.026).abs() < 1e-9);
}

#[test]
fn case_14_cut_at_length_scored() {
    let Some(desk) = case("inputs/14-cut-at-length-scored") else { return };
    let ran = served(&desk);
    let said = ran.stderr();
    assert_eq!(ran.status(), 1, "{said}");
    assert!(said.contains("24 replies were cut: raise `max_tokens`"), "{said}");
    assert!(said.contains("none of its 24 items has a usable answer"), "{said}");
    // Free text that was cut is no answer either.
    replace(&desk, "task.toml", "kind=\"classify\"", "kind=\"generate\"");
    let server = Served::start(&desk, "serve.py", &["."]);
    let text = std::fs::read_to_string(desk.path("task.toml")).unwrap();
    let old = text.split("127.0.0.1:").nth(1).unwrap().split('/').next().unwrap();
    replace(&desk, "task.toml", &format!(":{old}/"), &format!(":{}/", server.port));
    let ran = desk.ordinate(["run", "task.toml", "--json", "--out", "text"]);
    assert_eq!(ran.status(), 1, "{}", ran.stderr());
}

#[test]
fn case_16_no_answer_at_all_firm_verdict() {
    let Some(desk) = case("inputs/16-no-answer-at-all-firm-verdict") else { return };
    let ran = served(&desk);
    let said = ran.stderr();
    assert_eq!(ran.status(), 1, "{said}");
    assert!(said.contains("none of its 24 items has a usable answer"), "{said}");
    assert!(said.contains("24 replies were cut: raise `max_tokens` first of all"), "{said}");
    assert!(!desk.path("run/verdict.json").exists());
}

#[test]
fn case_17_azure_content_filter() {
    let Some(desk) = case("inputs/17-azure-content-filter") else { return };
    let verdict = verdict(&served(&desk));
    let measured = named(&verdict, "measured", "odd");
    assert_eq!(measured["errors"], serde_json::json!({ "filtered": 24 }));
    assert_eq!(verdict["outcome"], "undecided");
    assert!(verdict["why"][0].as_str().unwrap().starts_with("odd was not measured"), "{}", verdict["why"]);
}

#[test]
fn case_19_usage_of_odd_type() {
    let Some(desk) = case("inputs/19-usage-of-odd-type") else { return };
    let verdict = verdict(&served(&desk));
    assert!((cost(&verdict, "odd") - 0.026).abs() < 1e-9, "{}", cost(&verdict, "odd"));
    assert!((number(named(&verdict, "candidates", "odd"), "quality.mean") - 1.0).abs() < 1e-12);
}

#[test]
fn case_21_semicolon_csv() {
    let Some(desk) = case("inputs/21-semicolon-csv") else { return };
    let means: Vec<Vec<f64>> = ["scores.toml", "sep.toml", "tab.toml"]
        .iter()
        .map(|task| {
            let verdict = desk.verdict(&desk.path(task), &[]);
            ["gen-a", "vert-b"]
                .map(|name| number(named(&verdict, "candidates", name), "quality.mean"))
                .to_vec()
        })
        .collect();
    assert_eq!((&means[0], &means[0]), (&means[1], &means[2]));
    // Its UTF-16 is read: what it says is that a candidate has no row.
    let refused = desk.ordinate(["check", "utf16.toml"]).refusal();
    assert!(refused.contains("the table has gen-a"), "{refused}");
}

#[test]
fn case_22_wide_table() {
    let Some(desk) = case("inputs/22-wide-table") else { return };
    let ran = desk.ordinate(["init", "responses.csv"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    assert_eq!(desk.ordinate(["check", "ordinate.toml"]).status(), 0);
    let verdict = desk.verdict(&desk.path("ordinate.toml"), &[]);
    let big = named(&verdict, "candidates", "org/big-model");
    assert!((number(big, "quality.mean") - 2.0 / 3.0).abs() < 1e-9);
    assert!((number(big, "cost_per_1k") - 4.0).abs() < 1e-9);
    named(&verdict, "candidates", "med-7b");
}

#[test]
fn case_24_another_model_answered() {
    let Some(desk) = case("inputs/24-another-model-answered") else { return };
    let verdict = verdict(&served(&desk));
    let others = &named(&verdict, "measured", "odd")["other_models"];
    assert_eq!(others, &serde_json::json!({ "another-model-mini": 24 }));
    assert!(verdict["assumed"].to_string().contains("another-model-mini"), "{}", verdict["assumed"]);
}

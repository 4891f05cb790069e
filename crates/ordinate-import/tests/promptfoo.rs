//! Columns of promptfoo: each is a provider with a prompt. The evaluations are made here, as promptfoo writes them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Done, run};
use ordinate_import::Compared;
use serde_json::{Value, json};
use tempfile::TempDir;

fn write(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

/// An evaluation of promptfoo: provider and prompt of each column, all tests right in the first column.
fn promptfoo(columns: &[(&str, Option<&str>)], summarised: bool) -> String {
    let rows: Vec<Value> = (0..4)
        .flat_map(|test| columns.iter().enumerate().map(move |(at, column)| (test, at, *column)))
        .map(|(test, at, (provider, prompt))| {
            let mut row = json!({"promptIdx": at, "testIdx": test, "provider": {"id": provider, "label": ""},
                "vars": {"ticket": format!("ticket {test}")}, "testCase": {"assert": [{"type": "equals", "value": "yes"}]},
                "response": {"output": "yes"}, "success": at == 0, "score": u8::from(at == 0), "namedScores": {},
                "latencyMs": 100 + at, "failureReason": 0});
            if let Some(prompt) = prompt {
                row["promptId"] = prompt.into();
                row["prompt"] = json!({"raw": format!("{prompt} {test}"), "label": format!("label of {prompt}")});
            }
            row
        })
        .collect();
    let prompt = |at: usize| {
        json!({"metrics": {"score": if at == 0 { 4 } else { 0 }, "testPassCount": if at == 0 { 4 } else { 0 },
        "testFailCount": if at == 0 { 0 } else { 4 }, "testErrorCount": 0}})
    };
    let prompts: Vec<Value> = if summarised { (0..columns.len()).map(prompt).collect() } else { Vec::new() };
    json!({"evalId": "eval-1", "results": {"version": 3, "timestamp": "2026-03-01T09:00:00Z", "prompts": prompts,
        "results": rows, "stats": {}}, "config": {}, "shareableUrl": null})
    .to_string()
}

fn names(done: &Done) -> Vec<String> {
    let mut names: Vec<String> = done.summary().into_iter().map(|row| row.0).collect();
    names.sort();
    names
}

#[test]
fn a_column_of_promptfoo_is_a_provider_and_a_prompt() {
    let folder = TempDir::new().unwrap();
    let one = |columns: &[(&str, Option<&str>)]| {
        let log = write(folder.path(), "one.json", &promptfoo(columns, true));
        run(&[log])
    };
    let (gpt, med) = ("openai:gpt-x", "ollama:med-7b");
    let done = one(&[(gpt, Some("p0")), (gpt, Some("p1")), (med, Some("p0")), (med, Some("p1"))]);
    let expected = [med, "ollama:med-7b (prompt 2)", gpt, "openai:gpt-x (prompt 2)"];
    assert_eq!(names(&done), expected);
    assert!(done.imported.compared.len() == 4 && done.imported.compared.iter().all(Compared::agrees));
    // Two configurations of one provider are two.
    let done = one(&[(gpt, Some("p0")), (gpt, Some("p0"))]);
    assert_eq!(names(&done), [gpt, "openai:gpt-x (configuration 2)"]);
    // Rows that do not name their prompt.
    let done = one(&[(gpt, None), (gpt, None), (med, None)]);
    assert_eq!(names(&done), [med, gpt, "openai:gpt-x (prompt 2)"]);
}

#[test]
fn a_second_day_of_promptfoo_is_a_second_run() {
    let folder = TempDir::new().unwrap();
    let (gpt, med) = (("openai:gpt-x", Some("p0")), ("ollama:med-7b", Some("p0")));
    let monday = write(folder.path(), "monday.json", &promptfoo(&[gpt, med], false));
    let tuesday = write(folder.path(), "tuesday.json", &promptfoo(&[med, gpt], false));
    let done = run(&[monday, tuesday]);
    assert_eq!(
        names(&done),
        ["ollama:med-7b", "ollama:med-7b (run 2)", "openai:gpt-x", "openai:gpt-x (run 2)"]
    );
}

/// Values beyond belief are left out: the sum of such costs is no number.
#[test]
fn costs_and_times_beyond_belief_are_left_out() {
    let folder = TempDir::new().unwrap();
    let text = promptfoo(&[("a", Some("p"))], false);
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let rows = document["results"]["results"].as_array_mut().unwrap();
    (rows[0]["cost"], rows[1]["latencyMs"]) = (1e308.into(), 1e300.into());
    let done = run(&[write(folder.path(), "x.json", &document.to_string())]);
    let answers = done.answers("a");
    assert!(answers.iter().all(|answer| answer.get("cost_usd").is_none()));
    assert_eq!(answers.iter().filter(|answer| answer.get("latency_ms").is_none()).count(), 1);
    assert!(done.noted("1 values of cost_usd were negative, beyond belief"), "{:?}", done.imported.notes);
}

//! The real logs beside the repository, against the tools' own aggregates.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod common;

use std::fs;

use common::{run, shared};
use serde_json::Value;

#[test]
fn lm_evaluation_harness() {
    let Some(folder) = shared("lm-eval") else { return };
    let done = run(std::slice::from_ref(&folder));
    let results = folder.join("i82qcls7/results_2026-11-23T11-16-31.733699.json");
    let results: Value = serde_json::from_str(&fs::read_to_string(results).unwrap()).unwrap();
    for (task, metric) in [("toy_gen", "exact_match,strict"), ("toy_mc", "acc,none")] {
        let theirs = results["results"][task][metric].as_f64().unwrap();
        assert_eq!(done.task_mean("i82qcls7", task), (theirs, 3));
    }
    assert_eq!(done.summary(), [("i82qcls7".into(), 6, 0, 0, Some(0.0))]);
    println!("lm-eval: {:?}", done.imported);
}

#[test]
fn inspect() {
    let Some(folder) = shared("inspect") else { return };
    let done = run(&[folder]);
    // header.json: includes/accuracy 0.5 over two samples of two epochs.
    assert_eq!(done.summary(), [("mockllm/model".into(), 4, 0, 0, Some(0.5))]);
    assert_eq!(done.imported.items, 4);
    println!("inspect: {:?}", done.imported);
    let by_match = ordinate_import::Options { metric: Some("match".into()), ..Default::default() };
    let done = common::try_import(&[shared("inspect").unwrap()], &by_match).unwrap();
    assert_eq!(done.summary()[0].4, Some(0.0), "header.json: match/accuracy 0.0");
}

#[test]
fn promptfoo() {
    let Some(json) = shared("promptfoo/out.json") else { return };
    let whole = run(std::slice::from_ref(&json));
    let rows = run(&[shared("promptfoo/out.jsonl").unwrap()]);
    let document: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    for done in [&whole, &rows] {
        assert_eq!(done.imported.items, 2);
        for (at, name) in ["echo", "echo (prompt 2)"].into_iter().enumerate() {
            let metrics = &document["results"]["prompts"][at]["metrics"];
            let answers = done.answers(name);
            let sum: f64 = answers.iter().map(|answer| answer["score"].as_f64().unwrap()).sum();
            assert_eq!(sum, metrics["score"].as_f64().unwrap());
            assert_eq!(
                answers.len() as u64,
                metrics["testPassCount"].as_u64().unwrap() + metrics["testFailCount"].as_u64().unwrap()
            );
            // A failed assertion has a text in `error` and is a wrong answer, not an error.
            assert!(answers.iter().all(|answer| answer.get("error").is_none()));
        }
        assert_eq!(done.summary()[0], ("echo".into(), 2, 0, 0, Some(0.5)));
    }
    assert_eq!(whole.answers("echo"), rows.answers("echo"));
    assert_eq!(whole.items()[1]["target"], "nope");
    println!("promptfoo: {:?}", whole.imported);
}

#[test]
fn all_at_once() {
    let Some(root) = shared("") else { return };
    let done = run(&[root]);
    assert_eq!(done.imported.items, 6 + 4 + 2);
    // out.json and out.jsonl are one run, named twice: its answers are there as two runs, and a note says so.
    assert_eq!(done.imported.candidates.len(), 1 + 1 + 2 * 2);
    assert!(done.noted("echo (run 2)"), "{:?}", done.imported.notes);
}

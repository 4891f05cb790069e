//! Answers that ended badly (cut, withheld, broken off, empty) are told per candidate, whatever the format that says so.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod common;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use common::{Done, fixture, run};
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

fn told(done: &Done, name: &str) -> String {
    let start = format!("{name}: ");
    let notes = || done.imported.notes.iter().filter(|note| note.contains("of its answers were"));
    let note = notes().find(|note| note.starts_with(&start)).cloned().unwrap_or_default();
    let task = fs::read_to_string(&done.imported.task_file).unwrap();
    let in_verdict = done.task_file().data.notes.contains(&note);
    assert!(note.is_empty() || in_verdict, "{note}: the readers of the verdict see it too: {task}");
    note
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A run of HELM whose three requests were changed.
fn helm(change: impl Fn(usize, &mut Value)) -> Done {
    let folder = TempDir::new().unwrap();
    for file in fs::read_dir(fixture("helm/always-a")).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    let path = folder.path().join("scenario_state.json");
    let mut states = read(&path);
    for (at, state) in states["request_states"].as_array_mut().unwrap().iter_mut().enumerate() {
        change(at, &mut state["result"]);
    }
    fs::write(&path, states.to_string()).unwrap();
    run(&[folder.path().to_owned()])
}

#[test]
fn helm_says_how_completions_ended() {
    let name = "toy/always-a";
    assert_eq!(told(&run(&[fixture("helm/always-a")]), name), "");
    let done = helm(|at, result| {
        let reason = ["stop", "length", "The prompt violates Google's content policy."][at];
        result["completions"][0]["finish_reason"] = json!({ "reason": reason });
    });
    assert_eq!(
        told(&done, name),
        format!(
            "{name}: 1 of its answers were cut (at the most tokens, or another limit), 1 of its answers were withheld by a content filter, and are scored as the tool scored them."
        )
    );
    // A request that failed because a filter withheld it is an error, and counted as withheld; another failure is not.
    let done = helm(|at, result| {
        if at > 0 {
            result["success"] = false.into();
            result["error"] = ["", "Content blocked by safety settings", "read timed out"][at].into();
        }
    });
    assert_eq!(done.summary()[0].2, 2);
    assert!(told(&done, name).starts_with(&format!("{name}: 1 of its answers were withheld")));
}

/// Clients that say nothing leave HELM's own statistic.
#[test]
fn helm_counts_by_itself_too() {
    let folder = TempDir::new().unwrap();
    for file in fs::read_dir(fixture("helm/always-a")).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    let path = folder.path().join("per_instance_stats.json");
    let mut rows = read(&path);
    for stat in rows[1]["stats"].as_array_mut().unwrap() {
        if stat["name"]["name"] == "finish_reason_length" {
            (stat["sum"], stat["mean"]) = (1.into(), 1.0.into());
        }
    }
    fs::write(&path, rows.to_string()).unwrap();
    let note = told(&run(&[folder.path().to_owned()]), "toy/always-a");
    assert!(note.contains("1 of its answers were cut"), "{note}");
}

#[test]
fn openai_evals_says_it_where_the_function_recorded_it() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("toy.jsonl");
    let ends: [fn(&mut Value); 3] = [
        |data| data["finish_reason"] = "length".into(),
        |data| data["choices"] = json!([{ "finish_reason": "content_filter" }]),
        |data| {
            data["metadata"] = json!({ "finish_reasons": ["stop"] });
            data["sampled"] = json!([" "]);
        },
    ];
    let mut met = 0;
    let text = fs::read_to_string(fixture("openai-evals/toy-even.jsonl")).unwrap();
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if line["type"] == "sampling" {
            ends[met](&mut line["data"]);
            met += 1;
        }
        lines.push(line.to_string());
    }
    assert_eq!(met, 3);
    fs::write(&log, lines.join("\n")).unwrap();
    let note = told(&run(&[log]), "toy/even");
    for part in ["1 of its answers were cut", "1 of its answers were withheld", "1 of its answers were empty"]
    {
        assert!(note.contains(part), "{part}: {note}");
    }
    assert_eq!(told(&run(&[fixture("openai-evals/toy-even.jsonl")]), "toy/even"), "");
}

/// A log of Inspect as a zip, its samples in entries of their own, or (`summaries`) in summaries alone.
fn eval(summaries: bool) -> Done {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.eval");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let mut put = |name: &str, value: &Value| {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(value.to_string().as_bytes()).unwrap();
    };
    put(
        "header.json",
        &json!({"version": 2, "status": "success", "eval": {"task": "toy", "model": "lab/m", "run_id": "r",
            "created": "2026-03-01"}, "results": {"scores": []}}),
    );
    let samples: Vec<Value> = ["stop", "max_tokens", "model_length", "content_filter", "unknown"]
        .into_iter()
        .enumerate()
        .map(|(at, stop)| {
            let output = json!({"choices": [{"message": {"content": "blue"}, "stop_reason": stop}],
                "completion": if at == 4 { "" } else { "blue" }});
            let mut sample = json!({"id": at, "epoch": 1, "input": format!("q{at}"), "target": "blue",
                "scores": {"match": {"value": "C"}}});
            if !summaries {
                sample["output"] = output;
            } else if at == 1 {
                sample["limit"] = "token".into();
            }
            sample
        })
        .collect();
    if summaries {
        put("summaries.json", &Value::Array(samples));
    } else {
        for sample in &samples {
            put(&format!("samples/{}_epoch_1.json", sample["id"]), sample);
        }
    }
    zip.finish().unwrap();
    run(&[path])
}

#[test]
fn inspect_says_it_in_its_zip_as_in_its_json() {
    let note = told(&eval(false), "lab/m");
    for part in ["2 of its answers were cut", "1 of its answers were withheld", "1 of its answers were empty"]
    {
        assert!(note.contains(part), "{part}: {note}");
    }
    let note = told(&eval(true), "lab/m");
    assert!(note.contains("1 of its answers were cut") && !note.contains("empty"), "{note}");
}

#[test]
fn every_eval_ever_keeps_it_in_its_metadata() {
    let folder = TempDir::new().unwrap();
    let name = "seed-1-0_samples.jsonl";
    let text = fs::read_to_string(fixture("every-eval-ever").join(name)).unwrap();
    let rows: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(at, line)| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            if at == 0 {
                row["metadata"] = json!({ "stop_reason": "max_tokens" });
            }
            row.to_string()
        })
        .collect();
    let log = folder.path().join(name);
    fs::write(&log, rows.join("\n")).unwrap();
    let note = told(&run(&[log]), "toy/seed-1");
    assert!(note.contains("1 of its answers were cut"), "{note}");
}

//! What several logs of a model come to: runs are kept whole, filters are one a task, and the tool's own figures stand
//! beside what was imported. The logs are made here, as the tools write them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Done, refused, run, try_import};
use ordinate_import::{Compared, Options, Runs};
use serde_json::{Value, json};
use tempfile::TempDir;

fn write(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn lines(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().map(|row| format!("{row}\n")).collect()
}

/// A row of lm-evaluation-harness 0.4.9.
fn row(doc: usize, filter: &str, score: f64) -> Value {
    json!({
        "doc_id": doc, "doc": {"question": format!("q{doc}")}, "target": "7",
        "arguments": {"gen_args_0": {"arg_0": format!("Q: q{doc}\nA:"), "arg_1": {"until": ["Q:"]}}},
        "resps": [["7"]], "filtered_resps": ["7"], "filter": filter, "metrics": ["exact_match"],
        "doc_hash": format!("d{doc}"), "prompt_hash": "p", "target_hash": "t", "exact_match": score,
    })
}

/// A row as versions before November 2024 wrote it.
fn old_row(doc: usize, score: f64) -> Value {
    let mut row = row(doc, "", score);
    let keys = row.as_object_mut().unwrap();
    keys.remove("filter");
    keys.remove("metrics");
    row
}

/// The log of one task of one run, with its results beside it.
fn lm_eval(folder: &Path, model: &str, task: &str, time: &str, rows: &str, means: &Value) {
    let name = model.replace('/', "__");
    let results = json!({"results": {task: means}, "model_name": model});
    write(folder, &format!("{name}/results_{time}.json"), &results.to_string());
    write(folder, &format!("{name}/samples_{task}_{time}.jsonl"), rows);
}

const MORNING: &str = "2026-03-01T09-00-00.000001";
const NOON: &str = "2026-03-01T12-00-00.000001";

fn means(done: &Done) -> Vec<(String, u64, f64)> {
    done.summary().into_iter().map(|(name, scored, _, _, mean)| (name, scored, mean.unwrap())).collect()
}

/// A trial of 30 items and the full run of 100 by one model; another model once.
fn trial_and_full_run() -> TempDir {
    let folder = TempDir::new().unwrap();
    let rows = |count: usize, right: &dyn Fn(usize) -> bool| {
        lines((0..count).map(|doc| row(doc, "none", f64::from(u8::from(right(doc))))))
    };
    let of = |model, time, rows: &str, mean| {
        lm_eval(folder.path(), model, "pebbles", time, rows, &json!({"exact_match,none": mean}));
    };
    of("org/alpha", MORNING, &rows(30, &|_| false), 0.0);
    of("org/alpha", NOON, &rows(100, &|doc| doc % 10 != 0), 0.9);
    of("org/beta", NOON, &rows(100, &|doc| doc % 4 != 0), 0.75);
    folder
}

#[test]
fn a_trial_and_the_full_run_stay_two_runs() {
    let folder = trial_and_full_run();
    let done = run(&[folder.path().to_owned()]);
    assert_eq!(
        means(&done),
        [
            ("org/alpha".to_owned(), 30, 0.0),
            ("org/beta".to_owned(), 100, 0.75),
            ("org/alpha (run 2)".to_owned(), 100, 0.9)
        ]
    );
    assert!(done.noted("org/alpha (run 2): a further log (of 2026-03-01T12"), "{:?}", done.imported.notes);
    assert!(done.imported.compared.len() == 3 && done.imported.compared.iter().all(Compared::agrees));
    assert!(
        !done.noted("passed over"),
        "what is read beside a log is not passed over: {:?}",
        done.imported.notes
    );
}

#[test]
fn the_latest_run_alone_by_choice() {
    let folder = trial_and_full_run();
    let options = Options { runs: Runs::Latest, ..Options::default() };
    let done = try_import(&[folder.path().to_owned()], &options).unwrap();
    assert_eq!(means(&done), [("org/alpha".to_owned(), 100, 0.9), ("org/beta".to_owned(), 100, 0.75)]);
    assert!(done.noted("its 30 answers of org/alpha are left out"), "{:?}", done.imported.notes);
}

#[test]
fn tasks_of_one_launch_stay_together_in_whatever_order_the_logs_come() {
    // The morning's launch broke after its first task; at noon both were run. By name, `a` of both comes before `b`.
    let folder = TempDir::new().unwrap();
    let rows = |score| lines((0..4).map(|doc| row(doc, "none", score)));
    lm_eval(folder.path(), "m", "a", MORNING, &rows(0.0), &json!({}));
    lm_eval(folder.path(), "m", "b", NOON, &rows(1.0), &json!({}));
    lm_eval(folder.path(), "m", "a", NOON, &rows(1.0), &json!({}));
    let done = run(&[folder.path().to_owned()]);
    let of = |name: &str, task: &str| done.task_mean(name, task).0;
    assert_eq!(done.imported.candidates.len(), 2);
    // The first candidate lacks `b`, and what is free is filled by what is whole; never is `a` of both mixed.
    let (first, second) = (of("m", "a"), of("m (run 2)", "a"));
    assert_eq!((first, second), (0.0, 1.0));
    assert_eq!(done.task_mean("m (run 2)", "b"), (1.0, 4));
}

#[test]
fn a_figure_of_the_tool_that_is_another_is_told() {
    let folder = TempDir::new().unwrap();
    let half = lines((0..10).map(|doc| row(doc, "none", f64::from(u8::from(doc % 2 == 0)))));
    lm_eval(
        folder.path(),
        "m",
        "pebbles",
        NOON,
        &half,
        &json!({"exact_match,none": 0.63, "alias": "pebbles"}),
    );
    let done = run(&[folder.path().to_owned()]);
    let told =
        "m, task pebbles: the tool's own exact_match is 0.6300, and the 10 imported scores come to 0.5000";
    assert!(done.noted(told), "{:?}", done.imported.notes);
    let notes = done.task_file().data.notes;
    assert!(notes.iter().any(|note| note.contains(told)), "the readers of the verdict see it too: {notes:?}");
}

/// `strict-match` 0.3 and `flexible-extract` 0.8 of the same answers.
fn rows_by(filters: &[&str]) -> String {
    let score = |filter: &str, doc: usize| match filter {
        "strict-match" => f64::from(u8::from(doc < 3)),
        _ => f64::from(u8::from(doc < 8)),
    };
    lines(filters.iter().flat_map(|filter| (0..10).map(move |doc| row(doc, filter, score(filter, doc)))))
}

#[test]
fn one_filter_for_all_models_of_a_task() {
    let folder = TempDir::new().unwrap();
    let both = json!({"exact_match,strict-match": 0.3, "exact_match,flexible-extract": 0.8});
    lm_eval(folder.path(), "org/a", "t", NOON, &rows_by(&["strict-match", "flexible-extract"]), &both);
    lm_eval(folder.path(), "org/b", "t", NOON, &rows_by(&["flexible-extract", "strict-match"]), &both);
    let logs = [folder.path().to_owned()];
    let done = run(&logs);
    assert_eq!(means(&done), [("org/a".to_owned(), 10, 0.3), ("org/b".to_owned(), 10, 0.3)]);
    assert_eq!(done.imported.items, 10, "a filter is no further item");
    assert!(done.noted("scored by the filter \"strict-match\"; the log also has flexible-extract"));
    assert!(
        done.imported.compared.iter().all(|one| one.agrees() && one.metric == "exact_match (strict-match)")
    );
    let options = Options { filter: Some("flexible-extract".into()), ..Options::default() };
    let done = try_import(&logs, &options).unwrap();
    assert_eq!(means(&done), [("org/a".to_owned(), 10, 0.8), ("org/b".to_owned(), 10, 0.8)]);
}

#[test]
fn logs_without_a_filter_in_common_are_refused() {
    let folder = TempDir::new().unwrap();
    lm_eval(folder.path(), "org/a", "t", NOON, &rows_by(&["strict-match"]), &json!({}));
    lm_eval(folder.path(), "org/b", "t", NOON, &rows_by(&["flexible-extract"]), &json!({}));
    let error = refused(&[folder.path().to_owned()], &Options::default());
    for part in
        ["task t", "no filter in common", "org/a: strict-match", "org/b: flexible-extract", "--filter"]
    {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[test]
fn where_the_filters_lead_apart_there_is_a_task_file_for_each() {
    let folder = TempDir::new().unwrap();
    let rows = |strict: usize, flexible: usize| {
        let of = |filter: &'static str, right| {
            (0..10).map(move |doc| row(doc, filter, f64::from(u8::from(doc < right))))
        };
        lines(of("strict", strict).chain(of("flexible", flexible)))
    };
    lm_eval(folder.path(), "org/a", "t", NOON, &rows(6, 7), &json!({}));
    lm_eval(folder.path(), "org/b", "t", NOON, &rows(2, 9), &json!({}));
    let done = run(&[folder.path().to_owned()]);
    assert_eq!(means(&done), [("org/a".to_owned(), 10, 0.6), ("org/b".to_owned(), 10, 0.2)]);
    let told = "who leads hangs on the filter. By \"strict\": org/a 0.600, org/b 0.200; by \"flexible\": org/b 0.900, org/a 0.700";
    assert!(done.noted(told), "{:?}", done.imported.notes);
    let out = done.folder.path().join("out");
    let other: ordinate_core::task::TaskFile =
        toml::from_str(&fs::read_to_string(out.join("ordinate-flexible.toml")).unwrap()).unwrap();
    let mean = |at: usize| {
        let rows = common::lines(&out.join(&other.candidate[at].recorded.as_ref().unwrap().path));
        rows.iter().map(|row| row["score"].as_f64().unwrap()).sum::<f64>() / rows.len() as f64
    };
    assert!((mean(0) - 0.7).abs() < 1e-12 && (mean(1) - 0.9).abs() < 1e-12);
}

#[test]
fn rows_that_name_neither_metric_nor_filter() {
    let folder = TempDir::new().unwrap();
    let rows = lines((0..10).map(|doc| old_row(doc, f64::from(u8::from(doc < 4)))));
    lm_eval(folder.path(), "org/a", "t", NOON, &rows, &json!({}));
    let done = run(&[folder.path().to_owned()]);
    assert_eq!(means(&done), [("org/a".to_owned(), 10, 0.4)]);
}

#[test]
fn unnamed_filters_are_named_by_the_results_or_the_first_is_taken() {
    let rows = || {
        let of = |right| (0..10).map(move |doc| old_row(doc, f64::from(u8::from(doc < right))));
        lines(of(3).chain(of(8)))
    };
    let folder = TempDir::new().unwrap();
    lm_eval(folder.path(), "org/a", "t", NOON, &rows(), &json!({}));
    let done = run(&[folder.path().to_owned()]);
    assert_eq!(means(&done), [("org/a".to_owned(), 10, 0.3)]);
    assert!(done.noted("each item stands up to 2 times"), "{:?}", done.imported.notes);
    let folder = TempDir::new().unwrap();
    let named =
        json!({"exact_match,strict": 0.3, "exact_match_stderr,strict": 0.1, "exact_match,loose": 0.8});
    lm_eval(folder.path(), "org/a", "t", NOON, &rows(), &named);
    let options = Options { filter: Some("loose".into()), ..Options::default() };
    let done = try_import(&[folder.path().to_owned()], &options).unwrap();
    assert_eq!(means(&done), [("org/a".to_owned(), 10, 0.8)]);
    assert!(done.imported.compared.iter().all(|one| one.agrees() && one.metric == "exact_match (loose)"));
}

#[test]
fn a_log_that_is_one_list() {
    // As 0.4.0 to 0.4.2 wrote it: the model's arguments in the name, indented, and `results.json` beside it.
    let folder = TempDir::new().unwrap();
    let rows: Vec<Value> = (0..10).map(|doc| old_row(doc, f64::from(u8::from(doc < 7)))).collect();
    let text = serde_json::to_string_pretty(&rows).unwrap();
    let log = write(folder.path(), "out/pretrained__org__a_my_task.jsonl", &text);
    let results = json!({"results": {"task": {}, "my_task": {"exact_match,none": 0.7}},
        "config": {"model": "hf", "model_args": "pretrained=org/a,dtype=float16"}});
    write(folder.path(), "out/results.json", &results.to_string());
    for logs in [vec![log], vec![folder.path().to_owned()]] {
        let done = run(&logs);
        assert_eq!(means(&done), [("org/a".to_owned(), 10, 0.7)]);
        assert_eq!(done.items()[0]["task"], "my_task");
        assert_eq!((done.imported.compared.len(), done.imported.compared[0].agrees()), (1, true));
    }
}

/// A log of Inspect in its JSON format.
fn inspect(status: &str, created: &str, right: usize, samples: usize, old: bool) -> String {
    let sample = |at: usize| {
        let value = json!({"value": if at < right { "C" } else { "I" }, "answer": "blue"});
        let mut sample = json!({"id": format!("s{at}"), "epoch": 1, "input": format!("Stone {at}?"), "target": "blue",
            "messages": [], "output": {"completion": "attachment://long"}, "attachments": {"long": "blue"}});
        if old {
            sample["score"] = value;
        } else {
            sample["scores"] = json!({"includes": value});
        }
        sample
    };
    let accuracy = json!({"accuracy": {"name": "accuracy", "value": right as f64 / samples as f64}});
    let results = if old {
        json!({"scorer": {"name": "includes"}, "metrics": accuracy})
    } else {
        json!({"scores": [{"name": "includes", "scorer": "includes", "metrics": accuracy}]})
    };
    serde_json::to_string_pretty(&json!({
        "version": 2, "status": status,
        "eval": {"task": "stones", "task_id": "t", "model": "lab/general", "created": created},
        "plan": {}, "results": results, "stats": {}, "samples": (0..samples).map(sample).collect::<Vec<_>>(),
    }))
    .unwrap()
}

#[test]
fn inspect_as_json() {
    for old in [false, true] {
        let folder = TempDir::new().unwrap();
        let log = write(folder.path(), "2026_stones_abc.json", &inspect("success", "2026-03-01", 9, 12, old));
        for logs in [vec![log], vec![folder.path().to_owned()]] {
            let done = run(&logs);
            assert_eq!(means(&done), [("lab/general".to_owned(), 12, 0.75)]);
            assert_eq!(done.answers("lab/general")[0]["output"], "blue");
            assert_eq!((done.imported.compared.len(), done.imported.compared[0].agrees()), (1, true));
        }
    }
}

#[test]
fn a_run_that_broke_off_gives_way_to_one_that_is_whole() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "a.json", &inspect("error", "2026-03-01T09:00:00", 0, 3, false));
    let alone = run(&[folder.path().to_owned()]);
    assert_eq!(means(&alone), [("lab/general".to_owned(), 3, 0.0)]);
    assert!(alone.noted("ended with status \"error\""));
    write(folder.path(), "b.json", &inspect("success", "2026-03-01T10:00:00", 9, 12, false));
    let done = run(&[folder.path().to_owned()]);
    assert_eq!(means(&done), [("lab/general".to_owned(), 12, 0.75)]);
    assert!(done.noted("a.json: its 3 answers of lab/general are left out"), "{:?}", done.imported.notes);
}

/// What was cut or withheld is told, of Inspect and of promptfoo, and stands in the verdict; tokens of reasoning that are
/// counted beside the answer are counted.
#[test]
fn answers_that_did_not_end_by_themselves_are_told() {
    let folder = TempDir::new().unwrap();
    let mut log: Value = serde_json::from_str(&inspect("success", "2026-03-01", 9, 12, false)).unwrap();
    for (at, sample) in log["samples"].as_array_mut().unwrap().iter_mut().enumerate() {
        let stop = ["stop", "max_tokens", "model_length", "content_filter"][at % 4];
        sample["output"]["choices"] = json!([{"message": {"content": "blue"}, "stop_reason": stop}]);
        sample["output"]["usage"] =
            json!({"input_tokens": 20, "output_tokens": 3, "total_tokens": 523, "reasoning_tokens": 500});
        // As logs of before 2025 have it.
        if at == 1 {
            sample["output"].as_object_mut().unwrap().remove("completion");
        }
        if at == 0 {
            sample["limit"] = json!({"type": "token", "limit": 100});
        }
    }
    let done = run(&[write(folder.path(), "a.json", &log.to_string())]);
    assert!(done.noted("lab/general: 7 of its answers were cut"), "{:?}", done.imported.notes);
    assert!(done.noted("3 of its answers were withheld by a content filter"), "{:?}", done.imported.notes);
    assert_eq!(done.answers("lab/general")[0]["output_tokens"], 503);
    assert_eq!(done.answers("lab/general")[1]["output"], "blue");
    let task = fs::read_to_string(done.imported.task_file.as_path()).unwrap();
    assert!(task.contains("7 of its answers were cut"), "{task}");

    let row = |at: usize| {
        let reason = if at < 5 { "length" } else { "stop" };
        json!({"testIdx": at, "promptIdx": 0, "provider": {"id": "openai:x"}, "prompt": {"raw": "Q", "label": "Q"},
            "promptId": "p", "vars": {"q": format!("q{at}")}, "success": true, "score": 1, "failureReason": 0,
            "response": {"output": "7", "finishReason": reason}})
    };
    let results = json!({"version": 3, "timestamp": "2026-03-01", "results": (0..12).map(row).collect::<Vec<_>>(),
        "prompts": [{"provider": "openai:x", "raw": "Q", "label": "Q", "id": "p"}], "stats": {}});
    let done =
        run(&[write(folder.path(), "p.json", &json!({"evalId": "e", "results": results}).to_string())]);
    assert!(done.noted("openai:x: 5 of its answers were cut"), "{:?}", done.imported.notes);
}

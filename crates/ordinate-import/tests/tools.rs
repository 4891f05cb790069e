//! Each tool's own logs (`fixtures/make_*.py` ran the tools) against the tool's own aggregates.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod common;

use std::fs;

use common::{fixture, run, try_import};
use ordinate_import::Options;
use serde_json::Value;

fn json(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(fixture(path)).unwrap()).unwrap()
}

#[test]
fn lm_evaluation_harness() {
    let done = run(&[fixture("lm-eval")]);
    assert_eq!(done.imported.items, 8, "two tasks of four");
    for (name, time) in
        [("toy/seed-1", "2026-11-23T20-46-06.296944"), ("toy/seed-2", "2026-11-23T20-47-42.536207")]
    {
        let results = json(&format!("lm-eval/{}/results_{time}.json", name.replace('/', "__")));
        for (task, metric) in [("toy_mc", "acc,none"), ("toy_gen", "exact_match,strict")] {
            let theirs = results["results"][task][metric].as_f64().unwrap();
            assert_eq!(done.task_mean(name, task), (theirs, 4), "{name} {task}");
        }
    }
    assert!(done.imported.unaligned.is_empty());
    assert!(done.noted("digits") && done.noted("acc_norm"), "{:?}", done.imported.notes);
    let items = done.items();
    let choose = items.iter().find(|item| item["task"] == "toy_mc").unwrap();
    assert_eq!((&choose["input"], &choose["target"]), (&"Q: 2+2? A:".into(), &"4".into()));
    assert_eq!(choose["choices"], serde_json::json!(["3", "4"]));
    // The chosen option is the more likely one, and right answers are where it equals the target.
    for answer in done.answers("toy/seed-1") {
        let item = items.iter().find(|item| item["id"] == answer["id"]).unwrap();
        let right = if answer["output"] == item["target"] { 1.0 } else { 0.0 };
        assert_eq!(answer["score"], right, "{answer} {item}");
        assert_eq!(answer.get("confidence").is_some(), item["task"] == "toy_mc");
    }
}

#[test]
fn lm_evaluation_harness_with_another_filter() {
    let digits = Options { filter: Some("digits".into()), ..Options::default() };
    let log = "lm-eval/toy__seed-1/samples_toy_gen_2026-11-23T20-46-06.296944.jsonl";
    let done = try_import(&[fixture(log)], &digits).unwrap();
    assert_eq!(done.summary(), [("toy/seed-1".into(), 4, 0, 0, Some(0.0))]);
    let none = Options { filter: Some("none".into()), ..Options::default() };
    let error = common::refused(&[fixture(log)], &none);
    assert!(error.contains("strict, digits"), "{error}");
}

#[test]
fn inspect() {
    let done = run(&[fixture("inspect/always-a.eval"), fixture("inspect/always-b.eval")]);
    // Four samples in two epochs; one of them always fails, one is left unscored (NaN) in its second epoch.
    assert_eq!(done.imported.items, 8);
    for (name, right) in [("mockllm/toy/always-a", "3+3?"), ("mockllm/toy/always-b", "2+2?")] {
        let answers = done.answers(name);
        assert_eq!(answers.len(), 8);
        let of = |input: &str| -> Vec<Value> {
            let ids: Vec<_> = done.items().into_iter().filter(|item| item["input"] == input).collect();
            assert_eq!(ids.len(), 2);
            assert_eq!(ids[0]["group"], ids[1]["group"]);
            answers.iter().filter(|a| ids.iter().any(|item| item["id"] == a["id"])).cloned().collect()
        };
        for answer in of(right) {
            assert_eq!(answer["score"], 1.0);
            assert_eq!((&answer["input_tokens"], &answer["output_tokens"]), (&7.into(), &1.into()));
            assert_eq!(answer["cost_usd"], 0.0005);
            assert!(answer["latency_ms"].as_f64().unwrap() > 0.0);
        }
        for answer in of("Fail, please.") {
            assert!(
                answer["error"].as_str().unwrap().contains("the solver broke")
                    && answer.get("score").is_none()
            );
        }
    }
    let summary = done.summary();
    assert_eq!((summary[0].1, summary[0].2, summary[0].3), (5, 3, 0));
    // Inspect's accuracy is the mean over samples of the mean over scored epochs: 0 (a/1), 1 (2), 0 (long).
    assert_eq!(summary[0].4, Some(2.0 / 5.0));
    let item = &done.items()[0];
    assert_eq!((&item["target"], &item["choices"]), (&"4".into(), &serde_json::json!(["3", "4"])));
    assert!(done.noted("length") && done.noted("more than once"), "{:?}", done.imported.notes);
    assert_eq!(done.task_file().data.group.as_deref(), Some("group"));
}

#[test]
fn inspect_by_another_scorer() {
    let length = Options { metric: Some("length".into()), ..Options::default() };
    let done = try_import(&[fixture("inspect/always-a.eval")], &length).unwrap();
    let (_, scored, errors, _, mean) = done.summary().remove(0);
    assert_eq!((scored, errors), (6, 2));
    // The header of the log says 0.10000000000000002: the same sum in another order.
    assert!((mean.unwrap() - 0.1).abs() < 1e-15);
}

#[test]
fn inspect_in_the_chunked_layout_is_the_same() {
    let (whole, chunked) =
        (run(&[fixture("inspect/always-a.eval")]), run(&[fixture("inspect/always-a-chunked.eval")]));
    let sorted = |done: &common::Done| {
        let mut all = done.answers("mockllm/toy/always-a");
        all.sort_by_key(|answer| answer["id"].to_string());
        all
    };
    assert_eq!(sorted(&whole), sorted(&chunked));
    assert_eq!(whole.items().len(), 8);
}

#[test]
fn inspect_after_a_crash() {
    let done = run(&[fixture("inspect/killed.eval")]);
    // The run was killed in its second epoch: the first one is whole.
    assert_eq!(done.summary(), [("mockllm/toy/killed".into(), 3, 1, 0, Some(1.0 / 3.0))]);
    assert!(done.noted("did not end"), "{:?}", done.imported.notes);
}

#[test]
fn helm() {
    let done = run(&[fixture("helm")]);
    assert_eq!(done.imported.items, 3);
    assert!(done.imported.unaligned.is_empty());
    for (name, folder) in [("simple/model1", "model1"), ("toy/always-a", "always-a")] {
        let stats = json(&format!("helm/{folder}/stats.json"));
        let theirs =
            stats.as_array().unwrap().iter().find(|stat| stat["name"]["name"] == "exact_match").unwrap();
        let (mean, count) = done.task_mean(name, "simple_mcqa");
        assert_eq!((mean, count), (theirs["mean"].as_f64().unwrap(), 3), "{name}");
    }
    assert!(done.task_mean("toy/always-a", "simple_mcqa").0 > 0.5, "the toy must not be all wrong");
    let answer = &done.answers("toy/always-a")[0];
    assert_eq!(answer["output"], "Even");
    assert!(answer["input_tokens"].as_u64().unwrap() > 100 && answer["latency_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(done.items()[0]["input"], "Is 70 even or odd?");
    assert!(done.noted("quasi_exact_match"), "{:?}", done.imported.notes);
}

#[test]
fn lighteval() {
    let done = run(&[fixture("lighteval")]);
    let results = json("lighteval/results/dummy/seed-42/results_2026-11-23T20-49-26.626149.json");
    for (task, metric) in [("toy_mc|0", "acc"), ("toy_gen|0", "em")] {
        let theirs = results["results"][task][metric].as_f64().unwrap();
        assert_eq!(done.task_mean("dummy/seed-42", task), (theirs, 3), "{task}");
    }
    let items = done.items();
    let choose = items.iter().find(|item| item["task"] == "toy_mc|0" && item["input"] == "2+2?").unwrap();
    assert_eq!((&choose["target"], &choose["choices"]), (&"4".into(), &serde_json::json!(["3", "4"])));
    for answer in done.answers("dummy/seed-42") {
        let item = items.iter().find(|item| item["id"] == answer["id"]).unwrap();
        assert_eq!(answer["score"], if answer["output"] == item["target"] { 1.0 } else { 0.0 });
    }
}

#[test]
fn openai_evals() {
    let done = run(&[fixture("openai-evals")]);
    assert_eq!(done.imported.items, 6, "two evals of three");
    assert!(done.imported.unaligned.is_empty());
    for model in ["even", "odd"] {
        for (eval, metric) in [("toy", "accuracy"), ("fuzzy", "accuracy")] {
            let text = fs::read_to_string(fixture(&format!("openai-evals/{eval}-{model}.jsonl"))).unwrap();
            let report = text.lines().find(|line| line.starts_with("{\"final_report\"")).unwrap();
            let theirs =
                serde_json::from_str::<Value>(report).unwrap()["final_report"][metric].as_f64().unwrap();
            let mean = done.task_mean(&format!("toy/{model}"), &format!("{eval}.dev.v0"));
            assert_eq!(mean, (theirs, 3), "{eval} {model}");
        }
    }
    let item = done.items().into_iter().find(|item| item["target"] == "4").unwrap();
    assert_eq!(item["input"], "system: Be brief.\nuser: 2+2?");
    let answer = done.answers("toy/odd").into_iter().find(|a| a["id"] == item["id"]).unwrap();
    assert_eq!((&answer["output"], &answer["input_tokens"]), (&"5".into(), &9.into()));
}

#[test]
fn every_eval_ever() {
    let done = run(&[fixture("every-eval-ever")]);
    assert_eq!(done.imported.items, 12, "toy_mc, and toy_gen behind two filters");
    assert!(done.imported.unaligned.is_empty());
    let direct = run(&[fixture("lm-eval")]);
    for model in ["toy/seed-1", "toy/seed-2"] {
        assert_eq!(done.task_mean(model, "toy_mc"), direct.task_mean(model, "toy_mc"));
        assert_eq!(done.task_mean(model, "toy_gen/strict"), direct.task_mean(model, "toy_gen"));
    }
}

#[test]
fn several_tools_meet_on_content() {
    let done = run(&[fixture("lm-eval"), fixture("every-eval-ever")]);
    assert!(done.noted("aligned by content"), "{:?}", done.imported.notes);
    // The converted log names the same models: their answers are a run of their own.
    let names: Vec<String> = done.summary().into_iter().map(|row| row.0).collect();
    assert_eq!(names, ["toy/seed-1", "toy/seed-2", "toy/seed-1 (run 2)", "toy/seed-2 (run 2)"]);
}

#[test]
fn the_task_file_is_whole_and_asks_for_the_lineage() {
    let done = run(&[fixture("helm"), fixture("lm-eval")]);
    let text = fs::read_to_string(&done.imported.task_file).unwrap();
    assert!(text.contains("# EDIT: general, vertical or transferred"));
    let file = done.task_file();
    assert_eq!(file.task.name, "out");
    assert_eq!(file.data.items.as_deref(), Some("items.jsonl"));
    assert_eq!((file.data.slice.as_deref(), file.data.group.as_deref()), (Some("task"), None));
    for (entry, candidate) in file.candidate.iter().zip(&done.imported.candidates) {
        assert_eq!(entry.name, candidate.name);
        let path = &entry.recorded.as_ref().unwrap().path;
        assert_eq!(done.folder.path().join("out").join(path), candidate.file);
        assert!(candidate.file.exists());
    }
    // HELM's items and the harness's are others: all are listed, each with who lacks it.
    let listed = common::lines(&done.folder.path().join("out/unaligned.jsonl"));
    assert_eq!(listed.len(), done.imported.items);
    assert_eq!(done.imported.unaligned.iter().map(|group| group.items).sum::<u64>(), listed.len() as u64);
    let helm = done.imported.unaligned.iter().find(|group| group.task == "simple_mcqa").unwrap();
    assert_eq!((helm.items, helm.missing.len()), (3, 2));
}

#[test]
fn an_import_is_not_written_over() {
    let done = run(&[fixture("helm")]);
    let again =
        ordinate_import::import(&[fixture("helm")], &done.folder.path().join("out"), &Options::default());
    assert!(again.unwrap_err().to_string().contains("exists already"));
    assert_eq!(done.items().len(), 3, "the first import is untouched");
}

//! Real evidence is read as its authors counted it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // tests

mod common;

use std::path::Path;

use common::{Files, shared};
use ordinate_core::{Part, Status};
use ordinate_data::{Loaded, load_evidence, read_evidence, read_task, write_evidence};
use serde_json::Value;

/// A task over items and recorded answers as they lie in `dir`.
fn recorded_task(dir: &Path, group: Option<&str>) -> String {
    let mut text = format!(
        "[task]\nname = \"real\"\nkind = \"scored\"\n[data]\nitems = {:?}\ninput = \"input\"\nslice = \"task\"\n",
        dir.join("items.jsonl.gz")
    );
    if let Some(group) = group {
        text.push_str(&format!("target = \"target\"\ngroup = {group:?}\n"));
    }
    for candidate in candidates(dir) {
        let name = candidate["name"].as_str().unwrap();
        let path = dir.join(format!("{name}.jsonl.gz"));
        text.push_str(&format!(
            "[[candidate]]\nname = {name:?}\nlineage = {}\nrecorded = {{ path = {path:?} }}\n",
            candidate["lineage"]
        ));
    }
    text
}

fn candidates(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("candidates.json")).unwrap();
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    // The human reference is no candidate.
    all.into_iter().filter(|candidate| candidate["lineage"] != "reference").collect()
}

/// Holds counts, means and costs to `candidates.json`, which was computed elsewhere.
fn agrees(loaded: &Loaded, dir: &Path) {
    for (expected, (candidate, answers)) in
        candidates(dir).iter().zip(loaded.evidence.candidates().iter().zip(loaded.evidence.columns()))
    {
        assert_eq!(expected["name"], candidate.name.as_str());
        let rows = answers.count(Status::Scored);
        assert_eq!(expected["rows"], rows);
        let mean = |sum: f64| sum / rows as f64;
        let score = mean((0..loaded.evidence.len()).filter_map(|row| answers.score(row)).sum());
        let cost = mean((0..loaded.evidence.len()).filter_map(|row| answers.cost_usd(row)).sum()) * 1e3;
        // The published mean counts the few scores below 0 as they are; here they are 0.
        let floored = if candidate.name.as_str() == "freewilly2_70b-hf" { 6e-4 } else { 2.1e-4 };
        let published = expected["mean_score"].as_f64().unwrap();
        assert!((score - published).abs() < floored, "{} {score} {published}", candidate.name);
        assert!(
            (cost - expected["usd_per_1000_items"].as_f64().unwrap()).abs() < 6e-5,
            "{} {cost}",
            candidate.name
        );
    }
}

fn load(dir: &Path, group: Option<&str>) -> Loaded {
    let files = Files::new(&[("t.toml", recorded_task(dir, group).as_bytes())]);
    let loaded = files.load("t.toml").unwrap();
    // What a run folder keeps is what was read.
    let path = files.path("evidence.parquet");
    write_evidence(&path, &loaded.evidence).unwrap();
    assert!(read_evidence(&path).unwrap() == loaded.evidence);
    loaded
}

#[test]
fn lawbench() {
    let Some(dir) = shared("lawbench") else { return };
    let loaded = load(&dir, None);
    assert_eq!(loaded.evidence.len(), 8_477);
    assert_eq!(loaded.evidence.candidates().len(), 16);
    assert_eq!(loaded.evidence.items().slices().names().len(), 17);
    assert!(!loaded.evidence.items().has_groups());
    assert_eq!(loaded.notes, ["27 of 135,632 scores lay below 0 and are read as 0, the worst score."]);
    agrees(&loaded, &dir);
    let items = loaded.evidence.items();
    assert_eq!(items.id(0), "1-1/0");
    assert!(items.input(0).unwrap().starts_with("回答以下问题"));
    let gpt4 = loaded.evidence.answers(0);
    assert!(gpt4.output(0).unwrap().starts_with("对不起"));
    assert_eq!((gpt4.input_tokens(0), gpt4.output_tokens(0)), (Some(42.0), Some(47.0)));
}

#[test]
fn routellm_mmlu() {
    let Some(dir) = shared("routellm-mmlu") else { return };
    let loaded = load(&dir, None);
    assert_eq!(loaded.evidence.len(), 14_037);
    assert_eq!(loaded.evidence.items().slices().names().len(), 57);
    agrees(&loaded, &dir);
}

#[test]
fn wmt24_en_zh_with_documents() {
    let Some(dir) = shared("wmt24-en-zh") else { return };
    let loaded = load(&dir, Some("doc"));
    assert_eq!(loaded.evidence.len(), 634);
    assert_eq!(loaded.evidence.candidates().len(), 12);
    assert!(loaded.evidence.items().has_groups());
    assert!(loaded.evidence.items().target(0).is_some());
    agrees(&loaded, &dir);
}

/// The table that the project carries says the same as the items and answers it was made of.
#[test]
fn the_example_equals_the_recorded_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/lawbench/ordinate.toml");
    let example = load_evidence(&read_task(&path).unwrap()).unwrap();
    assert_eq!(example.evidence.len(), 8_477);
    let Some(dir) = shared("lawbench") else { return };
    agrees(&example, &dir);
    let recorded = load(&dir, None);
    for row in (0..8_477).step_by(97) {
        let id = example.evidence.items().id(row);
        let other = recorded.evidence.items().find(id).unwrap();
        assert_eq!(example.evidence.items().slices().get(row), recorded.evidence.items().slices().get(other));
        for (a, b) in example.evidence.columns().iter().zip(recorded.evidence.columns()) {
            assert_eq!(a.score(row), b.score(other), "{id}");
        }
    }
}

/// A tenth of the answers, and items split into train and test.
#[test]
fn train_and_test_and_missing_cells() {
    let rows = |ids: std::ops::Range<u32>| -> Vec<u8> {
        ids.map(|id| format!("{{\"id\": {id}, \"text\": \"t{id}\", \"score\": 1}}\n"))
            .collect::<String>()
            .into()
    };
    let files = Files::new(&[
        ("train.jsonl", &rows(0..60)),
        ("test.jsonl", &rows(60..100)),
        ("a.jsonl", &rows(0..100)),
        ("b.jsonl", &rows(0..90)),
    ]);
    let task = "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\ntrain = \"train.jsonl\"\ntest = \"test.jsonl\"\n\
                input = \"text\"\n\
                [[candidate]]\nname = \"a\"\nlineage = \"general\"\nrecorded = { path = \"a.jsonl\" }\n\
                [[candidate]]\nname = \"b\"\nlineage = \"vertical\"\nrecorded = { path = \"b.jsonl\" }\n";
    files.write("t.toml", task.as_bytes());
    let loaded = files.load("t.toml").unwrap();
    let items = loaded.evidence.items();
    assert!(items.has_parts());
    assert_eq!((items.part(59), items.part(60)), (Some(Part::Train), Some(Part::Test)));
    assert_eq!(items.input(60), Some("t60"));
    assert_eq!(loaded.evidence.answers(1).count(Status::Missing), 10);
    assert_eq!(loaded.notes.len(), 1, "{:?}", loaded.notes);
    assert!(loaded.notes[0].contains("100 items") && loaded.notes[0].contains("b (10)"));
}

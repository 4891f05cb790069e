//! A masked language model that fills a gap, from the task file to the verdict: a tiny one with weights of a formula.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;
#[path = "../../ordinate-models/tests/tiny_encoder/mod.rs"]
mod tiny_encoder;

use std::collections::{BTreeMap, BTreeSet};

use ordinate_models::encoder::Source;
use ordinate_models::{Cloze, Kind, Prediction};
use serde_json::Value;
use support::{Desk, named, number};

const TEMPLATE: &str = "{input} w9 [MASK] w10";

fn input(at: usize) -> String {
    format!("w{} w{} w{}", 5 + at, 6 + at % 7, 30 - at % 11)
}

/// 24 items, and a task with two candidates: `local` of the first is what is given.
fn desk(kind: &str, local: &str) -> Desk {
    let desk = Desk::new();
    let rows: Vec<String> = (0..24)
        .map(|at| {
            format!(r#"{{"id":"i{at}","input":"{}","target":"{}"}}"#, input(at), ["good", "bad"][at % 2])
        })
        .collect();
    desk.write("items.jsonl", rows.join("\n"));
    std::fs::create_dir_all(desk.path("model")).unwrap();
    tiny_encoder::save(&tiny_encoder::golden()["masked"][0], &desk.path("model"));
    desk.write(
        "t.toml",
        format!(
            "[task]\nname = \"t\"\nkind = \"{kind}\"\n[data]\nitems = \"items.jsonl\"\n[combine]\nkinds = [\"single\"]\n\
             [[candidate]]\nname = \"gap\"\nlineage = \"general\"\nlocal = {{ {local} }}\n\
             [[candidate]]\nname = \"words\"\nlineage = \"vertical\"\nlocal = {{ model = \"ngram-linear\" }}\n"
        ),
    );
    desk
}

#[test]
fn labels_by_the_word_in_the_gap() {
    let local = format!(
        "model = \"model\", template = \"{TEMPLATE}\", labels = {{ good = \"w23\", bad = \"w27 w17\" }}"
    );
    let desk = desk("classify", &local);
    let verdict = desk.verdict(&desk.path("t.toml"), &[]);
    let words: BTreeMap<String, String> =
        [("good", "w23"), ("bad", "w27 w17")].map(|(label, word)| (label.to_owned(), word.to_owned())).into();
    let source = Source::at(desk.path("model"));
    let cloze = Cloze::open(&source, Kind::Classify, TEMPLATE, &BTreeSet::new(), &words).unwrap();
    let inputs: Vec<String> = (0..24).map(input).collect();
    let replies: Vec<Prediction> = inputs.iter().map(|input| cloze.predict(input).unwrap()).collect();
    let said: BTreeSet<&str> = replies.iter().map(|reply| reply.output.as_str()).collect();
    assert_eq!(said, BTreeSet::from(["bad", "good"]), "a model that always says the same tests little");
    let right =
        replies.iter().enumerate().filter(|(at, reply)| reply.output == ["good", "bad"][at % 2]).count();
    let gap = named(&verdict, "candidates", "gap");
    assert!((number(gap, "quality.mean") - right as f64 / 24.0).abs() < 1e-9);
    assert!(number(gap, "memory_gb") > 0.0);
    let files = std::fs::read_dir(desk.path("cache/local")).unwrap().map(|entry| entry.unwrap().path());
    let mut kept = files.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    });
    let same = |rows: &Vec<Value>| {
        rows.iter().zip(&replies).all(|(row, reply)| {
            row["output"] == *reply.output
                && (row["confidence"].as_f64().unwrap() - reply.confidence.unwrap()).abs() < 1e-6
        })
    };
    assert!(kept.any(|rows| same(&rows)));
    // Another template is another question.
    let text = std::fs::read_to_string(desk.path("t.toml")).unwrap().replace("w9 [MASK]", "w8 [MASK]");
    desk.write("t.toml", text);
    let other = desk.ordinate(["run", "t.toml", "--out", "other"]);
    assert!(other.stderr().contains("gap: training and answering 24 items"), "{}", other.stderr());
}

#[test]
fn what_is_wrong_is_said() {
    let template = "template = \"{input} w9 [MASK]\"";
    for (kind, local, part) in [
        ("classify", "model = \"model\", template = \"{input}\"".to_owned(), "has not [MASK] once"),
        ("classify", format!("model = \"builtin\", {template}"), "\"builtin\" is none"),
        ("classify", format!("model = \"ngram-linear\", {template}"), "\"ngram-linear\" is none"),
        ("classify", format!("model = \"model\", examples = 3, {template}"), "examples do not go with"),
        ("classify", format!("model = \"none/such\", {template}"), "there is no such folder"),
        (
            "classify",
            format!("model = \"model\", max_tokens = 3, {template}"),
            "max_tokens is for models that write",
        ),
        ("tag", format!("model = \"model\", {template}"), "kind classify"),
    ] {
        let said = desk(kind, &local).ordinate(["run", "t.toml", "--out", "run", "-q"]).refusal();
        assert!(said.contains(part) && said.contains("t.toml") && said.contains("gap"), "{part}: {said}");
    }
}

//! Candidates that answer with sentences of the text itself, through the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::{Desk, named, number};

const TEXT: &str =
    "A cat sat on the mat. It rained all day. The cat on the mat saw that it rained. Nobody came.";

fn task(desk: &Desk, kind: &str, metric: &str, data: &str, models: &[&str]) -> PathBuf {
    let mut text = format!(
        "[task]\nname = \"t\"\nkind = \"{kind}\"\nmetric = \"{metric}\"\n[data]\nitems = \"items.jsonl\"\n{data}\n[statistics]\nresamples = 200\n"
    );
    for model in models {
        text += &format!(
            "[[candidate]]\nname = \"{model}\"\nlineage = \"general\"\nlocal = {{ model = \"{model}\" }}\n"
        );
    }
    desk.write("task.toml", text)
}

fn rows(desk: &Desk, row: impl Fn(usize) -> Value) {
    let rows: Vec<String> = (0..30).map(|at| row(at).to_string()).collect();
    desk.write("items.jsonl", rows.join("\n"));
}

fn quality(verdict: &Value, name: &str) -> f64 {
    number(named(verdict, "candidates", name), "quality.mean")
}

#[test]
fn summaries_are_sentences_of_the_text() {
    let desk = Desk::new();
    rows(
        &desk,
        |at| json!({"id": at.to_string(), "input": format!("{TEXT} Case {at}."), "target": "The cat on the mat saw that it rained."}),
    );
    let path = task(&desk, "generate", "rouge-1", "", &["lead-1", "textrank-1", "textrank-2"]);
    let verdict = desk.verdict(&path, &[]);
    assert!((quality(&verdict, "textrank-1") - 1.0).abs() < 1e-12);
    // "a cat sat on the mat" has cat, on, the and mat in common with nine words.
    assert!((quality(&verdict, "lead-1") - 2.0 * 4.0 / 15.0).abs() < 1e-9);
    assert!(quality(&verdict, "textrank-2") < 1.0);
    assert!(named(&verdict, "deployment", "textrank-1")["per_second"].as_f64().unwrap() > 0.0);
    let ran = desk.ordinate(["ask", "run", TEXT, "--policy", "textrank-1", "--json"]);
    let asked: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(asked["answer"], "The cat on the mat saw that it rained.");
}

#[test]
fn questions_are_answered_by_a_sentence_of_the_passage() {
    let desk = Desk::new();
    let passage = |at: usize| format!("{TEXT} The dog of house {at} is called Rex.");
    rows(
        &desk,
        |at| json!({"id": at.to_string(), "question": "What is the dog called?", "context": passage(at), "answers": [format!("The dog of house {at} is called Rex.")]}),
    );
    let data = "input = \"question\"\ntarget = \"answers\"";
    let path = task(&desk, "extract", "exact-match", data, &["lead-1", "answering-sentence"]);
    let verdict = desk.verdict(&path, &[]);
    assert!((quality(&verdict, "answering-sentence") - 1.0).abs() < 1e-12);
    assert!(quality(&verdict, "lead-1").abs() < 1e-12);
}

#[test]
fn what_has_no_sentence_is_an_error_of_the_item() {
    let desk = Desk::new();
    rows(
        &desk,
        |at| json!({"id": at.to_string(), "input": if at == 3 { "--".to_owned() } else { format!("{TEXT} {at}.") }, "target": "rain"}),
    );
    let path = task(&desk, "generate", "f1", "", &["lead-1", "lead-2"]);
    let verdict = desk.verdict(&path, &[]);
    assert_eq!(named(&verdict, "candidates", "lead-1")["errors"], 1);
    let text = std::fs::read_to_string(&path).unwrap();
    desk.write("task.toml", text.replace("model = \"lead-1\"", "model = \"lead-1\", top_p = 0.5"));
    let ran = desk.ordinate(["check", path.to_str().unwrap()]);
    assert!(ran.status() == 2 && ran.stderr().contains("top_p means nothing"), "{}", ran.stderr());
    desk.write("task.toml", text.replace("\"lead-2\"", "\"answering-sentence\""));
    let ran = desk.ordinate(["run", path.to_str().unwrap()]);
    assert!(ran.status() == 2 && ran.stderr().contains("item \"0\" has no passage"), "{}", ran.stderr());
}

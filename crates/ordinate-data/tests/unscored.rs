//! Recorded answers that have outputs and no scores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use common::Files;
use ordinate_data::{Loaded, lacks_scores, load_scored, read_task};

const ITEMS: &[u8] = br#"{"id": "1", "input": "Which?", "target": "blue", "options": ["red", "blue"]}
{"id": "2", "input": "Which?", "target": "A", "options": ["green", "grey"]}
{"id": "3", "input": "Which?", "options": ["x", "y"]}
"#;

fn files(kind: &str, first: &[u8], second: &[u8]) -> Files {
    let mut task = format!("[task]\nname = \"t\"\nkind = \"{kind}\"\n\n[data]\nitems = \"items.jsonl\"\n");
    for name in ["first", "second"] {
        task.push_str(&format!("\n[[candidate]]\nname = \"{name}\"\nlineage = \"general\"\n"));
        task.push_str(&format!("recorded = {{ path = \"{name}.jsonl\" }}\n"));
    }
    Files::new(&[
        ("t.toml", task.as_bytes()),
        ("items.jsonl", ITEMS),
        ("first.jsonl", first),
        ("second.jsonl", second),
    ])
}

const SCORED: &[u8] = b"{\"id\": \"1\", \"score\": 0.5}\n{\"id\": \"2\", \"score\": 0.25}\n";

#[test]
fn outputs_are_scored_where_there_is_no_score() {
    let outputs = b"{\"id\": \"1\", \"output\": \"B\"}\n{\"id\": \"2\", \"output\": \"B\"}\n{\"id\": \"3\", \"error\": \"late\"}\n";
    let files = files("choose", outputs, SCORED);
    let task = read_task(&files.path("t.toml")).unwrap();
    assert!(lacks_scores(&task).unwrap());
    let Loaded { evidence, .. } =
        load_scored(&task, &|output, target, _| f64::from(u8::from(output == target))).unwrap();
    let score = |candidate, row| evidence.answers(candidate).score(row).map(|score| score.to_string());
    assert_eq!([score(0, 0), score(0, 1), score(0, 2)], [Some("1".into()), Some("0".into()), None]);
    assert_eq!([score(1, 0), score(1, 1)], [Some("0.5".into()), Some("0.25".into())]);
}

#[test]
fn scores_that_are_there_need_no_scorer() {
    let files = files("choose", SCORED, SCORED);
    assert!(!lacks_scores(&read_task(&files.path("t.toml")).unwrap()).unwrap());
    files.load("t.toml").unwrap();
}

#[test]
fn what_cannot_be_scored_says_what_to_do() {
    let files = files("classify", b"{\"id\": \"1\", \"label\": \"up\"}\n", SCORED);
    let error = lacks_scores(&read_task(&files.path("t.toml")).unwrap()).unwrap_err();
    let message = files.plain(&error);
    assert!(
        message.contains("\"score\"") && message.contains("\"output\"") && message.contains("label"),
        "{message}"
    );
    files.write("first.jsonl", b"{\"id\": \"3\", \"output\": \"x\"}\n");
    let error = load_scored(&read_task(&files.path("t.toml")).unwrap(), &|_, _, _| 1.0).unwrap_err();
    let message = files.plain(&error);
    assert!(message.contains("item \"3\" has no target"), "{message}");
}

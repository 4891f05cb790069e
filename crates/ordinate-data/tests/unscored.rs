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
    let Loaded { evidence, notes } =
        load_scored(&task, &|output, target, _| f64::from(u8::from(output == target))).unwrap();
    assert!(notes.iter().any(|note| note.starts_with("2 of 4 scores are not in the data")), "{notes:?}");
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

/// A row an item, with the right answer and what two models said; one of them was not asked about the third.
const WIDE: &str = "id,question,gold,gpt,bert,topic\n1,a,up,up,Up.,x\n2,b,down,up,down,y\n3,c,up,up,,x\n4,d,down,down,down,y\n5,e,up,down,up,x\n6,f,up,up,up,y\n";
const LONG: &str = "model,id,question,gold,answer\ngpt,1,a,up,up\ngpt,2,b,down,up\nbert,1,a,up,down\nbert,2,b,down,down\ngpt,3,c,up,up\nbert,3,c,up,up\ngpt,4,d,up,up\n";

/// Equal but for letters, points and what stands around them.
fn alike(output: &str, target: &str, _: Option<&str>) -> f64 {
    f64::from(u8::from(output.trim_end_matches('.').eq_ignore_ascii_case(target)))
}

#[test]
fn answers_beside_the_right_one_are_scored() {
    for (name, table, expected) in
        [("wide.csv", WIDE, ["1 0 1 1 0 1", "1 1 - 1 1 1"]), ("long.csv", LONG, ["1 0 1 1", "0 1 1 -"])]
    {
        let files = Files::new(&[(name, table.as_bytes())]);
        let text = ordinate_data::infer_task(&files.path(name)).unwrap();
        files.write("t.toml", text.as_bytes());
        let task = read_task(&files.path("t.toml")).unwrap();
        assert!(lacks_scores(&task).unwrap(), "{text}");
        let Loaded { evidence, notes } = load_scored(&task, &alike).unwrap();
        assert!(!notes.iter().any(|note| note.contains("made here")), "all are: {notes:?}");
        let scores = |candidate: &str| {
            let column = evidence.candidates().iter().position(|one| one.name.as_str() == candidate).unwrap();
            let one =
                |row| evidence.answers(column).score(row).map_or("-".to_owned(), |score| score.to_string());
            (0..evidence.len()).map(one).collect::<Vec<_>>().join(" ")
        };
        assert_eq!([scores("gpt"), scores("bert")], expected.map(str::to_owned), "{text}");
        assert_eq!(evidence.items().target(0), Some("up"));
    }
}

#[test]
fn what_only_looks_like_answers_of_several_is_no_evidence() {
    // Fields of people, not of models; and a column called `system` with the same text in every row.
    let bank = "age,married,loan,target\n1,yes,no,yes\n2,no,no,no\n3,yes,yes,yes\n4,no,yes,no\n5,no,no,no\n6,yes,no,yes\n";
    let chat = "id,system,question,answer,label\n1,Be kind.,a,b,up\n2,Be kind.,c,d,down\n3,Be kind.,e,f,up\n";
    for (name, table) in [("bank.csv", bank), ("chat.csv", chat)] {
        let files = Files::new(&[(name, table.as_bytes())]);
        let text = ordinate_data::infer_task(&files.path(name)).unwrap();
        assert!(text.contains("items = ") && !text.contains("evidence = "), "{text}");
    }
}

#[test]
fn an_answer_without_a_right_one_beside_it_says_where() {
    let files = Files::new(&[("long.csv", LONG.replace("3,c,up,up", "3,c,,up").as_bytes())]);
    let text = ordinate_data::infer_task(&files.path("long.csv")).unwrap();
    files.write("t.toml", text.as_bytes());
    let error = load_scored(&read_task(&files.path("t.toml")).unwrap(), &alike).unwrap_err();
    let message = files.plain(&error);
    assert!(message.contains("long.csv:6") && message.contains("item \"3\" has no target"), "{message}");
}

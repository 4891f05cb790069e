//! Whoever answers a question about a passage gets the passage, wherever the question comes from: `ask`, `ask --items`,
//! `label-next` and the server, as in the run that measured it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/served.rs"]
mod served;
mod support;

use serde_json::{Value, json};
use served::Served;
use support::Desk;

const QUESTION: &str = "What is the dog called?";

fn passage(at: usize) -> String {
    format!("A cat sat on the mat. It rained all day. The dog of house {at} is called Rex.")
}

fn right(at: usize) -> String {
    format!("The dog of house {at} is called Rex.")
}

/// A run whose items are questions about passages, which two candidates in this process answer.
fn ran() -> Desk {
    let desk = Desk::new();
    let row =
        |at: usize| json!({"id": at.to_string(), "q": QUESTION, "text": passage(at), "answers": [right(at)]});
    let rows: Vec<String> = (0..30).map(|at| row(at).to_string()).collect();
    desk.write("items.jsonl", rows.join("\n"));
    let task = desk.write(
        "t.toml",
        r#"[task]
name = "t"
kind = "extract"
metric = "exact-match"
[data]
items = "items.jsonl"
input = "q"
context = "text"
target = "answers"
[statistics]
resamples = 200
[[candidate]]
name = "lead"
lineage = "general"
local = { model = "lead-1" }
[[candidate]]
name = "answering"
lineage = "vertical"
local = { model = "answering-sentence" }
"#,
    );
    let verdict = desk.verdict(&task, &[]);
    assert_eq!(verdict["recommended"]["name"], "answering", "{}", verdict["why"]);
    desk
}

fn asked(desk: &Desk, arguments: &[&str]) -> Value {
    let ran = desk.ordinate(["ask", "run", "--json"].iter().chain(arguments));
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    serde_json::from_str(&ran.stdout()).unwrap()
}

#[test]
fn one_question_has_its_passage() {
    let desk = ran();
    let own = asked(&desk, &[QUESTION, "--context", &passage(77)]);
    assert_eq!(own["answer"], right(77), "{own}");
    let item = json!({"q": QUESTION, "text": passage(78)}).to_string();
    assert_eq!(asked(&desk, &["--item", &item])["answer"], right(78));
    // By the names that Ordinate has for them.
    let item = json!({"input": QUESTION, "context": passage(79)}).to_string();
    assert_eq!(asked(&desk, &["--item", &item])["answer"], right(79));

    let refusal = desk.ordinate(["ask", "run", QUESTION]).refusal();
    for part in ["answering looks for its answer in the passage", "--context", "--item"] {
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
    assert_eq!(desk.ordinate(["ask", "run", QUESTION, "--context", " "]).refusal(), refusal);
    // Who reads a passage where there is one had it in the run.
    let lead = desk.ordinate(["ask", "run", QUESTION, "--policy", "lead"]).refusal();
    assert!(lead.contains("[data] context = \"text\""), "{lead}");
    let lead = asked(&desk, &[QUESTION, "--policy", "lead", "--context", &passage(1)]);
    assert_eq!(lead["answer"], "A cat sat on the mat.");
    let broken = desk.ordinate(["ask", "run", "--item", "{\"q\": "]).refusal();
    assert!(broken.contains("--item") && broken.contains("is no JSON object"), "{broken}");
    let both = desk.ordinate(["ask", "run", "-", "--context", "-"]).refusal();
    assert!(both.contains("one standard input"), "{both}");
    assert_eq!(desk.ordinate(["ask", "run", QUESTION, "--item", "{}"]).status(), 2);
}

#[test]
fn every_question_of_a_file_has_its_passage() {
    let desk = ran();
    let row = |at: usize| json!({"id": at, "q": QUESTION, "text": passage(at)}).to_string() + "\n";
    desk.write("more.jsonl", row(50) + &row(51));
    let decided = desk.ordinate(["ask", "run", "--items", "more.jsonl"]);
    assert_eq!(decided.status(), 0, "{}", decided.stderr());
    let answers: Vec<Value> = decided
        .stdout()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["answer"].clone())
        .collect();
    assert_eq!(answers, [right(50), right(51)]);
    // The first row is decided about before the second is told.
    desk.write("lacks.jsonl", row(50) + &json!({"id": 2, "q": QUESTION}).to_string());
    let lacks = desk.ordinate(["ask", "run", "--items", "lacks.jsonl"]);
    assert_eq!((lacks.status(), lacks.stdout().lines().count()), (2, 1));
    assert!(lacks.stderr().contains("lacks.jsonl:2: text"), "{}", lacks.stderr());
    desk.write("blank.csv", format!("id,q,text\n1,{QUESTION},\n"));
    let blank = desk.ordinate(["ask", "run", "--items", "blank.csv"]).refusal();
    assert!(blank.contains("blank.csv:2") && blank.contains("text"), "{blank}");
}

#[test]
fn what_is_to_be_labelled_is_ranked_and_written_with_its_passage() {
    let desk = ran();
    let row =
        |at: usize| json!({"id": format!("n{at}"), "q": QUESTION, "text": passage(at)}).to_string() + "\n";
    // One question about four passages is four items.
    desk.write("more.jsonl", (60..64).map(row).collect::<String>());
    let ranked = desk.ordinate(["label-next", "run", "--items", "more.jsonl", "--out", "next.jsonl"]);
    assert_eq!(ranked.status(), 0, "{}", ranked.stderr());
    let text = std::fs::read_to_string(desk.path("next.jsonl")).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 4, "{text}");
    for row in &rows {
        let at: usize = row["id"].as_str().unwrap()[1..].parse().unwrap();
        assert_eq!(row["text"], passage(at));
        let said = row["said"].as_str().unwrap();
        assert!(said.contains(&format!("answering: {}", right(at))), "{said}");
        assert!(said.contains("lead: A cat sat on the mat."), "{said}");
    }
    desk.write("lacks.jsonl", row(60) + &json!({"id": "x", "q": QUESTION, "text": ""}).to_string());
    let lacks = desk.ordinate(["label-next", "run", "--items", "lacks.jsonl", "--out", "x.jsonl"]).refusal();
    assert!(lacks.contains("lacks.jsonl:2") && lacks.contains("text"), "{lacks}");
    assert!(!desk.path("x.jsonl").exists());
}

#[test]
fn a_server_is_sent_the_passage() {
    let desk = ran();
    let server = Served::start(&desk, &["run"]);
    let path = "/v1/tasks/t/answer";
    let answer = server.post(path, &json!({"input": QUESTION, "context": passage(90)})).json();
    assert_eq!(answer["answer"], right(90), "{answer}");
    let items =
        json!({"items": [{"q": QUESTION, "text": passage(91)}, {"q": QUESTION, "text": passage(92)}]});
    let answers = server.post(path, &items).json();
    assert_eq!(answers["answers"][0]["answer"], right(91), "{answers}");
    assert_eq!(answers["answers"][1]["answer"], right(92), "{answers}");
    let chat = json!({"model": "ordinate/t", "messages": [{"role": "user", "content": QUESTION}],
        "ordinate": {"item": {"q": QUESTION, "text": passage(93)}}});
    let said = server.post("/v1/chat/completions", &chat).json();
    assert_eq!(said["choices"][0]["message"]["content"], right(93), "{said}");

    for lacks in [
        json!({"input": QUESTION}),
        json!({"items": [{"q": QUESTION, "context": passage(1)}, {"q": QUESTION}]}),
    ] {
        let refused = server.post(path, &lacks);
        let message = &refused.body;
        assert_eq!(refused.status, 400, "{message}");
        assert!(message.contains("text: there is no passage, and answering looks for"), "{message}");
    }
}

/// Items to choose from are written with their options, without which nobody could label them.
#[test]
fn what_is_to_be_labelled_is_written_with_its_options() {
    let desk = Desk::new();
    let row = |at: usize| json!({"id": at.to_string(), "q": format!("Which colour has stone {at}?"), "options": {"A": "red", "B": "blue"}, "answer": "A"});
    desk.write("items.jsonl", (0..30).map(|at| row(at).to_string() + "\n").collect::<String>());
    let said = |right: usize| -> String {
        (0..30)
            .map(|at| {
                json!({"id": at.to_string(), "output": if at < right { "A" } else { "B" }}).to_string() + "\n"
            })
            .collect()
    };
    desk.write("one.jsonl", said(25));
    desk.write("other.jsonl", said(12));
    let entry = |name: &str| {
        format!(
            "[[candidate]]\nname = \"{name}\"\nlineage = \"general\"\nrecorded = {{ path = \"{name}.jsonl\" }}\n"
        )
    };
    let task = format!(
        "[task]\nname = \"t\"\nkind = \"choose\"\n[data]\nitems = \"items.jsonl\"\ninput = \"q\"\ntarget = \"answer\"\n[statistics]\nresamples = 200\n{}{}",
        entry("one"),
        entry("other")
    );
    let task = desk.write("t.toml", task);
    desk.verdict(&task, &[]);
    desk.write(
        "new.jsonl",
        json!({"id": "x", "q": "Which colour?", "options": {"A": "green", "B": "grey"}}).to_string(),
    );
    desk.write("said.jsonl", json!({"id": "x", "output": "B"}).to_string());
    let next =
        ["label-next", "run", "--items", "new.jsonl", "--answers", "one=said.jsonl", "--out", "next.jsonl"];
    let ranked = desk.ordinate(next);
    assert_eq!(ranked.status(), 0, "{}", ranked.stderr());
    let row: Value =
        serde_json::from_str(&std::fs::read_to_string(desk.path("next.jsonl")).unwrap()).unwrap();
    assert_eq!(row["options"], json!({"A": "green", "B": "grey"}), "{row}");
}

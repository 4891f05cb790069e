//! Tasks whose answers are texts and numbers, through the real binary: live candidates over a mock API and a program,
//! and recorded ones that have outputs and no scores.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::path::PathBuf;

use ordinate_faults::{FaultServer, Script, prompt_of};
use support::{Desk, named, number};

/// A task of this kind: the mock API, and recorded outputs without scores.
fn live(desk: &Desk, server: &FaultServer, kind: &str, metric: &str) -> PathBuf {
    let base = server.base_url();
    desk.write(
        "task.toml",
        format!(
            r#"[task]
name = "t"
kind = "{kind}"
{metric}

[data]
items = "items.jsonl"

[[candidate]]
name = "mock"
lineage = "general"
openai = {{ model = "m", base_url = "{base}", price = {{ input = 2.0, output = 8.0 }} }}

[[candidate]]
name = "old"
lineage = "vertical"
recorded = {{ path = "old.jsonl" }}
"#
        ),
    )
}

/// The same without a server.
fn recorded(desk: &Desk, kind: &str, metric: &str) -> PathBuf {
    let mut text =
        format!("[task]\nname = \"t\"\nkind = \"{kind}\"\n{metric}\n[data]\nitems = \"items.jsonl\"\n");
    for name in ["old", "new"] {
        text.push_str(&format!("[[candidate]]\nname = \"{name}\"\nlineage = \"general\"\n"));
        text.push_str(&format!("recorded = {{ path = \"{name}.jsonl\" }}\n"));
    }
    desk.write("task.toml", text)
}

fn rows(desk: &Desk, name: &str, field: &str, values: &[&str]) {
    let rows = values.iter().enumerate().map(|(at, value)| {
        let mut row = serde_json::json!({ "id": at.to_string(), field: value });
        if field == "target" {
            row["input"] = format!("question number {at}").into();
        }
        row.to_string() + "\n"
    });
    desk.write(name, rows.collect::<String>());
}

fn quality(verdict: &serde_json::Value, name: &str) -> f64 {
    number(named(verdict, "candidates", name), "quality.mean")
}

#[track_caller]
fn close(ours: f64, wanted: f64) {
    assert!((ours - wanted).abs() < 1e-6, "{ours} is not {wanted}");
}

/// Says the answer whose place the question names.
fn saying(answers: &'static [&'static str]) -> Script {
    Script::new(move |body| {
        let place = answers.iter().enumerate().rev();
        let mut said = place.filter(|(at, _)| prompt_of(body).contains(&format!("question number {at}")));
        said.next().map_or("nothing", |(_, answer)| answer).to_owned()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_asked_for_and_scored_by_their_range() {
    let desk = Desk::new();
    rows(&desk, "items.jsonl", "target", &["0", "10", "20", "30"]);
    rows(&desk, "old.jsonl", "output", &["0", "10", "20", "about thirty"]);
    let server = FaultServer::start(saying(&["3", "The answer is 10.", "14", "-100"])).await.unwrap();
    let verdict = desk.verdict(&live(&desk, &server, "regress", ""), &[]);
    close(quality(&verdict, "mock"), (0.9 + 1.0 + 0.8 + 0.0) / 4.0);
    close(quality(&verdict, "old"), 0.75);
}

#[tokio::test(flavor = "multi_thread")]
async fn translations_are_asked_for_and_scored() {
    let desk = Desk::new();
    rows(&desk, "items.jsonl", "target", &["猫坐在垫子上。", r#"["狗跑了", "狗在跑"]"#]);
    rows(&desk, "old.jsonl", "output", &["猫坐在垫子上。", "鸟"]);
    let server = FaultServer::start(saying(&["猫坐在垫子上", "狗在跑"])).await.unwrap();
    let verdict = desk.verdict(&live(&desk, &server, "translate", "metric = \"bleu-zh\""), &[]);
    // sacrebleu 2.6.0: sentence_bleu of the first without its stop is 84.6481724890614.
    close(quality(&verdict, "mock"), (0.846_481_724_890_614 + 1.0) / 2.0);
    close(quality(&verdict, "old"), 0.5);
}

#[test]
fn recorded_outputs_alone_are_scored() {
    let desk = Desk::new();
    rows(&desk, "items.jsonl", "target", &["the cat sat on the mat", "a dog"]);
    rows(&desk, "old.jsonl", "output", &["the cat sat", "a dog"]);
    rows(&desk, "new.jsonl", "output", &["on the mat", ""]);
    let verdict = desk.verdict(&recorded(&desk, "generate", "metric = \"rougeL\""), &[]);
    // 2 * 3 / (3 + 6)
    close(quality(&verdict, "old"), (2.0 / 3.0 + 1.0) / 2.0);
    close(quality(&verdict, "new"), (2.0 / 3.0 + 0.0) / 2.0);
}

#[test]
fn what_cannot_be_scored_is_said_before_anything_is_done() {
    let desk = Desk::new();
    rows(&desk, "items.jsonl", "target", &["猫", "狗"]);
    rows(&desk, "old.jsonl", "output", &["猫", "狗"]);
    rows(&desk, "new.jsonl", "output", &["猫", "鸟"]);
    for (kind, metric, says) in [
        ("generate", "metric = \"rouge-1\"", "item 0"),
        ("regress", "", "not a number"),
        ("translate", "metric = \"comet\"", "chrf, chrf++, bleu, bleu-zh"),
        ("forecast", "", "value 1 is \"question\""),
    ] {
        let task = recorded(&desk, kind, metric);
        let ran = desk.ordinate(["run", task.to_str().unwrap(), "--out", "run"]);
        assert_eq!(ran.status(), 2, "{kind}");
        assert!(ran.stderr().contains(says), "{kind}: {}", ran.stderr());
    }
}

/// Zeros throughout are a finding about the metric; who is recommended and no better than saying always the same is called so
/// at once.
#[test]
fn what_shows_nothing_is_said_first() {
    let desk = Desk::new();
    let wrong: Vec<String> = (0..40).map(|at| format!("the answer is number {at}")).collect();
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    rows(&desk, "items.jsonl", "target", &vec!["zzz"; 40]);
    rows(&desk, "old.jsonl", "output", &wrong);
    rows(&desk, "new.jsonl", "output", &wrong);
    let verdict = desk.verdict(&recorded(&desk, "generate", "metric = \"exact-match\""), &[]);
    let first = verdict["why"][0].as_str().unwrap();
    assert!(first.starts_with("Every answer of every candidate scores 0 by exact-match"), "{first}");
    assert!(verdict["undecided"].is_null(), "{}", verdict["undecided"]);
    assert_eq!(verdict["outcome"], "undecided");

    let targets: Vec<&str> = (0..60).map(|at| if at % 3 == 0 { "B" } else { "A" }).collect();
    rows(&desk, "items.jsonl", "target", &targets);
    rows(&desk, "old.jsonl", "output", &["A"; 60]);
    rows(&desk, "new.jsonl", "output", &["B"; 60]);
    let verdict = desk.verdict(&recorded(&desk, "classify", ""), &[]);
    let second = verdict["why"][1].as_str().unwrap();
    assert!(second.contains("not clearly above always \"A\" (0.667)"), "{}", verdict["why"]);
}

//! The task file that a run folder keeps is carried out again from where it lies, wherever the first one lay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use support::{Desk, named};

/// Programs, models and data are named by relative paths, in a folder that is not where the command is called.
const TASK: &str = r#"
[task]
name = "resolved"
kind = "classify"

[data]
test = "items.jsonl"
input = "text"
target = "label"

[combine]
kinds = ["single"]

[[candidate]]
name = "here"
lineage = "vertical"
command = { run = ["python3", "model.py"] }

[[candidate]]
name = "there"
lineage = "vertical"
command = { run = ["python3", "model.py"], folder = "programs/loud" }

[[candidate]]
name = "old"
lineage = "general"
recorded = { path = "recorded.jsonl" }
"#;

fn program(answer: &str) -> String {
    format!(
        "import json, sys\nfor line in sys.stdin:\n    print(json.dumps({{'id': json.loads(line)['id'], 'output': '{answer}'}}), flush=True)\n"
    )
}

#[test]
fn a_run_folder_s_task_file_runs() {
    let desk = Desk::new();
    let rows = |field: &str, values: &[&str]| {
        let row = |(at, value): (usize, &&str)| {
            serde_json::json!({ "id": at.to_string(), "text": format!("金价 {at}"), field: value })
                .to_string()
        };
        values.iter().enumerate().map(row).collect::<Vec<_>>().join("\n")
    };
    desk.write("work/items.jsonl", rows("label", &["up", "down", "up", "up"]));
    desk.write("work/recorded.jsonl", rows("output", &["down", "down", "down", "up"]));
    desk.write("work/model.py", program("up"));
    desk.write("work/programs/loud/model.py", program("down"));
    let task = desk.write("work/task.toml", TASK);
    let first = desk.verdict(&task, &[]);
    let kept = desk.path("run/task.toml");
    let moved = desk.write("elsewhere/task.toml", std::fs::read(&kept).unwrap());
    let again = desk.ordinate(["run", moved.to_str().unwrap(), "--out", "two", "--json"]);
    assert_eq!(again.status(), 0, "{}", again.stderr());
    let second: serde_json::Value = serde_json::from_str(&again.stdout()).unwrap();
    for (name, quality) in [("here", 0.75), ("there", 0.25), ("old", 0.5)] {
        for verdict in [&first, &second] {
            assert_eq!(named(verdict, "candidates", name)["quality"]["mean"], quality, "{name}");
        }
    }
    let text = std::fs::read_to_string(&kept).unwrap();
    assert_eq!(text, std::fs::read_to_string(desk.path("two/task.toml")).unwrap());
}

#[test]
fn a_folder_that_is_not_there_is_said() {
    let desk = Desk::new();
    let items =
        ["up", "down"].map(|label| format!(r#"{{"id": "{label}", "text": "a", "label": "{label}"}}"#));
    desk.write("items.jsonl", items.join("\n"));
    desk.write("recorded.jsonl", r#"{"id": "up", "output": "up"}"#);
    let task = desk.write("task.toml", TASK.replace("programs/loud", "nowhere").replace("model.py", "m.py"));
    let message = desk.ordinate(["run", task.to_str().unwrap(), "-q"]).refusal();
    assert!(
        message.contains("[[candidate]] there: command.folder") && message.contains("nowhere"),
        "{message}"
    );
}

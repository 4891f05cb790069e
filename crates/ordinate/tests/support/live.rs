//! A task over real headlines with live candidates: a mock API, a program and recorded answers.
#![allow(dead_code, unreachable_pub)]

use std::path::PathBuf;

use ordinate_faults::{FaultServer, Script, prompt_of};

use super::support::{Desk, shared};

/// The first `count` test headlines, and a candidate's recorded answers to them: right but for every fifth.
pub fn headlines(desk: &Desk, count: usize) -> Option<Vec<serde_json::Value>> {
    let folder = shared("tasks/headlines_gold")?;
    let text = std::fs::read_to_string(folder.join("test.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().take(count).collect();
    desk.write("test.jsonl", lines.join("\n"));
    let rows: Vec<serde_json::Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let recorded: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let output = if at % 5 == 0 { "none" } else { row["label"].as_str().unwrap() };
            serde_json::json!({ "id": row["id"], "output": output, "cost_usd": 0.001 }).to_string()
        })
        .collect();
    desk.write("recorded.jsonl", recorded.join("\n"));
    Some(rows)
}

/// What the mock says of a headline: a rule of thumb over its words, so that it is right of most.
pub fn thumb(text: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match () {
        () if has(&["down", "fall", "drop", "lower", "lose", "slip", "decline"]) => "down",
        () if has(&["up", "rise", "higher", "gain", "climb", "jump"]) => "up",
        () => "none",
    }
}

/// The headline within a prompt.
pub fn asked(body: &serde_json::Value) -> String {
    let prompt = prompt_of(body);
    let text = prompt.rsplit("Text: ").next().unwrap_or_default();
    text.trim_end().trim_end_matches("Label:").trim().to_lowercase()
}

pub fn script() -> Script {
    Script::new(|body| thumb(&asked(body)).to_owned())
}

/// A task file with the server's candidate, a program, and recorded answers; `further` goes before candidates.
pub fn task(desk: &Desk, server: &FaultServer, further: &str) -> PathBuf {
    desk.write(
        "model.py",
        "import json, sys\nfor line in sys.stdin:\n    item = json.loads(line)\n    \
         up = 'up' if ' up' in item['input'].lower() or 'high' in item['input'].lower() else 'down'\n    \
         print(json.dumps({'id': item['id'], 'output': up, 'confidence': 0.5, 'cost_usd': 0.0001}), flush=True)\n",
    );
    let base = server.base_url();
    desk.write(
        "task.toml",
        format!(
            r#"[task]
name = "headlines"
kind = "classify"

[data]
test = "test.jsonl"
input = "text"
target = "label"

{further}

[[candidate]]
name = "mock"
lineage = "general"
openai = {{ model = "m", base_url = "{base}", price = {{ input = 2.0, output = 8.0 }}, timeouts = {{ connect_s = 2.0, first_token_s = 1.0, idle_s = 0.5, total_s = 1.0 }} }}

[[candidate]]
name = "rule"
lineage = "vertical"
command = {{ run = ["python3", "model.py"] }}

[[candidate]]
name = "old"
lineage = "general"
recorded = {{ path = "recorded.jsonl" }}
"#
        ),
    )
}

/// The row of a candidate in `measured`.
pub fn measured<'a>(verdict: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    super::support::named(verdict, "measured", name)
}

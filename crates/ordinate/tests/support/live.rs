//! A task over real headlines with live candidates: a mock API, a program and recorded answers.
#![allow(dead_code, unreachable_pub)]

use std::path::PathBuf;

use ordinate_faults::{FaultServer, Script, prompt_of};

use super::support::{Desk, is_clone, root};

/// The first `count` test headlines, and a candidate's recorded answers to them: right but for every fifth. Where the real ones
/// are not here, invented ones stand in for them.
pub fn headlines(desk: &Desk, count: usize) -> Vec<serde_json::Value> {
    let real = root().join("../shared/data/tasks/headlines_gold/test.jsonl");
    let text = match std::fs::read_to_string(real) {
        Ok(text) if !is_clone() => text,
        _ => invented(count),
    };
    let lines: Vec<&str> = text.lines().take(count).collect();
    assert_eq!(lines.len(), count);
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
    rows
}

/// Headlines as a market's are, each another one: most say by a word what they are, some by none that [`thumb`] knows.
fn invented(count: usize) -> String {
    let what = [
        "gold",
        "gold futures",
        "spot gold",
        "bullion",
        "mcx gold",
        "comex gold",
        "gold price",
        "april gold",
    ];
    let moves = [
        ("rises", "up"),
        ("falls", "down"),
        ("climbs higher", "up"),
        ("slips", "down"),
        ("surges", "up"),
        ("is what central banks buy", "none"),
        ("drops", "down"),
        ("gains", "up"),
        ("holds steady", "neutral"),
        ("declines", "down"),
        ("jumps", "up"),
        ("demand was 31 tonnes", "none"),
        ("tumbles", "down"),
    ];
    let rows = (0..count).map(|at| {
        let (moves, label) = moves[at % moves.len()];
        let text = format!("{} {moves} {}.{}% in week {}", what[at / 13 % 8], at % 3, at % 10, at / 104);
        serde_json::json!({ "id": format!("invented-{at}"), "text": text, "label": label }).to_string() + "\n"
    });
    rows.collect()
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

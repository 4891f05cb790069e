//! Small tasks of invented headlines, with candidates behind servers that misbehave.
#![allow(dead_code, unreachable_pub)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::support::Desk;

/// Items `i0`, `i1`, ... that are up and down in turn, and a task file over them with these candidates: name, lineage and
/// what says how each is asked.
pub fn task(desk: &Desk, items: usize, further: &str, candidates: &[(&str, &str, &str)]) -> PathBuf {
    let mut rows = String::new();
    for at in 0..items {
        let label = ["up", "down"][at % 2];
        let _ = writeln!(rows, r#"{{"id":"i{at}","text":"gold moves, day {at}","label":"{label}"}}"#);
    }
    desk.write("items.jsonl", rows);
    let mut text = format!(
        "[task]\nname = \"small\"\nkind = \"classify\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\n\
         target = \"label\"\n[combine]\nkinds = [\"single\"]\n{further}\n"
    );
    for (name, lineage, how) in candidates {
        let _ = writeln!(text, "[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\n{how}");
    }
    desk.write("task.toml", text)
}

/// A candidate behind this address, with a price, short time-outs and further keys.
pub fn api(base: &str, further: &str) -> String {
    format!(
        "openai = {{ model = \"m\", base_url = \"{base}\", price = {{ input = 1.0, output = 1.0 }}, timeouts = {{ \
         connect_s = 2.0, first_token_s = 3.0, idle_s = 3.0, total_s = 5.0 }}{further} }}"
    )
}

/// Answers that were recorded: every item is up.
pub fn recorded(desk: &Desk, items: usize) -> &'static str {
    let rows: String = (0..items).map(|at| format!("{{\"id\":\"i{at}\",\"output\":\"up\"}}\n")).collect();
    desk.write("recorded.jsonl", rows);
    "recorded = { path = \"recorded.jsonl\" }"
}

/// Starts the binary in the desk's folder.
pub fn start(desk: &Desk, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ordinate"))
        .args(arguments)
        .current_dir(desk.path("."))
        .env("ORDINATE_CACHE", desk.path("cache"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Sends a signal by its name.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// What is in the answer store, as another program reads it: the rows of a query, a line a row, its columns with tabs.
pub fn stored(desk: &Desk, run: &str, query: &str) -> Vec<String> {
    let script = "import sqlite3, sys\n\
                  c = sqlite3.connect(sys.argv[1])\n\
                  for row in c.execute(sys.argv[2]): print(*row, sep='\\t')\n";
    let store = desk.path(run).join("answers.sqlite");
    let output = Command::new("python3").args(["-c", script]).arg(store).arg(query).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Every file of a run folder but the answer store, with its bytes.
pub fn files(folder: &std::path::Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut all = every_file(folder);
    all.retain(|name, _| !name.starts_with("answers.sqlite") && !name.starts_with(".ordinate"));
    all
}

/// Every file of a folder and those within it, with its bytes.
pub fn every_file(folder: &std::path::Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut all = std::collections::BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            todo.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            all.insert(name, std::fs::read(path).unwrap());
        }
    }
    all
}

//! The table of docs/import.md: what the importers read against what the tools themselves say of the same runs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{fixture, run, shared};
use ordinate_import::Compared;

/// Tool and version, its logs, and how many figures of its own they have.
const FIXTURES: [(&str, &str, &[&str], usize); 6] = [
    ("lm-evaluation-harness", "0.4.13", &["lm-eval"], 4),
    ("Inspect", "0.3.285", &["inspect/always-a.eval", "inspect/always-b.eval"], 2),
    ("HELM", "0.5.16", &["helm"], 2),
    ("lighteval", "0.13.0", &["lighteval"], 2),
    ("OpenAI evals", "3.0.1", &["openai-evals"], 4),
    ("Every Eval Ever", "schema 0.3.0", &["every-eval-ever"], 6),
];

fn largest(compared: &[Compared]) -> f64 {
    compared.iter().map(|one| (one.own - one.imported).abs()).fold(0.0, f64::max)
}

fn row(tool: &str, version: &str, compared: &[Compared]) -> String {
    let largest = largest(compared);
    let shown = if largest == 0.0 { "0".to_owned() } else { format!("{largest:.0e}") };
    format!("| {tool} | {version} | {} | {shown} |", compared.len())
}

#[test]
fn every_tool_says_the_same_of_its_runs() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/import.md");
    let docs = fs::read_to_string(docs).unwrap();
    for (tool, version, logs, figures) in FIXTURES {
        let paths: Vec<PathBuf> = logs.iter().map(|log| fixture(log)).collect();
        let done = run(&paths);
        let compared = &done.imported.compared;
        assert_eq!(compared.len(), figures, "{tool}: {compared:#?}");
        for one in compared {
            assert!((one.own - one.imported).abs() <= 1e-9, "{tool}: {one}");
        }
        let row = row(tool, version, compared);
        println!("{row}");
        assert!(docs.contains(&row), "not in docs/import.md: {row}");
    }
}

/// promptfoo's logs lie beside the repository only.
#[test]
fn promptfoo_says_the_same() {
    let Some(log) = shared("promptfoo/out.json") else { return };
    let done = run(&[log]);
    let compared = &done.imported.compared;
    assert_eq!(compared.len(), 2, "{compared:#?}");
    assert!(largest(compared) <= 1e-9, "{compared:#?}");
    println!("{}", row("promptfoo", "0.121.20", compared));
}

/// Real logs of the first three tools, beside the repository.
#[test]
fn shared_logs_say_the_same() {
    let Some(logs) = shared("") else { return };
    for (folder, figures) in [("lm-eval", 2), ("inspect", 1)] {
        let compared = run(&[logs.join(folder)]).imported.compared;
        assert_eq!(compared.len(), figures, "{folder}: {compared:#?}");
        assert!(largest(&compared) <= 1e-9, "{folder}: {compared:#?}");
    }
}

//! The tables of kinds and metrics in `docs/task-file.md` are those of the code.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use ordinate_core::OutputKind;
use ordinate_tasks::{Kind, Kinds};

/// What the answers of a kind are, and how several are merged.
fn answers(kind: &dyn Kind) -> &'static str {
    match kind.output() {
        Some(OutputKind::Label) => "a label; most voices",
        Some(OutputKind::Labels) => "labels; the set most like the others",
        Some(OutputKind::Number) => "a number; median, weighted mean",
        Some(OutputKind::Series) => "a series; median of each value, weighted mean",
        Some(OutputKind::Text) => "text; the one most like the others",
        None => "as `output` says, or as they look",
    }
}

#[test]
fn kinds_and_metrics_stand_in_the_document() {
    let path = format!("{}/../../docs/task-file.md", env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(path).unwrap();
    let mut metrics: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut missing = Vec::new();
    for kind in Kinds::builtin().iter() {
        let names: Vec<String> = kind.metrics().iter().map(|metric| format!("`{}`", metric.name())).collect();
        let names = if names.is_empty() { "none here".to_owned() } else { names.join(", ") };
        let row = format!(
            "| `{}` | {} | {} | {names} |",
            kind.name(),
            kind.about().trim_end_matches('.'),
            answers(kind)
        );
        if !document.contains(&row) {
            missing.push(row);
        }
        for metric in kind.metrics() {
            metrics.entry((metric.name(), metric.about())).or_default().push(kind.name());
        }
    }
    for ((name, about), kinds) in metrics {
        let row = format!("| `{name}` | {} | {about} |", kinds.join(", "));
        if !document.contains(&row) {
            missing.push(row);
        }
    }
    assert!(missing.is_empty(), "docs/task-file.md lacks these lines:\n{}", missing.join("\n"));
}

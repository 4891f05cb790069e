//! A kind of task of the caller's own, in one file.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use ordinate_core::{Item, Output, OutputKind};
use ordinate_data::{parse_task, parse_task_of};
use ordinate_tasks::metric::Accuracy;
use ordinate_tasks::{Extracted, Kind, Kinds, Labels, Metric, Reader, Scorer, Template, Unreadable, Wrote};

/// How often a letter comes: the answer is the count, in words of one's own.
#[derive(Debug)]
struct CountLetters;

impl Kind for CountLetters {
    fn name(&self) -> &'static str {
        "count-letters"
    }

    fn about(&self) -> &'static str {
        "How often a letter comes."
    }

    fn output(&self) -> Option<OutputKind> {
        Some(OutputKind::Label)
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        vec![Arc::new(Accuracy)]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: "", user: "Count: {{ input }}" })
    }

    fn read(&self, _: &Item, _: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let count = reply.text.matches('|').count();
        Ok(Extracted { output: Output::Label(count.to_string()), span: 0..reply.text.len() })
    }

    fn max_tokens(&self) -> u32 {
        100
    }
}

const TASK: &str = "[task]\nname = \"t\"\nkind = \"count-letters\"\n[data]\nitems = \"items.jsonl\"\n[[candidate]]\nname = \
     \"a\"\nlineage = \"general\"\nrecorded = { path = \"a.jsonl\" }\n";

#[test]
fn a_task_may_be_of_a_kind_of_the_callers() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["items.jsonl", "a.jsonl"] {
        std::fs::write(folder.path().join(name), "{\"id\": \"1\"}\n").unwrap();
    }
    let path: &Path = &folder.path().join("task.toml");
    let error = parse_task(path, TASK).unwrap_err().to_string();
    assert!(error.contains("count-letters") && error.contains("classify"), "{error}");
    let kinds = Kinds::builtin().with(&CountLetters);
    let task = parse_task_of(path, TASK, &kinds).unwrap();
    assert_eq!(task.kind.name(), "count-letters");
    let said = Reader::new(task.kind, &[]).read(&Item::default(), "<think>hm</think>|||").unwrap();
    assert_eq!(said.output, Output::Label("3".into()));
    assert!((Scorer::of(task.kind, None).unwrap().score("3", "3", None) - 1.0).abs() < 1e-12);
}

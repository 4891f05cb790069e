//! Any bytes as a table, under each name that tells a format: what `ordinate init` and `ordinate check` read.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use ordinate_data::{infer_task, load_evidence, parse_task};

const NAMES: [&str; 6] = ["t.csv", "t.jsonl", "t.json", "t.parquet", "t.xlsx", "t.tsv"];

const TASK: &str = "[task]\nname = \"t\"\nkind = \"scored\"\n[[candidate]]\nname = \"a\"\nlineage = \"general\"\n";

/// A folder of this process alone.
fn folder() -> &'static tempfile::TempDir {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder"))
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let path = folder().path().join(name);
    std::fs::write(&path, rest).expect("a file");
    // Refusing is fine; panicking, hanging or eating memory is not.
    let _ = infer_task(&path);
    let text = format!("{TASK}[data]\nevidence = \"{name}\"\n");
    let _ = parse_task(&folder().path().join("t.toml"), &text).and_then(|task| load_evidence(&task));
});

//! The schemas in `docs/schema` are those of the types.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

use std::path::Path;
use std::process::Command;

fn is_current(of: &str) {
    let file = format!("docs/schema/{of}.schema.json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&file);
    let made = Command::new(env!("CARGO_BIN_EXE_ordinate")).args(["schema", of]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made = String::from_utf8(made.stdout).unwrap();
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let drift = made.lines().zip(committed.lines()).position(|(made, committed)| made != committed);
    assert!(
        made == committed,
        "{file} is not the schema of the types (first difference in line {}); write it anew: \
         cargo run --quiet -- schema {of} > {file}",
        drift.unwrap_or_else(|| made.lines().count().min(committed.lines().count())) + 1
    );
}

#[test]
fn the_schema_of_the_task_file_is_current() {
    is_current("task");
}

#[test]
fn the_schema_of_the_verdict_is_current() {
    is_current("verdict");
}

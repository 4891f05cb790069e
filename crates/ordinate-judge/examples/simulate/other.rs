//! The same tasks judged by another `ordinate`: how it was before.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use ordinate_core::Evidence;
use ordinate_core::verdict::Outcome;

/// The outcome that this binary reaches on the evidence, which is written as a table for it.
pub(crate) fn outcome(binary: &Path, evidence: &Evidence) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let items = evidence.items();
    let mut table = "id,slice,group,input,candidate,score,cost_usd\n".to_owned();
    for row in 0..evidence.len() {
        for (candidate, answers) in evidence.candidates().iter().zip(evidence.columns()) {
            let cell = |text: Option<&str>| text.unwrap_or_default().to_owned();
            let (slice, group) = (cell(items.slices().get(row)), cell(items.groups().get(row)));
            let (id, input, name) = (items.id(row), cell(items.input(row)), &candidate.name);
            let (score, cost) = (answers.score(row).unwrap_or(0.0), answers.cost_usd(row).unwrap_or(0.0));
            let _ = writeln!(table, "{id},{slice},{group},{input},{name},{score},{cost}");
        }
    }
    std::fs::write(folder.path().join("e.csv"), table).expect("written");
    let mut task = "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nevidence = \"e.csv\"\n".to_owned();
    let named = [
        ("slice", items.slices().names().is_empty()),
        ("group", items.groups().names().is_empty()),
        ("input", !items.has_inputs()),
    ];
    for (field, _) in named.iter().filter(|(_, absent)| !absent) {
        let _ = writeln!(task, "{field} = \"{field}\"");
    }
    let _ = writeln!(task, "[statistics]\nresamples = 500");
    for candidate in evidence.candidates() {
        let _ = write!(
            task,
            "[[candidate]]\nname = \"{}\"\nlineage = \"{}\"\n",
            candidate.name, candidate.lineage
        );
    }
    std::fs::write(folder.path().join("t.toml"), task).expect("written");
    let ran = Command::new(binary)
        .args(["run", "t.toml", "--json", "--quiet", "--out", "run"])
        .current_dir(folder.path())
        .output()
        .expect("the other binary");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let verdict: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("a verdict");
    serde_json::from_value(verdict["outcome"].clone()).expect("an outcome")
}

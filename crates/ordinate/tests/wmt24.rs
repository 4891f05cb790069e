//! Translation with human scores: segments of one document are not independent, and a near tie is no win.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use support::{Desk, named, number, shared};

/// A task over the systems without the human reference; `lines` are further lines of the task file.
fn task(desk: &Desk, folder: &std::path::Path, group: bool, margin: Option<f64>) -> std::path::PathBuf {
    let candidates: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("candidates.json")).unwrap()).unwrap();
    let folder = folder.display();
    let mut text = format!(
        "[task]\nname = \"wmt24\"\nkind = \"scored\"\n[data]\nitems = \"{folder}/items.jsonl.gz\"\n\
         input = \"input\"\nslice = \"task\"\n{}[combine]\nkinds = [\"single\"]\n[needs]\n{}",
        if group { "group = \"doc\"\n" } else { "" },
        margin.map(|margin| format!("margin = {margin}\n")).unwrap_or_default(),
    );
    for candidate in candidates.as_array().unwrap() {
        let name = candidate["name"].as_str().unwrap();
        if name != "refA" {
            let lineage = candidate["lineage"].as_str().unwrap();
            text += &format!(
                "[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\nrecorded = {{ path = \"{folder}/{name}.jsonl.gz\" }}\n"
            );
        }
    }
    desk.write("task.toml", text)
}

/// GPT-4 less Tower: mean, low, high.
fn lead(verdict: &serde_json::Value) -> [f64; 3] {
    let rows = verdict["comparisons"].as_array().unwrap();
    let row = rows.iter().find(|row| row["a"] == "GPT-4" && row["b"] == "Unbabel-Tower70B").unwrap();
    ["difference.mean", "difference.low", "difference.high"].map(|path| number(row, path))
}

#[test]
fn a_near_tie_is_undecided_until_a_margin_says_what_matters() {
    let Some(folder) = shared("evidence/wmt24-en-zh") else { return };
    let desk = Desk::new();
    let narrow = desk.verdict(&task(&desk, &folder, true, Some(0.01)), &[]);
    let [mean, low, high] = lead(&narrow);
    assert!((mean - 0.007).abs() < 0.0005, "{mean}");
    assert!((low + 0.015).abs() < 0.004 && (high - 0.028).abs() < 0.004, "[{low}, {high}]");
    assert_eq!(narrow["outcome"], "undecided");
    assert!(number(&narrow, "undecided.smallest_detectable") > 0.02);
    assert!(number(&narrow, "undecided.items_needed") > 634.0);

    let wide = desk.verdict(&task(&desk, &folder, true, Some(0.03)), &[]);
    assert_eq!(wide["outcome"], "vertical");
    assert_eq!(wide["recommended"]["name"], "Unbabel-Tower70B");
    assert_eq!(named(&wide, "candidates", "GPT-4")["lineage"], "general");
}

#[test]
fn taking_segments_for_independent_is_too_sure() {
    let Some(folder) = shared("evidence/wmt24-en-zh") else { return };
    let desk = Desk::new();
    let width = |group| {
        let [_, low, high] = lead(&desk.verdict(&task(&desk, &folder, group, None), &[]));
        high - low
    };
    let (grouped, alone) = (width(true), width(false));
    assert!((grouped - 0.043).abs() < 0.008, "{grouped}");
    assert!(alone < 0.75 * grouped, "without groups {alone}, with groups {grouped}");
}

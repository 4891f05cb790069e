//! `ordinate init`: what it writes runs as it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use support::{Desk, shared};

const TABLE: &str = "id,slice,candidate,score,cost_usd\n";

fn table() -> String {
    let row = |item: usize, candidate: &str, right: bool| {
        format!("i{item},s{},{candidate},{},0.001\n", item % 4, u8::from(right))
    };
    let rows = (0..60).map(|item| row(item, "alpha", item % 3 > 0) + &row(item, "beta", item % 2 > 0));
    TABLE.to_owned() + &rows.collect::<String>()
}

#[test]
fn a_table_becomes_a_task_that_runs_in_its_folder_and_in_another() {
    let desk = Desk::new();
    desk.write("data/scores.csv", table());
    for out in ["data/task.toml", "elsewhere.toml"] {
        assert_eq!(desk.ordinate(["init", "data/scores.csv", "--out", out]).status(), 0);
        // Lineage cannot be known: it is written to be edited, and has a value that runs.
        let verdict = desk.verdict(&desk.path(out), &[]);
        assert_eq!(verdict["basis"]["items"], 60);
        assert_eq!(desk.ordinate(["check", out]).status(), 0);
    }
    let again = desk.ordinate(["init", "data/scores.csv", "--out", "elsewhere.toml"]).refusal();
    assert!(again.contains("--force"), "{again}");
}

#[test]
fn a_folder_of_recorded_answers_becomes_a_task_that_runs() {
    let Some(folder) = shared("evidence/wmt24-en-zh") else { return };
    let desk = Desk::new();
    let data = folder.to_str().unwrap();
    assert_eq!(desk.ordinate(["init", data, "--out", "wmt.toml"]).status(), 0);
    let verdict = desk.verdict(&desk.path("wmt.toml"), &["--need", "margin=0.02"]);
    assert_eq!(verdict["basis"]["items"], 634);
    assert_eq!(verdict["candidates"].as_array().unwrap().len(), 12, "the human reference is no candidate");
}

/// The same of an invented folder, which a clone has.
#[test]
fn a_folder_of_invented_answers_becomes_a_task_that_runs() {
    let desk = Desk::new();
    let rows = |row: &dyn Fn(usize) -> String| (0..60).map(|at| row(at) + "\n").collect::<String>();
    desk.write(
        "data/items.jsonl",
        rows(&|at| format!("{{\"id\":\"i{at}\",\"input\":\"text {at}\",\"task\":\"t{}\"}}", at % 3)),
    );
    for (name, every) in [("big", 20), ("small", 2), ("human", 60)] {
        let row = |at: usize| {
            format!(
                "{{\"id\":\"i{at}\",\"score\":{},\"cost_usd\":0.001}}",
                u8::from(!at.is_multiple_of(every))
            )
        };
        desk.write(&format!("data/{name}.jsonl"), rows(&row));
    }
    let known = r#"[{"name":"big","lineage":"general"},{"name":"small","lineage":"vertical"},{"name":"human","lineage":"reference"}]"#;
    desk.write("data/candidates.json", known);
    assert_eq!(desk.ordinate(["init", "data", "--out", "t.toml"]).status(), 0);
    let verdict = desk.verdict(&desk.path("t.toml"), &[]);
    assert_eq!((&verdict["basis"]["items"], &verdict["outcome"]), (&60.into(), &"general".into()));
    assert_eq!(verdict["candidates"].as_array().unwrap().len(), 2, "the human reference is no candidate");
}

#[test]
fn completions_and_man_page_come_from_the_same_declaration() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(desk.ordinate(["completions", shell]).stdout().contains("report"));
    }
    assert!(desk.ordinate(["man"]).stdout().contains(".TH ordinate"));
}

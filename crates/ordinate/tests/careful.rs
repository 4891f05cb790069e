//! A run replaces what a run wrote, and nothing else; and it does not claim more than the data shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use serde_json::json;
use support::Desk;

const TASK: &str = "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nevidence = \"scores.csv\"\n\
                    [[candidate]]\nname = \"g\"\nlineage = \"general\"\n[[candidate]]\nname = \"v\"\nlineage = \"vertical\"\n";

fn desk(rows: impl Iterator<Item = (usize, f64, Option<f64>)>) -> Desk {
    let mut table = "id,candidate,score\n".to_owned();
    for (item, general, vertical) in rows {
        table += &format!("i{item},g,{general}\n");
        if let Some(vertical) = vertical {
            table += &format!("i{item},v,{vertical}\n");
        }
    }
    let desk = Desk::new();
    desk.write("scores.csv", table);
    desk.write("task.toml", TASK);
    desk
}

#[test]
fn what_no_run_wrote_is_left_alone() {
    let desk = desk((0..50).map(|i| (i, f64::from(i as u32 % 2), Some(f64::from(i as u32 % 3 / 2)))));
    desk.write("notes/policies/mine.txt", "mine");
    let message = desk.ordinate(["run", "task.toml", "-q", "--out", "notes"]).refusal();
    assert!(message.contains("mine.txt"), "{message}");
    assert!(desk.path("notes/policies/mine.txt").is_file());
    let message = desk.ordinate(["run", "task.toml", "-q", "--out", "."]).refusal();
    assert!(message.contains("task file"), "{message}");
    assert_eq!(std::fs::read_to_string(desk.path("task.toml")).unwrap(), TASK);
    for _ in 0..2 {
        assert_eq!(desk.ordinate(["run", "task.toml", "--out", "run"]).status(), 0, "a run may be run again");
    }
}

#[test]
fn a_few_lucky_answers_do_not_win() {
    // The vertical model answered four of 500 items, all right.
    let rows = (0..500).map(|i| (i, f64::from(u8::from(i % 5 != 0)), (i < 4).then_some(1.0)));
    let verdict = desk(rows).verdict(std::path::Path::new("task.toml"), &[]);
    assert_eq!(verdict["recommended"]["name"], "g", "{}", verdict["why"]);
    assert_ne!(verdict["outcome"], "vertical");
}

#[test]
fn a_handful_of_items_decides_nothing() {
    for items in [2, 3, 5] {
        let rows = (0..items).map(|i| (i, 1.0, Some(0.0)));
        let verdict = desk(rows).verdict(std::path::Path::new("task.toml"), &[]);
        assert_eq!(verdict["outcome"], "undecided", "{items} items: {}", verdict["why"]);
        assert!(verdict["undecided"]["items_needed"].as_u64().unwrap() > items as u64);
    }
}

#[test]
fn a_goal_that_cannot_be_looked_at_is_said() {
    let rows = (0..200).map(|i| (i, f64::from(u8::from(i % 5 != 0)), Some(f64::from(u8::from(i % 2 == 0)))));
    let verdict = desk(rows).verdict(std::path::Path::new("task.toml"), &["--need", "goal=cost"]);
    assert!(verdict["why"].to_string().contains("no cost is known"), "{}", verdict["why"]);
}

/// Who answered nothing was not measured: nothing is decided about it, nor between it and others.
#[test]
fn who_answered_nothing_was_not_measured() {
    let desk = Desk::new();
    let items: String =
        (0..40).map(|i| format!("{{\"id\":\"i{i}\",\"input\":\"text {i}\",\"target\":\"a\"}}\n")).collect();
    desk.write("items.jsonl", items);
    let good: String = (0..40)
        .map(|i| format!("{{\"id\":\"i{i}\",\"output\":\"{}\"}}\n", if i % 4 == 0 { "b" } else { "a" }))
        .collect();
    desk.write("good.jsonl", good);
    let none: String = (0..40)
        .map(|i| format!("{{\"id\":\"i{i}\",\"error\":\"empty: the most tokens were used up\"}}\n"))
        .collect();
    desk.write("none.jsonl", none);
    let task = "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"items.jsonl\"\n[[candidate]]\nname = \"good\"\nlineage = \"general\"\n\
                recorded = { path = \"good.jsonl\" }\n[[candidate]]\nname = \"mute\"\nlineage = \"vertical\"\nrecorded = { path = \"none.jsonl\" }\n";
    desk.write("task.toml", task);
    let mut table = "id,candidate,score,error\n".to_owned();
    for i in 0..40 {
        table += &format!("i{i},good,{},\ni{i},mute,,empty\n", u8::from(i % 4 != 0));
    }
    desk.write("scores.csv", table);
    let scored = TASK.replace("\"g\"", "\"good\"").replace("\"v\"", "\"mute\"");
    desk.write("scored.toml", scored);
    for task in ["task.toml", "scored.toml"] {
        let verdict = desk.verdict(std::path::Path::new(task), &[]);
        assert_eq!(verdict["outcome"], "undecided", "{task}: {}", verdict["why"]);
        let first = verdict["why"][0].as_str().unwrap();
        assert!(first.starts_with("mute was not measured: each of its 40 answers is an error"), "{first}");
        assert!(verdict["undecided"].is_null(), "{}", verdict["undecided"]);
        let again = desk.ordinate(["judge", "run", "--need", "margin=0.5", "--json"]);
        assert!(again.stdout().contains("mute was not measured"), "{}", again.stdout());
    }
}

/// Names that differ in capitals alone have files of their own, also on disks that do not tell capitals apart, and whoever reads
/// the verdict is told of them, and of such slices.
#[test]
fn names_that_differ_in_capitals_alone_are_kept_apart_and_told() {
    let desk = Desk::new();
    let mut table = "id,candidate,score,slice\n".to_owned();
    for item in 0..40 {
        let slice = ["Law", "law", "art"][item % 3];
        for (name, right) in [("GPT", item % 3 > 0), ("gpt", item % 2 > 0), ("other", item % 5 > 0)] {
            table += &format!("{item},{name},{},{slice}\n", u8::from(right));
        }
    }
    desk.write("e.csv", table);
    let entry = |name: &str| format!("[[candidate]]\nname = \"{name}\"\nlineage = \"general\"\n");
    let task = format!(
        "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nevidence = \"e.csv\"\nslice = \"slice\"\n[statistics]\nresamples = 200\n{}",
        ["GPT", "gpt", "other"].map(entry).concat()
    );
    let verdict = desk.verdict(&desk.write("t.toml", task), &[]);
    let assumed = verdict["assumed"].to_string();
    assert!(assumed.contains(r#"\"GPT\" and \"gpt\": names that differ in capitals"#), "{assumed}");
    assert!(assumed.contains(r#"\"Law\" and \"law\": names that differ in capitals"#), "{assumed}");
    let files = std::fs::read_dir(desk.path("run/policies")).unwrap();
    let names: Vec<String> =
        files.map(|file| file.unwrap().file_name().to_string_lossy().to_lowercase()).collect();
    let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
    assert!(distinct.len() == names.len() && names.contains(&"other.json".to_owned()), "{names:?}");
    for name in ["GPT", "gpt", "other"] {
        let asked = desk.ordinate(["ask", "run", "x", "--slice", "art", "--policy", name, "--json"]);
        assert_eq!(asked.status(), 0, "{}", asked.stderr());
        let asked: serde_json::Value = serde_json::from_str(&asked.stdout()).unwrap();
        assert_eq!(asked["ask"][0], name);
    }
}

/// The same of labels: whether they are recorded or answered here, and of sets of them.
#[test]
fn labels_that_differ_in_capitals_alone_are_told() {
    const SAYS: &str = r#"\"Pos\" and \"pos\": names that differ in capitals or white space alone, and each is a label of its own"#;
    let desk = Desk::new();
    let label = |at: usize| ["pos", "neg", "Pos", "neg"][at % 4];
    let (mut items, mut tags, mut said) = (String::new(), String::new(), String::new());
    for at in 0..40 {
        let text = format!("w{} w{} w{} {}", at * 7 % 97, at * 31 % 89, at * 13 % 83, label(at));
        items += &(json!({"id": format!("i{at}"), "input": text, "target": label(at)}).to_string() + "\n");
        let of = json!([label(at), "all"]).to_string();
        tags += &(json!({"id": format!("i{at}"), "input": text, "target": of}).to_string() + "\n");
        said += &(json!({"id": format!("i{at}"), "output": label(at)}).to_string() + "\n");
    }
    desk.write("items.jsonl", items);
    desk.write("tags.jsonl", tags);
    desk.write("said.jsonl", said);
    let recorded = "recorded = { path = \"said.jsonl\" }";
    let own = "local = { model = \"ngram-linear\" }";
    for (kind, file, candidate, is_told) in [
        ("classify", "items.jsonl", recorded, true),
        ("classify", "items.jsonl", own, true),
        ("tag", "tags.jsonl", recorded, true),
        ("generate", "items.jsonl", recorded, false),
    ] {
        let task = format!(
            "[task]\nname = \"t\"\nkind = \"{kind}\"\n[data]\nitems = \"{file}\"\n[statistics]\nresamples = 200\n\
             [[candidate]]\nname = \"a\"\nlineage = \"general\"\n{candidate}\n\
             [[candidate]]\nname = \"b\"\nlineage = \"vertical\"\n{recorded}\n"
        );
        let verdict = desk.verdict(&desk.write("t.toml", task), &[]);
        let assumed = verdict["assumed"].to_string();
        assert_eq!(assumed.contains(SAYS), is_told, "{kind} {candidate}: {assumed}");
        assert!(!assumed.contains("neg\\\" and"), "{assumed}");
    }
}

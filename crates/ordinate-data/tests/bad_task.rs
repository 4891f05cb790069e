//! Every way in which a task file can be wrong gives one paragraph that names file, line, column and key.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // tests

mod common;

use common::Files;
use ordinate_data::read_task;

/// A task file that is right, with one part replaced.
fn with(from: &str, to: &str) -> String {
    let right = r#"[task]
name = "t"
kind = "scored"

[data]
evidence = "scores.csv"

[needs]
goal = "quality"
margin = 0.01

[combine]
kinds = ["single", "by-slice"]

[[candidate]]
name = "a"
lineage = "general"
price = { input = 1.0, output = 2.0 }

[[candidate]]
name = "b"
lineage = "vertical"
"#;
    assert!(right.contains(from), "{from}");
    right.replacen(from, to, 1)
}

fn items(candidates: &str) -> String {
    format!("[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nitems = \"items.jsonl\"\n{candidates}")
}

#[test]
fn messages() {
    let candidate =
        |rest: &str| items(&format!("[[candidate]]\nname = \"a\"\nlineage = \"general\"\n{rest}\n"));
    let cases = [
        ("nothing", String::new()),
        ("not TOML", with("margin = 0.01", "margin = = 1")),
        ("an unclosed text", with("name = \"t\"", "name = \"t")),
        ("a misspelt need", with("goal", "goel")),
        ("a misspelt section", with("[needs]", "[need]")),
        ("a misspelt key of a candidate", with("lineage = \"general\"", "linage = \"general\"")),
        ("a misspelt key of a price", with("input = 1.0", "inputs = 1.0")),
        ("a key of nowhere", with("[task]", "[task]\ncolour = \"red\"")),
        ("a key of another section", with("[task]", "[task]\nmargin = 0.01")),
        ("no [task]", with("[task]\nname = \"t\"\nkind = \"scored\"\n", "")),
        ("no [data]", with("[data]\nevidence = \"scores.csv\"\n", "")),
        ("no kind", with("kind = \"scored\"\n", "")),
        ("no lineage", with("lineage = \"vertical\"\n", "")),
        ("a text for a number", with("margin = 0.01", "margin = \"1 %\"")),
        ("a number for a text", with("name = \"a\"", "name = 7")),
        (
            "a number for a section",
            with("[needs]\ngoal = \"quality\"\nmargin = 0.01\n", "").replacen(
                "[task]",
                "needs = 1\n[task]",
                1,
            ),
        ),
        (
            "a table for an array of tables",
            with("[combine]\nkinds = [\"single\", \"by-slice\"]\n", "[combine]\nkinds = {}\n"),
        ),
        ("a number out of range", with("margin = 0.01", "margin = 1.5")),
        ("a number that is none", with("margin = 0.01", "max_p95_ms = nan")),
        ("a negative price", with("output = 2.0", "output = -2.0")),
        ("a negative price of an hour", with("output = 2.0", "output = 2.0, per_hour = -0.5")),
        ("an hour's price and tokens'", with("output = 2.0", "per_hour = 0.5")),
        (
            "an hour's price and an item's",
            with("input = 1.0, output = 2.0", "per_hour = 0.5, per_item = 0.1"),
        ),
        ("no item a day", with("margin = 0.01", "volume_per_day = 0")),
        ("too few folds", with("kinds = [\"single\", \"by-slice\"]", "folds = 1")),
        ("a fraction of folds", with("kinds = [\"single\", \"by-slice\"]", "folds = 2.5")),
        ("negative folds", with("kinds = [\"single\", \"by-slice\"]", "folds = -3")),
        ("a guess rate of 1", with("kind = \"scored\"", "kind = \"scored\"\nguess_rate = 1.0")),
        ("an unknown kind of policy", with("by-slice", "by-slices")),
        ("an unknown goal", with("\"quality\"", "\"speed\"")),
        ("an unknown kind of task", with("\"scored\"", "\"score\"")),
        ("an unknown lineage", with("\"vertical\"", "\"reference\"")),
        ("an empty name", with("name = \"b\"", "name = \"\"")),
        ("two of one name", with("name = \"b\"", "name = \"a\"")),
        ("no data", with("evidence = \"scores.csv\"", "slice = \"topic\"")),
        (
            "evidence and items",
            with("evidence = \"scores.csv\"", "evidence = \"scores.csv\"\nitems = \"items.jsonl\""),
        ),
        (
            "evidence and recorded",
            with("lineage = \"vertical\"", "lineage = \"vertical\"\nrecorded = { path = \"a.jsonl\" }"),
        ),
        ("evidence that is not there", with("scores.csv", "score.csv")),
        ("evidence that is a folder", with("scores.csv", "folder")),
        ("evidence far away", with("scores.csv", "s3://bucket/scores.csv")),
        ("a pattern that matches nothing", with("scores.csv", "part-*.csv")),
        ("recorded answers that are not there", candidate("recorded = { path = \"b.jsonl\" }")),
        ("no source of answers", candidate("")),
        ("two ways to ask", candidate("openai = { model = \"m\" }\nlocal = { model = \"m\" }")),
    ];
    let files = Files::new(&[("scores.csv", b"id"), ("items.jsonl", b"{}"), ("a.jsonl", b"{}")]);
    std::fs::create_dir(files.path("folder")).unwrap();
    let mut text = String::new();
    for (case, task) in &cases {
        files.write("ordinate.toml", task.as_bytes());
        let error = read_task(&files.path("ordinate.toml")).expect_err(case);
        text.push_str(&format!("{case}\n    {}\n", files.plain(&error)));
    }
    files.write("ordinate.toml", b"[task]\nname = \"\xff\"\n");
    let error = read_task(&files.path("ordinate.toml")).expect_err("not UTF-8");
    text.push_str(&format!("not UTF-8\n    {}\n", files.plain(&error)));
    let error = read_task(&files.path("ordinat.toml")).expect_err("not there");
    text.push_str(&format!("not there\n    {}\n", files.plain(&error)));
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_right_is_read() {
    let files = Files::new(&[("scores.csv", b"id")]);
    // A byte order mark, CRLF and underscores are TOML too.
    let task = with("margin = 0.01", "volume_per_day = 50_000").replace('\n', "\r\n");
    files.write("ordinate.toml", format!("\u{feff}{task}").as_bytes());
    let task = read_task(&files.path("ordinate.toml")).unwrap();
    assert_eq!(task.file.needs.volume_per_day, Some(50_000));
    assert_eq!(task.file.candidate.len(), 2);
    assert_eq!(task.dir(), files.dir());

    // What a run folder keeps says every default, and is read again as the same task.
    let resolved = task.to_toml().unwrap();
    assert!(resolved.contains("resamples = 2000") && resolved.contains("folds = 5"), "{resolved}");
    std::fs::create_dir(files.path("run")).unwrap();
    files.write("run/task.toml", resolved.as_bytes());
    let again = read_task(&files.path("run/task.toml")).unwrap();
    assert_eq!(again.to_toml().unwrap(), resolved);
    let evidence = again.file.data.evidence.unwrap();
    assert_eq!(std::path::Path::new(&evidence), std::path::absolute(files.path("scores.csv")).unwrap());
}

#[test]
fn a_seed_that_toml_cannot_hold_is_an_error_value() {
    let files = Files::new(&[("scores.csv", b"id"), ("ordinate.toml", with("0.01", "0.02").as_bytes())]);
    let mut task = read_task(&files.path("ordinate.toml")).unwrap();
    task.file.statistics.seed = Some(u64::MAX);
    match task.to_toml() {
        Ok(text) => assert!(text.contains("18446744073709551615"), "{text}"),
        Err(error) => assert!(error.to_string().contains("2^63"), "{error}"),
    }
}

//! Logs of other tools through the real binary: in, to a verdict, and out again; and logs that mean harm.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Desk, named, number, root, shared};
use zip::write::{SimpleFileOptions, ZipWriter};

fn fixture(path: &str) -> String {
    root().join("crates/ordinate-import/fixtures").join(path).to_str().unwrap().to_owned()
}

fn json_lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Imports into `out`, says what it said.
fn import(desk: &Desk, logs: &[&str], further: &[&str]) -> String {
    let mut arguments = vec!["import"];
    arguments.extend(logs);
    arguments.extend(["--out", "out"]);
    arguments.extend(further);
    let ran = desk.ordinate(arguments);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    ran.stdout()
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() { waiting.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    let mut names: Vec<String> =
        found.iter().map(|path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// What two models of the same tool come to: they meet, and `ordinate run` runs as it is.
#[test]
fn two_models_of_each_tool_run_at_once() {
    for (tool, items) in [("lm-eval", 8), ("inspect/always-a.eval", 0), ("helm", 3), ("openai-evals", 0)] {
        let desk = Desk::new();
        let second = if tool.starts_with("inspect") { Some(fixture("inspect/always-b.eval")) } else { None };
        let first = fixture(tool);
        let mut logs = vec![first.as_str()];
        logs.extend(second.as_deref());
        let said = import(&desk, &logs, &[]);
        assert!(said.contains("that every candidate has an answer to"), "{tool}: {said}");
        if items > 0 {
            assert!(said.starts_with(&format!("{items} items, 2 candidates")), "{tool}: {said}");
            assert!(!said.contains("not aligned"), "{tool}: {said}");
        }
        let verdict = desk.verdict(&desk.path("out/ordinate.toml"), &[]);
        for candidate in verdict["candidates"].as_array().unwrap() {
            // An error is no score in an import; for a verdict it is an answer that nobody got.
            let mean = number(candidate, "quality.mean");
            if candidate["errors"].as_u64().unwrap() > 0 {
                continue;
            }
            let line = format!("{}  mean {mean:.3}", candidate["name"].as_str().unwrap());
            let spaced = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(spaced.contains(&line.replace("  ", " ")), "{tool}: {line:?} is not in {said}");
        }
    }
}

#[test]
fn what_does_not_meet_is_said() {
    let desk = Desk::new();
    let said = import(&desk, &[&fixture("lm-eval"), &fixture("inspect/always-a.eval")], &[]);
    assert!(said.contains("not aligned"), "{said}");
    let listed = json_lines(&desk.path("out/unaligned.jsonl"));
    let counted: u64 = said
        .lines()
        .filter_map(|line| line.strip_prefix("not aligned  ")?.split(' ').next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(listed.len() as u64, counted);
    assert!(listed.iter().all(|item| !item["missing"].as_array().unwrap().is_empty()));
}

#[test]
fn errors_stay_errors_up_to_the_verdict() {
    let desk = Desk::new();
    import(&desk, &[&fixture("inspect/always-a.eval"), &fixture("inspect/always-b.eval")], &[]);
    let verdict = desk.verdict(&desk.path("out/ordinate.toml"), &[]);
    let a = json_lines(&desk.path("out/mockllm_toy_always-a.jsonl"));
    let errors = a.iter().filter(|answer| answer.get("error").is_some()).count();
    assert!(errors > 0, "the fixture has errors");
    assert!(a.iter().all(|answer| answer.get("error").is_some() != answer.get("score").is_some()));
    assert_eq!(named(&verdict, "candidates", "mockllm/toy/always-a")["errors"], errors);
}

#[test]
fn every_eval_ever_out_and_in_again() {
    let desk = Desk::new();
    import(&desk, &[&fixture("inspect/always-a.eval"), &fixture("inspect/always-b.eval")], &[]);
    let first = desk.verdict(&desk.path("out/ordinate.toml"), &[]);
    let ran = desk.ordinate(["export", "run", "--out", "shared", "--organisation", "us"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let ran = desk.ordinate(["import", "shared", "--out", "back", "--name", "out"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let second = desk.ordinate(["run", "back/ordinate.toml", "--json", "--out", "again"]);
    let second: Value = serde_json::from_str(&second.stdout()).unwrap();
    for name in ["mockllm/toy/always-a", "mockllm/toy/always-b"] {
        let (one, two) = (named(&first, "candidates", name), named(&second, "candidates", name));
        assert_eq!(one["quality"]["mean"], two["quality"]["mean"]);
        for field in ["errors", "cost_per_1k", "p95_ms"] {
            assert_eq!(one[field], two[field], "{name} {field}");
        }
    }
}

#[test]
fn real_logs() {
    let Some(logs) = shared("logs") else { return };
    let desk = Desk::new();
    let said = import(&desk, &[logs.join("promptfoo/out.json").to_str().unwrap()], &[]);
    assert!(said.starts_with("2 items, 2 candidates"), "{said}");
    let verdict = desk.verdict(&desk.path("out/ordinate.toml"), &[]);
    assert!((number(named(&verdict, "candidates", "echo"), "quality.mean") - 0.5).abs() < 1e-12);
    let desk = Desk::new();
    let said = import(&desk, &[logs.join("lm-eval").to_str().unwrap()], &[]);
    assert!(said.contains("6 items, 1 candidate\n") && said.contains("needs a second candidate"), "{said}");
}

/// A row of lm-evaluation-harness.
fn row(doc: u32, acc: &str) -> String {
    format!(
        r#"{{"doc_id":{doc},"doc":{{}},"target":"a","arguments":{{"gen_args_0":{{"arg_0":"q{doc}","arg_1":{{}}}}}},"resps":[["a"]],"filtered_resps":["a"],"filter":"none","metrics":["acc"],"doc_hash":"h{doc}","acc":{acc}}}"#
    )
}

/// A log that is refused with one paragraph that has these parts, and leaves nothing behind.
fn refused(name: &str, bytes: impl AsRef<[u8]>, parts: &[&str]) {
    let desk = Desk::new();
    desk.write(name, bytes);
    let message = desk.ordinate(["import", name, "--out", "out"]).refusal();
    for part in parts.iter().chain(&[name]) {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    assert!(message.len() < 1_500 && !message.trim_end().contains(char::is_control), "{message:?}");
    assert_eq!(files(&desk.path("")), [name], "nothing is left behind");
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Zstd);
    for (name, bytes) in entries {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const HEADER: &str = r#"{"version":2,"status":"success","eval":{"task":"t","model":"m"}}"#;

#[test]
fn bombs() {
    let mut bomb = vec![b' '; 64 << 20];
    bomb.extend_from_slice(HEADER.as_bytes());
    refused("bomb.eval", archive(&[("header.json", &bomb)]), &["header.json", "zip bomb"]);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(row(0, "1.0").as_bytes()).unwrap();
    gz.write_all(&vec![b'\n'; 64 << 20]).unwrap();
    refused("samples.jsonl.gz", gz.finish().unwrap(), &["zip bomb"]);
}

#[test]
fn lines_of_200_megabytes() {
    let mut text = format!("{}\n{{\"doc\":\"", row(0, "1.0")).into_bytes();
    text.resize(text.len() + (200 << 20), b'x');
    text.extend_from_slice(b"\"}\n");
    refused("samples_long.jsonl", text, &["line 2", "longer than 67108864 bytes"]);
}

#[test]
fn scores_that_are_no_scores() {
    for (score, part) in [("NaN", "no number"), ("Infinity", "no number"), ("-0.5", "outside [0, 1]")] {
        let text = format!("{}\n{}\n", row(0, "1.0"), row(1, score));
        refused("samples_x.jsonl", text, &["line 2, field acc", part]);
    }
}

/// Names in a log that lead elsewhere: the import stays in its folder.
#[test]
fn names_that_lead_out_of_the_folder() {
    let desk = Desk::new();
    let header = HEADER.replace("\"m\"", "\"../../../escaped\"");
    let sample = br#"{"id":"../../x","epoch":1,"input":"q","target":"a","scores":{"s":{"value":1}}}"#;
    let bytes = archive(&[
        ("header.json", header.as_bytes()),
        ("samples/../../../../tmp/evil_epoch_1.json", sample),
        ("../../../evil.json", b"{}"),
        ("/etc/evil", b"{}"),
    ]);
    desk.write("evil.eval", bytes);
    import(&desk, &["evil.eval"], &[]);
    let expected = ["evil.eval", "out/escaped.jsonl", "out/items.jsonl", "out/ordinate.toml"];
    assert_eq!(files(&desk.path("")), expected);
    assert!(!Path::new("/tmp/evil_epoch_1.json").exists() && !Path::new("/etc/evil").exists());
}

/// A damaged table makes the Parquet reader panic in places: the person sees one paragraph.
#[test]
fn damaged_parquet_is_one_paragraph() {
    let folder = root().join("crates/ordinate-import/fixtures/lighteval/details");
    let name = files(&folder).into_iter().find(|name| name.contains("toy_mc")).unwrap();
    let whole = fs::read(folder.join(name)).unwrap();
    let mut damaged = 0;
    for at in (4..whole.len() - 8).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at..at + 4].fill(0xff);
        let desk = Desk::new();
        desk.write("details_x.parquet", bytes);
        let ran = desk.ordinate(["import", "details_x.parquet", "--out", "out"]);
        if ran.status() != 0 {
            damaged += 1;
            ran.refusal();
        }
    }
    assert!(damaged > 20, "{damaged}");
}

#[test]
fn what_is_there_is_not_written_over() {
    let desk = Desk::new();
    import(&desk, &[&fixture("helm")], &[]);
    let message = desk.ordinate(["import", &fixture("helm"), "--out", "out"]).refusal();
    assert!(message.contains("exists already"), "{message}");
    let message = desk.ordinate(["import", "nowhere", "--out", "new"]).refusal();
    assert!(message.contains("does not exist"), "{message}");
    let ran = desk.ordinate(["import", "x", "--out", "y", "--range", "1"]);
    assert_eq!(ran.status(), 2);
    assert!(ran.stderr().contains("worst and best value"), "{}", ran.stderr());
}

/// A run whose names look like formulas and markup.
fn hostile(desk: &Desk) -> Value {
    let names = ["=HYPERLINK(\"http://x\")", "<b>|small|</b>", "-1+2"];
    let cell = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut table = "id,slice,candidate,score,cost_usd,latency_ms\n".to_owned();
    for item in 0..120 {
        for (at, name) in names.iter().enumerate() {
            let score = u8::from((item * 7 + at * 5) % 10 < 5 + at);
            let slice = cell(["@home", "a, b"][item % 2]);
            table += &format!("+{item},{slice},{},{score},0.00{},{}\n", cell(name), at + 1, 10 * at + item);
        }
    }
    desk.write("e.csv", table);
    let mut task =
        "[task]\nname = \"a|b\"\nkind = \"scored\"\n[data]\nevidence = \"e.csv\"\n[needs]\nmargin = 0.01\n"
            .to_owned();
    for (name, lineage) in names.iter().zip(["general", "general", "vertical"]) {
        task += &format!("[[candidate]]\nname = {}\nlineage = \"{lineage}\"\n", serde_json::json!(name));
    }
    let task = desk.write("t.toml", task);
    desk.verdict(&task, &[])
}

/// The files of a folder, by name.
fn exported(folder: &std::path::Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

#[test]
fn every_table_and_chart_of_a_run_is_written_and_no_cell_is_a_formula() {
    let desk = Desk::new();
    let verdict = hostile(&desk);
    let told = desk.ordinate(["export", "run"]);
    assert_eq!(told.status(), 0, "{}", told.stderr());
    insta::assert_snapshot!("what is exported", told.stdout());
    let written = exported(&desk.path("run.export"));
    assert_eq!(written.len(), told.stdout().lines().count() - 1);
    assert_eq!(written["verdict.json"], std::fs::read(desk.path("run/verdict.json")).unwrap());

    let text = |name: &str| String::from_utf8(written[name].clone()).unwrap();
    for (name, bytes) in written.iter().filter(|(name, _)| name.ends_with(".csv")) {
        let table = String::from_utf8(bytes.clone()).unwrap();
        for cell in table.lines().flat_map(|line| line.split(',')).map(|cell| cell.trim_start_matches('"')) {
            let is_formula =
                cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
            assert!(!is_formula, "{name}: {cell}");
        }
    }
    assert!(
        text("answers.csv").contains("\n'+0,'@home,\"'=HYPERLINK(\"\"http://x\"\")\",general,1,"),
        "{}",
        text("answers.csv")
    );
    let best = &verdict["candidates"][0];
    let quality = best["quality"]["mean"].as_f64().unwrap();
    assert!(text("candidates.csv").contains(&format!(",{quality},")), "{}", text("candidates.csv"));
    assert_eq!(text("pairs.csv").lines().count(), 1 + 3);
    assert_eq!(text("slices.csv").lines().count(), 1 + 3 * 2);
    assert_eq!((text("items.csv").lines().count(), text("answers.csv").lines().count()), (121, 361));

    let drawn = text("cost-and-quality.svg");
    assert!(
        drawn.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"")
            && drawn.trim_end().ends_with("</svg>")
    );
    assert!(drawn.contains("fill:#1c66a8") && !drawn.contains("var(") && !drawn.contains("<b>"), "{drawn}");
    // Twice the size of the drawing, and as large as its head says.
    let view = drawn.split("viewBox=\"0 0 ").nth(1).unwrap().split('"').next().unwrap();
    let sides: Vec<u32> = view.split(' ').map(|side| side.parse().unwrap()).collect();
    let png = &written["cost-and-quality.png"];
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!(vec![side(16), side(20)], sides.iter().map(|side| 2 * side).collect::<Vec<_>>());
    insta::assert_snapshot!("summary in Markdown", text("summary.md"));

    // The same run, the same bytes.
    assert_eq!(desk.ordinate(["export", "run", "--to", "again/there"]).status(), 0);
    assert_eq!(exported(&desk.path("again/there")), written);
}

#[test]
fn exported_answers_are_evidence_again() {
    let desk = Desk::new();
    let verdict = hostile(&desk);
    for (format, file) in [("csv", "answers.csv"), ("parquet", "answers.parquet")] {
        let done = desk.ordinate(["export", "run", "--to", format, "--format", format]);
        assert_eq!(done.status(), 0, "{}", done.stderr());
        let task = format!("{format}.toml");
        assert_eq!(desk.ordinate(["init", &format!("{format}/{file}"), "--out", &task]).status(), 0);
        let again = desk.ordinate(["run", &task, "--quiet", "--json", "--out", &format!("{format}.again")]);
        let again: Value = serde_json::from_str(&again.stdout()).unwrap();
        let figures = |verdict: &Value| {
            let rows = verdict["candidates"].as_array().unwrap().iter();
            rows.map(|row| (row["quality"].clone(), row["cost_per_1k"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(figures(&again), figures(&verdict), "{format}");
        let named = again["candidates"].as_array().unwrap().iter().any(|row| row["name"] == "-1+2");
        assert_eq!(named, format == "parquet", "Parquet has the names as they are");
    }
}

#[test]
fn an_export_overwrites_nothing() {
    let desk = Desk::new();
    hostile(&desk);
    desk.write("full/notes.txt", "mine");
    for (arguments, said) in [
        (vec!["export", "run", "--to", "full"], "full: it is there already"),
        (vec!["export", "run", "--to", "run/export"], "run/export: it lies in the run folder"),
        (vec!["export", "nowhere"], "nowhere: no run folder"),
    ] {
        let refused = desk.ordinate(&arguments).refusal();
        assert!(refused.contains(said), "{refused}");
    }
    assert_eq!(desk.ordinate(["export", "run", "--to", "x", "--format", "xlsx"]).status(), 2);
    assert_eq!(exported(&desk.path("full")).len(), 1);
    let left: Vec<String> = std::fs::read_dir(desk.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!left.iter().any(|name| name.starts_with(".ordinate-export")), "{left:?}");
}

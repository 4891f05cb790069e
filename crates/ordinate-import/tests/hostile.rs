//! Logs that are damaged or meant to do harm: refused with one clear paragraph, and nothing is left behind.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod common;

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use common::{fixture, refused, run};
use ordinate_import::{Limits, Options};
use tempfile::TempDir;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

const HEADER: &str = r#"{"version":2,"status":"success","eval":{"task":"t","model":"m"}}"#;

fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// A zip with zstd entries, as Inspect writes it.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Zstd);
    for (name, bytes) in entries {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn sample(id: &str, score: &str) -> String {
    format!(r#"{{"id":{id},"epoch":1,"input":[{id}],"target":"a","scores":{{"s":{{"value":{score}}}}}}}"#)
}

fn lm_eval_row(doc: u32, acc: &str) -> String {
    format!(
        r#"{{"doc_id":{doc},"doc":{{}},"target":"a","arguments":{{"gen_args_0":{{"arg_0":"q{doc}","arg_1":{{}}}}}},"resps":[["a"]],"filtered_resps":["a"],"filter":"none","metrics":["acc"],"doc_hash":"h{doc}","acc":{acc}}}"#
    )
}

fn check(bytes: impl AsRef<[u8]>, name: &str, parts: &[&str]) {
    check_with(bytes, name, parts, &Options::default());
}

fn check_with(bytes: impl AsRef<[u8]>, name: &str, parts: &[&str], options: &Options) {
    let folder = TempDir::new().unwrap();
    let error = refused(&[file(&folder, name, bytes)], options);
    for part in parts.iter().chain(&[name]) {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[test]
fn a_zip_bomb_in_an_entry() {
    // 64 MiB of spaces before the JSON, in some kilobytes.
    let mut bomb = vec![b' '; 64 << 20];
    bomb.extend_from_slice(HEADER.as_bytes());
    let bytes = archive(&[("header.json", &bomb)]);
    assert!(bytes.len() < 100_000);
    check(&bytes, "bomb.eval", &["header.json", "zip bomb"]);
}

#[test]
fn a_zip_that_is_large_as_a_whole() {
    // Each entry is harmless; what counts is their sum.
    let text = format!("{HEADER}{}", " ".repeat(4 << 20));
    let samples: Vec<(String, String)> = (0..8)
        .map(|at| {
            (
                format!("samples/{at}_epoch_1.json"),
                format!("{}{}", sample(&at.to_string(), "1"), " ".repeat(4 << 20)),
            )
        })
        .collect();
    let mut entries = vec![("header.json", text.as_bytes())];
    entries.extend(samples.iter().map(|(name, text)| (name.as_str(), text.as_bytes())));
    let limits = Limits { total_bytes: 20 << 20, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    check_with(archive(&entries), "large.eval", &["samples/", "holds more than"], &options);
    let limits = Limits { entry_bytes: 1 << 20, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    check_with(archive(&entries), "large.eval", &["header.json", "holds more than 1048576 bytes"], &options);
}

#[test]
fn a_zip_whose_size_is_a_lie() {
    // The directory claims 10 bytes for an entry that unpacks to 64 MiB: what comes out is counted, not what is said.
    let mut bomb = vec![b' '; 64 << 20];
    bomb.extend_from_slice(HEADER.as_bytes());
    let mut bytes = archive(&[("header.json", &bomb)]);
    let truth = u32::try_from(bomb.len()).unwrap().to_le_bytes();
    let mut changed = 0;
    for at in 0..bytes.len() - 4 {
        if bytes[at..at + 4] == truth {
            bytes[at..at + 4].copy_from_slice(&10u32.to_le_bytes());
            changed += 1;
        }
    }
    assert!(changed >= 1);
    check(&bytes, "lie.eval", &["header.json"]);
}

#[test]
fn a_gzip_bomb() {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(lm_eval_row(0, "1.0").as_bytes()).unwrap();
    gz.write_all(&vec![b'\n'; 128 << 20]).unwrap();
    // Deflate grows at most 1,032 times: the ratio is just beyond the limit.
    check(gz.finish().unwrap(), "samples.jsonl.gz", &["zip bomb"]);
}

#[test]
fn names_that_lead_out_of_the_folder() {
    let folder = TempDir::new().unwrap();
    let header = HEADER.replace("\"m\"", "\"../../../escaped\"").replace("\"t\"", "\"../t\"");
    let text = sample(r#""../../x""#, "1");
    let bytes = archive(&[
        ("header.json", header.as_bytes()),
        ("samples/../../../../tmp/evil_epoch_1.json", text.as_bytes()),
        ("../../../evil.json", b"{}"),
        ("/etc/evil", b"{}"),
    ]);
    let log = file(&folder, "evil.eval", bytes);
    let out = folder.path().join("a/b/out");
    let imported = ordinate_import::import(&[log], &out, &Options::default()).unwrap();
    assert_eq!(imported.candidates[0].name.as_str(), "../../../escaped");
    assert_eq!(imported.candidates[0].scored, 1);
    let mut files: Vec<PathBuf> = Vec::new();
    let mut waiting = vec![folder.path().to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() { waiting.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    let mut names: Vec<String> = files
        .iter()
        .map(|path| path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["a/b/out/escaped.jsonl", "a/b/out/items.jsonl", "a/b/out/ordinate.toml", "evil.eval"]);
    assert!(!Path::new("/tmp/evil_epoch_1.json").exists() && !Path::new("/etc/evil").exists());
}

#[test]
fn scores_that_are_no_scores() {
    for (score, part) in
        [("NaN", "no number"), ("Infinity", "no number"), ("-0.5", "outside [0, 1]"), ("7", "--range")]
    {
        let text = format!("{}\n{}\n", lm_eval_row(0, "1.0"), lm_eval_row(1, score));
        check(text, "samples_x.jsonl", &["line 2, field acc", part]);
    }
    // In Inspect NaN means `not scored`: an error row, not a refusal. Infinity is a refusal there too.
    let folder = TempDir::new().unwrap();
    let (one, two) = (sample("1", "1"), sample("2", "NaN"));
    let entries: [(&str, &[u8]); 3] = [
        ("header.json", HEADER.as_bytes()),
        ("samples/1_epoch_1.json", one.as_bytes()),
        ("samples/2_epoch_1.json", two.as_bytes()),
    ];
    let done = run(&[file(&folder, "nan.eval", archive(&entries))]);
    assert_eq!(done.summary(), [("m".into(), 1, 1, 0, Some(1.0))]);
    let two = sample("2", "Infinity");
    let entries = [entries[0], entries[1], ("samples/2_epoch_1.json", two.as_bytes())];
    check(archive(&entries), "inf.eval", &["samples/2_epoch_1.json", "no number"]);
}

#[test]
fn a_line_of_200_megabytes() {
    let mut text = lm_eval_row(0, "1.0").into_bytes();
    text.push(b'\n');
    text.extend_from_slice(b"{\"doc\":\"");
    text.resize(text.len() + (200 << 20), b'x');
    text.extend_from_slice(b"\"}\n");
    check(&text, "samples_long.jsonl", &["line 2", "longer than 67108864 bytes"]);
}

#[test]
fn a_row_of_200_megabytes_in_a_json_list() {
    let mut text =
        br#"{"evalId":"e","results":{"version":3,"results":[{"promptIdx":0,"vars":{"q":""#.to_vec();
    text.resize(text.len() + (200 << 20), b'x');
    text.extend_from_slice(br#""}}]}}"#);
    check(&text, "out.json", &["results.results[0]", "longer than 67108864 bytes"]);
}

#[test]
fn deep_nesting() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let row = lm_eval_row(0, "1.0").replace("\"doc\":{}", &format!("\"doc\":{deep}"));
    check(row, "samples_deep.jsonl", &["line 1", "nested deeper"]);
    // What is not read may be as deep as it likes.
    let folder = TempDir::new().unwrap();
    let text = sample("1", "1").replace("\"epoch\"", &format!("\"events\":{deep},\"epoch\""));
    let entries: [(&str, &[u8]); 2] =
        [("header.json", HEADER.as_bytes()), ("samples/1_epoch_1.json", text.as_bytes())];
    let options = Options { limits: Limits { ratio: 100_000, ..Limits::default() }, ..Options::default() };
    let done = common::try_import(&[file(&folder, "deep.eval", archive(&entries))], &options).unwrap();
    assert_eq!(done.imported.items, 1);
}

#[test]
fn cut_off_and_changed_archives() {
    let whole = fs::read(fixture("inspect/always-a.eval")).unwrap();
    for cut in [whole.len() / 3, whole.len() - 30, 40] {
        check(&whole[..cut], "cut.eval", &["no whole zip archive", "fetch it again"]);
    }
    // A flipped bit inside an entry's data is found by zstd or by the checksum of the zip.
    let mut changed = whole.clone();
    let at = whole.len() / 4;
    changed[at..at + 64].iter_mut().for_each(|byte| *byte ^= 0x55);
    check(&changed, "changed.eval", &["changed.eval, "]);
    check(archive(&[("notes.txt", b"hello")]), "other.zip", &["no log of Inspect"]);
}

#[test]
fn parquet_that_is_none() {
    let whole = fs::read(
        fixture("lighteval/details/dummy/seed-42/2026-11-23T20-49-26.626149/details_toy_mc-0_2026-11-23T20-49-26.626149.parquet"),
    )
    .unwrap();
    check(&whole[..whole.len() / 2], "details_cut.parquet", &["is not a sound Parquet file"]);
    check(b"PAR1", "details_magic.parquet", &["is not a sound Parquet file"]);
    check(b"PAR1\xff\xff\xff\x7fPAR1", "details_length.parquet", &["is not a sound Parquet file"]);
}

#[test]
fn what_is_no_log() {
    check("", "empty.jsonl", &["is empty"]);
    check("id,score\n1,0.5\n", "table.csv", &["no log of a known format", "recorded"]);
    check([0xff, 0xfe, 0x00, 0x80], "noise.bin", &["no log of a known format"]);
    let results = "lm-eval/toy__seed-1/results_2026-11-23T20-46-06.296944.json";
    let error = refused(&[fixture(results)], &Options::default());
    assert!(error.contains("table of results without single answers"), "{error}");
    let error = refused(&[fixture("every-eval-ever/seed-1-0.json")], &Options::default());
    assert!(error.contains("aggregate of Every Eval Ever"), "{error}");
    let error = refused(&[fixture("no such file")], &Options::default());
    assert!(error.contains("does not exist"), "{error}");
    let folder = TempDir::new().unwrap();
    let error = refused(&[folder.path().to_owned()], &Options::default());
    assert!(error.contains("no log to import"), "{error}");
}

#[test]
fn texts_that_are_damaged() {
    let good = lm_eval_row(0, "1.0");
    let mut bytes = format!("{good}\n").into_bytes();
    bytes.extend_from_slice(
        lm_eval_row(1, "1.0").replace("\"q1\"", "\"q\u{0}\"").replace('\u{0}', "@").as_bytes(),
    );
    let at = bytes.iter().rposition(|byte| *byte == b'@').unwrap();
    bytes[at] = 0xff;
    check(&bytes, "samples_utf8.jsonl", &["line 2", "not UTF-8"]);
    check(format!("{good}\n{{\"doc_id\":"), "samples_cut.jsonl", &["line 2", "cut off"]);
    check(format!("{good}\n[1,2]\n"), "samples_list.jsonl", &["line 2", "not the JSON that was expected"]);
    check(
        format!("{good}\n{}", good.replace("\"acc\":1.0", "\"b\":1")),
        "samples_gone.jsonl",
        &["line 2, field acc", "missing"],
    );
    check(
        r#"{"evalId":"e","results":{"version":2,"table":{}}}"#,
        "old.json",
        &["results.results", "version 3"],
    );
    check(
        r#"{"run_id":"r","event_id":0,"sample_id":"s","type":"match","data":{"correct":true}}"#,
        "evals.jsonl",
        &["`spec`"],
    );
}

#[test]
fn a_message_holds_no_control_characters() {
    let folder = TempDir::new().unwrap();
    let row = lm_eval_row(0, "9").replace("acc", "\\u001b[31m\\nacc");
    let error = refused(&[file(&folder, "samples_red.jsonl", row)], &Options::default());
    assert!(!error.chars().any(char::is_control), "{error:?}");
}

#[test]
fn a_folder_with_a_run_that_lacks_files() {
    let folder = TempDir::new().unwrap();
    fs::copy(fixture("helm/model1/run_spec.json"), folder.path().join("run_spec.json")).unwrap();
    let error = refused(&[folder.path().to_owned()], &Options::default());
    assert!(error.contains("scenario_state.json") && error.contains("missing"), "{error}");
}

#[test]
fn errors_stay_errors() {
    // promptfoo: failureReason 2 is an error; a cached answer's time is not its time.
    let folder = TempDir::new().unwrap();
    let row = |test: u32, rest: &str| {
        format!(
            r#"{{"promptIdx":0,"testIdx":{test},"provider":{{"id":"openai:gpt","label":""}},"vars":{{"q":"q{test}","expected":"a"}},"latencyMs":5,"cost":0.25,{rest}}}"#
        )
    };
    let text = [
        row(0, r#""success":true,"score":1,"failureReason":0,"response":{"output":{"a":1},"cached":true,"tokenUsage":{"total":3,"prompt":2,"completion":1}}"#),
        row(1, r#""success":false,"score":0,"failureReason":2,"error":"429 too many requests","response":null"#),
        row(2, r#""success":false,"score":0,"failureReason":1,"error":"not equal","response":{"output":"b","tokenUsage":{"total":3,"prompt":2,"completion":1}}"#),
    ]
    .join("\n");
    let done = run(&[file(&folder, "out.jsonl", text)]);
    assert_eq!(done.summary(), [("openai:gpt".into(), 2, 1, 0, Some(0.5))]);
    let answers = done.answers("openai:gpt");
    assert_eq!(answers[0]["output"], r#"{"a":1}"#);
    for absent in ["latency_ms", "cost_usd", "input_tokens"] {
        assert!(answers[0].get(absent).is_none(), "{absent} of a cached answer");
    }
    assert_eq!(answers[1]["error"], "429 too many requests");
    assert!(answers[1].get("score").is_none());
    assert_eq!((&answers[2]["latency_ms"], &answers[2]["input_tokens"]), (&5.0.into(), &2.into()));
    assert_eq!(done.items()[0]["target"], "a");
    assert_eq!(done.items()[0]["input"], "q0");
}

#[test]
fn a_metric_that_one_model_lacks_is_no_row_of_errors() {
    let folder = TempDir::new().unwrap();
    let make = |model: &str, metric: &str| {
        fs::create_dir(folder.path().join(model)).unwrap();
        let text = lm_eval_row(0, "1.0").replace("acc", metric);
        file(&folder, &format!("{model}/samples_t.jsonl"), text)
    };
    let error = refused(&[make("a", "acc"), make("b", "brier")], &Options::default());
    assert!(error.contains("logs of b have no acc for task t") && error.contains("--metric"), "{error}");
}

/// Rows of lists that are packed small and are large in memory.
#[test]
fn many_small_values_are_refused() {
    let folder = TempDir::new().unwrap();
    let zeros = "0,".repeat(9 << 20);
    let sample =
        format!(r#"{{"id":1,"epoch":1,"target":"a","scores":{{"s":{{"value":"C"}}}},"input":[{zeros}0]}}"#);
    let header = r#"{"version":2,"status":"success","eval":{"task":"t","model":"m"},"plan":{}"#;
    let json = file(&folder, "x.json", format!("{header},\"samples\":[{sample}]}}"));
    let error = refused(&[json], &Options::default());
    assert!(error.contains("JSON values") && error.contains("samples[0]"), "{error}");
    let log = file(&folder, "samples_t.jsonl", format!(r#"{{"doc_id":0,"doc":[{zeros}0]}}"#));
    let error = refused(&[log], &Options::default());
    assert!(error.contains("JSON values") && error.contains("line 1"), "{error}");
}

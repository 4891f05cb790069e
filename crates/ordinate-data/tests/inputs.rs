//! Files as people have them: each is read as what it is, or refused in words; none is read as something else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // tests

mod common;
#[path = "inputs/json.rs"]
mod json;

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, DurationMicrosecondArray, Float64Array, Int64Array, ListArray, RecordBatch,
    StringArray, TimestampMillisecondArray, types::Int64Type,
};
use common::{Files, gzip, mean, table_task};
use ordinate_core::Status;
use ordinate_data::{Loaded, infer_task, load_items, load_scored, read_outputs, read_task};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

fn errors(loaded: &Loaded, candidate: usize) -> usize {
    loaded.evidence.answers(candidate).count(Status::Error)
}

fn parquet(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn texts(values: impl IntoIterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Items of two candidates, whose `error` says that there was none.
const ITEMS: usize = 8;

#[test]
fn cells_that_say_no_error() {
    for none in ["None", "nan", "False", "0", "{}", "[]", "null", " ", "ok", "\u{2014}", "()", "\\N"] {
        let rows = (0..ITEMS).map(|at| format!("q{at},a,1,\nq{at},b,{},{none}\n", at % 2));
        let text = format!("id,candidate,score,error\n{}", rows.collect::<String>());
        let files = Files::new(&[
            ("s.csv", text.as_bytes()),
            ("t.toml", table_task("s.csv", &["a", "b"]).as_bytes()),
        ]);
        let loaded = files.load("t.toml").unwrap();
        assert_eq!((mean(&loaded, 1), errors(&loaded, 1)), (0.5, 0), "{none:?}");
    }
    for none in ["false", "0", "{}", "[]", "null", "\"None\"", "{\"code\":0,\"message\":null}", "[null]"] {
        let rows = (0..ITEMS).map(|at| {
            format!("{{\"id\":{at},\"candidate\":\"a\",\"score\":1}}\n{{\"id\":{at},\"candidate\":\"b\",\"score\":{},\"error\":{none}}}\n", at % 2)
        });
        let text = rows.collect::<String>();
        let files = Files::new(&[
            ("s.jsonl", text.as_bytes()),
            ("t.toml", table_task("s.jsonl", &["a", "b"]).as_bytes()),
        ]);
        let loaded = files.load("t.toml").unwrap();
        assert_eq!((mean(&loaded, 1), errors(&loaded, 1)), (0.5, 0), "{none:?}");
    }
    let flag: ArrayRef = Arc::new(BooleanArray::from(vec![false; 2 * ITEMS]));
    let bytes = parquet(&scores(("error", flag)), WriterProperties::builder().build());
    let files =
        Files::new(&[("s.parquet", &bytes), ("t.toml", table_task("s.parquet", &["a", "b"]).as_bytes())]);
    let loaded = files.load("t.toml").unwrap();
    assert_eq!((mean(&loaded, 0), mean(&loaded, 1), errors(&loaded, 0) + errors(&loaded, 1)), (1.0, 0.5, 0));
}

/// What need not be known is not known where a cell says so, and no row is refused for it.
#[test]
fn cells_that_say_not_known() {
    for none in ["", "NaN", "N/A", "-", "null", "None", "\u{2013}"] {
        let rows = (0..ITEMS).map(|at| format!("q{at}|a|1|{none}|{none}\nq{at}|b|T|0.5|1.5 s\n"));
        let text = format!("id|candidate|score|cost_usd|latency_ms\n{}", rows.collect::<String>());
        let files = Files::new(&[
            ("s.csv", text.as_bytes()),
            ("t.toml", table_task("s.csv", &["a", "b"]).as_bytes()),
        ]);
        let loaded = files.load("t.toml").unwrap();
        let read = [0, 1].map(|candidate| {
            let answers = loaded.evidence.answers(candidate);
            (answers.cost_usd(0), answers.latency_ms(0))
        });
        assert_eq!(read, [(None, None), (Some(0.5), Some(1500.0))], "{none:?}");
    }
}

/// A table of scores of `a` (always right) and `b` (half), with one column more.
fn scores(further: (&str, ArrayRef)) -> RecordBatch {
    batch(vec![
        ("id", texts((0..2 * ITEMS).map(|at| format!("q{}", at / 2)))),
        ("candidate", texts((0..2 * ITEMS).map(|at| ["a", "b"][at % 2].to_owned()))),
        (
            "score",
            Arc::new(Float64Array::from_iter_values((0..2 * ITEMS).map(|at| [1.0, 1.0, 1.0, 0.0][at % 4]))),
        ),
        further,
    ])
}

#[test]
fn an_error_beside_a_score_is_told_and_one_in_every_row_refused() {
    let table = |error: &dyn Fn(usize) -> &'static str| {
        let rows = (0..ITEMS).map(|at| format!("q{at},a,1,\nq{at},b,1,{}\n", error(at)));
        format!("id,candidate,score,error\n{}", rows.collect::<String>())
    };
    let files = Files::new(&[("t.toml", table_task("s.csv", &["a", "b"]).as_bytes())]);
    files.write("s.csv", table(&|at| if at < 2 { "timeout" } else { "" }).as_bytes());
    let loaded = files.load("t.toml").unwrap();
    assert_eq!(errors(&loaded, 1), 2);
    assert!(
        loaded.notes.iter().any(|note| note.contains("an error and a score beside it: of b (2)")),
        "{:?}",
        loaded.notes
    );
    files.write("s.csv", table(&|_| "as it should be").as_bytes());
    let message = files.message("t.toml");
    assert!(
        message.contains("s.csv:3: error: each of the 8 answers has a score and an error")
            && message.contains("as it should be"),
        "{message}"
    );
    // Tools that write 0 beside each error: everything failed.
    files.write("s.csv", table(&|_| "timeout").replace("b,1,", "b,0,").as_bytes());
    assert_eq!(errors(&files.load("t.toml").unwrap(), 1), ITEMS);
}

/// `1.234` is a thousand and more where `0,5` is a half, or one and a bit: no guess is made.
#[test]
fn dots_between_thousands_are_asked_about() {
    let load = |half: &str, time: &str| {
        let rows = (0..ITEMS).map(|at| format!("q{at};a;{half};{time}\nq{at};b;1;987\n"));
        let text = format!("id;candidate;score;latency_ms\n{}", rows.collect::<String>());
        let files = Files::new(&[
            ("s.csv", text.as_bytes()),
            ("t.toml", table_task("s.csv", &["a", "b"]).as_bytes()),
        ]);
        files.load("t.toml").map(|loaded| loaded.evidence.answers(0).latency_ms(0)).map_err(|e| e.to_string())
    };
    let message = load("0,5", "1.234").unwrap_err();
    assert!(message.contains("s.csv:2: latency_ms: \"1.234\" may be a thousand"), "{message}");
    assert_eq!(load("0.5", "1.234"), Ok(Some(1.234)));
    assert_eq!(load("0,5", "1.234,5"), Ok(Some(1234.5)));
    assert_eq!(load("0,5", "1234"), Ok(Some(1234.0)));
    assert_eq!(load("0,5", "0.125"), Ok(Some(0.125)));
}

/// Amounts and times with their units, as spreadsheets write them: each is read as what it says, in dollars and milliseconds.
#[test]
fn units_and_marks_between_thousands_are_read() {
    let load = |mark: char, cost: &str, time: &str| {
        let quoted = |text: &str| if text.contains(mark) { format!("\"{text}\"") } else { text.to_owned() };
        let row = |at: usize, name: &str| {
            let cells = [&format!("q{at}"), name, "1", &quoted(cost), &quoted(time)];
            cells.join(&mark.to_string()) + "\n"
        };
        let header = ["id", "candidate", "score", "cost_usd", "latency_ms"].join(&mark.to_string());
        let rows: String = (0..ITEMS).map(|at| row(at, "a") + &row(at, "b")).collect();
        let files = Files::new(&[
            ("s.csv", format!("{header}\n{rows}").as_bytes()),
            ("t.toml", table_task("s.csv", &["a", "b"]).as_bytes()),
        ]);
        let loaded = files.load("t.toml").map_err(|error| error.to_string())?;
        let of = loaded.evidence.answers(0);
        Ok::<_, String>((of.cost_usd(0), of.latency_ms(0)))
    };
    for (mark, cost, time, expected) in [
        (',', "$0.004", "1.2 s", (0.004, 1_200.0)),
        (',', "US$ 1,204.50", "1,234.5", (1_204.5, 1_234.5)),
        (',', "0.25 USD", "0:00:01.5", (0.25, 1_500.0)),
        (';', "0,004 $", "1,2 s", (0.004, 1_200.0)),
        (';', "$ 1.234,5", "350,5 ms", (1_234.5, 350.5)),
    ] {
        assert_eq!(load(mark, cost, time), Ok((Some(expected.0), Some(expected.1))), "{cost} {time}");
    }
    for (mark, cost) in [(';', "0,004 \u{20ac}"), (',', "CHF 3"), (',', "C$1")] {
        let error = load(mark, cost, "1").unwrap_err();
        assert!(error.contains("s.csv:2: cost_usd") && error.contains("is not in US dollars"), "{error}");
    }
    // A comma alone may be a decimal one.
    for cost in ["1,234", "1,2.5", "12,34.5", "cents"] {
        let error = load(',', cost, "1").unwrap_err();
        assert!(error.contains("s.csv:2: cost_usd") && error.contains("is not a number"), "{cost}: {error}");
    }
}

#[test]
fn csv_of_many_dialects() {
    let rows = |cell: &str, half: &str, one: &str| {
        let of = |at: usize| format!("q{at}{cell}a{cell}{half}\nq{at}{cell}b{cell}{one}\n");
        format!("id{cell}candidate{cell}score\n{}", (0..ITEMS).map(of).collect::<String>())
    };
    let utf16 = |text: &str, mark: &str| {
        format!("{mark}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    };
    let tab = rows("\t", "0.5", "1");
    for (name, bytes) in [
        ("semicolon", rows(";", "0,5", "1,0").into_bytes()),
        ("with a mark", format!("\u{feff}{}", rows(";", "0,5", "1")).into_bytes()),
        ("sep=", format!("sep=;\r\n{}", rows(";", "0,5", "1").replace('\n', "\r\n")).into_bytes()),
        ("tab", tab.clone().into_bytes()),
        ("decimal commas between tabs", rows("\t", "0,5", "1").into_bytes()),
        ("per cent", rows(";", "50 %", "100 %").into_bytes()),
        ("UTF-16 with a mark", utf16(&tab, "\u{feff}")),
        ("UTF-16 without", utf16(&tab, "")),
        ("gzip", gzip(rows(";", "0,5", "1").as_bytes())),
        ("a title", format!("Results, March;;\n\n{}", rows(";", "0,5", "1")).into_bytes()),
        ("empty rows below", format!("{};;\n;;\n", rows(";", "0,5", "1")).into_bytes()),
        ("space around names", rows(",", "0.5", "1").replace(",a,", ", a ,").into_bytes()),
    ] {
        let files = Files::new(&[("s.csv", &bytes), ("t.toml", table_task("s.csv", &["a", "b"]).as_bytes())]);
        let loaded = files.load("t.toml").unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((loaded.evidence.len(), mean(&loaded, 0), mean(&loaded, 1)), (ITEMS, 0.5, 1.0), "{name}");
    }
    // A comma that parts the cells is no decimal mark.
    let files = Files::new(&[("t.toml", table_task("s.csv", &["a", "b"]).as_bytes())]);
    files.write("s.csv", b"id,candidate,score\nq,a,\"0,5\"\nq,b,1\n");
    assert!(files.message("t.toml").contains("\"0,5\" is not"));
}

#[test]
fn parquet_by_every_compression() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ] {
        let table = scores(("output", texts((0..2 * ITEMS).map(|at| format!("said {at}")))));
        let bytes = parquet(&table, WriterProperties::builder().set_compression(compression).build());
        let files =
            Files::new(&[("s.parquet", &bytes), ("t.toml", table_task("s.parquet", &["a", "b"]).as_bytes())]);
        let loaded = files.load("t.toml").unwrap_or_else(|error| panic!("{compression:?}: {error}"));
        assert_eq!((mean(&loaded, 0), mean(&loaded, 1)), (1.0, 0.5), "{compression:?}");
    }
}

#[test]
fn durations_are_milliseconds_and_times_are_texts() {
    let took: ArrayRef = Arc::new(DurationMicrosecondArray::from(vec![1_500_000; 2 * ITEMS]));
    let bytes = parquet(&scores(("latency_ms", took)), WriterProperties::builder().build());
    let when: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![1_772_355_599_000; 2 * ITEMS]));
    let times = parquet(&scores(("slice", when)), WriterProperties::builder().build());
    let files =
        Files::new(&[("s.parquet", &bytes), ("t.toml", table_task("s.parquet", &["a", "b"]).as_bytes())]);
    assert_eq!(files.load("t.toml").unwrap().evidence.answers(0).latency_ms(0), Some(1_500.0));
    files.write("s.parquet", &times);
    let loaded = files.load("t.toml").unwrap();
    assert_eq!(loaded.evidence.items().slices().get(0), Some("2026-03-01T08:59:59"));
    for text in ["0 days 00:00:01.500000", "PT1.5S", "1.5 s", "1500 ms", "1500"] {
        let rows = (0..2).map(|at| format!("q{at},a,1,{text}\nq{at},b,1,\n")).collect::<String>();
        let table = format!("id,candidate,score,latency_ms\n{rows}");
        let files = Files::new(&[
            ("s.csv", table.as_bytes()),
            ("t.toml", table_task("s.csv", &["a", "b"]).as_bytes()),
        ]);
        assert_eq!(files.load("t.toml").unwrap().evidence.answers(0).latency_ms(0), Some(1_500.0), "{text}");
    }
}

#[test]
fn amounts_beyond_belief_are_refused() {
    for (column, value) in [("cost_usd", "1e308"), ("latency_ms", "1e300")] {
        let table = format!("id,candidate,score,{column}\nq1,a,1,{value}\nq1,b,1,\nq2,a,1,1\nq2,b,1,1\n");
        let files = Files::new(&[
            ("s.csv", table.as_bytes()),
            ("t.toml", table_task("s.csv", &["a", "b"]).as_bytes()),
        ]);
        let message = files.message("t.toml");
        assert!(
            message.starts_with(&format!("s.csv:2: {column}: {value} is more than one answer can come to")),
            "{message}"
        );
    }
}

/// A data set of the hub: labels are numbers, their names stand in the metadata.
fn class_label() -> Vec<u8> {
    let names = r#"{"info": {"features": {"label": {"names": ["negative", "positive"], "_type": "ClassLabel"},
        "tags": {"feature": {"names": ["x", "y"], "_type": "ClassLabel"}, "_type": "List"}}}}"#;
    let pairs = vec![KeyValue::new("huggingface".to_owned(), names.to_owned())];
    let tags =
        ListArray::from_iter_primitive::<Int64Type, _, _>((0..ITEMS).map(|_| Some(vec![Some(0), Some(1)])));
    let table = batch(vec![
        ("text", texts((0..ITEMS).map(|at| format!("text {at}")))),
        ("label", Arc::new(Int64Array::from_iter_values((0..ITEMS as i64).map(|at| at % 2)))),
        ("tags", Arc::new(tags)),
    ]);
    parquet(&table, WriterProperties::builder().set_key_value_metadata(Some(pairs)).build())
}

#[test]
fn labels_have_the_names_that_the_file_gives_them() {
    let task = |target: &str, further: &str| {
        format!(
            "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"test.parquet\"\ninput = \"text\"\ntarget = \"{target}\"\n{further}\n[[candidate]]\nname = \"a\"\nlineage = \"general\"\nrecorded = {{ path = \"a.jsonl\" }}\n[[candidate]]\nname = \"b\"\nlineage = \"vertical\"\nrecorded = {{ path = \"b.jsonl\" }}\n"
        )
    };
    // One says the names, the other the numbers: both are right.
    let said = |right: [&str; 2]| {
        (0..ITEMS)
            .map(|at| format!("{{\"id\": \"{}\", \"output\": \"{}\"}}\n", at + 1, right[at % 2]))
            .collect::<String>()
    };
    let files = Files::new(&[
        ("test.parquet", &class_label()),
        ("a.jsonl", said(["negative", "positive"]).as_bytes()),
        ("b.jsonl", said(["0", "1"]).as_bytes()),
        ("t.toml", task("label", "").as_bytes()),
        ("tags.toml", task("tags", "").as_bytes()),
    ]);
    let read = |name: &str| read_task(&files.path(name)).unwrap();
    let targets = |name: &str| {
        let items = load_items(&read(name)).unwrap();
        (0..2).map(|row| items.target(row).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(targets("t.toml"), ["negative", "positive"]);
    assert_eq!(targets("tags.toml"), [r#"["x","y"]"#; 2]);
    let loaded =
        load_scored(&read("t.toml"), &|said, target, _| f64::from(u8::from(said == target))).unwrap();
    assert_eq!((mean(&loaded, 0), mean(&loaded, 1)), (1.0, 1.0));
    // What others learn from answers has the names too.
    let outputs = |file: &str| read_outputs(&read("t.toml"), &files.path(file)).unwrap();
    assert_eq!(outputs("b.jsonl"), outputs("a.jsonl"));
    assert_eq!(outputs("b.jsonl")["2"], ("positive".to_owned(), None));
    // The task file can name them too.
    files.write("items.csv", b"text,label\na,0\nb,1\n");
    let named = task("label", "labels = { 0 = \"bad\", 1 = \"good\" }").replace("test.parquet", "items.csv");
    files.write("named.toml", named.as_bytes());
    assert_eq!(targets("named.toml"), ["bad", "good"]);
}

#[test]
fn bombs_are_refused() {
    // Spaces behind a row, and lines that are harmless each.
    let mut blank = b"{\"id\":\"1\",\"candidate\":\"a\",\"score\":1}\n".to_vec();
    blank.resize(80 << 20, b'\n');
    let blank = gzip(&blank);
    let mut rows = Vec::new();
    for at in 0..2 {
        rows.extend_from_slice(
            format!("{{\"id\":\"{at}\",\"candidate\":\"a\",\"score\":1,\"output\":\"").as_bytes(),
        );
        rows.resize(rows.len() + (40 << 20), b'y');
        rows.extend_from_slice(b"\"}\n");
    }
    for bytes in [blank, zstd::encode_all(rows.as_slice(), 1).unwrap()] {
        let files = Files::new(&[
            ("s.jsonl.gz", &bytes),
            ("t.toml", table_task("s.jsonl.gz", &["a", "b"]).as_bytes()),
        ]);
        let message = files.message("t.toml");
        assert!(message.contains("decompression bomb"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_device_is_no_file() {
    let files = Files::new(&[("t.toml", table_task("/dev/zero", &["a", "b"]).as_bytes())]);
    assert!(files.message("t.toml").contains("pipe or a device"));
}

#[test]
fn one_candidate_alone_loads() {
    let files = Files::new(&[
        ("s.csv", b"id,candidate,score\n1,a,1\n2,a,0\n"),
        ("t.toml", table_task("s.csv", &["a"]).as_bytes()),
    ]);
    assert_eq!(mean(&files.load("t.toml").unwrap(), 0), 0.5);
}

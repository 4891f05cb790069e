//! The fields of items are the same from every format: numbers, categories and gaps, and the text that they make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // tests

mod common;

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use common::Files;
use ordinate_core::features::Features;
use ordinate_data::{load_features, load_items, parse_task};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;

/// One item: a number, a whole number, a word, a truth; each perhaps not known.
type Line = (Option<f64>, Option<i64>, Option<&'static str>, Option<bool>);

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let word = prop_oneof![Just("内科"), Just("a, \"b\""), Just("7"), Just("x: y")];
    let line = (
        proptest::option::of(-1e6..1e6),
        proptest::option::of(-1000_i64..1000),
        proptest::option::of(word),
        proptest::option::of(any::<bool>()),
    );
    proptest::collection::vec(line, 1..30)
}

fn csv(lines: &[Line]) -> String {
    let mut text = "id,target,数,whole,word,truth\n".to_owned();
    let show = |cell: Option<String>| cell.unwrap_or_default();
    for (at, (number, whole, word, truth)) in lines.iter().enumerate() {
        let word = word.map(|word| format!("\"{}\"", word.replace('"', "\"\"")));
        let _ = writeln!(
            text,
            "i{at},t,{},{},{},{}",
            number.map_or("NaN".to_owned(), |number| number.to_string()),
            show(whole.map(|whole| whole.to_string())),
            show(word),
            show(truth.map(|truth| truth.to_string())),
        );
    }
    text
}

fn jsonl(lines: &[Line]) -> String {
    let mut text = String::new();
    for (at, (number, whole, word, truth)) in lines.iter().enumerate() {
        let row = serde_json::json!({
            "truth": truth, "word": word.unwrap_or_default(), "数": number, "id": format!("i{at}"), "target": "t", "whole": whole,
        });
        let _ = writeln!(text, "{row}");
    }
    text
}

fn parquet(lines: &[Line]) -> Vec<u8> {
    let ids: Vec<String> = (0..lines.len()).map(|at| format!("i{at}")).collect();
    let columns: [(&str, ArrayRef, bool); 6] = [
        ("id", Arc::new(StringArray::from_iter_values(&ids)), true),
        ("target", Arc::new(StringArray::from_iter_values(lines.iter().map(|_| "t"))), true),
        (
            "数",
            Arc::new(lines.iter().map(|line| Some(line.0.unwrap_or(f64::NAN))).collect::<Float64Array>()),
            true,
        ),
        ("whole", Arc::new(lines.iter().map(|line| line.1).collect::<Int64Array>()), true),
        ("word", Arc::new(lines.iter().map(|line| line.2).collect::<StringArray>()), true),
        ("truth", Arc::new(lines.iter().map(|line| line.3).collect::<BooleanArray>()), true),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// What each field says of each row, by name, and the texts of the items.
fn read(files: &Files, name: &str, features: &str) -> (Vec<String>, Vec<Option<String>>) {
    let task = format!(
        "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"{name}\"\nfeatures = {features}\n\
         [[candidate]]\nname = \"a\"\nlineage = \"vertical\"\nlocal = {{ model = \"gradient-boosting\" }}\n"
    );
    let task = parse_task(&files.path("task.toml"), &task).unwrap();
    let items = load_items(&task).unwrap();
    let features: Features = load_features(&task).unwrap();
    let mut said: Vec<String> = Vec::new();
    for column in features.columns() {
        let rows: Vec<String> = (0..items.len())
            .map(|row| format!("{:?} {:?}", column.number(row), column.category(row)))
            .collect();
        said.push(format!("{}: {}", column.name, rows.join("; ")));
    }
    let texts = (0..items.len()).map(|row| items.input(row).map(str::to_owned)).collect();
    (said, texts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_format_says_the_same(lines in lines()) {
        let files = Files::new(&[
            ("a.csv", csv(&lines).as_bytes()),
            ("a.jsonl", jsonl(&lines).as_bytes()),
            ("a.parquet", &parquet(&lines)),
        ]);
        let named = r#"["word", "数", "truth", "whole"]"#;
        let first = read(&files, "a.csv", named);
        prop_assert_eq!(&first, &read(&files, "a.jsonl", named));
        prop_assert_eq!(&first, &read(&files, "a.parquet", named));
        // All of them, in whatever order.
        for name in ["a.csv", "a.jsonl", "a.parquet"] {
            let (mut all, texts) = read(&files, name, "\"all\"");
            all.sort_unstable();
            let mut first = first.0.clone();
            first.sort_unstable();
            prop_assert_eq!(&all, &first);
            prop_assert_eq!(texts.len(), lines.len());
        }
        // The rows say what was written.
        let numbers = first.0.iter().find(|column| column.starts_with("数")).unwrap();
        for (number, ..) in &lines {
            let told = number.is_none_or(|number| numbers.contains(&format!("Some({number:?})")));
            prop_assert!(told, "{:?}", number);
        }
    }
}

/// Gaps leave no line, line breaks within a value no further one.
#[test]
fn the_text_of_an_item() {
    let files = Files::new(&[(
        "a.csv",
        "id,x,y,,target\na,1.50,\"two\nlines\",0,t\nb,NaN,,1,t\nc,,z,2,t\n".as_bytes(),
    )]);
    let (columns, texts) = read(&files, "a.csv", "\"all\"");
    assert_eq!(columns.len(), 2, "a column without a name is none: {columns:?}");
    let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
    assert_eq!(texts, [Some("x: 1.50\ny: two lines"), None, Some("y: z")]);
}

/// One `?` in a column of numbers is a gap, as UCI's tables write it, and makes no category of the others.
#[test]
fn gaps_are_written_in_many_ways() {
    let files = Files::new(&[]);
    let gaps = ["?", "NA", "N/A", "n/a", "null", "NULL", "NaN", "nan", " ", ""];
    let mut text = "id,target,dose\n".to_owned();
    for at in 0..30 {
        let _ = writeln!(text, "i{at},t,{}", gaps.get(at).map_or(at.to_string(), |gap| (*gap).to_owned()));
    }
    files.write("items.csv", text.as_bytes());
    let task = "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"items.csv\"\ntarget = \"target\"\nfeatures = \"all\"\n";
    let task = parse_task(&files.path("t.toml"), task).unwrap();
    let features = load_features(&task).unwrap();
    let dose = &features.columns()[0];
    let numbers: Vec<Option<f64>> = (0..30).map(|row| dose.number(row)).collect();
    assert!(numbers[..gaps.len()].iter().all(Option::is_none), "{numbers:?}");
    assert_eq!(numbers[gaps.len()..], (10..30).map(|at| Some(f64::from(at))).collect::<Vec<_>>());
    assert_eq!((features.lines(0), features.lines(12)), (String::new(), "dose: 12".to_owned()));
    let items = load_items(&task).unwrap();
    assert_eq!((items.input(0), items.input(12)), (None, Some("dose: 12")));
}

//! The same table in every format gives the same evidence; what is written is read back equal; and no bytes make
//! the readers fall over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // tests

mod common;

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use common::{Files, gzip, table_task};
use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::{
    Answer, Candidate, CandidateName, Evidence, Hosting, Lineage, Part, Price, Probabilities, Score,
};
use ordinate_data::{parse_task, read_evidence, write_evidence};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::{ColumnChunkMetaDataBuilder, ParquetMetaDataReader, ParquetMetaDataWriter};
use proptest::prelude::*;

/// One row of a table. Empty texts are absent.
#[derive(Debug, Clone)]
struct Line {
    item: usize,
    candidate: usize,
    score: Option<f64>,
    cost: Option<f64>,
    tokens: Option<i64>,
    output: String,
}

const NAMES: [&str; 3] = ["a", "模型, \"二\"", "c"];

fn id(item: usize) -> String {
    format!("{item}/\"x\"\n法,")
}

fn slice(item: usize) -> &'static str {
    ["", "民法", "x,y"][item % 3]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let cell = (
        proptest::option::weighted(0.8, 0.0..=1.0),
        proptest::option::of(0.0..10.0),
        proptest::option::of(0_i64..1_000_000),
        "[^\r\u{0}\u{feff}]{0,12}",
    );
    let cells = proptest::collection::vec(proptest::option::weighted(0.9, cell), 3 * 6);
    cells
        .prop_map(|cells| {
            let cells = cells.into_iter().enumerate();
            cells
                .filter_map(|(place, cell)| {
                    let (score, cost, tokens, output) = cell?;
                    Some(Line { item: place / 3, candidate: place % 3, score, cost, tokens, output })
                })
                .collect::<Vec<_>>()
        })
        .prop_filter("two items, every candidate", |lines| {
            (0..3).all(|candidate| lines.iter().any(|line| line.candidate == candidate))
                && lines.iter().any(|line| line.item != lines[0].item)
        })
}

fn as_csv(lines: &[Line]) -> Vec<u8> {
    let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = "id,slice,candidate,score,error,cost_usd,output_tokens,output\n".to_owned();
    for line in lines {
        let number = |number: Option<String>| number.unwrap_or_default();
        text.push_str(&format!(
            "{},{},{},{},{},{},{},{}\n",
            quote(&id(line.item)),
            quote(slice(line.item)),
            quote(NAMES[line.candidate]),
            number(line.score.map(|score| score.to_string())),
            if line.score.is_none() { "timeout" } else { "" },
            number(line.cost.map(|cost| cost.to_string())),
            number(line.tokens.map(|tokens| tokens.to_string())),
            quote(&line.output),
        ));
    }
    text.into_bytes()
}

fn as_jsonl(lines: &[Line]) -> Vec<u8> {
    let mut text = String::new();
    for line in lines {
        let row = serde_json::json!({
            "candidate": NAMES[line.candidate],
            "id": id(line.item),
            "other": [1, {"deep": null}],
            "slice": Some(slice(line.item)).filter(|slice| !slice.is_empty()),
            "score": line.score,
            "error": line.score.is_none().then_some("timeout"),
            "cost_usd": line.cost,
            "output_tokens": line.tokens,
            "output": Some(&line.output).filter(|output| !output.is_empty()),
        });
        text.push_str(&format!("{row}\n"));
    }
    text.into_bytes()
}

fn as_parquet(lines: &[Line]) -> Vec<u8> {
    let texts = |text: &dyn Fn(&Line) -> Option<String>| -> ArrayRef {
        Arc::new(lines.iter().map(text).collect::<StringArray>())
    };
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", texts(&|line| Some(id(line.item))), true),
        ("slice", texts(&|line| some(slice(line.item))), true),
        ("candidate", texts(&|line| some(NAMES[line.candidate])), true),
        ("score", Arc::new(lines.iter().map(|line| line.score).collect::<Float64Array>()) as ArrayRef, true),
        ("error", texts(&|line| line.score.is_none().then(|| "timeout".to_owned())), true),
        ("cost_usd", Arc::new(lines.iter().map(|line| line.cost).collect::<Float64Array>()), true),
        ("output_tokens", Arc::new(lines.iter().map(|line| line.tokens).collect::<Int64Array>()), true),
        ("output", texts(&|line| some(&line.output)), true),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn load(name: &str, content: &[u8]) -> Evidence {
    let files = Files::new(&[(name, content), ("t.toml", table_task(name, &NAMES).as_bytes())]);
    files.load("t.toml").unwrap_or_else(|error| panic!("{name}: {error}")).evidence
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn formats_are_equal(lines in lines()) {
        let csv = load("t.csv", &as_csv(&lines));
        let answered = lines.iter().filter(|line| line.score.is_some()).count();
        let scored: usize = csv.columns().iter().map(|c| c.count(ordinate_core::Status::Scored)).sum();
        prop_assert_eq!(answered, scored);
        prop_assert!(csv == load("t.jsonl.gz", &gzip(&as_jsonl(&lines))));
        prop_assert!(csv == load("t.parquet", &as_parquet(&lines)));
    }

    #[test]
    fn bytes_never_make_a_reader_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..5) {
        let name = ["t.csv", "t.jsonl", "t.parquet", "t.csv.gz", "t"][kind as usize];
        let magic: &[u8] = [&b""[..], b"{\"id\": \"", b"PAR1", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd"][kind as usize];
        for content in [bytes.clone(), [magic, &bytes].concat(), [b"id,candidate,score\n", bytes.as_slice()].concat()] {
            let files = Files::new(&[(name, &content), ("t.toml", table_task(name, &["a", "b"]).as_bytes())]);
            prop_assert!(!files.message("t.toml").contains('\n'));
            prop_assert!(read_evidence(&files.path(name)).is_err());
        }
    }

    #[test]
    fn text_never_makes_the_task_reader_fall_over(text in "[\\[\\]a-z= \"{}.0-9\n#',é]{0,200}") {
        if let Err(error) = parse_task(std::path::Path::new("t.toml"), &text) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn a_damaged_file_is_an_error_or_a_table(lines in lines(), place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        for (name, mut content) in [
            ("t.parquet", as_parquet(&lines)),
            ("t.jsonl", as_jsonl(&lines)),
            ("t.csv", as_csv(&lines)),
            ("t.csv.gz", gzip(&as_csv(&lines))),
        ] {
            let place = place.index(content.len());
            if cut { content.truncate(place) } else { content[place] = byte }
            let files = Files::new(&[(name, &content), ("t.toml", table_task(name, &NAMES).as_bytes())]);
            if let Err(error) = files.load("t.toml") {
                files.plain(&error);
            }
        }
    }

    #[test]
    fn evidence_is_read_back_equal(evidence in evidence()) {
        let files = Files::new(&[]);
        let path = files.path("evidence.parquet");
        write_evidence(&path, &evidence).unwrap();
        prop_assert!(read_evidence(&path).unwrap() == evidence);
    }
}

/// Any evidence at all: empty texts, items that nobody answered, candidates that answered nothing.
fn evidence() -> impl Strategy<Value = Evidence> {
    let text = || proptest::option::of(".{0,6}");
    let part = proptest::option::of(prop_oneof![Just(Part::Train), Just(Part::Test)]);
    let items = proptest::collection::vec((text(), text(), text(), text(), part), 1..8);
    let number = || proptest::option::of(0.0..1e6);
    let cell = (
        prop_oneof![(0.0..=1.0).prop_map(Ok), ".{0,4}".prop_map(Err)],
        text(),
        (proptest::option::of(0.0..=1.0), number(), number()),
        (proptest::option::of(0_u64..1 << 53), proptest::option::of(0_u64..1 << 53)),
        proptest::collection::vec((".{0,4}", 0.0..=1.0_f64), 0..3),
    );
    let cells = proptest::collection::vec(proptest::option::of(cell), 8 * 3);
    (items, cells).prop_map(|(items, cells)| {
        let price = Some(Price { input: 0.1, output: 3.0, per_item: Some(0.01), ..Price::default() });
        let name = |name: &str| CandidateName::new(name).unwrap();
        let full = Candidate {
            name: name("full"),
            lineage: Lineage::Transferred,
            hosting: Some(Hosting::Local),
            price,
            memory_gb: Some(1.5),
            parameters_billion: Some(0.1),
        };
        let plain = |text| Candidate::new(name(text), Lineage::General);
        let mut builder = EvidenceBuilder::new([plain("x"), full, plain("y")]).unwrap();
        for (place, (slice, group, input, target, part)) in items.iter().enumerate() {
            let fields = ItemFields {
                slice: slice.as_deref(),
                group: group.as_deref(),
                input: input.as_deref(),
                target: target.as_deref(),
                part: *part,
                ..ItemFields::default()
            };
            let id = if place == 0 { String::new() } else { format!("{place}") };
            builder.add_item(&id, fields).unwrap();
        }
        for (place, cell) in cells.iter().enumerate().filter(|(place, _)| place / 3 < items.len()) {
            let Some((outcome, output, (confidence, cost_usd, latency_ms), tokens, probabilities)) = cell
            else {
                continue;
            };
            let answer = Answer {
                score: outcome.as_ref().ok().map(|score| Score::new(*score).unwrap()),
                error: outcome.as_ref().err().map(String::as_str),
                output: output.as_deref(),
                confidence: *confidence,
                probabilities: Probabilities::Listed(probabilities),
                cost_usd: *cost_usd,
                latency_ms: *latency_ms,
                input_tokens: tokens.0,
                output_tokens: tokens.1,
            };
            builder.answer(place / 3, place % 3, &answer).unwrap();
        }
        builder.finish().unwrap()
    })
}

/// What other writers make: whole numbers as ids and scores, single precision, truth values, text codes.
#[test]
fn parquet_types_are_converted() {
    use arrow_array::types::Int32Type;
    use arrow_array::{BooleanArray, DictionaryArray, Float32Array, Int32Array};
    let columns: [(&str, ArrayRef, bool); 5] = [
        ("id", Arc::new(Int32Array::from(vec![7, 7, 8, 8])), false),
        ("candidate", Arc::new(DictionaryArray::<Int32Type>::from_iter(["a", "b", "a", "b"])), false),
        ("score", Arc::new(BooleanArray::from(vec![true, false, false, true])), false),
        ("cost_usd", Arc::new(Float32Array::from(vec![0.5, 0.25, 0.5, 0.25])), false),
        ("unwanted", Arc::new(Int32Array::from(vec![1, 2, 3, 4])), false),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let files =
        Files::new(&[("t.parquet", &bytes), ("t.toml", table_task("t.parquet", &["a", "b"]).as_bytes())]);
    let evidence = files.load("t.toml").unwrap().evidence;
    assert_eq!(evidence.items().id(1), "8");
    assert_eq!((evidence.answers(0).score(0), evidence.answers(1).score(0)), (Some(1.0), Some(0.0)));
    assert_eq!(evidence.answers(1).cost_usd(1), Some(0.25));
}

/// The file with another footer.
fn forged(
    right: &[u8],
    change: impl Fn(ColumnChunkMetaDataBuilder) -> ColumnChunkMetaDataBuilder,
) -> Vec<u8> {
    let file = bytes::Bytes::copy_from_slice(right);
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
    let mut builder = metadata.into_builder();
    let groups = builder.take_row_groups().into_iter().map(|group| {
        let columns = group.columns().to_vec();
        let mut group = group.into_builder();
        group = group.set_column_metadata(
            columns.into_iter().map(|column| change(column.into_builder()).build().unwrap()).collect(),
        );
        group.build().unwrap()
    });
    let groups = groups.collect();
    let metadata = builder.set_row_groups(groups).build();
    let footer_len = u32::from_le_bytes(right[right.len() - 8..right.len() - 4].try_into().unwrap()) as usize;
    let mut out = right[..right.len() - 8 - footer_len].to_vec();
    ParquetMetaDataWriter::new(&mut out, &metadata).finish().unwrap();
    out
}

/// Files that are no evidence, or claim what they cannot hold.
#[test]
fn parquet_that_cannot_be_used() {
    let lines: Vec<Line> = (0..6)
        .map(|n| Line {
            item: n / 3,
            candidate: n % 3,
            score: Some(1.0),
            cost: None,
            tokens: None,
            output: String::new(),
        })
        .collect();
    let right = as_parquet(&lines);
    let about = |content: &[u8]| {
        let files =
            Files::new(&[("t.parquet", content), ("t.toml", table_task("t.parquet", &NAMES).as_bytes())]);
        files.message("t.toml")
    };
    let mut text = String::new();
    let mut say = |case: &str, message: String| text.push_str(&format!("{case}\n    {message}\n"));
    say("cut off", about(&right[..right.len() - 9]));
    say("a beginning only", about(b"PAR1"));
    let mut footer = right.clone();
    let at = footer.len() - 8;
    footer[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    say("a footer of 4 GB", about(&footer));
    say("a column of 10 GB", about(&forged(&right, |column| column.set_total_uncompressed_size(10 << 30))));
    say(
        "a column of 10 GB packed",
        about(&forged(&right, |column| column.set_total_compressed_size(10 << 30))),
    );
    say("10 billion values", about(&forged(&right, |column| column.set_num_values(10_000_000_000))));
    say("within gzip", about(&gzip(&right)));
    say("not Parquet", about(b"id,candidate,score\n"));
    let mut wrong = lines.clone();
    wrong[4].score = Some(f64::NAN);
    say("NaN in row 5", about(&as_parquet(&wrong)));
    wrong[4].score = Some(f64::INFINITY);
    say("infinity in row 5", about(&as_parquet(&wrong)));
    wrong[4] = wrong[3].clone();
    say("an answer twice", about(&as_parquet(&wrong)));
    say("no rows", about(&as_parquet(&[])));
    let files = Files::new(&[("t.parquet", &right), ("t.csv", b"id")]);
    say("no evidence of a run", files.plain(&read_evidence(&files.path("t.parquet")).unwrap_err()));
    say("no Parquet at all", files.plain(&read_evidence(&files.path("t.csv")).unwrap_err()));
    insta::assert_snapshot!(text);
}

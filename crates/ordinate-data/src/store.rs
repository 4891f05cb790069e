//! `evidence.parquet` of a run folder: the evidence as a long table, with the candidates in its metadata.
//!
//! A row for each cell that is not missing, item by item; a row without a candidate for an item that nobody
//! answered. Input and target stand in the first row of their item. Apart from such items it is an evidence
//! table as any other, and other tools can read it.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int64Builder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use ordinate_core::evidence::{EvidenceBuilder, ItemFields, Row as ItemRow};
use ordinate_core::{Candidate, CandidateName, Evidence, Hosting, Lineage, OutputKind, Part, Price, Status};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use crate::error::{DataError, Problem};
use crate::evidence::{self, AnswerTexts, Tally, fault};
use crate::table::{self, Column, Fault, Layout, Row, Want};

const METADATA_KEY: &str = "ordinate.evidence";
const VERSION: u32 = 1;

/// Rows encoded at a time.
const BATCH: usize = 65_536;

/// Rows a row group: few enough that the distinct ids of a group fit a dictionary page.
const ROW_GROUP: usize = 1 << 20;

/// What the table itself cannot say.
#[derive(Serialize, Deserialize)]
struct Metadata {
    version: u32,
    /// What outputs are, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outputs: Option<OutputKind>,
    candidates: Vec<Stored>,
}

/// A candidate as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    name: CandidateName,
    lineage: Lineage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hosting: Option<Hosting>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<Price>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory_gb: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameters_billion: Option<f64>,
}

impl From<&Candidate> for Stored {
    fn from(candidate: &Candidate) -> Self {
        let Candidate { name, lineage, hosting, price, memory_gb, parameters_billion } = candidate.clone();
        Self { name, lineage, hosting, price, memory_gb, parameters_billion }
    }
}

impl From<Stored> for Candidate {
    fn from(stored: Stored) -> Self {
        let Stored { name, lineage, hosting, price, memory_gb, parameters_billion } = stored;
        Self { name, lineage, hosting, price, memory_gb, parameters_billion }
    }
}

/// Writes evidence as `evidence.parquet`. [`read_evidence`] gives it back equal.
///
/// # Errors
/// When the file cannot be written.
pub fn write_evidence(path: &Path, evidence: &Evidence) -> Result<(), DataError> {
    let failed = |error: ParquetError| match error {
        ParquetError::External(error) => match error.downcast::<std::io::Error>() {
            Ok(error) => DataError::io(path, *error),
            Err(error) => DataError::new(path, Problem::Parquet(error.to_string())),
        },
        error => DataError::new(path, Problem::Parquet(error.to_string())),
    };
    let file = File::create(path).map_err(|error| DataError::io(path, error))?;
    let schema = Arc::new(schema());
    let properties = properties(evidence).map_err(failed)?;
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(failed)?;
    let mut batch = Batch::new(evidence);
    for row in 0..evidence.len() {
        let mut answered = false;
        for column in 0..evidence.candidates().len() {
            if evidence.answers(column).status(row) != Status::Missing {
                batch.push(row, Some(column), !answered);
                answered = true;
            }
        }
        if !answered {
            batch.push(row, None, true);
        }
        if batch.rows >= BATCH {
            writer.write(&batch.finish(&schema).map_err(|error| failed(error.into()))?).map_err(failed)?;
        }
    }
    writer.write(&batch.finish(&schema).map_err(|error| failed(error.into()))?).map_err(failed)?;
    writer.close().map_err(failed)?;
    Ok(())
}

fn schema() -> Schema {
    let codes = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields = Column::STORED.map(|column| {
        let kind = match column {
            Column::Slice | Column::Group | Column::Candidate | Column::Part => codes(),
            Column::InputTokens | Column::OutputTokens => DataType::Int64,
            Column::Score | Column::CostUsd | Column::LatencyMs | Column::Confidence => DataType::Float64,
            Column::Id
            | Column::Output
            | Column::Error
            | Column::Input
            | Column::Target
            | Column::Context
            | Column::Options
            | Column::Probabilities => DataType::Utf8,
        };
        Field::new(column.name(), kind, column != Column::Id)
    });
    Schema::new(fields.to_vec())
}

fn properties(evidence: &Evidence) -> Result<WriterProperties, ParquetError> {
    let metadata = Metadata {
        version: VERSION,
        outputs: evidence.known_output_kind(),
        candidates: evidence.candidates().iter().map(Stored::from).collect(),
    };
    let text = serde_json::to_string(&metadata).map_err(|error| ParquetError::External(Box::new(error)))?;
    let id = || ColumnPath::from(Column::Id.name());
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_column_dictionary_page_size_limit(id(), 16 << 20)
        .set_key_value_metadata(Some(vec![KeyValue::new(METADATA_KEY.to_owned(), text)]))
        .set_created_by(concat!("ordinate ", env!("CARGO_PKG_VERSION")).to_owned())
        .build())
}

/// Rows on their way to the file.
struct Batch<'e> {
    evidence: &'e Evidence,
    rows: usize,
    id: StringBuilder,
    /// Slice, group, candidate, part.
    codes: [StringDictionaryBuilder<Int32Type>; 4],
    /// Score, cost, latency, confidence.
    numbers: [Float64Builder; 4],
    /// Input and output tokens.
    tokens: [Int64Builder; 2],
    /// Output, error, input, target, probabilities.
    texts: [StringBuilder; 5],
}

impl<'e> Batch<'e> {
    fn new(evidence: &'e Evidence) -> Self {
        Self {
            evidence,
            rows: 0,
            id: StringBuilder::new(),
            codes: Default::default(),
            numbers: Default::default(),
            tokens: Default::default(),
            texts: Default::default(),
        }
    }

    fn push(&mut self, row: ItemRow, column: Option<usize>, first: bool) {
        let items = self.evidence.items();
        self.rows += 1;
        self.id.append_value(items.id(row));
        let candidate = column.map(|column| self.evidence.candidates()[column].name.as_str());
        let part = items.part(row).map(|part| match part {
            Part::Train => "train",
            Part::Test => "test",
        });
        let codes = [items.slices().get(row), items.groups().get(row), candidate, part];
        for (builder, text) in self.codes.iter_mut().zip(codes) {
            builder.append_option(text);
        }
        let answers = column.map(|column| self.evidence.answers(column));
        let numbers = answers.map_or([None; 4], |answers| {
            [answers.score(row), answers.cost_usd(row), answers.latency_ms(row), answers.confidence(row)]
        });
        for (builder, number) in self.numbers.iter_mut().zip(numbers) {
            builder.append_option(number);
        }
        let tokens =
            answers.map_or([None; 2], |answers| [answers.input_tokens(row), answers.output_tokens(row)]);
        for (builder, count) in self.tokens.iter_mut().zip(tokens) {
            builder.append_option(count.map(|count| count as i64));
        }
        let probabilities: Vec<_> =
            answers.map(|answers| answers.probabilities(row).iter().collect()).unwrap_or_default();
        let probabilities = (!probabilities.is_empty()).then(|| serde_json::json!(probabilities).to_string());
        let texts = [
            answers.and_then(|answers| answers.output(row)),
            answers.and_then(|answers| answers.error(row)),
            items.input(row).filter(|_| first),
            items.target(row).filter(|_| first),
            probabilities.as_deref(),
        ];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_option(text);
        }
    }

    fn finish(&mut self, schema: &Arc<Schema>) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        let [slice, group, candidate, part] = self.codes.each_mut().map(|b| Arc::new(b.finish()) as ArrayRef);
        let [score, cost, latency, confidence] =
            self.numbers.each_mut().map(|b| Arc::new(b.finish()) as ArrayRef);
        let [input_tokens, output_tokens] = self.tokens.each_mut().map(|b| Arc::new(b.finish()) as ArrayRef);
        let [output, error, input, target, probabilities] =
            self.texts.each_mut().map(|b| Arc::new(b.finish()) as ArrayRef);
        let id = Arc::new(self.id.finish()) as ArrayRef;
        let columns = Column::STORED.map(|column| {
            Arc::clone(match column {
                Column::Id => &id,
                Column::Slice => &slice,
                Column::Group => &group,
                Column::Candidate => &candidate,
                Column::Score => &score,
                Column::CostUsd => &cost,
                Column::LatencyMs => &latency,
                Column::Output => &output,
                Column::InputTokens => &input_tokens,
                Column::OutputTokens => &output_tokens,
                Column::Confidence => &confidence,
                Column::Error => &error,
                // Context and options are not among the stored columns.
                Column::Input | Column::Context | Column::Options => &input,
                Column::Target => &target,
                Column::Probabilities => &probabilities,
                Column::Part => &part,
            })
        });
        RecordBatch::try_new(Arc::clone(schema), columns.to_vec())
    }
}

/// Reads what [`write_evidence`] wrote.
///
/// # Errors
/// When the file cannot be read or was not written by [`write_evidence`].
pub fn read_evidence(path: &Path) -> Result<Evidence, DataError> {
    let not_a_store = |detail: &str| DataError::new(path, Problem::NotAStore(detail.to_owned()));
    let text = table::parquet_metadata(path, METADATA_KEY)?
        .ok_or_else(|| not_a_store("its metadata names no candidates"))?;
    let metadata: Metadata =
        serde_json::from_str(&text).map_err(|error| not_a_store(&format!("its metadata: {error}")))?;
    if metadata.version != VERSION {
        return Err(not_a_store(&format!("version {} of the format; this is {VERSION}", metadata.version)));
    }
    let evidence_error = |error| DataError::new(path, Problem::Evidence(error));
    let candidates = metadata.candidates.into_iter().map(Candidate::from);
    let mut builder = EvidenceBuilder::new(candidates).map_err(evidence_error)?;
    let wanted = |column| match column {
        // What earlier versions did not store.
        Column::Probabilities => (column, Want::Optional),
        _ => (column, Want::Required),
    };
    let layout = Layout::of(&Column::STORED.map(wanted));
    let (mut expected, mut tally) = (0, Tally::default());
    table::read(path, &layout, &mut |row| put(&mut builder, row, path, &mut expected, &mut tally))?;
    let evidence = builder.finish().map_err(evidence_error)?;
    Ok(match metadata.outputs {
        Some(outputs) => evidence.with_output_kind(outputs),
        None => evidence,
    })
}

fn put(
    builder: &mut EvidenceBuilder,
    row: &Row<'_>,
    path: &Path,
    expected: &mut usize,
    tally: &mut Tally,
) -> Result<(), Fault> {
    let [id, slice, group, part, input, target, name] = [
        Column::Id,
        Column::Slice,
        Column::Group,
        Column::Part,
        Column::Input,
        Column::Target,
        Column::Candidate,
    ]
    .map(|column| row.exact_text(column));
    let (slice, group, input, target) = (slice?, group?, input?, target?);
    let part = match part?.as_deref() {
        Some("train") => Some(Part::Train),
        Some("test") => Some(Part::Test),
        _ => None,
    };
    let fields = ItemFields {
        slice: slice.as_deref(),
        group: group.as_deref(),
        input: input.as_deref(),
        target: target.as_deref(),
        part,
        ..ItemFields::default()
    };
    let id = id?.ok_or_else(|| Fault::new(Column::Id, Problem::EmptyCell))?;
    let item = builder.item(&id, fields).map_err(fault)?;
    let Some(name) = name? else { return Ok(()) };
    // Cells stand in the order of the candidates.
    let candidates = builder.candidates();
    let is = |place: &usize| candidates.get(*place).is_some_and(|candidate| candidate.name.as_str() == name);
    let column =
        [*expected % candidates.len().max(1)].into_iter().chain(0..candidates.len()).find(is).ok_or_else(
            || {
                Fault::new(
                    Column::Candidate,
                    Problem::NotAStore(format!("candidate {name:?} is not in its metadata")),
                )
            },
        )?;
    *expected = column + 1;
    let texts = AnswerTexts::exact(row)?;
    let answer = evidence::answer(row, path, &texts, None, None, tally)?;
    builder.answer(item, column, &answer).map_err(fault)
}

//! Answers as a Parquet file: the columns of the tables of the other stores.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use ordinate_remote::{Doubt, FailureKind, TokenLogprob};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::key::Key;
use crate::saved::{Entry, Saved, bytes, numbers, pairs, pairs_in, written};

/// The content of a file with these answers.
pub(super) fn write(entries: &[Entry]) -> Result<Vec<u8>, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let all = |of: &dyn Fn(&Saved) -> Option<String>| -> ArrayRef {
        Arc::new(entries.iter().map(|entry| of(&entry.saved)).collect::<StringArray>())
    };
    let counts = |of: &dyn Fn(&Entry) -> Option<i64>| -> ArrayRef {
        Arc::new(entries.iter().map(of).collect::<Int64Array>())
    };
    let figures = |of: &dyn Fn(&Saved) -> Option<f64>| -> ArrayRef {
        Arc::new(entries.iter().map(|entry| of(&entry.saved)).collect::<Float64Array>())
    };
    let keys: ArrayRef =
        Arc::new(entries.iter().map(|entry| Some(entry.key.bytes())).collect::<BinaryArray>());
    let vectors = entries.iter().map(|entry| entry.saved.vector.as_deref().map(bytes));
    let vectors: ArrayRef = Arc::new(vectors.collect::<BinaryArray>());
    let cut: ArrayRef =
        Arc::new(entries.iter().map(|entry| Some(entry.saved.cut_short)).collect::<BooleanArray>());
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("key", keys, false),
        ("candidate", all(&|saved| Some(saved.candidate.clone())), true),
        ("item", all(&|saved| Some(saved.item.clone())), true),
        ("text", all(&|saved| saved.text.clone()), true),
        ("error_kind", all(&|saved| Some(saved.error.as_ref()?.0.as_str().to_owned())), true),
        ("error", all(&|saved| Some(saved.error.as_ref()?.1.clone())), true),
        ("confidence", figures(&|saved| saved.confidence), true),
        ("input_tokens", counts(&|entry| entry.saved.input_tokens.map(whole)), true),
        ("output_tokens", counts(&|entry| entry.saved.output_tokens.map(whole)), true),
        ("cost_usd", figures(&|saved| saved.cost_usd), true),
        ("charged_usd", figures(&|saved| Some(saved.charged_usd)), true),
        ("latency_ms", figures(&|saved| saved.latency_ms), true),
        ("first_token_ms", figures(&|saved| saved.first_token_ms), true),
        ("tries", counts(&|entry| Some(whole(entry.saved.tries))), true),
        ("cut_short", cut, true),
        ("logprobs", all(&|saved| written(&pairs(&saved.logprobs))), true),
        ("asked_at", counts(&|_| Some(whole(now))), true),
        ("model", all(&|saved| saved.model.clone()), true),
        ("doubt", all(&|saved| Some(saved.doubt?.as_str().to_owned())), true),
        ("vector", vectors, true),
        ("receipt", counts(&|entry| entry.receipt), true),
        ("probabilities", all(&|saved| written(&saved.probabilities)), true),
    ])
    .map_err(|error| error.to_string())?;
    let level = ZstdLevel::try_new(1).map_err(|error| error.to_string())?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by(concat!("ordinate ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    let mut content = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut content, batch.schema(), Some(properties))
        .map_err(|error| error.to_string())?;
    writer.write(&batch).map_err(|error| error.to_string())?;
    writer.close().map_err(|error| error.to_string())?;
    Ok(content)
}

/// The keys of a file, one a row.
pub(super) fn keys(path: &Path) -> Result<Vec<Key>, String> {
    let mut all = Vec::new();
    for batch in open(path, &["key"])? {
        let batch = batch.map_err(|error| error.to_string())?;
        let columns = Columns(&batch);
        all.extend(columns.keys()?.iter().flatten().filter_map(Key::from_bytes));
    }
    Ok(all)
}

/// The answers of a file that are kept under these keys.
pub(super) fn read(path: &Path, wanted: &HashSet<Key>) -> Result<Vec<Entry>, String> {
    let mut all = Vec::new();
    for batch in open(path, &[])? {
        let batch = batch.map_err(|error| error.to_string())?;
        let columns = Columns(&batch);
        for (row, key) in columns.keys()?.iter().enumerate() {
            let key = key.and_then(Key::from_bytes).filter(|key| wanted.contains(key));
            all.extend(key.map(|key| columns.entry(row, key)));
        }
    }
    Ok(all)
}

/// Reads these columns, or all.
fn open(path: &Path, columns: &[&str]) -> Result<ParquetRecordBatchReader, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let builder = match columns {
        [] => builder,
        some => {
            let mask = ProjectionMask::columns(builder.parquet_schema(), some.iter().copied());
            builder.with_projection(mask)
        }
    };
    builder.build().map_err(|error| error.to_string())
}

/// The columns of a file by name; one that is not there is not known.
struct Columns<'a>(&'a RecordBatch);

impl Columns<'_> {
    fn keys(&self) -> Result<&BinaryArray, String> {
        let keys = self.0.column_by_name("key").and_then(|keys| keys.as_binary_opt::<i32>());
        keys.ok_or_else(|| "it has no column \"key\" of an answer store".to_owned())
    }

    fn text(&self, name: &str, row: usize) -> Option<String> {
        let texts = self.0.column_by_name(name)?.as_string_opt::<i32>()?;
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    }

    fn figure(&self, name: &str, row: usize) -> Option<f64> {
        let figures = self.0.column_by_name(name)?.as_primitive_opt::<Float64Type>()?;
        figures.is_valid(row).then(|| figures.value(row))
    }

    fn count(&self, name: &str, row: usize) -> Option<i64> {
        let counts = self.0.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
        counts.is_valid(row).then(|| counts.value(row))
    }

    fn entry(&self, row: usize, key: Key) -> Entry {
        let count = |name: &str| self.count(name, row).and_then(|count| u64::try_from(count).ok());
        let vector = || {
            let vectors = self.0.column_by_name("vector")?.as_binary_opt::<i32>()?;
            vectors.is_valid(row).then(|| numbers(vectors.value(row)))
        };
        let cut = || Some(self.0.column_by_name("cut_short")?.as_boolean_opt()?.value(row));
        let logprobs = pairs_in(self.text("logprobs", row));
        let message = self.text("error", row);
        let saved = Saved {
            candidate: self.text("candidate", row).unwrap_or_default(),
            item: self.text("item", row).unwrap_or_default(),
            text: self.text("text", row),
            error: self.text("error_kind", row).map(|word| {
                let kind = FailureKind::from_word(&word).unwrap_or(FailureKind::Reported);
                (kind, message.unwrap_or_default())
            }),
            confidence: self.figure("confidence", row),
            probabilities: pairs_in(self.text("probabilities", row)),
            input_tokens: count("input_tokens"),
            output_tokens: count("output_tokens"),
            cost_usd: self.figure("cost_usd", row),
            charged_usd: self.figure("charged_usd", row).unwrap_or_default(),
            latency_ms: self.figure("latency_ms", row),
            first_token_ms: self.figure("first_token_ms", row),
            tries: count("tries").unwrap_or(0),
            cut_short: cut().unwrap_or_default(),
            vector: vector(),
            model: self.text("model", row),
            doubt: self.text("doubt", row).as_deref().and_then(Doubt::from_word),
            logprobs: logprobs.into_iter().map(|(token, logprob)| TokenLogprob { token, logprob }).collect(),
        };
        Entry { key, saved, receipt: self.count("receipt", row) }
    }
}

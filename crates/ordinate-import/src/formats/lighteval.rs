//! lighteval: `details/<model>/<date>/details_<task>_<date>.parquet`, a row an item.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ordinate_core::caught;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use crate::error::{ImportError, Place};
use crate::formats::{Format, Head};
use crate::json::{Ordered, Scalar, text_of};
use crate::log::{HARMLESS, Log};
use crate::metric;
use crate::options::{Limits, Options};
use crate::record::{OwnFigure, Record, Run, Sink, share_of_best};

pub(crate) const FORMAT: Format = Format { name: "lighteval", detect, read };

fn detect(head: &Head) -> bool {
    head.bytes.starts_with(b"PAR1")
}

fn read(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    // The Parquet reader panics on some damaged files instead of giving an error.
    let result = caught(|| match log.memory() {
        Some(bytes) => rows(bytes::Bytes::copy_from_slice(bytes), log, options, sink),
        None => match log.file()? {
            Some(file) => rows(file, log, options, sink),
            None => Err(log.place().refuse("is a folder", "name a .parquet file")),
        },
    });
    result.unwrap_or_else(|_| Err(damaged(log.place(), "its reader gave up")))
}

fn damaged(place: Place, what: impl std::fmt::Display) -> ImportError {
    place.refuse(format!("is not a sound Parquet file: {what}"), "it is damaged or cut off: fetch it again")
}

fn rows<C: ChunkReader + 'static>(
    source: C,
    log: &Log,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<(), ImportError> {
    let bad = |error: ParquetError| damaged(log.place(), error);
    let reader = SerializedFileReader::new(source).map_err(bad)?;
    within_limits(&reader, log, &options.limits)?;
    let schema = reader.metadata().file_metadata().schema();
    let columns = columns(schema, log)?;
    let (model, task) = name_parts(log.path());
    let date = log.path().parent().and_then(Path::file_name).map(|date| date.to_string_lossy().into_owned());
    sink.run(Run {
        launch: date.clone().unwrap_or_default(),
        started: date.filter(|date| date.contains('T')),
        finished: true,
    });
    own_figures(log, options, sink)?;
    // A page of a dictionary may name one long text a million times.
    let (_, packed) = log.seek()?;
    let most = options.limits.total_bytes.min(packed.saturating_mul(options.limits.ratio).max(HARMLESS));
    let mut unpacked = 0u64;
    for (at, row) in (1u64..).zip(reader.get_row_iter(Some(columns)).map_err(bad)?) {
        let place = log.place().line(at);
        let row = object(&row.map_err(|error| damaged(place.clone(), error))?);
        unpacked += text_bytes(&row);
        if unpacked > most {
            return Err(place.refuse(
                format!("holds {unpacked} bytes of text in {packed}, as a zip bomb does"),
                "look at it by hand if it can be trusted",
            ));
        }
        sink.record(record(&row, &model, &task), &place)?;
    }
    Ok(())
}

/// `results/<model>/results_<date>.json`, beside `details/<model>/<date>/`.
#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    results: Ordered<Ordered<Scalar>>,
}

fn own_figures(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let Some(date) = log.path().parent() else { return Ok(()) };
    let parts: Vec<_> = date.components().collect();
    let Some(details) = parts.iter().rposition(|part| part.as_os_str() == "details") else { return Ok(()) };
    let mut path: PathBuf = parts[..details].iter().collect();
    path.push("results");
    // The model's name may hold a slash, and then is two folders.
    path.extend(&parts[details + 1..parts.len() - 1]);
    let name = date.file_name().map(|date| date.to_string_lossy().into_owned()).unwrap_or_default();
    path.push(format!("results_{name}.json"));
    if log.memory().is_some() || !path.is_file() {
        return Ok(());
    }
    sink.used(&path);
    let results: Results = Log::at(&path).json(&options.limits)?;
    for (task, means) in results.results.0 {
        for (metric, value) in means.0.into_iter().filter(|(metric, _)| !metric.ends_with("_stderr")) {
            if let Some(value) = value.number() {
                sink.own(OwnFigure { model: None, task: task.clone(), filter: None, metric, value });
            }
        }
    }
    Ok(())
}

/// Refuses what its own footer says is too large, before anything is unpacked.
fn within_limits<R: FileReader>(reader: &R, log: &Log, limits: &Limits) -> Result<(), ImportError> {
    const MAX_VALUES: i64 = 2_000_000_000;
    let mut packed = 0u64;
    let mut unpacked = 0u64;
    let mut values = 0i64;
    for group in reader.metadata().row_groups() {
        for column in group.columns() {
            packed = packed.saturating_add(column.compressed_size().unsigned_abs());
            unpacked = unpacked.saturating_add(column.uncompressed_size().unsigned_abs());
            values = values.saturating_add(column.num_values().max(0));
        }
    }
    let grown = unpacked > HARMLESS && unpacked > packed.saturating_mul(limits.ratio);
    if unpacked > limits.total_bytes || grown || values > MAX_VALUES {
        return Err(log.place().refuse(
            format!("claims {unpacked} bytes and {values} values in {packed} bytes, as a zip bomb does"),
            "look at it by hand if it can be trusted",
        ));
    }
    Ok(())
}

/// The schema without the columns that are not read, which are the large ones (logits, tokens of few-shot examples).
fn columns(schema: &Type, log: &Log) -> Result<Type, ImportError> {
    let named = |name: &'static str| {
        schema.get_fields().iter().find(move |field| field.name().trim_matches('_') == name)
    };
    let missing = || {
        log.place().refuse(
            "has not the columns `doc`, `metric` and `model_response` of lighteval's details",
            "evidence in a Parquet table of your own needs no import: name it in the task file (`[data] evidence`)",
        )
    };
    let mut kept = Vec::new();
    for (name, fields) in [
        ("doc", &["query", "choices", "gold_index", "id", "task_name"][..]),
        ("metric", &[]),
        ("model_response", &["text", "text_post_processed", "logprobs", "input_tokens", "output_tokens"]),
    ] {
        let field = named(name).ok_or_else(missing)?;
        kept.push(Arc::new(project(field, fields).map_err(|error| damaged(log.place(), error))?));
    }
    Type::group_type_builder(schema.name())
        .with_fields(kept)
        .build()
        .map_err(|error| damaged(log.place(), error))
}

/// A group with only some of its fields; all of them where none are named.
fn project(group: &Type, names: &[&str]) -> Result<Type, ParquetError> {
    if group.is_primitive() || names.is_empty() {
        return Ok(group.clone());
    }
    let fields: Vec<_> =
        group.get_fields().iter().filter(|field| names.contains(&field.name())).cloned().collect();
    Type::group_type_builder(group.name())
        .with_repetition(group.get_basic_info().repetition())
        .with_converted_type(group.get_basic_info().converted_type())
        .with_fields(fields)
        .build()
}

/// Model and task out of the path `details/<model, may hold a slash>/<date>/details_<task>_<date>.parquet`.
fn name_parts(path: &Path) -> (String, String) {
    let parts: Vec<String> =
        path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let (file, folders) =
        parts.split_last().map_or((String::new(), &[][..]), |(file, rest)| (file.clone(), rest));
    let stem = file.strip_suffix(".parquet").unwrap_or(&file);
    let stem = stem.strip_prefix("details_").unwrap_or(stem);
    let task = stem.rsplit_once('_').filter(|(_, date)| date.contains('T')).map_or(stem, |(task, _)| task);
    let details = folders.iter().rposition(|folder| folder == "details");
    let model = match (details, folders.len()) {
        (Some(at), len) if at + 2 < len => folders[at + 1..len - 1].join("/"),
        (_, len) if len > 0 => folders[len - 1].clone(),
        _ => "model".into(),
    };
    (model, task.to_owned())
}

fn object(row: &Row) -> Value {
    let fields = row.get_column_iter();
    Value::Object(
        fields.map(|(name, field)| (name.trim_matches('_').to_owned(), value(field))).collect::<Map<_, _>>(),
    )
}

/// The length of all texts in a value.
fn text_bytes(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(list) => list.iter().map(text_bytes).sum(),
        Value::Object(map) => map.values().map(text_bytes).sum(),
        _ => 0,
    }
}

fn value(field: &Field) -> Value {
    let float = |number: f64| {
        Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
    };
    match field {
        Field::Bool(value) => Value::Bool(*value),
        Field::Byte(n) => Value::from(*n),
        Field::Short(n) => Value::from(*n),
        Field::Int(n) => Value::from(*n),
        Field::Long(n) => Value::from(*n),
        Field::UByte(n) => Value::from(*n),
        Field::UShort(n) => Value::from(*n),
        Field::UInt(n) => Value::from(*n),
        Field::ULong(n) => Value::from(*n),
        Field::Float(n) => float(f64::from(*n)),
        Field::Double(n) => float(*n),
        Field::Str(text) => Value::String(text.clone()),
        Field::Group(row) => object(row),
        Field::ListInternal(list) => Value::Array(list.elements().iter().map(value).collect()),
        _ => Value::Null,
    }
}

fn record(row: &Value, model: &str, task: &str) -> Record {
    let (doc, response) = (&row["doc"], &row["model_response"]);
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|v| Some(v.as_str()?.trim().to_owned())).collect()
    };
    let choices = texts(&doc["choices"]);
    let gold = match &doc["gold_index"] {
        Value::Array(several) => several.first().and_then(Value::as_u64),
        one => one.as_u64(),
    };
    let target = gold.and_then(|at| choices.get(usize::try_from(at).ok()?).cloned());
    let logs: Vec<f64> =
        response["logprobs"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let said = ["text_post_processed", "text"]
        .into_iter()
        .find_map(|key| response[key].as_array()?.first()?.as_str());
    let chosen = if said.is_none() && logs.len() == choices.len() { share_of_best(&logs) } else { None };
    let mut metrics: Vec<(String, f64)> = match &row["metric"] {
        Value::Object(map) => {
            map.iter().filter_map(|(name, value)| Some((name.clone(), number(value)?))).collect()
        }
        _ => Vec::new(),
    };
    metric::primary_first(&mut metrics);
    let length = |value: &Value| value.as_array().map(|list| list.len() as u64).filter(|len| *len > 0);
    Record {
        model: model.to_owned(),
        task: doc["task_name"].as_str().filter(|name| !name.is_empty()).unwrap_or(task).to_owned(),
        sample: text_of(&doc["id"]).unwrap_or_default(),
        input: text_of(&doc["query"]),
        target,
        metrics,
        output: said.map(str::to_owned).or_else(|| chosen.and_then(|(best, _)| choices.get(best).cloned())),
        confidence: chosen.map(|(_, share)| share),
        input_tokens: length(&response["input_tokens"]),
        output_tokens: response["output_tokens"].as_array().and_then(|several| length(several.first()?)),
        // A generative task keeps its reference answers here: they are no choices.
        choices: if said.is_some() { Vec::new() } else { choices },
        ..Record::default()
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => crate::json::number(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_model_and_task() {
        let parts = |path: &str| name_parts(Path::new(path));
        let full =
            "out/details/org/model/2026-11-23T20-07-20.8/details_toy_mc|0_2026-11-23T20-07-20.8.parquet";
        assert_eq!(parts(full), ("org/model".into(), "toy_mc|0".into()));
        assert_eq!(parts("here/x.parquet"), ("here".into(), "x".into()));
    }
}

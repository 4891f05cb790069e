//! lm-evaluation-harness: `samples_<task>_<time>.jsonl`, written with `--log_samples`; one row per item and filter.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{ImportError, Place};
use crate::formats::{Format, Head};
use crate::json::{Scalar, or_default, text_of};
use crate::log::{Lines, Log};
use crate::metric;
use crate::options::Options;
use crate::record::{Record, Sink, share_of_best};

pub(crate) const FORMAT: Format = Format { name: "lm-evaluation-harness", detect, read };

fn detect(head: &Head) -> bool {
    // What follows them may be beyond the head: a document can be long.
    head.has(&["doc_id", "doc"])
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    doc_id: Scalar,
    #[serde(default)]
    doc: Value,
    #[serde(default)]
    target: Value,
    #[serde(default)]
    arguments: Value,
    #[serde(default)]
    filtered_resps: Value,
    #[serde(default, deserialize_with = "or_default")]
    filter: String,
    #[serde(default, deserialize_with = "or_default")]
    metrics: Vec<String>,
    #[serde(default)]
    doc_hash: Option<String>,
    /// The metrics' values, one key each, and what else the harness adds.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// The one thing that is wanted of `results_<time>.json`.
#[derive(Deserialize)]
struct Results {
    model_name: Option<String>,
}

fn read(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let (task, time) = name_parts(&log.file_name());
    let model = model(log, time.as_deref(), options)?;
    let mut filter = options.filter.clone();
    let mut others: Vec<String> = Vec::new();
    let mut taken = 0u64;
    let mut lines = Lines::open(log, &options.limits)?;
    while let Some(row) = lines.next::<Row>()? {
        let chosen = filter.get_or_insert_with(|| row.filter.clone());
        if *chosen != row.filter {
            if !others.contains(&row.filter) {
                others.push(row.filter);
            }
            continue;
        }
        taken += 1;
        let record = record(row, &model, &task, &lines.place())?;
        sink.record(record, &lines.place())?;
    }
    let filter = filter.unwrap_or_default();
    if taken == 0 && !others.is_empty() {
        return Err(log.place().field("filter").refuse(
            format!("no row has the filter {filter:?}"),
            format!("choose one of: {}", others.join(", ")),
        ));
    }
    if !others.is_empty() {
        sink.note(format!(
            "task {task}: scored by the filter {filter:?}; the log also has {}. Choose with --filter.",
            others.join(", ")
        ));
    }
    Ok(())
}

/// Task and time out of `samples_<task>_<time>.jsonl`.
fn name_parts(file: &str) -> (String, Option<String>) {
    let stem = file.split(".jsonl").next().unwrap_or(file);
    let stem = stem.strip_prefix("samples_").unwrap_or(stem);
    match stem.rsplit_once('_') {
        Some((task, time)) if time.contains('T') && time.starts_with(|c: char| c.is_ascii_digit()) => {
            (task.to_owned(), Some(time.to_owned()))
        }
        _ => (stem.to_owned(), None),
    }
}

/// The model: out of the results beside the samples, else the name of the folder.
fn model(log: &Log, time: Option<&str>, options: &Options) -> Result<String, ImportError> {
    let results = time.and_then(|time| log.sibling(&format!("results_{time}.json")));
    if let Some(results) = results
        && let Some(name) =
            results.json::<Results>(&options.limits)?.model_name.filter(|name| !name.is_empty())
    {
        return Ok(name);
    }
    let folder = log.path().parent().and_then(|folder| folder.file_name());
    Ok(folder.map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned()))
}

fn record(row: Row, model: &str, task: &str, place: &Place) -> Result<Record, ImportError> {
    let calls = calls(&row.arguments);
    let (input, choices) = question(&row.doc, &calls);
    let logs = log_likelihoods(&row.filtered_resps);
    let mut record = Record {
        model: model.to_owned(),
        task: task.to_owned(),
        sample: row.doc_id.text().unwrap_or_default(),
        digest: row.doc_hash,
        input,
        target: target(&row.target, &choices),
        metrics: metrics(&row.metrics, &row.rest, place)?,
        ..Record::default()
    };
    if choices.is_empty() {
        record.output = text_of(&row.filtered_resps);
    } else if let Some((best, share)) =
        logs.filter(|logs| logs.len() == choices.len()).and_then(|l| share_of_best(&l))
    {
        record.output = choices.get(best).cloned();
        record.confidence = Some(share);
    }
    record.choices = choices;
    Ok(record)
}

/// The two first arguments of each call, in order: `gen_args_0.arg_0` is the context, `arg_1` the continuation.
fn calls(arguments: &Value) -> Vec<(&Value, &Value)> {
    match arguments {
        Value::Object(map) => (0..map.len())
            .map_while(|at| map.get(&format!("gen_args_{at}")))
            .filter_map(|call| Some((call.get("arg_0")?, call.get("arg_1").unwrap_or(&Value::Null))))
            .collect(),
        // Before version 0.4.5 the arguments were a list of lists.
        Value::Array(list) => {
            list.iter().filter_map(|call| Some((call.get(0)?, call.get(1).unwrap_or(&Value::Null)))).collect()
        }
        _ => Vec::new(),
    }
}

/// The question and its choices. A call whose second argument is a text asks for the likelihood of that text.
fn question(doc: &Value, calls: &[(&Value, &Value)]) -> (Option<String>, Vec<String>) {
    let context = calls.first().and_then(|(context, _)| text_of(context));
    if calls.len() < 2 || !calls.iter().all(|(_, continuation)| continuation.is_string()) {
        return (context.or_else(|| text_of(doc)), Vec::new());
    }
    let trimmed = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
    if calls.iter().all(|(_, continuation)| *continuation == calls[0].1) {
        // As in Winogrande: the choices are in the context, and the continuation is always the same.
        return (text_of(doc), calls.iter().map(|(context, _)| trimmed(context)).collect());
    }
    (context, calls.iter().map(|(_, continuation)| trimmed(continuation)).collect())
}

/// The log-likelihoods of the choices, if that is what the responses are.
fn log_likelihoods(responses: &Value) -> Option<Vec<f64>> {
    responses
        .as_array()?
        .iter()
        .map(|pair| match pair.get(0)? {
            Value::String(text) => crate::json::number(text),
            other => other.as_f64(),
        })
        .collect()
}

/// The right answer; an index becomes the choice that it points at.
fn target(target: &Value, choices: &[String]) -> Option<String> {
    let text = text_of(target)?;
    let choice = text.trim().parse().ok().and_then(|at: usize| choices.get(at));
    Some(choice.cloned().unwrap_or(text))
}

/// The metrics that are numbers: corpus metrics (BLEU, perplexity) keep pairs here and have no score per item.
fn metrics(
    names: &[String],
    rest: &BTreeMap<String, Value>,
    place: &Place,
) -> Result<Vec<(String, f64)>, ImportError> {
    let mut metrics = Vec::new();
    for name in names {
        let value = match rest.get(name) {
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::Bool(value)) => Some(f64::from(u8::from(*value))),
            Some(Value::String(text)) => crate::json::number(text),
            None => {
                return Err(place.clone().field(name).refuse(
                    "is named in `metrics` and is missing",
                    "make sure that the row was written by the harness and was not edited",
                ));
            }
            Some(_) => None,
        };
        metrics.extend(value.map(|value| (name.clone(), value)));
    }
    metric::primary_first(&mut metrics);
    Ok(metrics)
}

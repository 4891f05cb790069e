//! OpenAI evals: JSON Lines of a `spec`, events and a `final_report`. The events of a sample are spread over the log.

use std::collections::HashMap;

use ordinate_core::Finish;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{ImportError, Place};
use crate::formats::{Format, Head};
use crate::json::{Scalar, text_of};
use crate::log::{Lines, Log};
use crate::metric;
use crate::options::Options;
use crate::record::{OwnFigure, Record, Run, Sink};

pub(crate) const FORMAT: Format = Format { name: "OpenAI evals", detect, read };

fn detect(head: &Head) -> bool {
    head.keys.first().is_some_and(|key| key == "spec")
        || head.has(&["run_id", "event_id", "type", "data"])
        || head.has(&["final_report", "run_id"])
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    spec: Option<Spec>,
    #[serde(default)]
    final_report: Option<HashMap<String, Value>>,
    #[serde(default)]
    sample_id: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    completion_fns: Vec<String>,
    #[serde(default)]
    eval_name: Option<String>,
    #[serde(default)]
    run_id: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
}

/// What the events of all samples may come to: they are spread over the log, so that all are in memory.
const MAX_KEPT: u64 = 2 << 30;

/// What is known of a sample so far, and where it was last met.
struct Sample {
    record: Record,
    place: Place,
    sampled: bool,
}

fn read(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut spec: Option<Spec> = None;
    let mut report = None;
    let mut kept = 0u64;
    let mut order: Vec<String> = Vec::new();
    let mut samples: HashMap<String, Sample> = HashMap::new();
    let mut lines = Lines::open(log, &options.limits)?;
    while let Some(line) = lines.next::<Line>()? {
        if line.spec.is_some() {
            spec = line.spec;
        }
        if line.final_report.is_some() {
            report = line.final_report;
        }
        let (Some(id), Some(kind)) = (line.sample_id, line.kind) else { continue };
        let sample = samples.entry(id).or_insert_with_key(|id| {
            order.push(id.clone());
            Sample { record: Record::default(), place: lines.place(), sampled: false }
        });
        let Value::Object(data) = line.data else { continue };
        event(&kind, &data, sample);
        kept += lines.len();
        if kept > MAX_KEPT {
            return Err(lines.place().refuse(
                format!("the events of samples come to more than {MAX_KEPT} bytes, and all of them have to be in memory"),
                "split the log by samples",
            ));
        }
    }
    let spec = spec.ok_or_else(|| {
        log.place().refuse(
            "has no line with a `spec`, so that its model is unknown",
            "the log lost its first line: fetch the whole file",
        )
    })?;
    let task = spec.eval_name.clone().unwrap_or_default();
    sink.run(Run {
        launch: spec.run_id.clone().unwrap_or_else(|| log.path().display().to_string()),
        started: spec.created_at.clone(),
        // The report is the last line of a run that came to its end.
        finished: report.is_some(),
    });
    for (metric, value) in report.into_iter().flatten() {
        // The accuracy over `match` events has no metric of its name in them.
        let is_number = value.as_f64();
        for metric in if metric == "accuracy" { vec![metric, "match".to_owned()] } else { vec![metric] } {
            if let Some(value) = is_number {
                sink.own(OwnFigure { model: None, task: task.clone(), filter: None, metric, value });
            }
        }
    }
    for id in order {
        let Some(Sample { mut record, place, .. }) = samples.remove(&id) else { continue };
        record.model = spec.completion_fns.join("+");
        record.task.clone_from(&task);
        record.sample = id;
        metric::primary_first(&mut record.metrics);
        // A sample that reached a score got over its errors.
        if !record.metrics.is_empty() {
            record.error = None;
        }
        sink.record(record, &place)?;
    }
    Ok(())
}

fn event(kind: &str, data: &Map<String, Value>, sample: &mut Sample) {
    let record = &mut sample.record;
    match kind {
        // Graded by a model, a sample has a second sampling: the grader's.
        "sampling" if !sample.sampled => {
            sample.sampled = true;
            record.input = data.get("prompt").and_then(text_of);
            record.output = data.get("sampled").and_then(text_of).or(record.output.take());
            let count = |keys: [&str; 2]| {
                let usage = data.get("usage")?;
                keys.into_iter().find_map(|key| usage.get(key)).and_then(Value::as_u64)
            };
            record.input_tokens = count(["prompt_tokens", "input_tokens"]);
            record.output_tokens = count(["completion_tokens", "output_tokens"]);
            record.ended = ended(data);
        }
        "match" => {
            record.target = data.get("expected").and_then(text_of);
            if let Some(Value::Bool(correct)) = data.get("correct") {
                set(&mut record.metrics, "match", f64::from(u8::from(*correct)));
            }
            let said = data.get("sampled").or_else(|| data.get("picked"));
            if record.output.is_none() {
                record.output = said.and_then(text_of);
            }
        }
        "metrics" => {
            for (name, value) in data {
                let value = serde_json::from_value::<Scalar>(value.clone()).unwrap_or_default();
                // Texts are labels of graders ("choice": "A"), not numbers.
                if let Some(number) = value.number().filter(|_| !matches!(value, Scalar::Text(_))) {
                    set(&mut record.metrics, name, number);
                }
            }
        }
        "error" => {
            let said = data.get("message").and_then(text_of);
            record.error = Some(said.unwrap_or_else(|| "error".into()));
        }
        _ => {}
    }
}

/// How an answer ended. OpenAI's own completion functions do not record it; others put it beside the text, or hand on
/// choices or metadata that hold it.
fn ended(data: &Map<String, Value>) -> Finish {
    let word = |value: &Value| value.as_str().or_else(|| value.get(0)?.as_str()).map(Finish::of);
    let of = |within: &dyn Fn(&str) -> Option<Finish>| {
        ["finish_reason", "finish_reasons", "stop_reason"].into_iter().find_map(within)
    };
    let choice = data.get("choices").and_then(|choices| choices.get(0));
    of(&|key| data.get(key).and_then(word))
        .or_else(|| of(&|key| data.get("metadata")?.get(key).and_then(word)))
        .or_else(|| of(&|key| choice?.get(key).and_then(word)))
        .unwrap_or_default()
}

/// The last word on a metric counts, as it does in the final report of a sample that was tried again.
fn set(metrics: &mut Vec<(String, f64)>, name: &str, value: f64) {
    match metrics.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => metrics.push((name.to_owned(), value)),
    }
}

//! Every Eval Ever: one answer (and, in some conversions, one metric of it) a line, in a schema that tools share.

use std::collections::HashMap;

use ordinate_core::Finish;
use serde::Deserialize;

use crate::error::ImportError;
use crate::formats::{Format, Head};
use crate::json::{Scalar, or_default};
use crate::log::Log;
use crate::options::Options;
use crate::record::{OwnFigure, Record, Run, Sink};
use crate::rows::each_line;

pub(crate) const FORMAT: Format = Format { name: "Every Eval Ever", detect, read };

/// The version of the instance schema that is written; 0.2 is read too.
pub(crate) const SCHEMA_VERSION: &str = "0.3.0";

fn detect(head: &Head) -> bool {
    head.has(&["evaluation_id", "model_id", "evaluation_name", "sample_id"])
}

#[derive(Deserialize)]
struct Row {
    evaluation_id: String,
    model_id: String,
    evaluation_name: String,
    #[serde(default)]
    evaluation_result_id: Option<String>,
    #[serde(default)]
    sample_id: Scalar,
    #[serde(default)]
    sample_hash: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    input: Input,
    #[serde(default, deserialize_with = "or_default")]
    output: Output,
    #[serde(default, deserialize_with = "or_default")]
    messages: Vec<Message>,
    #[serde(default, deserialize_with = "or_default")]
    evaluation: Evaluation,
    #[serde(default, deserialize_with = "or_default")]
    token_usage: TokenUsage,
    #[serde(default, deserialize_with = "or_default")]
    performance: Performance,
    #[serde(default)]
    error: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: HashMap<String, Scalar>,
}

#[derive(Deserialize, Default)]
struct Input {
    #[serde(default)]
    raw: Scalar,
    #[serde(default, deserialize_with = "or_default")]
    reference: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    choices: Vec<String>,
}

#[derive(Deserialize, Default)]
struct Output {
    #[serde(default, deserialize_with = "or_default")]
    raw: Vec<String>,
}

#[derive(Deserialize, Default)]
struct Message {
    #[serde(default, deserialize_with = "or_default")]
    role: String,
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize, Default)]
struct Evaluation {
    #[serde(default)]
    score: Scalar,
    #[serde(default)]
    is_correct: Scalar,
}

#[derive(Deserialize, Default)]
struct TokenUsage {
    #[serde(default)]
    input_tokens: Scalar,
    #[serde(default)]
    output_tokens: Scalar,
}

#[derive(Deserialize, Default)]
struct Performance {
    #[serde(default)]
    latency_ms: Scalar,
    #[serde(default)]
    generation_time_ms: Scalar,
}

fn read(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    // The result that is taken, and those that are not, per evaluation.
    let mut taken: HashMap<String, (Option<String>, Vec<String>)> = HashMap::new();
    let mut launch = String::new();
    each_line(log, &options.limits, &mut |row: Row, place| {
        let wanted =
            |result: &str| options.metric.as_deref().is_none_or(|metric| crate::metric::is(result, metric));
        let (first, others) = taken.entry(row.evaluation_name.clone()).or_default();
        if let Some(result) = &row.evaluation_result_id {
            if first.is_none() && wanted(result) {
                *first = Some(result.clone());
            }
            if first.as_ref() != Some(result) {
                if !others.contains(result) {
                    others.push(result.clone());
                }
                return Ok(());
            }
        }
        if launch != row.evaluation_id {
            launch.clone_from(&row.evaluation_id);
            sink.run(Run { launch: launch.clone(), started: None, finished: true });
        }
        sink.record(record(row), place)
    })?;
    own_figures(log, options, sink)?;
    for (evaluation, (first, others)) in taken {
        match (first, others.as_slice()) {
            (_, []) => {}
            (Some(first), others) => sink.note(format!(
                "task {evaluation}: scored by the result {first:?}; the log also has {}. Choose with --metric.",
                others.join(", ")
            )),
            (None, others) => {
                return Err(log.place().field("evaluation_result_id").refuse(
                    format!("no result of {evaluation} is the metric {:?}", options.metric.as_deref().unwrap_or("")),
                    format!("choose one of: {}", others.join(", ")),
                ));
            }
        }
    }
    Ok(())
}

/// The aggregate that lies beside `<uuid>_samples.jsonl`.
#[derive(Deserialize)]
struct Aggregate {
    #[serde(default, deserialize_with = "or_default")]
    evaluation_results: Vec<EvaluationResult>,
}

#[derive(Deserialize)]
struct EvaluationResult {
    #[serde(default)]
    evaluation_result_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    evaluation_name: String,
    #[serde(default, deserialize_with = "or_default")]
    score_details: ScoreDetails,
}

#[derive(Deserialize, Default)]
struct ScoreDetails {
    #[serde(default)]
    score: Scalar,
}

fn own_figures(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let name = log.file_name();
    let stem = name.split(".jsonl").next().and_then(|stem| stem.strip_suffix("_samples"));
    let Some(stem) = stem else { return Ok(()) };
    let Some(file) = log.sibling(&format!("{stem}.json")) else { return Ok(()) };
    sink.used(file.path());
    for result in file.json::<Aggregate>(&options.limits)?.evaluation_results {
        if let Some(value) = result.score_details.score.number() {
            let metric = result.evaluation_result_id.unwrap_or_else(|| "score".into());
            sink.own(OwnFigure { model: None, task: result.evaluation_name, filter: None, metric, value });
        }
    }
    Ok(())
}

fn record(row: Row) -> Record {
    let name = row.evaluation_result_id.unwrap_or_else(|| "score".into());
    let mut metrics = Vec::new();
    metrics.extend(row.evaluation.score.number().map(|score| (name, score)));
    metrics.extend(row.evaluation.is_correct.number().map(|correct| ("is_correct".to_owned(), correct)));
    // Converters keep how an answer ended beside what the schema has a place for.
    let ended = ["stop_reason", "finish_reason"].iter().find_map(|key| row.metadata.get(*key)?.text());
    let said =
        row.messages.into_iter().rev().find(|message| message.role == "assistant").and_then(|m| m.content);
    Record {
        model: row.model_id,
        task: row.evaluation_name,
        filter: None,
        sample: row.sample_id.text().unwrap_or_default(),
        digest: row.sample_hash.filter(|digest| !digest.is_empty()),
        input: row.input.raw.text(),
        target: row.input.reference.into_iter().next(),
        choices: row.input.choices.iter().map(|choice| choice.trim().to_owned()).collect(),
        metrics,
        error: row.error.filter(|error| !error.is_empty()),
        output: row.output.raw.into_iter().next().or(said),
        cost_usd: row.metadata.get("cost_usd").and_then(Scalar::number),
        latency_ms: row
            .performance
            .latency_ms
            .number()
            .or_else(|| row.performance.generation_time_ms.number()),
        input_tokens: row.token_usage.input_tokens.count(),
        output_tokens: row.token_usage.output_tokens.count(),
        confidence: row.metadata.get("confidence").and_then(Scalar::number),
        ended: ended.as_deref().map(Finish::of).unwrap_or_default(),
    }
}

//! promptfoo: the JSON of an evaluation (`.results.results[]`, version 3) or a row a line. A candidate is a provider
//! with one of the prompts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{ImportError, Place};
use crate::formats::{Format, Head};
use crate::json::{Scalar, or_default, text_of};
use crate::log::{Lines, Log};
use crate::options::Options;
use crate::record::{Record, Sink};
use crate::rows::each_row;

pub(crate) const FORMAT: Format = Format { name: "promptfoo", detect, read };

/// promptfoo has no name for what was evaluated that stays the same over runs.
const TASK: &str = "promptfoo";

fn detect(head: &Head) -> bool {
    is_rows(head) || head.has(&["evalId", "results"])
}

fn is_rows(head: &Head) -> bool {
    head.has(&["provider", "vars"]) && (head.has(&["promptIdx"]) || head.has(&["testIdx"]))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(default)]
    test_idx: Scalar,
    #[serde(default)]
    prompt_idx: Scalar,
    #[serde(default)]
    provider: Provider,
    #[serde(default, deserialize_with = "or_default")]
    vars: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "or_default")]
    test_case: TestCase,
    #[serde(default, deserialize_with = "or_default")]
    response: Response,
    #[serde(default)]
    success: Scalar,
    #[serde(default)]
    score: Scalar,
    #[serde(default, deserialize_with = "or_default")]
    named_scores: BTreeMap<String, Scalar>,
    #[serde(default)]
    latency_ms: Scalar,
    #[serde(default)]
    cost: Scalar,
    #[serde(default)]
    error: Scalar,
    #[serde(default)]
    failure_reason: Scalar,
}

/// The provider: an id and a label, or (before version 3) the id alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Provider {
    Named { id: Option<String>, label: Option<String> },
    Id(String),
}

impl Default for Provider {
    fn default() -> Self {
        Self::Id(String::new())
    }
}

#[derive(Deserialize, Default)]
struct TestCase {
    #[serde(default, deserialize_with = "or_default")]
    assert: Vec<Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    output: Value,
    #[serde(default)]
    cached: Scalar,
    #[serde(default)]
    error: Scalar,
    #[serde(default, deserialize_with = "or_default")]
    token_usage: TokenUsage,
}

#[derive(Deserialize, Default)]
struct TokenUsage {
    #[serde(default)]
    prompt: Scalar,
    #[serde(default)]
    completion: Scalar,
    #[serde(default)]
    total: Scalar,
}

fn read(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    if is_rows(&Head::of(log, &options.limits)?) {
        let mut lines = Lines::open(log, &options.limits)?;
        while let Some(row) = lines.next::<Row>()? {
            sink.record(record(&row), &lines.place())?;
        }
        return Ok(());
    }
    let found = each_row(log, &options.limits, &["results", "results"], &mut |row: Row, at| {
        sink.record(record(&row), &row_place(log, at))
    })?;
    if !found {
        return Err(log.place().field("results.results").refuse(
            "is missing",
            "export the evaluation with `promptfoo eval --output out.json` (version 3 of the format)",
        ));
    }
    Ok(())
}

fn row_place(log: &Log, at: u64) -> Place {
    log.place().field(&format!("results.results[{at}]"))
}

fn record(row: &Row) -> Record {
    let cached = row.response.cached == Scalar::Bool(true);
    let usage = &row.response.token_usage;
    // A cached response cost its time, tokens and price in another run, and providers that report no usage write 0.
    let counted = !cached && usage.total.number().is_none_or(|total| total > 0.0);
    let fresh = |value: &Scalar| value.number().filter(|_| !cached);
    let error = error(row);
    let (input, target) = question(row);
    let mut metrics = Vec::new();
    for (name, value) in [("score", &row.score), ("success", &row.success)] {
        metrics.extend(value.number().map(|value| (name.to_owned(), value)));
    }
    metrics.extend(row.named_scores.iter().filter_map(|(name, value)| Some((name.clone(), value.number()?))));
    Record {
        model: model(row),
        task: TASK.to_owned(),
        sample: row.test_idx.text().unwrap_or_default(),
        input,
        target,
        metrics,
        error,
        output: text_of(&row.response.output),
        cost_usd: fresh(&row.cost),
        latency_ms: fresh(&row.latency_ms),
        input_tokens: usage.prompt.count().filter(|_| counted),
        output_tokens: usage.completion.count().filter(|_| counted),
        ..Record::default()
    }
}

/// The provider's label or id; prompts after the first are named by their number.
fn model(row: &Row) -> String {
    let provider = match &row.provider {
        Provider::Named { id, label } => {
            label.as_ref().filter(|label| !label.is_empty()).or(id.as_ref()).cloned().unwrap_or_default()
        }
        Provider::Id(id) => id.clone(),
    };
    match row.prompt_idx.count() {
        None | Some(0) => provider,
        Some(at) => format!("{provider} (prompt {})", at.saturating_add(1)),
    }
}

/// `failureReason` 2 is an error; 1 is a failed assertion, whose message stands in `error` all the same.
fn error(row: &Row) -> Option<String> {
    let said = || row.error.text().or_else(|| row.response.error.text()).filter(|text| !text.is_empty());
    match row.failure_reason.count() {
        Some(2) => Some(said().unwrap_or_else(|| "error".into())),
        Some(_) => None,
        // Before failureReason existed: an error is an answer without output.
        None => said().filter(|_| row.response.output.is_null()),
    }
}

/// Variables that people name for the right answer, which has no field of its own.
const TARGETS: [&str; 9] = [
    "expected",
    "target",
    "answer",
    "reference",
    "ideal",
    "label",
    "gold",
    "ground_truth",
    "expected_output",
];

/// The variables are the item; a variable or an `equals` assertion is its right answer.
fn question(row: &Row) -> (Option<String>, Option<String>) {
    let name = TARGETS.into_iter().find(|name| row.vars.len() > 1 && row.vars.contains_key(*name));
    let mut asked = row.vars.iter().filter(|(key, _)| Some(key.as_str()) != name);
    let input = match (asked.next(), asked.next()) {
        (None, _) => None,
        (Some((_, only)), None) => text_of(only),
        _ => {
            let all: BTreeMap<_, _> = row.vars.iter().filter(|(key, _)| Some(key.as_str()) != name).collect();
            serde_json::to_string(&all).ok()
        }
    };
    let equals = || {
        let assertion = row.test_case.assert.iter().find(|assertion| {
            assertion.get("type").and_then(Value::as_str).is_some_and(|kind| kind == "equals")
        })?;
        text_of(assertion.get("value")?)
    };
    (input, name.and_then(|name| row.vars.get(name)).and_then(text_of).or_else(equals))
}

//! promptfoo: the JSON of an evaluation (`.results.results[]`, version 3) or a row a line. A candidate is a provider
//! with one of the prompts.

use std::collections::BTreeMap;

use ordinate_core::Finish;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{ImportError, Place};
use crate::formats::{Format, Head};
use crate::json::{Scalar, or_default, text_of};
use crate::log::Log;
use crate::options::{Limits, Options};
use crate::record::{OwnFigure, Record, Run, Sink};
use crate::rows::{each_line, each_row};

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

impl Provider {
    /// The label, or else the id.
    fn name(&self) -> String {
        match self {
            Self::Named { id, label } => {
                label.as_ref().filter(|label| !label.is_empty()).or(id.as_ref()).cloned().unwrap_or_default()
            }
            Self::Id(id) => id.clone(),
        }
    }
}

impl Default for Provider {
    fn default() -> Self {
        Self::Id(String::new())
    }
}

/// The prompt of a row: its own text, and the label that all rows of the prompt share.
#[derive(Deserialize, Default)]
struct Prompt {
    #[serde(default)]
    label: Scalar,
}

#[derive(Deserialize, Default)]
struct TestCase {
    #[serde(default, deserialize_with = "or_default")]
    assert: Vec<Value>,
}

/// What a filter of the provider said.
#[derive(Deserialize, Default)]
struct Guardrails {
    #[serde(default)]
    flagged: Scalar,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    output: Value,
    #[serde(default)]
    finish_reason: Scalar,
    #[serde(default, deserialize_with = "or_default")]
    guardrails: Guardrails,
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

/// What a row says of its column.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ColumnOfRow {
    #[serde(default)]
    prompt_idx: Scalar,
    #[serde(default)]
    provider: Provider,
    #[serde(default, deserialize_with = "or_default")]
    prompt: Prompt,
    #[serde(default)]
    prompt_id: Scalar,
}

/// What the evaluation says of one of its columns, besides the rows.
#[derive(Deserialize)]
struct PromptOfEvaluation {
    #[serde(default, deserialize_with = "or_default")]
    metrics: Metrics,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    #[serde(default)]
    score: Scalar,
    #[serde(default)]
    test_pass_count: Scalar,
    #[serde(default)]
    test_fail_count: Scalar,
}

#[derive(Deserialize)]
struct Evaluation {
    #[serde(default)]
    timestamp: Scalar,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    results: Option<Evaluation>,
}

fn read(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let limits = &options.limits;
    let launch = log.path().display().to_string();
    let mut columns = Columns::default();
    if is_rows(&Head::of(log, limits)?) {
        sink.run(Run { launch, started: None, finished: true });
        each_line(log, limits, &mut |row: ColumnOfRow, _| {
            columns.meet(&row);
            Ok(())
        })?;
        let names = columns.names(sink);
        return each_line(log, limits, &mut |row: Row, place| sink.record(record(&row, &names), place));
    }
    // Of it only a time is kept, so that it may be of any length.
    let document: Document = log.json(&Limits { values: u64::MAX, ..*limits })?;
    let started = document.results.and_then(|results| results.timestamp.text());
    sink.run(Run { launch, started, finished: true });
    let keys = &["results", "results"];
    let found = each_row(log, limits, keys, &mut |row: ColumnOfRow, _| {
        columns.meet(&row);
        Ok(())
    })?;
    if !found {
        return Err(log.place().field("results.results").refuse(
            "is missing",
            "export the evaluation with `promptfoo eval --output out.json` (version 3 of the format)",
        ));
    }
    let names = columns.names(sink);
    each_row(log, limits, &["results", "prompts"], &mut |column: PromptOfEvaluation, at| {
        if let Some(figure) = own_figure(&column.metrics, names.get(&Some(at))) {
            sink.own(figure);
        }
        Ok(())
    })?;
    each_row(log, limits, keys, &mut |row: Row, at| sink.record(record(&row, &names), &row_place(log, at)))?;
    Ok(())
}

/// The mean score of a column: promptfoo has the sum over its tests, in which a failed request counts nothing.
fn own_figure(metrics: &Metrics, name: Option<&String>) -> Option<OwnFigure> {
    let tests = metrics.test_pass_count.number()? + metrics.test_fail_count.number()?;
    let value = metrics.score.number()? / tests;
    let (model, metric) = (Some(name?.clone()), "score".to_owned());
    value.is_finite().then(|| OwnFigure { model, task: TASK.to_owned(), filter: None, metric, value })
}

/// The columns of an evaluation, by `promptIdx`, which counts providers times prompts: who answers, and to which prompt.
#[derive(Default)]
struct Columns(BTreeMap<Option<u64>, (String, Option<String>)>);

impl Columns {
    fn meet(&mut self, row: &ColumnOfRow) {
        let provider = row.provider.name();
        let prompt = row.prompt_id.text().or_else(|| row.prompt.label.text()).filter(|id| !id.is_empty());
        self.0.entry(row.prompt_idx.count()).or_insert((provider, prompt));
    }

    /// What the candidate of each column is called. A prompt is known by its rank among all prompts that were met: the
    /// first one needs no name. Columns of one provider and one prompt are configurations of the provider.
    fn names(&self, sink: &mut dyn Sink) -> BTreeMap<Option<u64>, String> {
        let mut names = BTreeMap::new();
        let mut configurations: BTreeMap<(&str, usize), usize> = BTreeMap::new();
        let mut without_prompt: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, (provider, prompt)) in &self.0 {
            let rank = match prompt {
                Some(prompt) => sink.rank(prompt),
                // Where rows say nothing of their prompt, the columns of a provider are its prompts.
                None => {
                    let next = without_prompt.entry(provider).or_default();
                    *next += 1;
                    *next - 1
                }
            };
            let same = configurations.entry((provider, rank)).or_default();
            *same += 1;
            let mut name = provider.clone();
            if rank > 0 {
                name = format!("{name} (prompt {})", rank + 1);
            }
            if *same > 1 {
                name = format!("{name} (configuration {same})");
            }
            names.insert(*at, name);
        }
        names
    }
}

fn row_place(log: &Log, at: u64) -> Place {
    log.place().field(&format!("results.results[{at}]"))
}

fn ended(response: &Response) -> Finish {
    if response.guardrails.flagged == Scalar::Bool(true) {
        return Finish::Filtered;
    }
    response.finish_reason.text().as_deref().map(Finish::of).unwrap_or_default()
}

fn record(row: &Row, names: &BTreeMap<Option<u64>, String>) -> Record {
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
        model: names.get(&row.prompt_idx.count()).cloned().unwrap_or_else(|| row.provider.name()),
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
        ended: ended(&row.response),
        ..Record::default()
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

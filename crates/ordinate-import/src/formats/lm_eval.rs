//! lm-evaluation-harness: `samples_<task>_<time>.jsonl`, written with `--log_samples`; one row per item and filter. Older
//! versions named the file otherwise, wrote a list, and said neither filter nor metrics.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;

use crate::error::{ImportError, Place};
use crate::formats::{Format, Head};
use crate::json::{Ordered, Scalar, or_default, text_of};
use crate::log::Log;
use crate::metric;
use crate::options::Options;
use crate::record::{OwnFigure, Record, Run, Sink, share_of_best};
use crate::rows::each_line;

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
    /// Since version 0.4.6; before, a row does not say which filter read it.
    #[serde(default)]
    filter: Option<String>,
    /// Since version 0.4.6; before, a row does not say which of its keys are metrics.
    #[serde(default)]
    metrics: Option<Vec<String>>,
    #[serde(default)]
    doc_hash: Option<String>,
    /// The metrics' values, one key each, and what else the harness adds.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Keys of a row that the harness adds besides the metrics.
const NO_METRICS: [&str; 3] = ["resps", "prompt_hash", "target_hash"];

/// What is wanted of `results_<time>.json`, which older versions called `results.json`.
#[derive(Deserialize, Default)]
struct Results {
    #[serde(default)]
    model_name: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    config: Config,
    /// Per task `metric,filter` (before version 0.4 `metric`) and its mean.
    #[serde(default, deserialize_with = "or_default")]
    results: Ordered<Ordered<Scalar>>,
}

#[derive(Deserialize, Default)]
struct Config {
    #[serde(default)]
    model_args: Scalar,
}

fn read(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let (stem, time) = name_parts(&log.file_name());
    let results = results(log, time.as_deref(), options, sink)?;
    let task = task(&stem, time.is_some(), &results);
    let model = model(log, &results);
    let own = own_figures(&results, &task);
    let folder = || log.path().parent().map(|folder| folder.display().to_string());
    sink.run(Run { launch: time.clone().or_else(folder).unwrap_or_default(), started: time, finished: true });
    let mut filters = FiltersOfRows::of(&own);
    let mut others: Vec<String> = Vec::new();
    let mut taken = 0u64;
    each_line(log, &options.limits, &mut |row: Row, place| {
        let filter = match filters.name(&row) {
            Some(filter) => filter,
            None => return Ok(()),
        };
        if let (Some(asked), Some(named)) = (&options.filter, &filter)
            && asked != named
        {
            if !others.contains(named) {
                others.push(named.clone());
            }
            return Ok(());
        }
        taken += 1;
        let record = record(row, &own, place)?;
        sink.record(Record { model: model.clone(), task: task.clone(), filter, ..record }, place)
    })?;
    if taken == 0 && !others.is_empty() {
        return Err(log.place().field("filter").refuse(
            format!("no row has the filter {:?}", options.filter.as_deref().unwrap_or_default()),
            format!("choose one of: {}", others.join(", ")),
        ));
    }
    if let Some(times) = filters.passed_over() {
        sink.note(format!(
            "task {task}: each item stands up to {times} times in the log of {model}, once for each of the task's filters, which this version of the harness did not name: the first is taken. results_<time>.json beside the log would say which it is."
        ));
    }
    own.into_iter().for_each(|figure| sink.own(figure));
    Ok(())
}

/// Which filter read a row.
struct FiltersOfRows {
    /// The names of the filters in their order, where the results have them.
    names: Vec<String>,
    /// How often each item was met in rows that do not name their filter.
    met: HashMap<String, usize>,
    most: usize,
}

impl FiltersOfRows {
    fn of(own: &[OwnFigure]) -> Self {
        let mut names: Vec<String> = Vec::new();
        for name in own.iter().filter_map(|figure| figure.filter.as_ref()) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Self { names, met: HashMap::new(), most: 0 }
    }

    /// The filter of a row, which may have no name; `None` for a row that is left out, because it is one more reading of
    /// an answer by nobody knows what. The harness writes the rows of one filter after those of another.
    fn name(&mut self, row: &Row) -> Option<Option<String>> {
        if row.filter.is_some() || row.metrics.is_some() {
            return Some(row.filter.clone());
        }
        let times = self.met.entry(row.doc_id.text().unwrap_or_default()).or_default();
        *times += 1;
        match self.names.get(*times - 1) {
            Some(name) => Some(Some(name.clone())),
            None => {
                self.most = self.most.max(*times);
                (*times == 1).then_some(None)
            }
        }
    }

    /// How often an item was met, where readings were left out.
    fn passed_over(&self) -> Option<usize> {
        Some(self.most).filter(|most| *most > 1)
    }
}

/// Name and time out of `samples_<task>_<time>.jsonl`.
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

/// The results beside the samples, if they are there.
fn results(
    log: &Log,
    time: Option<&str>,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<Results, ImportError> {
    let name = time.map_or_else(|| "results.json".to_owned(), |time| format!("results_{time}.json"));
    let Some(results) = log.sibling(&name) else { return Ok(Results::default()) };
    sink.used(results.path());
    results.json(&options.limits)
}

/// The task. Before version 0.4.3 a log was called `<model arguments>_<task>.jsonl`.
fn task(stem: &str, has_time: bool, results: &Results) -> String {
    let ends_with = |task: &&str| {
        stem.strip_suffix(*task).is_some_and(|before| before.is_empty() || before.ends_with('_'))
    };
    let known = results.results.0.iter().map(|(task, _)| task.as_str());
    let longest = known.filter(ends_with).max_by_key(|task| task.len()).filter(|_| !has_time);
    longest.unwrap_or(stem).to_owned()
}

/// The model: out of the results beside the samples, else the name of the folder.
fn model(log: &Log, results: &Results) -> String {
    if let Some(name) = results.model_name.clone().filter(|name| !name.is_empty()) {
        return name;
    }
    let arguments = results.config.model_args.text().unwrap_or_default();
    let named = arguments
        .split(',')
        .filter_map(|argument| argument.split_once('='))
        .find(|(key, _)| ["pretrained", "model", "engine"].contains(&key.trim()));
    if let Some((_, name)) = named {
        return name.trim().to_owned();
    }
    let folder = log.path().parent().and_then(|folder| folder.file_name());
    folder.map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
}

/// The means that the results have of a task.
fn own_figures(results: &Results, task: &str) -> Vec<OwnFigure> {
    let Some(means) = results.results.get(task) else { return Vec::new() };
    let figure = |(key, value): &(String, Scalar)| {
        let (metric, filter) = match key.split_once(',') {
            Some((metric, filter)) => (metric, Some(filter.to_owned())),
            None => (key.as_str(), None),
        };
        let Scalar::Number(value) = value else { return None };
        let is_figure = !metric.ends_with("_stderr") && metric != "sample_len" && metric != "samples";
        is_figure.then(|| OwnFigure {
            model: None,
            task: task.to_owned(),
            filter,
            metric: metric.to_owned(),
            value: *value,
        })
    };
    means.0.iter().filter_map(figure).collect()
}

fn record(row: Row, own: &[OwnFigure], place: &Place) -> Result<Record, ImportError> {
    let calls = calls(&row.arguments);
    let (input, choices) = question(&row.doc, &calls);
    let logs = log_likelihoods(&row.filtered_resps);
    let mut record = Record {
        sample: row.doc_id.text().unwrap_or_default(),
        digest: row.doc_hash,
        input,
        target: target(&row.target, &choices),
        metrics: metrics(row.metrics.as_deref(), &row.rest, own, place)?,
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

/// The metrics that are numbers: corpus metrics (BLEU, perplexity) keep pairs here and have no score per item. Where a
/// row does not say which keys are metrics, those are that the results name, or else all numbers.
fn metrics(
    names: Option<&[String]>,
    rest: &BTreeMap<String, Value>,
    own: &[OwnFigure],
    place: &Place,
) -> Result<Vec<(String, f64)>, ImportError> {
    let mut metrics = Vec::new();
    match names {
        Some(names) => {
            for name in names {
                let value = rest.get(name).ok_or_else(|| {
                    place.clone().field(name).refuse(
                        "is named in `metrics` and is missing",
                        "make sure that the row was written by the harness and was not edited",
                    )
                })?;
                metrics.extend(number(value).map(|value| (name.clone(), value)));
            }
        }
        None => {
            let is_metric = |name: &str| {
                !NO_METRICS.contains(&name)
                    && (own.is_empty() || own.iter().any(|figure| figure.metric == name))
            };
            let numbers = rest.iter().filter(|(name, value)| is_metric(name) && !value.is_string());
            metrics.extend(numbers.filter_map(|(name, value)| Some((name.clone(), number(value)?))));
        }
    }
    metric::primary_first(&mut metrics);
    Ok(metrics)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::String(text) => crate::json::number(text),
        _ => None,
    }
}

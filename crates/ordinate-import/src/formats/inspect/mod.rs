//! Inspect: a `.eval` zip with a header (or, after a crash, a journal) and an entry per sample and epoch; or the same as
//! one JSON file, the header with `samples` (the default until November 2024).

use std::collections::{BTreeMap, HashMap, HashSet};

use ordinate_core::Finish;
use serde::Deserialize;
use serde_json::Value;

use crate::archive::Archive;
use crate::error::{ImportError, Place};
use crate::formats::{Format, Head};
use crate::json::{Ordered, Scalar, or_default, text_of};
use crate::log::Log;
use crate::options::Options;
use crate::record::{Record, Sink, resolve_letter};
use crate::rows::{each_row, without};

mod header;

use header::{Header, announce};

pub(crate) const FORMAT: Format = Format { name: "Inspect", detect, read };

fn detect(head: &Head) -> bool {
    is_archive(head) || is_json(head)
}

fn is_archive(head: &Head) -> bool {
    head.bytes.starts_with(b"PK\x03\x04") || head.bytes.starts_with(b"PK\x05\x06")
}

fn is_json(head: &Head) -> bool {
    let parts = ["plan", "results", "stats", "samples"];
    head.has(&["eval"]) && (head.has(&["status"]) || parts.iter().any(|part| head.has(&[part])))
}

/// A sample, a sample's shell in the chunked layout, or a summary: what they share and what is used.
#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    id: Scalar,
    #[serde(default)]
    epoch: Scalar,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    choices: Option<Vec<String>>,
    #[serde(default)]
    target: Value,
    #[serde(default)]
    output: Option<Output>,
    #[serde(default, deserialize_with = "or_default")]
    scores: Scores,
    /// Of the first versions, which had one scorer.
    #[serde(default)]
    score: Option<Score>,
    /// Long texts that the sample keeps apart.
    #[serde(default, deserialize_with = "or_default")]
    attachments: HashMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    model_usage: BTreeMap<String, Usage>,
    #[serde(default)]
    total_time: Scalar,
    #[serde(default)]
    working_time: Scalar,
    #[serde(default)]
    error: Option<Value>,
    /// Of time, tokens, messages, ..., where the sample met it.
    #[serde(default)]
    limit: Value,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    choices: Value,
    #[serde(default)]
    completion: Scalar,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    time: Scalar,
    #[serde(default)]
    error: Scalar,
}

impl Output {
    /// What the model said; logs of before 2025 have it in the message alone, perhaps in parts.
    fn text(&self) -> Option<String> {
        let content = || match self.choices.pointer("/0/message/content")? {
            Value::String(text) => Some(text.clone()),
            Value::Array(parts) => {
                let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
                Some(texts.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
            }
            _ => None,
        };
        self.completion.text().or_else(content)
    }

    fn ended(&self) -> Finish {
        let word = self.choices.pointer("/0/stop_reason").and_then(Value::as_str);
        word.map(Finish::of).unwrap_or_default()
    }
}

#[derive(Deserialize, Default)]
struct Usage {
    #[serde(default)]
    input_tokens: Scalar,
    #[serde(default)]
    output_tokens: Scalar,
    #[serde(default)]
    input_tokens_cache_read: Scalar,
    #[serde(default)]
    input_tokens_cache_write: Scalar,
    #[serde(default)]
    total_tokens: Scalar,
    #[serde(default)]
    reasoning_tokens: Scalar,
    #[serde(default)]
    total_cost: Scalar,
}

impl Usage {
    /// Tokens read, those of a cache too.
    fn read(&self) -> Option<u64> {
        let parts = [&self.input_tokens, &self.input_tokens_cache_read, &self.input_tokens_cache_write];
        self.input_tokens.count()?;
        Some(parts.into_iter().filter_map(Scalar::count).fold(0, u64::saturating_add))
    }

    /// Tokens written. Where the total has more than was read and written, and the model reasoned, the reasoning was counted
    /// beside the answer.
    fn wrote(&self) -> Option<u64> {
        let wrote = self.output_tokens.count()?;
        let reasoned = self.reasoning_tokens.count().unwrap_or(0);
        let parts = self.read()?.saturating_add(wrote);
        let beyond = self.total_tokens.count().and_then(|total| total.checked_sub(parts)).unwrap_or(0);
        Some(if reasoned > 0 && beyond > 0 { wrote.saturating_add(beyond) } else { wrote })
    }
}

#[derive(Deserialize)]
struct Score {
    #[serde(default)]
    value: Value,
}

/// Scores in the order of the log: the first scorer is the primary one unless the header says otherwise.
type Scores = Ordered<Score>;

fn read(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    if is_archive(&Head::of(log, &options.limits)?) {
        return read_archive(log, options, sink);
    }
    let header: Header = without(log, &options.limits, "samples")?;
    announce(&header, log, sink);
    let found = each_row(log, &options.limits, &["samples"], &mut |mut sample: Sample, at| {
        let attachments = std::mem::take(&mut sample.attachments);
        put_back(&mut sample, &attachments);
        hand_over(sample, &header, &log.place().field(&format!("samples[{at}]")), sink)
    })?;
    if !found {
        return Err(log.place().field("samples").refuse(
            "is missing: the log holds no single answers",
            "run the evaluation with log_samples, or name a log that has them",
        ));
    }
    Ok(())
}

fn read_archive(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut archive = Archive::open(log, &options.limits)?;
    let header = match archive.json::<Header>("header.json")? {
        Some(header) => header,
        None => archive.json::<Header>("_journal/start.json")?.ok_or_else(|| {
            log.place().refuse(
                "is a zip without `header.json` and `_journal/start.json`, so no log of Inspect",
                "name the .eval file that Inspect wrote",
            )
        })?,
    };
    announce(&header, log, sink);
    let mut seen = HashSet::new();
    let names = archive.names();
    for name in names.iter().filter(|name| is_sample(name)) {
        let Some(mut sample) = archive.json::<Sample>(name)? else { continue };
        attachments(&mut archive, name, &names, &mut sample)?;
        seen.insert(key(&sample));
        hand_over(sample, &header, &archive.place(name), sink)?;
    }
    // Without samples (`log_samples` off, or not flushed before a crash) the summaries still have the scores.
    let mut summarised = 0u64;
    for name in names.iter().filter(|name| is_summaries(name, &names)) {
        let place = archive.place(name);
        archive.each(name, &mut |sample: Sample, _| {
            if seen.insert(key(&sample)) {
                summarised += 1;
                hand_over(sample, &header, &place, sink)?;
            }
            Ok(())
        })?;
    }
    if summarised > 0 {
        let file = log.file_name();
        sink.note(format!("{file}: {summarised} samples were read from summaries, which hold no output."));
    }
    Ok(())
}

fn is_sample(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("samples/") else { return false };
    // An id may hold slashes, so that only the end tells: `{id}_epoch_{n}.json` or `{id}_epoch_{n}/sample.json`.
    let Some(stem) = rest.strip_suffix("/sample.json").or_else(|| rest.strip_suffix(".json")) else {
        return false;
    };
    stem.rsplit_once("_epoch_").is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

fn is_summaries(name: &str, names: &[String]) -> bool {
    const WHOLE: &str = "summaries.json";
    name == WHOLE || (name.starts_with("_journal/summaries/") && !names.iter().any(|name| name == WHOLE))
}

fn key(sample: &Sample) -> (Option<String>, Option<u64>) {
    (sample.id.text(), sample.epoch.count())
}

const ATTACHMENT: &str = "attachment://";

/// Puts back long texts that the log keeps apart, in the sample itself or (chunked) in entries beside it.
fn attachments(
    archive: &mut Archive<'_>,
    name: &str,
    names: &[String],
    sample: &mut Sample,
) -> Result<(), ImportError> {
    let mut kept = std::mem::take(&mut sample.attachments);
    if kept_apart(sample).is_empty() {
        return Ok(());
    }
    if let Some(prefix) = name.strip_suffix("/sample.json") {
        let folder = format!("{prefix}/attachments/");
        for chunk in names.iter().filter(|name| name.starts_with(&folder)) {
            let start =
                chunk[folder.len()..].strip_suffix(".json").and_then(|start| start.parse::<usize>().ok());
            let Some(start) = start else { continue };
            archive.each(chunk, &mut |text: String, at| {
                kept.insert(
                    start.saturating_add(usize::try_from(at).unwrap_or(usize::MAX)).to_string(),
                    text,
                );
                Ok(())
            })?;
        }
    }
    put_back(sample, &kept);
    Ok(())
}

/// The texts of a sample that stand elsewhere.
fn kept_apart(sample: &mut Sample) -> Vec<&mut String> {
    let mut texts: Vec<&mut String> = Vec::new();
    if let Value::String(text) = &mut sample.input {
        texts.push(text);
    }
    if let Some(Output { completion: Scalar::Text(text), .. }) = &mut sample.output {
        texts.push(text);
    }
    texts.retain(|text| text.starts_with(ATTACHMENT));
    texts
}

fn put_back(sample: &mut Sample, kept: &HashMap<String, String>) {
    for text in kept_apart(sample) {
        if let Some(whole) = kept.get(&text[ATTACHMENT.len()..]) {
            text.clone_from(whole);
        }
    }
}

fn hand_over(sample: Sample, header: &Header, place: &Place, sink: &mut dyn Sink) -> Result<(), ImportError> {
    sink.record(record(sample, header), place)
}

fn record(sample: Sample, header: &Header) -> Record {
    let choices: Vec<String> =
        sample.choices.unwrap_or_default().iter().map(|choice| choice.trim().to_owned()).collect();
    let target = text_of(&sample.target);
    let output = sample.output.as_ref();
    let usage = sample
        .model_usage
        .get(&header.eval.model)
        .or_else(|| output.and_then(|output| output.usage.as_ref()));
    // Time at work leaves out waiting for a free connection; it is what a single request would see.
    let seconds = [Some(&sample.working_time), Some(&sample.total_time), output.map(|output| &output.time)]
        .into_iter()
        .flatten()
        .find_map(|time| time.number().filter(|seconds| *seconds > 0.0));
    let mut record = Record {
        model: header.eval.model.clone(),
        task: header.eval.task.clone(),
        sample: sample.id.text().unwrap_or_default(),
        input: text_of(&sample.input),
        target: target.as_deref().and_then(|text| resolve_letter(text, &choices)).or(target),
        metrics: metrics(&sample.scores, sample.score.as_ref(), header),
        output: output.and_then(Output::text),
        cost_usd: usage.and_then(|usage| usage.total_cost.number()),
        latency_ms: seconds.map(|seconds| seconds * 1e3),
        input_tokens: usage.and_then(Usage::read),
        output_tokens: usage.and_then(Usage::wrote),
        ended: match output.map(Output::ended).unwrap_or_default() {
            Finish::Whole if !sample.limit.is_null() => Finish::Cut,
            ended => ended,
        },
        choices,
        ..Record::default()
    };
    if let Some(headline) = header.results.as_ref().and_then(|results| results.headline.as_ref()) {
        // `sort_by_key` is stable: only the scorer that Inspect itself puts first moves.
        record.metrics.sort_by_key(|(name, _)| {
            Some(name.split('.').next().unwrap_or(name)) != headline.scorer.as_deref()
        });
    }
    record.error = sample
        .error
        .as_ref()
        .filter(|error| !error.is_null())
        .map(|error| error.get("message").and_then(text_of).or_else(|| text_of(error)).unwrap_or_default())
        .or_else(|| output.and_then(|output| output.error.text()).filter(|_| record.metrics.is_empty()));
    record
}

/// A number per scorer, or per key of a scorer whose value has keys.
fn metrics(scores: &Scores, score: Option<&Score>, header: &Header) -> Vec<(String, f64)> {
    let mut metrics = Vec::new();
    if let Some(score) = score.filter(|_| scores.0.is_empty()) {
        let scorer = header.results.as_ref().and_then(|results| results.scorer.as_ref());
        let name = scorer.map_or("score", |scorer| scorer.name.as_str());
        metrics.extend(number(&score.value).map(|value| (name.to_owned(), value)));
    }
    for (scorer, score) in &scores.0 {
        match &score.value {
            Value::Object(keys) => metrics.extend(
                keys.iter().filter_map(|(key, value)| Some((format!("{scorer}.{key}"), number(value)?))),
            ),
            value => metrics.extend(number(value).map(|value| (scorer.clone(), value))),
        }
    }
    metrics
}

/// A score as Inspect's own metrics count it (`value_to_float`); `None` for `NaN`, which is how Inspect writes
/// "not scored", and for texts and lists.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "C" => Some(1.0),
            "P" => Some(0.5),
            "I" | "N" => Some(0.0),
            other => match other.to_ascii_lowercase().as_str() {
                "yes" | "true" => Some(1.0),
                "no" | "false" => Some(0.0),
                _ => crate::json::number(other).filter(|number| !number.is_nan()),
            },
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

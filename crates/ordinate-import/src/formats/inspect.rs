//! Inspect: a `.eval` zip with a header (or, after a crash, a journal) and an entry per sample and epoch.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use crate::archive::Archive;
use crate::error::{ImportError, Place};
use crate::formats::{Format, Head};
use crate::json::{Scalar, or_default, text_of};
use crate::log::Log;
use crate::options::Options;
use crate::record::{Record, Sink, resolve_letter};

pub(crate) const FORMAT: Format = Format { name: "Inspect", detect, read };

fn detect(head: &Head) -> bool {
    head.bytes.starts_with(b"PK\x03\x04") || head.bytes.starts_with(b"PK\x05\x06")
}

/// `header.json`, and `_journal/start.json`, which lacks status and results.
#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    status: Option<String>,
    eval: Spec,
    #[serde(default)]
    results: Option<Results>,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default, deserialize_with = "or_default")]
    task: String,
    #[serde(default, deserialize_with = "or_default")]
    model: String,
}

#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    headline: Option<Headline>,
}

#[derive(Deserialize)]
struct Headline {
    #[serde(default)]
    scorer: Option<String>,
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
    #[serde(default)]
    scores: Option<Scores>,
    #[serde(default, deserialize_with = "or_default")]
    model_usage: BTreeMap<String, Usage>,
    #[serde(default)]
    total_time: Scalar,
    #[serde(default)]
    working_time: Scalar,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    completion: Scalar,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    time: Scalar,
    #[serde(default)]
    error: Scalar,
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
    total_cost: Scalar,
}

#[derive(Deserialize)]
struct Score {
    #[serde(default)]
    value: Value,
}

/// Scores in the order of the log: the first scorer is the primary one unless the header says otherwise.
struct Scores(Vec<(String, Score)>);

impl<'de> Deserialize<'de> for Scores {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered;
        impl<'de> Visitor<'de> for Ordered {
            type Value = Scores;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("scores by scorer")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scores, A::Error> {
                let mut scores = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    scores.push(entry);
                }
                Ok(Scores(scores))
            }
        }
        deserializer.deserialize_map(Ordered)
    }
}

fn read(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut archive = Archive::open(log, &options.limits)?;
    let header = match archive.json::<Header>("header.json")? {
        Some(header) => header,
        None => archive.json("_journal/start.json")?.ok_or_else(|| {
            log.place().refuse(
                "is a zip without `header.json` and `_journal/start.json`, so no log of Inspect",
                "name the .eval file that Inspect wrote",
            )
        })?,
    };
    let file = log.file_name();
    match header.status.as_deref() {
        Some("success") => {}
        Some(status) => {
            sink.note(format!("{file}: the run ended with status {status:?}; what it logged is used."));
        }
        None => sink.note(format!("{file}: the run did not end; what its journal holds is used.")),
    }
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
        for sample in archive.json::<Vec<Sample>>(name)?.unwrap_or_default() {
            if seen.insert(key(&sample)) {
                summarised += 1;
                hand_over(sample, &header, &archive.place(name), sink)?;
            }
        }
    }
    if summarised > 0 {
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

/// Puts back long texts that the log keeps apart.
fn attachments(
    archive: &mut Archive<'_>,
    name: &str,
    names: &[String],
    sample: &mut Sample,
) -> Result<(), ImportError> {
    #[derive(Deserialize)]
    struct Kept {
        #[serde(default, deserialize_with = "or_default")]
        attachments: HashMap<String, String>,
    }
    let mut texts: Vec<&mut String> = Vec::new();
    if let Value::String(text) = &mut sample.input {
        texts.push(text);
    }
    if let Some(Output { completion: Scalar::Text(text), .. }) = &mut sample.output {
        texts.push(text);
    }
    texts.retain(|text| text.starts_with(ATTACHMENT));
    if texts.is_empty() {
        return Ok(());
    }
    let mut kept = HashMap::new();
    if let Some(prefix) = name.strip_suffix("/sample.json") {
        let folder = format!("{prefix}/attachments/");
        for chunk in names.iter().filter(|name| name.starts_with(&folder)) {
            let start =
                chunk[folder.len()..].strip_suffix(".json").and_then(|start| start.parse::<usize>().ok());
            let Some(start) = start else { continue };
            for (at, text) in archive.json::<Vec<String>>(chunk)?.unwrap_or_default().into_iter().enumerate()
            {
                kept.insert(start.saturating_add(at).to_string(), text);
            }
        }
    } else if let Some(sample) = archive.json::<Kept>(name)? {
        kept = sample.attachments;
    }
    for text in texts {
        if let Some(whole) = kept.get(&text[ATTACHMENT.len()..]) {
            text.clone_from(whole);
        }
    }
    Ok(())
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
    let read = |usage: &Usage| {
        let parts = [&usage.input_tokens, &usage.input_tokens_cache_read, &usage.input_tokens_cache_write];
        usage.input_tokens.count()?;
        Some(parts.into_iter().filter_map(Scalar::count).sum())
    };
    let mut record = Record {
        model: header.eval.model.clone(),
        task: header.eval.task.clone(),
        sample: sample.id.text().unwrap_or_default(),
        input: text_of(&sample.input),
        target: target.as_deref().and_then(|text| resolve_letter(text, &choices)).or(target),
        metrics: metrics(sample.scores.as_ref()),
        output: output.and_then(|output| output.completion.text()),
        cost_usd: usage.and_then(|usage| usage.total_cost.number()),
        latency_ms: seconds.map(|seconds| seconds * 1e3),
        input_tokens: usage.and_then(read),
        output_tokens: usage.and_then(|usage| usage.output_tokens.count()),
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
fn metrics(scores: Option<&Scores>) -> Vec<(String, f64)> {
    let mut metrics = Vec::new();
    for (scorer, score) in scores.map(|scores| scores.0.as_slice()).unwrap_or_default() {
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

//! Answers of models in this process, kept for further runs on the same data: a line an answer, which is a recorded answer
//! as well.

use std::path::Path;

use ordinate_measure::{Key, Row, Saved};
use ordinate_remote::{FailureKind, TokenLogprob};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Fault};
use crate::materials::Materials;
use crate::sealed::{self, Found};

/// How their files end. Another number when more is kept of an answer: what earlier versions kept would decide otherwise than what is
/// answered anew.
pub(crate) const ENDING: &str = ".2.jsonl";

/// One answer.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// What it is kept under in answer stores.
    key: String,
    /// The item's.
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// The reply as it was, where that is not the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    probabilities: Vec<(String, f64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error_kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_token_ms: Option<f64>,
    /// The tokens of a reply that is not read yet, with their log-probabilities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    logprobs: Vec<(String, f64)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cut_short: bool,
}

/// Writes answers with their keys, whole or not at all.
pub(crate) fn write(path: &Path, materials: &Materials, rows: &[Row], keys: &[Key]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    crate::cache::make(folder)?;
    let whole = || -> std::io::Result<()> {
        let mut lines = Vec::new();
        for (row, key) in rows.iter().zip(keys) {
            serde_json::to_writer(&mut lines, &line(materials, row, key))?;
            lines.push(b'\n');
        }
        sealed::write(path, &lines)
    };
    whole().map_err(|error| Error::file(path, Fault::Run, format!("cannot be written: {error}")))
}

fn line(materials: &Materials, row: &Row, key: &Key) -> Line {
    let target = materials.items.target(row.item).unwrap_or_default();
    let output = row.output.as_deref().filter(|_| row.error.is_none());
    let said = row.text.clone().filter(|text| row.output.as_ref() != Some(text));
    // An unreadable reply is read anew by whoever takes it.
    let error = row.error.as_ref().filter(|(kind, _)| *kind != FailureKind::Unreadable);
    Line {
        key: key.to_string(),
        id: materials.items.id(row.item).to_owned(),
        score: output.map(|output| materials.metric.score(output, target, materials.items.input(row.item))),
        output: row.output.clone(),
        text: said,
        confidence: row.confidence,
        probabilities: row.probabilities.clone(),
        error: row.error.as_ref().map(|(_, message)| message.clone()),
        error_kind: error.map(|(kind, _)| kind.as_str().to_owned()),
        input_tokens: row.input_tokens,
        output_tokens: row.output_tokens,
        latency_ms: row.latency_ms,
        first_token_ms: row.first_token_ms,
        logprobs: Vec::new(),
        cut_short: false,
    }
}

/// Replies with their keys as they came, which [`read_lines`] reads: the answers are read out of them later.
pub(crate) fn lines(replies: impl IntoIterator<Item = (Key, Saved)>) -> Result<Vec<u8>, Error> {
    let mut lines = Vec::new();
    for (key, saved) in replies {
        let (error_kind, error) = saved.error.map(|(kind, why)| (kind.as_str().to_owned(), why)).unzip();
        let line = Line {
            key: key.to_string(),
            id: saved.item,
            score: None,
            output: None,
            text: saved.text,
            confidence: saved.confidence,
            probabilities: saved.probabilities,
            error,
            error_kind,
            input_tokens: saved.input_tokens,
            output_tokens: saved.output_tokens,
            latency_ms: saved.latency_ms,
            first_token_ms: saved.first_token_ms,
            logprobs: saved.logprobs.into_iter().map(|one| (one.token, one.logprob)).collect(),
            cut_short: saved.cut_short,
        };
        serde_json::to_writer(&mut lines, &line).map_err(Error::broken)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Reads what [`write`] wrote; nothing where the file is not there or damaged: it is answered anew.
pub(crate) fn read(path: &Path, candidate: &str) -> Vec<(Key, Saved)> {
    let Found::Whole(lines) = sealed::read(path) else { return Vec::new() };
    read_lines(&lines, candidate)
}

/// The answers of these lines.
pub(crate) fn read_lines(lines: &[u8], candidate: &str) -> Vec<(Key, Saved)> {
    lines.split(|&byte| byte == b'\n').filter_map(|line| saved(line, candidate)).collect()
}

fn saved(line: &[u8], candidate: &str) -> Option<(Key, Saved)> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let error = line.error_kind.as_deref().and_then(FailureKind::from_word).zip(line.error);
    let saved = Saved {
        candidate: candidate.to_owned(),
        item: line.id,
        text: line.text.or(line.output),
        error,
        confidence: line.confidence,
        probabilities: line.probabilities,
        input_tokens: line.input_tokens,
        output_tokens: line.output_tokens,
        latency_ms: line.latency_ms,
        first_token_ms: line.first_token_ms,
        logprobs: line.logprobs.into_iter().map(|(token, logprob)| TokenLogprob { token, logprob }).collect(),
        cut_short: line.cut_short,
        tries: 1,
        ..Saved::default()
    };
    Some((Key::parse(&line.key)?, saved))
}

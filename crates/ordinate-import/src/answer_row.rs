//! Lines of the files that an import writes.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::error::ImportError;

/// A row of a candidate's file.
#[derive(Debug, Serialize)]
pub(crate) struct AnswerRow<'a> {
    pub(crate) id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'a str>,
}

/// Writes one line of JSON Lines.
pub(crate) fn write_line<W: Write, T: Serialize>(
    writer: &mut W,
    value: &T,
    path: &Path,
) -> Result<(), ImportError> {
    serde_json::to_writer(&mut *writer, value)
        .map_err(std::io::Error::from)
        .and_then(|()| writer.write_all(b"\n"))
        .map_err(ImportError::write(path))
}

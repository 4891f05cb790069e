//! What `candidates.json` says of candidates.

use std::path::Path;

use ordinate_core::Lineage;
use ordinate_core::task::AnswerColumns;
use serde::Deserialize;

use crate::error::{At, DataError, Problem};
use crate::infer::stem;

/// One entry of `candidates.json`. Further fields are passed over.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    name: String,
    #[serde(default)]
    lineage: Option<String>,
    #[serde(default)]
    parameters_billion: Option<f64>,
    #[serde(default, rename = "price_usd_per_million_input_tokens")]
    input_price: Option<f64>,
    #[serde(default, rename = "price_usd_per_million_output_tokens")]
    output_price: Option<f64>,
}

/// A candidate as it will be written.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) lineage: Told,
    pub(super) parameters_billion: Option<f64>,
    /// USD per million tokens in and out.
    pub(super) price: Option<(f64, f64)>,
    pub(super) recorded: Option<String>,
    /// Its own columns in a table with a row an item.
    pub(super) columns: Option<AnswerColumns>,
    /// Its place in `candidates.json`; those that are not in it come last.
    pub(super) order: usize,
}

/// What is known of a lineage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// `candidates.json` says so.
    Is(Lineage),
    /// `candidates.json` says something that is no lineage, such as "reference": no candidate.
    Other(String),
    /// Nothing is said.
    Unknown,
}

/// Reads `NAME-candidates.json` or `candidates.json` beside a file, if there is one.
pub(super) fn beside(path: &Path) -> Result<Vec<Entry>, DataError> {
    for name in [format!("{}-candidates.json", stem(path)), "candidates.json".to_owned()] {
        let json = path.with_file_name(name);
        let text = match std::fs::read_to_string(&json) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(DataError::io(&json, error)),
        };
        return serde_json::from_str(&text).map_err(|error| {
            let at = At::LineColumn(error.line() as u64, error.column() as u64);
            let message = format!(
                "this is no list of candidates ({error}). Write [{{\"name\": \"...\", \"lineage\": \"general\"}}], or \
                 remove the file."
            );
            DataError::new(&json, Problem::NothingToInfer(message)).at(at)
        });
    }
    Ok(Vec::new())
}

/// What is known of the candidate of this name.
pub(super) fn describe(name: &str, recorded: Option<String>, entries: &[Entry]) -> Described {
    let order = entries.iter().position(|entry| entry.name == name);
    let entry = order.and_then(|order| entries.get(order));
    let lineage = match entry.and_then(|entry| entry.lineage.as_deref()) {
        None => Told::Unknown,
        Some(text) => [Lineage::General, Lineage::Vertical, Lineage::Transferred]
            .into_iter()
            .find(|lineage| lineage.as_str() == text)
            .map_or_else(|| Told::Other(text.to_owned()), Told::Is),
    };
    Described {
        name: name.to_owned(),
        lineage,
        parameters_billion: entry.and_then(|entry| entry.parameters_billion),
        price: entry.and_then(|entry| entry.input_price.zip(entry.output_price)),
        recorded,
        columns: None,
        order: order.unwrap_or(usize::MAX),
    }
}

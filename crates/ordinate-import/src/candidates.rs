//! The candidates of an import: a model (or a further run of it), its file of answers, and which items it answered.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ordinate_core::CandidateName;
use serde::Serialize;

use crate::error::{ImportError, Place};
use crate::names;

/// Each candidate has an open file: more than this would run into the limits of the system.
const MAX: usize = 500;

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

/// One candidate while it is being written.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: CandidateName,
    /// How many earlier runs of the same model there are.
    pub(crate) run: usize,
    /// The file's name without folder.
    pub(crate) file: String,
    path: PathBuf,
    writer: BufWriter<File>,
    answered: Vec<u64>,
    pub(crate) scored: u64,
    pub(crate) errors: u64,
    pub(crate) sum: f64,
}

impl Column {
    pub(crate) fn has(&self, row: usize) -> bool {
        self.answered.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    pub(crate) fn answers(&self) -> u64 {
        self.scored + self.errors
    }

    /// Writes the answer to an item.
    pub(crate) fn write(&mut self, row: usize, answer: &AnswerRow<'_>) -> Result<(), ImportError> {
        if self.answered.len() <= row / 64 {
            self.answered.resize(row / 64 + 1, 0);
        }
        self.answered[row / 64] |= 1 << (row % 64);
        match answer.score {
            Some(score) => {
                self.scored += 1;
                self.sum += score;
            }
            None => self.errors += 1,
        }
        write_line(&mut self.writer, answer, &self.path)
    }

    pub(crate) fn flush(&mut self) -> Result<(), ImportError> {
        self.writer.flush().map_err(ImportError::write(&self.path))
    }
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

/// Every candidate of an import.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) list: Vec<Column>,
    /// From a model to the candidates that are its runs.
    runs: HashMap<CandidateName, Vec<usize>>,
    models: HashMap<CandidateName, usize>,
}

impl Columns {
    /// A number for the model, the same over all its runs.
    pub(crate) fn model(
        &mut self,
        model: &str,
        place: &Place,
    ) -> Result<(CandidateName, usize), ImportError> {
        let name = names::candidate(model).map_err(|error| {
            place.clone().field("model").refuse(error.to_string(), "rename it in the log")
        })?;
        let next = self.models.len();
        let number = *self.models.entry(name.clone()).or_insert(next);
        Ok((name, number))
    }

    /// The first run of a model that has no answer to the item yet; a new candidate where all have one.
    pub(crate) fn free(
        &mut self,
        model: &CandidateName,
        row: usize,
        folder: &Path,
        place: &Place,
    ) -> Result<usize, ImportError> {
        let runs = self.runs.entry(model.clone()).or_default();
        if let Some(&free) =
            runs.iter().find(|&&run| self.list.get(run).is_some_and(|column| !column.has(row)))
        {
            return Ok(free);
        }
        if self.list.len() >= MAX {
            return Err(place.clone().refuse(
                format!("there are more than {MAX} candidates"),
                "import fewer models at a time: a verdict compares every pair of them",
            ));
        }
        let name = match runs.len() {
            0 => model.clone(),
            run => CandidateName::new(&format!("{model} (run {})", run + 1))
                .map_err(|error| place.clone().refuse(error.to_string(), "rename the model in the log"))?,
        };
        let taken = |stem: &str| {
            self.list.iter().any(|column| column.file.to_ascii_lowercase() == format!("{stem}.jsonl"))
        };
        let file = format!("{}.jsonl", names::file(&name, &taken));
        let path = folder.join(&file);
        let writer = BufWriter::new(File::create_new(&path).map_err(ImportError::write(&path))?);
        let run = runs.len();
        runs.push(self.list.len());
        self.list.push(Column {
            name,
            run,
            file,
            path,
            writer,
            answered: Vec::new(),
            scored: 0,
            errors: 0,
            sum: 0.0,
        });
        Ok(self.list.len() - 1)
    }
}

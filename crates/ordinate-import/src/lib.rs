//! Other tools' evaluation logs as recorded candidates.
//!
//! People have often paid for their answers already. [`import`] reads the logs of lm-evaluation-harness, Inspect,
//! promptfoo, HELM, lighteval, OpenAI evals and Every Eval Ever, several models and tools at a time, and writes
//! items, a file of answers per model, and a task file that runs. Formats are told apart by content. Answers of
//! several models meet on the content of their items; what does not meet is listed. An error in a log stays an
//! error: it never becomes a wrong answer, and is never dropped. Logs are read row by row, and a log that is
//! damaged, or asks for more of the machine than [`Limits`] allow, is refused with one paragraph that says where.
//!
//! [`export_every_eval_ever`] goes the other way.

mod align;
mod answer_row;
mod archive;
mod compose;
mod error;
mod expand;
mod export;
mod filters;
mod finish;
mod formats;
mod json;
mod lenient;
mod log;
mod metric;
mod names;
mod options;
mod own_figures;
mod record;
mod rows;
mod scan;
mod summary;
mod task_file;
mod task_runs;
mod unaligned;
mod write;

use std::path::{Path, PathBuf};

use ordinate_core::CandidateName;

pub use error::{ImportError, LogError, Place};
pub use export::{ExportOptions, Exported, export_every_eval_ever};
pub use log::Log;
pub use options::{Limits, Options, Runs};
pub use own_figures::Compared;
pub use scan::{Scan, scan};

/// What an import wrote; as text, a summary for people that ends with what to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Items, of all tasks.
    pub items: usize,
    /// The candidates, in the order in which the logs have them.
    pub candidates: Vec<CandidateSummary>,
    /// Items that not every candidate has an answer to, by task and by who lacks them; `unaligned.jsonl` has each.
    pub unaligned: Vec<Unaligned>,
    /// The tools' own figures beside what was imported, for each candidate and task of which the log has one.
    pub compared: Vec<Compared>,
    /// What was chosen or left out, in plain words.
    pub notes: Vec<String>,
    /// The task file.
    pub task_file: PathBuf,
}

/// One candidate of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateSummary {
    /// Its name: the model's, as the tool has it.
    pub name: CandidateName,
    /// The file of its answers.
    pub file: PathBuf,
    /// Answers with a score.
    pub scored: u64,
    /// Answers that are errors.
    pub errors: u64,
    /// Items without an answer of this candidate.
    pub missing: u64,
    /// Mean score over the scored answers, in `[0, 1]`; `None` where there are none.
    pub mean: Option<f64>,
}

/// Items of one task that the same candidates have no answer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unaligned {
    /// The task.
    pub task: String,
    /// The candidates without an answer.
    pub missing: Vec<String>,
    /// How many items.
    pub items: u64,
    /// Ids of the first of them.
    pub examples: Vec<String>,
}

/// Imports logs (files, HELM run folders, or folders that hold either) into the folder `out`: `items.jsonl`, a
/// `.jsonl` per candidate, `ordinate.toml`, and `unaligned.jsonl` where some candidate lacks some item.
///
/// # Errors
/// [`ImportError`]: a log that is damaged, unknown or beyond the limits, a score that is no score, or a folder that
/// cannot be written or holds an import already. Nothing is left in `out` then.
pub fn import(logs: &[PathBuf], out: &Path, options: &Options) -> Result<Imported, ImportError> {
    options.check()?;
    let expanded = expand::expand(logs, options)?;
    let mut writer = write::Writer::create(out, options)?;
    for (log, format) in &expanded.logs {
        writer.start_log(format.name, log);
        (format.read)(log, options, &mut writer)?;
        writer.runs.end_log()?;
    }
    for note in expanded.passed_over(&writer.used) {
        record::Sink::note(&mut writer, note);
    }
    writer.finish()
}

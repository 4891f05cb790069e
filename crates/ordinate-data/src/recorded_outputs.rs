//! What a recorded candidate said, without its scores: what others learn from it.

use std::collections::HashMap;
use std::path::Path;

use ordinate_core::Items;
use ordinate_core::task::CandidateEntry;

use crate::error::DataError;
use crate::evidence::AnswerTexts;
use crate::labels;
use crate::recorded::item_files;
use crate::source;
use crate::table::{self, Column, Layout, Row, Want};
use crate::task::Task;

/// What a recorded candidate said to one item.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedOutput {
    /// The row of the item.
    pub row: usize,
    /// What it said; a label by its name, where it said its code.
    pub output: String,
    /// How sure it was, in `[0, 1]`, where it said so.
    pub confidence: Option<f64>,
}

/// What a recorded candidate said to these items, in the order of its files. Errors, answers without an output and answers to
/// other items are left out.
///
/// # Errors
/// [`DataError`] where a file cannot be read.
pub fn recorded_outputs(
    task: &Task,
    entry: &CandidateEntry,
    items: &Items,
) -> Result<Vec<RecordedOutput>, DataError> {
    let Some(recorded) = &entry.recorded else { return Ok(Vec::new()) };
    let files = source::resolve(task.dir(), &recorded.path)
        .map_err(|problem| task.error_at_candidate(entry.name.as_str(), problem))?;
    let codes = labels::codes(task, &item_files(task)?)?;
    let mut all = Vec::new();
    for file in &files {
        let layout = layout();
        let layout = match task.file.data.id.as_deref() {
            Some(name) if table::columns(file)?.iter().any(|column| column == name) => {
                layout.named(Column::Id, Some(name))
            }
            _ => layout,
        };
        table::read(file, &layout, &mut |row: &Row<'_>| {
            let texts = AnswerTexts::of(row)?;
            let found = items.find(&row.required_text(Column::Id)?);
            let (Some(at), Some(output)) = (found, texts.output().filter(|_| !texts.is_error())) else {
                return Ok(());
            };
            let output = codes.get(output.trim()).map_or(output, String::as_str).to_owned();
            all.push(RecordedOutput { row: at, output, confidence: row.amount(Column::Confidence)? });
            Ok(())
        })?;
    }
    Ok(all)
}

fn layout() -> Layout {
    Layout::of(&[
        (Column::Id, Want::Required),
        (Column::Output, Want::Optional),
        (Column::Confidence, Want::Optional),
        (Column::Error, Want::Optional),
    ])
}

/// The outputs of a file of recorded answers, each with how sure it was, by the id of the item.
///
/// # Errors
/// [`DataError`] where it cannot be read.
pub fn read_outputs(file: &Path) -> Result<HashMap<String, (String, Option<f64>)>, DataError> {
    let mut all = HashMap::new();
    table::read(file, &layout(), &mut |row: &Row<'_>| {
        let texts = AnswerTexts::of(row)?;
        if let Some(output) = texts.output().filter(|_| !texts.is_error()) {
            let id = row.required_text(Column::Id)?.into_owned();
            all.insert(id, (output.to_owned(), row.amount(Column::Confidence)?));
        }
        Ok(())
    })?;
    Ok(all)
}

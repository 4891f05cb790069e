//! What a recorded candidate said, without its scores: what others learn from it.

use std::collections::{BTreeMap, HashMap};
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
        each(task, file, &codes, &mut |id, output, confidence| {
            if let Some(row) = items.find(&id) {
                all.push(RecordedOutput { row, output, confidence });
            }
        })?;
    }
    Ok(all)
}

/// The outputs of a file of answers to items of this task, each with how sure it was, by the id of the item; labels by their
/// names, where the answers are their codes.
///
/// # Errors
/// [`DataError`] where it cannot be read.
pub fn read_outputs(task: &Task, file: &Path) -> Result<HashMap<String, (String, Option<f64>)>, DataError> {
    // The data of a run may lie elsewhere now; what the task file itself says of labels is known all the same.
    let codes = item_files(task).and_then(|files| labels::codes(task, &files));
    let codes = codes.unwrap_or_else(|_| task.file.data.labels.clone());
    let mut all = HashMap::new();
    each(task, file, &codes, &mut |id, output, confidence| {
        all.insert(id, (output, confidence));
    })?;
    Ok(all)
}

/// Visits the outputs of a file: the id of the item, what was said, and how sure the candidate was.
fn each(
    task: &Task,
    file: &Path,
    codes: &BTreeMap<String, String>,
    visit: &mut dyn FnMut(String, String, Option<f64>),
) -> Result<(), DataError> {
    let layout = Layout::of(&[
        (Column::Id, Want::Required),
        (Column::Output, Want::Optional),
        (Column::Confidence, Want::Optional),
        (Column::Error, Want::Optional),
    ]);
    let layout = match task.file.data.id.as_deref() {
        Some(name) if table::columns(file)?.iter().any(|column| column == name) => {
            layout.named(Column::Id, Some(name))
        }
        _ => layout,
    };
    table::read(file, &layout, &mut |row: &Row<'_>| {
        let texts = AnswerTexts::of(row)?;
        let Some(output) = texts.output().filter(|_| !texts.is_error()) else { return Ok(()) };
        let output = codes.get(output.trim()).map_or(output, String::as_str).to_owned();
        visit(row.required_text(Column::Id)?.into_owned(), output, row.amount(Column::Confidence)?);
        Ok(())
    })?;
    Ok(())
}

//! A table with a row an item and columns for each candidate, as router research publishes its responses.

use std::path::PathBuf;

use ordinate_core::evidence::EvidenceBuilder;
use ordinate_core::task::CandidateEntry;

use crate::error::{DataError, Problem};
use crate::evidence::{self, Loaded, Tally, common_notes};
use crate::long::{Put, with_answers};
use crate::memory::Kept;
use crate::table::{self, Column, Layout, Row, Want};
use crate::task::Task;

/// Reads the table, which may be several files, once for each candidate. Items without ids are numbered by their rows.
///
/// # Errors
/// When a file cannot be read, lacks a column, or a row is wrong.
pub(crate) fn load(task: &Task, files: &[PathBuf]) -> Result<Loaded, DataError> {
    let entries = &task.file.candidate;
    let mut builder = EvidenceBuilder::new(entries.iter().map(evidence::candidate))
        .map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
    let mut tallies = vec![Tally::default(); entries.len()];
    let kept = Kept::default();
    for (column, entry) in entries.iter().enumerate() {
        let layout = layout(task, entry);
        let price = builder.candidates()[column].price;
        let mut number = 0_u64;
        for file in files {
            let put = Put { task, file, column, price: price.as_ref(), kept: &kept };
            table::read(file, &layout, &mut |row: &Row<'_>| {
                number += 1;
                let id = row.text(Column::Id)?.unwrap_or_else(|| number.to_string().into());
                // An empty cell: this candidate was not asked.
                if row.cell(Column::Score).is_not_known() && row.error()?.is_none() {
                    return put.item(&mut builder, row, &id).map(|_| ());
                }
                put.answer(&mut builder, row, &id, &mut tallies[column])
            })?;
        }
    }
    tallies.iter().try_for_each(Tally::settle)?;
    let evidence = builder.finish().map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
    let notes = common_notes(&evidence, &tallies);
    Ok(Loaded { evidence, notes })
}

/// The columns of one candidate: its score is in the column of its own name, unless the task file names another.
fn layout(task: &Task, entry: &CandidateEntry) -> Layout {
    let data = &task.file.data;
    let columns = entry.columns.clone().unwrap_or_default();
    let score = columns.score.clone().unwrap_or_else(|| entry.name.to_string());
    let layout = Layout::of(&[
        (Column::Score, Want::Required),
        (Column::Id, Want::Optional),
        (Column::Slice, Want::Optional),
        (Column::Group, Want::Optional),
        (Column::Input, Want::Optional),
        (Column::Target, Want::Optional),
    ])
    .named(Column::Id, data.id.as_deref())
    .named(Column::Slice, data.slice.as_deref())
    .named(Column::Group, data.group.as_deref())
    .named(Column::Input, data.input.as_deref())
    .named(Column::Target, data.target.as_deref());
    with_answers(layout, &columns).named(Column::Score, Some(&score))
}

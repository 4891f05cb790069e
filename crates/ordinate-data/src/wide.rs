//! A table with a row an item and columns for each candidate, as router research publishes its responses, or whoever put answers of several
//! models beside the right one.

use std::path::PathBuf;

use ordinate_core::evidence::EvidenceBuilder;
use ordinate_core::task::{AnswerColumns, CandidateEntry};

use crate::error::{DataError, Problem};
use crate::evidence::{self, Loaded, Tally, common_notes};
use crate::long::{self, Put, with_answers};
use crate::made::Making;
use crate::memory::Kept;
use crate::recorded::Scorer;
use crate::table::{self, Column, Layout, Row, Want};
use crate::task::Task;

/// Reads the table, which may be several files, once for each candidate. Items without ids are numbered by their rows.
///
/// # Errors
/// When a file cannot be read, lacks a column, or a row is wrong.
pub(crate) fn load(task: &Task, files: &[PathBuf], score: Option<&Scorer<'_>>) -> Result<Loaded, DataError> {
    let entries = &task.file.candidate;
    let mut builder = EvidenceBuilder::new(entries.iter().map(evidence::candidate))
        .map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
    let mut tallies = vec![Tally::default(); entries.len()];
    let kept = Kept::default();
    let codes = long::codes(task, files, score)?;
    let making = score.map(|score| Making { task, score, codes: &codes });
    for (column, entry) in entries.iter().enumerate() {
        let price = builder.candidates()[column].price;
        let mut number = 0_u64;
        for file in files {
            let making = match &making {
                Some(making) if is_made(entry, &table::columns(file)?) => Some(making),
                _ => None,
            };
            let layout = layout(task, entry, making.is_some());
            let put = Put { task, file, column, price: price.as_ref(), kept: &kept, making };
            table::read(file, &layout, &mut |row: &Row<'_>| {
                number += 1;
                let id = row.text(Column::Id)?.unwrap_or_else(|| number.to_string().into());
                // An empty cell: this candidate was not asked.
                let is_empty = match making {
                    Some(_) => row.exact_text(Column::Output)?.is_none_or(|text| text.trim().is_empty()),
                    None => row.cell(Column::Score).is_not_known(),
                };
                if is_empty && row.error()?.is_none() {
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

/// The column of a candidate's scores: that of its own name, unless the task file names another.
fn score_column(entry: &CandidateEntry) -> &str {
    let named = entry.columns.as_ref().and_then(|columns| columns.score.as_deref());
    named.unwrap_or(entry.name.as_str())
}

/// Whether the scores of this candidate are to be made from its outputs: it has a column of these, and none of scores.
pub(crate) fn is_made(entry: &CandidateEntry, columns: &[String]) -> bool {
    let own = entry.columns.as_ref();
    let names = |own: &AnswerColumns| own.output.is_some() && own.score.is_none();
    let is_score = |column: &String| {
        column == score_column(entry) && own.and_then(|own| own.output.as_ref()) != Some(column)
    };
    own.is_some_and(names) && !columns.iter().any(is_score)
}

/// The columns of one candidate.
fn layout(task: &Task, entry: &CandidateEntry, is_made: bool) -> Layout {
    let data = &task.file.data;
    let columns = entry.columns.clone().unwrap_or_default();
    let mut wants = vec![
        (Column::Id, Want::Optional),
        (Column::Slice, Want::Optional),
        (Column::Group, Want::Optional),
        (Column::Input, Want::Optional),
        (Column::Target, Want::Optional),
    ];
    if !is_made {
        wants.push((Column::Score, Want::Required));
    }
    let layout = Layout::of(&wants)
        .named(Column::Id, data.id.as_deref())
        .named(Column::Slice, data.slice.as_deref())
        .named(Column::Group, data.group.as_deref())
        .named(Column::Input, data.input.as_deref())
        .named(Column::Target, data.target.as_deref());
    let layout = with_answers(layout, &columns);
    if is_made { layout } else { layout.named(Column::Score, Some(score_column(entry))) }
}

//! Tables with what several models said beside the right answer, and no scores: those are made when the task is run.

use std::collections::HashSet;
use std::path::Path;

use ordinate_core::task::AnswerColumns;

use crate::error::DataError;
use crate::infer::fields::Fields;
use crate::infer::look::Kind;
use crate::infer::wide::{Scored, What, told};
use crate::table::{self, Column, Layout};

/// The share of what is filled that must be labels of the task for a column to be somebody's answers.
const MOSTLY: f64 = 0.8;

/// Whether a table has the answers of several candidates to one item at least: a column of that name may be anything.
pub(super) fn are_of_several(
    path: &Path,
    answers: &AnswerColumns,
    fields: &Fields,
) -> Result<bool, DataError> {
    let (mut candidates, mut items) = (HashSet::new(), HashSet::new());
    let layout = Layout::of(&[])
        .named(Column::Candidate, answers.candidate.as_deref())
        .named(Column::Id, fields.id.as_deref());
    let summary = table::read(path, &layout, &mut |row| {
        candidates.extend(row.text(Column::Candidate)?.map(std::borrow::Cow::into_owned));
        items.extend(row.text(Column::Id)?.map(std::borrow::Cow::into_owned));
        Ok(())
    })?;
    Ok(candidates.len() >= 2 && candidates.len() < items.len() && (items.len() as u64) < summary.rows)
}

/// The candidates whose answers stand in columns of their own: two at least, either called so (`gpt_answer`), or, of a task
/// with labels and an input, filled with those labels.
pub(super) fn candidates(
    path: &Path,
    columns: &[String],
    fields: &Fields,
    kind: Kind,
) -> Result<Vec<Scored>, DataError> {
    if fields.target.is_none() || fields.input.is_none() {
        return Ok(Vec::new());
    }
    // Options are told by the names of their columns, and are no answers.
    let items = Fields::of_items(columns);
    let is_other = |name: &&String| !name.is_empty() && !fields.has(name) && !items.has(name);
    let others: Vec<String> = columns.iter().filter(is_other).cloned().collect();
    let named: Vec<Scored> = others
        .iter()
        .filter_map(|column| match told(column)? {
            (What::Output, name) => Some(of(name, column)),
            _ => None,
        })
        .collect();
    if named.len() >= 2 {
        return Ok(named);
    }
    if kind != Kind::Classify || others.len() < 2 {
        return Ok(Vec::new());
    }
    let filled = say_labels(path, &others, fields)?;
    let found: Vec<Scored> = others
        .iter()
        .zip(filled)
        .filter(|(_, says_labels)| *says_labels)
        .map(|(column, _)| of(column.clone(), column))
        .collect();
    Ok(if found.len() >= 2 { found } else { Vec::new() })
}

fn of(name: String, column: &str) -> Scored {
    Scored { name, columns: AnswerColumns { output: Some(column.to_owned()), ..AnswerColumns::default() } }
}

/// Which of these columns are mostly labels of the task, whatever their letters and points.
fn say_labels(path: &Path, columns: &[String], fields: &Fields) -> Result<Vec<bool>, DataError> {
    let mut labels = HashSet::new();
    let layout = Layout::of(&[]).named(Column::Target, fields.target.as_deref());
    table::read(path, &layout, &mut |row| {
        labels.extend(row.text(Column::Target)?.map(|target| bare(&target)));
        Ok(())
    })?;
    let mut counts = vec![(0_u64, 0_u64); columns.len()];
    table::read(path, &Layout::default().with_fields(columns), &mut |row| {
        for ((filled, known), cell) in counts.iter_mut().zip(row.fields) {
            let Ok(Some(text)) = cell.text() else { continue };
            *filled += 1;
            *known += u64::from(labels.contains(&bare(&text)));
        }
        Ok(())
    })?;
    let mostly = |(filled, known): (u64, u64)| filled > 0 && known as f64 >= MOSTLY * filled as f64;
    Ok(counts.into_iter().map(mostly).collect())
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

//! A whole evidence table: a row for each item and candidate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ordinate_core::column::Names;
use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::task::AnswerColumns;
use ordinate_core::{Price, nearest};

use crate::error::{At, DataError, Problem, list, quoted};
use crate::evidence::{self, AnswerTexts, Loaded, Tally, common_notes, fault, grouped};
use crate::made::Making;
use crate::memory::Kept;
use crate::recorded::Scorer;
use crate::source;
use crate::table::{self, Column, Fault, Layout, Row, Want};
use crate::task::{Key, Task};
use crate::{labels, wide};

/// A name in the table: a candidate of the task file, or none.
enum Known {
    Declared(usize),
    Undeclared { rows: u64, file: PathBuf, first: At },
}

/// Reads the table, which may be several files.
///
/// # Errors
/// When a file cannot be read, a row is wrong, or the candidates of table and task file do not fit.
pub(crate) fn load(task: &Task, text: &str, score: Option<&Scorer<'_>>) -> Result<Loaded, DataError> {
    if is_wide(task) {
        return wide::load(task, &files(task, text)?, score);
    }
    let files = files(task, text)?;
    let entries = &task.file.candidate;
    let candidates: Vec<_> = entries.iter().map(evidence::candidate).collect();
    let prices: Vec<Option<Price>> = candidates.iter().map(|candidate| candidate.price).collect();
    let mut builder = EvidenceBuilder::new(candidates)
        .map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
    let codes = codes(task, &files, score)?;
    let making = score.map(|score| Making { task, score, codes: &codes });
    let layout = layout(task, score.is_some());
    let mut names = Names::default();
    let mut known: Vec<Known> = Vec::new();
    let mut tallies = vec![Tally::default(); entries.len()];
    let kept = Kept::default();

    for file in &files {
        table::read(file, &layout, &mut |row: &Row<'_>| {
            let name = row.required_text(Column::Candidate)?;
            let (code, new) = names.intern(&name);
            if new {
                let declared = entries.iter().position(|entry| entry.name.as_str() == name);
                known.push(match declared {
                    Some(column) => Known::Declared(column),
                    None => Known::Undeclared { rows: 0, file: file.clone(), first: row.at },
                });
            }
            match &mut known[code as usize] {
                Known::Undeclared { rows, .. } => {
                    *rows += 1;
                    Ok(())
                }
                Known::Declared(column) => {
                    let price = prices[*column].as_ref();
                    let put =
                        Put { task, file, column: *column, price, kept: &kept, making: making.as_ref() };
                    put.row(&mut builder, row, &mut tallies[*column])
                }
            }
        })?;
    }

    tallies.iter().try_for_each(Tally::settle)?;
    let all: Vec<String> = names.iter().map(str::to_owned).collect();
    if let Some(entry) = entries.iter().find(|entry| names.find(entry.name.as_str()).is_none()) {
        let name = entry.name.as_str();
        let free = all.iter().map(String::as_str).filter(|n| entries.iter().all(|e| e.name.as_str() != *n));
        let problem = Problem::NoRowsFor {
            name: quoted(name),
            table: quoted(text),
            nearest: nearest(name, free).map(str::to_owned),
            known: all,
        };
        return Err(task.error_at_candidate(name, problem));
    }
    let items = builder.items().len();
    let mut left_out = Vec::new();
    for (name, known) in all.iter().zip(&known) {
        let Known::Undeclared { rows, file, first } = known else { continue };
        if rows * 2 < items as u64 {
            let nearest = nearest(name, entries.iter().map(|entry| entry.name.as_str())).map(str::to_owned);
            let problem = Problem::StrayCandidate { name: quoted(name), rows: *rows, items, nearest };
            return Err(DataError::new(file, problem).at(*first).field(Column::Candidate.name()));
        }
        left_out.push(name.as_str());
    }
    let evidence = builder.finish().map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
    let mut notes = common_notes(&evidence, &tallies);
    if !left_out.is_empty() {
        let (count, are) =
            (grouped(left_out.len() as u64), if left_out.len() == 1 { " is" } else { "s are" });
        notes.push(format!(
            "{count} candidate{are} in the table but not in the task file, and left out: {}.",
            list(&left_out)
        ));
    }
    Ok(Loaded { evidence, notes })
}

/// The candidates that the table names, in order of appearance.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn candidate_names(task: &Task, text: &str) -> Result<Vec<String>, DataError> {
    let mut names = Names::default();
    let layout = Layout::of(&[(Column::Candidate, Want::Required)])
        .named(Column::Candidate, task.file.data.columns.candidate.as_deref());
    for file in files(task, text)? {
        table::read(&file, &layout, &mut |row| {
            names.intern(&row.required_text(Column::Candidate)?);
            Ok(())
        })?;
    }
    Ok(names.iter().map(str::to_owned).collect())
}

/// Where rows are put.
pub(crate) struct Put<'a> {
    pub(crate) task: &'a Task,
    pub(crate) file: &'a Path,
    pub(crate) column: usize,
    pub(crate) price: Option<&'a Price>,
    /// Texts of items, which are kept once.
    pub(crate) kept: &'a Kept,
    /// How outputs without a score are scored.
    pub(crate) making: Option<&'a Making<'a>>,
}

impl Put<'_> {
    /// Puts the answer of a row into its cell.
    fn row(&self, builder: &mut EvidenceBuilder, row: &Row<'_>, tally: &mut Tally) -> Result<(), Fault> {
        let id = row.required_text(Column::Id)?;
        self.answer(builder, row, &id, tally)
    }

    /// Puts the answer of a row to the item `id` into its cell.
    pub(crate) fn answer(
        &self,
        builder: &mut EvidenceBuilder,
        row: &Row<'_>,
        id: &str,
        tally: &mut Tally,
    ) -> Result<(), Fault> {
        let item = self.item(builder, row, id)?;
        let texts = AnswerTexts::of(row)?;
        let made = match self.making {
            Some(making) => making.of(row, &texts, builder.items(), item, tally)?,
            None => None,
        };
        let answer = evidence::answer(row, self.file, &texts, self.price, made, tally)?;
        builder.answer(item, self.column, &answer).map_err(fault)
    }

    /// The row of the item `id`, which is made where it is new.
    pub(crate) fn item(
        &self,
        builder: &mut EvidenceBuilder,
        row: &Row<'_>,
        id: &str,
    ) -> Result<usize, Fault> {
        let (slice, group) = (row.text(Column::Slice)?, row.text(Column::Group)?);
        let input = row.text(Column::Input)?;
        let target = row.text(Column::Target)?.map(|target| labels::named(&self.task.file.data, target));
        let fields = ItemFields {
            slice: slice.as_deref(),
            group: group.as_deref(),
            input: input.as_deref(),
            target: target.as_deref(),
            ..ItemFields::default()
        };
        let before = builder.items().len();
        let item = builder.item(id, fields).map_err(fault)?;
        if builder.items().len() > before {
            for text in [fields.input, fields.target] {
                self.kept.add(text).map_err(|problem| Fault::new(Column::Input, problem))?;
            }
        }
        Ok(item)
    }
}

/// What outputs may say for a label's name, where they are scored here.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn codes(
    task: &Task,
    files: &[PathBuf],
    score: Option<&Scorer<'_>>,
) -> Result<BTreeMap<String, String>, DataError> {
    if score.is_none() {
        return Ok(BTreeMap::new());
    }
    labels::codes(task, &files.iter().map(|file| (file.clone(), None)).collect::<Vec<_>>())
}

/// Whether the table has a row an item, with columns for each candidate.
fn is_wide(task: &Task) -> bool {
    task.file.candidate.iter().any(|entry| entry.columns.is_some())
}

/// Whether a file of the table has outputs and targets, and no scores.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn lacks_scores(task: &Task, text: &str) -> Result<bool, DataError> {
    if task.kind.takes_series() {
        return Ok(false);
    }
    let data = &task.file.data;
    for file in files(task, text)? {
        let columns = table::columns(&file)?;
        let has =
            |name: Option<&str>, usual: &str| columns.iter().any(|column| column == name.unwrap_or(usual));
        if !has(data.target.as_deref(), Column::Target.name()) {
            continue;
        }
        let found = match is_wide(task) {
            true => task.file.candidate.iter().any(|entry| wide::is_made(entry, &columns)),
            false => {
                let has_output = has(data.columns.output.as_deref(), Column::Output.name());
                data.columns.score.is_none() && !has(None, Column::Score.name()) && has_output
            }
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn layout(task: &Task, can_score: bool) -> Layout {
    use Want::{Optional, Required};
    let data = &task.file.data;
    let layout = Layout::of(&[
        (Column::Id, Required),
        (Column::Candidate, Required),
        (Column::Score, if can_score { Optional } else { Required }),
        (Column::Slice, Optional),
        (Column::Group, Optional),
        (Column::CostUsd, Optional),
        (Column::LatencyMs, Optional),
        (Column::Output, Optional),
        (Column::InputTokens, Optional),
        (Column::OutputTokens, Optional),
        (Column::Confidence, Optional),
        (Column::Error, Optional),
        (Column::Input, Optional),
        (Column::Target, Optional),
    ]);
    with_answers(layout, &data.columns)
        .named(Column::Candidate, data.columns.candidate.as_deref())
        .named(Column::Id, data.id.as_deref())
        .named(Column::Slice, data.slice.as_deref())
        .named(Column::Group, data.group.as_deref())
        .named(Column::Input, data.input.as_deref())
        .named(Column::Target, data.target.as_deref())
}

/// Reads the columns of answers from the fields that the task file names.
pub(crate) fn with_answers(layout: Layout, columns: &AnswerColumns) -> Layout {
    layout
        .named(Column::Score, columns.score.as_deref())
        .named(Column::CostUsd, columns.cost_usd.as_deref())
        .named(Column::LatencyMs, columns.latency_ms.as_deref())
        .named(Column::Output, columns.output.as_deref())
        .named(Column::InputTokens, columns.input_tokens.as_deref())
        .named(Column::OutputTokens, columns.output_tokens.as_deref())
        .named(Column::Confidence, columns.confidence.as_deref())
        .named(Column::Error, columns.error.as_deref())
}

fn files(task: &Task, text: &str) -> Result<Vec<PathBuf>, DataError> {
    source::resolve(task.dir(), text)
        .map_err(|problem| task.error_at(&[Key::Name("data"), Key::Name("evidence")], problem))
}

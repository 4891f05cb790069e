//! Items, and candidates whose answers to them were recorded: a file of items and a file a candidate.

use std::path::{Path, PathBuf};

use ordinate_core::evidence::{EvidenceBuilder, EvidenceError, ItemFields};
use ordinate_core::task::CandidateEntry;
use ordinate_core::{Items, Part, Price};

use crate::error::{At, DataError, Problem, quoted};
use crate::evidence::{self, AnswerTexts, Loaded, Tally, common_notes, fault, grouped};
use crate::source;
use crate::table::{self, Column, Fault, Layout, Row, Want};
use crate::task::{Key, Task, ways_to_ask};

/// Reads items and recorded answers.
///
/// # Errors
/// When a candidate is not recorded, a file cannot be read, or rows and items do not fit.
pub(crate) fn load(task: &Task) -> Result<Loaded, DataError> {
    let entries = &task.file.candidate;
    let mut sources = Vec::new();
    for entry in entries {
        let Some(recorded) = &entry.recorded else { return Err(not_recorded(task, entry)) };
        let files = source::resolve(task.dir(), &recorded.path)
            .map_err(|problem| task.error_at_candidate(entry.name.as_str(), problem))?;
        sources.push(files);
    }
    let mut builder = EvidenceBuilder::new(entries.iter().map(evidence::candidate))
        .map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
    read_items(task, &mut builder)?;

    let mut tallies = vec![Tally::default(); entries.len()];
    let mut notes = Vec::new();
    for (column, files) in sources.iter().enumerate() {
        let price = builder.candidates()[column].price;
        for file in files {
            let strays =
                read_answers(task, &mut builder, file, column, price.as_ref(), &mut tallies[column])?;
            if strays > 0 {
                let rows = grouped(strays);
                let name = &entries[column].name;
                notes.push(format!("{rows} rows of {name} are for other items and are left out."));
            }
        }
    }
    tallies.iter().try_for_each(Tally::settle)?;
    let evidence = builder.finish().map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
    notes.extend(common_notes(&evidence, &tallies));
    Ok(Loaded { evidence, notes })
}

/// Reads the items of a task without any answer: what a model that runs here is trained on and asked about.
///
/// # Errors
/// As [`crate::load_evidence`]; a task whose data is an evidence table has no items.
pub fn load_items(task: &Task) -> Result<Items, DataError> {
    let mut builder = EvidenceBuilder::default();
    read_items(task, &mut builder)?;
    Ok(builder.into_items())
}

fn not_recorded(task: &Task, entry: &CandidateEntry) -> DataError {
    let name = quoted(entry.name.as_str());
    let problem = match ways_to_ask(entry).first() {
        Some(source_key) => Problem::NotRecorded { name, source_key },
        None => Problem::NoSource(name),
    };
    task.error_at_candidate(entry.name.as_str(), problem)
}

/// The files of items, in the order in which they are read, with the part that each is for.
fn item_files(task: &Task) -> Result<Vec<(PathBuf, Option<Part>)>, DataError> {
    let data = &task.file.data;
    // A single part is all there is: policies are cross-fitted on it.
    let both = data.train.is_some() && data.test.is_some();
    let mut files = Vec::new();
    for (key, text, part) in [
        ("items", &data.items, None),
        ("train", &data.train, Some(Part::Train)),
        ("test", &data.test, Some(Part::Test)),
    ] {
        let Some(text) = text else { continue };
        let found = source::resolve(task.dir(), text)
            .map_err(|problem| task.error_at(&[Key::Name("data"), Key::Name(key)], problem))?;
        files.extend(found.into_iter().map(|file| (file, part.filter(|_| both))));
    }
    Ok(files)
}

fn item_layout(task: &Task) -> Layout {
    let data = &task.file.data;
    Layout::of(&[
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
    .named(Column::Target, data.target.as_deref())
}

fn read_items(task: &Task, builder: &mut EvidenceBuilder) -> Result<(), DataError> {
    let layout = item_layout(task);
    let files = item_files(task)?;
    let must_have_ids = task.file.data.id.is_some();
    // Set by the first item: items either all have ids, or are numbered from 1.
    let mut numbered = None;
    for (file, part) in &files {
        let mut repeated = None;
        let read = table::read(file, &layout, &mut |row: &Row<'_>| {
            let id = row.text(Column::Id)?;
            let numbered = *numbered.get_or_insert(id.is_none() && !must_have_ids);
            let id = match id {
                Some(_) if numbered => return Err(Fault::new(Column::Id, Problem::MixedIds)),
                None if !numbered => {
                    let problem = if must_have_ids { Problem::EmptyCell } else { Problem::MixedIds };
                    return Err(Fault::new(Column::Id, problem));
                }
                Some(id) => id,
                None => (builder.items().len() + 1).to_string().into(),
            };
            let (slice, group) = (row.text(Column::Slice)?, row.text(Column::Group)?);
            let (input, target) = (row.text(Column::Input)?, row.text(Column::Target)?);
            let fields = ItemFields {
                slice: slice.as_deref(),
                group: group.as_deref(),
                input: input.as_deref(),
                target: target.as_deref(),
                part: *part,
            };
            match builder.add_item(&id, fields) {
                Ok(_) => Ok(()),
                Err(error @ EvidenceError::DuplicateItem(_)) => {
                    repeated = Some((id.into_owned(), row.at));
                    Err(fault(error))
                }
                Err(error) => Err(fault(error)),
            }
        });
        if let Some((id, at)) = repeated {
            let first = first_place(&files, &layout, &id);
            let problem = Problem::RepeatedItem { id: quoted(&id), first };
            return Err(DataError::new(file, problem).at(at).field(layout.name(Column::Id)));
        }
        read?;
    }
    Ok(())
}

/// Where an item stands first. The files are read again: that is cheaper than to keep a line for every item.
fn first_place(files: &[(PathBuf, Option<Part>)], layout: &Layout, id: &str) -> String {
    for (file, _) in files {
        let mut found = None;
        // Stops at the first hit by an error that nobody sees.
        let stopped = table::read(file, layout, &mut |row| {
            if row.text(Column::Id)?.as_deref() == Some(id) {
                found = Some(row.at);
                return Err(Fault::new(Column::Id, Problem::EmptyCell));
            }
            Ok(())
        });
        if let (Some(at), Err(_)) = (found, stopped) {
            return match at {
                At::Line(line) | At::LineColumn(line, _) => format!("line {line} of {}", file.display()),
                At::Row(row) => format!("row {row} of {}", file.display()),
            };
        }
    }
    "an earlier row".to_owned()
}

fn answer_layout(task: &Task, file: &Path) -> Result<Layout, DataError> {
    use Want::{Optional, Required};
    let layout = Layout::of(&[
        (Column::Id, Required),
        (Column::Score, Required),
        (Column::CostUsd, Optional),
        (Column::LatencyMs, Optional),
        (Column::Output, Optional),
        (Column::InputTokens, Optional),
        (Column::OutputTokens, Optional),
        (Column::Confidence, Optional),
        (Column::Error, Optional),
    ]);
    // Recorded rows carry `id`; those cut from the same data may carry the field that the task file names.
    match task.file.data.id.as_deref() {
        Some(name) if table::columns(file)?.iter().any(|column| column == name) => {
            Ok(layout.named(Column::Id, Some(name)))
        }
        _ => Ok(layout),
    }
}

/// Reads the answers of one candidate; the number of rows that were left out.
fn read_answers(
    task: &Task,
    builder: &mut EvidenceBuilder,
    file: &Path,
    column: usize,
    price: Option<&Price>,
    tally: &mut Tally,
) -> Result<u64, DataError> {
    let layout = answer_layout(task, file)?;
    let mut strays = 0;
    let mut first_stray = None;
    let mut expected = 0;
    let summary = table::read(file, &layout, &mut |row: &Row<'_>| {
        let id = row.required_text(Column::Id)?;
        // Files are mostly in the order of the items.
        let item =
            if builder.items().id(expected) == id { Some(expected) } else { builder.items().find(&id) };
        let Some(item) = item else {
            strays += 1;
            first_stray.get_or_insert_with(|| (quoted(&id), row.at));
            return Ok(());
        };
        expected = item + 1;
        let texts = AnswerTexts::of(row)?;
        let answer = evidence::answer(row, file, &texts, price, tally)?;
        builder.answer(item, column, &answer).map_err(fault)
    })?;
    let Some((id, at)) = first_stray else { return Ok(0) };
    let (items, rows) = (builder.items().len(), summary.rows);
    let problem = if strays == rows {
        Problem::NoOverlap { id, first: quoted(builder.items().id(0)), items, rows }
    } else if strays * 2 <= rows {
        Problem::StrayRow { id, items, count: strays, rows }
    } else {
        return Ok(strays);
    };
    Err(DataError::new(file, problem).at(at).field(layout.name(Column::Id)))
}

//! Items, and candidates whose answers to them were recorded: a file of items and a file a candidate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ordinate_core::evidence::{EvidenceBuilder, EvidenceError, ItemFields};
use ordinate_core::task::CandidateEntry;
use ordinate_core::{Items, Part, Price};

use crate::error::{At, DataError, Problem, quoted};
use crate::evidence::{self, AnswerTexts, Loaded, Tally, common_notes, fault, grouped};
use crate::features;
use crate::images;
use crate::labels;
use crate::long;
use crate::made::Making;
use crate::memory::Kept;
use crate::read_item::ReadItem;
use crate::series;
use crate::source;
use crate::table::{self, Column, Fault, Layout, Row, Want};
use crate::targets::Targets;
use crate::task::{Key, Task, ways_to_ask};

/// Scores an output against a target, for the item with this input; in `[0, 1]`.
pub type Scorer<'a> = dyn Fn(&str, &str, Option<&str>) -> f64 + 'a;

/// How recorded answers without a score are scored, and which rows are not meant.
pub(crate) struct Scoring<'a> {
    /// Output and target to a score.
    pub(crate) score: &'a Scorer<'a>,
    /// Ids of items that are known but not asked about.
    pub(crate) passed_over: &'a BTreeSet<String>,
}

/// Reads items and recorded answers.
///
/// # Errors
/// When a candidate is not recorded, a file cannot be read, or rows and items do not fit.
pub(crate) fn load(task: &Task, score: Option<&Scorer<'_>>) -> Result<Loaded, DataError> {
    let entries = &task.file.candidate;
    if let Some(entry) = entries.iter().find(|entry| entry.recorded.is_none()) {
        return Err(not_recorded(task, entry));
    }
    let mut builder = EvidenceBuilder::new(entries.iter().map(evidence::candidate))
        .map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
    let extent = if score.is_some() { Extent::Whole } else { Extent::Known };
    read_items(task, &item_files(task)?, &mut builder, extent)?;
    let passed_over = BTreeSet::new();
    let scoring = score.map(|score| Scoring { score, passed_over: &passed_over });
    let mut tallies = vec![Tally::default(); entries.len()];
    let mut notes = read_all(task, &mut builder, &mut tallies, scoring.as_ref())?;
    let evidence = builder.finish().map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
    notes.extend(common_notes(&evidence, &tallies));
    Ok(Loaded { evidence, notes })
}

/// Reads the answers of every recorded candidate; what was left out.
pub(crate) fn read_all(
    task: &Task,
    builder: &mut EvidenceBuilder,
    tallies: &mut [Tally],
    scoring: Option<&Scoring<'_>>,
) -> Result<Vec<String>, DataError> {
    let entries = &task.file.candidate;
    let mut notes = Vec::new();
    let codes = match scoring {
        Some(_) => labels::codes(task, &item_files(task)?)?,
        None => BTreeMap::new(),
    };
    for (column, entry) in entries.iter().enumerate() {
        let Some(recorded) = &entry.recorded else { continue };
        let files = source::resolve(task.dir(), &recorded.path)
            .map_err(|problem| task.error_at_candidate(entry.name.as_str(), problem))?;
        let price = builder.candidates()[column].price;
        for file in &files {
            let mut reading = Reading { task, file, column, price: price.as_ref(), scoring, codes: &codes };
            let strays = reading.answers(builder, &mut tallies[column])?;
            if strays > 0 {
                let rows = grouped(strays);
                let name = &entry.name;
                notes.push(format!("{rows} rows of {name} are for other items and are left out."));
            }
        }
    }
    tallies.iter().try_for_each(Tally::settle)?;
    Ok(notes)
}

/// Whether answers of a table, or of a recorded candidate, have outputs but no scores (as far as the first row or the header tells), so
/// that they are to be read by [`crate::load_scored`].
///
/// # Errors
/// [`DataError`] where a file cannot be read, or has neither.
pub fn lacks_scores(task: &Task) -> Result<bool, DataError> {
    if task.kind.output().is_none() {
        return Ok(false);
    }
    if let Some(evidence) = &task.file.data.evidence {
        return long::lacks_scores(task, evidence);
    }
    let mut lacks = false;
    for entry in &task.file.candidate {
        let Some(recorded) = &entry.recorded else { continue };
        let files = source::resolve(task.dir(), &recorded.path)
            .map_err(|problem| task.error_at_candidate(entry.name.as_str(), problem))?;
        for file in &files {
            let columns = table::columns(file)?;
            let has = |column: Column| columns.iter().any(|name| name == column.name());
            if !has(Column::Score) && !has(Column::Output) && !has(Column::Error) {
                return Err(DataError::new(file, Problem::NothingToScore(columns)));
            }
            lacks |= !has(Column::Score) && has(Column::Output);
        }
    }
    Ok(lacks)
}

/// Reads the items of a task without any answer, with all that a candidate may be told of them: what models are trained on
/// and asked about. The target of a `choose` task is the key of the option that it names by key or by text.
///
/// # Errors
/// As [`crate::load_evidence`]; a task whose data is an evidence table has no items.
pub fn load_items(task: &Task) -> Result<Items, DataError> {
    let mut builder = EvidenceBuilder::default();
    read_items(task, &item_files(task)?, &mut builder, Extent::Whole)?;
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
pub(crate) fn item_files(task: &Task) -> Result<Vec<(PathBuf, Option<Part>)>, DataError> {
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
        let found = resolve(task, key, text)
            .map_err(|problem| task.error_at(&[Key::Name("data"), Key::Name(key)], problem))?;
        files.extend(found.into_iter().map(|file| (file, part.filter(|_| both))));
    }
    Ok(files)
}

/// The files that a key of `[data]` names; of images a folder too.
///
/// # Errors
/// As [`source::resolve`].
pub(crate) fn resolve(task: &Task, key: &str, text: &str) -> Result<Vec<PathBuf>, Problem> {
    match task.kind.takes_images().then(|| images::resolve(task.dir(), key, text)).flatten() {
        Some(found) => found.map(|path| vec![path]),
        None => source::resolve(task.dir(), text),
    }
}

pub(crate) fn item_layout(task: &Task) -> Layout {
    let data = &task.file.data;
    Layout::of(&[
        (Column::Id, Want::Optional),
        (Column::Slice, Want::Optional),
        (Column::Group, Want::Optional),
        (Column::Input, Want::Optional),
        (Column::Target, Want::Optional),
        (Column::Context, Want::Optional),
        (Column::Options, Want::Optional),
    ])
    .named(Column::Id, data.id.as_deref())
    .named(Column::Slice, data.slice.as_deref())
    .named(Column::Group, data.group.as_deref())
    .named(Column::Input, data.input.as_deref())
    .named(Column::Target, data.target.as_deref())
    .named(Column::Context, data.context.as_deref())
    .named(Column::Options, data.options.as_deref())
}

/// What is read of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What evidence needs: their answers are scored already.
    Known,
    /// Context and options too: they are asked about, or answers are scored here.
    Whole,
}

/// Reads the items of these files.
pub(crate) fn read_items(
    task: &Task,
    files: &[(PathBuf, Option<Part>)],
    builder: &mut EvidenceBuilder,
    extent: Extent,
) -> Result<(), DataError> {
    if task.kind.takes_series() {
        return series::read_items(task, files, builder);
    }
    let names = features::names(task, files)?;
    // Options that stand in fields of their own come behind what makes up an item.
    let apart = &task.file.data.option_columns;
    let fields: Vec<String> = names.iter().chain(apart).cloned().collect();
    let layout = item_layout(task).with_fields(&fields);
    let must_have_ids = task.file.data.id.is_some();
    let kept = Kept::default();
    let targets = Targets::of(task)?;
    // Set by the first item: items either all have ids, or are numbered from 1.
    let mut numbered = None;
    for (file, part) in files {
        if images::is_whole(task, file) {
            images::read_items(task, file, *part, builder, &kept)?;
            continue;
        }
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
            let mut read = ReadItem::of(task, &names, apart, row, extent)?;
            if task.kind.takes_images()
                && let Some(cell) = &read.input
            {
                read.input = Some(images::of_cell(task, file, cell)?.into());
            }
            let target = match read.target.as_deref() {
                Some(own) => Some(own),
                None => targets.target(&id, read.input.as_deref())?,
            };
            let target = target.map(|target| task.kind.target(target, &read.options));
            let fields = ItemFields {
                slice: read.slice.as_deref(),
                group: read.group.as_deref(),
                input: read.input.as_deref(),
                target: target.as_deref(),
                context: read.context.as_deref(),
                options: &read.options,
                part: *part,
            };
            for text in [fields.input, fields.target] {
                kept.add(text).map_err(|problem| Fault::new(Column::Input, problem))?;
            }
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
            let first = first_place(files, &layout, &id);
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

/// One file of answers of one candidate.
struct Reading<'a> {
    task: &'a Task,
    file: &'a Path,
    column: usize,
    price: Option<&'a Price>,
    scoring: Option<&'a Scoring<'a>>,
    /// Labels by the code that an output may give instead.
    codes: &'a BTreeMap<String, String>,
}

impl Reading<'_> {
    fn layout(&self) -> Result<Layout, DataError> {
        use Want::{Optional, Required};
        let layout = Layout::of(&[
            (Column::Id, Required),
            // A score can be made from an output, where there is a scorer.
            (Column::Score, if self.scoring.is_some() { Optional } else { Required }),
            (Column::CostUsd, Optional),
            (Column::LatencyMs, Optional),
            (Column::Output, Optional),
            (Column::InputTokens, Optional),
            (Column::OutputTokens, Optional),
            (Column::Confidence, Optional),
            (Column::Error, Optional),
        ]);
        // Recorded rows carry `id`; those cut from the same data may carry the field that the task file names.
        match self.task.file.data.id.as_deref() {
            Some(name) if table::columns(self.file)?.iter().any(|column| column == name) => {
                Ok(layout.named(Column::Id, Some(name)))
            }
            _ => Ok(layout),
        }
    }

    /// Reads the answers; the number of rows that were left out.
    fn answers(&mut self, builder: &mut EvidenceBuilder, tally: &mut Tally) -> Result<u64, DataError> {
        let (file, column) = (self.file, self.column);
        let layout = self.layout()?;
        let mut strays = 0;
        let mut passed = 0;
        let mut first_stray = None;
        let mut expected = 0;
        let summary = table::read(file, &layout, &mut |row: &Row<'_>| {
            let id = row.required_text(Column::Id)?;
            // Files are mostly in the order of the items.
            let item =
                if builder.items().id(expected) == id { Some(expected) } else { builder.items().find(&id) };
            let Some(item) = item else {
                if self.scoring.is_some_and(|scoring| scoring.passed_over.contains(id.as_ref())) {
                    passed += 1;
                    return Ok(());
                }
                strays += 1;
                first_stray.get_or_insert_with(|| (quoted(&id), row.at));
                return Ok(());
            };
            expected = item + 1;
            let texts = AnswerTexts::of(row)?;
            let making = self.scoring.map(|scoring| Making {
                task: self.task,
                score: scoring.score,
                codes: self.codes,
            });
            let made = match making {
                Some(making) => making.of(row, &texts, builder.items(), item, tally)?,
                None => None,
            };
            let answer = evidence::answer(row, file, &texts, self.price, made, tally)?;
            builder.answer(item, column, &answer).map_err(fault)
        })?;
        let Some((id, at)) = first_stray else { return Ok(0) };
        let (items, rows) = (builder.items().len(), summary.rows - passed);
        let problem = if strays == rows {
            Problem::NoOverlap { id, first: quoted(builder.items().id(0)), items, rows }
        } else if strays * 2 <= rows {
            Problem::StrayRow { id, items, count: strays, rows }
        } else {
            return Ok(strays);
        };
        Err(DataError::new(file, problem).at(at).field(layout.name(Column::Id)))
    }
}

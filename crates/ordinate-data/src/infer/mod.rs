//! `ordinate init`: a task file from what lies in a folder.

mod fields;
mod known;
mod look;
mod parts;
mod pictures;
mod said;
mod wide;
mod write;

use std::path::{Path, PathBuf};

use ordinate_core::Lineage;
use ordinate_core::column::Names;

use crate::error::{DataError, Problem};
use crate::source::unpacked_name;
use crate::table::{self, Column, Layout, Want};
use fields::Fields;
use known::{Described, Told};
use look::Kind;
use ordinate_core::task::AnswerColumns;
use parts::Role;

/// What was found, before it is written down.
struct Found {
    /// The task's name.
    name: String,
    source: Source,
    kind: Kind,
    fields: Fields,
    /// What the columns of answers are called in an evidence table.
    answers: AnswerColumns,
    candidates: Vec<Described>,
    /// Files of items that are not used.
    others: Vec<String>,
}

enum Source {
    Evidence(String),
    /// A table with a row an item.
    Wide(String),
    Items(String),
    TrainAndTest(String, String),
}

/// Writes a task file for `path`: a table of answers (with a row for each item and candidate, or a row an item and columns
/// for each candidate), a file of items, a folder with `items.*` (or `train.*` and `test.*`) and a file of recorded
/// answers for each candidate, or images: a folder with a folder a class, or `train` and `test` with such, or a `.npz` file. Lineage, price and size are taken from
/// `candidates.json` (or `NAME-candidates.json` beside `NAME.csv`) where there is one.
///
/// The text is meant to be saved in the folder of the data: its paths are relative to that.
///
/// # Errors
/// When a file cannot be read, or is nothing that a task could be made from.
pub fn infer_task(path: &Path) -> Result<String, DataError> {
    let found = if path.is_dir() { folder(path)? } else { file(path)? };
    Ok(write::task(&found))
}

/// The same for a task file that is to be saved in another folder, `folder`: its paths are absolute, unless that is
/// the folder of the data.
///
/// # Errors
/// As [`infer_task`].
pub fn infer_task_for(path: &Path, folder: &Path) -> Result<String, DataError> {
    infer_task_asking(path, folder, &mut |_| None)
}

/// The same, and `lineage_of` is asked for the lineage of each candidate of which nothing tells it.
///
/// # Errors
/// As [`infer_task`].
pub fn infer_task_asking(
    path: &Path,
    folder: &Path,
    lineage_of: &mut dyn FnMut(&str) -> Option<Lineage>,
) -> Result<String, DataError> {
    let mut found = if path.is_dir() { self::folder(path)? } else { file(path)? };
    let data = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let whole =
        |dir: &Path| std::path::absolute(if dir.as_os_str().is_empty() { Path::new(".") } else { dir });
    let data = whole(data).map_err(|error| DataError::io(path, error))?;
    if whole(folder).is_ok_and(|folder| folder != data) {
        found.move_from(&data);
    }
    for candidate in found.candidates.iter_mut().filter(|one| one.lineage == Told::Unknown) {
        if let Some(lineage) = lineage_of(&candidate.name) {
            candidate.lineage = Told::Is(lineage);
        }
    }
    Ok(write::task(&found))
}

impl Found {
    /// Puts the folder before every file name.
    fn move_from(&mut self, data: &Path) {
        let whole = |name: &mut String| {
            let path = if *name == pictures::HERE { data.to_owned() } else { data.join(&*name) };
            *name = path.to_string_lossy().into_owned();
        };
        match &mut self.source {
            Source::Evidence(name) | Source::Wide(name) | Source::Items(name) => whole(name),
            Source::TrainAndTest(train, test) => {
                whole(train);
                whole(test);
            }
        }
        self.candidates.iter_mut().filter_map(|candidate| candidate.recorded.as_mut()).for_each(whole);
    }
}

fn file(path: &Path) -> Result<Found, DataError> {
    if let Some(found) = pictures::arrays(path)? {
        return Ok(found);
    }
    let columns = table::columns(path)?;
    if let Some(answers) = fields::answers(&columns) {
        return evidence(path, answers, Fields::of_table(&columns), Kind::Scored);
    }
    if let Some((answers, fields)) = fields::unscored(&columns)
        && said::are_of_several(path, &answers, &fields)?
    {
        let (fields, kind) = look::items(path, &columns, fields)?;
        return evidence(path, answers, fields, kind);
    }
    // A rating may be what is to be told of a text.
    if fields::score(&columns).is_some_and(|name| Fields::of_items(&columns).target != Some(name)) {
        let message = "the file has scores but no column \"candidate\" (or \"model\"). If it is a table of several \
                       candidates, name that column so; if it holds the answers of one candidate, name the file with the \
                       items, or the folder.";
        return Err(DataError::new(path, Problem::NothingToInfer(message.to_owned())));
    }
    let scored = wide::candidates(path, &columns, &Fields::of_table(&columns))?;
    if !scored.is_empty() {
        return wide(path, scored, Fields::of_table(&columns), Kind::Scored);
    }
    let (fields, kind) = look::items(path, &columns, Fields::of_table(&columns))?;
    let said = said::candidates(path, &columns, &fields, kind)?;
    if !said.is_empty() {
        return wide(path, said, fields, kind);
    }
    items(path)
}

fn folder(dir: &Path) -> Result<Found, DataError> {
    let tables = tables(dir)?;
    if let Some(path) = tables.iter().find(|path| parts::role(path) == Some(Role::Items)) {
        return items(path);
    }
    let parts = parts::parts(&tables);
    if let Some((_, path)) = parts.train.or(parts.test) {
        return items(&path);
    }
    if tables.is_empty()
        && let Some(found) = pictures::folder(dir)?
    {
        return Ok(found);
    }
    match tables.as_slice() {
        [only] => file(only),
        _ => {
            let message = "the folder has no items.jsonl (nor train and test, nor .csv or .parquet), and no folders of \
                           images. Name the file with the items, or an evidence table.";
            Err(DataError::new(dir, Problem::NothingToInfer(message.to_owned())))
        }
    }
}

/// A table with a row an item and a column of scores, or answers, for each candidate.
fn wide(path: &Path, scored: Vec<wide::Scored>, fields: Fields, kind: Kind) -> Result<Found, DataError> {
    let described = known::beside(path)?;
    let candidate = |one: wide::Scored| Described {
        columns: Some(one.columns),
        ..known::describe(&one.name, None, &described)
    };
    Ok(Found {
        name: stem(path),
        source: Source::Wide(file_name(path)),
        kind,
        fields,
        answers: AnswerColumns::default(),
        candidates: scored.into_iter().map(candidate).collect(),
        others: Vec::new(),
    })
}

fn evidence(path: &Path, answers: AnswerColumns, fields: Fields, kind: Kind) -> Result<Found, DataError> {
    let mut names = Names::default();
    let layout = Layout::of(&[(Column::Candidate, Want::Required)])
        .named(Column::Candidate, answers.candidate.as_deref())
        .named(Column::Score, answers.score.as_deref());
    let mut best: f64 = 0.0;
    table::read(path, &layout, &mut |row| {
        names.intern(&row.required_text(Column::Candidate)?);
        best = best.max(row.raw_score()?.unwrap_or(0.0));
        Ok(())
    })?;
    if let Some(score) = answers.score.as_ref().filter(|_| best > 1.0) {
        let message = format!(
            "the scores in {score:?} go up to {best}, and a score is in [0, 1], larger is better. Write per cents as such \
             (85 %), and scale others so that 0 is the worst and 1 the best answer."
        );
        return Err(DataError::new(path, Problem::NothingToInfer(message)));
    }
    let described = known::beside(path)?;
    let candidates = names.iter().map(|name| known::describe(name, None, &described)).collect();
    Ok(Found {
        name: stem(path),
        source: Source::Evidence(file_name(path)),
        kind,
        fields,
        answers,
        candidates,
        others: Vec::new(),
    })
}

fn items(path: &Path) -> Result<Found, DataError> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let tables = tables(dir)?;
    let parts = parts::parts(&tables);
    let is = |part: &Option<(String, PathBuf)>| part.as_ref().is_some_and(|(_, first)| same(first, path));
    let of_parts = is(&parts.train) || is(&parts.test);
    let (source, others) = match (&parts.train, &parts.test) {
        (Some((train, _)), Some((test, _))) if of_parts => {
            (Source::TrainAndTest(train.clone(), test.clone()), parts.others)
        }
        (Some((only, _)), None) | (None, Some((only, _))) if of_parts => {
            (Source::Items(only.clone()), parts.others)
        }
        _ => (Source::Items(file_name(path)), Vec::new()),
    };
    let columns = table::columns(path)?;
    let (mut fields, mut kind) = look::items(path, &columns, Fields::of_items(&columns))?;
    let described = known::beside(path)?;
    let (mut candidates, mut lack_scores) = (Vec::new(), false);
    for table in tables.iter().filter(|table| !same(table, path)) {
        let columns = table::columns(table).unwrap_or_default();
        let has = |name: &str| columns.iter().any(|column| column == name);
        let id = fields.id.as_deref().filter(|id| has(id)).unwrap_or(Column::Id.name());
        let (scored, said) =
            (has(Column::Score.name()), fields::output(&columns).is_some_and(|name| name == "output"));
        if has(id) && (scored || said) && !has(Column::Candidate.name()) {
            lack_scores |= !scored;
            candidates.push(known::describe(&stem(table), Some(file_name(table)), &described));
        }
    }
    // In the order of candidates.json, then by name.
    candidates.sort_by_key(|candidate| candidate.order);
    if !candidates.is_empty() && !lack_scores {
        kind = Kind::Scored;
    }
    look::features(path, &mut fields, kind, !candidates.is_empty())?;
    if !candidates.is_empty() && fields.id.is_none() {
        fields.id = Some(Column::Id.name().to_owned());
    }
    let name = match parts::role(path) {
        Some(_) => {
            let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
            dir.file_name().map_or("task".to_owned(), |name| name.to_string_lossy().into_owned())
        }
        None => stem(path),
    };
    Ok(Found { name, source, kind, fields, answers: AnswerColumns::default(), candidates, others })
}

/// The tables in a folder, by name.
fn tables(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| DataError::io(dir, error))? {
        let path = entry.map_err(|error| DataError::io(dir, error))?.path();
        let name = unpacked_name(&path).0;
        let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix);
        if matches!(suffix, Some("csv" | "tsv" | "jsonl" | "ndjson" | "parquet" | "pq" | "xlsx" | "xlsm"))
            && path.is_file()
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn same(a: &Path, b: &Path) -> bool {
    a.file_name() == b.file_name()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The file name without suffixes of format and compression.
fn stem(path: &Path) -> String {
    let name = file_name(path);
    let unpacked = unpacked_name(path).0;
    let stem = unpacked.rsplit_once('.').map_or(unpacked.as_str(), |(stem, _)| stem);
    name.get(..stem.len()).unwrap_or(&name).to_owned()
}

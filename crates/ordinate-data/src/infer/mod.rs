//! `ordinate init`: a task file from what lies in a folder.

mod fields;
mod known;
mod write;

use std::path::{Path, PathBuf};

use ordinate_core::column::Names;

use crate::error::{DataError, Problem};
use crate::source::unpacked_name;
use crate::table::{self, Column, Layout, Want};
use fields::{Fields, Kind};
use known::Described;

/// What was found, before it is written down.
struct Found {
    /// The task's name.
    name: String,
    source: Source,
    kind: Kind,
    fields: Fields,
    candidates: Vec<Described>,
}

enum Source {
    Evidence(String),
    Items(String),
    TrainAndTest(String, String),
}

/// Writes a task file for `path`: an evidence table, a file of items, or a folder with `items.*` (or `train.*` and
/// `test.*`) and a file of recorded answers for each candidate. Lineage, price and size are taken from
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
    let mut found = if path.is_dir() { self::folder(path)? } else { file(path)? };
    let data = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let whole =
        |dir: &Path| std::path::absolute(if dir.as_os_str().is_empty() { Path::new(".") } else { dir });
    let data = whole(data).map_err(|error| DataError::io(path, error))?;
    if whole(folder).is_ok_and(|folder| folder != data) {
        found.move_from(&data);
    }
    Ok(write::task(&found))
}

impl Found {
    /// Puts the folder before every file name.
    fn move_from(&mut self, data: &Path) {
        let whole = |name: &mut String| *name = data.join(&*name).to_string_lossy().into_owned();
        match &mut self.source {
            Source::Evidence(name) | Source::Items(name) => whole(name),
            Source::TrainAndTest(train, test) => {
                whole(train);
                whole(test);
            }
        }
        self.candidates.iter_mut().filter_map(|candidate| candidate.recorded.as_mut()).for_each(whole);
    }
}

fn file(path: &Path) -> Result<Found, DataError> {
    let columns = table::columns(path)?;
    let has = |column: Column| columns.iter().any(|name| name == column.name());
    if has(Column::Candidate) && (has(Column::Score) || has(Column::Error)) {
        return evidence(path, &columns);
    }
    if has(Column::Score) {
        let message = "the file has scores but no column \"candidate\". If it is a table of several candidates, name \
                       that column so; if it holds the answers of one candidate, name the file with the items, or \
                       the folder.";
        return Err(DataError::new(path, Problem::NothingToInfer(message.to_owned())));
    }
    items(path)
}

fn folder(dir: &Path) -> Result<Found, DataError> {
    let tables = tables(dir)?;
    if let Some(path) = ["items", "train", "test"].iter().find_map(|name| stemmed(&tables, name)) {
        return items(path);
    }
    match tables.as_slice() {
        [only] => file(only),
        _ => {
            let message = "the folder has no items.jsonl (nor train and test, nor .csv or .parquet). Name the \
                           file with the items, or an evidence table.";
            Err(DataError::new(dir, Problem::NothingToInfer(message.to_owned())))
        }
    }
}

fn evidence(path: &Path, columns: &[String]) -> Result<Found, DataError> {
    let mut names = Names::default();
    let layout = Layout::of(&[(Column::Candidate, Want::Required)]);
    table::read(path, &layout, &mut |row| {
        names.intern(&row.required_text(Column::Candidate)?);
        Ok(())
    })?;
    let described = known::beside(path)?;
    let candidates = names.iter().map(|name| known::describe(name, None, &described)).collect();
    Ok(Found {
        name: stem(path),
        source: Source::Evidence(file_name(path)),
        kind: Kind::Scored,
        fields: Fields::of_table(columns),
        candidates,
    })
}

fn items(path: &Path) -> Result<Found, DataError> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let tables = tables(dir)?;
    let parts = stemmed(&tables, "train").zip(stemmed(&tables, "test"));
    let parts = parts.filter(|(train, test)| same(train, path) || same(test, path));
    let source = match parts {
        Some((train, test)) => Source::TrainAndTest(file_name(train), file_name(test)),
        None => Source::Items(file_name(path)),
    };
    let (mut fields, kind) = Fields::of_items(path)?;
    let described = known::beside(path)?;
    let mut candidates = Vec::new();
    for table in &tables {
        let is_items = same(table, path) || ["items", "train", "test"].contains(&stem(table).as_str());
        let columns = if is_items { Vec::new() } else { table::columns(table).unwrap_or_default() };
        let has = |name: &str| columns.iter().any(|column| column == name);
        let id = fields.id.as_deref().filter(|id| has(id)).unwrap_or(Column::Id.name());
        if has(id) && has(Column::Score.name()) && !has(Column::Candidate.name()) {
            candidates.push(known::describe(&stem(table), Some(file_name(table)), &described));
        }
    }
    // In the order of candidates.json, then by name.
    candidates.sort_by_key(|candidate| candidate.order);
    let kind = if candidates.is_empty() { kind } else { Kind::Scored };
    if kind == Kind::Scored && fields.id.is_none() {
        fields.id = Some(Column::Id.name().to_owned());
    }
    let name = match stem(path).as_str() {
        "items" | "train" | "test" => {
            let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
            dir.file_name().map_or("task".to_owned(), |name| name.to_string_lossy().into_owned())
        }
        stem => stem.to_owned(),
    };
    Ok(Found { name, source, kind, fields, candidates })
}

/// The tables in a folder, by name.
fn tables(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| DataError::io(dir, error))? {
        let path = entry.map_err(|error| DataError::io(dir, error))?.path();
        let name = unpacked_name(&path).0;
        let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix);
        if matches!(suffix, Some("csv" | "tsv" | "jsonl" | "ndjson" | "parquet" | "pq")) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn stemmed<'t>(tables: &'t [PathBuf], name: &str) -> Option<&'t Path> {
    tables.iter().map(PathBuf::as_path).find(|path| stem(path) == name)
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

//! The task file: TOML in, a checked [`Task`] out.

mod check;
mod judge;
mod position;
mod price;
mod rules;

use std::path::{Path, PathBuf};

use ordinate_core::task::{CombineSection, Local, StatisticsSection, TaskFile};
use ordinate_tasks::{Kind, Kinds, Scorer};
use serde_json::{Value, json};

use crate::error::{At, DataError, Problem};
use crate::source;
use position::Document;
pub(crate) use rules::ways_to_ask;

/// A task file that was read and checked, and where it lies: its paths are relative to its folder.
#[derive(Debug, Clone)]
pub struct Task {
    /// What it says.
    pub file: TaskFile,
    /// Its kind.
    pub kind: &'static dyn Kind,
    /// The task file.
    pub path: PathBuf,
    /// Its text: errors that are found later point into it.
    source: String,
}

/// No task file is larger.
const MAX_BYTES: u64 = 16 << 20;

/// Reads and checks a task file. The files that it names must exist; they are not read.
///
/// # Errors
/// [`DataError`] for the first thing that is wrong, with line, column and key.
pub fn read_task(path: &Path) -> Result<Task, DataError> {
    read_task_of(path, &Kinds::builtin())
}

/// The same, of a task that may be of any of these kinds.
///
/// # Errors
/// As [`read_task`].
pub fn read_task_of(path: &Path, kinds: &Kinds) -> Result<Task, DataError> {
    checked(path, text_of(path)?.as_str(), kinds, true)
}

/// The task file of a run folder, whose data need not be there any more.
///
/// # Errors
/// As [`read_task`], but for files that are not there.
pub fn read_kept_task(path: &Path, kinds: &Kinds) -> Result<Task, DataError> {
    checked(path, text_of(path)?.as_str(), kinds, false)
}

fn text_of(path: &Path) -> Result<String, DataError> {
    let io = |error| DataError::io(path, error);
    let size = std::fs::metadata(path).map_err(io)?.len();
    if size > MAX_BYTES {
        return Err(DataError::new(path, Problem::TooLong));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    let text = String::from_utf8(bytes).map_err(|_| DataError::new(path, Problem::NotUtf8))?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}

/// Reads and checks the text of a task file that lies (or will lie) at `path`.
///
/// # Errors
/// As [`read_task`].
pub fn parse_task(path: &Path, text: &str) -> Result<Task, DataError> {
    parse_task_of(path, text, &Kinds::builtin())
}

/// The same, of a task that may be of any of these kinds.
///
/// # Errors
/// As [`read_task`].
pub fn parse_task_of(path: &Path, source: &str, kinds: &Kinds) -> Result<Task, DataError> {
    checked(path, source, kinds, true)
}

fn checked(path: &Path, source: &str, kinds: &Kinds, with_files: bool) -> Result<Task, DataError> {
    if source.trim().is_empty() {
        return Err(DataError::new(path, Problem::EmptyTask));
    }
    let document = Document::parse(path, source)?;
    check::shape(&document, &schema(kinds))?;
    let mut file: TaskFile = toml::from_str(source).map_err(|error| document.toml_error(&error))?;
    let Some(kind) = kinds.get(file.task.kind.as_str()) else {
        let names: Vec<&str> = kinds.iter().map(Kind::name).collect();
        let nearest = kinds.nearest(file.task.kind.as_str()).map(str::to_owned);
        let found = crate::error::quoted(file.task.kind.as_str());
        let problem = Problem::BadValue { found, allowed: names.join(", "), nearest };
        return Err(document.error_at(&[Key::Name("task"), Key::Name("kind")], problem));
    };
    if kind.takes_series() && file.data.evidence.is_none() && file.series.quantiles.is_empty() {
        // A metric that is not known is told of where answers are scored.
        let scorer = Scorer::of(kind, file.task.metric.as_deref());
        file.series.quantiles = scorer.map_or_else(|_| Vec::new(), |scorer| scorer.levels().to_vec());
    }
    let task = Task { file, kind, path: path.to_owned(), source: source.to_owned() };
    rules::check(&task, &document, with_files)?;
    Ok(task)
}

impl Task {
    /// The folder that its paths are relative to.
    #[must_use]
    pub fn dir(&self) -> &Path {
        match self.path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        }
    }

    /// The task as it was carried out, as the text of [`Self::resolved`]. What a run folder keeps.
    ///
    /// # Errors
    /// [`Problem::Unwritable`] when a seed or volume is beyond 2^63, which TOML cannot hold.
    pub fn to_toml(&self) -> Result<String, DataError> {
        toml::to_string(&self.resolved())
            .map_err(|error| DataError::new(&self.path, Problem::Unwritable(error.to_string())))
    }

    /// The task with every default said, and every path absolute.
    #[must_use]
    pub fn resolved(&self) -> TaskFile {
        let mut file = self.file.clone();
        let dir = std::path::absolute(self.dir()).unwrap_or_else(|_| self.dir().to_owned());
        let absolute = |path: &str| dir.join(path).to_string_lossy().into_owned();
        let data = &mut file.data;
        let tables =
            [&mut data.evidence, &mut data.items, &mut data.train, &mut data.test, &mut data.targets];
        let tables = tables.into_iter().flatten();
        let recorded = file.candidate.iter_mut().filter_map(|entry| entry.recorded.as_mut());
        for path in tables.chain(recorded.map(|recorded| &mut recorded.path)) {
            if source::scheme(path).is_none() {
                *path = absolute(path);
            }
        }
        for entry in &mut file.candidate {
            // What is no file or folder is a name of the hub.
            let local = entry.local.as_mut().filter(|local| !local.names_method(self.kind.output()));
            let model = local.map(|local| &mut local.model);
            for path in model.into_iter().chain(entry.adapt.as_mut().map(|adapt| &mut adapt.from)) {
                if !Local::BROUGHT.contains(&path.as_str()) && dir.join(&*path).exists() {
                    *path = absolute(path);
                }
            }
            if let Some(command) = &mut entry.command {
                command.folder = Some(absolute(command.folder.as_deref().unwrap_or_default()));
            }
        }
        if let Some(judge) = &mut file.judge {
            let recorded = judge.recorded.as_mut().map(|recorded| &mut recorded.path);
            for path in judge.human.as_mut().into_iter().chain(recorded) {
                if source::scheme(path).is_none() {
                    *path = absolute(path);
                }
            }
            if let Some(local) = &mut judge.local
                && dir.join(&local.model).exists()
            {
                local.model = absolute(&local.model);
            }
            if let Some(command) = &mut judge.command {
                command.folder = Some(absolute(command.folder.as_deref().unwrap_or_default()));
            }
        }
        file.combine.folds.get_or_insert(CombineSection::FOLDS);
        file.statistics.resamples.get_or_insert(StatisticsSection::RESAMPLES);
        file.statistics.seed.get_or_insert(0);
        file.statistics.interval.get_or_insert_default();
        file.needs.margin = Some(file.needs.margin());
        file
    }

    /// An error at a key of the task file.
    pub(crate) fn error_at(&self, keys: &[Key<'_>], problem: Problem) -> DataError {
        match Document::parse(&self.path, &self.source) {
            Ok(document) => document.error_at(keys, problem),
            Err(error) => error,
        }
    }

    /// An error at a candidate's name.
    pub(crate) fn error_at_candidate(&self, name: &str, problem: Problem) -> DataError {
        match Document::parse(&self.path, &self.source) {
            Ok(document) => match document.candidate(name) {
                Some(place) => document
                    .error_at(&[Key::Name("candidate"), Key::Place(place), Key::Name("name")], problem),
                None => DataError::new(&self.path, problem),
            },
            Err(error) => error,
        }
    }
}

/// A step into the document: by name, or by place in an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    Name(&'a str),
    Place(usize),
}

/// How a key is shown: `[needs] margin`, `[[candidate]] price.input`.
pub(crate) fn shown(keys: &[Key<'_>]) -> String {
    let mut names = keys.iter().filter_map(|key| match key {
        Key::Name(name) => Some(*name),
        Key::Place(_) => None,
    });
    let section = names.next().unwrap_or_default();
    let rest = names.collect::<Vec<_>>().join(".");
    let section = if section == "candidate" { "[[candidate]]".to_owned() } else { format!("[{section}]") };
    if rest.is_empty() { section } else { format!("{section} {rest}") }
}

/// The place of a span within a text.
pub(crate) fn place(source: &str, offset: usize) -> At {
    let before = &source[..source.floor_char_boundary(offset)];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() as u64 + 1;
    At::LineColumn(line, before[start..].chars().count() as u64 + 1)
}

/// The JSON Schema of the task file.
#[must_use]
pub fn task_schema() -> Value {
    schema(&Kinds::builtin())
}

/// The same, with these kinds of task.
fn schema(kinds: &Kinds) -> Value {
    let mut schema = schemars::schema_for!(TaskFile).to_value();
    if let Some(kind) = schema.pointer_mut("/$defs/TaskKind") {
        let words: Vec<Value> = kinds
            .iter()
            .map(|kind| json!({ "type": "string", "const": kind.name(), "description": kind.about() }))
            .collect();
        *kind = json!({ "oneOf": words, "description": kind["description"] });
    }
    schema
}

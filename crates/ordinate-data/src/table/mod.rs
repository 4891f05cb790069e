//! Tables: rows of named cells, whatever the file format.

mod csv;
mod duration;
mod jsonl;
mod money;
mod objects;
mod parquet;
mod row;
mod sheet;
mod written;

use std::path::Path;

use ordinate_core::nearest;

pub(crate) use row::{Cell, Row};
pub(crate) use written::with_decimal_comma;

use crate::error::{At, DataError, Problem};
use crate::source::{self, Format, Opened};

/// The columns that Ordinate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Id,
    Slice,
    Group,
    Candidate,
    Score,
    CostUsd,
    LatencyMs,
    Output,
    InputTokens,
    OutputTokens,
    Confidence,
    Error,
    Input,
    Target,
    Part,
    Context,
    Options,
    Probabilities,
}

impl Column {
    pub(crate) const ALL: [Self; 18] = [
        Self::Id,
        Self::Slice,
        Self::Group,
        Self::Candidate,
        Self::Score,
        Self::CostUsd,
        Self::LatencyMs,
        Self::Output,
        Self::InputTokens,
        Self::OutputTokens,
        Self::Confidence,
        Self::Error,
        Self::Input,
        Self::Target,
        Self::Part,
        Self::Context,
        Self::Options,
        Self::Probabilities,
    ];
    /// The columns of stored evidence.
    pub(crate) const STORED: [Self; 16] = [
        Self::Id,
        Self::Slice,
        Self::Group,
        Self::Candidate,
        Self::Score,
        Self::CostUsd,
        Self::LatencyMs,
        Self::Output,
        Self::InputTokens,
        Self::OutputTokens,
        Self::Confidence,
        Self::Error,
        Self::Input,
        Self::Target,
        Self::Part,
        Self::Probabilities,
    ];
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// The name of the column in a file, unless `[data]` names another.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Slice => "slice",
            Self::Group => "group",
            Self::Candidate => "candidate",
            Self::Score => "score",
            Self::CostUsd => "cost_usd",
            Self::LatencyMs => "latency_ms",
            Self::Output => "output",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Confidence => "confidence",
            Self::Error => "error",
            Self::Input => "input",
            Self::Target => "target",
            Self::Part => "part",
            Self::Context => "context",
            Self::Options => "options",
            Self::Probabilities => "probabilities",
        }
    }
}

/// How much a column is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Every row must have it.
    Required,
    /// The file must have it, in some row at least.
    Named,
    /// It is used if the file has it.
    Optional,
}

/// Which columns to read, and what they are called in the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    columns: [Option<(String, Want)>; Column::COUNT],
    /// The fields that make up an item, which every file must have.
    fields: Vec<String>,
}

impl Layout {
    /// These columns under their own names.
    pub(crate) fn of(columns: &[(Column, Want)]) -> Self {
        let mut layout = Self::default();
        for (column, want) in columns {
            layout.columns[*column as usize] = Some((column.name().to_owned(), *want));
        }
        layout
    }

    /// Reads `column` from the field that the task file names. A field that is named must exist.
    pub(crate) fn named(mut self, column: Column, name: Option<&str>) -> Self {
        if let Some(name) = name {
            let want = match self.columns[column as usize] {
                Some((_, Want::Required)) => Want::Required,
                _ => Want::Named,
            };
            self.columns[column as usize] = Some((name.to_owned(), want));
        }
        self
    }

    /// Reads `column` from the field of this name.
    pub(crate) fn called(mut self, column: Column, name: &str, want: Want) -> Self {
        self.columns[column as usize] = Some((name.to_owned(), want));
        self
    }

    /// Reads these fields too, into [`Row::fields`] in this order.
    pub(crate) fn with_fields(mut self, fields: &[String]) -> Self {
        fields.clone_into(&mut self.fields);
        self
    }

    /// The name of `column` in the file.
    pub(crate) fn name(&self, column: Column) -> &str {
        self.columns[column as usize].as_ref().map_or(column.name(), |(name, _)| name)
    }

    /// Where each wanted column stands among the fields of a file. One field may serve two columns, such as
    /// slice and group.
    fn places(&self, fields: &[String]) -> Result<Places, (String, Problem)> {
        let mut places = Vec::new();
        let mut seen = Seen::default();
        for (column, name, _) in self.wanted() {
            let mut found = fields.iter().enumerate().filter(|(_, field)| field.as_str() == name);
            let Some((place, _)) = found.next() else { continue };
            if found.next().is_some() {
                return Err((name.to_owned(), Problem::RepeatedField));
            }
            places.push((column, place));
            seen.set(column);
        }
        self.check(&seen, &[Want::Required, Want::Named], fields)?;
        let mut of_fields = Vec::with_capacity(self.fields.len());
        for name in &self.fields {
            let mut found = fields.iter().enumerate().filter(|(_, field)| *field == name);
            let Some((place, _)) = found.next() else { return Err(no_field(name, fields)) };
            if found.next().is_some() {
                return Err((name.to_owned(), Problem::RepeatedField));
            }
            of_fields.push(place);
        }
        Ok(Places { columns: places, fields: of_fields, seen })
    }

    fn wanted(&self) -> impl Iterator<Item = (Column, &str, Want)> {
        Column::ALL.into_iter().filter_map(|column| {
            self.columns[column as usize].as_ref().map(|(name, want)| (column, name.as_str(), *want))
        })
    }

    /// Refuses a file (or its first object) of which only these columns were seen. Of score and error one is
    /// enough.
    fn check(&self, seen: &Seen, wants: &[Want], known: &[String]) -> Result<(), (String, Problem)> {
        let excused = |column| column == Column::Score && seen.has(Column::Error);
        let missing = self
            .wanted()
            .find(|(column, _, want)| wants.contains(want) && !seen.has(*column) && !excused(*column));
        let Some((column, name, _)) = missing else { return Ok(()) };
        let mappable = matches!(
            column,
            Column::Id
                | Column::Slice
                | Column::Group
                | Column::Input
                | Column::Target
                | Column::Context
                | Column::Options
        );
        let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        Err((name.to_owned(), Problem::NoColumn { known: known.to_vec(), nearest, mappable }))
    }
}

/// A field that the task file wants and a file does not have.
fn no_field(name: &str, known: &[String]) -> (String, Problem) {
    let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    (name.to_owned(), Problem::NoFeature { known: known.to_vec(), nearest })
}

/// Where the wanted columns stand among the fields of a file.
struct Places {
    columns: Vec<(Column, usize)>,
    fields: Vec<usize>,
    seen: Seen,
}

/// Which columns a file turned out to have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen([bool; Column::COUNT]);

impl Seen {
    pub(crate) fn has(&self, column: Column) -> bool {
        self.0[column as usize]
    }

    fn set(&mut self, column: Column) {
        self.0[column as usize] = true;
    }
}

/// What is wrong with a row: the driver of the format adds file and line.
#[derive(Debug)]
pub(crate) struct Fault(Box<(Place, Problem)>);

/// Which cell of a row is to blame.
#[derive(Debug)]
enum Place {
    Row,
    Column(Column),
    Field(usize),
}

impl Fault {
    pub(crate) fn new(column: impl Into<Option<Column>>, problem: Problem) -> Self {
        Self(Box::new((column.into().map_or(Place::Row, Place::Column), problem)))
    }

    /// What is wrong with the field of this place in [`Row::fields`].
    pub(crate) fn in_field(place: usize, problem: Problem) -> Self {
        Self(Box::new((Place::Field(place), problem)))
    }

    /// The error of a row that was read before, at this field.
    pub(crate) fn into_error(self, path: &Path, at: At, field: &str) -> DataError {
        DataError::new(path, self.0.1).at(at).field(field)
    }

    fn locate(self, path: &Path, layout: &Layout, at: At) -> DataError {
        let (place, problem) = *self.0;
        let error = DataError::new(path, problem).at(at);
        match place {
            Place::Column(column) => error.field(layout.name(column)),
            Place::Field(place) => match layout.fields.get(place) {
                Some(name) => error.field(name),
                None => error,
            },
            Place::Row => error,
        }
    }
}

/// What is done with each row.
pub(crate) type Visit<'v> = dyn FnMut(&Row<'_>) -> Result<(), Fault> + 'v;

/// What a file turned out to hold.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Summary {
    pub(crate) seen: Seen,
    pub(crate) rows: u64,
}

/// Reads a table row by row in bounded memory.
///
/// # Errors
/// When the file cannot be read, lacks a required column or has no rows, and what `visit` finds wrong, with the
/// place of the row.
pub(crate) fn read(path: &Path, layout: &Layout, visit: &mut Visit<'_>) -> Result<Summary, DataError> {
    match source::open(path)? {
        Opened::Parquet(file) => parquet::read(path, file, layout, visit),
        Opened::Sheet(file) => sheet::read(path, file, layout, visit),
        Opened::Text { reader, format: Format::Json { array } } => {
            jsonl::read(path, reader, array, layout, visit)
        }
        Opened::Text { reader, format: Format::Csv(dialect) } => {
            csv::read(path, reader, dialect, layout, visit)
        }
    }
}

/// Reads the objects of a text, one a line, as the rows of a file of this name.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_lines(
    name: &Path,
    lines: String,
    layout: &Layout,
    visit: &mut Visit<'_>,
) -> Result<Summary, DataError> {
    let reader: Box<dyn std::io::Read> = Box::new(std::io::Cursor::new(lines.into_bytes()));
    jsonl::read(name, std::io::BufReader::new(reader), false, layout, visit)
}

/// The names of a file's columns (for JSONL, the fields of its first object).
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn columns(path: &Path) -> Result<Vec<String>, DataError> {
    match source::open(path)? {
        Opened::Parquet(file) => parquet::columns(path, &file),
        Opened::Sheet(file) => sheet::columns(path, file),
        Opened::Text { reader, format: Format::Json { array } } => jsonl::columns(path, reader, array),
        Opened::Text { reader, format: Format::Csv(dialect) } => csv::columns(path, reader, dialect),
    }
}

/// The names of all fields of a file; for JSONL those of any of its objects, for which the whole file is read.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn all_columns(path: &Path) -> Result<Vec<String>, DataError> {
    match source::open(path)? {
        Opened::Text { reader, format: Format::Json { array } } => jsonl::all_columns(path, reader, array),
        _ => columns(path),
    }
}

/// The names of the classes of a column whose cells are their numbers; none where the file has no such.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn class_names(path: &Path, column: &str) -> Result<Vec<String>, DataError> {
    match source::open(path)? {
        Opened::Parquet(file) => parquet::class_names(path, &file, column),
        _ => Ok(Vec::new()),
    }
}

/// The text under a key of a Parquet file's metadata.
///
/// # Errors
/// When the file is no Parquet file.
pub(crate) fn parquet_metadata(path: &Path, key: &str) -> Result<Option<String>, DataError> {
    match source::open(path)? {
        Opened::Parquet(file) => parquet::key_value(path, &file, key),
        Opened::Text { .. } | Opened::Sheet(_) => {
            Err(DataError::new(path, Problem::NotAStore("it is no Parquet file".to_owned())))
        }
    }
}

//! The first sheet of an Excel workbook that holds anything, row by row.
//!
//! On `calamine`, cell by cell: a sheet as a whole would be as large as its last cell is far away.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use calamine::{DataRef, Reader, Xlsx, XlsxCellReader};
use zip::ZipArchive;

use crate::error::{At, DataError, Problem};
use crate::limit::Limit;
use crate::source::{HARMLESS, MAX_RATIO};
use crate::table::{Cell, Column, Layout, Row, Summary, Visit};

/// The most that the parts of a workbook may hold together: the texts of all cells are in memory.
const MAX_BYTES: u64 = 1 << 30;
/// Excel's own limit of columns.
const MAX_COLUMNS: usize = 16_384;

type Book = Xlsx<BufReader<File>>;

pub(super) fn read(
    path: &Path,
    file: File,
    layout: &Layout,
    visit: &mut Visit<'_>,
) -> Result<Summary, DataError> {
    let mut book = open(path, file)?;
    let mut rows = Rows::open(path, &mut book)?;
    let header = rows.header()?;
    let at = At::Row(rows.number);
    let places = layout
        .places(&header)
        .map_err(|(field, problem)| DataError::new(path, problem).at(at).field(field))?;
    let mut count = 0;
    while rows.advance()? {
        let at = At::Row(rows.number);
        let mut cells = [Cell::Absent; Column::COUNT];
        for (column, place) in &places.columns {
            cells[*column as usize] = rows.cell(*place);
        }
        let fields: Vec<Cell<'_>> = places.fields.iter().map(|place| rows.cell(*place)).collect();
        count += 1;
        visit(&Row { at, cells, fields: &fields, decimal_comma: false })
            .map_err(|fault| fault.locate(path, layout, at))?;
    }
    if count == 0 {
        return Err(DataError::new(path, Problem::NoRows));
    }
    Ok(Summary { seen: places.seen, rows: count })
}

pub(super) fn columns(path: &Path, file: File) -> Result<Vec<String>, DataError> {
    let mut book = open(path, file)?;
    Rows::open(path, &mut book)?.header()
}

/// Opens a workbook, after all its parts were unpacked once within limits: what they claim to hold may be a lie.
fn open(path: &Path, file: File) -> Result<Book, DataError> {
    let packed = file.metadata().map_err(|error| DataError::io(path, error))?.len();
    let mut source = BufReader::new(file);
    let damaged = |detail: String| DataError::new(path, Problem::Spreadsheet(detail));
    let mut zip = ZipArchive::new(&mut source).map_err(|error| damaged(error.to_string()))?;
    let mut unpacked = 0;
    for at in 0..zip.len() {
        let part = zip.by_index(at).map_err(|error| damaged(error.to_string()))?;
        let left = MAX_BYTES.saturating_sub(unpacked);
        unpacked += io::copy(&mut part.take(left + 1), &mut io::sink())
            .map_err(|error| damaged(error.to_string()))?;
        let bomb = unpacked > HARMLESS && unpacked > packed.saturating_mul(MAX_RATIO);
        if bomb || unpacked > MAX_BYTES {
            return Err(DataError::new(path, Problem::Limit(Limit::Bomb { packed, unpacked })));
        }
    }
    drop(zip);
    source.rewind().map_err(|error| DataError::io(path, error))?;
    Xlsx::new(source).map_err(|error| damaged(error.to_string()))
}

/// A cell that outlives the row it was read in.
enum Held {
    Empty,
    Number(f64),
    Bool(bool),
    Text(String),
}

/// The rows of a sheet; one buffer serves them all.
struct Rows<'a> {
    path: &'a Path,
    cells: XlsxCellReader<'a, BufReader<File>>,
    row: Vec<Held>,
    /// The number of the row, from 1.
    number: u64,
    /// The first cell of the next row, which tells that the row ended.
    next: Option<(u64, usize, Held)>,
    /// Rows of a table of one column that were read while a header was looked for.
    behind: VecDeque<(u64, Vec<Held>)>,
    /// Whether the last cell was read.
    ended: bool,
}

impl<'a> Rows<'a> {
    fn open(path: &'a Path, book: &'a mut Book) -> Result<Self, DataError> {
        let damaged = |detail: String| DataError::new(path, Problem::Spreadsheet(detail));
        for name in book.sheet_names() {
            let mut cells = book.worksheet_cells_reader(&name).map_err(|error| damaged(error.to_string()))?;
            let empty = cells.next_cell().map_err(|error| damaged(error.to_string()))?.is_none();
            drop(cells);
            if !empty {
                let cells = book.worksheet_cells_reader(&name).map_err(|error| damaged(error.to_string()))?;
                return Ok(Self {
                    path,
                    cells,
                    row: Vec::new(),
                    number: 0,
                    next: None,
                    behind: VecDeque::new(),
                    ended: false,
                });
            }
        }
        Err(DataError::new(path, Problem::Empty))
    }

    /// The names of the columns: the first of the first rows with more than one filled cell, so that titles above them are
    /// passed over; the first row where there is none.
    fn header(&mut self) -> Result<Vec<String>, DataError> {
        const MAX_TITLES: usize = 10;
        let filled = |names: &[String]| names.iter().filter(|name| !name.is_empty()).count();
        let (mut first, mut behind) = (None, VecDeque::new());
        for _ in 0..=MAX_TITLES {
            if !self.advance()? {
                break;
            }
            let names = self.names();
            if filled(&names) > 1 {
                return Ok(names);
            }
            if first.is_none() {
                first = Some(names);
            } else {
                behind.push_back((self.number, std::mem::take(&mut self.row)));
            }
        }
        self.behind = behind;
        first.ok_or_else(|| DataError::new(self.path, Problem::Empty))
    }

    fn names(&self) -> Vec<String> {
        let text = |place| self.cell(place).text().ok().flatten().unwrap_or_default().trim().to_owned();
        (0..self.row.len()).map(text).collect()
    }

    fn cell(&self, place: usize) -> Cell<'_> {
        match self.row.get(place) {
            None | Some(Held::Empty) => Cell::Absent,
            Some(Held::Number(number)) => Cell::Number(*number),
            Some(Held::Bool(truth)) => Cell::Bool(*truth),
            Some(Held::Text(text)) => Cell::Text(text),
        }
    }

    /// Goes to the next row that holds anything; whether there is one.
    fn advance(&mut self) -> Result<bool, DataError> {
        if let Some((number, row)) = self.behind.pop_front() {
            (self.number, self.row) = (number, row);
            return Ok(true);
        }
        self.row.clear();
        let Some((number, place, held)) = (match self.next.take() {
            Some(next) => Some(next),
            None => self.next_cell()?,
        }) else {
            return Ok(false);
        };
        self.number = number;
        self.put(place, held);
        while let Some((row, place, held)) = self.next_cell()? {
            if row != number {
                self.next = Some((row, place, held));
                break;
            }
            self.put(place, held);
        }
        Ok(true)
    }

    fn put(&mut self, place: usize, held: Held) {
        if self.row.len() <= place {
            self.row.resize_with(place + 1, || Held::Empty);
        }
        self.row[place] = held;
    }

    /// The next cell that is not empty: its row from 1, its column from 0.
    fn next_cell(&mut self) -> Result<Option<(u64, usize, Held)>, DataError> {
        while !self.ended {
            let cell = self.cells.next_cell().map_err(|error| {
                DataError::new(self.path, Problem::Spreadsheet(error.to_string()))
                    .at(At::Row(self.number + 1))
            })?;
            let Some(cell) = cell else { break };
            let (row, column) = cell.get_position();
            let held = match cell.get_value() {
                // The text of a formula that failed (#N/A) is no value.
                DataRef::Empty | DataRef::Error(_) => continue,
                DataRef::Int(number) => Held::Number(*number as f64),
                DataRef::Float(number) => Held::Number(*number),
                DataRef::Bool(truth) => Held::Bool(*truth),
                DataRef::String(text) => Held::Text(text.clone()),
                DataRef::SharedString(text) => Held::Text((*text).to_owned()),
                DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Held::Text(text.clone()),
                // Durations are days: milliseconds are what every other table gives.
                DataRef::DateTime(time) if time.is_duration() => Held::Number(time.as_f64() * 86_400_000.0),
                DataRef::DateTime(time) => {
                    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
                    Held::Text(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
                }
            };
            let column = column as usize;
            if column < MAX_COLUMNS && !matches!(&held, Held::Text(text) if text.is_empty()) {
                return Ok(Some((u64::from(row) + 1, column, held)));
            }
        }
        self.ended = true;
        Ok(None)
    }
}

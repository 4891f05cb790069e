//! CSV, with quotes and line breaks as in RFC 4180.
//!
//! On `csv-core` rather than `csv`: records are cut here, so that their size is limited and their line is exact
//! also after blank lines and with CRLF.

use std::io::BufRead;
use std::path::Path;

use csv_core::ReadRecordResult;

use crate::error::{At, DataError, Problem};
use crate::limit::Limit;
use crate::source::{Dialect, MAX_RECORD_BYTES, TextReader, unpack_problem};
use crate::table::written::with_decimal_comma;
use crate::table::{Cell, Column, Fault, Layout, Row, Summary, Visit};

pub(super) fn read(
    path: &Path,
    reader: TextReader,
    dialect: Dialect,
    layout: &Layout,
    visit: &mut Visit<'_>,
) -> Result<Summary, DataError> {
    let mut records = Records::new(reader, dialect);
    let fail = |(line, problem)| DataError::new(path, problem).at(At::Line(line));
    let (first, header) = records.header().map_err(fail)?;
    let places = layout
        .places(&header)
        .map_err(|(field, problem)| DataError::new(path, problem).at(At::Line(first)).field(field))?;
    let mut rows = 0;
    let mut dots = Dots::default();
    while let Some(line) = records.advance().map_err(fail)? {
        let text = records.text().map_err(|problem| fail((line, problem)))?;
        // A record of nothing but delimiters, as sheets have below the last row, is none.
        if text.trim().is_empty() {
            continue;
        }
        if records.len() != header.len() {
            let (expected, found) = (header.len() as u64, records.len() as u64);
            return Err(fail((line, Problem::Ragged { expected, found })));
        }
        let mut cells = [Cell::Absent; Column::COUNT];
        for (column, place) in &places.columns {
            let cell = text.get(records.span(*place)).ok_or_else(|| fail((line, Problem::NotUtf8)))?;
            if dialect.decimal_comma() {
                dots.meet(*column, cell, line);
            }
            cells[*column as usize] = if cell.is_empty() { Cell::Absent } else { Cell::Text(cell) };
        }
        let mut fields = Vec::with_capacity(places.fields.len());
        for place in &places.fields {
            let cell = text.get(records.span(*place)).ok_or_else(|| fail((line, Problem::NotUtf8)))?;
            fields.push(if cell.is_empty() { Cell::Absent } else { Cell::Text(cell) });
        }
        rows += 1;
        let at = At::Line(line);
        visit(&Row { at, cells, fields: &fields, decimal_comma: dialect.decimal_comma() })
            .map_err(|fault| fault.locate(path, layout, at))?;
    }
    if rows == 0 {
        return Err(fail((first, Problem::NoRows)));
    }
    if let Some((line, column, value)) = dots.doubtful() {
        let fault = Fault::new(column, Problem::Limit(Limit::Thousands { value }));
        return Err(fault.locate(path, layout, At::Line(line)));
    }
    Ok(Summary { seen: places.seen, rows })
}

/// Dots before three digits, in a file where commas stand before the decimals: `1.234` may be a thousand and more.
#[derive(Default)]
struct Dots {
    comma: bool,
    first: Option<(u64, Column, String)>,
}

impl Dots {
    fn meet(&mut self, column: Column, cell: &str, line: u64) {
        let is_amount = matches!(column, Column::CostUsd | Column::LatencyMs);
        if !is_amount && column != Column::Score && column != Column::Confidence {
            return;
        }
        let cell = cell.trim();
        self.comma |= with_decimal_comma(cell).is_some();
        let mut groups = cell.split('.');
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_first = |text: &str| digits(text) && text.len() <= 3 && text != "0";
        let grouped = groups.next().is_some_and(is_first) && cell.contains('.');
        if is_amount
            && self.first.is_none()
            && grouped
            && groups.all(|group| digits(group) && group.len() == 3)
        {
            self.first = Some((line, column, cell.to_owned()));
        }
    }

    fn doubtful(self) -> Option<(u64, Column, String)> {
        self.first.filter(|_| self.comma)
    }
}

pub(super) fn columns(path: &Path, reader: TextReader, dialect: Dialect) -> Result<Vec<String>, DataError> {
    let fail = |(line, problem)| DataError::new(path, problem).at(At::Line(line));
    Records::new(reader, dialect).header().map(|(_, names)| names).map_err(fail)
}

/// Cuts text into records; one buffer serves them all.
struct Records {
    reader: TextReader,
    core: csv_core::Reader,
    /// The cells of the current record, one after another.
    bytes: Vec<u8>,
    /// Where each cell ends.
    ends: Vec<usize>,
    filled: usize,
    len: usize,
    /// Line breaks between records, which `core` does not see.
    skipped: u64,
    /// Whether the first line only names the delimiter.
    says_delimiter: bool,
    /// The line of a record that was read ahead, and is still in the buffer.
    ahead: Option<u64>,
}

impl Records {
    fn new(reader: TextReader, dialect: Dialect) -> Self {
        let core = csv_core::ReaderBuilder::new().delimiter(dialect.delimiter).build();
        let (bytes, ends) = (vec![0; 4096], vec![0; 64]);
        let says_delimiter = dialect.says_delimiter;
        Self { reader, core, bytes, ends, filled: 0, len: 0, skipped: 0, says_delimiter, ahead: None }
    }

    fn line(&self) -> u64 {
        self.core.line() + self.skipped
    }

    /// The names of the columns, and their line. Titles above them (records of one filled cell) and what parts these from the
    /// table (records of empty cells) are passed over.
    fn header(&mut self) -> Result<(u64, Vec<String>), (u64, Problem)> {
        const MAX_TITLES: usize = 10;
        if self.says_delimiter {
            self.advance()?;
        }
        let mut line = self.advance()?.ok_or((1, Problem::Empty))?;
        let mut names = self.names(line)?;
        for _ in 0..MAX_TITLES {
            let filled = |names: &[String]| names.iter().filter(|name| !name.is_empty()).count();
            if filled(&names) > 1 {
                break;
            }
            let Some(next) = self.advance()? else { break };
            // The record may not be a header at all: what is wrong with it is said when it is read as a row.
            let below = self.names(next).unwrap_or_default();
            // A table of one column has no delimiters; a title above one of several has as many as the others.
            if below.len() < 2 && filled(&names) > 0 {
                self.ahead = Some(next);
                break;
            }
            (line, names) = (next, below);
        }
        Ok((line, names))
    }

    fn names(&self, line: u64) -> Result<Vec<String>, (u64, Problem)> {
        let text = self.text().map_err(|problem| (line, problem))?;
        (0..self.len)
            .map(|place| text.get(self.span(place)).map(|name| name.trim().to_owned()))
            .collect::<Option<_>>()
            .ok_or((line, Problem::NotUtf8))
    }

    /// Reads the next record; the line on which it begins.
    fn advance(&mut self) -> Result<Option<u64>, (u64, Problem)> {
        if let Some(line) = self.ahead.take() {
            return Ok(Some(line));
        }
        self.skip_line_breaks()?;
        let start = self.line();
        (self.filled, self.len) = (0, 0);
        loop {
            let line = self.core.line() + self.skipped;
            let input = self.reader.fill_buf().map_err(|error| (line, unpack_problem(error)))?;
            let (result, read, written, ended) =
                self.core.read_record(input, &mut self.bytes[self.filled..], &mut self.ends[self.len..]);
            self.reader.consume(read);
            self.filled += written;
            self.len += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.bytes.len() >= MAX_RECORD_BYTES => {
                    return Err((start, Problem::TooLong));
                }
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if self.ends.len() >= MAX_RECORD_BYTES / 8 => {
                    return Err((start, Problem::TooLong));
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => return Ok(Some(start)),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    fn skip_line_breaks(&mut self) -> Result<(), (u64, Problem)> {
        loop {
            let line = self.line();
            let input = self.reader.fill_buf().map_err(|error| (line, unpack_problem(error)))?;
            let breaks = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let more = breaks == input.len() && breaks > 0;
            self.skipped += input[..breaks].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.reader.consume(breaks);
            if !more {
                return Ok(());
            }
        }
    }

    fn len(&self) -> usize {
        self.len
    }

    fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.bytes[..self.filled]).map_err(|_| Problem::NotUtf8)
    }

    fn span(&self, place: usize) -> std::ops::Range<usize> {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[place]
    }
}

//! JSONL: one JSON object a line; or all of them in one array.

use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;
use std::path::Path;

use ordinate_core::column::Names;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{At, DataError, Problem};
use crate::source::{MAX_RECORD_BYTES, TextReader, unpack_problem};
use crate::table::{Cell, Column, Layout, Row, Seen, Summary, Visit, Want, no_field};

pub(super) fn read(
    path: &Path,
    reader: TextReader,
    array: bool,
    layout: &Layout,
    visit: &mut Visit<'_>,
) -> Result<Summary, DataError> {
    let mut lines = Lines::new(reader, array);
    let mut summary = Summary::default();
    let mut first_fields = Vec::new();
    let mut fields_seen = vec![false; layout.fields.len()];
    let fail = |line, problem| DataError::new(path, problem).at(At::Line(line));
    while let Some((line, text)) = lines.advance().map_err(|(line, problem)| fail(line, problem))? {
        let at = At::Line(line);
        let mut raw: [Option<&RawValue>; Column::COUNT] = Default::default();
        let mut raw_fields = vec![None; layout.fields.len()];
        let mut current = None;
        let fields = Fields {
            layout,
            raw: &mut raw,
            raw_fields: &mut raw_fields,
            current: &mut current,
            names: (summary.rows == 0).then_some(&mut first_fields),
        };
        if let Err(error) = parse(fields, text) {
            return Err(json_error(path, line, text, current.as_deref(), &error));
        }
        let mut seen = Seen::default();
        let mut texts: [Option<Cow<'_, str>>; Column::COUNT] = Default::default();
        for column in Column::ALL {
            let Some(value) = raw[column as usize] else { continue };
            seen.set(column);
            summary.seen.set(column);
            if value.get().starts_with('"') {
                let text = serde_json::from_str::<Text<'_>>(value.get()).map_err(|error| {
                    fail(line, Problem::BadJson(plain(&error))).field(layout.name(column))
                })?;
                texts[column as usize] = Some(text.0);
            }
        }
        let mut field_texts = Vec::with_capacity(raw_fields.len());
        for (place, value) in raw_fields.iter().enumerate() {
            let Some(value) = value else {
                field_texts.push(None);
                continue;
            };
            fields_seen[place] = true;
            let text = value.get().starts_with('"').then(|| serde_json::from_str::<Text<'_>>(value.get()));
            field_texts.push(text.transpose().map_err(|error| {
                fail(line, Problem::BadJson(plain(&error))).field(layout.fields[place].as_str())
            })?);
        }
        if summary.rows == 0 {
            layout
                .check(&seen, &[Want::Required], &first_fields)
                .map_err(|(field, problem)| fail(line, problem).field(field))?;
        }
        let mut cells = [Cell::Absent; Column::COUNT];
        for column in Column::ALL {
            cells[column as usize] = match (&texts[column as usize], raw[column as usize]) {
                (Some(text), _) => Cell::Text(text),
                (None, Some(value)) => cell(value.get()),
                (None, None) => Cell::Absent,
            };
        }
        let fields: Vec<Cell<'_>> = raw_fields
            .iter()
            .zip(&field_texts)
            .map(|pair| match pair {
                // An empty text is as much as nothing here, as it is in a CSV.
                (_, Some(Text(text))) if text.is_empty() => Cell::Absent,
                (_, Some(Text(text))) => Cell::Text(text),
                (Some(value), None) => cell(value.get()),
                (None, None) => Cell::Absent,
            })
            .collect();
        summary.rows += 1;
        visit(&Row { at, cells, fields: &fields, decimal_comma: false })
            .map_err(|fault| fault.locate(path, layout, at))?;
    }
    if summary.rows == 0 {
        return Err(DataError::new(path, Problem::Empty));
    }
    layout
        .check(&summary.seen, &[Want::Named], &first_fields)
        .map_err(|(field, problem)| DataError::new(path, problem).field(field))?;
    if let Some(place) = fields_seen.iter().position(|seen| !seen) {
        let (field, problem) = no_field(&layout.fields[place], &first_fields);
        return Err(DataError::new(path, problem).field(field));
    }
    Ok(summary)
}

pub(super) fn columns(path: &Path, reader: TextReader, array: bool) -> Result<Vec<String>, DataError> {
    let mut lines = Lines::new(reader, array);
    let fail = |line, problem| DataError::new(path, problem).at(At::Line(line));
    let first = lines.advance().map_err(|(line, problem)| fail(line, problem))?;
    let Some((line, text)) = first else { return Err(DataError::new(path, Problem::Empty)) };
    let (mut names, mut current) = (Vec::new(), None);
    match names_of(text, &mut names, &mut current) {
        Ok(()) => Ok(names),
        Err(error) => Err(json_error(path, line, text, current.as_deref(), &error)),
    }
}

/// The fields of all objects, in order of first appearance.
pub(super) fn all_columns(path: &Path, reader: TextReader, array: bool) -> Result<Vec<String>, DataError> {
    let mut lines = Lines::new(reader, array);
    let fail = |line, problem| DataError::new(path, problem).at(At::Line(line));
    let (mut all, mut names, mut current) = (Names::default(), Vec::new(), None);
    while let Some((line, text)) = lines.advance().map_err(|(line, problem)| fail(line, problem))? {
        names.clear();
        names_of(text, &mut names, &mut current)
            .map_err(|error| json_error(path, line, text, current.as_deref(), &error))?;
        for name in &names {
            all.intern(name);
        }
    }
    Ok(all.iter().map(str::to_owned).collect())
}

/// Adds the names of an object's fields.
fn names_of(text: &str, names: &mut Vec<String>, current: &mut Option<String>) -> serde_json::Result<()> {
    let layout = Layout::default();
    let (raw, raw_fields) = (&mut Default::default(), &mut []);
    parse(Fields { layout: &layout, raw, raw_fields, current, names: Some(names) }, text)
}

/// A value that is no string.
fn cell(value: &str) -> Cell<'_> {
    match value.as_bytes().first() {
        Some(b'n') => Cell::Absent,
        Some(b't') => Cell::Bool(true),
        Some(b'f') => Cell::Bool(false),
        Some(b'[' | b'{') => Cell::Json(value),
        _ => match value.parse::<i64>() {
            Ok(number) => Cell::Integer(number),
            Err(_) => value.parse().map_or(Cell::Json(value), Cell::Number),
        },
    }
}

fn parse<'t>(fields: Fields<'_, 't>, text: &'t str) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    fields.deserialize(&mut json)?;
    json.end()
}

fn json_error(
    path: &Path,
    line: u64,
    text: &str,
    field: Option<&str>,
    error: &serde_json::Error,
) -> DataError {
    // An object of an array may take several lines.
    let above = error.line().saturating_sub(1);
    let (line, text) = (line + above as u64, text.split('\n').nth(above).unwrap_or_default());
    // serde_json counts bytes; people count characters.
    let mut byte = error.column().saturating_sub(1).min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let at = At::LineColumn(line, text[..byte].chars().count() as u64 + 1);
    let rest = &text[byte..];
    let problem = if ["NaN", "Infinity", "-Infinity"].iter().any(|word| rest.starts_with(word)) {
        let word = rest.split([',', '}', ' ']).next().unwrap_or_default();
        Problem::BadJson(format!("{word} is no number in JSON; null is what is not known"))
    } else if error.is_data() && error.to_string().contains(REPEATED) {
        Problem::RepeatedField
    } else {
        Problem::BadJson(plain(error))
    };
    let error = DataError::new(path, problem).at(at);
    match field {
        Some(field) => error.field(field),
        None => error,
    }
}

/// The message without serde_json's own line and column, which count from the start of the line.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

const REPEATED: &str = "a field stands twice";

/// Picks the wanted fields of an object and passes over the rest.
struct Fields<'a, 't> {
    layout: &'a Layout,
    raw: &'a mut [Option<&'t RawValue>; Column::COUNT],
    /// The values of the fields that make up an item.
    raw_fields: &'a mut [Option<&'t RawValue>],
    /// The field that is being read, for messages.
    current: &'a mut Option<String>,
    /// Collects the names of all fields.
    names: Option<&'a mut Vec<String>>,
}

impl<'t> DeserializeSeed<'t> for Fields<'_, 't> {
    type Value = ();
    fn deserialize<D: Deserializer<'t>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'t> Visitor<'t> for Fields<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(mut self, mut map: A) -> Result<(), A::Error> {
        use serde::de::Error;
        let mut next = 0;
        while let Some(Text(name)) = map.next_key()? {
            if let Some(names) = &mut self.names {
                names.push(name.clone().into_owned());
            }
            // Objects mostly have their fields in the same order.
            let named = |place: &usize| self.layout.fields.get(*place).is_some_and(|field| *field == name);
            let field = [next].into_iter().chain(0..self.layout.fields.len()).find(named);
            next = field.map_or(next, |place| place + 1);
            let mut columns = self.layout.wanted().filter(|(_, wanted, _)| *wanted == name);
            let first = columns.next();
            if first.is_none() && field.is_none() {
                map.next_value::<IgnoredAny>().inspect_err(|_| *self.current = Some(name.into_owned()))?;
                continue;
            }
            let value = map
                .next_value::<&'t RawValue>()
                .inspect_err(|_| *self.current = Some(name.clone().into_owned()))?;
            let before = field.and_then(|place| self.raw_fields[place].replace(value));
            let twice = first.and_then(|(first, ..)| self.raw[first as usize].replace(value)).is_some();
            if twice || before.is_some() {
                *self.current = Some(name.into_owned());
                return Err(A::Error::custom(REPEATED));
            }
            for (column, ..) in columns {
                self.raw[column as usize] = Some(value);
            }
        }
        Ok(())
    }
}

/// A text that borrows where JSON lets it: where nothing is escaped.
#[derive(serde::Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// Cuts text into objects of limited length, by lines or (of an array) by their brackets; one buffer serves them all.
struct Lines {
    reader: TextReader,
    buffer: Vec<u8>,
    /// The line on which the object begins.
    line: u64,
    array: Option<Array>,
}

/// Where in an array the reader is.
#[derive(Default)]
struct Array {
    /// Lines that ended so far.
    lines: u64,
    begun: bool,
    ended: bool,
}

impl Lines {
    fn new(reader: TextReader, array: bool) -> Self {
        Self { reader, buffer: Vec::new(), line: 0, array: array.then(Array::default) }
    }

    /// The next object that is not blank, and its line.
    fn advance(&mut self) -> Result<Option<(u64, &str)>, (u64, Problem)> {
        loop {
            let more = match &mut self.array {
                Some(array) => array.fill(&mut self.reader, &mut self.buffer, &mut self.line),
                None => self.fill(),
            };
            let more = more.map_err(|problem| (self.line, problem))?;
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                break;
            }
            if !more {
                return Ok(None);
            }
        }
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok(Some((self.line, text))),
            Err(_) => Err((self.line, Problem::NotUtf8)),
        }
    }

    /// Fills the buffer with the next line; whether there may be another.
    fn fill(&mut self) -> Result<bool, Problem> {
        self.buffer.clear();
        self.line += 1;
        loop {
            let input = self.reader.fill_buf().map_err(unpack_problem)?;
            if input.is_empty() {
                return Ok(false);
            }
            let end = memchr::memchr(b'\n', input);
            let taken = end.unwrap_or(input.len());
            if self.buffer.len() + taken > MAX_RECORD_BYTES {
                return Err(Problem::TooLong);
            }
            self.buffer.extend_from_slice(&input[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

impl Array {
    /// Fills the buffer with the next element; whether there may be another.
    fn fill(
        &mut self,
        reader: &mut TextReader,
        buffer: &mut Vec<u8>,
        line: &mut u64,
    ) -> Result<bool, Problem> {
        buffer.clear();
        let (mut depth, mut in_text, mut escaped) = (0_u32, false, false);
        loop {
            let input = reader.fill_buf().map_err(unpack_problem)?;
            if input.is_empty() {
                *line = self.lines + 1;
                if self.ended {
                    return Ok(false);
                }
                return Err(Problem::BadJson("the array does not end: the file is cut off".to_owned()));
            }
            for (at, &byte) in input.iter().enumerate() {
                self.lines += u64::from(byte == b'\n');
                if buffer.is_empty() {
                    let between = byte.is_ascii_whitespace() || byte == b',';
                    if self.ended && !byte.is_ascii_whitespace() {
                        *line = self.lines + 1;
                        return Err(Problem::BadJson("there is something after the array".to_owned()));
                    }
                    if between {
                        continue;
                    }
                    if !self.begun {
                        self.begun = true;
                        continue;
                    }
                    if byte == b']' {
                        self.ended = true;
                        continue;
                    }
                    *line = self.lines + 1;
                }
                let outside = !in_text;
                if in_text {
                    in_text = escaped || byte != b'"';
                    escaped = !escaped && byte == b'\\';
                } else {
                    match byte {
                        b'"' => in_text = true,
                        b'{' | b'[' => depth = depth.saturating_add(1),
                        b'}' | b']' if depth > 0 => depth -= 1,
                        // The end of an element that is no object.
                        b',' | b']' if depth == 0 => {
                            self.ended = byte == b']';
                            reader.consume(at + 1);
                            return Ok(true);
                        }
                        _ => {}
                    }
                }
                if buffer.len() >= MAX_RECORD_BYTES {
                    return Err(Problem::TooLong);
                }
                buffer.push(byte);
                if outside && depth == 0 && byte == b'}' {
                    reader.consume(at + 1);
                    return Ok(true);
                }
            }
            let all = input.len();
            reader.consume(all);
        }
    }
}

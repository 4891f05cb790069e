//! JSONL: one JSON object a line; or all of them in one array.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use ordinate_core::column::Names;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{At, DataError, Problem, quoted};
use crate::source::TextReader;
use crate::table::objects::Lines;
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
    let (mut count, mut within) = (0_u64, None);
    while let Some((line, text)) = lines.advance().map_err(|(line, problem)| fail(line, problem))? {
        count += 1;
        within = if count == 1 { within_one(text) } else { None };
        names.clear();
        names_of(text, &mut names, &mut current)
            .map_err(|error| json_error(path, line, text, current.as_deref(), &error))?;
        for name in &names {
            all.intern(name);
        }
    }
    match within {
        Some(problem) if count == 1 && !array => Err(DataError::new(path, problem)),
        _ => Ok(all.iter().map(str::to_owned).collect()),
    }
}

/// What an object is that is all of a file: rows in one of its fields, one after the other or by their ids, or a column in each.
fn within_one(text: &str) -> Option<Problem> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let values = |value: &'_ RawValue| -> Vec<String> {
        let list: Option<Vec<&RawValue>> = serde_json::from_str(value.get()).ok();
        let by_id = || serde_json::from_str::<BTreeMap<String, &RawValue>>(value.get()).ok();
        let all = list.or_else(|| by_id().map(|all| all.into_values().collect()));
        all.unwrap_or_default().into_iter().map(|value| value.get().chars().take(1).collect()).collect()
    };
    let all: Vec<(String, Vec<String>)> =
        fields.into_iter().map(|(name, value)| (name, values(value))).collect();
    let holds = |values: &[String]| values.len() > 1 && values.iter().all(|begin| begin == "{");
    if let Some((field, _)) = all.iter().find(|(_, values)| holds(values)) {
        return Some(Problem::RowsWithin(format!(", in the field {}", quoted(field))));
    }
    let rows = all.first()?.1.len();
    let are_columns = all.len() > 1 && rows > 1 && all.iter().all(|(_, values)| values.len() == rows);
    are_columns.then_some(Problem::ColumnsWithin)
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
    } else if line == 1 && error.is_eof() && text.trim() == "{" {
        Problem::RowsWithin(String::new())
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

//! The shape of a task file: sections, keys, types and words, held against the JSON Schema of its types. So
//! what is allowed is said in one place, `ordinate_core::task`.

use ordinate_core::nearest;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{DataError, Problem, quoted};
use crate::task::Key;
use crate::task::position::Document;
use crate::wording::did_you_mean;

/// Checks that every section and key is known, that none is missing, and that every value is of its type.
pub(super) fn shape(document: &Document<'_>, schema: &Value) -> Result<(), DataError> {
    Checker { document, schema }.table(&document.root, None, schema, &mut Vec::new())
}

struct Checker<'a, 's> {
    document: &'a Document<'s>,
    schema: &'a Value,
}

impl<'a, 's> Checker<'a, 's> {
    fn table<'k>(
        &self,
        table: &'k DeTable<'s>,
        offset: Option<usize>,
        schema: &'k Value,
        keys: &mut Vec<Key<'k>>,
    ) -> Result<(), DataError>
    where
        'a: 'k,
    {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
        for (key, value) in table {
            let name: &str = key.get_ref();
            keys.push(Key::Name(name));
            let Some(inner) = properties.get(name) else {
                return Err(self.unknown(key, value, properties.keys(), keys));
            };
            self.value(value, inner, keys)?;
            keys.pop();
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if !table.contains_key(name) {
                keys.push(Key::Name(name));
                let about = properties.get(name).map(|inner| self.resolved(inner)).unwrap_or(&Value::Null);
                let problem = Problem::Missing(how_to_add(name, about, keys.len() == 1));
                return Err(match offset {
                    Some(offset) => self.document.error_at_offset(offset, keys, problem),
                    None => self.document.error_at(keys, problem),
                });
            }
        }
        Ok(())
    }

    fn unknown<'n>(
        &self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        allowed: impl Iterator<Item = &'n String>,
        keys: &[Key<'_>],
    ) -> DataError {
        let section = keys.len() == 1 && !matches!(value.get_ref(), DeValue::String(_) | DeValue::Integer(_));
        let allowed: Vec<String> = allowed.cloned().collect();
        let nearest = nearest(key.get_ref(), allowed.iter().map(String::as_str));
        let what = if section { "section" } else { "key" };
        let hint = match self.sections_with(key.get_ref()).as_slice() {
            [] => did_you_mean(nearest),
            sections if section || sections.len() > 2 => did_you_mean(nearest),
            sections => format!(" (it is a key of {})", sections.join(" and of ")),
        };
        let problem = Problem::UnknownKey { what, hint, allowed };
        self.document.error_at_offset(key.span().start, keys, problem)
    }

    /// The sections that have a key of this name, as they are written.
    fn sections_with(&self, key: &str) -> Vec<String> {
        let sections = self.schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let has = |(name, schema): (&String, &'a Value)| {
            let own = self.resolved(schema);
            let entry = own.get("items").map(|entry| self.resolved(entry));
            entry.unwrap_or(own).get("properties")?.get(key)?;
            Some(if entry.is_some() { format!("[[{name}]]") } else { format!("[{name}]") })
        };
        sections.filter_map(has).collect()
    }

    fn value<'k>(
        &self,
        value: &'k Spanned<DeValue<'s>>,
        schema: &'k Value,
        keys: &mut Vec<Key<'k>>,
    ) -> Result<(), DataError>
    where
        'a: 'k,
    {
        let schema = self.resolved(schema);
        let ways = options(schema);
        if ways.len() > 1 {
            let fits = |way: &&'k Value| self.value(value, way, &mut keys.clone()).is_ok();
            if ways.iter().any(fits) {
                return Ok(());
            }
            let allowed: Vec<String> =
                ways.iter().map(|way| Expected::of(self.resolved(way)).to_string()).collect();
            let allowed = allowed.join(", or ");
            let problem = Problem::BadValue { found: found(value.get_ref()), allowed, nearest: None };
            return Err(self.document.error_at_offset(value.span().start, keys, problem));
        }
        let expected = Expected::of(schema);
        let bad = |nearest: Option<String>, keys: &[Key<'_>]| {
            let problem =
                Problem::BadValue { found: found(value.get_ref()), allowed: expected.to_string(), nearest };
            Err(self.document.error_at_offset(value.span().start, keys, problem))
        };
        match (&expected, value.get_ref()) {
            (Expected::Table, DeValue::Table(table)) => {
                self.table(table, Some(value.span().start), schema, keys)
            }
            (Expected::Array, DeValue::Array(array)) => {
                for (place, inner) in array.iter().enumerate() {
                    keys.push(Key::Place(place));
                    self.value(inner, schema.get("items").unwrap_or(&Value::Null), keys)?;
                    keys.pop();
                }
                Ok(())
            }
            (Expected::Words(words), DeValue::String(text)) => {
                if words.contains(&text.as_ref()) {
                    return Ok(());
                }
                bad(nearest(text, words.iter().copied()).map(str::to_owned), keys)
            }
            (Expected::Text, DeValue::String(_))
            | (Expected::Number, DeValue::Float(_) | DeValue::Integer(_))
            | (Expected::Truth, DeValue::Boolean(_))
            | (Expected::Any, _) => Ok(()),
            (Expected::Whole { least, most }, DeValue::Integer(number)) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
                match parsed {
                    Some(number) if number >= *least && number <= *most => Ok(()),
                    _ => bad(None, keys),
                }
            }
            _ => bad(None, keys),
        }
    }

    /// Follows references, and passes through the `null` that schemas of optional values allow.
    fn resolved<'k>(&self, schema: &'k Value) -> &'k Value
    where
        'a: 'k,
    {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.schema.pointer(pointer));
            return target.map_or(schema, |target| self.resolved(target));
        }
        match options(schema).as_slice() {
            [only] => self.resolved(only),
            _ => schema,
        }
    }
}

/// The ways of which a value may take any, but for `null`; empty where there is one way.
fn options(schema: &Value) -> Vec<&Value> {
    let all = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    all.filter(|option| option.get("type").and_then(Value::as_str) != Some("null")).collect()
}

/// What a value has to be.
enum Expected<'a> {
    Table,
    Array,
    Words(Vec<&'a str>),
    Text,
    Number,
    Whole { least: i64, most: i64 },
    Truth,
    Any,
}

impl<'a> Expected<'a> {
    fn of(schema: &'a Value) -> Self {
        let constants = |name| {
            let options = schema.get(name).and_then(Value::as_array).into_iter().flatten();
            options.filter_map(|option| option.get("const").unwrap_or(option).as_str()).collect::<Vec<_>>()
        };
        for words in [constants("enum"), constants("oneOf")] {
            if !words.is_empty() {
                return Self::Words(words);
            }
        }
        let types = match schema.get("type") {
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(name)) => vec![name.as_str()],
            _ => vec![],
        };
        match types.into_iter().find(|name| *name != "null") {
            Some("object") => Self::Table,
            Some("array") => Self::Array,
            Some("string") => Self::Text,
            Some("number") => Self::Number,
            Some("boolean") => Self::Truth,
            Some("integer") => {
                let bound = |name| schema.get(name).and_then(Value::as_i64);
                Self::Whole {
                    least: bound("minimum").unwrap_or(i64::MIN),
                    most: bound("maximum").unwrap_or(i64::MAX),
                }
            }
            _ => Self::Any,
        }
    }
}

impl std::fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Table => f.write_str("a table, such as { key = \"value\" }"),
            Self::Array => f.write_str("an array, such as [\"a\", \"b\"]"),
            Self::Words(words) => f.write_str(&words.join(", ")),
            Self::Text => f.write_str("a text in quotes"),
            Self::Number => f.write_str("a number"),
            Self::Whole { least: 0, most: i64::MAX } => f.write_str("a whole number of at least 0"),
            Self::Whole { least, most } => write!(f, "a whole number from {least} to {most}"),
            Self::Truth => f.write_str("true or false"),
            Self::Any => f.write_str("any value"),
        }
    }
}

fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn how_to_add(name: &str, schema: &Value, section: bool) -> String {
    match Expected::of(schema) {
        Expected::Table if section => format!("Add a line [{name}] and its keys below it."),
        Expected::Words(words) => format!("Add {name} = one of {}.", words.join(", ")),
        expected => format!("Add {name} = {expected}."),
    }
}

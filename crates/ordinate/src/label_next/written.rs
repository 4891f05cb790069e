//! The file that a person fills in, and what is said of it.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Fields, LabelNext, ToLabel};
use crate::error::{Error, Fault};

impl LabelNext {
    /// Writes the items for a person to fill in: CSV where the name ends so, else JSON lines. Items that nobody fills in are passed
    /// over by a run.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be written.
    pub fn write(&self, out: &Path) -> Result<(), Error> {
        let rows: Vec<Vec<(String, Value)>> = self.items.iter().map(|item| row(self, item)).collect();
        let mut text = String::new();
        if out.extension() == Some(OsStr::new("csv")) {
            let line =
                |cells: Vec<String>| cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\n";
            text += &line(rows.first().into_iter().flatten().map(|(name, _)| name.clone()).collect());
            let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            rows.iter().for_each(|row| text += &line(row.iter().map(|(_, value)| shown(value)).collect()));
        } else {
            for row in rows {
                text += &Value::Object(row.into_iter().collect::<Map<_, _>>()).to_string();
                text.push('\n');
            }
        }
        std::fs::write(out, text)
            .map_err(|error| Error::file(out, Fault::Run, format!("cannot be written: {error}")))
    }

    /// What was written to `out`, and what to do with it.
    #[must_use]
    pub fn summary(&self, out: &Path) -> String {
        let target = &self.fields.target;
        let differ = self.items.iter().filter(|item| item.settles > 0.0).count();
        let mut text = format!(
            "{} of {} items written to {}, what is worth most first; fill in {target}\n",
            self.items.len(),
            self.of,
            out.display()
        );
        match self.between.as_slice() {
            [one, other] => text += &format!("{one} and {other} answer {differ} of them differently\n"),
            [one] => text += &format!("only {one} answered: they are those of which it is least sure\n"),
            _ => {}
        }
        if !self.without.is_empty() {
            text += &format!(
                "without {}, whose answers are not at hand (--answers NAME=FILE)\n",
                self.without.join(", ")
            );
        }
        text + "add them to the train items: they are no random draw, so a test part of them would not be like the items to come\n"
    }
}

/// The fields of an item, in their order: those of the task, and what is known of it.
fn row(ranked: &LabelNext, item: &ToLabel) -> Vec<(String, Value)> {
    let Fields { id, input, slice, context, options, option_columns, target } = &ranked.fields;
    let mut cells = Vec::new();
    cells.extend(id.as_ref().map(|id| (id.clone(), Value::from(item.id.clone()))));
    cells.push((input.clone(), Value::from(item.input.clone())));
    if ranked.items.iter().any(|item| item.context.is_some()) {
        cells.push((context.clone(), Value::from(item.context.clone().unwrap_or_default())));
    }
    // Without its passage and its options an item could not be answered, nor added to the others.
    if !option_columns.is_empty() {
        let whole = item.options.len() == option_columns.len();
        for (at, column) in option_columns.iter().enumerate() {
            let named = item.options.iter().find(|option| option.key == *column);
            let option = named.or_else(|| item.options.get(at).filter(|_| whole));
            cells.push((column.clone(), Value::from(option.map_or("", |option| option.text.as_str()))));
        }
    } else if ranked.items.iter().any(|item| !item.options.is_empty()) {
        let all = item.options.iter().map(|option| (option.key.clone(), Value::from(option.text.clone())));
        cells.push((options.clone(), Value::Object(all.collect())));
    }
    cells.push((target.clone(), Value::from("")));
    if ranked.items.iter().any(|item| item.slice.is_some()) {
        cells.push((slice.clone(), Value::from(item.slice.clone().unwrap_or_default())));
    }
    let round = |share: f64| Value::from((1e3 * share).round() / 1e3);
    let said: Vec<String> = item.said.iter().map(|(name, output)| format!("{name}: {output}")).collect();
    let known = [
        ("worth", round(item.worth)),
        ("settles", round(item.settles)),
        ("teaches", round(item.teaches)),
        ("said", Value::from(said.join("; "))),
    ];
    for (name, value) in known {
        // A field of the task keeps its name.
        if cells.iter().all(|(known, _)| known != name) {
            cells.push((name.to_owned(), value));
        }
    }
    cells
}

/// A cell of CSV (RFC 4180).
fn cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

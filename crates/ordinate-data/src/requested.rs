//! Items of a request: JSON objects with the fields that the task reads its items from.

use std::borrow::Cow;
use std::path::Path;

use ordinate_core::{Field, FieldValue, Input, Item};
use serde_json::{Map, Value};

use crate::error::{DataError, Problem};
use crate::features;
use crate::images;
use crate::read_item::ReadItem;
use crate::recorded::{Extent, item_files};
use crate::series::Asked;
use crate::table::{self, Cell, Column, Fault, Layout, Row, Want};
use crate::task::Task;

/// What messages call the rows of a request: `item:2` is its second.
const NAME: &str = "item";

/// Reads the items of requests as those of the task's files were read.
#[derive(Debug, Clone)]
pub struct RequestedItems {
    task: Task,
    /// The fields that make up an item.
    names: Vec<String>,
    layout: Layout,
    /// The columns that a request may also call by Ordinate's own name, with the name that the task file gives.
    renamed: Vec<(&'static str, String)>,
}

impl RequestedItems {
    /// For this task. Its data is looked at only where it says `features = "all"`.
    ///
    /// # Errors
    /// [`DataError`] where it does, and its data cannot be read.
    pub fn of(task: &Task) -> Result<Self, DataError> {
        let data = &task.file.data;
        let needs_files = matches!(data.features, Some(ordinate_core::task::FeatureFields::All(_)));
        let files = if needs_files { item_files(task)? } else { Vec::new() };
        let names = features::names(task, &files)?;
        let of_series = Asked::of(task).map_or_else(Vec::new, |series| series.names().to_vec());
        let fields: Vec<String> =
            of_series.iter().chain(&names).chain(&data.option_columns).cloned().collect();
        let columns = [
            (Column::Id, &data.id),
            (Column::Slice, &data.slice),
            (Column::Group, &data.group),
            (Column::Input, &data.input),
            (Column::Context, &data.context),
            (Column::Options, &data.options),
        ];
        // What a request leaves out is not known, whatever the task's files have.
        let layout = columns.iter().fold(Layout::default().with_fields(&fields), |layout, (column, name)| {
            layout.called(*column, name.as_deref().unwrap_or(column.name()), Want::Optional)
        });
        let renamed = columns
            .iter()
            .filter_map(|(column, name)| Some((column.name(), name.as_ref()?.clone())))
            .filter(|(own, name)| own != name)
            .collect();
        Ok(Self { task: task.clone(), names, layout, renamed })
    }

    /// The name of the field with an item's input, if there is one.
    #[must_use]
    pub fn input_field(&self) -> &str {
        self.task.file.data.input.as_deref().unwrap_or(Column::Input.name())
    }

    /// The name of the field with the passage that an item is about.
    #[must_use]
    pub fn context_field(&self) -> &str {
        self.task.file.data.context.as_deref().unwrap_or(Column::Context.name())
    }

    /// Reads them, in their order. Whatever the task calls its columns, `input`, `slice`, `context`, `options` and `id` are
    /// understood too; every other field is passed over.
    ///
    /// # Errors
    /// [`DataError`] for the first that cannot be read, or has no input.
    pub fn read(&self, rows: Vec<Map<String, Value>>) -> Result<Vec<Item>, DataError> {
        let mut lines = String::new();
        let count = rows.len();
        for mut row in rows {
            for (own, name) in &self.renamed {
                if !row.contains_key(name)
                    && let Some(value) = row.remove(*own)
                {
                    row.insert(name.clone(), value);
                }
            }
            let series = Asked::of(&self.task);
            let of_series = series.iter().flat_map(Asked::names);
            for name in of_series.chain(&self.names).chain(&self.task.file.data.option_columns) {
                row.entry(name.as_str()).or_insert(Value::Null);
            }
            lines.push_str(&Value::Object(row).to_string());
            lines.push('\n');
        }
        let mut items = Vec::with_capacity(count);
        table::read_lines(Path::new(NAME), lines, &self.layout, &mut |row: &Row<'_>| {
            items.push(self.item(row, items.len() + 1)?);
            Ok(())
        })?;
        Ok(items)
    }

    fn item(&self, row: &Row<'_>, number: usize) -> Result<Item, Fault> {
        let apart = &self.task.file.data.option_columns;
        let read = ReadItem::of(&self.task, &self.names, apart, row, Extent::Whole)?;
        let Some(text) = read.input.filter(|input| !input.trim().is_empty()) else {
            return Err(Fault::new(Column::Input, Problem::EmptyCell));
        };
        let text = match Asked::of(&self.task) {
            Some(series) => Cow::Owned(series.text(row, &text)?),
            // A request names no files.
            None if self.task.kind.takes_images() => Cow::Owned(
                images::checked(&self.task, &text).map_err(|problem| Fault::new(Column::Input, problem))?,
            ),
            None => text,
        };
        let fields = self.names.iter().zip(row.fields).filter_map(|(name, cell)| {
            let value = match cell {
                Cell::Number(number) => FieldValue::Number(*number),
                Cell::Integer(number) => FieldValue::Number(*number as f64),
                Cell::Text(text) => FieldValue::Category(text.trim().to_owned()),
                Cell::Bool(truth) => FieldValue::Category(truth.to_string()),
                Cell::Absent | Cell::Json(_) | Cell::Unusable(_) => return None,
            };
            Some(Field { name: name.clone(), value })
        });
        let id = row.text(Column::Id)?.map_or_else(|| number.to_string(), Cow::into_owned);
        Ok(Item {
            id,
            input: Input { text: text.into_owned(), fields: fields.collect() },
            context: read.context.map(Cow::into_owned),
            options: read.options,
            target: None,
            slice: read.slice.map(Cow::into_owned),
            group: read.group.map(Cow::into_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::parse_task;

    fn read(kind: &str, data: &str, rows: Value) -> Result<Vec<Item>, DataError> {
        let text =
            format!("[task]\nname = \"t\"\nkind = \"{kind}\"\n[data]\nitems = \"Cargo.toml\"\n{data}\n");
        let task = parse_task(Path::new("t.toml"), &text).unwrap();
        let rows: Vec<Map<String, Value>> = serde_json::from_value(rows).unwrap();
        RequestedItems::of(&task).unwrap().read(rows)
    }

    #[test]
    fn fields_are_those_of_the_task_and_further_ones_are_passed_over() {
        let rows = json!([
            { "question": "Why?", "area": "law", "choices": ["a", "b"], "more": { "x": [1] } },
            { "input": "What?", "slice": "art", "options": { "C": "c" }, "id": 7 },
        ]);
        let items =
            read("choose", "input = \"question\"\nslice = \"area\"\noptions = \"choices\"", rows).unwrap();
        assert_eq!((items[0].id.as_str(), items[0].input.text.as_str()), ("1", "Why?"));
        assert_eq!((items[0].slice.as_deref(), items[0].options[1].text.as_str()), (Some("law"), "b"));
        assert_eq!((items[1].id.as_str(), items[1].input.text.as_str()), ("7", "What?"));
        assert_eq!((items[1].slice.as_deref(), items[1].options[0].key.as_str()), (Some("art"), "C"));
    }

    #[test]
    fn what_makes_up_an_item_may_be_fields() {
        let data = "features = [\"age\", \"town\"]";
        let items = read("classify", data, json!([{ "age": 41 }, { "town": "Ulm" }])).unwrap();
        assert_eq!(items[0].input.text, "age: 41");
        assert_eq!(items[0].input.field("age"), Some(&FieldValue::Number(41.0)));
        assert_eq!(items[1].input.text, "town: Ulm");
        let row = json!([{ "input": "x", "A": "yes", "B": "no" }]);
        let items = read("choose", "option_columns = [\"A\", \"B\"]", row).unwrap();
        assert_eq!(items[0].options[1].key, "B");
    }

    #[test]
    fn an_item_without_an_input_is_named() {
        let error = read("choose", "input = \"question\"", json!([{ "question": "x" }, { "text": "y" }]))
            .unwrap_err();
        assert!(error.to_string().contains("item:2") && error.to_string().contains("question"), "{error}");
    }
}

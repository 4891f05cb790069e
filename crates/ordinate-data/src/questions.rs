//! Items that a policy is to decide about: a file of any of the formats that a task's data may have.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use ordinate_core::{Choice, Item};

use crate::error::{DataError, Problem};
use crate::features;
use crate::images;
use crate::read_item::ReadItem;
use crate::recorded::Extent;
use crate::series::Asked;
use crate::table::{self, Column, Fault, Layout, Row, Want};
use crate::task::Task;

/// One item to decide about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemToAsk {
    /// Its id; its number, from 1, where it has none.
    pub id: String,
    /// The text, if it has one.
    pub input: Option<String>,
    /// The slice, if it has one.
    pub slice: Option<String>,
    /// The passage that it is about, if it has one.
    pub context: Option<String>,
    /// The options to choose from, if it has some.
    pub options: Vec<Choice>,
}

impl ItemToAsk {
    /// The item as a candidate gets it.
    #[must_use]
    pub fn item(&self) -> Item {
        Item {
            id: self.id.clone(),
            input: self.input.clone().unwrap_or_default().into(),
            context: self.context.clone(),
            options: self.options.clone(),
            slice: self.slice.clone(),
            ..Item::default()
        }
    }
}

/// What each item has to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A text, or fields that make up one; and the fields that the task names for passage and options have to be there.
    pub input: bool,
    /// A passage: whoever answers looks for the answer in it.
    pub passage: bool,
}

/// Reads items row by row, from the fields that this task reads its items from.
///
/// # Errors
/// [`DataError`], with file, line or row and field, for the first row that cannot be read, a field that is missing, or an
/// item without what is wanted; rows before it were visited. Where `visit` says no, reading stops without an error.
pub fn read_items_to_ask(
    task: &Task,
    file: &Path,
    wanted: Wanted,
    visit: &mut dyn FnMut(ItemToAsk) -> bool,
) -> Result<(), DataError> {
    let data = &task.file.data;
    let wants_input = wanted.input;
    let files: [(PathBuf, _); 1] = [(file.to_owned(), None)];
    let names = features::names(task, &files)?;
    let series = Asked::of(task);
    let of_fields = !names.is_empty() && data.input.is_none();
    let want = if wants_input && !of_fields { Want::Required } else { Want::Optional };
    let apart: &[String] = if series.is_none() && wants_input { &data.option_columns } else { &[] };
    let fields = series.as_ref().map_or(names.as_slice(), Asked::names).iter().chain(apart).cloned();
    let fields: Vec<String> = fields.collect();
    let mut layout = Layout::of(&[
        (Column::Id, Want::Optional),
        (Column::Input, want),
        (Column::Slice, Want::Optional),
        (Column::Context, if wanted.passage { Want::Required } else { Want::Optional }),
        (Column::Options, Want::Optional),
    ])
    .named(Column::Id, data.id.as_deref())
    .named(Column::Slice, data.slice.as_deref())
    .with_fields(&fields);
    if wants_input {
        layout = layout
            .named(Column::Input, data.input.as_deref())
            .named(Column::Context, data.context.as_deref())
            .named(Column::Options, data.options.as_deref());
    }
    let (mut number, mut stopped) = (0_u64, false);
    let read = table::read(file, &layout, &mut |row: &Row<'_>| {
        number += 1;
        let id = match row.text(Column::Id)? {
            Some(id) => id.into_owned(),
            None if data.id.is_some() => return Err(Fault::new(Column::Id, Problem::EmptyCell)),
            None => number.to_string(),
        };
        let read = ReadItem::of(task, &names, apart, row, Extent::Whole)?;
        let mut input = read.input.map(Cow::into_owned);
        if let (Some(series), Some(text)) = (&series, &input) {
            input = Some(series.text(row, text)?);
        }
        if task.kind.takes_images()
            && let Some(cell) = &input
        {
            input = Some(images::of_cell(task, file, cell)?);
        }
        if wants_input && input.as_deref().is_none_or(|input| input.trim().is_empty()) {
            return Err(Fault::new(Column::Input, Problem::EmptyCell));
        }
        let context = read.context.map(Cow::into_owned);
        if wanted.passage && context.as_deref().is_none_or(|passage| passage.trim().is_empty()) {
            return Err(Fault::new(Column::Context, Problem::EmptyCell));
        }
        let (slice, options) = (read.slice.map(Cow::into_owned), read.options);
        stopped = !visit(ItemToAsk { id, input, slice, context, options });
        // What is wrong with the row is that nobody wants it; it is not told.
        if stopped { Err(Fault::new(None, Problem::EmptyCell)) } else { Ok(()) }
    });
    if stopped { Ok(()) } else { read.map(|_| ()) }
}

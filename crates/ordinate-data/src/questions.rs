//! Items that a policy is to decide about: a file of any of the formats that a task's data may have.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Problem};
use crate::features;
use crate::images;
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
}

/// Reads items row by row, from the fields that this task reads its items from. With `wants_input` each has to have one.
///
/// # Errors
/// [`DataError`], with file, line or row and field, for the first row that cannot be read, a field that is missing, or an
/// item without an input; rows before it were visited. Where `visit` says no, reading stops without an error.
pub fn read_items_to_ask(
    task: &Task,
    file: &Path,
    wants_input: bool,
    visit: &mut dyn FnMut(ItemToAsk) -> bool,
) -> Result<(), DataError> {
    let data = &task.file.data;
    let files: [(PathBuf, _); 1] = [(file.to_owned(), None)];
    let names = features::names(task, &files)?;
    let series = Asked::of(task);
    let of_fields = !names.is_empty() && data.input.is_none();
    let want = if wants_input && !of_fields { Want::Required } else { Want::Optional };
    let mut layout =
        Layout::of(&[(Column::Id, Want::Optional), (Column::Input, want), (Column::Slice, Want::Optional)])
            .named(Column::Id, data.id.as_deref())
            .named(Column::Slice, data.slice.as_deref())
            .with_fields(series.as_ref().map_or(&names, Asked::names));
    if wants_input {
        layout = layout.named(Column::Input, data.input.as_deref());
    }
    let (mut number, mut stopped) = (0_u64, false);
    let read = table::read(file, &layout, &mut |row: &Row<'_>| {
        number += 1;
        let id = match row.text(Column::Id)? {
            Some(id) => id.into_owned(),
            None if data.id.is_some() => return Err(Fault::new(Column::Id, Problem::EmptyCell)),
            None => number.to_string(),
        };
        let mut input = row.text(Column::Input)?.map(Cow::into_owned);
        if input.is_none() {
            input = features::text(&names, row)?;
        }
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
        let slice = row.text(Column::Slice)?.map(Cow::into_owned);
        stopped = !visit(ItemToAsk { id, input, slice });
        // What is wrong with the row is that nobody wants it; it is not told.
        if stopped { Err(Fault::new(None, Problem::EmptyCell)) } else { Ok(()) }
    });
    if stopped { Ok(()) } else { read.map(|_| ()) }
}

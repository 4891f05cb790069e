//! `[data] targets`: right answers in a file of their own, for items that have none: what people gave as labels.

use std::collections::HashMap;

use crate::error::{At, DataError, Problem, quoted};
use crate::labels;
use crate::source;
use crate::table::{self, Column, Fault, Layout, Row, Want};
use crate::task::{Key, Task};

/// The targets of the files, by the id of the item.
#[derive(Debug, Default)]
pub(crate) struct Targets(HashMap<String, Given>);

#[derive(Debug)]
struct Given {
    /// `None` where it was taken back.
    target: Option<String>,
    /// The text that the item had when it was labelled.
    input: Option<String>,
    /// The line, with its file.
    place: String,
}

impl Targets {
    /// Reads those that the task names. Of several for one item the last counts, and one without a target takes back those
    /// before it.
    ///
    /// # Errors
    /// [`DataError`] where a file is not there or cannot be read.
    pub(crate) fn of(task: &Task) -> Result<Self, DataError> {
        let data = &task.file.data;
        let mut all = HashMap::new();
        let Some(text) = &data.targets else { return Ok(Self(all)) };
        let files = source::resolve(task.dir(), text)
            .map_err(|problem| task.error_at(&[Key::Name("data"), Key::Name("targets")], problem))?;
        let layout = Layout::of(&[
            (Column::Id, Want::Required),
            (Column::Target, Want::Optional),
            (Column::Input, Want::Optional),
        ]);
        for file in &files {
            // Where nothing was labelled yet the file is empty.
            if std::fs::metadata(file).is_ok_and(|file| file.len() == 0) {
                continue;
            }
            table::read(file, &layout, &mut |row: &Row<'_>| {
                let id = row.required_text(Column::Id)?.into_owned();
                let target = row.text(Column::Target)?.map(|target| labels::named(data, target).into_owned());
                let input = row.exact_text(Column::Input)?.map(std::borrow::Cow::into_owned);
                let place = match row.at {
                    At::Line(line) | At::LineColumn(line, _) => format!("line {line} of {}", file.display()),
                    At::Row(number) => format!("row {number} of {}", file.display()),
                };
                all.insert(id, Given { target, input, place });
                Ok(())
            })?;
        }
        Ok(Self(all))
    }

    /// The target of the item with this id and text, if there is one.
    ///
    /// # Errors
    /// [`Problem::OtherText`] where it was given for another text: ids that are numbers move with the rows of a file.
    pub(crate) fn target(&self, id: &str, input: Option<&str>) -> Result<Option<&str>, Fault> {
        let Some(given) = self.0.get(id) else { return Ok(None) };
        let is_other = given.input.as_deref().zip(input).is_some_and(|(then, now)| then != now);
        match &given.target {
            Some(_) if is_other => {
                let problem = Problem::OtherText(quoted(id), given.place.clone());
                Err(Fault::new(Column::Target, problem))
            }
            target => Ok(target.as_deref()),
        }
    }
}

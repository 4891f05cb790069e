//! The cells of a row that make up an item, and its options.

use std::borrow::Cow;

use ordinate_core::Choice;

use crate::error::{Problem, quoted};
use crate::recorded::Extent;
use crate::table::{Column, Fault, Row};
use crate::task::Task;
use crate::{features, labels, unasked};

/// The cells of an item.
pub(crate) struct ReadItem<'r> {
    pub(crate) slice: Option<Cow<'r, str>>,
    pub(crate) group: Option<Cow<'r, str>>,
    pub(crate) input: Option<Cow<'r, str>>,
    pub(crate) target: Option<Cow<'r, str>>,
    pub(crate) context: Option<Cow<'r, str>>,
    pub(crate) options: Vec<Choice>,
}

impl<'r> ReadItem<'r> {
    /// Those of a row. `names` are the fields that make up an item, `apart` those that hold an option each.
    pub(crate) fn of(
        task: &'r Task,
        names: &[String],
        apart: &[String],
        row: &Row<'r>,
        extent: Extent,
    ) -> Result<Self, Fault> {
        let mut input = row.text(Column::Input)?;
        let target = row.text(Column::Target)?.map(|target| labels::named(&task.file.data, target));
        if input.is_none() {
            input = features::text(names, row)?.map(Cow::Owned);
        }
        let (context, options) = match extent {
            Extent::Known => (None, Vec::new()),
            Extent::Whole => (row.text(Column::Context)?, options(row, apart)?),
        };
        let (slice, group) = (row.text(Column::Slice)?, row.text(Column::Group)?);
        Ok(Self { slice, group, input, target, context, options })
    }
}

/// The options of an item: in one field, or in those of these names, which are the last that are read.
fn options(row: &Row<'_>, apart: &[String]) -> Result<Vec<Choice>, Fault> {
    if !apart.is_empty() {
        let first = row.fields.len() - apart.len();
        let mut options = Vec::new();
        for (place, name) in apart.iter().enumerate() {
            let text = row.fields[first + place]
                .text()
                .map_err(|problem| Fault::in_field(first + place, problem))?;
            // Items may have fewer options than others.
            let Some(text) = text.filter(|text| !text.trim().is_empty()) else { continue };
            let is_letter = name.len() == 1 && name.starts_with(|c: char| c.is_ascii_alphabetic());
            options.push((is_letter.then(|| name.clone()), text.trim().to_owned()));
        }
        return Ok(Choice::keyed(options));
    }
    let Some(json) = row.text(Column::Options)? else { return Ok(Vec::new()) };
    unasked::options(&json).ok_or_else(|| Fault::new(Column::Options, Problem::NoOptions(quoted(&json))))
}

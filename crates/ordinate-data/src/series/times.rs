//! Tables with a time a row: the values of one series, of each of several, or of those that an id names.

mod moment;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::{Output, Part};

use super::{CountFields, Counts, cut, numbers};
use crate::error::{At, DataError, Problem, quoted};
use crate::evidence::fault;
use crate::memory::Kept;
use crate::table::{self, Cell, Column, Fault, Layout, Row, Want};
use crate::task::Task;
use moment::{Moment, uneven};

/// A series while it is read.
struct Whole {
    id: String,
    counts: Counts,
    slice: Option<String>,
    group: Option<String>,
    /// Where it was met first.
    first: At,
    values: Vec<(Moment, f64)>,
}

/// Reads the items of these files: a series may not go on from one file to the next.
pub(super) fn read_items(
    task: &Task,
    files: &[(PathBuf, Option<Part>)],
    builder: &mut EvidenceBuilder,
) -> Result<(), DataError> {
    let mut all = Vec::new();
    for (file, part) in files {
        all.extend(read(task, file)?.into_iter().map(|whole| (file, *part, whole)));
    }
    // The origins of a single series are all there is: one group would leave nothing to compare.
    let grouped = all.len() > 1;
    let kept = Kept::default();
    for (file, part, whole) in &all {
        let adding = Adding { task, part: *part, kept: &kept, grouped };
        adding.add(whole, builder).map_err(|fault| {
            let field = task.file.data.input.clone().unwrap_or_else(|| whole.id.clone());
            fault.into_error(file, whole.first, &field)
        })?;
    }
    Ok(())
}

/// The fields that are read.
struct Fields {
    layout: Layout,
    counts: CountFields,
    /// The columns of values come first, then the time.
    columns: usize,
    time: Option<usize>,
}

impl Fields {
    fn of(task: &Task) -> Self {
        let (data, section) = (&task.file.data, &task.file.series);
        let mut names = section.columns.clone();
        let columns = names.len();
        names.extend(section.time.clone());
        let counts = CountFields::of(section, names.len());
        names.extend(counts.names.iter().cloned());
        let mut layout = Layout::of(&[(Column::Slice, Want::Optional), (Column::Group, Want::Optional)]);
        if columns == 0 {
            layout = Layout::of(&[
                (Column::Id, Want::Optional),
                (Column::Input, Want::Required),
                (Column::Slice, Want::Optional),
                (Column::Group, Want::Optional),
            ]);
            layout = layout.named(Column::Id, data.id.as_deref()).named(Column::Input, data.input.as_deref());
        }
        let layout = layout
            .named(Column::Slice, data.slice.as_deref())
            .named(Column::Group, data.group.as_deref())
            .with_fields(&names);
        Self { layout, counts, columns, time: section.time.as_ref().map(|_| columns) }
    }
}

fn read(task: &Task, file: &Path) -> Result<Vec<Whole>, DataError> {
    let fields = Fields::of(task);
    let names = &task.file.series.columns;
    let alone = task.file.data.input.clone().unwrap_or_else(|| Column::Input.name().to_owned());
    let mut all: Vec<Whole> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut number = 0_u32;
    table::read(file, &fields.layout, &mut |row: &Row<'_>| {
        number += 1;
        let moment = match fields.time {
            None => Moment::Number(f64::from(number)),
            Some(place) => {
                time(row.fields[place]).map_err(|text| Fault::in_field(place, Problem::Series(text)))?
            }
        };
        let counts = fields.counts.read(row)?;
        let mut put = |id: &str, value: f64| -> Result<(), Fault> {
            let place = match places.get(id) {
                Some(place) => *place,
                None => {
                    let text = |column| row.text(column).map(|text| text.map(std::borrow::Cow::into_owned));
                    let (slice, group) = (text(Column::Slice)?, text(Column::Group)?);
                    places.insert(id.to_owned(), all.len());
                    all.push(Whole {
                        id: id.to_owned(),
                        counts,
                        slice,
                        group,
                        first: row.at,
                        values: Vec::new(),
                    });
                    all.len() - 1
                }
            };
            all[place].values.push((moment, value));
            Ok(())
        };
        for (place, name) in names.iter().enumerate() {
            let value = value(row.fields[place], row.decimal_comma);
            put(name, value.map_err(|text| Fault::in_field(place, Problem::Series(text)))?)?;
        }
        if fields.columns == 0 {
            let value = value(row.cell(Column::Input), row.decimal_comma).map_err(super::in_values)?;
            let id = row.text(Column::Id)?;
            put(id.as_deref().unwrap_or(&alone), value)?;
        }
        Ok(())
    })?;
    Ok(all)
}

/// The value in a cell.
fn value(cell: Cell<'_>, decimal_comma: bool) -> Result<f64, String> {
    let missing = || "there is no value at this time. Fill it, or leave the series out.".to_owned();
    if cell.is_not_known() {
        return Err(missing());
    }
    match numbers::numbers(cell, decimal_comma)?.as_slice() {
        [one] => Ok(*one),
        [] => Err(missing()),
        _ => {
            let text = cell.text().ok().flatten().unwrap_or_default();
            Err(format!("{} is not one number. Correct it.", quoted(&text)))
        }
    }
}

fn time(cell: Cell<'_>) -> Result<Moment, String> {
    let text = cell.text().ok().flatten().unwrap_or_default();
    Moment::read(text.trim()).ok_or_else(|| {
        format!(
            "{} is no time: a number, or a date such as 2026-03-01, 2026-03 or 2026-03-01 09:00:00. Correct it.",
            quoted(&text)
        )
    })
}

/// What all series are added with.
struct Adding<'a> {
    task: &'a Task,
    part: Option<Part>,
    kept: &'a Kept,
    grouped: bool,
}

impl Adding<'_> {
    /// Adds the items that a whole series makes.
    fn add(&self, whole: &Whole, builder: &mut EvidenceBuilder) -> Result<(), Fault> {
        let section = &self.task.file.series;
        let of_series = |text: String| super::in_values(format!("series {}: {text}", quoted(&whole.id)));
        let mut values = whole.values.clone();
        values.sort_by(|a, b| a.0.order(&b.0));
        let moments: Vec<Moment> = values.iter().map(|(moment, _)| *moment).collect();
        if let Some(problem) = uneven(&moments) {
            return Err(of_series(problem));
        }
        let values: Vec<f64> = values.into_iter().map(|(_, value)| value).collect();
        for cut in cut::cuts(section, &values, whole.counts).map_err(of_series)? {
            let (input, target) = (cut.series.to_string(), Output::Series(cut.target).to_string());
            let id = match section.origins {
                Some(_) => format!("{}@{}", whole.id, cut.origin),
                None => whole.id.clone(),
            };
            let of_origins = (section.origins.is_some() && self.grouped).then_some(&*whole.id);
            let fields = ItemFields {
                slice: whole.slice.as_deref(),
                group: whole.group.as_deref().or(of_origins),
                input: Some(&input),
                target: Some(&target),
                part: self.part,
                ..ItemFields::default()
            };
            for text in [fields.input, fields.target] {
                self.kept.add(text).map_err(|problem| Fault::new(Column::Input, problem))?;
            }
            builder.add_item(&id, fields).map(drop).map_err(fault)?;
        }
        Ok(())
    }
}

//! Tables with a series a row.

use std::path::{Path, PathBuf};

use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::{Output, Part};

use super::{CountFields, Counts, cut, in_values, numbers, series};
use crate::error::{DataError, Problem};
use crate::evidence::fault;
use crate::memory::Kept;
use crate::table::{self, Column, Fault, Layout, Row, Want};
use crate::task::Task;

/// Reads the items of these files.
pub(super) fn read_items(
    task: &Task,
    files: &[(PathBuf, Option<Part>)],
    builder: &mut EvidenceBuilder,
) -> Result<(), DataError> {
    let data = &task.file.data;
    let fields = CountFields::of(&task.file.series, 0);
    let layout = Layout::of(&[
        (Column::Id, Want::Optional),
        (Column::Slice, Want::Optional),
        (Column::Group, Want::Optional),
        (Column::Input, Want::Required),
        (Column::Target, Want::Optional),
    ])
    .named(Column::Id, data.id.as_deref())
    .named(Column::Slice, data.slice.as_deref())
    .named(Column::Group, data.group.as_deref())
    .named(Column::Input, data.input.as_deref())
    .named(Column::Target, data.target.as_deref())
    .with_fields(&fields.names);
    let kept = Kept::default();
    // Set by the first item: items either all have ids, or are numbered from 1.
    let mut numbered = None;
    let mut rows = 0_u64;
    for (file, part) in files {
        let holds_out = has_no_target(task, file)?;
        table::read(file, &layout, &mut |row: &Row<'_>| {
            rows += 1;
            let id = row.text(Column::Id)?;
            let numbered = *numbered.get_or_insert(id.is_none() && data.id.is_none());
            let id = match id {
                Some(_) if numbered => return Err(Fault::new(Column::Id, Problem::MixedIds)),
                None if !numbered => return Err(Fault::new(Column::Id, Problem::EmptyCell)),
                Some(id) => id.into_owned(),
                None => rows.to_string(),
            };
            let reading = Reading { task, row, part: *part, kept: &kept, holds_out };
            reading.item(&id, fields.read(row)?, builder)
        })?;
    }
    Ok(())
}

/// Whether no target is named, and the file has no field of that name: then the last values are held out.
fn has_no_target(task: &Task, file: &Path) -> Result<bool, DataError> {
    let name = Column::Target.name();
    Ok(task.file.data.target.is_none() && !table::columns(file)?.iter().any(|column| column == name))
}

/// One row.
struct Reading<'a> {
    task: &'a Task,
    row: &'a Row<'a>,
    part: Option<Part>,
    kept: &'a Kept,
    holds_out: bool,
}

impl Reading<'_> {
    fn item(&self, id: &str, counts: Counts, builder: &mut EvidenceBuilder) -> Result<(), Fault> {
        let section = &self.task.file.series;
        let values = self.numbers(Column::Input)?;
        let target = self.numbers(Column::Target)?;
        if self.holds_out && target.is_empty() {
            let group = section.origins.is_some().then_some(id);
            for cut in cut::cuts(section, &values, counts).map_err(in_values)? {
                let of_origin = format!("{id}@{}", cut.origin);
                let id = if section.origins.is_some() { &of_origin } else { id };
                let target = Some(Output::Series(cut.target).to_string());
                self.add(builder, id, group, &cut.series.to_string(), target.as_deref())?;
            }
            return Ok(());
        }
        if section.origins.is_some() {
            let problem = "the item has a target, so that nothing is held out of its past. Remove origins under [series], or \
                           give whole series without a target.";
            return Err(Fault::new(Column::Target, Problem::Series(problem.to_owned())));
        }
        let counts = self.with_target(section, counts, &target)?;
        let series = series(section, values, counts).map_err(in_values)?;
        let target = (!target.is_empty()).then(|| Output::Series(target).to_string());
        self.add(builder, id, None, &series.to_string(), target.as_deref())
    }

    /// The horizon where nothing else says it is the length of the target; else they have to agree.
    fn with_target(
        &self,
        section: &ordinate_core::task::SeriesSection,
        counts: Counts,
        target: &[f64],
    ) -> Result<Counts, Fault> {
        let said = counts.horizon.or_else(|| super::said(&section.horizon));
        match (said, target.len()) {
            (_, 0) => Ok(counts),
            (None, given) => Ok(Counts { horizon: u32::try_from(given).ok(), ..counts }),
            (Some(said), given) if said as usize == given => Ok(counts),
            (Some(said), given) => {
                let problem = format!(
                    "the target has {given} values, and the horizon is {said}. Give as many values, or correct the horizon."
                );
                Err(Fault::new(Column::Target, Problem::Series(problem)))
            }
        }
    }

    fn numbers(&self, column: Column) -> Result<Vec<f64>, Fault> {
        numbers::numbers(self.row.cell(column), self.row.decimal_comma)
            .map_err(|text| Fault::new(column, Problem::Series(text)))
    }

    fn add(
        &self,
        builder: &mut EvidenceBuilder,
        id: &str,
        group: Option<&str>,
        input: &str,
        target: Option<&str>,
    ) -> Result<(), Fault> {
        let (slice, own) = (self.row.text(Column::Slice)?, self.row.text(Column::Group)?);
        let fields = ItemFields {
            slice: slice.as_deref(),
            group: own.as_deref().or(group),
            input: Some(input),
            target,
            part: self.part,
            ..ItemFields::default()
        };
        for text in [fields.input, fields.target] {
            self.kept.add(text).map_err(|problem| Fault::new(Column::Input, problem))?;
        }
        builder.add_item(id, fields).map(drop).map_err(fault)
    }
}

//! Items that are series of numbers: a series a row, or a value (of each of several series) a row.

mod cut;
mod numbers;
mod rows;
mod season;
mod times;

use std::path::PathBuf;

use ordinate_core::evidence::EvidenceBuilder;
use ordinate_core::task::{CountOrField, SeriesSection};
use ordinate_core::{Forecast, Items, OutputKind, Part, Series};

use crate::error::{DataError, Problem, quoted};
use crate::table::{Column, Fault, Row};
use crate::task::Task;

/// Reads the items of these files.
pub(crate) fn read_items(
    task: &Task,
    files: &[(PathBuf, Option<Part>)],
    builder: &mut EvidenceBuilder,
) -> Result<(), DataError> {
    match task.file.series.time.is_some() || !task.file.series.columns.is_empty() {
        true => times::read_items(task, files, builder),
        false => rows::read_items(task, files, builder),
    }
}

/// What the verdict should say of how series were read.
#[must_use]
pub fn series_notes(task: &Task, items: &Items) -> Vec<String> {
    if !task.kind.takes_series() {
        return Vec::new();
    }
    let mut notes = Vec::new();
    if task.file.series.season.is_none() {
        notes.push(
            "Series are taken to have no season; say season under [series] if they have one (12 for months)."
                .to_owned(),
        );
    }
    if task.file.series.origins.is_some_and(|origins| origins.get() > 1) && !items.has_groups() {
        notes.push(
            "All items are cut out of one series, so they are not independent, and intervals are too narrow."
                .to_owned(),
        );
    }
    notes
}

/// Refuses a recorded output that is no forecast of the target's length: it would be scored as if it were a bad one.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_output(output: &str, target: &str) -> Result<(), Problem> {
    let Some(target) = OutputKind::Series.read(target) else { return Ok(()) };
    let wanted = target.values().map_or(0, <[f64]>::len);
    let problem = match OutputKind::Series.read(output).as_ref().and_then(|found| found.values()) {
        Some(values) if values.len() == wanted => return Ok(()),
        Some(values) => {
            format!("the forecast has {} values, and the target {wanted}. Give as many.", values.len())
        }
        None => {
            let object = serde_json::from_str::<serde_json::Map<_, _>>(output.trim()).ok();
            match object.and_then(|object| Forecast::read(&object).err()) {
                Some(why) => format!("{why}. Correct it."),
                None => "this is no JSON list of finite numbers. Correct it, or say in the field \"error\" why there is no forecast."
                    .to_owned(),
            }
        }
    };
    Err(Problem::Series(problem))
}

/// The text of an item that somebody asks about: its canonical text, or its values alone, with season and horizon as the task
/// file says them.
///
/// # Errors
/// What is wrong with it, in words.
pub fn series_input(task: &Task, text: &str) -> Result<String, String> {
    if let Some(series) = Series::read(text) {
        return Ok(series.to_string());
    }
    if text.trim_start().starts_with('{') {
        return Err(
            "a series is {\"values\": [1, 2, 3], \"season\": 12, \"horizon\": 6}, or a list of numbers"
                .to_owned(),
        );
    }
    let values = numbers::numbers(crate::table::Cell::Text(text), false)?;
    let section = &task.file.series;
    let counts = Counts { season: None, horizon: None };
    series(section, values, counts).map(|series| series.to_string())
}

/// Reads the series that somebody asks about, whose rows say season and horizon where those of the task do.
pub(crate) struct Asked<'a> {
    task: &'a Task,
    counts: CountFields,
}

impl<'a> Asked<'a> {
    /// `None` for a task of another kind.
    pub(crate) fn of(task: &'a Task) -> Option<Self> {
        let counts = || CountFields::of(&task.file.series, 0);
        task.kind.takes_series().then(|| Self { task, counts: counts() })
    }

    /// The fields with season and horizon, which have to come first among those of a row.
    pub(crate) fn names(&self) -> &[String] {
        &self.counts.names
    }

    /// The text of the item in a row with this input.
    pub(crate) fn text(&self, row: &Row<'_>, input: &str) -> Result<String, Fault> {
        if let Some(series) = Series::read(input) {
            return Ok(series.to_string());
        }
        let values = numbers::numbers(row.cell(Column::Input), row.decimal_comma).map_err(in_values)?;
        let found = series(&self.task.file.series, values, self.counts.read(row)?);
        found.map(|series| series.to_string()).map_err(in_values)
    }
}

/// What a row says of season and horizon.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    season: Option<u32>,
    horizon: Option<u32>,
}

/// Which fields say season and horizon, and where they stand among those of a row.
struct CountFields {
    names: Vec<String>,
    season: Option<usize>,
    horizon: Option<usize>,
}

impl CountFields {
    /// Behind `before` other fields.
    fn of(section: &SeriesSection, before: usize) -> Self {
        let mut names = Vec::new();
        let mut place = |said: &Option<CountOrField>| {
            let name = said.as_ref().and_then(CountOrField::field)?;
            names.push(name.to_owned());
            Some(before + names.len() - 1)
        };
        let (season, horizon) = (place(&section.season), place(&section.horizon));
        Self { names, season, horizon }
    }

    fn read(&self, row: &Row<'_>) -> Result<Counts, Fault> {
        let read = |place: Option<usize>, of: fn(crate::table::Cell<'_>) -> Result<Option<u32>, String>| {
            let Some(place) = place else { return Ok(None) };
            of(row.fields[place]).map_err(|text| Fault::in_field(place, Problem::Series(text)))
        };
        Ok(Counts {
            season: read(self.season, season::season)?,
            horizon: read(self.horizon, season::horizon)?,
        })
    }
}

/// The number that the task file itself says.
fn said(count: &Option<CountOrField>) -> Option<u32> {
    match count {
        Some(CountOrField::Count(number)) => Some(number.get()),
        Some(CountOrField::Field(_)) | None => None,
    }
}

/// The series of these values.
fn series(section: &SeriesSection, mut values: Vec<f64>, counts: Counts) -> Result<Series, String> {
    let season = match (counts.season, &section.season) {
        (Some(season), _) => season,
        (None, Some(CountOrField::Count(season))) => season.get(),
        (None, None) => 1,
        (None, Some(CountOrField::Field(name))) => {
            return Err(format!("nothing in the field {} says its season. Fill it.", quoted(name)));
        }
    };
    let horizon = counts.horizon.or_else(|| said(&section.horizon)).ok_or(
        "nothing says how many values are to be forecast. Say horizon = 6 under [series], or name the field that says it.",
    )?;
    if values.is_empty() {
        return Err("the series has no value. Give its past, or leave the item out.".to_owned());
    }
    if let Some(history) = section.history {
        values.drain(..values.len().saturating_sub(history.get() as usize));
    }
    Ok(Series { values, season, horizon, quantiles: section.quantiles.clone() })
}

/// The fault of a cell of values.
fn in_values(text: String) -> Fault {
    Fault::new(Column::Input, Problem::Series(text))
}

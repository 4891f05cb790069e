//! Items of many fields: which fields these are, what each holds, and the text that they make together.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ordinate_core::Part;
use ordinate_core::column::{Codes, Names};
use ordinate_core::features::{Feature, Features, Values};
use ordinate_core::task::{DataSection, FeatureFields};

use crate::error::{At, DataError, Problem, quoted};
use crate::recorded;
use crate::table::{self, Cell, Column, Fault, Layout, Row};
use crate::task::{Key, Task};

/// How many different texts a category may have.
const MAX: usize = 255;
/// Up to so many filled cells a category may have a value that no other row has.
const FEW: u64 = 20;

/// The names of the fields that make up an item; none where the task file names none.
///
/// # Errors
/// Where a file cannot be read, or has no field left.
pub(crate) fn names(task: &Task, files: &[(PathBuf, Option<Part>)]) -> Result<Vec<String>, DataError> {
    match &task.file.data.features {
        None => Ok(Vec::new()),
        Some(FeatureFields::Named(names)) => Ok(names.clone()),
        Some(FeatureFields::All(_)) => {
            let taken = taken(&task.file.data);
            let mut left = Names::default();
            for (file, _) in files {
                for name in table::all_columns(file)? {
                    // A column without a name is the row number that some tools write.
                    if !name.is_empty() && !taken.contains(&name.as_str()) {
                        left.intern(&name);
                    }
                }
            }
            if left.is_empty() {
                let message = "no field is left: each is read as something else (id, target, ...). Name the fields that \
                               make up an item.";
                let keys = [Key::Name("data"), Key::Name("features")];
                return Err(task.error_at(&keys, Problem::DataSources(message.to_owned())));
            }
            Ok(left.iter().map(str::to_owned).collect())
        }
    }
}

/// The fields that something else is read from.
fn taken(data: &DataSection) -> Vec<&str> {
    let named = [
        (&data.id, Column::Id),
        (&data.input, Column::Input),
        (&data.target, Column::Target),
        (&data.slice, Column::Slice),
        (&data.group, Column::Group),
        (&data.context, Column::Context),
        (&data.options, Column::Options),
    ]
    .map(|(named, column)| named.as_deref().unwrap_or(column.name()));
    named.into_iter().chain(data.option_columns.iter().map(String::as_str)).collect()
}

/// The text of an item of many fields, for whoever reads texts: a line `name: value` for each value that is there.
pub(crate) fn text(names: &[String], row: &Row<'_>) -> Result<Option<String>, Fault> {
    let mut text = String::new();
    for (place, (name, cell)) in names.iter().zip(row.fields).enumerate() {
        let value = cell.text().map_err(|problem| Fault::in_field(place, problem))?;
        let Some(value) = value.filter(|value| !is_gap(value.trim())) else { continue };
        if !text.is_empty() {
            text.push('\n');
        }
        text.extend(name.chars().chain(": ".chars()).chain(value.trim().chars()).map(|c| match c {
            '\n' | '\r' => ' ',
            c => c,
        }));
    }
    Ok((!text.is_empty()).then_some(text))
}

/// Reads the fields that make up the items, as [`Features`]: the rows are those of [`crate::load_items`]. The files are
/// read twice, first to see what each field holds, and no row is kept besides its numbers (eight bytes each) and
/// categories (four).
///
/// # Errors
/// [`DataError`] where the task names no `features`, a field is neither a number nor a category, a number is infinite, or
/// a file cannot be read.
pub fn load_features(task: &Task) -> Result<Features, DataError> {
    let files = recorded::item_files(task)?;
    let names = names(task, &files)?;
    if names.is_empty() {
        let message = "the task names no fields. Say features = \"all\", or features = [\"name\", ...] with the fields that make \
                       up an item.";
        return Err(task.error_at(&[Key::Name("data")], Problem::DataSources(message.to_owned())));
    }
    let layout = Layout::default().with_fields(&names);
    let mut looked: Vec<Look> = names.iter().map(|_| Look::default()).collect();
    for (file, _) in &files {
        table::read(file, &layout, &mut |row| {
            for (place, (look, cell)) in looked.iter_mut().zip(row.fields).enumerate() {
                look.at(*cell, file, row.at).map_err(|problem| Fault::in_field(place, problem))?;
            }
            Ok(())
        })?;
    }
    let mut columns = Vec::with_capacity(names.len());
    for (name, look) in names.into_iter().zip(&looked) {
        columns.push(Feature { values: look.values(&name)?, name });
    }
    for (file, _) in &files {
        table::read(file, &layout, &mut |row| {
            for (place, (column, cell)) in columns.iter_mut().zip(row.fields).enumerate() {
                let fault = |problem| Fault::in_field(place, problem);
                match &mut column.values {
                    Values::Numbers(numbers) => numbers.push(number(*cell).map_err(fault)?),
                    Values::Categories(codes) => match read(*cell).map_err(fault)? {
                        Held::Nothing => codes.push(None),
                        Held::Number(_) | Held::Text(_) => {
                            let text = cell.text().map_err(fault)?;
                            codes.push(text.as_deref().map(str::trim));
                        }
                    },
                }
            }
            Ok(())
        })?;
    }
    Ok(Features::new(columns))
}

/// How tables write what is not known, besides an empty cell (pandas reads the same ones so, and UCI's tables have `?`).
fn is_gap(text: &str) -> bool {
    matches!(text, "" | "?" | "NA" | "N/A" | "n/a" | "null" | "NULL" | "NaN" | "nan")
}

/// What a cell holds.
enum Held<'a> {
    Nothing,
    Number(f64),
    Text(&'a str),
}

fn read(cell: Cell<'_>) -> Result<Held<'_>, Problem> {
    let of_number = |number: f64| if number.is_nan() { Held::Nothing } else { Held::Number(number) };
    let refused =
        |found: &str| Err(Problem::WrongType { found: found.to_owned(), allowed: "a number or a category" });
    Ok(match cell {
        Cell::Absent => Held::Nothing,
        Cell::Number(number) => of_number(number),
        Cell::Integer(number) => Held::Number(number as f64),
        Cell::Bool(true) => Held::Text("true"),
        Cell::Bool(false) => Held::Text("false"),
        Cell::Text(text) => match text.trim() {
            text if is_gap(text) => Held::Nothing,
            text => text.parse().map_or(Held::Text(text), of_number),
        },
        Cell::Json(_) => return refused("an array or an object"),
        Cell::Unusable(found) => return refused(found),
    })
}

fn number(cell: Cell<'_>) -> Result<f64, Problem> {
    match read(cell)? {
        Held::Number(number) if number.is_finite() => Ok(number),
        Held::Number(number) => Err(Problem::NotFinite(number.to_string())),
        Held::Nothing | Held::Text(_) => Ok(f64::NAN),
    }
}

/// What a first look at a field tells.
#[derive(Default)]
struct Look {
    filled: u64,
    /// Different values, as long as they are few enough for a category.
    different: HashSet<String>,
    /// The first value that is no number.
    text: Option<(String, PathBuf, At)>,
}

impl Look {
    fn at(&mut self, cell: Cell<'_>, file: &Path, at: At) -> Result<(), Problem> {
        match read(cell)? {
            Held::Nothing => return Ok(()),
            Held::Number(_) => {}
            Held::Text(text) => {
                if self.text.is_none() {
                    self.text = Some((quoted(text), file.to_owned(), at));
                }
            }
        }
        self.filled += 1;
        if self.different.len() <= MAX
            && let Some(text) = cell.text()?
            && !self.different.contains(text.trim())
        {
            self.different.insert(text.trim().to_owned());
        }
        Ok(())
    }

    /// An empty column of what the field holds.
    fn values(&self, name: &str) -> Result<Values, DataError> {
        let Some((value, file, at)) = &self.text else { return Ok(Values::Numbers(Vec::new())) };
        let different = self.different.len();
        let rare = 2 * different as u64 > self.filled && self.filled > FEW;
        if different <= MAX && !rare {
            return Ok(Values::Categories(Codes::default()));
        }
        let problem = Problem::NoFeatureValues {
            value: value.clone(),
            different: if different > MAX { format!("more than {MAX}") } else { different.to_string() },
            filled: self.filled,
            most: MAX,
        };
        Err(DataError::new(file, problem).at(*at).field(name))
    }
}

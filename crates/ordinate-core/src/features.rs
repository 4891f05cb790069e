//! Items of many fields: a table, column by column.

use crate::column::Codes;
use crate::item::{Field, FieldValue};

/// The fields of a task's items that models for tables read, one row an item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    columns: Vec<Feature>,
}

/// One field of all items.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Its name in the file.
    pub name: String,
    /// What it holds.
    pub values: Values,
}

/// What a field holds, one value a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Finite numbers; NaN where none is known.
    Numbers(Vec<f64>),
    /// Few different texts; no code where none is known.
    Categories(Codes),
}

impl Features {
    /// These columns.
    #[must_use]
    pub fn new(columns: Vec<Feature>) -> Self {
        Self { columns }
    }

    /// The columns, in the order of the task file or of the data.
    #[must_use]
    pub fn columns(&self) -> &[Feature] {
        &self.columns
    }

    /// A row as lines `name: value`, one for each value that is there: what models for texts read of it.
    #[must_use]
    pub fn lines(&self, row: usize) -> String {
        let line = |feature: &Feature| {
            let value = match &feature.values {
                Values::Numbers(_) => feature.number(row).map(|number| number.to_string()),
                Values::Categories(_) => feature.category(row).map(str::to_owned),
            };
            value.map(|value| format!("{}: {value}", feature.name))
        };
        self.columns.iter().filter_map(line).collect::<Vec<_>>().join("\n")
    }

    /// The fields of a row, typed; what is not known is left out.
    #[must_use]
    pub fn fields(&self, row: usize) -> Vec<Field> {
        let field = |feature: &Feature| {
            let value = match &feature.values {
                Values::Numbers(_) => feature.number(row).map(FieldValue::Number),
                Values::Categories(_) => {
                    feature.category(row).map(|text| FieldValue::Category(text.to_owned()))
                }
            };
            value.map(|value| Field { name: feature.name.clone(), value })
        };
        self.columns.iter().filter_map(field).collect()
    }

    /// The fields of the items in these rows alone, in this order.
    #[must_use]
    pub fn of_rows(&self, rows: &[usize]) -> Self {
        let of = |feature: &Feature| {
            let values = match &feature.values {
                Values::Numbers(_) => {
                    Values::Numbers(rows.iter().map(|&row| feature.number(row).unwrap_or(f64::NAN)).collect())
                }
                Values::Categories(_) => {
                    let mut codes = Codes::default();
                    rows.iter().for_each(|&row| codes.push(feature.category(row)));
                    Values::Categories(codes)
                }
            };
            Feature { name: feature.name.clone(), values }
        };
        Self { columns: self.columns.iter().map(of).collect() }
    }

    /// Whether items have no fields of their own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }
}

impl Feature {
    /// The number in `row`; `None` where there is none.
    #[must_use]
    pub fn number(&self, row: usize) -> Option<f64> {
        match &self.values {
            Values::Numbers(numbers) => numbers.get(row).copied().filter(|number| !number.is_nan()),
            Values::Categories(_) => None,
        }
    }

    /// The category in `row`; `None` where there is none.
    #[must_use]
    pub fn category(&self, row: usize) -> Option<&str> {
        match &self.values {
            Values::Numbers(_) => None,
            Values::Categories(codes) => codes.get(row),
        }
    }
}

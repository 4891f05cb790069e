//! One row of a table, and its cells as what they must be.

use std::borrow::Cow;

use crate::error::{At, Problem, quoted};
use crate::limit::Limit;
use crate::table::written::{
    NOT_KNOWN, is_one_of, says_no_error, score_in_words, with_decimal_comma, with_thousands_comma,
};
use crate::table::{Column, Fault, duration, money};

/// A cell as the file has it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Cell<'a> {
    /// Not there, null, or an empty cell of a CSV.
    #[default]
    Absent,
    /// A text; of a CSV everything is text.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// A JSON array or object, as it is written.
    Json(&'a str),
    /// A Parquet type that no column takes.
    Unusable(&'a str),
}

impl<'a> Cell<'a> {
    /// The cell as text, whatever it holds.
    ///
    /// # Errors
    /// When it is of a type that is no text.
    #[inline]
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, Problem> {
        Ok(Some(match self {
            Self::Absent => return Ok(None),
            Self::Text(text) | Self::Json(text) => Cow::Borrowed(text),
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Bool(truth) => Cow::Borrowed(if truth { "true" } else { "false" }),
            Self::Unusable(found) => {
                return Err(Problem::WrongType { found: found.to_owned(), allowed: "text" });
            }
        }))
    }

    /// Whether it is empty, or says so: `NaN`, `N/A`, `-`.
    pub(crate) fn is_not_known(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Number(number) => number.is_nan(),
            // Most cells are numbers, and are not looked at further.
            Self::Text(text) => {
                !text.starts_with(|c: char| c.is_ascii_digit()) && is_one_of(text, &NOT_KNOWN)
            }
            _ => false,
        }
    }
}

/// One row.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) at: At,
    pub(crate) cells: [Cell<'a>; Column::COUNT],
    /// The fields that make up an item, in the order of the layout.
    pub(crate) fields: &'a [Cell<'a>],
    /// Whether the file writes `0,5` for a half.
    pub(crate) decimal_comma: bool,
}

/// The largest count that a column of numbers holds exactly.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;
/// The most that one answer can cost, USD: the sum of a million larger ones may be no number.
const MAX_COST_USD: f64 = 1e9;
/// The most that one answer can take, milliseconds: thirty years.
const MAX_LATENCY_MS: f64 = 1e12;

impl<'a> Row<'a> {
    pub(crate) fn cell(&self, column: Column) -> Cell<'a> {
        self.cells[column as usize]
    }

    /// The cell as text, whatever it holds: numbers as they are written, arrays and objects as JSON. `Some("")`
    /// only where the file tells empty from absent.
    ///
    /// # Errors
    /// When the cell holds a type that is no text.
    #[inline]
    pub(crate) fn exact_text(&self, column: Column) -> Result<Option<Cow<'a, str>>, Fault> {
        self.cell(column).text().map_err(|problem| Fault::new(column, problem))
    }

    /// Like [`Row::exact_text`], with empty read as absent, and names without the space around them.
    #[inline]
    pub(crate) fn text(&self, column: Column) -> Result<Option<Cow<'a, str>>, Fault> {
        let text = self.exact_text(column)?;
        let is_name = matches!(column, Column::Id | Column::Candidate | Column::Slice | Column::Group);
        let text = match text {
            Some(Cow::Borrowed(text)) if is_name => Some(Cow::Borrowed(text.trim())),
            other => other,
        };
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Why there is no answer, unless the cell says in some way that there was no error.
    pub(crate) fn error(&self) -> Result<Option<Cow<'a, str>>, Fault> {
        if says_no_error(self.cell(Column::Error)) {
            return Ok(None);
        }
        self.text(Column::Error)
    }

    /// The text of a cell that must be filled.
    ///
    /// # Errors
    /// [`Problem::EmptyCell`].
    #[inline]
    pub(crate) fn required_text(&self, column: Column) -> Result<Cow<'a, str>, Fault> {
        self.text(column)?.ok_or_else(|| Fault::new(column, Problem::EmptyCell))
    }

    /// The cell as a number; true is 1 and false is 0.
    ///
    /// # Errors
    /// When the cell holds something else.
    #[inline]
    fn number(&self, column: Column, allowed: &'static str) -> Result<Option<f64>, Fault> {
        let not_a_number =
            |text: &str| Err(Fault::new(column, Problem::NotANumber { value: quoted(text), allowed }));
        match self.cell(column) {
            Cell::Absent => Ok(None),
            Cell::Number(number) => Ok(Some(number)),
            Cell::Integer(number) => Ok(Some(number as f64)),
            Cell::Bool(truth) => Ok(Some(f64::from(truth))),
            Cell::Text(text) => match text.trim() {
                "" => Ok(None),
                trimmed if trimmed.eq_ignore_ascii_case("true") => Ok(Some(1.0)),
                trimmed if trimmed.eq_ignore_ascii_case("false") => Ok(Some(0.0)),
                trimmed => match trimmed.parse() {
                    Ok(number) => Ok(Some(number)),
                    Err(_) => match self.grouped(trimmed).or_else(|| self.in_words(column, trimmed)) {
                        Some(number) => Ok(Some(number)),
                        None if column == Column::CostUsd && money::is_of_another_currency(trimmed) => {
                            Err(Fault::new(column, Problem::OtherCurrency(quoted(text))))
                        }
                        None => not_a_number(text),
                    },
                },
            },
            Cell::Json(text) => not_a_number(text),
            Cell::Unusable(found) => {
                Err(Fault::new(column, Problem::WrongType { found: found.to_owned(), allowed }))
            }
        }
    }

    /// A number as people write it: with a decimal comma, where the file has them, or commas between thousands.
    fn grouped(&self, text: &str) -> Option<f64> {
        if self.decimal_comma { with_decimal_comma(text) } else { with_thousands_comma(text) }
    }

    /// What a text means that is no number by itself.
    fn in_words(&self, column: Column, text: &str) -> Option<f64> {
        match column {
            Column::Score => score_in_words(text, self.decimal_comma),
            Column::LatencyMs => {
                let comma = || duration::milliseconds(&text.replace(',', "."));
                duration::milliseconds(text).or_else(|| comma().filter(|_| self.decimal_comma))
            }
            Column::CostUsd => {
                let amount = money::dollars(text)?;
                amount.parse().ok().or_else(|| self.grouped(amount))
            }
            _ => None,
        }
    }

    /// The score as it is written, if the cell is filled: not yet held to `[0, 1]`.
    ///
    /// # Errors
    /// When the cell is no number.
    #[inline]
    pub(crate) fn raw_score(&self) -> Result<Option<f64>, Fault> {
        self.number(Column::Score, "a score in [0, 1]")
    }

    /// A number of at least 0 (and at most 1 for a confidence), if the cell is filled.
    ///
    /// # Errors
    /// When the cell is none.
    #[inline]
    pub(crate) fn amount(&self, column: Column) -> Result<Option<f64>, Fault> {
        let (most, allowed) = match column {
            Column::Confidence => (1.0, "a number in [0, 1]"),
            Column::CostUsd => (MAX_COST_USD, "a number of at least 0"),
            _ => (MAX_LATENCY_MS, "a number of at least 0"),
        };
        if self.cell(column).is_not_known() {
            return Ok(None);
        }
        match self.number(column, allowed)? {
            Some(number) if !(0.0..=most).contains(&number) => {
                let problem = if number.is_finite() && number > most && most > 1.0 {
                    Problem::Limit(Limit::Unbelievable { value: number, most })
                } else {
                    Problem::NotANumber { value: number.to_string(), allowed }
                };
                Err(Fault::new(column, problem))
            }
            number => Ok(number),
        }
    }

    /// A whole number of at least 0, if the cell is filled.
    ///
    /// # Errors
    /// When the cell is none.
    #[inline]
    pub(crate) fn count(&self, column: Column) -> Result<Option<u64>, Fault> {
        let allowed = "a whole number of at least 0";
        if self.cell(column).is_not_known() {
            return Ok(None);
        }
        match self.number(column, allowed)? {
            None => Ok(None),
            Some(number) if number.fract() == 0.0 && (0.0..=MAX_COUNT).contains(&number) => {
                Ok(Some(number as u64))
            }
            Some(number) => {
                Err(Fault::new(column, Problem::NotANumber { value: number.to_string(), allowed }))
            }
        }
    }
}

//! How many values a season has, and how many are to be forecast: as a number, or in a word.

use crate::error::quoted;
use crate::table::Cell;

/// The season of data that come so often, as the M4 competition took them (weekly data without a season, hourly ones with the
/// day's).
const WORDS: [(&str, u32); 16] = [
    ("yearly", 1),
    ("annual", 1),
    ("annually", 1),
    ("year", 1),
    ("other", 1),
    ("none", 1),
    ("quarterly", 4),
    ("quarter", 4),
    ("monthly", 12),
    ("month", 12),
    ("weekly", 1),
    ("week", 1),
    ("daily", 1),
    ("day", 1),
    ("hourly", 24),
    ("hour", 24),
];

/// No season and no horizon is longer.
const MOST: f64 = 100_000.0;

/// The values of one season that a cell says; `None` where it is empty.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn season(cell: Cell<'_>) -> Result<Option<u32>, String> {
    if let Cell::Text(text) = cell {
        let word = text.trim();
        if let Some((_, season)) = WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)) {
            return Ok(Some(*season));
        }
    }
    count(
        cell,
        "a season: a whole number from 1 to 100000, or yearly, quarterly, monthly, weekly, daily, hourly or other",
    )
}

/// A whole number of at least 1 that a cell says; `None` where it is empty.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn horizon(cell: Cell<'_>) -> Result<Option<u32>, String> {
    count(cell, "a horizon: a whole number from 1 to 100000")
}

fn count(cell: Cell<'_>, allowed: &str) -> Result<Option<u32>, String> {
    let number = match cell {
        Cell::Integer(number) => number as f64,
        Cell::Number(number) => number,
        Cell::Text(text) => text.trim().parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    };
    if (1.0..=MOST).contains(&number) && number.fract() == 0.0 {
        return Ok(Some(number as u32));
    }
    if cell.is_not_known() {
        return Ok(None);
    }
    let text = cell.text().ok().flatten().unwrap_or_default();
    Err(format!("{} is not {allowed}. Correct it.", quoted(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seasons_by_number_and_by_word() {
        assert_eq!(season(Cell::Text("Monthly")), Ok(Some(12)));
        assert_eq!(season(Cell::Text(" 24 ")), Ok(Some(24)));
        assert_eq!(season(Cell::Number(7.0)), Ok(Some(7)));
        assert_eq!(season(Cell::Text("")), Ok(None));
        assert_eq!(season(Cell::Absent), Ok(None));
        for bad in ["0", "-1", "1.5", "mostly", "1e9"] {
            assert!(season(Cell::Text(bad)).is_err(), "{bad}");
        }
        assert!(horizon(Cell::Text("monthly")).is_err());
    }
}

//! Numbers in a cell: one, a JSON list, or a list as people and programs write it.

use serde_json::Value;

use crate::error::quoted;
use crate::table::{Cell, with_decimal_comma};

/// What an item of a series is that is no number.
const GAP: &str = "is missing; fill it, or leave the item out";

/// The finite numbers in a cell: a JSON list, numbers between commas, semicolons, bars or spaces (with or without brackets), or
/// one number. None in an empty cell.
///
/// # Errors
/// What is wrong, in words that follow the name of the field.
pub(super) fn numbers(cell: Cell<'_>, decimal_comma: bool) -> Result<Vec<f64>, String> {
    let text = match cell {
        Cell::Absent => return Ok(Vec::new()),
        Cell::Number(number) => return finite(number, 0).map(|number| vec![number]),
        Cell::Integer(number) => return Ok(vec![number as f64]),
        Cell::Text(text) | Cell::Json(text) => text.trim(),
        Cell::Bool(_) => return Err("it is true or false, and no list of numbers. Correct it.".to_owned()),
        Cell::Unusable(found) => {
            return Err(format!("the column holds {found}, which is no list of numbers. Convert it."));
        }
    };
    if text.starts_with('[')
        && let Ok(values) = serde_json::from_str::<Vec<Value>>(text)
    {
        return values.iter().enumerate().map(|(at, value)| of_json(value, at)).collect();
    }
    let inner = match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').unwrap_or(rest).trim(),
        None => text,
    };
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    let is_separator = |c: char| matches!(c, ';' | '|') || (c == ',' && !decimal_comma);
    let parts: Vec<&str> = match inner.contains(is_separator) {
        true => inner.split(is_separator).map(str::trim).collect(),
        false => inner.split_whitespace().collect(),
    };
    parts.into_iter().enumerate().map(|(at, part)| of_text(part, at, decimal_comma)).collect()
}

fn of_json(value: &Value, at: usize) -> Result<f64, String> {
    match value {
        Value::Number(number) => finite(number.as_f64().unwrap_or(f64::NAN), at),
        Value::String(text) => of_text(text.trim(), at, false),
        Value::Null => Err(format!("value {} {GAP}.", at + 1)),
        Value::Array(_) | Value::Object(_) | Value::Bool(_) => {
            Err(format!("value {} is {}, and no number. Correct it.", at + 1, quoted(&value.to_string())))
        }
    }
}

/// A number that stands as text; words that say that it is not known are gaps.
pub(super) fn of_text(text: &str, at: usize, decimal_comma: bool) -> Result<f64, String> {
    if Cell::Text(text).is_not_known() {
        return Err(format!("value {} {GAP}.", at + 1));
    }
    let comma = || with_decimal_comma(text).filter(|_| decimal_comma);
    match text.parse().ok().or_else(comma) {
        Some(number) => finite(number, at),
        None => Err(format!("value {} is {}, and no number. Correct it.", at + 1, quoted(text))),
    }
}

fn finite(number: f64, at: usize) -> Result<f64, String> {
    match number {
        number if number.is_finite() => Ok(number),
        number if number.is_nan() => Err(format!("value {} {GAP}.", at + 1)),
        _ => Err(format!("value {} is infinite. Correct it, or leave the item out.", at + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_many_shapes() {
        for text in [
            "[1, 2.5, -3e2]",
            "1 2.5  -300",
            "1;2.5;-300",
            "1|2.5| -300",
            "[1.  2.5 -300.]",
            "1, 2.5, -300",
            "[\"1\", 2.5, -300]",
        ] {
            assert_eq!(numbers(Cell::Text(text), false), Ok(vec![1.0, 2.5, -300.0]), "{text}");
        }
        assert_eq!(numbers(Cell::Text("0,5; 1"), true), Ok(vec![0.5, 1.0]));
        assert_eq!(numbers(Cell::Text("0,5 1,25"), true), Ok(vec![0.5, 1.25]));
        assert_eq!(numbers(Cell::Integer(7), false), Ok(vec![7.0]));
        for empty in ["[]", "[ ]", ""] {
            assert_eq!(numbers(Cell::Text(empty), false), Ok(vec![]));
        }
        assert_eq!(numbers(Cell::Absent, false), Ok(vec![]));
    }

    #[test]
    fn what_is_no_number_says_where() {
        for (text, says) in [
            ("[1, null, 3]", "value 2 is missing"),
            ("1 nan 3", "value 2 is missing"),
            ("[1., nan, 3.]", "value 2 is missing"),
            ("1,,3", "value 2 is missing"),
            ("1, 2,", "value 3 is missing"),
            ("[1, Infinity]", "value 2 is infinite"),
            ("1 -inf", "value 2 is infinite"),
            ("[1, \"two\"]", "value 2 is \"two\""),
            ("1 2, 3", "value 1 is \"1 2\""),
            ("[[1, 2]]", "value 1 is \"[1,2]\""),
            ("1 1e999", "value 2 is infinite"),
        ] {
            let error = numbers(Cell::Text(text), false).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}

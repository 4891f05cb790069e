//! How people and programs write that nothing is known, that there was no error, and numbers.

use crate::table::row::Cell;

/// Ways in which programs and people write that something is not known, or not there.
pub(super) const NOT_KNOWN: [&str; 16] = [
    "",
    "none",
    "none.",
    "null",
    "nil",
    "nan",
    "<na>",
    "na",
    "n/a",
    "nat",
    "-",
    "\u{2013}",
    "\u{2014}",
    "undefined",
    "\\n",
    "\"\"",
];
/// Ways in which they write, beside these, that there was no error.
const NO_ERROR: [&str; 16] = [
    "false",
    "f",
    "no",
    "0",
    "0.0",
    "()",
    "noerror",
    "noerrors",
    "nothing",
    "ok",
    "okay",
    "success",
    "succeeded",
    "pass",
    "passed",
    "completed",
];

pub(super) fn is_one_of(text: &str, words: &[&str]) -> bool {
    const LONGEST: usize = 40;
    if text.len() > LONGEST {
        return false;
    }
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What an `error` column says where there was none: nothing, in one of the ways in which programs write it.
pub(super) fn says_no_error(cell: Cell<'_>) -> bool {
    match cell {
        Cell::Absent | Cell::Bool(false) | Cell::Integer(0) => true,
        Cell::Number(number) => number == 0.0 || number.is_nan(),
        Cell::Text(text) | Cell::Json(text) => {
            is_one_of(text, &NOT_KNOWN)
                || is_one_of(text, &NO_ERROR)
                || (text.trim_start().starts_with(['{', '[', '"'])
                    && serde_json::from_str(text).is_ok_and(|value| is_nothing(&value)))
        }
        Cell::Bool(true) | Cell::Integer(_) | Cell::Unusable(_) => false,
    }
}

/// JSON in which nothing is said: `{"code": null, "message": ""}`.
fn is_nothing(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => is_one_of(text, &NOT_KNOWN) || is_one_of(text, &NO_ERROR),
        Value::Array(values) => values.iter().all(is_nothing),
        Value::Object(fields) => fields.values().all(is_nothing),
    }
}

/// A number with a decimal comma: `0,5`, and `1.234,5` with dots between thousands.
pub(crate) fn with_decimal_comma(text: &str) -> Option<f64> {
    let (whole, part) = text.split_once(',')?;
    if part.contains([',', '.']) {
        return None;
    }
    let thousands = whole.split('.').skip(1).all(|group| group.len() == 3);
    if !thousands {
        return None;
    }
    format!("{}.{part}", whole.replace('.', "")).parse().ok()
}

/// A number with commas between thousands, `1,234.5`. Without a point behind them a comma may be a decimal one.
pub(super) fn with_thousands_comma(text: &str) -> Option<f64> {
    let (whole, part) = text.split_once('.')?;
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let sound = digits(first) && first.len() <= 3 && digits(part);
    let mut groups = groups.peekable();
    let sound = sound && groups.peek().is_some() && groups.all(|group| group.len() == 3 && digits(group));
    if sound { text.replace(',', "").parse().ok() } else { None }
}

/// A score in words, or in per cent.
pub(super) fn score_in_words(text: &str, decimal_comma: bool) -> Option<f64> {
    const RIGHT: [&str; 11] =
        ["yes", "y", "correct", "right", "pass", "passed", "true", "t", "success", "✓", "✔"];
    const WRONG: [&str; 11] =
        ["no", "n", "incorrect", "wrong", "fail", "failed", "false", "f", "failure", "✗", "✘"];
    if RIGHT.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some(1.0);
    }
    if WRONG.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some(0.0);
    }
    let number = text.strip_suffix('%')?.trim_end();
    let per_cent: f64 = match number.parse() {
        Ok(number) => number,
        Err(_) if decimal_comma => with_decimal_comma(number)?,
        Err(_) => return None,
    };
    Some(per_cent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_in_many_words() {
        for text in [
            "",
            "None",
            "none",
            "nan",
            "NaN",
            "False",
            "0",
            "0.0",
            "{}",
            "[]",
            "{ }",
            " null ",
            "N/A",
            "no error",
            "OK",
            "\u{2014}",
            "()",
            "undefined",
            "[null]",
            "{\"code\": null, \"message\": \"\"}",
            "\"null\"",
        ] {
            assert!(says_no_error(Cell::Text(text)), "{text:?}");
        }
        for text in
            ["timeout", "none of the keys works", "1", "true", "500", "{\"code\": 1}", "[\"x\"]", "not ok"]
        {
            assert!(!says_no_error(Cell::Text(text)), "{text:?}");
        }
        assert!(says_no_error(Cell::Bool(false)) && says_no_error(Cell::Number(f64::NAN)));
        assert!(says_no_error(Cell::Json("[ ]")) && !says_no_error(Cell::Bool(true)));
    }

    #[test]
    fn numbers_as_people_write_them() {
        assert_eq!(with_decimal_comma("0,5"), Some(0.5));
        assert_eq!(with_decimal_comma("-1.234,5"), Some(-1234.5));
        assert_eq!(with_decimal_comma("1,234.5"), None);
        assert_eq!(with_decimal_comma("1.23,5"), None);
        assert_eq!(score_in_words("Yes", false), Some(1.0));
        assert_eq!(score_in_words("incorrect", false), Some(0.0));
        assert_eq!(score_in_words("T", false), Some(1.0));
        assert_eq!(score_in_words("✘", false), Some(0.0));
        assert_eq!(score_in_words("85 %", false), Some(0.85));
        assert_eq!(score_in_words("12,5%", true), Some(0.125));
        assert_eq!(score_in_words("12,5%", false), None);
        assert_eq!(score_in_words("maybe", false), None);
    }
}

//! Cells of a batch: what each Parquet type is to the columns of a table.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Int8Type, Int16Type, Int32Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use serde_json::{Map, Number, Value};

use crate::table::Cell;

/// One column of a batch.
pub(super) enum Values<'a> {
    Views(&'a arrow_array::StringViewArray),
    Doubles(&'a arrow_array::Float64Array),
    Integers(&'a arrow_array::Int64Array),
    /// Texts that stand in no buffer: times, bytes, and names of classes.
    Texts(Vec<Option<String>>),
    /// Lists and structures, as JSON.
    Json(Vec<Option<String>>),
    Other(&'a ArrayRef, String),
}

impl<'a> Values<'a> {
    /// `classes` are the names of the column's numbers, where it has such.
    pub(super) fn of(array: &'a ArrayRef, classes: Option<&[String]>) -> Self {
        let rows = || 0..array.len();
        if let Some(classes) = classes
            && let Some(named) = rows().map(|row| class(array, row, classes)).collect::<Option<Vec<_>>>()
        {
            return Self::Texts(named);
        }
        match array.data_type() {
            DataType::Utf8View => Self::Views(array.as_string_view()),
            DataType::Float64 => Self::Doubles(array.as_primitive()),
            DataType::Int64 => Self::Integers(array.as_primitive()),
            DataType::Timestamp(..)
            | DataType::Date32
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView => match rows().map(|row| owned(array, row)).collect::<Option<Vec<_>>>() {
                Some(texts) => Self::Texts(texts),
                None => Self::other(array),
            },
            DataType::List(_) | DataType::LargeList(_) | DataType::Struct(_) => {
                let json = |row| match value(array, row, classes) {
                    Some(Value::Null) => Some(None),
                    Some(value) => Some(Some(value.to_string())),
                    None => None,
                };
                match rows().map(json).collect::<Option<Vec<_>>>() {
                    Some(texts) => Self::Json(texts),
                    None => Self::other(array),
                }
            }
            _ => Self::other(array),
        }
    }

    fn other(array: &'a ArrayRef) -> Self {
        Self::Other(array, format!("the Parquet type {}", array.data_type()))
    }

    pub(super) fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Views(array) if array.is_valid(row) => Cell::Text(array.value(row)),
            Self::Doubles(array) if array.is_valid(row) => Cell::Number(array.value(row)),
            Self::Integers(array) if array.is_valid(row) => Cell::Integer(array.value(row)),
            Self::Texts(texts) => texts.get(row).and_then(Option::as_deref).map_or(Cell::Absent, Cell::Text),
            Self::Json(texts) => texts.get(row).and_then(Option::as_deref).map_or(Cell::Absent, Cell::Json),
            Self::Other(array, name) if array.is_valid(row) => {
                rare(array, row).unwrap_or(Cell::Unusable(name))
            }
            _ => Cell::Absent,
        }
    }
}

/// The name of a class, `Some(None)` where there is none (-1 is how a test set without labels is written); `None` where
/// the column holds something else than numbers of classes.
fn class(array: &ArrayRef, row: usize, classes: &[String]) -> Option<Option<String>> {
    if array.is_null(row) {
        return Some(None);
    }
    let number = match array.data_type() {
        DataType::Int64 => array.as_primitive::<arrow_array::types::Int64Type>().value(row),
        _ => match rare(array, row)? {
            Cell::Integer(number) => number,
            _ => return None,
        },
    };
    if number < 0 {
        return Some(None);
    }
    classes.get(usize::try_from(number).ok()?).map(|name| Some(name.clone()))
}

/// Times as ISO 8601, bytes as the UTF-8 that they are; `None` where they are none.
fn owned(array: &ArrayRef, row: usize) -> Option<Option<String>> {
    if array.is_null(row) {
        return Some(None);
    }
    let utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let text = match array.data_type() {
        DataType::Binary => utf8(array.as_binary::<i32>().value(row))?,
        DataType::LargeBinary => utf8(array.as_binary::<i64>().value(row))?,
        DataType::BinaryView => utf8(array.as_binary_view().value(row))?,
        DataType::Date32 => date(i64::from(array.as_primitive::<Date32Type>().value(row))),
        DataType::Time32(_) | DataType::Time64(_) => clock(array, row)?,
        DataType::Timestamp(unit, _) => {
            let (count, each) = match unit {
                TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().value(row), 1),
                TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().value(row), 1_000),
                TimeUnit::Microsecond => {
                    (array.as_primitive::<TimestampMicrosecondType>().value(row), 1_000_000)
                }
                TimeUnit::Nanosecond => {
                    (array.as_primitive::<TimestampNanosecondType>().value(row), 1_000_000_000)
                }
            };
            format!("{}{}", timestamp(count.div_euclid(each)), fraction(count.rem_euclid(each), each))
        }
        _ => return None,
    };
    Some(Some(text))
}

/// A time of the day as `0:00:01.5`; some libraries write durations so.
fn clock(array: &ArrayRef, row: usize) -> Option<String> {
    let (count, each) = match array.data_type() {
        DataType::Time32(TimeUnit::Second) => (array.as_primitive::<Time32SecondType>().value(row).into(), 1),
        DataType::Time32(_) => (array.as_primitive::<Time32MillisecondType>().value(row).into(), 1_000),
        DataType::Time64(TimeUnit::Microsecond) => {
            (array.as_primitive::<Time64MicrosecondType>().value(row), 1_000_000)
        }
        DataType::Time64(_) => (array.as_primitive::<Time64NanosecondType>().value(row), 1_000_000_000),
        _ => return None,
    };
    let seconds = count.div_euclid(each);
    let text = format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Some(format!("{text}{}", fraction(count.rem_euclid(each), each)))
}

/// `.5` for 500 of 1,000; nothing for 0.
fn fraction(count: i64, each: i64) -> String {
    let digits = each.ilog10() as usize;
    if count == 0 { String::new() } else { format!(".{count:0digits$}").trim_end_matches('0').to_owned() }
}

/// Seconds since 1970 as `2026-03-01T09:00:00`.
fn timestamp(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    format!("{}T{:02}:{:02}:{:02}", date(day), second / 3_600, second / 60 % 60, second % 60)
}

/// Days since 1970 as `2026-03-01` (Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
fn date(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A cell of a type that is seldom met; `None` for types that no column takes. A duration is in milliseconds.
fn rare(array: &ArrayRef, row: usize) -> Option<Cell<'_>> {
    Some(match array.data_type() {
        DataType::Null => Cell::Absent,
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Float16 => Cell::Number(array.as_primitive::<Float16Type>().value(row).to_f64()),
        DataType::Float32 => Cell::Number(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Int8 => Cell::Integer(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => Cell::Integer(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Cell::Integer(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::UInt8 => Cell::Integer(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Cell::Integer(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => Cell::Integer(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => match i64::try_from(array.as_primitive::<UInt64Type>().value(row)) {
            Ok(number) => Cell::Integer(number),
            Err(_) => return None,
        },
        DataType::Decimal128(_, scale) => {
            let number = array.as_primitive::<Decimal128Type>().value(row) as f64;
            Cell::Number(number / 10_f64.powi(i32::from(*scale)))
        }
        DataType::Duration(unit) => Cell::Number(match unit {
            TimeUnit::Second => array.as_primitive::<DurationSecondType>().value(row) as f64 * 1e3,
            TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().value(row) as f64,
            TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().value(row) as f64 / 1e3,
            TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().value(row) as f64 / 1e6,
        }),
        _ => return None,
    })
}

/// A nested cell as JSON; `None` where it holds what JSON does not.
fn value(array: &ArrayRef, row: usize, classes: Option<&[String]>) -> Option<Value> {
    if array.is_null(row) {
        return Some(Value::Null);
    }
    let list = |items: &ArrayRef| {
        (0..items.len()).map(|at| value(items, at, classes)).collect::<Option<Vec<_>>>().map(Value::Array)
    };
    match array.data_type() {
        DataType::List(_) => list(&array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row)),
        DataType::Struct(_) => {
            let fields = array.as_struct();
            let mut map = Map::new();
            for (name, column) in fields.column_names().into_iter().zip(fields.columns()) {
                map.insert(name.to_owned(), value(column, row, None)?);
            }
            Some(Value::Object(map))
        }
        DataType::Utf8 => Some(array.as_string::<i32>().value(row).into()),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row).into()),
        _ => {
            let cells = Values::of(array, classes);
            match cells.cell(row) {
                Cell::Absent => Some(Value::Null),
                Cell::Text(text) => Some(text.into()),
                // JSON has no such numbers: what is not known is nothing, and what is not finite a word.
                Cell::Number(number) if number.is_nan() => Some(Value::Null),
                Cell::Number(number) if number.is_infinite() => Some(number.to_string().into()),
                Cell::Number(number) => Number::from_f64(number).map(Value::Number),
                Cell::Integer(number) => Some(number.into()),
                Cell::Bool(truth) => Some(truth.into()),
                Cell::Json(_) | Cell::Unusable(_) => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{fraction, timestamp};

    #[test]
    fn parts_of_a_second() {
        let parts =
            [(0, 1_000), (500, 1_000), (1, 1_000_000), (0, 1)].map(|(count, each)| fraction(count, each));
        assert_eq!(parts, ["", ".5", ".000001", ""]);
    }

    #[test]
    fn times_as_text() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_772_355_599, "2026-03-01T08:59:59"),
            (-1, "1969-12-31T23:59:59"),
        ] {
            assert_eq!(timestamp(seconds), text);
        }
    }
}

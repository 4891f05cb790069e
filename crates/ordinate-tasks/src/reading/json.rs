//! JSON in free text.

use std::ops::Range;

use ordinate_core::Output;
use serde_json::Value;

use super::{Extracted, Unreadable, Wrote};

/// The deepest nesting that is followed; serde_json itself stops at 128.
const TRIES: usize = 50;

/// The first JSON object or array of `text`, and where it stands.
pub(super) fn first(text: &str) -> Option<(Value, Range<usize>)> {
    text.char_indices().filter(|(_, c)| matches!(c, '{' | '[')).take(TRIES).find_map(|(start, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        let value = values.next()?.ok()?;
        Some((value, start..start + values.byte_offset()))
    })
}

/// A series: a JSON array of numbers, or numbers between commas.
///
/// # Errors
/// [`Unreadable`] where there is neither.
pub fn series(reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
    let text = reply.text;
    let found = first(text).and_then(|(value, range)| {
        let array = match value {
            Value::Object(object) => object.into_iter().map(|(_, value)| value).find(Value::is_array)?,
            other => other,
        };
        let numbers: Option<Vec<f64>> = array.as_array()?.iter().map(Value::as_f64).collect();
        Some((numbers?, range))
    });
    let (numbers, span) = match found {
        Some(found) => found,
        None if reply.cut => return Err(Unreadable::cut()),
        None => {
            let numbers: Result<Vec<f64>, _> =
                text.trim().split(',').map(|part| part.trim().parse::<f64>()).collect();
            let numbers = numbers.map_err(|_| Unreadable("the reply is no list of numbers".into()))?;
            (numbers, 0..text.len())
        }
    };
    if numbers.is_empty() || numbers.iter().any(|number| !number.is_finite()) {
        return Err(Unreadable("the reply is no list of finite numbers".into()));
    }
    Ok(Extracted { output: Output::Series(numbers), span })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_prose() {
        let series = |text| series(Wrote { text, cut: false });
        let value =
            |text: &str| first(text).map(|(value, range)| (value.to_string(), text[range].to_owned()));
        assert_eq!(
            value("Sure: ```json\n{\"a\": \"}\"}\n``` ok"),
            Some((r#"{"a":"}"}"#.into(), r#"{"a": "}"}"#.into()))
        );
        assert_eq!(value("[see] [1, 2]"), Some(("[1,2]".into(), "[1, 2]".into())));
        assert_eq!(value("no {json"), None);
        assert_eq!(series("Next: [1, 2.5]").unwrap().output.to_string(), "[1.0,2.5]");
        assert_eq!(series("1, 2").unwrap().output.to_string(), "[1.0,2.0]");
        assert!(series("[1, \"x\"]").is_err());
        assert!(first(&"[".repeat(100_000)).is_none());
    }
}

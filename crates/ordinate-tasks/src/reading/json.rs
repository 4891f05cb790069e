//! JSON in free text.

use std::ops::Range;

use ordinate_core::{Forecast, Output};
use serde_json::{Map, Value};

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

/// A series: a JSON array of numbers, numbers between commas, or a JSON object with values and quantiles ([`Forecast::read`]).
///
/// # Errors
/// [`Unreadable`] where there is neither.
pub fn series(reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
    let text = reply.text;
    let found = first(text);
    if let Some((value, span)) = &found
        && let Some(object) = with_quantiles(value)
    {
        let forecast =
            Forecast::read(object).map_err(|why| Unreadable(format!("the reply is no forecast: {why}")))?;
        return Ok(Extracted { output: forecast.into_output(), span: span.clone() });
    }
    let found = found.and_then(|(value, range)| {
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

/// The object with quantiles that a reply is, or that stands in its `answer`.
fn with_quantiles(value: &Value) -> Option<&Map<String, Value>> {
    let object = value.as_object()?;
    let inner = object.get("answer").and_then(Value::as_object);
    inner.into_iter().chain([object]).find(|object| object.contains_key("quantiles"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_prose() {
        let quantiles = r#"{"values": [1, 2], "quantiles": {"0.9": [3, 4]}}"#;
        let fenced = format!("```json\n{{\"answer\": {quantiles}}}\n```");
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
        for reply in [quantiles, &fenced] {
            let output = series(reply).unwrap().output.to_string();
            assert_eq!(output, r#"{"values":[1.0,2.0],"quantiles":{"0.9":[3.0,4.0]}}"#);
        }
        let error = series(r#"{"values": [1, 2], "quantiles": {"0.9": [3]}}"#).unwrap_err().0;
        assert!(error.contains("0.9 has 1 values"), "{error}");
        assert_eq!(series(r#"{"values": [1], "quantiles": null}"#).unwrap().output.to_string(), "[1.0]");
        assert!(first(&"[".repeat(100_000)).is_none());
    }
}

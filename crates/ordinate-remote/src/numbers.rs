//! Numbers of whatever JSON type: servers and programs write them as they like, and no answer is thrown away for it.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// A count of tokens, of whatever JSON type: `20`, `20.0` and `"20"` are 20. A fraction is counted up. `None` where it is
/// none: servers write -1 for what they do not know.
pub(crate) fn count(value: &Value) -> Option<u64> {
    if let Some(count) = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()) {
        return Some(count);
    }
    number(value).filter(|number| *number >= 0.0).map(|number| number.ceil() as u64)
}

/// A finite number, written as one or as a text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// JSON, also behind a byte order mark, and with the `NaN` and `Infinity` that Python's `json` writes where nobody has forbidden
/// it: these are null.
pub(crate) fn lenient<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).or_else(|error| match without_nan(text) {
        Some(text) => serde_json::from_str(&text),
        None => Err(error),
    })
}

/// The text with null for every `NaN`, `Infinity` and `-Infinity` outside strings; `None` where there is none.
fn without_nan(text: &str) -> Option<String> {
    let mut clean = String::with_capacity(text.len());
    let (mut rest, mut changed) = (text, false);
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let end = string_end(rest);
            clean.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if let Some(word) =
            ["NaN", "Infinity", "-Infinity"].iter().find(|word| rest.starts_with(**word))
        {
            clean.push_str("null");
            changed = true;
            rest = &rest[word.len()..];
        } else {
            clean.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    changed.then_some(clean)
}

/// Where a string that begins a text ends, behind its last quote.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_python_writes_is_read() {
        let read = |text: &str| lenient::<Value>(text).ok();
        assert_eq!(
            read(r#"{"output": "NaN \" Infinity", "a": NaN, "b": [-Infinity, Infinity, 1]}"#),
            Some(json!({ "output": "NaN \" Infinity", "a": null, "b": [null, null, 1] }))
        );
        assert_eq!(read("\u{feff}[1]"), Some(json!([1])));
        for bad in ["{\"a\": nan}", "NaNx", "{\"a", "{\"a\": \"NaN}", "\"\\"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}

//! Numbers of whatever JSON type: servers and programs write them as they like, and no answer is thrown away for it.

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

//! The items of a request for answers.

use serde_json::{Map, Value};

use super::ApiError;

/// The rows of a request: `items` is a list, `item` is one, and else the body is the item. A text is an item's input.
pub(crate) fn rows(body: &[u8]) -> Result<(Vec<Map<String, Value>>, bool), ApiError> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| ApiError::invalid_json(format!("the body is no JSON: {error}")))?;
    let row = |value: Value| match value {
        Value::String(text) => Ok(Map::from_iter([("input".to_owned(), Value::from(text))])),
        Value::Object(row) => Ok(row),
        _ => Err(ApiError::field(
            "items",
            "an item is a text, or an object with the fields of the task's items",
        )),
    };
    let Value::Object(mut fields) = value else {
        return Err(ApiError::invalid_json(
            "the body is not an object; send {\"input\": \"...\"} or {\"items\": [...]}",
        ));
    };
    match (fields.remove("items"), fields.remove("item")) {
        (Some(Value::Array(values)), _) => Ok((values.into_iter().map(row).collect::<Result<_, _>>()?, true)),
        (Some(_), _) => Err(ApiError::field("items", "items is not a list")),
        (None, Some(value)) => Ok((vec![row(value)?], false)),
        (None, None) => Ok((vec![fields], false)),
    }
}

//! What is to be turned into vectors.

use serde_json::Value;

use super::{ApiError, Fields};

/// The most texts of a request, as OpenAI has it.
const MAX_TEXTS: usize = 2_048;

/// What a client wants embedded.
pub(crate) struct Wanted {
    pub(crate) texts: Vec<String>,
    /// Whether it takes vectors as base64 of little-endian floats.
    pub(crate) packed: bool,
    /// Numbers of each vector.
    pub(crate) dimensions: Option<usize>,
}

impl Wanted {
    /// Reads it.
    ///
    /// # Errors
    /// [`ApiError`] 400.
    pub(crate) fn of(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let bad = |problem: &str| ApiError::field("input", format!("input {problem}"));
        let texts = match fields.read::<Value>("input")? {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(texts)) => {
                let all: Option<Vec<String>> =
                    texts.iter().map(|text| text.as_str().map(str::to_owned)).collect();
                all.ok_or_else(|| bad("holds tokens; send texts"))?
            }
            Some(_) => return Err(bad("is neither a text nor a list of texts")),
            None => return Err(bad("is missing")),
        };
        if texts.is_empty() || texts.len() > MAX_TEXTS {
            return Err(bad(&format!("has {} texts; send 1 to {MAX_TEXTS}", texts.len())));
        }
        let packed = match fields.read::<String>("encoding_format")?.as_deref() {
            None | Some("float") => false,
            Some("base64") => true,
            Some(_) => {
                return Err(ApiError::field("encoding_format", "encoding_format is \"float\" or \"base64\""));
            }
        };
        Ok(Self { texts, packed, dimensions: fields.read("dimensions")? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wanted_is_read_or_refused() {
        let read = |body: &Value| {
            let text = body.to_string();
            Wanted::of(&Fields::of(text.as_bytes()).unwrap())
                .map(|wanted| (wanted.texts.len(), wanted.packed))
        };
        assert_eq!(read(&json!({ "input": "a" })).unwrap(), (1, false));
        assert_eq!(read(&json!({ "input": ["a", "b"], "encoding_format": "base64" })).unwrap(), (2, true));
        for body in [
            json!({}),
            json!({ "input": [] }),
            json!({ "input": [1, 2] }),
            json!({ "input": 7 }),
            json!({ "input": "a", "encoding_format": "int8" }),
            json!({ "input": "a", "dimensions": "many" }),
        ] {
            assert!(read(&body).is_err(), "{body}");
        }
    }
}

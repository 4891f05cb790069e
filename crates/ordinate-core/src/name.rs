//! Validated names, and the nearest known name for a misspelt one.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The longest candidate name, in bytes: long enough for `org/model@revision`, short enough for a table.
pub const MAX_NAME_BYTES: usize = 200;

/// The name of a candidate: 1 to 200 bytes, no control characters, no space at either end.
///
/// Cheap to clone: names are shared between evidence, policies and verdict.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CandidateName(Arc<str>);

/// Why a text is no candidate name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a candidate name is empty; give it a name of 1 to {MAX_NAME_BYTES} bytes")]
    Empty,
    /// The text is too long.
    #[error("a candidate name of {0} bytes is too long; at most {MAX_NAME_BYTES} are allowed")]
    TooLong(usize),
    /// The text holds a control character, or white space at an end.
    #[error("the candidate name {0:?} holds a control character or white space at an end; remove it")]
    Unprintable(String),
}

impl CandidateName {
    /// Checks `text` and makes it a name.
    ///
    /// # Errors
    /// [`NameError`] when the text is empty, too long, or holds control characters or outer white space.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong(text.len()));
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err(NameError::Unprintable(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CandidateName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(&text)
    }
}

impl From<CandidateName> for String {
    fn from(name: CandidateName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for CandidateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for CandidateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl JsonSchema for CandidateName {
    fn schema_name() -> Cow<'static, str> {
        "CandidateName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_NAME_BYTES })
    }
}

/// The known name nearest to `text`, if one is near enough to be a misspelling of it (Damerau-Levenshtein
/// distance of at most a third of its length, and at least 1), or else the shortest that it is a part of.
#[must_use]
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = text.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    let part = || {
        let of = known.iter().filter(|name| lower.len() >= PART && name.to_lowercase().contains(&lower));
        of.min_by_key(|name| name.len()).copied()
    };
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count().max(text.chars().count()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| *name)
        .or_else(part)
}

/// What is shorter is a part of too much.
const PART: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert_eq!(CandidateName::new(""), Err(NameError::Empty));
        assert!(matches!(CandidateName::new(" a"), Err(NameError::Unprintable(_))));
        assert!(matches!(CandidateName::new("a\nb"), Err(NameError::Unprintable(_))));
        assert_eq!(CandidateName::new(&"x".repeat(201)), Err(NameError::TooLong(201)));
        assert_eq!(CandidateName::new("通义千问-7b").unwrap().as_str(), "通义千问-7b");
    }

    #[test]
    fn nearest_finds_misspellings_only() {
        let keys = ["goal", "margin", "min_quality"];
        assert_eq!(nearest("goel", keys), Some("goal"));
        assert_eq!(nearest("min_qualty", keys), Some("min_quality"));
        assert_eq!(nearest("max_cost", keys), None);
        let keys = ["goal", "max_cost_per_1k", "max_memory_gb"];
        assert_eq!(
            ["max_cost", "memory", "max"].map(|text| nearest(text, keys)),
            [Some(keys[1]), Some(keys[2]), None]
        );
    }
}

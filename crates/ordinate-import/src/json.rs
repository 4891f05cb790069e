//! Small types that take what tools really write: numbers as texts, texts as objects, `null` anywhere.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A single value; lists and objects are passed over without being kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Scalar {
    /// `null`, or absent.
    #[default]
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// A list or an object.
    Other,
}

impl Scalar {
    /// The value as a number: numbers, booleans as 0 and 1, and texts that spell a number.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Number(value) => Some(*value),
            Self::Text(text) => number(text),
            Self::Null | Self::Other => None,
        }
    }

    /// The value as a count.
    pub(crate) fn count(&self) -> Option<u64> {
        self.number().filter(|n| (0.0..9e15).contains(n)).map(|n| n.round() as u64)
    }

    /// The value as text, unless it is absent, a list or an object.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(value) => Some(value.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Null | Self::Other => None,
        }
    }
}

/// A number that a text spells, `NaN` and infinities too.
pub(crate) fn number(text: &str) -> Option<f64> {
    match text.trim() {
        "NaN" | "nan" => Some(f64::NAN),
        "Infinity" | "Inf" | "inf" => Some(f64::INFINITY),
        "-Infinity" | "-Inf" | "-inf" => Some(f64::NEG_INFINITY),
        trimmed => trimmed.parse().ok(),
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(value as f64))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(value as f64))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar::Number(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_owned()))
            }
            fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
                Ok(Scalar::Text(value))
            }
            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Null)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// An object in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ordered<T>(pub(crate) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Ordered<T> {
    pub(crate) fn get(&self, key: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads a field that tools leave out or set to `null` when they mean its default.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A value as the text of an item or an answer: texts as they are, chats as their turns, all else as JSON.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => match list.as_slice() {
            [] => None,
            [only] if !only.is_object() => text_of(only),
            turns => chat(turns).or_else(|| Some(value.to_string())),
        },
        other => Some(other.to_string()),
    }
}

/// The turns of a chat as text; one turn alone is its content, several are marked with their roles.
fn chat(turns: &[Value]) -> Option<String> {
    let turns: Vec<(&str, String)> = turns
        .iter()
        .map(|turn| Some((turn.get("role")?.as_str()?, content(turn.get("content")?)?)))
        .collect::<Option<_>>()?;
    match turns.as_slice() {
        [(_, only)] => Some(only.clone()),
        several => {
            Some(several.iter().map(|(role, text)| format!("{role}: {text}")).collect::<Vec<_>>().join("\n"))
        }
    }
}

/// The text of one turn; pictures and other parts are named by their type.
fn content(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some(String::new()),
        Value::Array(parts) => Some(
            parts
                .iter()
                .map(|part| match (part.get("text"), part.get("type")) {
                    (Some(Value::String(text)), _) => text.clone(),
                    (_, Some(Value::String(kind))) => format!("[{kind}]"),
                    _ => part.to_string(),
                })
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_chat_reads_as_text() {
        assert_eq!(text_of(&json!([{"role": "user", "content": "hi"}])).unwrap(), "hi");
        let two = json!([{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}]);
        assert_eq!(text_of(&two).unwrap(), "system: s\nuser: hi");
        assert_eq!(text_of(&json!({"a": 1})).unwrap(), r#"{"a":1}"#);
        assert_eq!(text_of(&json!(["one"])).unwrap(), "one");
    }

    #[test]
    fn scalars_take_what_comes() {
        let row: Vec<Scalar> =
            serde_json::from_str(r#"[1, true, "0.5", "NaN", null, {"a": []}, "x"]"#).unwrap();
        let numbers: Vec<Option<f64>> = row.iter().map(Scalar::number).collect();
        assert_eq!(numbers[..3], [Some(1.0), Some(1.0), Some(0.5)]);
        assert!(numbers[3].unwrap().is_nan());
        assert_eq!(numbers[4..], [None, None, None]);
    }
}

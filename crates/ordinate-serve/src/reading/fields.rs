//! The fields of a request, without a change to what is passed on.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::ApiError;

/// An object whose values are as they were written: numbers, spaces and the order of fields.
#[derive(Debug)]
pub(crate) struct Fields<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

impl<'t> Fields<'t> {
    /// Of the body of a request.
    ///
    /// # Errors
    /// [`ApiError`] 400 where it is no JSON object.
    pub(crate) fn of(bytes: &'t [u8]) -> Result<Self, ApiError> {
        serde_json::from_slice(bytes).map_err(|error| {
            ApiError::invalid_json(format!("the body is not the JSON object that it has to be: {error}"))
        })
    }

    /// The value of a field as it was written; of one that stands twice the last. `None` also for null.
    pub(crate) fn get(&self, name: &str) -> Option<&'t str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.get()).filter(|value| *value != "null")
    }

    /// The same, read.
    ///
    /// # Errors
    /// [`ApiError`] 400 where it is not of the type.
    pub(crate) fn read<T: Deserialize<'t>>(&self, name: &'static str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        serde_json::from_str(text)
            .map(Some)
            .map_err(|error| ApiError::field(name, format!("{name}: {error}")))
    }

    /// The object again with some fields set, and others left out.
    pub(crate) fn with(&self, set: &[(&str, String)], without: &[&str]) -> String {
        let kept = self.0.iter().filter(|(name, _)| {
            !without.contains(&name.as_ref()) && !set.iter().any(|(set, _)| *set == name.as_ref())
        });
        let mut text = String::from("{");
        let mut add = |name: &str, value: &str| {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&serde_json::Value::from(name).to_string());
            text.push(':');
            text.push_str(value);
        };
        for (name, value) in kept {
            add(name, value.get());
        }
        for (name, value) in set {
            add(name, value);
        }
        text.push('}');
        text
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }

        json.deserialize_map(Read)
    }
}

/// A name that borrows where JSON lets it.
#[derive(serde::Deserialize)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_passed_on_as_they_were_written() {
        let text = br#"{"model":"a","x":{"n":1.10,"big":123456789012345678901234567890},"t\u00e9":[ 1 ],"stream":true}"#;
        let fields = Fields::of(text).unwrap();
        assert_eq!(
            fields.with(&[("model", "\"b\"".to_owned())], &["stream"]),
            "{\"x\":{\"n\":1.10,\"big\":123456789012345678901234567890},\"t\u{e9}\":[ 1 ],\"model\":\"b\"}"
        );
        assert_eq!(fields.read::<bool>("stream").unwrap(), Some(true));
        assert_eq!(fields.read::<bool>("model").unwrap_err().param, Some("model"));
        assert!(
            Fields::of(b"[1]").is_err() && Fields::of(b"{\"a\":").is_err() && Fields::of(b"\xff").is_err()
        );
    }
}

//! The body of a request: read within limits, and its fields without a change to what is passed on.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::error::ApiError;

/// Reads the body of a request: at most so many bytes, each part within `idle`, all of it within `total`.
///
/// # Errors
/// [`ApiError`]: 413, 415, 408, or a connection that broke.
pub(crate) async fn body_of(
    headers: &HeaderMap,
    mut body: Incoming,
    most: usize,
    idle: Duration,
    total: Duration,
) -> Result<Bytes, ApiError> {
    let packed =
        headers.get(CONTENT_ENCODING).filter(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if packed.is_some() {
        let message = "the body is packed (Content-Encoding); send it as it is";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", message));
    }
    let too_large = || {
        let message = format!(
            "the body is larger than {most} bytes; send less, or start the server with a larger --max-body"
        );
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
    };
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let end = Instant::now() + total;
    let mut bytes = BytesMut::new();
    loop {
        let due = end.min(Instant::now() + idle);
        let frame = timeout_at(due, body.frame()).await.map_err(|_| {
            let message = "the body did not come in time";
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message)
        })?;
        match frame {
            None => return Ok(bytes.freeze()),
            Some(Err(error)) => {
                let message = format!("the body broke off: {error}");
                return Err(ApiError::new(StatusCode::BAD_REQUEST, "broken_request", message));
            }
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                if bytes.len() + data.len() > most {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
}

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
            let message = format!("the body is not the JSON object that it has to be: {error}");
            ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", message)
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

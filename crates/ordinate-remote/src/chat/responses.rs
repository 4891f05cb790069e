//! Answers of the responses API (<https://platform.openai.com/docs/api-reference/responses>), as far as whoever passes them
//! on has to understand them: their text, their usage, and how they ended.

use serde::Deserialize;
use serde_json::Value;

use super::usage;
use super::wire::parse;
use crate::failure::{Failure, FailureKind};
use crate::numbers::lenient;
use crate::reply::Usage;
use crate::said::{error_message, excerpt};

/// An answer, or what an event says of it.
#[derive(Debug, Default, Deserialize)]
struct Body {
    status: Option<String>,
    error: Option<Value>,
    output: Option<Vec<Value>>,
    usage: Option<Value>,
}

impl Body {
    fn usage(&self) -> Option<Usage> {
        usage::read(self.usage.as_ref()?).usage
    }

    /// The text of its messages.
    fn text(&self) -> String {
        let parts = self.output.iter().flatten().filter_map(|item| item["content"].as_array()).flatten();
        parts.filter(|part| part["type"] == "output_text").filter_map(|part| part["text"].as_str()).collect()
    }

    /// That it was given up.
    fn given_up(&self) -> Failure {
        let said = self.error.as_ref().filter(|error| !error.is_null());
        let why = said.map(|error| error_message(error.to_string().as_bytes()).0);
        let why = why.map_or_else(String::new, |why| format!(": {}", excerpt(&why)));
        Failure::new(FailureKind::Cut, format!("the server gave the answer up{why}"))
    }
}

/// Reads a whole answer: its text, and the tokens that it took.
///
/// # Errors
/// [`Failure`] where it is none, or was given up.
pub(super) fn read(text: &str) -> Result<(String, Option<Usage>), Failure> {
    parse(text)?;
    let body: Body = lenient(text).map_err(|error| shape(&error, text))?;
    match body.status.as_deref() {
        Some("failed" | "cancelled") => Err(body.given_up()),
        // One that is made in the background is asked for again by whoever wanted that.
        Some("queued" | "in_progress") => Ok((String::new(), body.usage())),
        _ if body.output.is_none() => {
            let message = format!("the answer has no output: {}", excerpt(text));
            Err(Failure::new(FailureKind::Shape, message))
        }
        _ => Ok((body.text(), body.usage())),
    }
}

/// What an event of a stream says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    /// Whether it has a part of the answer, or its end.
    pub(super) tells: bool,
    /// Whether it is the last.
    pub(super) is_done: bool,
    pub(super) usage: Option<Usage>,
    /// Bytes of the part of the answer.
    pub(super) bytes: usize,
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: Option<String>,
    response: Option<Body>,
    message: Option<Value>,
    delta: Option<Value>,
}

/// Reads the data of an event.
///
/// # Errors
/// [`Failure`] where the answer was given up, or the event is none of this API.
pub(super) fn event(data: &str) -> Result<Told, Failure> {
    parse(data)?;
    let event: Event = lenient(data).map_err(|error| shape(&error, data))?;
    let response = event.response.unwrap_or_default();
    match event.kind.as_deref() {
        Some("response.completed" | "response.incomplete") => {
            Ok(Told { tells: true, is_done: true, usage: response.usage(), bytes: 0 })
        }
        Some("response.failed" | "response.cancelled") => Err(response.given_up()),
        Some("error") => {
            let said = event.message.as_ref().and_then(Value::as_str).unwrap_or_default();
            let message = format!("the server reports an error: {}", excerpt(said));
            Err(Failure::new(FailureKind::Overloaded, message))
        }
        Some("response.created" | "response.queued" | "response.in_progress" | "keepalive" | "ping") => {
            Ok(Told::default())
        }
        Some(_) => {
            let bytes = event.delta.as_ref().and_then(Value::as_str).map_or(0, str::len);
            Ok(Told { tells: true, bytes, ..Told::default() })
        }
        None => {
            let message = format!("an event without a type is none of the responses API: {}", excerpt(data));
            Err(Failure::new(FailureKind::Shape, message))
        }
    }
}

fn shape(error: &serde_json::Error, text: &str) -> Failure {
    let message = format!("the answer is not what a responses API sends ({error}): {}", excerpt(text));
    Failure::new(FailureKind::Shape, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(read: Result<impl std::fmt::Debug, Failure>) -> FailureKind {
        read.unwrap_err().kind
    }

    #[test]
    fn whole_answers() {
        let parts = json!([{ "type": "output_text", "text": "a" }, { "type": "refusal", "refusal": "no" }]);
        let output = json!([{ "type": "reasoning", "summary": [] }, { "type": "message", "content": parts }]);
        let whole = json!({ "status": "completed", "error": null, "output": output,
            "usage": { "input_tokens": 20, "output_tokens": 3, "total_tokens": 23,
                "input_tokens_details": { "cached_tokens": 8 } } });
        let (text, used) = read(&whole.to_string()).unwrap();
        let used = used.unwrap();
        assert_eq!(
            (text.as_str(), used.input_tokens, used.output_tokens, used.cached_tokens),
            ("a", 20, 3, 8)
        );
        let failed = json!({ "status": "failed", "error": { "code": "server_error", "message": "out" } });
        assert_eq!(kind(read(&failed.to_string())), FailureKind::Overloaded);
        assert_eq!(kind(read(r#"{"status":"cancelled"}"#)), FailureKind::Cut);
        assert_eq!(kind(read(r#"{"status":"completed"}"#)), FailureKind::Shape);
        assert_eq!(kind(read("<html>")), FailureKind::BrokenJson);
    }

    #[test]
    fn events() {
        let of = |value: serde_json::Value| event(&value.to_string());
        assert_eq!(of(json!({ "type": "response.created", "response": {} })).unwrap(), Told::default());
        assert!(of(json!({ "type": "response.output_text.delta", "delta": "a" })).unwrap().tells);
        let usage = json!({ "input_tokens": 20, "output_tokens": 3 });
        let last = of(json!({ "type": "response.completed", "response": { "usage": usage } })).unwrap();
        assert!(last.is_done && last.usage.is_some_and(|usage| usage.output_tokens == 3));
        let failed = json!({ "type": "response.failed", "response": { "error": { "message": "out" } } });
        let failed = of(failed).unwrap_err();
        assert!(failed.kind == FailureKind::Cut && failed.message.contains("out"), "{failed}");
        assert_eq!(kind(of(json!({ "type": "error", "message": "busy" }))), FailureKind::Overloaded);
        assert_eq!(kind(of(json!({ "choices": [] }))), FailureKind::Shape);
    }
}

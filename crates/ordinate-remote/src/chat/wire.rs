//! The answer of a chat API, read with patience for what servers leave out or add.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::error::Category;

use super::finish::worst;
use super::raw::Raw;
use crate::failure::{Failure, FailureKind};
use crate::numbers::lenient;
use crate::reply::{Signature, TokenLogprob};
use crate::said::{error_message, excerpt, is_filtered};

/// An answer, or one chunk of a streamed one. What an answer can do without is read whatever its type: an odd one must
/// not throw an answer away that was paid for.
#[derive(Debug, Deserialize)]
pub(super) struct Wire {
    pub(super) choices: Option<Vec<WireChoice>>,
    pub(super) usage: Option<Value>,
    pub(super) error: Option<Value>,
    pub(super) model: Option<Value>,
    system_fingerprint: Option<Value>,
    /// How it ended, as servers for something else (Anthropic, Ollama) say it.
    stop_reason: Option<Value>,
    done_reason: Option<Value>,
    incomplete_details: Option<Value>,
}

impl Wire {
    /// What it says of who gave it.
    pub(super) fn signature(&self) -> Signature {
        let said = |value: &Option<Value>| {
            let text = value.as_ref().and_then(Value::as_str).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Signature { model: said(&self.model), fingerprint: said(&self.system_fingerprint) }
    }

    /// How the answer ended, by whichever field says most.
    pub(super) fn ended(&self, choice: &WireChoice) -> Option<String> {
        let named = choice.finish_reason.as_ref().and_then(Option::as_ref);
        let others =
            [&choice.native_finish_reason, &choice.stop_reason, &self.stop_reason, &self.done_reason];
        let others = others.into_iter().chain([&self.incomplete_details]).map(Option::as_ref);
        let word = worst(std::iter::once(named).chain(others));
        // Azure says of each kind of content whether it was withheld, with whatever reason beside it.
        if choice.is_filtered() { Some("content_filter".to_owned()) } else { word }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireChoice {
    pub(super) message: Option<WireMessage>,
    pub(super) delta: Option<WireMessage>,
    /// The text of a server for completions.
    pub(super) text: Option<Value>,
    /// `None`: not named; `Some(None)`: null, as long as the answer goes on.
    #[serde(default, deserialize_with = "named")]
    pub(super) finish_reason: Option<Option<Value>>,
    native_finish_reason: Option<Value>,
    stop_reason: Option<Value>,
    pub(super) logprobs: Option<Value>,
    content_filter_results: Option<Value>,
    /// What went wrong behind a gateway.
    pub(super) error: Option<Value>,
}

impl WireChoice {
    fn is_filtered(&self) -> bool {
        let results = self.content_filter_results.as_ref().and_then(Value::as_object);
        let filtered = |result: &Value| result.get("filtered") == Some(&Value::Bool(true));
        results.is_some_and(|results| results.values().any(filtered))
    }
}

/// Tells null from a field that is not there.
fn named<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<Value>>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WireMessage {
    pub(super) content: Option<Value>,
    pub(super) refusal: Option<Value>,
    tool_calls: Option<Value>,
    function_call: Option<Value>,
    // Some servers send several of these, so that none can be an alias of another.
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
    thinking: Option<Value>,
    reasoning_text: Option<Value>,
    reasoning_details: Option<Value>,
    thinking_blocks: Option<Value>,
}

impl WireMessage {
    /// Whether there is reasoning beside the text.
    pub(super) fn reasoned(&self) -> bool {
        self.beside().any(says_something) || parts(self.content.as_ref()).any(|part| !is_text(part))
    }

    fn beside(&self) -> impl Iterator<Item = &Value> {
        let texts = [&self.reasoning_content, &self.reasoning, &self.thinking, &self.reasoning_text];
        texts.into_iter().chain([&self.reasoning_details, &self.thinking_blocks]).flatten()
    }

    /// How long that reasoning is, where it is sent.
    pub(super) fn reasoning_bytes(&self) -> usize {
        self.beside().chain(parts(self.content.as_ref()).filter(|part| !is_text(part))).map(bytes).sum()
    }

    /// How long all is that is no text: reasoning, refusals, calls of tools.
    pub(super) fn beside_bytes(&self) -> usize {
        let others = [&self.refusal, &self.tool_calls, &self.function_call];
        self.reasoning_bytes() + others.into_iter().flatten().map(bytes).sum::<usize>()
    }

    /// Whether it calls a tool.
    pub(super) fn calls(&self) -> bool {
        let is_call =
            |part: &Value| matches!(part["type"].as_str(), Some("tool_use" | "tool_call" | "function_call"));
        [&self.tool_calls, &self.function_call].into_iter().flatten().any(says_something)
            || parts(self.content.as_ref()).any(is_call)
    }

    /// Its text: the content, or those of its parts that are text.
    pub(super) fn text(&self) -> String {
        match &self.content {
            Some(Value::String(text)) => text.clone(),
            // A proxy may have taken "5" for a number.
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            content => parts(content.as_ref())
                .filter(|part| is_text(part))
                .filter_map(|part| {
                    part.as_str().or_else(|| part["text"].as_str()).or_else(|| part["text"]["value"].as_str())
                })
                .collect(),
        }
    }
}

/// Bytes of all texts in a value.
fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(bytes).sum(),
        Value::Object(fields) => fields.values().map(bytes).sum(),
        _ => 0,
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        _ => true,
    }
}

fn parts(content: Option<&Value>) -> impl Iterator<Item = &Value> {
    content.and_then(Value::as_array).into_iter().flatten()
}

/// Parts of other types are reasoning, pictures, sound.
fn is_text(part: &Value) -> bool {
    part.get("type").and_then(Value::as_str).is_none_or(|kind| matches!(kind, "text" | "output_text"))
}

/// Adds the log-probabilities of tokens that are what they should be.
pub(super) fn add_logprobs(logprobs: &Value, tokens: &mut Vec<TokenLogprob>) {
    let given = logprobs["content"].as_array().into_iter().flatten();
    tokens.extend(given.filter_map(|token| {
        let logprob = token["logprob"].as_f64().filter(|value| value.is_finite())?.min(0.0);
        let bytes: Option<Vec<u8>> = token["bytes"]
            .as_array()
            .and_then(|bytes| bytes.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect());
        // A part of a character has no text: OpenAI writes `\xc3` for it, with the byte beside.
        let part = bytes.is_some_and(|bytes| std::str::from_utf8(&bytes).is_err());
        let text = if part { "" } else { token["token"].as_str()? };
        Some(TokenLogprob { token: text.to_owned(), logprob })
    }));
}

/// Parses one JSON text of an answer.
pub(super) fn parse(text: &str) -> Result<Wire, Failure> {
    let wire: Wire = lenient(text).map_err(|error| {
        if text.trim_start().starts_with('<') {
            let message =
                "an HTML page came in place of an answer; check `base_url`, or log in to the network";
            return Failure::new(FailureKind::BrokenJson, message);
        }
        let kind = match error.classify() {
            Category::Data => FailureKind::Shape,
            Category::Syntax | Category::Eof | Category::Io => FailureKind::BrokenJson,
        };
        Failure::new(kind, format!("the answer is not what a chat API sends ({error}): {}", excerpt(text)))
    })?;
    let choices = wire.choices.iter().flatten().map(|choice| choice.error.as_ref());
    if let Some(error) = std::iter::once(wire.error.as_ref()).chain(choices).flatten().find(|e| !e.is_null())
    {
        let body = error.to_string();
        let (said, _) = error_message(body.as_bytes());
        let kind = if is_filtered(body.as_bytes()) { FailureKind::Filtered } else { FailureKind::Overloaded };
        return Err(Failure::new(kind, format!("the server reports an error: {}", excerpt(&said))));
    }
    Ok(wire)
}

/// Reads a whole answer.
pub(super) fn read(bytes: &[u8]) -> Result<Raw, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|error| broken_text(error.valid_up_to()))?;
    let wire = parse(text)?;
    let mut raw = Raw::default();
    raw.meter(&wire);
    let Some(choice) = wire.choices.as_ref().and_then(|choices| choices.first()) else {
        let kind = if is_filtered(text.as_bytes()) { FailureKind::Filtered } else { FailureKind::Shape };
        return Err(Failure::new(kind, format!("the answer has no choices: {}", excerpt(text))));
    };
    raw.finish = wire.ended(choice);
    if let Some(logprobs) = &choice.logprobs {
        add_logprobs(logprobs, &mut raw.reply.logprobs);
    }
    if let Some(message) = choice.message.as_ref().or(choice.delta.as_ref()) {
        raw.take(message);
    } else if let Some(Value::String(text)) = &choice.text {
        raw.reply.text.clone_from(text);
    }
    Ok(raw)
}

pub(super) fn broken_text(at: usize) -> Failure {
    Failure::new(FailureKind::BrokenText, format!("the answer is not UTF-8 (at byte {at})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Usage;

    #[test]
    fn deviations_are_borne() {
        let text = |body: &str| read(body.as_bytes()).unwrap().reply.text;
        assert_eq!(text(r#"{"choices":[{"message":{"content":"a"}}]}"#), "a");
        assert_eq!(
            text(r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"x"}]}}]}"#),
            "a"
        );
        assert_eq!(text(r#"{"error":null,"choices":[{"message":{"content":null},"logprobs":null}]}"#), "");
        let logprobs = r#"{"content":[{"token":"\\xc3","bytes":[195],"logprob":-0.5},{"token":"a","bytes":[97],"logprob":-0.5},
            {"token":"b","bytes":null,"logprob":-0.5}]}"#;
        let body = format!(r#"{{"choices":[{{"message":{{"content":"a"}},"logprobs":{logprobs}}}]}}"#);
        let tokens = read(body.as_bytes()).unwrap().reply.logprobs;
        assert_eq!(tokens.iter().map(|token| token.token.as_str()).collect::<Vec<_>>(), ["", "a", "b"]);
        let raw =
            read(br#"{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":null}}"#).unwrap();
        assert_eq!(raw.believed(Usage { input_tokens: 100, output_tokens: 100, ..Usage::default() }), None);
        // Odd types where nothing hangs on them.
        let body = r#"{"model":7,"usage":"much","choices":[{"finish_reason":4,"logprobs":"x",
            "message":{"content":"a","refusal":false,"reasoning":{},"tool_calls":{}}}]}"#;
        assert_eq!(text(body), "a");
        assert_eq!(text(r#"{"choices":[{"text":"a","finish_reason":"stop"}]}"#), "a");
    }

    #[test]
    fn reasoning_parts_are_no_text() {
        let body = r#"{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"b?"}]},
            {"type":"reasoning","text":"c?"},{"type":"text","text":"a"},{"type":"output_text","text":"d"}]}}]}"#;
        let raw = read(body.as_bytes()).unwrap();
        assert_eq!((raw.reply.text.as_str(), raw.reasoned), ("ad", true));
    }
}

//! The answer of a chat API, read with patience for what servers leave out or add.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::error::Category;

use super::Raw;
use crate::failure::{Failure, FailureKind};
use crate::http::{error_message, shorten};
use crate::reply::{TokenLogprob, Usage};

/// An answer, or one chunk of a streamed one.
#[derive(Debug, Deserialize)]
pub(super) struct Wire {
    pub(super) choices: Option<Vec<WireChoice>>,
    pub(super) usage: Option<WireUsage>,
    pub(super) error: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireChoice {
    pub(super) message: Option<WireMessage>,
    pub(super) delta: Option<WireMessage>,
    /// `None`: not named; `Some(None)`: null, as long as the answer goes on.
    #[serde(default, deserialize_with = "named")]
    pub(super) finish_reason: Option<Option<String>>,
    pub(super) logprobs: Option<WireLogprobs>,
}

/// Tells null from a field that is not there.
fn named<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[derive(Debug, Deserialize)]
pub(super) struct WireMessage {
    pub(super) content: Option<WireContent>,
    pub(super) refusal: Option<String>,
    // Some servers send both of these, so that neither can be an alias of the other.
    pub(super) reasoning_content: Option<Value>,
    pub(super) reasoning: Option<Value>,
}

impl WireMessage {
    pub(super) fn reasoned(&self) -> bool {
        [&self.reasoning_content, &self.reasoning].into_iter().flatten().any(|value| !value.is_null())
    }
}

/// Text, or parts of which some are text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum WireContent {
    Text(String),
    Parts(Vec<Value>),
}

impl WireContent {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => {
                parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().concat()
            }
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireLogprobs {
    pub(super) content: Option<Vec<WireToken>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireToken {
    token: String,
    logprob: Option<f64>,
    bytes: Option<Vec<u8>>,
}

impl WireToken {
    /// Its text. A part of a character has none: OpenAI writes `\xc3` for it, with the byte beside.
    fn text(self) -> String {
        let part = self.bytes.is_some_and(|bytes| std::str::from_utf8(&bytes).is_err());
        if part { String::new() } else { self.token }
    }
}

/// Servers that count nothing send nulls.
#[derive(Debug, Deserialize)]
pub(super) struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

impl WireUsage {
    pub(super) fn usage(&self) -> Option<Usage> {
        // A completion of no tokens may be left out; a prompt of none may not.
        let input_tokens = self.prompt_tokens?;
        Some(Usage { input_tokens, output_tokens: self.completion_tokens.unwrap_or(0) })
    }
}

impl WireLogprobs {
    pub(super) fn add_to(self, tokens: &mut Vec<TokenLogprob>) {
        let given = self.content.into_iter().flatten();
        tokens.extend(given.filter_map(|token| {
            let logprob = token.logprob.filter(|value| value.is_finite())?.min(0.0);
            Some(TokenLogprob { token: token.text(), logprob })
        }));
    }
}

/// Parses one JSON text of an answer.
pub(super) fn parse(text: &str) -> Result<Wire, Failure> {
    let wire: Wire = serde_json::from_str(text).map_err(|error| {
        if text.trim_start().starts_with('<') {
            let message =
                "an HTML page came in place of an answer; check `base_url`, or log in to the network";
            return Failure::new(FailureKind::BrokenJson, message);
        }
        let kind = match error.classify() {
            Category::Data => FailureKind::Shape,
            Category::Syntax | Category::Eof | Category::Io => FailureKind::BrokenJson,
        };
        Failure::new(kind, format!("the answer is not what a chat API sends ({error}): {}", shorten(text)))
    })?;
    if let Some(error) = wire.error.as_ref().filter(|error| !error.is_null()) {
        let (said, _) = error_message(error.to_string().as_bytes());
        return Err(Failure::new(FailureKind::Overloaded, format!("the server reports an error: {said}")));
    }
    Ok(wire)
}

/// Reads a whole answer.
pub(super) fn read(bytes: &[u8]) -> Result<Raw, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|error| broken_text(error.valid_up_to()))?;
    let wire = parse(text)?;
    let usage = wire.usage.and_then(|usage| usage.usage());
    let Some(choice) = wire.choices.and_then(|choices| choices.into_iter().next()) else {
        let message = format!("the answer has no choices: {}", shorten(text));
        return Err(Failure { usage, ..Failure::new(FailureKind::Shape, message) });
    };
    let mut raw = Raw { finish: choice.finish_reason.flatten(), ..Raw::default() };
    raw.reply.usage = usage;
    if let Some(logprobs) = choice.logprobs {
        logprobs.add_to(&mut raw.reply.logprobs);
    }
    if let Some(message) = choice.message.or(choice.delta) {
        raw.reasoned = message.reasoned();
        raw.refusal = message.refusal;
        raw.reply.text = message.content.map(WireContent::into_text).unwrap_or_default();
    }
    Ok(raw)
}

pub(super) fn broken_text(at: usize) -> Failure {
    Failure::new(FailureKind::BrokenText, format!("the answer is not UTF-8 (at byte {at})"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(raw.reply.usage, None);
        let raw = read(br#"{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":3}}"#).unwrap();
        assert_eq!(raw.reply.usage, Some(Usage { input_tokens: 3, output_tokens: 0 }));
    }
}

//! What the server says when it behaves.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fault::{Call, Fault};

type Answer = Arc<dyn Fn(&Value) -> String + Send + Sync>;
type Rule = Arc<dyn Fn(&Call<'_>) -> Fault + Send + Sync>;

/// Manners that do not change from request to request.
#[derive(Debug, Clone)]
pub struct Style {
    /// Time before the first byte.
    pub latency: Duration,
    /// Up to this much more, spread evenly by the request's number (no dice: runs are repeatable).
    pub spread: Duration,
    /// Time between the chunks of a stream.
    pub between: Duration,
    /// The key that a request must bear; any if `None`.
    pub key: Option<String>,
    /// Log-probability of every token, where a request asks for them.
    pub logprob: f64,
    /// Requests that it works on at one time; the others queue, as in a server with as many slots.
    pub slots: Option<usize>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            spread: Duration::ZERO,
            between: Duration::ZERO,
            key: None,
            logprob: -0.1,
            slots: None,
        }
    }
}

/// What is said, and when it goes wrong.
#[derive(Clone)]
pub struct Script {
    /// Manners.
    pub style: Style,
    answer: Answer,
    fault: Rule,
}

impl Script {
    /// A server that says what `answer` makes of the request's body.
    pub fn new(answer: impl Fn(&Value) -> String + Send + Sync + 'static) -> Self {
        Self { style: Style::default(), answer: Arc::new(answer), fault: Arc::new(|_| Fault::None) }
    }

    /// A server that always says the same.
    #[must_use]
    pub fn saying(text: &str) -> Self {
        let text = text.to_owned();
        Self::new(move |_| text.clone())
    }

    /// Sets when it goes wrong.
    #[must_use]
    pub fn with_faults(mut self, rule: impl Fn(&Call<'_>) -> Fault + Send + Sync + 'static) -> Self {
        self.fault = Arc::new(rule);
        self
    }

    /// Sets its manners.
    #[must_use]
    pub fn with_style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Sets the time before the first byte.
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.style.latency = latency;
        self
    }

    pub(crate) fn fault(&self, call: &Call<'_>) -> Fault {
        (self.fault)(call)
    }

    pub(crate) fn say(&self, body: &Value) -> String {
        (self.answer)(body)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("style", &self.style).finish_non_exhaustive()
    }
}

/// The server's token count of a text: a quarter of its bytes, rounded up, at least 1. Simple, so that a test
/// can compute exact money.
#[must_use]
pub fn tokens_of(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4).max(1)
}

/// The text of the last message of a chat request, the prompt of a completion, or the
/// input of a response.
#[must_use]
pub fn prompt_of(body: &Value) -> &str {
    body["messages"]
        .as_array()
        .and_then(|messages| messages.last())
        .and_then(|message| message["content"].as_str())
        .or_else(|| body["prompt"].as_str())
        .or_else(|| body["input"].as_str())
        .or_else(|| body["input"].as_array()?.last()?["content"].as_str())
        .unwrap_or_default()
}

/// Tokens of every message of the request.
pub(crate) fn input_tokens(body: &Value) -> u64 {
    match body["messages"].as_array() {
        Some(messages) => messages.iter().map(|message| of_content(&message["content"])).sum(),
        None => tokens_of(prompt_of(body)),
    }
}

/// Tokens of a message: of its text, or of its parts. A picture counts as one of 512 pixels does with OpenAI.
fn of_content(content: &Value) -> u64 {
    let of_part = |part: &Value| match part["type"].as_str() {
        Some("image_url") => 255,
        _ => part["text"].as_str().map_or(0, tokens_of),
    };
    content.as_str().map_or_else(|| content.as_array().into_iter().flatten().map(of_part).sum(), tokens_of)
}

/// What the answer to a chat request says about itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) refusal: Option<String>,
    pub(crate) finish: &'static str,
    pub(crate) usage: bool,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
}

/// A whole chat answer.
pub(crate) fn whole(body: &Value, said: &Said, style: &Style) -> Value {
    let mut choice = json!({
        "index": 0,
        "message": { "role": "assistant", "content": said.text, "refusal": said.refusal },
        "finish_reason": said.finish,
    });
    if asks_logprobs(body) {
        choice["logprobs"] =
            json!({ "content": pieces(&said.text).iter().map(|t| logprob(t, style)).collect::<Vec<_>>() });
    }
    if body.get("messages").is_none() {
        choice["text"] = json!(said.text); // the older completions API
    }
    let mut answer = json!({
        "id": "chatcmpl-fault", "object": "chat.completion", "created": 1_700_000_000,
        "model": body["model"], "choices": [choice],
    });
    if said.usage {
        answer["usage"] = usage(said);
    }
    answer
}

/// A chat answer as the events of a stream, without `[DONE]`.
pub(crate) fn events(body: &Value, said: &Said, style: &Style) -> Vec<Value> {
    let chunk = |delta: Value, finish: Value, logprobs: Value| {
        json!({
            "id": "chatcmpl-fault", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": body["model"],
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs }],
        })
    };
    // The older completions API has texts in place of messages.
    let chunk = |delta: Value, finish: Value, logprobs: Value| {
        let mut chunk = chunk(delta, finish, logprobs);
        if body.get("messages").is_none() {
            let said = chunk["choices"][0]["delta"].take();
            chunk["object"] = json!("text_completion");
            chunk["choices"][0]["text"] = json!(said["content"].as_str().unwrap_or_default());
        }
        chunk
    };
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), Value::Null, Value::Null)];
    // A monstrous text comes in one event: millions of them would only busy this server.
    let parts = if said.text.len() > MONSTROUS { vec![said.text.as_str()] } else { pieces(&said.text) };
    for piece in parts {
        let logprobs =
            if asks_logprobs(body) { json!({ "content": [logprob(piece, style)] }) } else { Value::Null };
        events.push(chunk(json!({ "content": piece }), Value::Null, logprobs));
    }
    if let Some(refusal) = &said.refusal {
        events.push(chunk(json!({ "refusal": refusal }), Value::Null, Value::Null));
    }
    events.push(chunk(json!({}), json!(said.finish), Value::Null));
    if said.usage && body["stream_options"]["include_usage"] == true {
        let mut last = chunk(json!({}), Value::Null, Value::Null);
        last["choices"] = json!([]);
        last["usage"] = usage(said);
        events.push(last);
    }
    events
}

/// As strict as the strictest: llama-cpp-python gives none without `top_logprobs`.
fn asks_logprobs(body: &Value) -> bool {
    body["logprobs"] == true && body["top_logprobs"].as_u64().is_some_and(|top| top > 0)
}

fn usage(said: &Said) -> Value {
    json!({
        "prompt_tokens": said.input_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.input_tokens + said.output_tokens,
    })
}

fn logprob(token: &str, style: &Style) -> Value {
    json!({ "token": token, "logprob": style.logprob, "bytes": token.as_bytes(), "top_logprobs": [] })
}

/// Bytes of a text that no model writes.
const MONSTROUS: usize = 1 << 20;

/// The text in pieces of about four bytes, cut between characters.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(4.min(rest.len())));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

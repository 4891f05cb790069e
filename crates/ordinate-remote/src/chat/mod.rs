//! Chat completions and embeddings of an OpenAI-compatible server.

mod address;
mod api;
mod embeddings;
mod finish;
mod names;
mod raw;
mod relay;
mod responses;
mod stream;
mod usage;
mod wire;

pub use address::{check, check_key};
pub use api::Api;
pub use embeddings::Embeddings;
pub use relay::{Part, Relay, Whole};

use ordinate_core::Price;
use ordinate_core::task::OpenAi;
use ordinate_tasks::Kind;
use reqwest::Url;
use serde_json::{Map, Value, json};

use address::{address, check_secrets, key_of, key_variable};
use raw::Bounds;

use crate::aside::aside;
use crate::failure::{Failure, SetupError};
use crate::http::{Http, MAX_BYTES};
use crate::prompt::{Prompted, content, weighed};
use crate::reply::{Reply, Usage};
use crate::secret::ApiKey;

/// OpenAI's own address.
pub const OPENAI: &str = "https://api.openai.com/v1";
/// The environment variable with OpenAI's key.
pub const OPENAI_KEY: &str = "OPENAI_API_KEY";

/// The bytes of an answer, beside those of its text, that any server sends: log-probabilities, reasoning, usage.
const BESIDE_TEXT: usize = 4 << 20;
/// The text that is read whatever was asked for: some servers heed no `max_tokens`.
const ANY_TEXT: usize = 64 << 10;
/// The most bytes of a token of text. Longer ones are white space.
const TOKEN_BYTES: usize = 64;

/// The most tokens that a picture is billed as. OpenAI's dearest count in this way is 2,833, and 5,667 for each square of 512
/// pixels of a picture that was scaled to 768 by at most 2,048, eight of them
/// (<https://platform.openai.com/docs/guides/images-vision>).
const MOST_OF_A_PICTURE: u64 = 2_833 + 8 * 5_667;

/// A model behind an OpenAI-compatible chat API.
#[derive(Debug, Clone)]
pub struct Chat {
    http: Http,
    url: Url,
    entry: OpenAi,
    max_tokens: u64,
}

impl Chat {
    /// Sets up the candidate of this entry for a task of this kind. The key is taken from the environment.
    ///
    /// # Errors
    /// [`SetupError`] when the address is no address, a number is out of range, a key stands where it would be seen, or a
    /// named key is not set.
    pub fn new(entry: &OpenAi, kind: &dyn Kind) -> Result<Self, SetupError> {
        Self::with_key(entry, kind, key_of(entry)?)
    }

    /// The same without a key: for looking at prompts and at kept answers. It cannot be asked where a key is wanted.
    ///
    /// # Errors
    /// [`SetupError`] as [`Self::new`], but for the key.
    pub fn without_key(entry: &OpenAi, kind: &dyn Kind) -> Result<Self, SetupError> {
        key_variable(entry)?;
        Self::with_key(entry, kind, None)
    }

    fn with_key(entry: &OpenAi, kind: &dyn Kind, key: Option<ApiKey>) -> Result<Self, SetupError> {
        let bad = |key, problem: String| SetupError::Setting { key, problem };
        if entry.model.trim().is_empty() {
            return Err(bad("openai.model", "the model has no name; write the server's name for it".into()));
        }
        if entry.temperature.is_some_and(|t| !(0.0..=10.0).contains(&t)) {
            return Err(bad("openai.temperature", "write a number of at least 0, usually 0".into()));
        }
        let url = address(entry, "chat/completions")?;
        check_secrets(entry, key.as_ref())?;
        let http = Http::new(entry.timeouts.unwrap_or_default(), key, entry.key_header.as_deref())?;
        let max_tokens = ["max_completion_tokens", "max_tokens"]
            .iter()
            .find_map(|name| entry.extra.get(*name).and_then(Value::as_u64))
            .or(entry.max_tokens.map(u64::from))
            .unwrap_or_else(|| {
                let braces = if entry.structured == Some(true) { 32 } else { 0 };
                u64::from(kind.max_tokens()) + braces
            });
        Ok(Self { http, url, entry: entry.clone(), max_tokens })
    }

    /// What makes its answers differ from those of another server or setting, apart from the request itself.
    /// Holds no key, no price and no time-out.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("openai {}", self.url)
    }

    /// Its price, if the entry has one.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        self.entry.price
    }

    /// The exact body of the request: keys sorted, so that the same request has the same bytes.
    #[must_use]
    pub fn body(&self, prompted: &Prompted) -> String {
        let mut body = Map::new();
        let mut messages = Vec::new();
        if let Some(system) = &prompted.system {
            messages.push(json!({ "role": "system", "content": system }));
        }
        messages.push(json!({ "role": "user", "content": content(&prompted.user, &prompted.pictures) }));
        body.insert("model".into(), json!(self.entry.model));
        body.insert("messages".into(), Value::Array(messages));
        body.insert("temperature".into(), json!(self.entry.temperature.unwrap_or(0.0)));
        if !self.entry.extra.contains_key("max_completion_tokens") {
            body.insert("max_tokens".into(), json!(self.max_tokens));
        }
        if self.entry.logprobs == Some(true) {
            body.insert("logprobs".into(), json!(true));
            // Nothing is made of the alternatives, but llama-cpp-python gives no log-probabilities without them.
            body.insert("top_logprobs".into(), json!(1));
        }
        if self.streams() {
            body.insert("stream".into(), json!(true));
            body.insert("stream_options".into(), json!({ "include_usage": true }));
        }
        if let Some(schema) = prompted.schema.as_ref().filter(|_| self.entry.structured == Some(true)) {
            body.insert(
                "response_format".into(),
                json!({ "type": "json_schema",
                        "json_schema": { "name": "answer", "strict": true, "schema": schema } }),
            );
        }
        body.extend(self.entry.extra.clone());
        for key in &self.entry.omit {
            body.remove(key);
        }
        canonical(&Value::Object(body))
    }

    /// The most tokens that the request can use up: no tokeniser makes more tokens than bytes of the input, and
    /// some are added around each message. A picture is counted by its size, whatever its bytes.
    #[must_use]
    pub fn most_tokens(&self, body: &str) -> Usage {
        let (bytes, pictures) = weighed(body);
        let input_tokens = bytes as u64 + 64 + pictures as u64 * MOST_OF_A_PICTURE;
        Usage { input_tokens, output_tokens: self.max_tokens, ..Usage::default() }
    }

    /// Whether answers are streamed.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.entry.stream == Some(true)
    }

    /// The most bytes of text that are taken for an answer: far more than the most tokens come to.
    fn most_text(&self) -> usize {
        let asked = usize::try_from(self.max_tokens).unwrap_or(MAX_BYTES).saturating_mul(TOKEN_BYTES);
        asked.saturating_add(ANY_TEXT).min(MAX_BYTES)
    }

    /// Asks once, with the body that [`Chat::body`] made.
    ///
    /// # Errors
    /// [`Failure`]: transport, status, a broken answer, a refusal, an answer without text, or one of far more than was asked
    /// for.
    pub async fn ask(&self, body: &str) -> Result<Reply, Failure> {
        self.http.tidy(self.try_ask(body).await.map(|reply| self.named(reply)))
    }

    async fn try_ask(&self, body: &str) -> Result<Reply, Failure> {
        let bounds = Bounds { tokens: self.most_tokens(body), text: self.most_text() };
        let most = bounds.text.saturating_add(BESIDE_TEXT).min(MAX_BYTES);
        if self.streams() {
            let mut reader = stream::StreamReader::new(bounds);
            let start = tokio::time::Instant::now();
            let posted = self
                .http
                .post(&self.url, body, true, most, |bytes| reader.take(bytes, start.elapsed()))
                .await;
            let latency = match posted {
                Ok(latency) => latency,
                // What the connection does after `[DONE]` changes nothing.
                Err(failure) if reader.is_done() => failure.latency,
                Err(failure) => return Err(failure),
            };
            let late = |failure: Failure| Failure { latency, ..failure };
            return reader.finish().map_err(late)?.into_reply(latency, bounds);
        }
        let mut bytes = Vec::new();
        let latency = self
            .http
            .post(&self.url, body, false, most, |chunk| {
                bytes.extend_from_slice(chunk);
                Ok(true)
            })
            .await?;
        // A long answer is read elsewhere: others are being timed here.
        aside(bytes.len(), move || {
            let late = |failure: Failure| Failure { latency, ..failure };
            wire::read(&bytes).map_err(late)?.into_reply(latency, bounds)
        })
        .await
    }

    /// Without the model's name where it is the one that was asked.
    fn named(&self, reply: Reply) -> Reply {
        let model = reply.model.filter(|model| names::is_another(&self.entry.model, model));
        Reply { model, ..reply }
    }
}

/// JSON with sorted keys, whatever features serde_json was built with.
fn canonical(value: &Value) -> String {
    fn sort(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let sorted: std::collections::BTreeMap<_, _> = map.iter().collect();
                Value::Object(sorted.into_iter().map(|(key, value)| (key.clone(), sort(value))).collect())
            }
            Value::Array(values) => Value::Array(values.iter().map(sort).collect()),
            other => other.clone(),
        }
    }
    sort(value).to_string()
}

#[cfg(test)]
mod tests {
    use ordinate_tasks::kinds::Classify;

    use super::*;

    fn entry(base_url: &str) -> OpenAi {
        OpenAi { model: "m".into(), base_url: Some(base_url.into()), ..Default::default() }
    }

    #[test]
    fn the_body_is_canonical_and_can_be_changed() {
        let mut with = entry("http://h/v1");
        with.extra =
            json!({ "max_completion_tokens": 9, "a": { "z": 1, "b": 2 } }).as_object().unwrap().clone();
        with.omit = vec!["temperature".into()];
        let chat = Chat::new(&with, &Classify).unwrap();
        let prompted = Prompted { system: None, user: "hi".into(), pictures: Vec::new(), schema: None };
        assert_eq!(
            chat.body(&prompted),
            r#"{"a":{"b":2,"z":1},"max_completion_tokens":9,"messages":[{"content":"hi","role":"user"}],"model":"m"}"#
        );
        assert_eq!(chat.most_tokens("").output_tokens, 9);
    }

    #[test]
    fn a_key_that_is_named_must_be_there() {
        let with = OpenAi { key_env: Some("ORDINATE_NO_SUCH_KEY".into()), ..entry("http://h/v1") };
        let error = Chat::new(&with, &Classify).unwrap_err().to_string();
        assert!(error.contains("ORDINATE_NO_SUCH_KEY"), "{error}");
    }
}

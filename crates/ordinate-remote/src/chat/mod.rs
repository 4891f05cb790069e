//! Chat completions and embeddings of an OpenAI-compatible server.

mod embeddings;
mod names;
mod stream;
mod usage;
mod wire;

pub use embeddings::Embeddings;

use ordinate_core::Price;
use ordinate_core::task::OpenAi;
use ordinate_tasks::Kind;
use reqwest::Url;
use serde_json::{Map, Value, json};

use crate::failure::{Failure, FailureKind, SetupError};
use crate::http::Http;
use crate::prompt::Prompted;
use crate::reply::{Doubt, Reply, Usage};
use crate::secret::ApiKey;

/// OpenAI's own address.
pub const OPENAI: &str = "https://api.openai.com/v1";
/// The environment variable with OpenAI's key.
pub const OPENAI_KEY: &str = "OPENAI_API_KEY";

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
    /// [`SetupError`] when the address is no address, a number is out of range, or a named key is not set.
    pub fn new(entry: &OpenAi, kind: &dyn Kind) -> Result<Self, SetupError> {
        let bad = |key, problem: String| SetupError::Setting { key, problem };
        if entry.model.trim().is_empty() {
            return Err(bad("openai.model", "the model has no name; write the server's name for it".into()));
        }
        if entry.temperature.is_some_and(|t| !(0.0..=10.0).contains(&t)) {
            return Err(bad("openai.temperature", "write a number of at least 0, usually 0".into()));
        }
        let url = address(entry, "chat/completions")?;
        let http =
            Http::new(entry.timeouts.unwrap_or_default(), key_of(entry, &url)?, entry.key_header.as_deref())?;
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
        messages.push(json!({ "role": "user", "content": prompted.user }));
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
    /// some are added around each message.
    #[must_use]
    pub fn most_tokens(&self, body: &str) -> Usage {
        Usage { input_tokens: body.len() as u64 + 64, output_tokens: self.max_tokens, ..Usage::default() }
    }

    /// Whether answers are streamed.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.entry.stream == Some(true)
    }

    /// Asks once, with the body that [`Chat::body`] made.
    ///
    /// # Errors
    /// [`Failure`]: transport, status, a broken answer, a refusal, or an answer without text.
    pub async fn ask(&self, body: &str) -> Result<Reply, Failure> {
        if self.streams() {
            let mut reader = stream::StreamReader::default();
            let start = tokio::time::Instant::now();
            let posted =
                self.http.post(&self.url, body, true, |bytes| reader.take(bytes, start.elapsed())).await;
            let latency = match posted {
                Ok(latency) => latency,
                // What the connection does after `[DONE]` changes nothing.
                Err(failure) if reader.is_done() => failure.latency,
                Err(failure) => return Err(failure),
            };
            let late = |failure: Failure| Failure { latency, ..failure };
            return self.checked(reader.finish().map_err(late)?.into_reply(latency), body);
        }
        let mut bytes = Vec::new();
        let latency = self
            .http
            .post(&self.url, body, false, |chunk| {
                bytes.extend_from_slice(chunk);
                Ok(true)
            })
            .await?;
        let late = |failure: Failure| Failure { latency, ..failure };
        self.checked(wire::read(&bytes).map_err(late)?.into_reply(latency), body)
    }

    /// Without counts that cannot be, and without the model's name where it is the one that was asked.
    fn checked(&self, answered: Result<Reply, Failure>, body: &str) -> Result<Reply, Failure> {
        let most = self.most_tokens(body);
        let believed = |usage: Option<Usage>| usage.filter(|usage| usage::is_believable(*usage, most));
        match answered {
            Ok(reply) => {
                let usage = believed(reply.usage);
                let doubt = if usage == reply.usage { reply.doubt } else { Some(Doubt::Unbelievable) };
                let model = reply.model.filter(|model| names::is_another(&self.entry.model, model));
                Ok(Reply { usage, doubt, model, ..reply })
            }
            Err(failure) => Err(Failure { usage: believed(failure.usage), ..failure }),
        }
    }
}

/// A reply before it is told apart from a refusal or from nothing.
#[derive(Debug, Clone, Default)]
struct Raw {
    reply: Reply,
    refusal: Option<String>,
    finish: Option<String>,
    reasoned: bool,
    called: bool,
}

impl Raw {
    /// What the answer says of tokens and of the model; a later part of a stream says it for the whole.
    fn meter(&mut self, usage: Option<&Value>, model: Option<&Value>) {
        if let Some(usage) = usage {
            let (usage, doubt) = usage::read(usage);
            self.reply.usage = usage.or(self.reply.usage);
            self.reply.doubt = doubt.or(self.reply.doubt);
        }
        if let Some(model) = model.and_then(Value::as_str).filter(|model| !model.trim().is_empty()) {
            self.reply.model = Some(model.trim().to_owned());
        }
    }

    fn take(&mut self, message: &wire::WireMessage) {
        self.reasoned |= message.reasoned();
        self.called |= message.calls();
        if let Some(refusal) = message.refusal.as_ref().and_then(Value::as_str) {
            self.refusal.get_or_insert_default().push_str(refusal);
        }
        self.reply.text.push_str(&message.text());
    }

    fn into_reply(self, latency: std::time::Duration) -> Result<Reply, Failure> {
        let Self { mut reply, refusal, finish, reasoned, called } = self;
        let fail = |kind, message: String| {
            Err(Failure { usage: reply.usage, latency, ..Failure::new(kind, message) })
        };
        if let Some(refusal) = refusal.filter(|text| !text.trim().is_empty()) {
            return fail(FailureKind::Refused, crate::http::shorten(&refusal));
        }
        let ended = finish.as_deref().map_or(Finish::Whole, Finish::of);
        match ended {
            Finish::Filtered => {
                return fail(FailureKind::Filtered, "the server's content filter withheld the answer".into());
            }
            Finish::Failed => {
                let reason = finish.unwrap_or_default();
                let message = format!("the server gave the answer up (finish_reason {reason:?})");
                return fail(FailureKind::Cut, message);
            }
            Finish::Whole | Finish::Cut => {}
        }
        let cut_short = ended == Finish::Cut;
        if reply.text.trim().is_empty() {
            let message = match (cut_short, called, reasoned) {
                (true, ..) => "the most tokens were used up before any text; raise `max_tokens`",
                (false, true, _) => "the model called a tool in place of an answer",
                (false, false, true) => "the model reasoned but gave no answer",
                (false, false, false) => "the answer has no text",
            };
            return fail(FailureKind::Empty, message.into())
                .map_err(|failure| Failure { cut_short, ..failure });
        }
        reply.latency = latency;
        reply.cut_short = cut_short;
        Ok(reply)
    }
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finish {
    Whole,
    /// At the most tokens.
    Cut,
    /// Withheld.
    Filtered,
    /// Given up by the server.
    Failed,
}

impl Finish {
    /// By the words of OpenAI, and of the servers that pass their own ones through (Google, Mistral, `DeepSeek`, gateways).
    fn of(word: &str) -> Self {
        match word {
            "length"
            | "max_tokens"
            | "max_output_tokens"
            | "model_length"
            | "model_context_window_exceeded" => Self::Cut,
            "content_filter"
            | "safety"
            | "recitation"
            | "blocklist"
            | "prohibited_content"
            | "spii"
            | "guardrail_intervened" => Self::Filtered,
            "error" | "abort" | "cancelled" | "insufficient_system_resource" => Self::Failed,
            _ => Self::Whole,
        }
    }
}

fn address(entry: &OpenAi, path: &str) -> Result<Url, SetupError> {
    let text = entry.base_url.as_deref().unwrap_or(OPENAI);
    let bad = |problem: String| SetupError::Setting { key: "openai.base_url", problem };
    let mut url = Url::parse(text.trim())
        .map_err(|error| bad(format!("{text:?} is no address ({error}); write for example {OPENAI:?}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad(format!("{text:?} is no http or https address; write for example {OPENAI:?}")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("the address holds a password; put it into an environment variable, named by \
                        `key_env`, instead"
            .into()));
    }
    if entry.key_header.is_none() && url.query().is_some_and(|query| query.contains("key=")) {
        return Err(bad(
            "the address holds a key; put it into an environment variable, named by `key_env`, \
                        instead"
                .into(),
        ));
    }
    let base = url.path().trim_end_matches('/').trim_end_matches("/chat/completions").to_owned();
    url.set_path(&format!("{base}/{path}"));
    if let Some(version) = &entry.api_version {
        url.query_pairs_mut().append_pair("api-version", version);
    }
    Ok(url)
}

/// The key in the named environment variable. OpenAI's own is the default, but only for OpenAI's address: a key
/// must not reach a server that it was not meant for.
fn key_of(entry: &OpenAi, url: &Url) -> Result<Option<ApiKey>, SetupError> {
    match &entry.key_env {
        Some(variable) => {
            ApiKey::from_env(variable).map(Some).ok_or_else(|| SetupError::NoKey(variable.clone()))
        }
        None if url.host_str() == Some("api.openai.com") => {
            ApiKey::from_env(OPENAI_KEY).map(Some).ok_or_else(|| SetupError::NoKey(OPENAI_KEY.to_owned()))
        }
        None => Ok(None),
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
    fn addresses() {
        let path = |base: &str| address(&entry(base), "chat/completions").map(|url| url.to_string());
        for base in ["http://h:1/v1", "http://h:1/v1/", "http://h:1/v1/chat/completions"] {
            assert_eq!(path(base).unwrap(), "http://h:1/v1/chat/completions");
        }
        let azure = OpenAi {
            api_version: Some("2024-06-01".into()),
            ..entry("https://x.azure.com/openai/deployments/d")
        };
        assert_eq!(
            address(&azure, "chat/completions").unwrap().as_str(),
            "https://x.azure.com/openai/deployments/d/chat/completions?api-version=2024-06-01"
        );
        for bad in ["h:1/v1", "ftp://h/v1", "", "http://user:secret@h/v1", "http://h/v1?key=secret"] {
            let error = path(bad).unwrap_err().to_string();
            assert!(error.contains("openai.base_url") && !error.contains("secret@"), "{error}");
        }
    }

    #[test]
    fn the_body_is_canonical_and_can_be_changed() {
        let mut with = entry("http://h/v1");
        with.extra =
            json!({ "max_completion_tokens": 9, "a": { "z": 1, "b": 2 } }).as_object().unwrap().clone();
        with.omit = vec!["temperature".into()];
        let chat = Chat::new(&with, &Classify).unwrap();
        let prompted = Prompted { system: None, user: "hi".into(), schema: None };
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

//! An answer that broke off in the middle of its stream, gone on with by another candidate, where that was asked for: it is sent
//! what was said so far as its own last words, and what it says is the rest.

use hyper::header::HeaderMap;
use ordinate_remote::Failure;
use ordinate_remote::chat::{Api, Part};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::conversation::{Conversation, Prompt};
use crate::reading::Fields;

/// The header by which a request asks for it.
const HEADER: &str = "x-ordinate-continue";
/// Fields of requests whose answers are more than one text, or have to be one piece.
const MORE: [&str; 11] = [
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "audio",
    "modalities",
    "response_format",
    "logprobs",
    "top_logprobs",
    "prediction",
    "web_search_options",
];
/// Bytes of what was said after which a model that says the same again is taken to have begun anew.
const ANEW: usize = 16;

/// What the headers of a request say of it.
pub(super) fn wanted(headers: &HeaderMap) -> Option<bool> {
    match headers.get(HEADER)?.as_bytes() {
        b"true" | b"1" => Some(true),
        b"false" | b"0" => Some(false),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Message {
    role: Option<String>,
}

/// Whether another could go on with the answer: it is one text by the chat API, after a message that is not the model's own.
pub(super) fn can_be(conversation: &Conversation) -> bool {
    if conversation.api != Api::Chat {
        return false;
    }
    if conversation.prompt == Prompt::Measured {
        return true;
    }
    let Ok(fields) = Fields::of(conversation.own.as_bytes()) else { return false };
    let says = |name: &&str| fields.get(name).is_some_and(|value| !matches!(value, "[]" | "false" | "0"));
    let is_one = fields.read::<u64>("n").is_ok_and(|n| n.is_none_or(|n| n == 1));
    let last =
        fields.read::<Vec<Message>>("messages").ok().flatten().and_then(|all| all.into_iter().next_back());
    let is_asked = last.and_then(|last| last.role).is_some_and(|role| role != "assistant");
    is_one && is_asked && !MORE.iter().any(says)
}

/// A request with what was said so far as the model's own last words; `None` where it has no messages.
pub(super) fn with_words(body: &str, said: &str) -> Option<String> {
    if said.is_empty() {
        return Some(body.to_owned());
    }
    let fields = Fields::of(body.as_bytes()).ok()?;
    let messages = fields.get("messages")?.trim_end().strip_suffix(']')?;
    let words = format!("{{\"role\":\"assistant\",\"content\":{}}}", Value::from(said));
    Some(fields.with(&[("messages", format!("{messages},{words}]"))], &[]))
}

/// Where one went on with what another had said.
#[derive(Debug, Default)]
pub(super) struct Seam {
    /// What was said before.
    said: String,
    /// What of the rest is held back, as it may be the same again.
    held: String,
    is_over: bool,
    /// The name of the answer, as its first part had it.
    id: Option<Value>,
    created: Option<Value>,
    /// Who has gone on, and from where on.
    told: Vec<Value>,
}

impl Seam {
    /// Takes from the first part of an answer by what name it goes.
    pub(super) fn of(first: Option<&Part>) -> Self {
        let event = first.and_then(|part| event(&part.raw)).unwrap_or_default();
        let of = |name: &str| event.get(name).filter(|value| !value.is_null()).cloned();
        Self { id: of("id"), created: of("created"), ..Self::default() }
    }

    /// From here on somebody else goes on with this.
    pub(super) fn begin(&mut self, said: String, candidate: &str) {
        self.told.push(json!({ "candidate": candidate, "after_bytes": said.len() }));
        (self.is_over, self.held) = (said.len() < ANEW, String::new());
        self.said = said;
    }

    /// An event of whoever goes on, as it is told: by the name of the answer that it is a part of, and without what was said
    /// already. `None` where nothing is left of it.
    pub(super) fn event(&mut self, part: &Part) -> Option<Vec<u8>> {
        // What is no event, pings, goes through as it is.
        let Some(mut event) = event(&part.raw) else { return Some(part.raw.clone()) };
        for (name, value) in [("id", &self.id), ("created", &self.created)] {
            if let Some(value) = value {
                event.insert(name.to_owned(), value.clone());
            }
        }
        let mut tells = part.is_usage;
        let mut is_end = false;
        for choice in event.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten() {
            let finish = choice.get("finish_reason").is_some_and(|reason| !reason.is_null());
            is_end |= finish;
            let Some(delta) = choice.get_mut("delta").and_then(Value::as_object_mut) else { continue };
            delta.remove("role");
            let text = delta.remove("content");
            let mut text = self.rest(text.as_ref().and_then(Value::as_str).unwrap_or_default());
            if finish {
                text += &self.left();
            }
            if !text.is_empty() {
                delta.insert("content".to_owned(), Value::from(text));
            }
            tells |= finish || delta.values().any(|value| !value.is_null());
        }
        if is_end {
            event.insert("ordinate".to_owned(), json!({ "continued": self.told }));
        }
        tells.then(|| format!("data: {}\n\n", Value::Object(event)).into_bytes())
    }

    /// What of these words is new. A model that does not go on but begins anew says the same again: that is held back, and left
    /// out once it is all of what was said.
    fn rest(&mut self, words: &str) -> String {
        if self.is_over {
            return words.to_owned();
        }
        self.held.push_str(words);
        if let Some(new) = self.held.strip_prefix(&self.said) {
            let new = new.to_owned();
            (self.is_over, self.held) = (true, String::new());
            return new;
        }
        match self.said.starts_with(&self.held) {
            true => String::new(),
            false => self.left(),
        }
    }

    /// What was held back, and is no repetition.
    fn left(&mut self) -> String {
        self.is_over = true;
        std::mem::take(&mut self.held)
    }
}

/// The data of an event, where it is an object.
fn event(raw: &[u8]) -> Option<Map<String, Value>> {
    let text = std::str::from_utf8(raw).ok()?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    serde_json::from_str(lines.next()?.trim_start()).ok()
}

/// What a client is told between the two: a comment, which is no part of the answer.
pub(super) fn comment(broke: &str, failure: &Failure, goes_on: &str) -> Vec<u8> {
    let clean = |name: &str| -> String { name.chars().filter(|c| !c.is_control()).collect() };
    format!(": {} broke off ({}), {} goes on\n\n", clean(broke), failure.kind.as_str(), clean(goes_on))
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(request: &Value) -> Conversation {
        Conversation::of(Api::Chat, request.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn what_is_more_than_a_text_is_not_gone_on_with() {
        let system = json!({ "role": "system", "content": "be brief" });
        let user = json!({ "role": "user", "content": "hi" });
        let plain = json!({ "model": "m", "messages": [system, user], "temperature": 1 });
        assert!(can_be(&conversation(&plain)));
        for (name, value) in [
            ("tools", json!([{}])),
            ("n", json!(2)),
            ("n", json!("2")),
            ("response_format", json!({ "type": "json_object" })),
            ("logprobs", json!(true)),
            ("messages", json!([user, { "role": "assistant", "content": "I" }])),
        ] {
            let mut request = plain.clone();
            request[name] = value;
            assert!(!can_be(&conversation(&request)), "{request}");
        }
        let texts =
            Conversation::of(Api::Completions, br#"{"model":"m","prompt":"a","suffix":"b"}"#).unwrap();
        assert!(!can_be(&texts));
    }

    #[test]
    fn what_was_said_is_sent_as_the_models_own_words() {
        let body = r#"{"messages":[ {"role":"user","content":"a","x":1.10} ],"seed":1}"#;
        assert_eq!(
            with_words(body, "so \"far\"").unwrap(),
            r#"{"seed":1,"messages":[ {"role":"user","content":"a","x":1.10} ,{"role":"assistant","content":"so \"far\""}]}"#
        );
        assert_eq!(with_words(body, "").unwrap(), body);
        assert_eq!(with_words("{}", "a"), None);
    }

    /// What a client is told of an answer of which `said` was told before, and which goes on with these.
    fn told(said: &str, goes_on: &[&str]) -> String {
        let mut seam = Seam::of(None);
        seam.begin(said.to_owned(), "b");
        let last = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
        let words =
            |text: &&str| json!({ "choices": [{ "delta": { "content": text }, "finish_reason": null }] });
        let mut all = said.to_owned();
        for data in goes_on.iter().map(words).chain([last]) {
            let raw = format!("data: {data}\n\n").into_bytes();
            let part = Part { raw, tells: true, is_usage: false, is_done: false };
            if let Some(told) = seam.event(&part) {
                all += event(&told).unwrap()["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
            }
        }
        all
    }

    #[test]
    fn whoever_goes_on_or_begins_anew_makes_the_same_answer() {
        let said = "It was a dark and stormy night; ";
        let whole = "It was a dark and stormy night; the rain fell.";
        assert_eq!(told(said, &["the ", "rain fell."]), whole);
        assert_eq!(told(said, &["It was a", " dark and stormy ni", "ght; the r", "ain fell."]), whole);
        assert_eq!(told(said, &[whole]), whole);
        assert_eq!(
            told(said, &["It was", " cold."]),
            format!("{said}It was cold."),
            "no repetition after all"
        );
        assert_eq!(told(said, &["It was"]), format!("{said}It was"), "nor one that ends");
        assert_eq!(told("It", &["It is"]), "ItIt is", "too little to tell");
        assert_eq!(told("", &["It is"]), "It is");
    }

    #[test]
    fn the_events_go_by_the_name_of_the_answer() {
        let part = |data: Value| Part {
            raw: format!("data: {data}\n\n").into_bytes(),
            tells: true,
            is_usage: false,
            is_done: false,
        };
        let mut seam = Seam::of(Some(&part(json!({ "id": "one", "created": 7, "choices": [] }))));
        seam.begin("said so far and further".to_owned(), "second");
        let greeting =
            json!({ "id": "two", "choices": [{ "delta": { "role": "assistant", "content": "" } }] });
        assert_eq!(seam.event(&part(greeting)), None);
        let last =
            json!({ "id": "two", "created": 9, "choices": [{ "delta": {}, "finish_reason": "stop" }] });
        let told = event(&seam.event(&part(last)).unwrap()).unwrap();
        assert_eq!((&told["id"], &told["created"]), (&json!("one"), &json!(7)));
        assert_eq!(told["ordinate"]["continued"], json!([{ "candidate": "second", "after_bytes": 23 }]));
        let ping = Part { raw: b": ping\n\n".to_vec(), ..part(Value::Null) };
        assert_eq!(seam.event(&ping).unwrap(), b": ping\n\n");
        let failure = Failure::new(ordinate_remote::FailureKind::Cut, "x");
        let said = String::from_utf8(comment("a\ndata: b", &failure, "c")).unwrap();
        assert_eq!(said, ": adata: b broke off (cut), c goes on\n\n");
    }
}

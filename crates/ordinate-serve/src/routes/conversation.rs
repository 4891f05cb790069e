//! A chat request: the item that it is about, or the conversation that is passed on as it is.

use ordinate_core::Item;
use ordinate_remote::Chat;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::request::Fields;
use crate::task::ServedTask;

/// Fields that make a request more than a question about an item.
const OF_CONVERSATIONS: [&str; 5] = ["tools", "tool_choice", "functions", "function_call", "audio"];
/// Fields that the prompt of the run decides: what a client says of them would not be what was measured.
const MEASURED: [&str; 11] = [
    "messages",
    "model",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "response_format",
    "logprobs",
    "top_logprobs",
    "n",
];
/// The field of a request that is for this server.
const OWN: &str = "ordinate";

/// What a request may say to this server beside OpenAI's fields: `{"ordinate": {...}}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Own {
    /// Whether candidates get the prompt that was measured, or the request's own messages.
    prompt: Option<Prompt>,
    /// The slice of the item.
    slice: Option<String>,
    /// The item, with the fields of the task's items, where it is more than a text.
    item: Option<Map<String, Value>>,
}

/// What a candidate is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Prompt {
    /// The prompt of the run, about the item.
    Measured,
    /// The request's own messages.
    Own,
}

impl Prompt {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Own => "own",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Message {
    role: Option<String>,
    content: Option<Value>,
}

impl Message {
    fn is_of_user(&self) -> bool {
        self.role.as_deref() == Some("user")
    }

    /// Its text; and whether that is all of it.
    fn text(&self) -> (String, bool) {
        match &self.content {
            Some(Value::String(text)) => (text.clone(), true),
            Some(Value::Array(parts)) => {
                let is_text = |part: &&Value| part["type"] == "text";
                let texts: Vec<&str> =
                    parts.iter().filter(is_text).filter_map(|part| part["text"].as_str()).collect();
                (texts.join("\n"), texts.len() == parts.len())
            }
            _ => (String::new(), false),
        }
    }
}

/// A chat request.
pub(super) struct Conversation {
    /// The model that is asked for.
    pub(super) model: String,
    pub(super) streamed: bool,
    /// Whether the client wants the usage in a stream.
    pub(super) usage: bool,
    pub(super) prompt: Prompt,
    /// The text of the last message of the user.
    pub(super) text: String,
    /// What the client says of the item.
    row: Map<String, Value>,
    /// The request as it was, without what is for this server.
    own: String,
    /// The fields that go with the prompt of the run.
    pub(super) further: Map<String, Value>,
}

impl Conversation {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`ApiError`] 400.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, ApiError> {
        let fields = Fields::of(bytes)?;
        let model: String = fields
            .read("model")?
            .ok_or_else(|| ApiError::field("model", "model is missing; write \"ordinate/TASK\""))?;
        let messages: Vec<Message> =
            fields.read("messages")?.ok_or_else(|| ApiError::field("messages", "messages is missing"))?;
        let own: Own = fields.read(OWN)?.unwrap_or_default();
        let last = messages.iter().rev().find(|message| message.is_of_user());
        let Some((text, is_text)) = last.map(Message::text) else {
            return Err(ApiError::field("messages", "messages has no message of the user"));
        };
        let is_item = messages.len() == 1
            && is_text
            && !OF_CONVERSATIONS.iter().any(|name| fields.get(name).is_some_and(|value| value != "[]"));
        let prompt = own.prompt.unwrap_or(if is_item { Prompt::Measured } else { Prompt::Own });
        if prompt == Prompt::Measured && fields.read::<u32>("n")?.is_some_and(|n| n != 1) {
            return Err(ApiError::field(
                "n",
                "the policy gives one answer; leave n out, or ask about the item n times",
            ));
        }
        let mut row = own.item.unwrap_or_default();
        if let Some(slice) = own.slice {
            row.insert("slice".to_owned(), Value::from(slice));
        }
        let options: Option<Map<String, Value>> = fields.read("stream_options")?;
        let measured: Vec<&str> = MEASURED.into_iter().chain([OWN, "stream", "stream_options"]).collect();
        Ok(Self {
            streamed: fields.read("stream")?.unwrap_or(false),
            usage: options
                .as_ref()
                .is_some_and(|options| options.get("include_usage") == Some(&Value::Bool(true))),
            further: serde_json::from_str(&fields.with(&[], &measured)).unwrap_or_default(),
            own: fields.with(&[], &[OWN]),
            model,
            prompt,
            text,
            row,
        })
    }

    /// The item that it is about.
    ///
    /// # Errors
    /// [`ApiError`] 400 where it has no input.
    pub(super) fn item(&self, task: &ServedTask) -> Result<Item, ApiError> {
        let mut row = self.row.clone();
        if row.keys().all(|key| key == "slice") {
            row.insert("input".to_owned(), Value::from(self.text.as_str()));
        }
        let items =
            (task.run.read_items)(vec![row]).map_err(|problem| ApiError::field("messages", problem))?;
        items.into_iter().next().ok_or_else(|| ApiError::field("messages", "there is no item"))
    }

    /// The request as it is passed on to this API: untouched, but for the name of the model. A stream says what it used up
    /// whether or not the client wants to know, since somebody has to pay for it.
    pub(super) fn passed_on(&self, chat: &Chat, streamed: bool) -> String {
        as_wanted(&self.own, chat, streamed)
    }
}

/// A request as an API gets it, but for the name of the model and how the answer is to come.
pub(super) fn as_wanted(body: &str, chat: &Chat, streamed: bool) -> String {
    let Ok(fields) = Fields::of(body.as_bytes()) else { return body.to_owned() };
    let mut set = vec![("model", Value::from(chat.model()).to_string())];
    if streamed {
        set.push(("stream", "true".to_owned()));
    }
    let usage = streamed && !chat.omits("stream_options");
    if usage {
        let options = fields.get("stream_options").and_then(|text| serde_json::from_str(text).ok());
        let mut options: Map<String, Value> = options.unwrap_or_default();
        options.insert("include_usage".to_owned(), json!(true));
        set.push(("stream_options", Value::Object(options).to_string()));
    }
    let without: &[&str] = match (streamed, usage) {
        (true, true) => &[],
        (true, false) => &["stream_options"],
        (false, _) => &["stream", "stream_options"],
    };
    fields.with(&set, without)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(request: &Value) -> Result<Conversation, ApiError> {
        Conversation::of(request.to_string().as_bytes())
    }

    #[test]
    fn a_single_text_is_an_item_and_anything_more_a_conversation() {
        let user = |content: Value| json!({ "role": "user", "content": content });
        let prompt = |request: Value| of(&request).unwrap().prompt;
        let one = json!([user(json!("hi"))]);
        assert_eq!(prompt(json!({ "model": "m", "messages": one })), Prompt::Measured);
        assert_eq!(
            prompt(json!({ "model": "m", "messages": one, "tools": [] , "seed": 1 })),
            Prompt::Measured
        );
        assert_eq!(prompt(json!({ "model": "m", "messages": one, "tools": [{}] })), Prompt::Own);
        assert_eq!(
            prompt(json!({ "model": "m", "messages": one, "ordinate": { "prompt": "own" } })),
            Prompt::Own
        );
        let picture = json!([{ "type": "text", "text": "what?" }, { "type": "image_url", "image_url": {} }]);
        let seen = of(&json!({ "model": "m", "messages": [user(picture)] })).unwrap();
        assert_eq!((seen.prompt, seen.text.as_str()), (Prompt::Own, "what?"));
        let system = json!([{ "role": "system", "content": "be brief" }, user(json!("hi"))]);
        assert_eq!(prompt(json!({ "model": "m", "messages": system })), Prompt::Own);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (request, param) in [
            (json!({ "messages": [] }), "model"),
            (json!({ "model": "m" }), "messages"),
            (json!({ "model": "m", "messages": [{ "role": "system", "content": "x" }] }), "messages"),
            (json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }], "n": 2 }), "n"),
            (
                json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }], "stream": "yes" }),
                "stream",
            ),
            (
                json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }], "ordinate": { "slices": 1 } }),
                "ordinate",
            ),
        ] {
            assert_eq!(of(&request).err().and_then(|error| error.param), Some(param), "{request}");
        }
    }
}

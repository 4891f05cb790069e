//! A request for text, by whichever API: the item that it is about, or the conversation that is passed on as it is.

use ordinate_core::Item;
use ordinate_remote::Chat;
use ordinate_remote::chat::Api;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::reading::{Asked, Fields, field, further};
use crate::task::ServedTask;

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
    /// Whether the next best candidate goes on with an answer that breaks off.
    #[serde(rename = "continue")]
    continues: Option<bool>,
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

/// A request for text.
pub(super) struct Conversation {
    /// In whose form it is.
    pub(super) api: Api,
    /// The model that is asked for.
    pub(super) model: String,
    pub(super) streamed: bool,
    /// Whether the client wants the usage in a stream.
    pub(super) usage: bool,
    pub(super) prompt: Prompt,
    /// Whether another is to go on with an answer that breaks off, where the request says it.
    pub(super) continues: Option<bool>,
    /// What the user said last.
    pub(super) text: String,
    /// A picture that may be the item, if that is an image.
    picture: Option<String>,
    /// What the client says of the item.
    row: Map<String, Value>,
    /// The request as it was, without what is for this server.
    pub(super) own: String,
    /// The fields that go with the prompt of the run.
    pub(super) further: Map<String, Value>,
}

impl Conversation {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`ApiError`] 400.
    pub(super) fn of(api: Api, bytes: &[u8]) -> Result<Self, ApiError> {
        let fields = Fields::of(bytes)?;
        let model: String = fields
            .read("model")?
            .ok_or_else(|| ApiError::field("model", "model is missing; write \"ordinate/TASK\""))?;
        let Asked { text, is_item, picture } = Asked::of(api, &fields)?;
        let own: Own = fields.read(OWN)?.unwrap_or_default();
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
        Ok(Self {
            api,
            streamed: fields.read("stream")?.unwrap_or(false),
            usage: options
                .as_ref()
                .is_some_and(|options| options.get("include_usage") == Some(&Value::Bool(true))),
            further: further(api, &fields, OWN),
            own: fields.with(&[], &[OWN]),
            model,
            prompt,
            continues: own.continues,
            picture: picture.filter(|_| {
                let is_one = fields.read::<u32>("n").is_ok_and(|n| n.is_none_or(|n| n == 1));
                is_one && own.prompt != Some(Prompt::Own)
            }),
            text,
            row,
        })
    }

    /// Takes the picture for the item where those of the task are images: words beside it are about it, and the prompt of the run
    /// has its own.
    pub(super) fn look(&mut self, task: &ServedTask) {
        if task.run.reader.sees()
            && let Some(picture) = self.picture.take()
        {
            (self.prompt, self.text) = (Prompt::Measured, picture);
        }
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
        let bad = |problem: String| ApiError::field(field(self.api), problem);
        let items = (task.run.read_items)(vec![row]).map_err(bad)?;
        items.into_iter().next().ok_or_else(|| bad("there is no item".to_owned()))
    }

    /// The request as it is passed on to this API: untouched, but for the name of the model. A stream says what it used up
    /// whether or not the client wants to know, since somebody has to pay for it.
    pub(super) fn passed_on(&self, chat: &Chat, streamed: bool) -> String {
        as_wanted(self.api, &self.own, chat, streamed)
    }
}

/// A request as an API gets it, but for the name of the model and how the answer is to come.
pub(super) fn as_wanted(api: Api, body: &str, chat: &Chat, streamed: bool) -> String {
    let Ok(fields) = Fields::of(body.as_bytes()) else { return body.to_owned() };
    let mut set = vec![("model", Value::from(chat.model()).to_string())];
    if streamed {
        set.push(("stream", "true".to_owned()));
    }
    // A response says it in its last event, unasked.
    let usage = streamed && api != Api::Responses && !chat.omits("stream_options");
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
        Conversation::of(Api::Chat, request.to_string().as_bytes())
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

    /// The same in the forms of the other APIs.
    #[test]
    fn completions_and_responses_are_items_or_conversations_too() {
        let of = |api, request: Value| Conversation::of(api, request.to_string().as_bytes());
        let prompt = |api, request: Value| of(api, request).unwrap().prompt;
        let (texts, said) = (Api::Completions, Api::Responses);
        assert_eq!(prompt(texts, json!({ "model": "m", "prompt": "hi", "echo": false })), Prompt::Measured);
        assert_eq!(prompt(texts, json!({ "model": "m", "prompt": ["hi"] })), Prompt::Measured);
        assert_eq!(prompt(texts, json!({ "model": "m", "prompt": ["hi", "ho"] })), Prompt::Own);
        assert_eq!(prompt(texts, json!({ "model": "m", "prompt": "hi", "suffix": "!" })), Prompt::Own);
        assert!(of(texts, json!({ "model": "m", "prompt": [1, 2] })).is_err());
        assert_eq!(prompt(said, json!({ "model": "m", "input": "hi", "tools": [] })), Prompt::Measured);
        let message = json!([{ "role": "user", "content": [{ "type": "input_text", "text": "hi" }] }]);
        let read = of(said, json!({ "model": "m", "input": message, "user": "u", "store": true })).unwrap();
        assert_eq!((read.prompt, read.text.as_str()), (Prompt::Measured, "hi"));
        // What only that API knows does not go to the chat API.
        assert_eq!(Value::Object(read.further), json!({ "user": "u" }));
        assert_eq!(
            prompt(said, json!({ "model": "m", "input": "hi", "instructions": "be brief" })),
            Prompt::Own
        );
        assert_eq!(
            prompt(said, json!({ "model": "m", "input": "hi", "previous_response_id": "r" })),
            Prompt::Own
        );
        let result =
            json!([{ "role": "user", "content": "hi" }, { "type": "function_call_output", "output": "7" }]);
        assert_eq!(prompt(said, json!({ "model": "m", "input": result })), Prompt::Own);
        for (api, param) in [(texts, "prompt"), (said, "input")] {
            assert_eq!(of(api, json!({ "model": "m" })).err().and_then(|error| error.param), Some(param));
        }
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

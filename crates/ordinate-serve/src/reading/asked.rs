//! What a request asks, in the form of each API: the text that the policy looks at, and whether it is all there is.

use ordinate_core::image::is_image;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Api, ApiError, Fields};

/// What a request asks.
pub(crate) struct Asked {
    /// The text that was said last by the user.
    pub(crate) text: String,
    /// Whether that is all of the request: then it is a question about an item.
    pub(crate) is_item: bool,
    /// A picture that is all of the request, as a data URL: a question about an item of a task of images.
    pub(crate) picture: Option<String>,
}

/// Fields that make a request more than a question about an item.
fn beyond(api: Api) -> &'static [&'static str] {
    match api {
        Api::Chat => &["tools", "tool_choice", "functions", "function_call", "audio"],
        Api::Completions => &["suffix", "echo", "best_of"],
        Api::Responses => &[
            "instructions",
            "tools",
            "tool_choice",
            "previous_response_id",
            "conversation",
            "prompt",
            "background",
        ],
    }
}

/// The field that holds what is asked.
pub(crate) fn field(api: Api) -> &'static str {
    match api {
        Api::Chat => "messages",
        Api::Completions => "prompt",
        Api::Responses => "input",
    }
}

impl Asked {
    /// Reads what is asked.
    ///
    /// # Errors
    /// [`ApiError`] 400 where nothing is.
    pub(crate) fn of(api: Api, fields: &Fields<'_>) -> Result<Self, ApiError> {
        let name = field(api);
        let bad = |problem: &str| ApiError::field(name, format!("{name} {problem}"));
        let value: Value = fields.read(name)?.ok_or_else(|| bad("is missing"))?;
        let mut picture = None;
        let (text, is_all) = match (api, value) {
            (Api::Completions | Api::Responses, Value::String(text)) => (text, true),
            (Api::Completions, Value::Array(prompts)) => {
                let texts: Option<Vec<&str>> = prompts.iter().map(Value::as_str).collect();
                let texts = texts.ok_or_else(|| bad("holds tokens; send texts"))?;
                (texts.join("\n"), texts.len() == 1)
            }
            (Api::Chat | Api::Responses, value @ Value::Array(_)) => {
                let messages: Vec<Message> = serde_json::from_value(value)
                    .map_err(|error| bad(&format!("cannot be read: {error}")))?;
                let last = messages.iter().rev().find(|message| message.is_of_user());
                picture = last.filter(|_| messages.len() == 1).and_then(Message::picture);
                let (text, is_text) =
                    last.map(Message::text).ok_or_else(|| bad("has no message of the user"))?;
                (text, is_text && messages.len() == 1)
            }
            (Api::Completions, _) => return Err(bad("is neither a text nor a list of texts")),
            (Api::Chat, _) => return Err(bad("is not a list of messages")),
            (Api::Responses, _) => return Err(bad("is neither a text nor a list of messages")),
        };
        let says_more = |name: &&str| fields.get(name).is_some_and(|value| !matches!(value, "[]" | "false"));
        let is_plain = !beyond(api).iter().any(says_more);
        Ok(Self { text, is_item: is_all && is_plain, picture: picture.filter(|_| is_plain) })
    }
}

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
/// Fields of the other APIs that the chat API has as well, so that they go with the prompt of the run.
const SHARED: [&str; 6] =
    ["metadata", "prompt_cache_key", "safety_identifier", "seed", "service_tier", "user"];

/// What of a request goes along with the prompt of the run, which is asked by the chat API.
pub(crate) fn further(api: Api, fields: &Fields<'_>, own: &str) -> Map<String, Value> {
    let without: Vec<&str> = MEASURED.into_iter().chain([own, "stream", "stream_options"]).collect();
    let mut all: Map<String, Value> = serde_json::from_str(&fields.with(&[], &without)).unwrap_or_default();
    if api != Api::Chat {
        all.retain(|name, _| SHARED.contains(&name.as_str()));
    }
    all
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

    /// The picture that is all of it, beside words about it.
    fn picture(&self) -> Option<String> {
        let parts = self.content.as_ref()?.as_array()?;
        let url = |part: &Value| -> Option<String> {
            let url = match part["type"].as_str()? {
                "image_url" => part["image_url"]["url"].as_str(),
                "input_image" => part["image_url"].as_str(),
                _ => None,
            };
            url.filter(|url| is_image(url)).map(str::to_owned)
        };
        let is_text = |part: &&Value| matches!(part["type"].as_str(), Some("text" | "input_text"));
        let others: Vec<&Value> = parts.iter().filter(|part| !is_text(part)).collect();
        match others.as_slice() {
            [one] => url(one),
            _ => None,
        }
    }

    /// Its text; and whether that is all of it.
    fn text(&self) -> (String, bool) {
        match &self.content {
            Some(Value::String(text)) => (text.clone(), true),
            Some(Value::Array(parts)) => {
                let is_text = |part: &&Value| matches!(part["type"].as_str(), Some("text" | "input_text"));
                let texts: Vec<&str> =
                    parts.iter().filter(is_text).filter_map(|part| part["text"].as_str()).collect();
                (texts.join("\n"), texts.len() == parts.len())
            }
            _ => (String::new(), false),
        }
    }
}

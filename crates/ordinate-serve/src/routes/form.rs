//! Answers in the form of each API: whole, as a stream of one part, and how a stream ends.

use bytes::Bytes;
use ordinate_remote::chat::Api;
use serde_json::{Value, json};

use crate::day::seconds_now;
use crate::error::ApiError;

/// An answer that is made here.
#[derive(Debug, Default)]
pub(super) struct Made<'a> {
    /// The request's id.
    pub(super) id: &'a str,
    /// The model that was asked for.
    pub(super) model: &'a str,
    pub(super) text: Option<&'a str>,
    /// What was said in place of an answer.
    pub(super) refusal: Option<&'a str>,
    pub(super) finish: Finish,
    /// Tokens read, written, and read from a cache, of all who were asked.
    pub(super) read: u64,
    pub(super) written: u64,
    pub(super) cached: u64,
    /// What this server says of it.
    pub(super) ordinate: Value,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Finish {
    #[default]
    Stop,
    /// It was cut at the most tokens.
    Length,
    /// A filter took it.
    Filtered,
}

impl Finish {
    fn reason(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Filtered => "content_filter",
        }
    }
}

impl Made<'_> {
    /// As the API says it.
    pub(super) fn whole(&self, api: Api) -> Value {
        match api {
            Api::Chat => {
                let message = json!({ "role": "assistant", "content": self.text, "refusal": self.refusal });
                self.completion("chatcmpl", "chat.completion", "message", message)
            }
            Api::Completions => {
                let text = self.text.or(self.refusal).unwrap_or_default();
                self.completion("cmpl", "text_completion", "text", Value::from(text))
            }
            Api::Responses => self.response(),
        }
    }

    fn completion(&self, prefix: &str, object: &str, field: &str, said: Value) -> Value {
        let mut choice = json!({ "index": 0, "finish_reason": self.finish.reason(), "logprobs": null });
        choice[field] = said;
        json!({
            "id": format!("{prefix}-{}", self.id),
            "object": object,
            "created": seconds_now(),
            "model": self.model,
            "choices": [choice],
            "usage": {
                "prompt_tokens": self.read,
                "completion_tokens": self.written,
                "total_tokens": self.read + self.written,
                "prompt_tokens_details": { "cached_tokens": self.cached },
            },
            "ordinate": self.ordinate,
        })
    }

    fn response(&self) -> Value {
        let reason = match self.finish {
            Finish::Stop => None,
            Finish::Length => Some("max_output_tokens"),
            Finish::Filtered => Some("content_filter"),
        };
        let status = if reason.is_some() { "incomplete" } else { "completed" };
        let part = match (self.refusal, self.text) {
            (Some(refusal), None) => json!({ "type": "refusal", "refusal": refusal }),
            (_, text) => {
                json!({ "type": "output_text", "text": text.unwrap_or_default(), "annotations": [] })
            }
        };
        json!({
            "id": format!("resp_{}", self.id),
            "object": "response",
            "created_at": seconds_now(),
            "status": status,
            "error": null,
            "incomplete_details": reason.map(|reason| json!({ "reason": reason })),
            "instructions": null,
            "max_output_tokens": null,
            "metadata": {},
            "model": self.model,
            "output": [{
                "type": "message",
                "id": format!("msg_{}", self.id),
                "status": status,
                "role": "assistant",
                "content": [part],
            }],
            "parallel_tool_calls": true,
            "previous_response_id": null,
            // Nothing is kept that could be asked for again.
            "store": false,
            "temperature": null,
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "usage": {
                "input_tokens": self.read,
                "input_tokens_details": { "cached_tokens": self.cached },
                "output_tokens": self.written,
                "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": self.read + self.written,
            },
            "ordinate": self.ordinate,
        })
    }
}

/// A whole answer as the text of a stream of one part, its end included.
pub(super) fn events(api: Api, whole: &Value, usage: bool) -> String {
    match api {
        Api::Chat | Api::Completions => chunks(api, whole, usage),
        Api::Responses => of_response(whole),
    }
}

fn chunks(api: Api, whole: &Value, usage: bool) -> String {
    let object = if api == Api::Chat { "chat.completion.chunk" } else { "text_completion" };
    let chunk = |choices: Value| {
        let mut chunk = json!({ "object": object, "choices": choices });
        for name in ["id", "created", "model"] {
            chunk[name] = whole[name].clone();
        }
        chunk
    };
    let choices = whole["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let part = |choice: &Value, is_end: bool| {
        let finish = if is_end { choice["finish_reason"].clone() } else { Value::Null };
        let mut part =
            json!({ "index": choice["index"], "finish_reason": finish, "logprobs": choice["logprobs"] });
        match api {
            Api::Chat if is_end => part["delta"] = json!({}),
            Api::Chat => part["delta"] = choice["message"].clone(),
            _ if is_end => part["text"] = json!(""),
            _ => part["text"] = choice["text"].clone(),
        }
        part
    };
    let all = |is_end: bool| Value::Array(choices.iter().map(|choice| part(choice, is_end)).collect());
    let mut text = String::new();
    let mut add = |event: &Value| text.push_str(&format!("data: {event}\n\n"));
    add(&chunk(all(false)));
    add(&chunk(all(true)));
    if usage {
        let mut last = chunk(json!([]));
        last["usage"] = whole["usage"].clone();
        add(&last);
    }
    text.push_str("data: [DONE]\n\n");
    text
}

/// The events of a response: the clients of that API put an answer together out of them.
fn of_response(whole: &Value) -> String {
    let (mut text, mut number) = (String::new(), 0);
    let mut add = |kind: &str, mut event: Value| {
        event["type"] = Value::from(kind);
        event["sequence_number"] = Value::from(number);
        number += 1;
        text.push_str(&format!("event: {kind}\ndata: {event}\n\n"));
    };
    let mut begun = whole.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    begun["incomplete_details"] = Value::Null;
    add("response.created", json!({ "response": begun }));
    add("response.in_progress", json!({ "response": begun }));
    for (at, item) in whole["output"].as_array().into_iter().flatten().enumerate() {
        let of = |mut event: Value| {
            event["output_index"] = json!(at);
            event
        };
        let mut empty = item.clone();
        if item["content"].is_array() {
            empty["content"] = json!([]);
        }
        empty["status"] = json!("in_progress");
        add("response.output_item.added", of(json!({ "item": empty })));
        let parts = item["content"].as_array().into_iter().flatten().enumerate();
        for (place, part) in parts.filter(|_| item["type"] == "message") {
            let of = |mut event: Value| {
                event["item_id"] = item["id"].clone();
                event["content_index"] = json!(place);
                of(event)
            };
            let field = if part["type"] == "refusal" { "refusal" } else { "text" };
            let kind = if field == "refusal" { "response.refusal" } else { "response.output_text" };
            let mut blank = part.clone();
            blank[field] = json!("");
            add("response.content_part.added", of(json!({ "part": blank })));
            add(&format!("{kind}.delta"), of(json!({ "delta": part[field], "logprobs": [] })));
            let mut done = json!({ "logprobs": [] });
            done[field] = part[field].clone();
            add(&format!("{kind}.done"), of(done));
            add("response.content_part.done", of(json!({ "part": part })));
        }
        add("response.output_item.done", of(json!({ "item": item })));
    }
    let last = if whole["status"] == "incomplete" { "response.incomplete" } else { "response.completed" };
    add(last, json!({ "response": whole }));
    text
}

/// What ends a stream that was whole, after what its server said last.
pub(super) fn end(api: Api, last: Vec<u8>) -> Bytes {
    match api {
        Api::Chat | Api::Completions => Bytes::from_static(b"data: [DONE]\n\n"),
        Api::Responses => Bytes::from(last),
    }
}

/// What ends a stream that broke off after so many events.
pub(super) fn broken(api: Api, error: &ApiError, events: u64) -> Bytes {
    let mut body = error.body();
    if api != Api::Responses {
        return Bytes::from(format!("data: {body}\n\n"));
    }
    // As that API says it, and with the field beside by which the clients know an error in any stream.
    for (name, value) in [("type", json!("error")), ("sequence_number", json!(events))] {
        body[name] = value;
    }
    for name in ["code", "message", "param"] {
        body[name] = body["error"][name].clone();
    }
    Bytes::from(format!("event: error\ndata: {body}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_stream_are_its_whole() {
        let made = Made { id: "7", model: "m", text: Some("up"), read: 3, written: 1, ..Made::default() };
        let data = |text: &str| -> Vec<Value> {
            let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
            lines.filter(|line| *line != "[DONE]").map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        for (api, at) in [
            (Api::Chat, "/choices/0/delta/content"),
            (Api::Completions, "/choices/0/text"),
            (Api::Responses, "/delta"),
        ] {
            let whole = made.whole(api);
            let text = events(api, &whole, true);
            let said: String = data(&text).iter().filter_map(|event| event.pointer(at)?.as_str()).collect();
            assert_eq!(said, "up", "{text}");
            assert_eq!(text.ends_with("data: [DONE]\n\n"), api != Api::Responses);
            let last = data(&text).pop().unwrap();
            assert_eq!(last.pointer("/usage").or(last.pointer("/response/usage")).unwrap(), &whole["usage"]);
        }
        let cut = Made { finish: Finish::Length, ..made };
        let cut = events(Api::Responses, &cut.whole(Api::Responses), false);
        assert!(cut.contains("event: response.incomplete\n"), "{cut}");
    }

    #[test]
    fn a_stream_that_breaks_off_says_so_in_its_own_form() {
        let error = ApiError::field("x", "y");
        let text = |api| String::from_utf8(broken(api, &error, 4).to_vec()).unwrap();
        assert!(text(Api::Chat).starts_with("data: {\"error\":{"));
        let told = text(Api::Responses);
        let event: Value =
            serde_json::from_str(told.lines().nth(1).unwrap().strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!((&event["type"], &event["sequence_number"]), (&json!("error"), &json!(4)));
        assert_eq!((&event["message"], &event["error"]["message"]), (&json!("y"), &json!("y")));
    }
}

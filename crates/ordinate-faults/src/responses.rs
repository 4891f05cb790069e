//! What the server says by the responses API.

use serde_json::{Value, json};

use crate::answer::{Said, pieces};

/// Whether a request is one of that API.
pub(crate) fn asks(body: &Value) -> bool {
    body.get("input").is_some()
}

/// A whole answer.
pub(crate) fn whole(body: &Value, said: &Said) -> Value {
    let status = match said.finish {
        "stop" => "completed",
        "error" => "failed",
        _ => "incomplete",
    };
    let part = match &said.refusal {
        Some(refusal) => json!({ "type": "refusal", "refusal": refusal }),
        None => json!({ "type": "output_text", "text": said.text, "annotations": [] }),
    };
    let message = json!({ "type": "message", "id": "msg_fault", "status": "completed", "role": "assistant", "content": [part] });
    let mut response = json!({
        "id": "resp_fault", "object": "response", "created_at": 1_700_000_000, "status": status, "error": null,
        "incomplete_details": null, "instructions": null, "metadata": {}, "model": body["model"], "output": [message],
        "parallel_tool_calls": true, "temperature": null, "tool_choice": "auto", "tools": [], "top_p": null,
    });
    if said.usage {
        response["usage"] = json!({
            "input_tokens": said.input_tokens, "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": said.output_tokens, "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": said.input_tokens + said.output_tokens,
        });
    }
    response
}

/// An answer as the lines of a stream, an event each.
pub(crate) fn lines(body: &Value, said: &Said) -> Vec<String> {
    let whole = whole(body, said);
    let mut begun = whole.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    let item = |content: Value| json!({ "type": "message", "id": "msg_fault", "status": "in_progress", "role": "assistant", "content": content });
    let of = json!({ "item_id": "msg_fault", "output_index": 0, "content_index": 0 });
    let with = |name: &str, value: Value| {
        let mut event = of.clone();
        event[name] = value;
        event
    };
    let mut events = vec![
        ("response.created", json!({ "response": begun })),
        ("response.in_progress", json!({ "response": begun })),
        ("response.output_item.added", json!({ "output_index": 0, "item": item(json!([])) })),
    ];
    let blank = json!({ "type": "output_text", "text": "", "annotations": [] });
    events.push(("response.content_part.added", with("part", blank)));
    for piece in pieces(&said.text) {
        let mut delta = with("delta", json!(piece));
        delta["logprobs"] = json!([]);
        events.push(("response.output_text.delta", delta));
    }
    let mut done = with("text", json!(said.text));
    done["logprobs"] = json!([]);
    events.push(("response.output_text.done", done));
    events.push(("response.content_part.done", with("part", whole["output"][0]["content"][0].clone())));
    events.push(("response.output_item.done", json!({ "output_index": 0, "item": whole["output"][0] })));
    let last = match said.finish {
        "stop" => "response.completed",
        "error" => "response.failed",
        _ => "response.incomplete",
    };
    events.push((last, json!({ "response": whole })));
    let line = |(number, (kind, mut event)): (usize, (&str, Value))| {
        event["type"] = json!(kind);
        event["sequence_number"] = json!(number);
        format!("event: {kind}\ndata: {event}\n\n")
    };
    events.into_iter().enumerate().map(line).collect()
}

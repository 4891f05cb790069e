//! `ordinate serve` by its other APIs: completions, responses, embeddings.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/desk_of_two.rs"]
mod desk_of_two;
#[path = "support/parcels.rs"]
mod parcels;
#[path = "support/served.rs"]
mod served;
mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_of_two::{STORY, Two};
use parcels::parcels;
use serde_json::{Value, json};
use served::{Answer, Served};

/// An API, and how the same is asked by it: an item, a conversation.
struct Api {
    path: &'static str,
    name: &'static str,
    item: fn(&str) -> Value,
    conversation: fn(&str) -> Value,
    /// Where the text of a whole answer stands, and that of an event.
    text: &'static str,
    part: &'static str,
}

const APIS: [Api; 2] = [
    Api {
        path: "/v1/completions",
        name: "completions",
        item: |text| json!({ "prompt": text }),
        conversation: |text| json!({ "prompt": text, "suffix": "The end." }),
        text: "/choices/0/text",
        part: "/choices/0/text",
    },
    Api {
        path: "/v1/responses",
        name: "responses",
        item: |text| json!({ "input": text }),
        conversation: |text| json!({ "input": text, "instructions": "Tell a story." }),
        text: "/output/0/content/0/text",
        part: "/delta",
    },
];

fn of(mut request: Value, further: &Value) -> Value {
    request["model"] = json!("ordinate/moves");
    for (name, value) in further.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

/// The data of the events of a stream, whatever else their lines say.
fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8", "{}", answer.body);
    let lines = answer.body.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.filter(|line| *line != "[DONE]").map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Api {
    fn ask(&self, server: &Served, request: Value, further: &Value) -> Answer {
        server.post(self.path, &of(request, further))
    }

    fn said(&self, answer: &Answer) -> String {
        answer
            .json()
            .pointer(self.text)
            .unwrap_or_else(|| panic!("{}", answer.body))
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn streamed(&self, answer: &Answer) -> String {
        events(answer)
            .iter()
            .filter(|event| event.get("type").is_none_or(|kind| kind == "response.output_text.delta"))
            .filter_map(|event| event.pointer(self.part)?.as_str().map(str::to_owned))
            .collect()
    }

    /// Whether a stream ended as one does that was whole.
    fn is_whole(&self, answer: &Answer) -> bool {
        match self.name {
            "completions" => answer.body.ends_with("data: [DONE]\n\n"),
            _ => events(answer).last().unwrap()["type"] == "response.completed",
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_answered_by_the_measured_prompt_whatever_the_api() {
    let two = Two::run(Duration::ZERO).await;
    let server = two.serve(&[]);
    for api in &APIS {
        for (number, label) in [(4, "up"), (5, "down")] {
            let item = || (api.item)(&format!("item {number} of sixty"));
            let answer = api.ask(&server, item(), &json!({ "user": "u-1", "temperature": 1.5 }));
            assert_eq!(api.said(&answer), label, "{}", api.path);
            assert_eq!(answer.header("x-ordinate-prompt"), "measured");
            let sent = two.sent.lock().unwrap().pop().unwrap();
            assert!(
                sent["messages"][0]["content"].as_str().unwrap().contains("Label:")
                    || sent["messages"][1].is_object(),
                "{sent}"
            );
            assert_eq!((&sent["user"], &sent["temperature"]), (&json!("u-1"), &json!(0.0)), "{}", api.path);
            let answer = api.ask(&server, item(), &json!({ "stream": true }));
            assert_eq!(api.streamed(&answer), label, "{}", answer.body);
            assert!(api.is_whole(&answer), "{}", answer.body);
        }
        let asked =
            server.metric(&format!("ordinate_responses_total{{route=\"{}\",status=\"200\"}}", api.name));
        assert_eq!(asked, 4.0);
    }
    let usage =
        APIS[1].ask(&server, json!({ "input": "item 4 of sixty" }), &json!({})).json()["usage"].clone();
    assert!(usage["input_tokens"].as_u64().unwrap() > 0 && usage["output_tokens"] == 1, "{usage}");
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_passed_on_to_the_same_api_untouched() {
    let two = Two::run(Duration::ZERO).await;
    let server = two.serve(&[]);
    let cost = || server.metric("ordinate_candidate_cost_usd_total{task=\"moves\",candidate=\"first\"}");
    for api in &APIS {
        let further = json!({ "temperature": 0.7, "unknown": { "n": [1.10, null] }, "store": true });
        let request = of((api.conversation)("go"), &further);
        let answer = server.post(api.path, &request);
        assert_eq!((api.said(&answer).as_str(), answer.header("x-ordinate-prompt")), (STORY, "own"));
        assert_eq!(answer.json()["model"], "first-model");
        let mut sent = two.sent.lock().unwrap().pop().unwrap();
        assert_eq!(sent["model"], "first-model");
        sent["model"] = request["model"].clone();
        assert_eq!(sent, request);
        // By the tokens that its own usage names: 2 and 8 USD a million.
        let usage = &answer.json()["usage"];
        let tokens = |names: [&str; 2]| names.iter().find_map(|name| usage[*name].as_f64()).unwrap();
        let (read, written) =
            (tokens(["prompt_tokens", "input_tokens"]), tokens(["completion_tokens", "output_tokens"]));
        let billed = (2.0 * read + 8.0 * written) / 1e6;
        assert!((answer.header("x-ordinate-cost-usd").parse::<f64>().unwrap() - billed).abs() < 1e-12);
        // A stream: part by part, and billed the same.
        let before = cost();
        let answer = api.ask(&server, (api.conversation)("go"), &json!({ "stream": true }));
        assert_eq!(api.streamed(&answer), STORY, "{}", answer.body);
        assert!(events(&answer).len() > 50 && api.is_whole(&answer));
        assert!((cost() - before - billed).abs() < 1e-12, "{} {billed}", cost() - before);
    }
}

/// As for chats: somebody stands in before the first part, and after it the last event is an error.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_fails_is_stood_in_for_or_said_to_have_failed() {
    let two = Two::run(Duration::ZERO).await;
    let (server, alone) = (two.serve(&[]), two.serve(&["--no-stand-in"]));
    for api in &APIS {
        for fault in [
            "500",
            "error-in-200",
            "cut-before-headers",
            "stall-headers",
            "html",
            "other-shape",
            "broken-utf8",
        ] {
            for streamed in [false, true] {
                let cell = format!("{} {fault} {streamed}", api.path);
                // The bytes break in the middle of what is streamed: after the first part, that is.
                if streamed && fault == "broken-utf8" {
                    continue;
                }
                let request = || (api.conversation)(&format!("go fault:{fault}"));
                let further = json!({ "stream": streamed });
                let answer = api.ask(&server, request(), &further);
                assert_eq!((answer.status, answer.header("x-ordinate-candidate")), (200, "second"), "{cell}");
                let told = if streamed { api.streamed(&answer) } else { api.said(&answer) };
                assert_eq!(told, STORY, "{cell}");
                assert_eq!(api.ask(&alone, request(), &further).error().0 / 100, 5, "{cell}");
                for server in [&server, &alone] {
                    assert_eq!(
                        api.said(&api.ask(server, (api.conversation)("go"), &json!({}))),
                        STORY,
                        "{cell}"
                    );
                }
            }
        }
        for (fault, code) in [
            ("cut-after-41", "upstream_error"),
            ("stall-after-21", "upstream_timeout"),
            ("no-done", "upstream_error"),
            ("finish-error", "upstream_error"),
        ] {
            let request = (api.conversation)(&format!("go fault:{fault}"));
            let answer = api.ask(&server, request, &json!({ "stream": true }));
            let told = api.streamed(&answer);
            assert!(STORY.starts_with(&told) && told.len() > 40, "{} {fault}: {}", api.path, answer.body);
            let last = events(&answer).pop().unwrap();
            assert_eq!(last["error"]["code"], code, "{} {fault}: {last}", api.path);
            if api.name == "responses" {
                assert_eq!((&last["type"], &last["code"]), (&json!("error"), &json!(code)), "{last}");
            }
            assert!(!api.is_whole(&answer), "{} {fault}", api.path);
            api.ask(&server, (api.conversation)("go"), &json!({})).json();
        }
    }
    // A server without that part is no reason to let it rest.
    for _ in 0..7 {
        let answer = APIS[1].ask(&alone, (APIS[1].conversation)("go fault:404"), &json!({}));
        assert_eq!(answer.error(), (400, "rejected_upstream".to_owned()), "{}", answer.body);
        assert!(answer.body.contains("no /responses"), "{}", answer.body);
    }
    APIS[0].ask(&alone, (APIS[0].conversation)("go"), &json!({})).json();
    for (path, request, param) in [
        ("/v1/completions", json!({ "model": "ordinate/moves", "prompt": [1, 2] }), "prompt"),
        ("/v1/responses", json!({ "model": "ordinate/moves" }), "input"),
        ("/v1/embeddings", json!({ "model": "ordinate/moves", "input": "a" }), "model"),
    ] {
        let answer = server.post(path, &request);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, &body["error"]["param"]), (400, &json!(param)), "{path}: {body}");
    }
}

/// A probe on the vectors of an API is served as any other candidate: embedded there, looked at here, paid for once.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_on_the_vectors_of_an_api_is_served_and_its_vectors_too() {
    let (desk, upstream) = parcels().await;
    let server = Served::start(&desk, &["run", "--policy", "api", "--allow-candidates", "--no-stand-in"]);
    let before = upstream.counts().completed;
    let mut right = 0;
    for at in 1_000..1_040 {
        let text = format!("parcel {at}");
        let sum: u32 = text.bytes().map(u32::from).sum();
        let answer = server.post("/v1/tasks/parcels/answer", &json!({ "text": text })).json();
        right += usize::from(answer["answer"] == if sum % 7 >= 3 { "high" } else { "low" });
        // A quarter of its bytes, at 20 USD a million.
        assert_eq!(answer["cost_usd"].as_f64().unwrap(), 3.0 * 20.0 / 1e6, "{answer}");
    }
    assert!(right >= 36, "{right} of 40");
    assert_eq!(upstream.counts().completed - before, 40);
    // Its vectors are those of the API, to the byte of the request.
    let request = json!({ "model": "ordinate/parcels", "input": ["parcel 7", "parcel 8"], "dimensions": 4 });
    let answer = server.post("/v1/embeddings", &request);
    let vectors = answer.json();
    assert_eq!((&vectors["model"], vectors["data"].as_array().unwrap().len()), (&json!("embed-small"), 2));
    assert_eq!(answer.header("x-ordinate-candidate"), "api");
    assert_eq!(answer.header("x-ordinate-cost-usd").parse::<f64>().unwrap(), 4.0 * 20.0 / 1e6);
    // Those of the encoder in this process: as numbers and packed, the same.
    let ask = |format: &str| {
        let request = json!({ "model": "here", "input": "parcel 7", "encoding_format": format });
        server.post("/v1/embeddings", &request).json()["data"][0]["embedding"].clone()
    };
    let numbers: Vec<f32> = serde_json::from_value(ask("float")).unwrap();
    let packed = STANDARD.decode(ask("base64").as_str().unwrap()).unwrap();
    let unpacked: Vec<f32> =
        packed.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(numbers, unpacked);
    let length: f32 = numbers.iter().map(|number| number * number).sum();
    assert!((length - 1.0).abs() < 1e-3, "{length}");
    let request = json!({ "model": "here", "input": "parcel 7", "dimensions": 3 });
    assert_eq!(server.post("/v1/embeddings", &request).error(), (400, "rejected_upstream".to_owned()));
}

/// The very same request is answered again from memory, if that is asked for: not across keys, no stream, no failure, and no longer
/// than was said.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_may_be_answered_from_memory() {
    let two = Two::run(Duration::ZERO).await;
    let settings = |text: &str| two.desk.write("settings.toml", format!("[cache]\nseconds = 60\n{text}"));
    let key = |name: &str| two.desk.ordinate(["serve", "--keys", "keys.toml", "--new-key", name]).stdout();
    let (one, other) = (key("one"), key("other"));
    settings("");
    let arguments = ["--keys", "keys.toml", "--no-stand-in", "--settings", "settings.toml"];
    let mut server = two.serve(&arguments);
    let ask = |server: &Served, key: &str, path: &str, body: &Value| {
        let bearer = format!("Bearer {}", key.trim());
        server.send("POST", path, &[("authorization", &bearer)], body.to_string().as_bytes())
    };
    let asked = || two.first.counts().asked;
    let chat = "/v1/chat/completions";
    let before = asked();
    for (path, body) in [
        (chat, desk_of_two::conversation("go", false)),
        (
            chat,
            json!({ "model": "ordinate/moves", "messages": [{ "role": "user", "content": "item 4 of sixty" }] }),
        ),
        ("/v1/tasks/moves/answer", json!({ "text": "item 4 of sixty" })),
    ] {
        let from = asked();
        let (first, again) = (ask(&server, &one, path, &body), ask(&server, &one, path, &body));
        assert_eq!(asked(), from + 1, "{path}");
        assert_eq!(
            (first.header("x-ordinate-cache"), again.header("x-ordinate-cache")),
            ("", "hit"),
            "{}",
            again.body
        );
        assert_eq!((again.header("x-ordinate-cost-usd"), again.header("age")), ("0", "0"));
        assert_eq!(again.header("x-ordinate-candidate"), "first");
        assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
        let (mut first, mut second) = (first.json(), again.json());
        if path != chat {
            assert_eq!(
                (&second["request"], &second["cost_usd"]),
                (&json!(again.header("x-request-id")), &json!(0.0))
            );
            for name in ["request", "cost_usd", "asked"] {
                (first[name], second[name]) = (Value::Null, Value::Null);
            }
        }
        assert_eq!(first, second);
        // Somebody else's, and one that differs in a space.
        assert_eq!(ask(&server, &other, path, &body).header("x-ordinate-cache"), "");
        let bearer = format!("Bearer {}", one.trim());
        let spaced =
            server.send("POST", path, &[("authorization", &bearer)], (body.to_string() + " ").as_bytes());
        assert_eq!((spaced.status, spaced.header("x-ordinate-cache")), (200, ""));
        assert_eq!(asked(), from + 3, "{path}");
    }
    for body in [desk_of_two::conversation("go", true), desk_of_two::conversation("go fault:500", false)] {
        let from = asked();
        for _ in 0..2 {
            assert_eq!(ask(&server, &one, chat, &body).header("x-ordinate-cache"), "");
        }
        assert_eq!(asked(), from + 2, "{body}");
    }
    assert!(asked() > before);
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let status = two.desk.ordinate(["status", "run"]).stdout();
    assert!(status.contains("3 were given again from memory"), "{status}");
    settings("across_keys = true\n");
    let server = two.serve(&arguments);
    let body = desk_of_two::conversation("go", false);
    ask(&server, &one, chat, &body);
    assert_eq!(ask(&server, &other, chat, &body).header("x-ordinate-cache"), "hit");
    // What is served may be another thing after a reload.
    server.signal("HUP");
    let start = std::time::Instant::now();
    while !server.told.lock().unwrap().contains("reloaded") {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(ask(&server, &other, chat, &body).header("x-ordinate-cache"), "");
}

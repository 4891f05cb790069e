//! Images that are sent to models behind an API, through the real binary: as parts of a message, measured beside a program and served.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/pictures.rs"]
mod pictures;
#[path = "support/served.rs"]
mod served;
mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ordinate_faults::{FaultServer, Script};
use pictures::{LABELS, label, png, task, write_npz};
use serde_json::{Value, json};
use served::Served;
use support::{Desk, named, number};

fn url(at: u64) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png(at)))
}

/// The pictures of a request, in their order, and its words.
fn seen(body: &Value) -> (Vec<String>, String) {
    let parts = body["messages"].as_array().unwrap().iter().flat_map(|message| match &message["content"] {
        Value::String(text) => vec![json!({ "type": "text", "text": text })],
        parts => parts.as_array().unwrap().clone(),
    });
    let (mut pictures, mut words) = (Vec::new(), String::new());
    for part in parts {
        match part["type"].as_str().unwrap() {
            "image_url" => pictures.push(part["image_url"]["url"].as_str().unwrap().to_owned()),
            _ => words += part["text"].as_str().unwrap(),
        }
    }
    (pictures, words)
}

/// A model that tells the picture which it is asked about, the last, but for one in `misses`.
fn eye(misses: u64, sent: &Arc<Mutex<Vec<Value>>>) -> Script {
    let known: HashMap<String, u64> = (0..60).map(|at| (url(at), at)).collect();
    let sent = Arc::clone(sent);
    Script::new(move |body| {
        sent.lock().unwrap().push(body.clone());
        let (pictures, _) = seen(body);
        match pictures.last().and_then(|picture| known.get(picture)) {
            Some(at) if at % misses == 0 => label(at + 1).to_owned(),
            Some(at) => label(*at).to_owned(),
            None => "I see no picture that I know.".to_owned(),
        }
    })
}

fn openai(server: &FaultServer, more: &str) -> String {
    format!(
        "openai = {{ model = \"eye\", base_url = \"{}\", price = {{ input = 2.0, output = 8.0 }}{more} }}",
        server.base_url()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_sent_the_picture_and_is_measured_and_served_by_it() {
    let sent = Arc::<Mutex<Vec<Value>>>::default();
    let general = FaultServer::start(eye(1_000, &sent)).await.unwrap();
    let vertical = FaultServer::start(eye(4, &Arc::default())).await.unwrap();
    let desk = Desk::new();
    write_npz(&desk, "set.npz", 20, 40);
    let data = format!("[data]\ntrain = \"set.npz\"\ntest = \"set.npz\"\n{LABELS}\n[prompt]\nexamples = 2");
    let candidates = [
        ("general", "general", openai(&general, ", structured = true")),
        ("vertical", "vertical", openai(&vertical, "")),
    ];
    let candidates: Vec<(&str, &str, &str)> =
        candidates.iter().map(|(name, lineage, source)| (*name, *lineage, source.as_str())).collect();
    let task = task(&desk, &data, &candidates);

    // What will be sent is shown without its bytes, and a picture is not guessed to cost what its bytes would.
    let checked = desk.ordinate(["check", "task.toml", "--show-prompt"]);
    assert_eq!(checked.status(), 0, "{}", checked.stderr());
    let shown = checked.stdout();
    assert!(shown.contains("[image/png, ") && !shown.contains("base64"), "{shown}");

    let verdict = desk.verdict(&task, &[]);
    let quality = |name: &str| number(named(&verdict, "candidates", name), "quality.mean");
    assert!(
        (quality("general") - 39.0 / 40.0).abs() < 0.026 && quality("general") > 0.97,
        "{}",
        quality("general")
    );
    assert!((quality("vertical") - 0.75).abs() < 0.03, "{}", quality("vertical"));
    // A picture is billed as the server bills it, which is believed.
    let cost = number(named(&verdict, "candidates", "general"), "cost_per_1k");
    assert!(cost > 3.0 * 255.0 * 2.0 / 1e3, "three pictures of 255 tokens each: {cost}");
    let body = sent.lock().unwrap().first().cloned().unwrap();
    let (pictures, words) = seen(&body);
    assert_eq!(pictures.len(), 3, "two examples and the item");
    assert!(
        words.contains("- lying") && words.contains("Label: standing") && !words.contains("base64"),
        "{words}"
    );

    // Served: by the task's own form, and by that of the chat API, whose words give way to those that were measured.
    let server = Served::start(&desk, &["run"]);
    let (mut asked, before) = (0, sent.lock().unwrap().len());
    for at in [41, 42] {
        let answer = server.post("/v1/tasks/stripes/answer", &json!({ "input": url(at) }));
        assert_eq!(answer.json()["answer"], label(at), "{}", answer.body);
        for words in ["", "What is this?"] {
            let picture = json!({ "type": "image_url", "image_url": { "url": url(at) } });
            let text = json!({ "type": "text", "text": words });
            let content = if words.is_empty() { json!([picture]) } else { json!([text, picture]) };
            let chat =
                json!({ "model": "ordinate/stripes", "messages": [{ "role": "user", "content": content }] });
            let answer = server.post("/v1/chat/completions", &chat);
            assert_eq!(answer.header("x-ordinate-prompt"), "measured", "{}", answer.body);
            assert_eq!(answer.json()["choices"][0]["message"]["content"], label(at), "{}", answer.body);
            asked += 1;
        }
    }
    let sent = sent.lock().unwrap();
    assert!(sent.len() >= before + asked, "the model was asked each time");
    assert!(
        sent[before..].iter().all(|body| seen(body).0.len() == 3 && !seen(body).1.contains("What is this"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pictures_cannot_do_is_said() {
    let server = FaultServer::start(eye(7, &Arc::default())).await.unwrap();
    let desk = Desk::new();
    write_npz(&desk, "set.npz", 20, 10);
    let data = format!(
        "[data]\ntrain = \"set.npz\"\ntest = \"set.npz\"\n{LABELS}\n[prompt]\nexamples = 2\nchoose_examples = \"nearest\""
    );
    let source = openai(&server, "");
    task(&desk, &data, &[("general", "general", source.as_str())]);
    let refused = desk.ordinate(["check", "task.toml"]).refusal();
    assert!(refused.contains("task.toml") && refused.contains("images have none"), "{refused}");
    task(
        &desk,
        &data.replace("nearest", "random"),
        &[("text", "general", "local = { model = \"decoder\" }")],
    );
    let refused = desk.ordinate(["check", "task.toml"]);
    assert_ne!(refused.status(), 0, "a model of texts does not see: {}", refused.stdout());
}

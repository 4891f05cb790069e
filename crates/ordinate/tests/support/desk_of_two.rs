//! A run over two chat models at fault servers, the first better than the second.
#![allow(dead_code, unreachable_pub)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ordinate_faults::{Fault, FaultServer, Script, prompt_of};
use serde_json::{Value, json};

use super::served::{Answer, Served};
use super::support::Desk;

/// What the model says to whoever asks for a story: 60 pieces.
pub const STORY: &str = "It was a dark and stormy night; the rain fell in torrents, except at occasional intervals, when it was \
                         checked by a violent gust of wind which swept up the streets, rattling along the housetops, and \
                         fiercely agitating the scanty flame of lamps.";

/// The servers, the run folder in `run`, and what each server was sent.
pub struct Two {
    pub desk: Desk,
    pub first: FaultServer,
    pub second: FaultServer,
    pub sent: Arc<Mutex<Vec<Value>>>,
    /// The `traceparent` of each request to either, where it had one.
    pub traces: Arc<Mutex<Vec<String>>>,
}

/// Whom the word is of.
fn label(text: &str, knows: usize) -> &'static str {
    let number: usize =
        text.split("item ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0);
    if number % 10 < knows { ["up", "down"][number % 2] } else { "none" }
}

fn says(body: &Value, knows: usize) -> String {
    let prompt = prompt_of(body);
    if prompt.contains("Label:") { label(prompt, knows).to_owned() } else { STORY.to_owned() }
}

/// The same of a model that goes on with its own last words, unless it is asked to begin anew.
fn goes_on(body: &Value, knows: usize) -> String {
    let words = body["messages"].as_array().and_then(|messages| messages.last());
    let words = words.filter(|last| last["role"] == "assistant").and_then(|last| last["content"].as_str());
    match words.and_then(|words| STORY.strip_prefix(words)) {
        Some(rest) if !body.to_string().contains("anew") => rest.to_owned(),
        Some(_) => STORY.to_owned(),
        None => says(body, knows),
    }
}

/// The fault that a prompt asks a server for, by the word of that server: `fault:500`.
fn fault(word: &str, body: &Value, repeat: u64) -> Fault {
    let text = body.to_string();
    let Some(name) =
        text.split(word).nth(1).map(|rest| rest.split([' ', '"', '\\']).next().unwrap_or_default())
    else {
        return Fault::None;
    };
    let after = |kind: fn(usize) -> Fault| name.split('-').next_back().and_then(|n| n.parse().ok()).map(kind);
    match name {
        "500" | "503" => Fault::status(name.parse().unwrap()),
        "400" => Fault::Status { code: 400, retry_after: None, message: "tools[0] is wrong".to_owned() },
        "429-short" => Fault::slow_down("7"),
        "429-hours" => Fault::slow_down("7200"),
        // The same request is answered at once when it comes again.
        "slow-once" if repeat == 0 => Fault::StallHeaders,
        "slow-once" => Fault::None,
        // Another model answers by the same name, and says so; by a name that means harm, too.
        "renamed" | "hostile" => {
            let model = if name == "hostile" { "<script>alert(1)</script>\"'>" } else { "first-model-mini" };
            let answer = json!({
                "id": "chatcmpl-renamed", "object": "chat.completion", "model": model,
                "system_fingerprint": "fp_2",
                "choices": [{ "index": 0, "message": { "role": "assistant", "content": "up" }, "finish_reason": "stop" }],
                "usage": { "prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11 },
            });
            Fault::Body(200, answer)
        }
        "error-in-200" => Fault::ErrorIn200("busy".to_owned()),
        name if name.starts_with("cut-after-") => after(Fault::CutAfter).unwrap(),
        name if name.starts_with("stall-after-") => after(Fault::StallAfter).unwrap(),
        name if name.starts_with("json-after-") => after(Fault::BrokenJsonAfter).unwrap(),
        name if name.starts_with("utf8-after-") => after(Fault::BrokenUtf8After).unwrap(),
        name => Fault::named(name).unwrap_or_else(|| panic!("{name}")),
    }
}

impl Two {
    /// Starts both, and runs a task over 60 items. `between` is the time between the events of a stream of the first.
    pub async fn run(between: Duration) -> Self {
        let desk = Desk::new();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&sent);
        let traces = Arc::<Mutex<Vec<String>>>::default();
        let both = [Arc::clone(&traces), Arc::clone(&traces)];
        let [of_first, of_second] = both
            .map(|traces| move |trace: Option<&str>| traces.lock().unwrap().extend(trace.map(str::to_owned)));
        let mut script = Script::new(move |body| {
            log.lock().unwrap().push(body.clone());
            says(body, 10)
        })
        .with_faults(move |call| {
            of_first(call.trace);
            fault("fault:", call.body, call.repeat)
        });
        script.style.between = between;
        let first = FaultServer::start(script).await.unwrap();
        let script = Script::new(|body| goes_on(body, 7)).with_faults(move |call| {
            of_second(call.trace);
            fault("then:", call.body, call.repeat)
        });
        let second = FaultServer::start(script).await.unwrap();
        let items: Vec<String> = (0..60)
            .map(|at| json!({ "id": format!("i{at}"), "text": format!("item {at} of sixty"), "label": (["up", "down"][at % 2]) }))
            .map(|item| item.to_string())
            .collect();
        desk.write("items.jsonl", items.join("\n"));
        let entry = |name: &str, server: &FaultServer, price: &str| {
            format!(
                "[[candidate]]\nname = \"{name}\"\nlineage = \"general\"\nopenai = {{ model = \"{name}-model\", base_url = \
                 \"{}\", price = {price}, timeouts = {{ connect_s = 1.0, first_token_s = 0.6, idle_s = 0.5, total_s = 2.0 }} }}\n",
                server.base_url()
            )
        };
        let task = desk.write(
            "task.toml",
            format!(
                "[task]\nname = \"moves\"\nkind = \"classify\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\ntarget = \
                 \"label\"\n[combine]\nkinds = [\"single\"]\n{}{}",
                entry("first", &first, "{ input = 2.0, output = 8.0, cached_input = 0.5 }"),
                entry("second", &second, "{ input = 1.0, output = 4.0 }"),
            ),
        );
        let verdict = desk.verdict(&task, &["--quiet"]);
        assert_eq!(verdict["recommended"]["name"], "first", "{}", verdict["why"]);
        sent.lock().unwrap().clear();
        Self { desk, first, second, sent, traces }
    }

    pub fn serve(&self, further: &[&str]) -> Served {
        Served::start(&self.desk, &[&["run"], further].concat())
    }
}

/// A conversation that is passed on; `{text}` may ask for a fault.
pub fn conversation(text: &str, streamed: bool) -> Value {
    json!({
        "model": "ordinate/moves",
        "messages": [{ "role": "system", "content": "Tell a story." }, { "role": "user", "content": text }],
        "stream": streamed,
    })
}

pub fn ask(server: &Served, text: &str, streamed: bool) -> Answer {
    server.post("/v1/chat/completions", &conversation(text, streamed))
}

/// The text of a whole answer.
pub fn content(answer: &Answer) -> String {
    answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

/// Asks about an item, which the second is to answer whatever becomes of the first. Gives the name of the request.
pub fn answered(server: &Served, text: &str) -> String {
    let item = json!({ "model": "ordinate/moves", "messages": [{ "role": "user", "content": text }] });
    let answer = server.post("/v1/chat/completions", &item);
    assert_eq!(answer.status, 200, "{text}: {}", answer.body);
    assert_eq!(
        (answer.header("x-ordinate-candidate"), answer.header("x-ordinate-asked")),
        ("second", "second")
    );
    answer.header("x-request-id").to_owned()
}

/// A metric of the shadow requests to the first.
pub fn shadow(name: &str) -> String {
    format!("ordinate_shadow_{name}{{task=\"moves\",candidate=\"first\"}}")
}

/// How many of them were dropped, and why.
pub fn dropped(reason: &str) -> String {
    format!("ordinate_shadow_dropped_total{{task=\"moves\",reason=\"{reason}\"}}")
}

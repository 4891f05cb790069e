//! The fault matrix (rule 6 of the evidence) through the real binary: each fault meets one item, and has its defined
//! outcome in the evidence and the verdict. A fault that passes leaves no trace; one that stays is an error of its item
//! alone, neither a wrong answer nor a hole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ordinate_faults::{Fault, FaultServer, Script, Style, prompt_of};
use support::{Desk, named, number};

/// What an error of the evidence begins with, where the fault stays.
type Case = (Fault, &'static str);

fn rejection(code: u16, message: &str) -> Fault {
    Fault::Status { code, retry_after: None, message: message.into() }
}

/// Faults after which the same request is sent again. In threes: ten errors in a row mean a dead endpoint.
fn passing() -> Vec<Vec<Case>> {
    let often = Duration::from_millis(100);
    vec![
        vec![
            (Fault::status(500), "overloaded"),
            (Fault::status(502), "overloaded"),
            (Fault::status(503), "overloaded"),
            (Fault::slow_down("0.05"), "rate-limited"),
            (Fault::ErrorIn200("busy".into()), "overloaded"),
        ],
        vec![
            (Fault::CutBeforeHeaders, "cut"),
            (Fault::CutBody, "cut"),
            (Fault::BrokenUtf8, "broken-text"),
            (Fault::BrokenJson, "broken-json"),
            (Fault::OtherShape, "shape"),
            (Fault::Html, "broken-json"),
        ],
        vec![
            (Fault::StallHeaders, "total-timeout"),
            (Fault::StallBody, "idle-timeout"),
            (Fault::Trickle(often), "total-timeout"),
            (Fault::Pings(often), "idle-timeout"),
        ],
    ]
}

/// What a stream can do besides.
fn streamed() -> Vec<Case> {
    let often = Duration::from_millis(100);
    vec![
        (Fault::StallHeaders, "first-token-timeout"),
        (Fault::StallBody, "idle-timeout"),
        (Fault::Pings(often), "idle-timeout"),
        (Fault::CutBody, "cut"),
        (Fault::NoDone, "cut"),
        (Fault::GivenUp, "cut"),
        (Fault::BrokenUtf8, "broken-text"),
    ]
}

/// Faults that asking again would not mend.
fn lasting() -> Vec<Case> {
    vec![
        (rejection(400, "maximum context length"), "rejected"),
        (rejection(422, "no such role"), "rejected"),
        (Fault::status(307), "rejected"),
        (Fault::Refusal, "refused"),
        (Fault::ContentFilter, "filtered"),
        (Fault::Empty, "empty"),
        (Fault::EmptyByLength, "empty"),
        (Fault::Huge(20 << 20), "too-large"),
    ]
}

const GOOD: usize = 30;

/// Thirty items without a fault, and after every other one of them an item with one; the place of a fault stands in the item's text.
fn task(desk: &Desk, server: &FaultServer, faults: usize, stream: bool) -> PathBuf {
    let mut items = Vec::new();
    let mut recorded = Vec::new();
    let mut add = |id: String, text: String| {
        items.push(serde_json::json!({ "id": id, "text": text, "label": "up" }).to_string());
        recorded.push(serde_json::json!({ "id": id, "output": "down" }).to_string());
    };
    for at in 0..GOOD {
        add(format!("good{at}"), format!("gold rises {at}"));
        if at % 2 == 1 && at / 2 < faults {
            add(format!("fault{}", at / 2), format!("fault number {}", at / 2));
        }
    }
    // The labels that candidates are told are those of the items.
    add("other".into(), "silver".into());
    *items.last_mut().unwrap() = items[items.len() - 1].replace("\"up\"", "\"down\"");
    desk.write("items.jsonl", items.join("\n"));
    desk.write("recorded.jsonl", recorded.join("\n"));
    let base = server.base_url();
    desk.write(
        "task.toml",
        format!(
            r#"[task]
name = "faults"
kind = "classify"

[data]
test = "items.jsonl"
input = "text"
target = "label"

[combine]
kinds = ["single"]

[measure]
concurrency = 2
tries = 2

[[candidate]]
name = "mock"
lineage = "general"
openai = {{ model = "m", base_url = "{base}", stream = {stream}, price = {{ input = 2.0, output = 8.0 }}, timeouts = {{ connect_s = 2.0, first_token_s = 0.4, idle_s = 0.4, total_s = 1.0 }} }}

[[candidate]]
name = "old"
lineage = "vertical"
recorded = {{ path = "recorded.jsonl" }}
"#
        ),
    )
}

/// A server whose item `fault number N` meets the N-th fault: always, or only the first time.
async fn server(cases: &[Case], always: bool) -> FaultServer {
    let faults: Vec<Fault> = cases.iter().map(|(fault, _)| fault.clone()).collect();
    let script = Script::saying("up, or so it seems to me").with_faults(move |call| {
        let prompt = prompt_of(call.body);
        let number = prompt.rsplit_once("fault number ").map(|(_, rest)| rest);
        let number = number.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
        match number {
            Some(number) if always || call.repeat == 0 => faults[number].clone(),
            _ => Fault::None,
        }
    });
    let style = Style { latency: Duration::from_millis(5), ..Style::default() };
    FaultServer::start(script.with_style(style)).await.unwrap()
}

/// Output and error of the mock by item.
fn answers(desk: &Desk) -> BTreeMap<String, (Option<String>, Option<String>)> {
    let evidence = ordinate_data::read_evidence(&desk.path("run/evidence.parquet")).unwrap();
    let column = evidence.candidates().iter().position(|one| one.name.as_str() == "mock").unwrap();
    let answers = evidence.answers(column);
    let text = |text: Option<&str>| text.map(str::to_owned);
    (0..evidence.len())
        .map(|row| {
            (evidence.items().id(row).to_owned(), (text(answers.output(row)), text(answers.error(row))))
        })
        .collect()
}

async fn stays(cases: &[Case], stream: bool) {
    let desk = Desk::new();
    let server = server(cases, true).await;
    let verdict = desk.verdict(&task(&desk, &server, cases.len(), stream), &[]);
    let answers = answers(&desk);
    assert_eq!(answers.len(), GOOD + cases.len() + 1);
    for (id, (output, error)) in &answers {
        let Some(number) = id.strip_prefix("fault") else {
            assert_eq!((output.as_deref(), error), (Some("up"), &None), "{id}");
            continue;
        };
        let (fault, kind) = &cases[number.parse::<usize>().unwrap()];
        let error = error.as_deref().unwrap_or_default();
        assert!(output.is_none() && error.starts_with(&format!("{kind}:")), "{fault:?}, {stream}: {error}");
    }
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    cases.iter().for_each(|(_, kind)| *counted.entry(kind).or_default() += 1);
    let measured = named(&verdict, "measured", "mock");
    assert_eq!(measured["errors"], serde_json::json!(counted));
    let row = named(&verdict, "candidates", "mock");
    assert_eq!(row["errors"], cases.len());
    // Both readings: an error counts as a failure, or is left out.
    let (good, all) = (GOOD as f64, (GOOD + cases.len() + 1) as f64);
    assert!((number(row, "quality.mean") - good / all).abs() < 1e-9, "{row}");
    assert!((number(row, "quality_without_errors.mean") - good / (good + 1.0)).abs() < 1e-9, "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_leaves_no_trace() {
    for cases in passing() {
        let desk = Desk::new();
        let server = server(&cases, false).await;
        let verdict = desk.verdict(&task(&desk, &server, cases.len(), false), &[]);
        for (id, (output, error)) in answers(&desk) {
            assert_eq!((output.as_deref(), error), (Some("up"), None), "{id} of {cases:?}");
        }
        let measured = named(&verdict, "measured", "mock");
        let requests = (GOOD + 1 + 2 * cases.len()) as u64;
        assert_eq!((measured["errors"].to_string(), server.counts().asked), ("{}".into(), requests));
        assert_eq!(measured["requests"], requests);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_is_an_error_of_its_item() {
    for cases in passing() {
        stays(&cases, false).await;
    }
    stays(&streamed(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asking_again_would_not_mend_is_asked_once() {
    for stream in [false, true] {
        stays(&lasting(), stream).await;
    }
    let desk = Desk::new();
    let server = server(&lasting(), true).await;
    desk.verdict(&task(&desk, &server, lasting().len(), false), &[]);
    assert!(server.counts().by_prompt.values().all(|count| count.asked == 1));
}

/// What would befall every request ends the run, names the next step, and keeps what was answered.
#[tokio::test(flavor = "multi_thread")]
async fn what_befalls_every_request_ends_the_run() {
    for (code, next) in [(401, "key_env"), (402, "402"), (403, "403"), (404, "base_url")] {
        let desk = Desk::new();
        let script = Script::saying("up")
            .with_faults(move |call| if call.number < 12 { Fault::None } else { Fault::status(code) });
        let server = FaultServer::start(script).await.unwrap();
        let path = task(&desk, &server, 0, false);
        let ran = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run"]);
        assert_eq!(ran.status(), 1, "{}", ran.stderr());
        assert!(ran.stderr().contains("mock cannot be asked any more"), "{}", ran.stderr());
        assert!(ran.stderr().contains(next), "{code}: {}", ran.stderr());
        let before = server.counts().completed;
        let address = server.address();
        server.stop();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let again = FaultServer::start_at(Script::saying("up"), address).await.unwrap();
        let ran = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run", "--resume"]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        assert_eq!(again.counts().asked, GOOD as u64 + 1 - before, "{code}");
    }
}

//! A probe on the embeddings of an API, from the task file to the verdict.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::path::PathBuf;

use ordinate_faults::{Fault, FaultServer, Script};
use support::{Desk, named, number};

const ITEMS: usize = 120;

/// Texts whose label stands in the server's vectors (the sum of their bytes, modulo seven) and in no n-gram.
fn items(desk: &Desk) {
    let row = |at: usize| {
        let text = format!("包裹 parcel {at}");
        let sum: u32 = text.bytes().map(u32::from).sum();
        let label = if sum % 7 >= 3 { "high" } else { "low" };
        serde_json::json!({ "id": at.to_string(), "text": text, "label": label }).to_string() + "\n"
    };
    desk.write("items.jsonl", (0..ITEMS).map(row).collect::<String>());
}

fn task(desk: &Desk, server: &FaultServer, further: &str, candidate: &str) -> PathBuf {
    items(desk);
    let base = server.base_url();
    desk.write(
        "task.toml",
        format!(
            r#"[task]
name = "parcels"
kind = "classify"

[data]
items = "items.jsonl"
input = "text"
target = "label"

[combine]
kinds = ["single"]

{further}

[[candidate]]
name = "api"
lineage = "transferred"
openai = {{ model = "embed-small", base_url = "{base}", price = {{ input = 20.0, output = 0.0 }} }}
{candidate}

[[candidate]]
name = "ngram"
lineage = "vertical"
local = {{ model = "ngram-linear" }}
"#
        ),
    )
}

const PROBE: &str = r#"adapt = { from = "openai", method = "probe" }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_on_them_is_measured_and_nothing_is_paid_for_twice() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("")).await.unwrap();
    let task = task(&desk, &server, "", PROBE);
    let checked = desk.ordinate(["check", task.to_str().unwrap()]);
    assert_eq!(checked.status(), 0, "{}", checked.stderr());
    for part in ["probe on embeddings of an API", "api: 120 of 120 items to ask", "estimate $"] {
        assert!(checked.stdout().contains(part), "{part}: {}", checked.stdout());
    }
    assert_eq!(server.counts().asked, 0);
    let verdict = desk.verdict(&task, &[]);
    let counts = server.counts();
    assert_eq!((counts.asked, counts.completed), (ITEMS as u64, ITEMS as u64));
    let (api, ngram) = (named(&verdict, "candidates", "api"), named(&verdict, "candidates", "ngram"));
    assert!(number(api, "quality.mean") > 0.95, "{api}");
    assert!(number(ngram, "quality.mean") < 0.75, "{ngram}");
    assert_eq!(verdict["outcome"], "transferred");
    let measured = named(&verdict, "measured", "api");
    assert_eq!(measured["input_tokens"], counts.input_tokens);
    let cost = counts.input_tokens as f64 * 20.0 / 1e6;
    assert!((number(measured, "cost_usd") - cost).abs() < 1e-12, "{measured}");
    assert!((number(api, "cost_per_1k") - cost * 1e3 / ITEMS as f64).abs() < 1e-9, "{api}");
    let again = desk.verdict(&task, &["--resume"]);
    assert_eq!(server.counts().asked, ITEMS as u64, "asked again");
    assert_eq!(named(&again, "candidates", "api")["quality"], api["quality"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_means_of_labels_stand_on_them_too() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("")).await.unwrap();
    let task = task(&desk, &server, "", &PROBE.replace("probe", "means"));
    let checked = desk.ordinate(["check", task.to_str().unwrap()]);
    assert!(checked.stdout().contains("means on embeddings of an API"), "{}", checked.stdout());
    let verdict = desk.verdict(&task, &[]);
    assert_eq!(server.counts().completed, ITEMS as u64);
    // Below a probe, as the labels are told by a threshold; above what the words tell.
    let quality = |name| number(named(&verdict, "candidates", name), "quality.mean");
    assert!(quality("api") > 0.78 && quality("ngram") < 0.75, "{} {}", quality("api"), quality("ngram"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_cannot_be_embedded_is_an_error() {
    let desk = Desk::new();
    let script = Script::saying("").with_faults(|call| {
        let long = call.body["input"].as_str().is_some_and(|text| text.ends_with(" 13"));
        let message = "maximum context length".to_owned();
        if long { Fault::Status { code: 400, retry_after: None, message } } else { Fault::None }
    });
    let server = FaultServer::start(script).await.unwrap();
    let verdict = desk.verdict(&task(&desk, &server, "", PROBE), &[]);
    assert_eq!(named(&verdict, "candidates", "api")["errors"], 1);
    assert_eq!(named(&verdict, "measured", "api")["errors"], serde_json::json!({ "rejected": 1 }));
    let quality = number(named(&verdict, "candidates", "api"), "quality_without_errors.mean");
    assert!(quality > 0.95, "{quality}");
}

#[tokio::test(flavor = "multi_thread")]
async fn max_spend_holds_for_embeddings_too() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("")).await.unwrap();
    let path = task(&desk, &server, "[measure]\nmax_spend = 0.006", PROBE);
    let ran = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run"]);
    assert_eq!(ran.status(), 1, "{}", ran.stderr());
    assert!(ran.stderr().contains("api reached max_spend"), "{}", ran.stderr());
    let before = server.counts().completed;
    assert!(before > 3 && before < ITEMS as u64, "{before}");
    let ran = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run", "--resume", "--max-spend", "1"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    assert_eq!(server.counts().asked, ITEMS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("")).await.unwrap();
    for (further, candidate, part) in [
        ("", r#"adapt = { from = "openai", method = "lora" }"#, "\"lora\" needs the model itself"),
        ("", r#"adapt = { from = "builtin", method = "probe" }"#, "openai and adapt are both given"),
        ("[needs]\nstay_local = true", PROBE, "stay_local forbids"),
    ] {
        let path = task(&desk, &server, further, candidate);
        let message = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run"]).refusal();
        assert!(
            message.contains(part) && message.contains("api") | message.contains("task.toml"),
            "{message}"
        );
    }
    let path = task(&desk, &server, "", PROBE);
    let text = std::fs::read_to_string(&path).unwrap();
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("openai")).collect();
    std::fs::write(&path, without.join("\n")).unwrap();
    let message = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run"]).refusal();
    assert!(message.contains("starts from the embeddings of an API"), "{message}");
    assert_eq!(server.counts().asked, 0);
}

/// What can be refused is refused before anything is paid for.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_refused_pays_nothing() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("")).await.unwrap();
    let path = task(&desk, &server, "", PROBE);
    desk.write("mine/notes.txt", "not a run");
    let message = desk.ordinate(["run", path.to_str().unwrap(), "--out", "mine"]).refusal();
    assert!(message.contains("no run wrote this"), "{message}");
    let text = std::fs::read_to_string(&path).unwrap();
    for (old, new, part) in [
        (
            "[[candidate]]\nname = \"ngram\"\nlineage = \"vertical\"\nlocal = { model = \"ngram-linear\" }",
            "",
            "one candidate",
        ),
        ("kind = \"classify\"", "kind = \"regress\"", "not a number"),
        ("ngram-linear", "no-such-model", "no model that runs here"),
    ] {
        std::fs::write(&path, text.replace(old, new)).unwrap();
        let message = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run"]).refusal();
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(server.counts().asked, 0);
}

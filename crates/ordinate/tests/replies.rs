//! Replies of servers that are not what a textbook shows: cut, filtered, of another model, with token counts that need
//! reading. What they are worth, through the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;
#[path = "replies/words.rs"]
mod words;

use ordinate_faults::{Fault, FaultServer, Script, prompt_of};
use serde_json::{Value, json};
use support::{Desk, Ran, named, number};

const ITEMS: usize = 24;

/// The right label of what a prompt asks about.
fn label(body: &Value) -> &'static str {
    let prompt = prompt_of(body);
    let asked = prompt.rsplit("Text: ").next().unwrap_or_default();
    if asked.contains("money") { "refund" } else { "delivery" }
}

/// A server that answers rightly, and plainly.
async fn good() -> FaultServer {
    FaultServer::start(Script::new(|body| label(body).to_owned())).await.unwrap()
}

/// A server of which every answer is made by `reply` of the right label.
async fn odd(status: u16, reply: impl Fn(&str) -> Value + Send + Sync + 'static) -> FaultServer {
    let script = Script::saying("").with_faults(move |call| Fault::Body(status, reply(label(call.body))));
    FaultServer::start(script).await.unwrap()
}

/// A textbook's answer with this message, end and usage.
fn answer(message: &Value, finish: &str, usage: &Value) -> Value {
    json!({
        "id": "x", "object": "chat.completion", "model": "m",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        "usage": usage,
    })
}

fn says(text: &str) -> Value {
    json!({ "role": "assistant", "content": text })
}

fn tokens(prompt: u64, completion: u64) -> Value {
    json!({ "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion })
}

/// Runs a task of both servers' candidates, `good` and `odd`.
fn run(desk: &Desk, kind: &str, servers: [&FaultServer; 2], further: &str) -> Ran {
    let texts = ["Where is parcel", "I want my money back for order"];
    let items: Vec<String> = (0..ITEMS)
        .map(|at| {
            let (input, label) = (format!("{} {at}", texts[at % 2]), ["delivery", "refund"][at % 2]);
            json!({ "id": format!("i{at}"), "input": input, "label": label }).to_string()
        })
        .collect();
    desk.write("items.jsonl", items.join("\n"));
    let candidate = |name: &str, lineage: &str, server: &FaultServer| {
        format!(
            "\n[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\nopenai = {{ model = \"m\", base_url = \"{}\", \
             price = {{ input = 1.0, output = 2.0 }} }}\n",
            server.base_url()
        )
    };
    let task = format!(
        "[task]\nname = \"case\"\nkind = \"{kind}\"\n[data]\nitems = \"items.jsonl\"\ntarget = \"label\"\n[measure]\ntries \
         = 2\n{further}\n{}{}",
        candidate("good", "general", servers[0]),
        candidate("odd", "vertical", servers[1]),
    );
    let path = desk.write("task.toml", task);
    desk.ordinate(["run", path.to_str().unwrap(), "--json", "--out", "run"])
}

fn verdict(ran: &Ran) -> Value {
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    serde_json::from_str(&ran.stdout()).unwrap()
}

fn per_1k(verdict: &Value, name: &str) -> f64 {
    number(named(verdict, "candidates", name), "cost_per_1k")
}

#[tokio::test(flavor = "multi_thread")]
async fn reasoning_that_is_counted_outside_is_paid_for() {
    let usage = json!({ "prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 523,
                        "completion_tokens_details": { "reasoning_tokens": 500 } });
    let odd = odd(200, move |label| answer(&says(label), "stop", &usage)).await;
    let verdict = verdict(&run(&Desk::new(), "classify", [&good().await, &odd], ""));
    let cost = per_1k(&verdict, "odd");
    assert!((cost - 1.026).abs() < 1e-9, "{cost}");
    assert_eq!(named(&verdict, "measured", "odd")["output_tokens"], json!(503 * ITEMS));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_that_disagrees_is_told() {
    let usage = json!({ "prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 523 });
    let odd = odd(200, move |label| answer(&says(label), "stop", &usage)).await;
    let verdict = verdict(&run(&Desk::new(), "classify", [&good().await, &odd], ""));
    assert_eq!(named(&verdict, "measured", "odd")["tokens_disagree"], json!(ITEMS));
    assert!(verdict["assumed"].to_string().contains("not the sum of its parts"), "{}", verdict["assumed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_counts_of_odd_types_are_read() {
    for usage in [
        json!({ "prompt_tokens": 20.0, "completion_tokens": 3.0, "total_tokens": 23.0 }),
        json!({ "prompt_tokens": "20", "completion_tokens": "3" }),
    ] {
        let odd = odd(200, move |label| answer(&says(label), "stop", &usage)).await;
        let verdict = verdict(&run(&Desk::new(), "classify", [&good().await, &odd], ""));
        assert!((per_1k(&verdict, "odd") - 0.026).abs() < 1e-9);
        assert!((number(named(&verdict, "candidates", "odd"), "quality.mean") - 1.0).abs() < 1e-12);
    }
    let unknown = json!({ "prompt_tokens": -1, "completion_tokens": -1, "total_tokens": -1 });
    let odd = odd(200, move |label| answer(&says(label), "stop", &unknown)).await;
    let verdict = verdict(&run(&Desk::new(), "classify", [&good().await, &odd], ""));
    assert_eq!(named(&verdict, "measured", "odd")["cost_usd"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_counts_that_cannot_be_are_not_believed() {
    for (prompt, completion) in [(u64::MAX, u64::MAX), (0, 0)] {
        let usage = json!({ "prompt_tokens": prompt, "completion_tokens": completion });
        let odd = odd(200, move |label| answer(&says(label), "stop", &usage)).await;
        let desk = Desk::new();
        let ran = run(&desk, "classify", [&good().await, &odd], "max_spend = 5.0");
        let verdict = verdict(&ran);
        let measured = named(&verdict, "measured", "odd");
        assert_eq!(measured["cost_usd"], Value::Null, "{measured}");
        assert_eq!(measured["tokens_unbelievable"], json!(ITEMS), "{measured}");
        assert!(verdict["assumed"].to_string().contains("cannot be"), "{}", verdict["assumed"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_reply_is_no_answer_and_is_counted() {
    let wordy = |label: &str| {
        // Every other reply gives its answer first.
        if label == "refund" {
            answer(&says("refund. The customer says so, and"), "length", &tokens(20, 64))
        } else {
            answer(
                &says("Well, this could be a delivery problem but on reflection the"),
                "length",
                &tokens(20, 64),
            )
        }
    };
    let wordy = odd(200, wordy).await;
    let verdict = verdict(&run(&Desk::new(), "classify", [&good().await, &wordy], ""));
    let measured = named(&verdict, "measured", "odd");
    assert_eq!(measured["cut"], json!(ITEMS));
    assert_eq!(measured["errors"], json!({ "unreadable": ITEMS / 2 }));
    assert!((number(named(&verdict, "candidates", "odd"), "quality.mean") - 0.5).abs() < 1e-12);
    assert!(verdict["assumed"].to_string().contains("raise `max_tokens`"), "{}", verdict["assumed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_text_is_not_scored_as_if_it_were_whole() {
    let half = |label: &str| {
        let finish = if label == "refund" { "length" } else { "stop" };
        answer(&says(label), finish, &tokens(20, 64))
    };
    let half = odd(200, half).await;
    let verdict = verdict(&run(&Desk::new(), "generate", [&good().await, &half], ""));
    assert_eq!(named(&verdict, "measured", "odd")["errors"], json!({ "unreadable": ITEMS / 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_without_a_usable_answer_was_not_measured() {
    let reasons =
        json!({ "role": "assistant", "content": null, "reasoning_content": "The customer asks about" });
    let calls = json!({ "role": "assistant", "content": null,
                        "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f" } }] });
    let thinks = says("<thinking>It may be a delivery, or");
    for (message, finish, hint) in [
        (reasons, "length", "max_tokens"),
        (calls, "tool_calls", "called a tool"),
        (thinks, "length", "max_tokens"),
        (says("I could not say."), "stop", "names no label"),
    ] {
        let odd = odd(200, move |_| answer(&message, finish, &tokens(20, 64))).await;
        let desk = Desk::new();
        let ran = run(&desk, "classify", [&good().await, &odd], "");
        let message = ran.stderr();
        assert_eq!(ran.status(), 1, "{message}");
        assert!(message.contains("odd") && message.contains("usable answer"), "{message}");
        assert!(message.contains(hint), "{hint}: {message}");
        assert!(!desk.path("run/verdict.json").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_for_completions_answers_too() {
    let text = |label: &str| json!({ "choices": [{ "text": label, "finish_reason": "stop" }], "usage": tokens(20, 3) });
    let odd = odd(200, text).await;
    let verdict = verdict(&run(&Desk::new(), "classify", [&good().await, &odd], ""));
    assert!((number(named(&verdict, "candidates", "odd"), "quality.mean") - 1.0).abs() < 1e-12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_of_the_item() {
    let refused = || {
        json!({ "error": { "message": "The response was filtered: the prompt triggered the policy.",
        "type": null, "param": "prompt", "code": "content_filter", "status": 400,
        "innererror": { "code": "ResponsibleAIPolicyViolation" } } })
    };
    // More in a row than a dead endpoint would be given.
    let script = Script::new(|body| label(body).to_owned())
        .with_faults(move |call| if call.number < 15 { Fault::Body(400, refused()) } else { Fault::None });
    let odd = FaultServer::start(script).await.unwrap();
    let verdict = verdict(&run(&Desk::new(), "classify", [&good().await, &odd], "concurrency = 1"));
    let measured = named(&verdict, "measured", "odd");
    assert_eq!(measured["errors"], json!({ "filtered": 15 }), "{measured}");
    assert_eq!(measured["answered"], json!(ITEMS));
    // All of them: there is a verdict, which says that nothing is known.
    let all = odd_always(400, refused()).await;
    let verdict = self::verdict(&run(&Desk::new(), "classify", [&good().await, &all], ""));
    assert_eq!(verdict["outcome"], "undecided", "{}", verdict["why"]);
    assert!(verdict["why"][0].as_str().unwrap().starts_with("odd was not measured"), "{}", verdict["why"]);
}

/// A server that always answers with this.
async fn odd_always(status: u16, reply: Value) -> FaultServer {
    odd(status, move |_| reply.clone()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_that_answers_is_told() {
    let by = |model: &'static str| {
        odd(200, move |label| {
            let mut reply = answer(&says(label), "stop", &tokens(20, 3));
            reply["model"] = json!(model);
            reply
        })
    };
    let fallen_back =
        verdict(&run(&Desk::new(), "classify", [&good().await, &by("another-model-mini").await], ""));
    let measured = named(&fallen_back, "measured", "odd");
    assert_eq!(measured["other_models"], json!({ "another-model-mini": ITEMS }));
    assert!(fallen_back["assumed"].to_string().contains("another-model-mini"));
    let version = verdict(&run(&Desk::new(), "classify", [&good().await, &by("m-2026-01-01").await], ""));
    assert!(named(&version, "measured", "odd").get("other_models").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_an_hour_is_not_waited_for() {
    for (wait, told) in [("3600", "60 min"), ("99999999999999", "days")] {
        let script = Script::new(|body| label(body).to_owned())
            .with_faults(move |call| if call.number == 4 { Fault::slow_down(wait) } else { Fault::None });
        let odd = FaultServer::start(script).await.unwrap();
        let started = std::time::Instant::now();
        let desk = Desk::new();
        let ran = run(&desk, "classify", [&good().await, &odd], "concurrency = 1");
        assert!(started.elapsed().as_secs() < 60);
        let message = ran.stderr();
        assert_eq!(ran.status(), 1, "{message}");
        assert!(message.contains("asks to wait") && message.contains(told), "{message}");
        // What was answered is kept, and the rest is asked when it is run again.
        let path = desk.path("task.toml");
        let again = desk.ordinate(["run", path.to_str().unwrap(), "--json", "--out", "run"]);
        let verdict = verdict(&again);
        assert_eq!(named(&verdict, "measured", "odd")["answered"], json!(ITEMS));
    }
}

/// Answers that a server, or a proxy before it, packed unasked are unpacked, and no further than an answer may be long.
#[tokio::test(flavor = "multi_thread")]
async fn packed_answers_are_unpacked() {
    use std::io::Write as _;
    type Pack = fn(&[u8]) -> Vec<u8>;
    let ways: [(&str, Pack); 3] = [
        ("gzip", |text| {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            writer.write_all(text).unwrap();
            writer.finish().unwrap()
        }),
        ("deflate", |text| {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            writer.write_all(text).unwrap();
            writer.finish().unwrap()
        }),
        ("br", |text| {
            let mut packed = Vec::new();
            let settings = brotli::enc::BrotliEncoderParams { quality: 4, ..Default::default() };
            brotli::BrotliCompress(&mut &text[..], &mut packed, &settings).unwrap();
            packed
        }),
    ];
    for (encoding, pack) in ways {
        let server = |padding: usize| async move {
            // Packed once: that takes longer than to send it.
            let packed = ["delivery", "refund"].map(|label| {
                let padded = format!("{label}{}", " ".repeat(padding));
                (label, pack(answer(&says(&padded), "stop", &tokens(20, 3)).to_string().as_bytes()))
            });
            let script = Script::saying("").with_faults(move |call| {
                let (_, bytes) = packed.iter().find(|(known, _)| *known == label(call.body)).unwrap();
                Fault::Packed(encoding.to_owned(), bytes.clone())
            });
            FaultServer::start(script).await.unwrap()
        };
        let (good, small, large) = (good().await, server(0).await, server(20 << 20).await);
        let verdict = verdict(&run(&Desk::new(), "classify", [&good, &small], ""));
        let quality = number(named(&verdict, "candidates", "odd"), "quality.mean");
        assert!((quality - 1.0).abs() < 1e-9, "{encoding}: {quality}");
        // 20 MiB out of some kB.
        let ran = run(&Desk::new(), "classify", [&good, &large], "");
        assert!(ran.stderr().contains("far more than was asked for"), "{encoding}: {}", ran.stderr());
    }
}

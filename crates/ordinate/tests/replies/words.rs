//! Prices of the cache, and the words of many servers.

use super::*;

/// Tokens that were read from a cache, or written into one, have prices of their own.
#[tokio::test(flavor = "multi_thread")]
async fn the_cache_has_its_own_prices() {
    let usage = json!({ "prompt_tokens": 1_000, "completion_tokens": 3, "total_tokens": 1_003,
                        "prompt_tokens_details": { "cached_tokens": 600, "cache_write_tokens": 200 } });
    let odd = odd(200, move |label| answer(&says(label), "stop", &usage)).await;
    let (desk, good) = (Desk::new(), good().await);
    let plain = verdict(&run(&desk, "classify", [&good, &odd], ""));
    assert!((per_1k(&plain, "odd") - 1.006).abs() < 1e-9, "{}", per_1k(&plain, "odd"));
    let task = std::fs::read_to_string(desk.path("task.toml")).unwrap();
    let priced = "price = { input = 1.0, output = 2.0, cached_input = 0.1, cache_write = 1.25 }";
    desk.write("task.toml", task.replace("price = { input = 1.0, output = 2.0 }", priced));
    let ran = desk.ordinate(["run", "task.toml", "--json", "--out", "priced"]);
    // 200 plain, 600 from the cache, 200 into it, 3 written.
    let each = 200.0 * 1.0 + 600.0 * 0.1 + 200.0 * 1.25 + 3.0 * 2.0;
    let cost = per_1k(&verdict(&ran), "odd");
    assert!((cost - each / 1e3).abs() < 1e-9, "{cost}");
    // The most is put aside by the dearest price, and a price is no price below 0.
    desk.write("task.toml", task.replace("output = 2.0 }", "output = 2.0, cached_input = -1.0 }"));
    let said = desk.ordinate(["check", "task.toml"]).refusal();
    assert!(said.contains("cached_input"), "{said}");
}

/// One item each: how servers of today end, mark and withhold answers. Whatever is no answer has its kind; the rest is right.
#[tokio::test(flavor = "multi_thread")]
async fn words_of_many_servers_are_understood() {
    let wordy = "Well, this could be a delivery problem, but on reflection the";
    let ended = |text: &str, finish: &str| answer(&says(text), finish, &tokens(20, 3));
    let mut native = ended(wordy, "stop");
    native["choices"][0]["native_finish_reason"] = json!("MAX_TOKENS");
    let mut untold = answer(&says(wordy), "stop", &tokens(20, 64));
    untold["choices"][0]["finish_reason"] = Value::Null;
    let mut calls = ended("I will look at the delivery.", "stop");
    calls["choices"][0]["message"]["tool_calls"] =
        json!([{ "type": "function", "function": { "name": "f" } }]);
    let mut withheld = answer(&json!({}), "stop", &tokens(20, 0));
    withheld["choices"][0]["content_filter_results"] =
        json!({ "hate": { "filtered": false }, "violence": { "filtered": true, "severity": "high" } });
    let refused =
        |message: &str| (400, json!({ "error": { "message": message, "code": "invalid_request_error" } }));
    let answers = [
        (Some("unreadable"), (200, ended(wordy, "maxTokens"))),
        (Some("unreadable"), (200, ended(wordy, "FinishReason.MAX_TOKENS"))),
        (Some("unreadable"), (200, native)),
        (Some("unreadable"), (200, untold)),
        (Some("filtered"), (200, ended("LABEL", "content-filter"))),
        (Some("filtered"), (200, ended("LABEL", "content_filter: PROHIBITED_CONTENT"))),
        (Some("filtered"), refused("Content Exists Risk")),
        (Some("filtered"), refused("Output blocked by content filtering policy")),
        (Some("filtered"), (200, json!({ "error": { "code": "content_filter", "message": "no" } }))),
        (Some("filtered"), (200, withheld)),
        (Some("empty"), (200, calls)),
        (Some("unreadable"), (200, ended("<tool_call>{\"name\": \"delivery\"}</tool_call>", "stop"))),
        (Some("unreadable"), (200, ended("<Think>It is a delivery.", "stop"))),
        (None, (200, ended("<unused94>thought\nOTHER?<unused95>LABEL", "stop"))),
        (None, (200, ended("&lt;think&gt;OTHER&lt;/think&gt;LABEL", "stop"))),
        (None, (200, ended("<scratchpad>OTHER</scratchpad>LABEL", "stop"))),
        (None, (200, ended("Here is my thought process: OTHER.\nHere is my response: LABEL", "stop"))),
        (None, (200, answer(&json!({ "content": ["LABEL"] }), "stop", &tokens(20, 3)))),
        (None, (200, ended("LABEL", "eos_token"))),
    ];
    let expected: Vec<Option<&str>> = answers.iter().map(|(kind, _)| *kind).collect();
    let script = Script::saying("").with_faults(move |call| {
        let right = label(call.body);
        let other = if right == "refund" { "delivery" } else { "refund" };
        let Some((_, (status, body))) = answers.get(asked_at(call.body)) else {
            return Fault::Body(200, answer(&says(right), "stop", &tokens(20, 3)));
        };
        let text = body.to_string().replace("LABEL", right).replace("OTHER", other);
        Fault::Body(*status, serde_json::from_str(&text).unwrap())
    });
    let odd = FaultServer::start(script).await.unwrap();
    let desk = Desk::new();
    let verdict = verdict(&run(&desk, "classify", [&good().await, &odd], "concurrency = 1"));
    let wrong = expected.iter().flatten().count();
    let quality = number(named(&verdict, "candidates", "odd"), "quality.mean");
    assert!((quality - (ITEMS - wrong) as f64 / ITEMS as f64).abs() < 1e-9, "{quality}");
    let count = |kind: &str| expected.iter().flatten().filter(|known| **known == kind).count();
    let kinds = ["empty", "filtered", "unreadable"].map(|kind| (kind.to_owned(), json!(count(kind))));
    let measured = named(&verdict, "measured", "odd");
    assert_eq!(measured["errors"], Value::Object(kinds.into_iter().collect()));
    assert_eq!(measured["cut"], json!(4), "{measured}");
}

/// The number at the end of the text that a prompt asks about.
fn asked_at(body: &Value) -> usize {
    let prompt = prompt_of(body);
    let text =
        prompt.rsplit("Text: ").next().unwrap_or_default().lines().next().unwrap_or_default().to_owned();
    text.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

//! Streams of `ordinate serve` beyond the matrix of faults: gone on with by another where they break off, paid for, and held against
//! the runner-up's answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/desk_of_two.rs"]
mod desk_of_two;
#[path = "support/served.rs"]
mod served;
mod support;

use std::time::{Duration, Instant};

use desk_of_two::{STORY, Two, ask, content, shadow};
use ordinate_faults::{FaultServer, Script, prompt_of};
use serde_json::{Value, json};
use served::Served;
use support::Desk;

/// Faults after the first part of a stream: how many characters of it are told, where that is known.
const AFTER: [(&str, usize); 6] = [
    ("cut-after-41", 160),
    ("stall-after-21", 80),
    ("json-after-11", 40),
    ("utf8-after-11", 40),
    ("no-done", 0),
    ("finish-error", STORY.len()),
];

/// The first answers again: what was before is forgotten.
fn recovers(server: &Served) {
    let answer = ask(server, "go", false);
    assert_eq!((content(&answer).as_str(), answer.header("x-ordinate-candidate")), (STORY, "first"));
}

/// The lines of the record of today.
fn record(desk: &Desk) -> Vec<Value> {
    let files = std::fs::read_dir(desk.path("run/served")).unwrap().map(|file| file.unwrap().path());
    let mut days = files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("20"));
    let text = std::fs::read_to_string(days.next().unwrap()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Where that is asked for, the next best goes on with a stream that breaks off: the answer is whole, and the last event says so.
#[tokio::test(flavor = "multi_thread")]
async fn another_goes_on_with_a_stream_where_that_is_asked_for() {
    let two = Two::run(Duration::ZERO).await;
    two.desk.write("settings.toml", "[streams]\ncontinue_cut = true\n");
    let (server, always) = (two.serve(&[]), two.serve(&["--settings", "settings.toml"]));
    let asks = |server: &Served, text: &str, own: Value, headers: &[(&str, &str)]| {
        let mut request = desk_of_two::conversation(text, true);
        request.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        server.send("POST", "/v1/chat/completions", headers, request.to_string().as_bytes())
    };
    let wanted = json!({ "ordinate": { "continue": true } });
    for (fault, told) in AFTER {
        for how in ["go", "go anew"] {
            let answer = asks(&server, &format!("{how} fault:{fault}"), wanted.clone(), &[]);
            let cell = format!("{how} {fault}: {}", answer.body);
            assert_eq!(answer.told(), (STORY.to_owned(), "[DONE]".to_owned()), "{cell}");
            assert_eq!(answer.header("x-ordinate-continue"), "if it breaks off", "{cell}");
            assert!(
                answer.body.contains(": first broke off (") && answer.body.contains("second goes on\n\n"),
                "{cell}"
            );
            let events: Vec<Value> =
                answer.events().iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
            let last = events.last().unwrap();
            assert_eq!(last["ordinate"]["continued"][0]["candidate"], "second", "{cell}");
            if told > 0 {
                assert_eq!(last["ordinate"]["continued"][0]["after_bytes"], told, "{cell}");
            }
            assert!(events.iter().all(|event| event["id"] == events[0]["id"]), "one answer: {cell}");
            recovers(&server);
        }
    }
    let lines = record(&two.desk);
    let continued: Vec<&Value> = lines.iter().filter(|line| line["continued"] == true).collect();
    assert_eq!(continued.len(), 2 * AFTER.len());
    for line in continued {
        let asked = line["asked"].as_array().unwrap();
        let whom: Vec<&Value> = asked.iter().map(|asked| &asked["candidate"]).collect();
        assert_eq!(
            (whom, &line["given"]),
            (vec![&json!("first"), &json!("second")], &json!("second")),
            "{line}"
        );
        assert!(
            line["error"].is_null() && asked[0]["error"].is_string() && asked[1]["error"].is_null(),
            "{line}"
        );
    }
    assert_eq!(server.metric("ordinate_streams_continued_total"), 2.0 * AFTER.len() as f64);
    assert_eq!(server.metric("ordinate_streams_broken_total"), 0.0);
    // Where the second breaks off too, or never begins, the last event is an error.
    for (then, told) in [("cut-after-11", 200), ("500", 160), ("stall-headers", 160)] {
        let answer = asks(&server, &format!("go then:{then} fault:cut-after-41"), wanted.clone(), &[]);
        let (said, last) = answer.told();
        assert_eq!(said, STORY[..told], "{then}: {}", answer.body);
        assert_eq!(
            serde_json::from_str::<Value>(&last).unwrap()["error"]["code"],
            "upstream_error",
            "{then}: {last}"
        );
        let line = record(&two.desk).pop().unwrap();
        assert!(line["asked"].as_array().unwrap().iter().all(|asked| asked["error"].is_string()), "{line}");
        assert_eq!((line["asked"].as_array().unwrap().len(), &line["given"]), (2, &json!("first")), "{line}");
    }
    // By the settings, and by a header; a request that says no is not gone on with, nor one whose answer is more than a text.
    let text = "go fault:cut-after-41";
    let whole = |answer: served::Answer| answer.told() == (STORY.to_owned(), "[DONE]".to_owned());
    assert!(whole(asks(&always, text, json!({}), &[])));
    assert!(whole(asks(&server, text, json!({}), &[("x-ordinate-continue", "true")])));
    assert!(!whole(asks(&server, text, json!({}), &[])));
    assert!(!whole(asks(&always, text, json!({}), &[("x-ordinate-continue", "false")])));
    for more in [
        json!({ "ordinate": { "continue": false } }),
        json!({ "n": 2 }),
        json!({ "tools": [{ "type": "function", "function": { "name": "look" } }] }),
    ] {
        let answer = asks(&always, text, more.clone(), &[]);
        assert!(answer.told().1.contains("upstream_error"), "{more}: {}", answer.body);
        recovers(&always);
    }
}

/// A stream that broke off is paid for as its server bills it: by what it told, and by what whole streams of the same model cost.
#[tokio::test(flavor = "multi_thread")]
async fn what_broke_off_is_paid_for() {
    let two = Two::run(Duration::ZERO).await;
    let server = two.serve(&["--no-stand-in"]);
    let of = |name: &str| {
        server.metric(&format!("ordinate_candidate_{name}_total{{task=\"moves\",candidate=\"first\"}}"))
    };
    // Before the first whole stream nobody knows what a byte costs.
    ask(&server, "go fault:cut-after-41", true);
    assert_eq!((of("unpriced"), of("estimated"), of("cost_usd")), (1.0, 0.0, 0.0));
    let before = two.first.counts();
    let faults = [
        "cut-after-41",
        "stall-after-21",
        "json-after-11",
        "utf8-after-31",
        "no-done",
        "finish-error",
        "cut",
    ];
    for round in 0..40 {
        ask(&server, &format!("{:<25}", "go"), true);
        if let Some(fault) = faults.get(round) {
            let answer = ask(&server, &format!("{:<25}", format!("go fault:{fault}")), true);
            assert!(answer.told().1.contains("error"), "{fault}: {}", answer.body);
        }
    }
    assert_eq!((of("unpriced"), of("estimated")), (1.0, faults.len() as f64));
    let told = Instant::now();
    let billed = loop {
        let now = two.first.counts();
        if now.open == 0 || told.elapsed() > Duration::from_secs(2) {
            break now;
        }
    };
    let read =
        billed.input_tokens + billed.broken_input_tokens - before.input_tokens - before.broken_input_tokens;
    let written = billed.output_tokens + billed.broken_output_tokens
        - before.output_tokens
        - before.broken_output_tokens;
    let usd = (2.0 * read as f64 + 8.0 * written as f64) / 1e6;
    assert!(billed.broken_output_tokens > 200, "{billed:?}");
    assert!((of("cost_usd") / usd - 1.0).abs() < 1e-3, "{} and {usd}", of("cost_usd"));
    let lines = record(&two.desk);
    let estimated = lines.iter().filter(|line| line["asked"][0]["estimated"] == true);
    assert_eq!(estimated.filter(|line| line["cost_usd"].as_f64().unwrap() > 0.0).count(), faults.len());
}

/// The policy's answers to items that are streamed are held against the runner-up's too, in one part or as they come; with
/// `texts = true` what was asked and said is on the record, and only then.
#[tokio::test(flavor = "multi_thread")]
async fn the_runner_up_is_asked_about_streamed_items_too() {
    let two = Two::run(Duration::ZERO).await;
    let settings = |texts: bool| {
        let text = format!("[shadow]\nshare = 1.0\nusd_per_day = 10.0\nat_once = 64\ntexts = {texts}\n");
        two.desk.write("settings.toml", text);
    };
    for texts in [false, true] {
        settings(texts);
        let mut server = two.serve(&["--policy", "second", "--settings", "settings.toml"]);
        let mut requests = Vec::new();
        for at in 0..10 {
            let item = json!({
                "model": "ordinate/moves", "stream": true,
                "messages": [{ "role": "user", "content": format!("item {at} of sixty") }],
            });
            let answer = server.post("/v1/chat/completions", &item);
            let label = if at < 7 { ["up", "down"][at % 2] } else { "none" };
            assert_eq!(answer.told(), (label.to_owned(), "[DONE]".to_owned()), "{}", answer.body);
            requests.push(answer.header("x-request-id").to_owned());
        }
        server.reaches(&shadow("requests_total"), 10.0);
        assert_eq!(server.metric(&shadow("same_total")), 7.0);
        let rows: Vec<Vec<Value>> = requests
            .iter()
            .enumerate()
            .map(|(at, id)| scored(&server, &two.desk, id, ["up", "down"][at % 2]))
            .collect();
        server.signal("TERM");
        assert!(server.child.wait().unwrap().success());
        let lines = record(&two.desk);
        for (at, (id, rows)) in requests.iter().zip(rows).enumerate() {
            let (input, right) = (format!("item {at} of sixty"), ["up", "down"][at % 2]);
            let line = lines.iter().find(|line| line["id"] == *id && line["shadow"] == "first").unwrap();
            assert_eq!(rows.len(), 2, "{rows:?}");
            assert_eq!((&rows[0]["candidate"], &rows[1]["candidate"]), (&json!("second"), &json!("first")));
            // A reply out of which nothing can be read is none.
            let knows = at < 7;
            assert_eq!(
                (rows[0]["score"] == 1.0, rows[0]["error"] == "unreadable"),
                (knows, !knows),
                "{}",
                rows[0]
            );
            assert_eq!(rows[1]["score"], 1.0);
            if texts {
                assert_eq!((&line["input"], &line["output"]), (&json!(input), &json!(right)), "{line}");
                for row in &rows {
                    assert_eq!((&row["input"], &row["target"]), (&json!(input), &json!(right)), "{row}");
                }
                assert_eq!(rows[1]["output"], right);
            } else {
                assert!(line["input"].is_null() && line["output"].is_null(), "{line}");
                let none = |row: &Value| ["input", "target", "output"].iter().all(|name| row[name].is_null());
                assert!(rows.iter().all(none), "{rows:?}");
            }
        }
    }
}

/// Says what the right answer to a request is, and gives the rows of the evidence table that come of it, once the runner-up's answer is
/// there.
fn scored(server: &Served, desk: &Desk, id: &str, target: &str) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let said = json!({ "id": id, "target": target });
        assert_eq!(server.post("/v1/feedback", &said).json()["recorded"], true);
        let text = std::fs::read_to_string(desk.path("run/served/evidence.jsonl")).unwrap_or_default();
        let rows = text.lines().map(|row| serde_json::from_str::<Value>(row).unwrap());
        let rows: Vec<Value> = rows.filter(|row| row["id"] == id).collect();
        if !rows.is_empty() {
            return rows;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{id} is not scored");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Of texts, whose parts go out as they come, the whole is what is scored.
#[tokio::test(flavor = "multi_thread")]
async fn the_runner_up_is_asked_about_texts_that_are_passed_through() {
    let desk = Desk::new();
    let says = |good: bool| {
        let script = Script::new(move |body| {
            let number =
                prompt_of(body).split("item ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("0");
            if good {
                format!("the answer to item {number} in full")
            } else {
                format!("item {number}, hardly")
            }
        });
        FaultServer::start(script)
    };
    let (good, poor) = (says(true).await.unwrap(), says(false).await.unwrap());
    let items = (0..40).map(|at| {
        json!({ "id": at.to_string(), "text": format!("item {at} of forty"), "answer": format!("the answer to item {at} in full") })
            .to_string()
    });
    desk.write("items.jsonl", items.collect::<Vec<_>>().join("\n"));
    let entry = |name: &str, server: &FaultServer| {
        format!(
            "[[candidate]]\nname = \"{name}\"\nlineage = \"general\"\nopenai = {{ model = \"{name}\", base_url = \"{}\", price = \
             {{ input = 1.0, output = 2.0 }} }}\n",
            server.base_url()
        )
    };
    let task = format!(
        "[task]\nname = \"texts\"\nkind = \"generate\"\nmetric = \"rouge-l\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\ntarget = \
         \"answer\"\n[combine]\nkinds = [\"single\"]\n{}{}",
        entry("good", &good),
        entry("poor", &poor)
    );
    let task = desk.write("task.toml", task);
    desk.verdict(&task, &["--quiet"]);
    desk.write("settings.toml", "[shadow]\nshare = 1.0\nusd_per_day = 10.0\ntexts = true\n");
    let server = Served::start(&desk, &["run", "--policy", "poor", "--settings", "settings.toml"]);
    let item = json!({
        "model": "ordinate/texts", "stream": true, "messages": [{ "role": "user", "content": "item 7 of forty" }],
    });
    let answer = server.post("/v1/chat/completions", &item);
    assert_eq!(answer.told().0, "item 7, hardly", "{}", answer.body);
    assert!(answer.events().len() > 4, "part by part: {}", answer.body);
    server.reaches("ordinate_shadow_requests_total{task=\"texts\",candidate=\"good\"}", 1.0);
    let rows = scored(&server, &desk, answer.header("x-request-id"), "the answer to item 7 in full");
    assert_eq!((&rows[0]["candidate"], &rows[0]["output"]), (&json!("poor"), &json!("item 7, hardly")));
    assert_eq!((&rows[1]["candidate"], &rows[1]["score"]), (&json!("good"), &json!(1.0)), "{}", rows[1]);
    assert!(rows[0]["score"].as_f64().unwrap() < 0.9, "{}", rows[0]);
}

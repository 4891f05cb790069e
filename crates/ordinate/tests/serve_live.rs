//! `ordinate serve` with models behind APIs: what is passed through, who stands in, and what it costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/desk_of_two.rs"]
mod desk_of_two;
#[path = "support/served.rs"]
mod served;
mod support;

use std::time::{Duration, Instant};

use desk_of_two::{STORY, Two, answered, ask, content, conversation, dropped, shadow};
use ordinate_combine::{Artefact, replay_served};
use serde_json::{Value, json};

/// The record of today.
fn record(desk: &support::Desk) -> String {
    let mut files = std::fs::read_dir(desk.path("run/served")).unwrap().map(|file| file.unwrap().path());
    let of_a_day = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("20");
    std::fs::read_to_string(files.find(of_a_day).unwrap()).unwrap()
}

/// Every item is decided and answered as the evidence of the run has it, by the prompt that was measured.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_gets_the_measured_prompt_and_the_measured_answer() {
    let two = Two::run(Duration::ZERO).await;
    let evidence = ordinate_data::read_evidence(&two.desk.path("run/evidence.parquet")).unwrap();
    for policy in ["first", "second"] {
        let server = two.serve(&["--policy", policy, "--no-stand-in"]);
        let file = std::fs::read_to_string(two.desk.path(&format!("run/policies/{policy}.json"))).unwrap();
        let artefact = Artefact::from_json(&file).unwrap();
        let rows = evidence.view().rows;
        let replayed = replay_served(&artefact, &evidence, &rows);
        let column = evidence.candidates().iter().position(|one| one.name.as_str() == policy).unwrap();
        let mut cost = 0.0;
        for row in 0..evidence.len() {
            let request = json!({
                "model": "ordinate/moves",
                "messages": [{ "role": "user", "content": evidence.items().input(row).unwrap() }],
            });
            let answer = server.post("/v1/chat/completions", &request);
            let output = evidence.answers(column).output(row).unwrap();
            assert_eq!(content(&answer), output);
            assert_eq!(answer.header("x-ordinate-candidate"), policy);
            assert_eq!(answer.header("x-ordinate-prompt"), "measured");
            cost += answer.header("x-ordinate-cost-usd").parse::<f64>().unwrap();
        }
        // To the last cent: what it costs is what the evidence says.
        let measured: f64 =
            (0..evidence.len()).map(|row| evidence.answers(column).cost_usd(row).unwrap()).sum();
        assert!((cost - measured).abs() < 1e-12, "{cost} {measured}");
        assert_eq!(replayed.quality.len(), evidence.len());
        let name = format!("ordinate_candidate_cost_usd_total{{task=\"moves\",candidate=\"{policy}\"}}");
        assert!((server.metric(&name) - cost).abs() < 1e-12);
    }
}

/// Whatever a client says beside the messages reaches the server as it was written; so does the answer reach the client.
#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_passed_on_untouched() {
    let two = Two::run(Duration::ZERO).await;
    let server = two.serve(&[]);
    let picture = json!([{ "type": "text", "text": "what is it?" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low" } }]);
    let request = json!({
        "model": "ordinate/moves",
        "messages": [{ "role": "user", "content": picture }],
        "tools": [{ "type": "function", "function": { "name": "look", "parameters": { "type": "object" } } }],
        "temperature": 0.7, "unknown": { "n": [1.10, null] }, "metadata": { "a": "b" },
    });
    let answer = server.post("/v1/chat/completions", &request);
    assert_eq!(answer.header("x-ordinate-prompt"), "own");
    let completion = answer.json();
    assert_eq!((&completion["id"], &completion["model"]), (&json!("chatcmpl-fault"), &json!("first-model")));
    let mut sent = two.sent.lock().unwrap().pop().unwrap();
    assert_eq!(sent["model"], "first-model");
    sent["model"] = request["model"].clone();
    assert_eq!(sent, request);
    // A stream: part by part, with the usage for those who ask for it alone.
    let mut request = conversation("go", true);
    request["seed"] = json!(7);
    let answer = server.post("/v1/chat/completions", &request);
    assert_eq!(answer.told(), (STORY.to_owned(), "[DONE]".to_owned()));
    assert!(answer.events().len() > 50 && !answer.body.contains("\"usage\""));
    assert_eq!(two.sent.lock().unwrap().pop().unwrap()["seed"], 7);
    request["stream_options"] = json!({ "include_usage": true });
    let answer = server.post("/v1/chat/completions", &request);
    assert!(answer.body.contains("\"usage\":{"), "{}", answer.body);
    // What is added to an item's question goes along; what was measured stays as it was.
    let request = json!({
        "model": "ordinate/moves", "messages": [{ "role": "user", "content": "item 4 of sixty" }],
        "user": "u-1", "temperature": 1.5,
    });
    assert_eq!(content(&server.post("/v1/chat/completions", &request)), "up");
    let sent = two.sent.lock().unwrap().pop().unwrap();
    assert_eq!((&sent["user"], &sent["temperature"]), (&json!("u-1"), &json!(0.0)));
    // Counted as the server counted it, streamed or not.
    let counts = two.first.counts();
    let asked = server.metric("ordinate_candidate_requests_total{task=\"moves\",candidate=\"first\"}");
    assert_eq!(asked, 4.0);
    let run = 60;
    assert_eq!(counts.completed, run + 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_may_be_asked_for_by_name_where_that_is_allowed() {
    let two = Two::run(Duration::ZERO).await;
    let server = two.serve(&["--allow-candidates"]);
    let mut request = conversation("go", false);
    request["model"] = json!("second");
    let answer = server.post("/v1/chat/completions", &request);
    assert_eq!(answer.json()["model"], "second-model");
    assert_eq!(answer.header("x-ordinate-policy"), "second");
    let models = server.get("/v1/models").json();
    let names: Vec<&Value> = models["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!(names, ["ordinate/moves", "first", "second"]);
}

/// Parts come when they come, and whoever leaves ends the request.
#[tokio::test(flavor = "multi_thread")]
async fn streams_flow_and_end_with_their_reader() {
    let two = Two::run(Duration::from_millis(40)).await;
    let server = two.serve(&[]);
    let body = conversation("go", true).to_string();
    let start = Instant::now();
    let mut reading = server.begin("POST", "/v1/chat/completions", &[], body.as_bytes());
    reading.chunk().unwrap().unwrap();
    reading.chunk().unwrap().unwrap();
    let first = start.elapsed();
    assert!(first < Duration::from_millis(1_000), "{first:?}: the story takes more than two seconds");
    assert_eq!(two.first.counts().open, 1);
    drop(reading);
    let left = Instant::now();
    while two.first.counts().open > 0 {
        assert!(left.elapsed() < Duration::from_secs(1), "the server goes on for nobody");
        std::thread::sleep(Duration::from_millis(10));
    }
    let counted = Instant::now();
    while server.metric("ordinate_clients_left_total") < 1.0 {
        assert!(counted.elapsed() < Duration::from_secs(2));
    }
    assert_eq!(content(&ask(&server, "go", false)), STORY);
}

/// What was begun is finished when the server is told to end, and nothing new is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_finishes_its_streams() {
    let two = Two::run(Duration::from_millis(20)).await;
    let mut server = two.serve(&[]);
    let body = conversation("go", true).to_string();
    let mut reading = server.begin("POST", "/v1/chat/completions", &[], body.as_bytes());
    reading.chunk().unwrap().unwrap();
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    assert!(std::net::TcpStream::connect(server.address).is_err(), "nothing new is accepted");
    let rest = reading.whole();
    assert!(rest.body.ends_with("data: [DONE]\n\n"), "{}", rest.body);
    assert!(server.child.wait().unwrap().success());
}

/// New runs and keys are served from the next request on, bad ones not at all, and nobody is turned away meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn runs_and_keys_are_read_again_without_a_pause() {
    let two = Two::run(Duration::ZERO).await;
    let key = two.desk.ordinate(["serve", "--keys", "keys.toml", "--new-key", "one"]).stdout();
    let server = two.serve(&["--keys", "keys.toml"]);
    let bearer = |key: &str| format!("Bearer {}", key.trim());
    let (address, first) = (server.address, bearer(&key));
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (ends, body) = (std::sync::Arc::clone(&stop), conversation("go", false).to_string());
    let asking = std::thread::spawn(move || {
        let mut asked = 0;
        while !ends.load(std::sync::atomic::Ordering::Relaxed) {
            let headers = [("authorization", first.as_str())];
            let answer =
                served::begin_at(address, "POST", "/v1/chat/completions", &headers, body.as_bytes()).whole();
            assert_eq!(answer.status, 200, "{}", answer.body);
            asked += 1;
        }
        asked
    });
    let reloads = |says: &str| {
        let before = server.told.lock().unwrap().len();
        server.signal("HUP");
        let start = Instant::now();
        while !server.told.lock().unwrap()[before..].contains(says) {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", server.told.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    for _ in 0..3 {
        reloads("reloaded");
    }
    let good = std::fs::read_to_string(two.desk.path("keys.toml")).unwrap();
    two.desk.write("keys.toml", "[[key]]\nname = 7\n");
    reloads("not reloaded");
    two.desk.write("keys.toml", good);
    let other = two.desk.ordinate(["serve", "--keys", "keys.toml", "--new-key", "two"]).stdout();
    let with = |key: &str| {
        let bearer = bearer(key);
        server.send("GET", "/v1/models", &[("authorization", bearer.as_str())], b"").status
    };
    assert_eq!(with(&other), 401);
    reloads("reloaded");
    assert_eq!(with(&other), 200);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(asking.join().unwrap() > 0);
}

/// What was answered is on the record, also of a server that was killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_no_answer_off_the_record() {
    let two = Two::run(Duration::ZERO).await;
    let mut server = two.serve(&[]);
    let mut answered = Vec::new();
    for at in 0..40 {
        let answer = ask(&server, "go", at % 2 == 0);
        assert_eq!(answer.status, 200);
        answered.push(answer.header("x-request-id").to_owned());
    }
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let record = record(&two.desk);
    let lines: Vec<Value> = record.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let recorded: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(recorded, answered);
    // To the token and to a thousandth of what it cost, as the other side counted it.
    let sum = |name: &str| lines.iter().map(|line| line["asked"][0][name].as_f64().unwrap()).sum::<f64>();
    let counts = two.first.counts();
    let run = ordinate_data::read_evidence(&two.desk.path("run/evidence.parquet")).unwrap();
    let (mut read, mut written) = (counts.input_tokens as f64, counts.output_tokens as f64);
    for row in 0..run.len() {
        read -= run.answers(0).input_tokens(row).unwrap();
        written -= run.answers(0).output_tokens(row).unwrap();
    }
    assert_eq!((sum("input_tokens"), sum("output_tokens")), (read, written));
    let cost = (read * 2.0 + written * 8.0) / 1e6;
    assert!((sum("cost_usd") / cost - 1.0).abs() < 1e-3, "{} {cost}", sum("cost_usd"));
}

/// The runner-up is asked about the same items; what is right for them scores both, and the answers are evidence for the next run.
#[tokio::test(flavor = "multi_thread")]
async fn the_runner_up_is_held_against_the_policy() {
    let two = Two::run(Duration::ZERO).await;
    two.desk.write("settings.toml", "[shadow]\nshare = 1.0\nusd_per_day = 10.0\nat_once = 64\n");
    let arguments = ["--policy", "second", "--settings", "settings.toml"];
    let mut server = two.serve(&arguments);
    let requests: Vec<String> = (0..60).map(|at| answered(&server, &format!("item {at} of sixty"))).collect();
    server.reaches(&shadow("requests_total"), 60.0);
    assert_eq!(server.metric(&shadow("errors_total")), 0.0);
    assert_eq!(server.metric(&shadow("same_total")), 42.0, "the second knows seven in ten");
    let counts = two.first.counts();
    assert_eq!(counts.asked, 60 + 60);
    // It costs what it costs, and no client's answer has that in its price.
    let cost = server.metric(&shadow("cost_usd_total"));
    assert!(cost > 0.0);
    let record = record(&two.desk);
    assert_eq!(record.matches("\"shadow\":\"first\"").count(), 60);
    assert!(!record.contains("of sixty"), "no text of a request");
    for (at, request) in requests.iter().enumerate() {
        let said = json!({ "id": request, "target": (["up", "down"][at % 2]) });
        // Twice the same is no second item.
        assert_eq!(server.post("/v1/feedback", &said).json()["recorded"], true);
        if at == 0 {
            server.post("/v1/feedback", &said);
        }
    }
    let better = |server: &served::Served| {
        let of =
            |name| server.metric(&format!("ordinate_runner_up_{name}{{task=\"moves\",candidate=\"first\"}}"));
        (of("items"), of("better"))
    };
    assert_eq!(better(&server), (60.0, 1.0));
    assert_eq!(
        server.metric("ordinate_verdict_stands{task=\"moves\"}"),
        1.0,
        "it scores what the verdict said"
    );
    assert_eq!(server.says("first is better than what is served"), 1);
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let status = two.desk.ordinate(["status", "run"]).stdout();
    assert!(
        status.contains("first was asked about 60 of these items too: 42 answers were the same"),
        "{status}"
    );
    assert!(
        status.contains("first is better: on the same 60 items it scored 1.000, and the policy 0.700"),
        "{status}"
    );
    // A server that is started again knows all that, and what was spent today.
    two.desk.write("settings.toml", format!("[shadow]\nshare = 1.0\nusd_per_day = {cost}\n"));
    let server = two.serve(&arguments);
    assert_eq!(better(&server), (60.0, 1.0));
    answered(&server, "item 1 of sixty");
    server.reaches(&dropped("budget"), 1.0);
    // The next run reads it, and comes to the same.
    let rows = std::fs::read_to_string(two.desk.path("run/served/evidence.jsonl")).unwrap();
    assert!(
        rows.lines().count() == 120 && !rows.contains("of sixty") && !rows.contains("output\""),
        "{rows}"
    );
    two.desk.write(
        "next.toml",
        "[task]\nname = \"moves\"\nkind = \"scored\"\n[data]\nevidence = \"run/served/evidence.jsonl\"\n[[candidate]]\nname = \"first\"\n\
         lineage = \"general\"\n[[candidate]]\nname = \"second\"\nlineage = \"general\"\n",
    );
    let ran = two.desk.ordinate(["run", "next.toml", "--out", "next", "--json", "--quiet"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let verdict: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(verdict["recommended"]["name"], "first", "{}", verdict["why"]);
    assert_eq!(support::named(&verdict, "candidates", "second")["quality"]["mean"], 0.7);
    let verified = two.desk.ordinate(["verify", "run", "--evidence", "run/served/evidence.jsonl"]);
    assert_eq!(verified.status(), 0, "{}", verified.stderr());
}

//! `ordinate serve`: the policy that was measured answers, alike in every form of the endpoint. Models in this process alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/served.rs"]
mod served;
mod support;

use serde_json::{Value, json};
use served::Served;
use support::{Desk, root};

/// The run of `examples/triage`, and its items.
fn triage() -> (Desk, Vec<Value>) {
    let desk = Desk::new();
    let task = root().join("examples/triage/ordinate.toml");
    let ran = desk.ordinate(["run", task.to_str().unwrap(), "--quiet", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let text = std::fs::read_to_string(root().join("examples/triage/messages.jsonl")).unwrap();
    (desk, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// What `ordinate ask --items` says of every item.
fn asked(desk: &Desk, further: &[&str]) -> Vec<Value> {
    let items = root().join("examples/triage/messages.jsonl");
    let ran = desk.ordinate(["ask", "run", "--items", items.to_str().unwrap()].iter().chain(further));
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The record of today.
fn record(desk: &Desk) -> String {
    let files = std::fs::read_dir(desk.path("run/served")).unwrap().map(|file| file.unwrap().path());
    let mut days = files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("20"));
    std::fs::read_to_string(days.next().unwrap()).unwrap()
}

fn chat(text: &Value) -> Value {
    json!({ "model": "ordinate/triage", "messages": [{ "role": "user", "content": text }] })
}

/// Every item gets the decision that was measured, whoever the policy is: whom it asks, and what it answers.
#[test]
fn the_policy_that_was_measured_is_served() {
    let (desk, items) = triage();
    let verdict: Value =
        serde_json::from_slice(&std::fs::read(desk.path("run/verdict.json")).unwrap()).unwrap();
    let recommended = verdict["recommended"]["name"].as_str().unwrap().to_owned();
    for policy in [recommended.as_str(), "stack", "cascade", "by-slice", "ngram"] {
        let expected = asked(&desk, &["--policy", policy]);
        let server = Served::start(&desk, &["run", "--policy", policy]);
        for (block, expected) in items.chunks(100).zip(expected.chunks(100)) {
            let answers = server.post("/v1/tasks/triage/answer", &json!({ "items": block })).json();
            for (answer, expected) in answers["answers"].as_array().unwrap().iter().zip(expected) {
                let whom: Vec<&Value> =
                    answer["asked"].as_array().unwrap().iter().map(|one| &one["candidate"]).collect();
                assert_eq!(json!(whom), expected["ask"], "{policy}: {answer}");
                assert_eq!(answer["answer"], expected["answer"], "{policy}: {answer}");
                assert_eq!(answer["id"], expected["id"]);
            }
        }
        assert_eq!(server.metric("ordinate_responses_total{route=\"answer\",status=\"200\"}"), 4.0);
    }
    // The same from a chat, whole and streamed, where the slice is said too.
    let expected = asked(&desk, &[]);
    let server = Served::start(&desk, &["run"]);
    for (item, expected) in items.iter().zip(&expected).take(20) {
        let mut request = chat(&item["text"]);
        request["ordinate"] = json!({ "slice": item["channel"] });
        let answer = server.post("/v1/chat/completions", &request);
        let completion = answer.json();
        assert_eq!(completion["choices"][0]["message"]["content"], expected["answer"]);
        assert_eq!(completion["object"], "chat.completion");
        assert_eq!(answer.header("x-ordinate-policy"), recommended);
        assert_eq!(answer.header("x-ordinate-cost-usd"), "0");
        assert!(answer.header("x-ordinate-overhead-ms").parse::<f64>().unwrap() < 1_000.0);
        request["stream"] = json!(true);
        let (text, last) = server.post("/v1/chat/completions", &request).told();
        assert_eq!((json!(text), last.as_str()), (expected["answer"].clone(), "[DONE]"));
    }
    // What was answered is on the record, without a word of it.
    let record = record(&desk);
    let lines: Vec<Value> = record.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5 * 400 + 40);
    assert!(!record.contains("sign-on"), "no text of a request");
}

#[test]
fn what_is_wrong_with_a_request_is_said_in_openais_form() {
    let (desk, items) = triage();
    let server = Served::start(&desk, &["run", "--max-body", "100000"]);
    assert_eq!(server.get("/health").json()["status"], "ok");
    assert_eq!(server.get("/ready").json()["status"], "ready");
    let models = server.get("/v1/models").json();
    assert_eq!(models["data"][0]["id"], "ordinate/triage");
    assert_eq!(models["data"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/v1/models/ordinate/triage").json()["object"], "model");
    let post = |path: &str, body: &Value| server.post(path, body).error();
    let is = |status: u16, code: &str| (status, code.to_owned());
    let completions = "/v1/chat/completions";
    assert_eq!(server.get("/v1/models/gpt-4").error(), is(404, "model_not_found"));
    assert_eq!(server.get("/v2/models").error(), is(404, "not_found"));
    assert_eq!(server.get(completions).error(), is(405, "method_not_allowed"));
    let mut request = chat(&json!("hi"));
    request["model"] = json!("ordinate/traige");
    let answer = server.post(completions, &request);
    assert_eq!(answer.error(), is(404, "model_not_found"));
    assert!(answer.body.contains("did you mean \\\"triage\\\"?"), "{}", answer.body);
    request["model"] = json!("ngram");
    assert_eq!(post(completions, &request), is(403, "model_not_allowed"));
    assert_eq!(server.send("POST", completions, &[], b"{\"model\": ").error(), is(400, "invalid_json"));
    assert_eq!(server.send("POST", completions, &[], b"\xff\xfe").error(), is(400, "invalid_json"));
    assert_eq!(post(completions, &json!({ "model": "ordinate/triage" })), is(400, "invalid_value"));
    assert_eq!(post(completions, &chat(&json!(""))), is(400, "invalid_value"));
    let packed = server.send("POST", completions, &[("content-encoding", "gzip")], b"\x1f\x8b");
    assert_eq!(packed.error(), is(415, "unsupported_encoding"));
    let answer = "/v1/tasks/triage/answer";
    assert_eq!(post("/v1/tasks/other/answer", &json!({ "input": "x" })), is(404, "task_not_found"));
    assert_eq!(post(answer, &json!({ "text": "" })), is(400, "invalid_value"));
    assert_eq!(post(answer, &json!({ "items": [] })), is(400, "invalid_value"));
    assert_eq!(post(answer, &json!({ "items": [7] })), is(400, "invalid_value"));
    let second = server.post(answer, &json!({ "items": ["a", { "label": "x" }] }));
    assert!(second.body.contains("item:2"), "{}", second.body);
    assert_eq!(post(answer, &json!({ "input": "x".repeat(100_000) })), is(413, "request_too_large"));
    // An item by the task's own names, by Ordinate's, and as a text.
    let one = |body: Value| server.post(answer, &body).json()["answer"].clone();
    let text = &items[0]["text"];
    let expected = one(json!({ "text": text }));
    assert!(expected.is_string());
    assert_eq!([one(json!({ "input": text })), one(json!({ "item": text }))], [expected.clone(), expected]);
}

/// Whoever is to be reached from elsewhere wants keys.
#[test]
fn keys_say_who_may_ask_and_how_much() {
    let (desk, _) = triage();
    let refused = desk.ordinate(["serve", "run", "--bind", "0.0.0.0:0"]).refusal();
    assert!(refused.contains("--keys") && refused.contains("--open"), "{refused}");
    let made = |name: &str| {
        let ran = desk.ordinate(["serve", "--keys", "keys.toml", "--new-key", name]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        ran.stdout().trim().to_owned()
    };
    let (desk_key, other_key) = (made("desk"), made("other"));
    let file = std::fs::read_to_string(desk.path("keys.toml")).unwrap();
    assert!(!file.contains(&desk_key[5..]), "only hashes are kept");
    let file = file.replace("name = \"other\"", "name = \"other\"\ntasks = [\"else\"]");
    desk.write("keys.toml", file.replace("name = \"desk\"", "name = \"desk\"\nrequests_per_minute = 3"));
    let server = Served::start(&desk, &["run", "--keys", "keys.toml"]);
    let ask = |key: Option<&str>| {
        let bearer = key.map(|key| format!("Bearer {key}"));
        let headers: Vec<(&str, &str)> =
            bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        server.send("POST", "/v1/chat/completions", &headers, chat(&json!("hi")).to_string().as_bytes())
    };
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.get("/metrics").status, 401);
    let none = ask(None);
    assert_eq!(
        (none.error(), none.header("www-authenticate")),
        ((401, "missing_api_key".to_owned()), "Bearer")
    );
    let wrong = ask(Some("sk-wrong"));
    assert_eq!(wrong.error(), (401, "invalid_api_key".to_owned()));
    assert!(!wrong.body.contains("sk-wrong"));
    assert_eq!(ask(Some(&other_key)).error(), (403, "task_not_allowed".to_owned()));
    for _ in 0..3 {
        assert_eq!(ask(Some(&desk_key)).status, 200);
    }
    let fast = ask(Some(&desk_key));
    assert_eq!(fast.error(), (429, "rate_limit_exceeded".to_owned()));
    let wait: u64 = fast.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    let record = record(&desk);
    assert!(record.contains("\"key\":\"desk\"") && !record.contains(&desk_key), "{record}");
}

/// Feedback is kept, and tells when the verdict does not stand any more; also to a server that is started again.
#[test]
fn feedback_holds_the_verdict_to_what_it_said() {
    let (desk, items) = triage();
    let mut server = Served::start(&desk, &["run", "--policy", "ngram"]);
    let answer = server.post("/v1/tasks/triage/answer", &items[0]);
    let id = answer.header("x-request-id").to_owned();
    assert_eq!(answer.json()["request"], id);
    let feedback = |server: &Served, body: Value| server.post("/v1/feedback", &body);
    let said = feedback(&server, json!({ "id": id, "score": 1, "target": "account" }));
    assert_eq!(said.json()["recorded"], true);
    for bad in [json!({ "id": id, "score": 1.5 }), json!({ "id": id }), json!({ "score": 1 })] {
        assert_eq!(feedback(&server, bad).error(), (400, "invalid_value".to_owned()));
    }
    assert_eq!(server.metric("ordinate_feedback_total{task=\"triage\"}"), 1.0);
    assert_eq!(server.metric("ordinate_feedback_scores{task=\"triage\"}"), 1.0);
    let status = |further: &[&str]| {
        let ran = desk.ordinate(["status", "run"].iter().chain(further));
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        ran.stdout()
    };
    assert!(status(&[]).contains("The verdict stands: 1 scores of feedback"), "{}", status(&[]));
    // As good as it said: it stands. Then three in four are wrong.
    for at in 0..30 {
        feedback(&server, json!({ "id": id, "score": f64::from(u8::from(at % 5 < 3)) }));
    }
    assert_eq!(server.metric("ordinate_verdict_stands{task=\"triage\"}"), 1.0);
    // Told to end, it finishes, and says by its status that all went well.
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let server = Served::start(&desk, &["run", "--policy", "ngram"]);
    assert_eq!(server.metric("ordinate_feedback_scores{task=\"triage\"}"), 31.0);
    for at in 0..80 {
        feedback(&server, json!({ "id": id, "score": f64::from(u8::from(at % 4 == 0)) }));
    }
    assert_eq!(server.metric("ordinate_verdict_stands{task=\"triage\"}"), 0.0);
    // Said once; the line may be on its way.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let told = server.told.lock().unwrap().clone();
    assert_eq!(told.matches("the verdict does not stand any more").count(), 1, "{told}");
    let now: Value = serde_json::from_str(&status(&["--json"])).unwrap();
    assert_eq!((&now["policy"], &now["answers"]), (&json!("ngram"), &json!(1)));
    assert_eq!((&now["verdict"]["holds"], &now["verdict"]["scores"]), (&json!(false), &json!(111)));
    assert!(status(&[]).contains("The verdict does not stand any more"), "{}", status(&[]));
    let lines = std::fs::read_to_string(desk.path("run/served/feedback.jsonl")).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["request"], &first["target"]), (&json!(id), &json!("account")));
}

/// Inputs that are like the measured ones are let be; others are told with the figures, also by a server that is started again.
#[test]
fn inputs_that_were_not_measured_are_told() {
    let (desk, items) = triage();
    let mut server = Served::start(&desk, &["run"]);
    let drifted = |server: &Served, figure: &str| {
        let of =
            |name: &str| server.metric(&format!("ordinate_{name}{{task=\"triage\",figure=\"{figure}\"}}"));
        (of("drift_evidence"), of("inputs_drifted"))
    };
    // In no order: the file may have one.
    let shuffled: Vec<&Value> = (0..200).map(|at| &items[at * 149 % items.len()]).collect();
    server.post("/v1/tasks/triage/answer", &json!({ "items": shuffled }));
    for figure in ["length", "unknown-pieces"] {
        let (evidence, is_shown) = drifted(&server, figure);
        assert!(evidence < 20.0 && is_shown == 0.0, "{figure}: {evidence}");
    }
    let strange: Vec<Value> = (0..60)
        .map(|at| json!({ "text": format!("Zgłoszenie {at}: czy mogę zwrócić książkę kupioną w święta? ").repeat(5) }))
        .collect();
    server.post("/v1/tasks/triage/answer", &json!({ "items": strange }));
    for figure in ["length", "unknown-pieces"] {
        let (evidence, is_shown) = drifted(&server, figure);
        assert!(evidence >= 20.0 && is_shown == 1.0, "{figure}: {evidence}");
    }
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    assert_eq!(server.says("inputs are not like the measured ones any more: length"), 1);
    let status = desk.ordinate(["status", "run"]).stdout();
    assert!(status.contains("Inputs are not like the measured ones since"), "{status}");
    let server = Served::start(&desk, &["run"]);
    assert_eq!(drifted(&server, "length").1, 1.0);
    // It can be turned off.
    desk.write("settings.toml", "[drift]\nwatch = false\n");
    let server = Served::start(&desk, &["run", "--settings", "settings.toml"]);
    assert!(!server.get("/metrics").body.contains("ordinate_inputs_drifted{"));
}

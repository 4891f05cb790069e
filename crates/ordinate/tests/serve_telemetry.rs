//! What a collector of OpenTelemetry gets to see of requests, and what one that is not there costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/desk_of_two.rs"]
mod desk_of_two;
#[path = "support/served.rs"]
mod served;
mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use desk_of_two::{Two, ask};
use ordinate_faults::{Fault, FaultServer, Script};
use serde_json::{Value, json};
use served::Served;

/// Spans that a collector has got: each with its attributes as a map.
fn spans(got: &Mutex<Vec<Value>>) -> Vec<(Value, Value)> {
    let (mut all, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
    for request in got.lock().unwrap().iter().filter(|request| request.get("resourceSpans").is_some()) {
        let resource = &request["resourceSpans"][0];
        assert_eq!(resource["schemaUrl"], "https://opentelemetry.io/schemas/1.41.0", "{request}");
        let named = &resource["resource"]["attributes"];
        assert!(
            named
                .as_array()
                .unwrap()
                .contains(&json!({ "key": "service.name", "value": { "stringValue": "desk" } })),
            "{named}"
        );
        for span in resource["scopeSpans"][0]["spans"].as_array().unwrap() {
            // What had no room the first time came again.
            if seen.insert(span["spanId"].to_string()) {
                all.push((span.clone(), attributes(span)));
            }
        }
    }
    all
}

/// Attributes as a map.
fn attributes(of: &Value) -> Value {
    let pairs = of["attributes"].as_array().unwrap().iter().map(|pair| {
        let value = pair["value"].as_object().unwrap().values().next().unwrap();
        (pair["key"].as_str().unwrap().to_owned(), value.clone())
    });
    Value::Object(pairs.collect())
}

/// What a collector has got of a metric at last: each point, and its attributes.
fn points(got: &Mutex<Vec<Value>>, name: &str) -> Vec<(Value, Value)> {
    let got = got.lock().unwrap();
    let last = got.iter().rev().find(|request| request.get("resourceMetrics").is_some()).expect("metrics");
    let scope = &last["resourceMetrics"][0]["scopeMetrics"][0];
    let metric = scope["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == name);
    let metric = metric.unwrap_or_else(|| panic!("no {name} in {last}"));
    let data = metric.get("histogram").or_else(|| metric.get("sum")).unwrap();
    data["dataPoints"].as_array().unwrap().iter().map(|point| (point.clone(), attributes(point))).collect()
}

/// A collector is told of every request, and of everybody who was asked: by the conventions for generative models, and without texts.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_a_span_of_every_request_and_of_whoever_was_asked() {
    let two = Two::run(Duration::ZERO).await;
    let got = Arc::<Mutex<Vec<Value>>>::default();
    let log = Arc::clone(&got);
    let script = Script::new(move |body| {
        log.lock().unwrap().push(body.clone());
        String::new()
    });
    // The first time it has no room: what was sent comes again.
    let collector = FaultServer::start(script.with_faults(|call| match call.number {
        0 => Fault::status(503),
        _ => Fault::None,
    }));
    let collector = collector.await.unwrap();
    let base = format!("http://{}", collector.address());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", base.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_SERVICE_NAME", "desk"),
    ];
    let mut server = Served::with(&two.desk, &["run", "--allow-candidates"], &variables);
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let traced = format!("00-{trace}-{parent}-01");
    let post = |body: &Value| {
        let headers = [("traceparent", traced.as_str())];
        server.send("POST", "/v1/chat/completions", &headers, body.to_string().as_bytes())
    };
    let conversation = |text: &str, streamed: bool| desk_of_two::conversation(text, streamed);
    let plain = post(&conversation("go plainly", false));
    let streamed = post(&conversation("go", true));
    let over = post(&conversation("go fault:500", false));
    let mut first = conversation("go fault:500", false);
    first["model"] = json!("first");
    let failed = post(&first);
    let broken = post(&conversation("go fault:cut-after-41", true));
    let item = server.post("/v1/tasks/moves/answer", &json!({ "text": "item 4 of sixty" }));
    assert_eq!((plain.status, over.status, failed.status, item.status), (200, 200, 502, 200));
    // Whoever watches over the process is no request.
    server.get("/metrics");
    let asked = two.traces.lock().unwrap().clone();
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let spans = spans(&got);
    let of = |answer: &served::Answer| {
        let id = answer.header("x-request-id");
        let root = spans.iter().find(|(_, said)| said["ordinate.request.id"] == id);
        let (root, said) = root.unwrap_or_else(|| panic!("no span of {id} in {spans:?}"));
        let mut asked: Vec<&(Value, Value)> =
            spans.iter().filter(|(span, _)| span["parentSpanId"] == root["spanId"]).collect();
        asked.sort_by_key(|(span, _)| span["startTimeUnixNano"].as_str().unwrap().parse::<u64>().unwrap());
        for (span, said) in &asked {
            let at = |span: &Value, name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
            assert!(at(root, "startTimeUnixNano") <= at(span, "startTimeUnixNano"), "{root} {span}");
            assert!(at(span, "endTimeUnixNano") <= at(root, "endTimeUnixNano"), "{root} {span}");
            assert_eq!(
                (&span["traceId"], &span["kind"], &said["gen_ai.provider.name"]),
                (&root["traceId"], &json!(3), &json!("openai"))
            );
            assert_eq!(
                (&said["gen_ai.operation.name"], &said["server.address"]),
                (&json!("chat"), &json!("127.0.0.1"))
            );
        }
        (root, said, asked)
    };
    let (root, said, calls) = of(&plain);
    assert_eq!(
        (&root["traceId"], &root["parentSpanId"], &root["kind"]),
        (&json!(trace), &json!(parent), &json!(2))
    );
    assert_eq!(
        (&root["name"], &said["http.route"]),
        (&json!("POST /v1/chat/completions"), &json!("/v1/chat/completions"))
    );
    assert_eq!(
        (&said["http.response.status_code"], &said["ordinate.candidate"]),
        (&json!("200"), &json!("first"))
    );
    let (call, about) = calls[0];
    assert_eq!((calls.len(), &call["name"], &call["status"]), (1, &json!("chat first-model"), &json!({})));
    assert_eq!(
        (&about["gen_ai.request.model"], &about["gen_ai.response.model"]),
        (&json!("first-model"), &json!("first-model"))
    );
    assert_eq!(about["server.port"], two.first.address().port().to_string());
    let usage = &plain.json()["usage"];
    assert_eq!(about["gen_ai.usage.output_tokens"], usage["completion_tokens"].to_string());
    assert_eq!(about["gen_ai.usage.input_tokens"], usage["prompt_tokens"].to_string());
    let told = |call: &Value| format!("00-{trace}-{}-01", call["spanId"].as_str().unwrap());
    assert_eq!(asked[0], told(call), "whoever is asked knows of the trace");
    let (_, _, calls) = of(&streamed);
    assert_eq!(calls[0].1["gen_ai.usage.output_tokens"], usage["completion_tokens"].to_string());
    assert_eq!(asked[1], told(&calls[0].0));
    let (_, said, calls) = of(&over);
    assert_eq!((&said["ordinate.stood_in"], &said["ordinate.candidate"]), (&json!(true), &json!("second")));
    assert_eq!(
        (&calls[0].1["error.type"], &calls[0].0["status"]),
        (&json!("overloaded"), &json!({ "code": 2 }))
    );
    assert_eq!(
        (&calls[1].0["name"], &calls[1].1["ordinate.given"]),
        (&json!("chat second-model"), &json!(true))
    );
    assert_eq!(asked[2..4], [told(&calls[0].0), told(&calls[1].0)]);
    let (root, said, _) = of(&failed);
    assert_eq!((&said["http.response.status_code"], &root["status"]), (&json!("502"), &json!({ "code": 2 })));
    assert_eq!(of(&broken).1["error.type"], "cut");
    let (root, said, calls) = of(&item);
    assert!(root["traceId"] != trace && root.get("parentSpanId").is_none() && calls.len() == 1, "{root}");
    assert_eq!(said["http.route"], "/v1/tasks/{name}/answer");
    assert_eq!(said["url.path"], "/v1/tasks/moves/answer");
    assert_eq!(spans.iter().filter(|(span, _)| span["kind"] == 2).count(), 6);

    // The metrics say the same, counted.
    let requests = points(&got, "http.server.request.duration");
    let count = |point: &Value| point["count"].as_str().unwrap().parse::<u64>().unwrap();
    let of = |status: &str| {
        let found = requests.iter().filter(|(_, said)| said["http.response.status_code"] == status);
        found.map(|(point, _)| count(point)).sum::<u64>()
    };
    assert_eq!((of("200"), of("502")), (5, 1), "{requests:?}");
    let asked = points(&got, "gen_ai.client.operation.duration");
    let of = |model: &str, error: &Value| {
        let found = asked.iter().filter(|(_, said)| {
            said["gen_ai.request.model"] == model && said.get("error.type").unwrap_or(&Value::Null) == error
        });
        found.map(|(point, _)| count(point)).sum::<u64>()
    };
    let calls = spans.iter().filter(|(span, _)| span["kind"] == 3).count() as u64;
    assert_eq!(asked.iter().map(|(point, _)| count(point)).sum::<u64>(), calls);
    assert_eq!((of("first-model", &json!("overloaded")), of("first-model", &json!("cut"))), (2, 1));
    assert_eq!(of("second-model", &Value::Null), 1);
    let tokens = points(&got, "gen_ai.client.token.usage");
    let of = |kind: &str, attribute: &str| {
        let points = tokens.iter().filter(|(_, said)| said["gen_ai.token.type"] == kind);
        let counted = points.map(|(point, _)| point["sum"].as_f64().unwrap()).sum::<f64>();
        let told = spans.iter().filter(|(_, said)| said.get("error.type").is_none());
        let told = told.filter_map(|(_, said)| said[attribute].as_str()?.parse::<f64>().ok()).sum::<f64>();
        (counted, told)
    };
    for (kind, attribute) in
        [("input", "gen_ai.usage.input_tokens"), ("output", "gen_ai.usage.output_tokens")]
    {
        let (counted, told) = of(kind, attribute);
        assert!(counted > 0.0 && (counted - told).abs() < 1e-9, "{kind}: {counted} and {told}");
    }
    let cost = points(&got, "ordinate.cost");
    assert!(cost.iter().all(|(_, said)| said["ordinate.task"] == "moves"), "{cost:?}");
    assert_eq!(points(&got, "ordinate.overhead").iter().map(|(point, _)| count(point)).sum::<u64>(), 6);
    let text = Value::Array(got.lock().unwrap().clone()).to_string();
    for texts in ["plainly", "of sixty", "Tell a story", "dark and stormy"] {
        assert!(!text.contains(texts), "{texts}");
    }
}

/// A collector that is not there, or never answers, costs no request anything; what is lost is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_collector_costs_nothing() {
    let two = Two::run(Duration::ZERO).await;
    let stalled = FaultServer::start(Script::saying("").with_faults(|_| Fault::StallHeaders)).await.unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [free, stalled.address()] {
        let endpoint = format!("http://{address}");
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "4"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2"),
        ];
        let mut server = Served::with(&two.desk, &["run"], &variables);
        let start = Instant::now();
        for at in 0..40 {
            assert_eq!(ask(&server, "go", at % 2 == 0).status, 200);
        }
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
        server.reaches("ordinate_spans_total{what=\"dropped\"}", 40.0);
        let end = Instant::now();
        server.signal("TERM");
        assert!(
            server.child.wait().unwrap().success() && end.elapsed() < Duration::from_secs(7),
            "{:?}",
            end.elapsed()
        );
    }
    let wrong = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h"), ("OTEL_TRACES_SAMPLER", "some")];
    let refused = two.desk.ordinate_with(&wrong, &["serve", "run", "--bind", "127.0.0.1:0"]).refusal();
    assert!(refused.contains("OTEL_TRACES_SAMPLER: \"some\""), "{refused}");
}

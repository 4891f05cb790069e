//! Forecasters that others trained.

use super::*;

/// The folder of a tiny published forecaster (`make_chronos.py`).
fn published(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../ordinate-models/tests/golden/chronos");
    format!("{folder}/{name}")
}

#[test]
fn published_forecasters_are_measured_and_asked() {
    let desk = Desk::new();
    lines(&desk, 24);
    let bolt = format!("local = {{ model = \"{}\" }}", published("bolt"));
    let drawn = format!("local = {{ model = \"{}\" }}", published("tokens-gated"));
    let candidates =
        [("bolt", "general", bolt.as_str()), ("drawn", "general", drawn.as_str()), LOCAL[0], LOCAL[2]];
    let data = DATA.replace("season = 12", "season = 12\nhorizon = 6\nquantiles = [0.1, 0.5, 0.9]");
    let verdict = desk.verdict(&task(&desk, &data, &candidates), &[]);
    for (name, parameters) in [("bolt", 10_476), ("drawn", 7_152)] {
        // Their weights are random: nobody should take them.
        assert!(quality(&verdict, "candidates", name) < quality(&verdict, "candidates", "theta"));
        let hosted = named(&verdict, "deployment", name);
        assert_eq!(hosted["parameters"], parameters);
        assert!(hosted["latency_ms"]["p50"].as_f64().unwrap() > 0.0, "{hosted}");
    }
    let past = json!(values(3, 0, 60)).to_string();
    desk.write("one.jsonl", format!("{{\"id\": \"s3\", \"past\": {past}, \"of\": \"b\"}}\n"));
    for name in ["bolt", "drawn"] {
        let answer = |arguments: &[&str]| {
            let ran = desk.ordinate([&["ask", "run"], arguments, &["--policy", name]].concat());
            assert_eq!(ran.status(), 0, "{}", ran.stderr());
            ran.stdout()
        };
        let one = answer(&["--items", "one.jsonl"]);
        let row: Value = serde_json::from_str(&one).unwrap();
        let said: Value = match &row["answer"] {
            Value::String(text) => serde_json::from_str(text).unwrap(),
            other => other.clone(),
        };
        assert_eq!(said["values"].as_array().unwrap().len(), 6, "{row}");
        assert_eq!(said["quantiles"]["0.5"], said["values"], "{row}");
        assert_eq!(said["quantiles"].as_object().unwrap().len(), 3, "{row}");
        assert_eq!(answer(&["--items", "one.jsonl"]), one, "what is drawn again is what was drawn");
    }
}

/// A server forecasts what `ordinate ask` does, number for number: of a published forecaster, and of a mean of it with a method. The series is
/// given as the field of the task's files, as a text, or with its own horizon and levels.
#[test]
fn a_server_forecasts_what_ask_does() {
    let desk = Desk::new();
    lines(&desk, 24);
    let bolt = format!("local = {{ model = \"{}\" }}", published("bolt"));
    let candidates = [("bolt", "general", bolt.as_str()), LOCAL[0], LOCAL[1], LOCAL[2]];
    let data = DATA.replace("season = 12", "season = 12\nhorizon = 6\nquantiles = [0.1, 0.5, 0.9]");
    desk.verdict(&task(&desk, &data, &candidates), &[]);
    for policy in ["bolt", "weighted"] {
        let asked = |input: &str| -> Value {
            let ran = desk.ordinate(["ask", "run", input, "--slice", "b", "--policy", policy, "--json"]);
            assert_eq!(ran.status(), 0, "{}", ran.stderr());
            let said: Value = serde_json::from_str(&ran.stdout()).unwrap();
            serde_json::from_str(said["answer"].as_str().unwrap()).unwrap()
        };
        let server = Served::start(&desk, &["run", "--policy", policy]);
        let past = values(3, 0, 60);
        let of = |input: &Value| asked(&input.to_string());
        let whole = of(&json!(past));
        assert_eq!(whole["values"].as_array().unwrap().len(), 6, "{whole}");
        assert_eq!(whole["quantiles"].as_object().unwrap().len(), 3, "{whole}");
        let own = json!({"values": values(5, 0, 48), "season": 12, "horizon": 3, "quantiles": [0.2, 0.8]});
        for (sent, right) in [
            (json!({ "past": past, "of": "b" }), &whole),
            (json!({ "input": past, "slice": "b" }), &whole),
            (json!({ "input": json!(past).to_string(), "slice": "b" }), &whole),
            (json!({ "input": own.to_string(), "slice": "b" }), &of(&own)),
        ] {
            let answer = server.post("/v1/tasks/months/answer", &sent).json();
            assert_eq!(answer["answer"], *right, "{policy}: {sent}");
            assert_eq!(answer["policy"], policy);
        }
        let both = json!({ "items": [{ "past": past, "of": "b" }, { "past": values(4, 0, 60), "of": "b" }] });
        let answers = server.post("/v1/tasks/months/answer", &both).json();
        assert_eq!(answers["answers"][0]["answer"], whole);
        assert_eq!(answers["answers"][1]["answer"], of(&json!(values(4, 0, 60))));
        let refused = server.post("/v1/tasks/months/answer", &json!({ "past": [1.0, "x"] }));
        assert_eq!(refused.error().0, 400, "{}", refused.body);
    }
}

#[test]
fn forecasters_that_do_not_fit_are_refused() {
    let desk = Desk::new();
    lines(&desk, 24);
    let refused = |candidate: &str| {
        let path = task(&desk, DATA, &[LOCAL[0], ("odd", "general", candidate)]);
        let ran = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run"]);
        assert_eq!(ran.status(), 2, "{} {}", ran.stdout(), ran.stderr());
        ran.stderr()
    };
    let folder = published("bolt");
    let said = refused(&format!("local = {{ model = \"{folder}\", examples = 3 }}"));
    assert!(said.contains("examples means nothing to a published forecaster; remove it"), "{said}");
    desk.write("text.toml", "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"t.csv\"\n");
    desk.write("t.csv", "input,target\na,x\nb,y\n");
    let text = format!(
        "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"t.csv\"\n[[candidate]]\nname = \"c\"\nlineage = \"general\"\nlocal = {{ model = \"{folder}\" }}\n"
    );
    let path = desk.write("text.toml", text);
    let ran = desk.ordinate(["check", path.to_str().unwrap()]);
    assert_eq!(ran.status(), 2);
    assert!(
        ran.stderr().contains("a published forecaster answers tasks of kind forecast"),
        "{}",
        ran.stderr()
    );
}

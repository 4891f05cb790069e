//! Tasks whose items are series, through the real binary: methods in this process, a program, recorded forecasts, means of them,
//! and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "forecast/published.rs"]
mod published;
#[path = "support/series.rs"]
mod series;
#[path = "support/served.rs"]
mod served;
mod support;

use serde_json::{Value, json};
use series::{DATA, lines, quality, task, value, values};
use served::Served;
use support::{Desk, named};

const LOCAL: [(&str, &str, &str); 3] = [
    ("naive", "general", "local = { model = \"naive\" }"),
    ("snaive", "general", "local = { model = \"seasonal-naive\" }"),
    ("theta", "general", "local = { model = \"theta\" }"),
];

#[test]
fn methods_in_this_process_are_measured_and_merged() {
    let desk = Desk::new();
    lines(&desk, 60);
    let verdict = desk.verdict(&task(&desk, DATA, &LOCAL), &[]);
    let smape = |name: &str| 200.0 * (1.0 - quality(&verdict, "candidates", name));
    // The naive forecast by hand.
    let by_hand: f64 = (0..60)
        .map(|series| {
            let last = value(series, 59);
            values(series, 60, 66).iter().map(|y| 200.0 * (y - last).abs() / (y + last)).sum::<f64>() / 6.0
        })
        .sum::<f64>()
        / 60.0;
    assert!((smape("naive") - by_hand).abs() < 1e-9, "{} {by_hand}", smape("naive"));
    assert!(smape("theta") < smape("snaive") && smape("snaive") < smape("naive"));
    assert_eq!(verdict["basis"]["metric"], "smape");
    // The figures of the field are told.
    let assumed = verdict["assumed"].to_string();
    let naive = format!("naive sMAPE {by_hand:.2} and {by_hand:.2}, MASE ");
    assert!(assumed.contains(&naive) && assumed.contains("weighted sMAPE "), "{assumed}");
    // Whole forecasts are merged, and the mean of them is scored.
    let weighted = quality(&verdict, "policies", "weighted");
    assert!(weighted >= quality(&verdict, "candidates", "theta") - 0.002, "{weighted}");
    // Hosting was measured, and nothing leaves the machine.
    let theta = named(&verdict, "deployment", "theta");
    assert!(theta["latency_ms"]["p50"].as_f64().unwrap() > 0.0 && theta["parameters"] == 0);
}

#[test]
fn what_was_measured_is_what_is_asked() {
    let desk = Desk::new();
    lines(&desk, 40);
    desk.verdict(&task(&desk, &DATA.replace("season = 12", "season = 12\nhorizon = 6"), &LOCAL), &[]);
    let past = json!(values(3, 0, 60)).to_string();
    let canonical = format!("{{\"values\":{past},\"season\":12,\"horizon\":6}}");
    let answer = |input: &str| {
        let ran = desk.ordinate(["ask", "run", input, "--policy", "theta", "--json"]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        serde_json::from_str::<Value>(&ran.stdout()).unwrap()["answer"].as_str().unwrap().to_owned()
    };
    let values: Vec<f64> = serde_json::from_str(&answer(&canonical)).unwrap();
    assert_eq!(values.len(), 6);
    assert_eq!(answer(&past), answer(&canonical), "season and horizon are those of the task");
    desk.write("more.jsonl", format!("{{\"id\": \"x\", \"past\": {past}}}\n"));
    let ran = desk.ordinate(["ask", "run", "--items", "more.jsonl", "--policy", "theta"]);
    let row: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(row["answer"], answer(&canonical));
    let ran = desk.ordinate(["ask", "run", "[1, null]"]);
    assert!(ran.status() == 2 && ran.stderr().contains("value 2 is missing"), "{}", ran.stderr());
}

/// The same series in every form that files have give the same verdict.
#[test]
fn forms_of_files_agree() {
    let forms: [(&str, String, &str); 4] = [
        (
            "a.csv",
            (0..30).fold("id,past,next,period\n".to_owned(), |text, series| {
                let spaced = |from, to| {
                    values(series, from, to).iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
                };
                text + &format!("s{series},{},{},monthly\n", spaced(0, 60), spaced(60, 66))
            }),
            "input = \"past\"\ntarget = \"next\"\n[series]\nseason = \"period\"",
        ),
        (
            "b.jsonl",
            (0..30)
                .map(|series| {
                    json!({"id": format!("s{series}"), "input": values(series, 0, 66)}).to_string() + "\n"
                })
                .collect(),
            "[series]\nseason = 12\nhorizon = 6",
        ),
        (
            "c.csv",
            // Not in order, and one after the other.
            (0..66).rev().fold("unique_id,ds,y\n".to_owned(), |text, at| {
                let month = |series| {
                    format!("s{series},{}-{:02}-01,{}\n", 2_000 + at / 12, at % 12 + 1, value(series, at))
                };
                text + &(0..30).map(month).collect::<String>()
            }),
            "id = \"unique_id\"\ninput = \"y\"\n[series]\nseason = 12\nhorizon = 6\ntime = \"ds\"",
        ),
        (
            "d.csv",
            (0..66).fold(
                "t,".to_owned()
                    + &(0..30).map(|series| format!("s{series}")).collect::<Vec<_>>().join(",")
                    + "\n",
                |text, at| {
                    let row: Vec<String> = (0..30).map(|series| value(series, at).to_string()).collect();
                    text + &format!("{at},{}\n", row.join(","))
                },
            ),
            "[series]\nseason = 12\nhorizon = 6\ntime = \"t\"\ncolumns = [NAMES]",
        ),
    ];
    let names: Vec<String> = (0..30).map(|series| format!("\"s{series}\"")).collect();
    let mut seen: Option<Value> = None;
    for (file, content, keys) in forms {
        let desk = Desk::new();
        desk.write(file, content);
        let data = format!("[data]\nitems = \"{file}\"\n{}", keys.replace("NAMES", &names.join(", ")));
        let verdict = desk.verdict(&task(&desk, &data, &LOCAL), &[]);
        let figures = verdict["candidates"].as_array().unwrap().iter();
        let found: Value = figures.map(|one| json!([one["name"], one["quality"]])).collect();
        assert_eq!(*seen.get_or_insert(found.clone()), found, "{file}");
    }
}

/// Several origins of a series are one group, and none is told what it is to forecast.
#[test]
fn rolling_origins_do_not_leak() {
    let desk = Desk::new();
    let rows: Vec<String> = (0..24)
        .map(|series| json!({"id": format!("s{series}"), "input": values(series, 0, 72)}).to_string())
        .collect();
    desk.write("items.jsonl", rows.join("\n"));
    // Says what it was shown, as errors, so that they can be read.
    desk.write(
        "spy.py",
        "import json, sys\nfor line in sys.stdin:\n    item = json.loads(line)\n    open('seen.jsonl', 'a').write(line)\n    s = item['series']\n    print(json.dumps({'id': item['id'], 'output': [s['values'][-1]] * s['horizon']}), flush=True)\n",
    );
    let data =
        "[data]\nitems = \"items.jsonl\"\n[series]\nseason = 12\nhorizon = 6\norigins = 3\nhistory = 40";
    let spy = ("spy", "vertical", "command = { run = [\"python3\", \"spy.py\"] }");
    let verdict = desk.verdict(&task(&desk, data, &[LOCAL[0], LOCAL[1], spy]), &[]);
    assert_eq!(verdict["basis"]["items"], 72, "{}", verdict["basis"]);
    assert_eq!(verdict["basis"]["groups"], 24, "{}", verdict["basis"]);
    assert_eq!(
        named(&verdict, "candidates", "spy")["quality"],
        named(&verdict, "candidates", "naive")["quality"]
    );
    let seen = std::fs::read_to_string(desk.path("seen.jsonl")).unwrap();
    assert_eq!(seen.lines().count(), 72);
    for line in seen.lines() {
        let item: Value = serde_json::from_str(line).unwrap();
        let (series, origin) = item["id"].as_str().unwrap()[1..].split_once('@').unwrap();
        let (series, origin): (u64, u64) = (series.parse().unwrap(), origin.parse().unwrap());
        assert!([54, 60, 66].contains(&origin));
        let shown: Vec<f64> = serde_json::from_value(item["series"]["values"].clone()).unwrap();
        assert_eq!(shown, values(series, origin - 40, origin), "the past alone, and not all of it");
    }
}

#[test]
fn recorded_forecasts_are_scored_here() {
    let desk = Desk::new();
    lines(&desk, 40);
    let record = |name: &str, forecast: &dyn Fn(u64) -> Value| {
        let rows: Vec<String> = (0..40)
            .map(|series| json!({"id": format!("s{series}"), "output": forecast(series)}).to_string())
            .collect();
        desk.write(name, rows.join("\n"));
    };
    record("right.jsonl", &|series| json!(values(series, 60, 66)));
    record("late.jsonl", &|series| json!(values(series, 48, 54)));
    let recorded = |metric: &str| {
        let candidates = [
            ("right", "vertical", "recorded = { path = \"right.jsonl\" }"),
            ("late", "general", "recorded = { path = \"late.jsonl\" }"),
        ];
        let path = task(&desk, DATA, &candidates);
        let text = std::fs::read_to_string(&path).unwrap();
        desk.write("task.toml", text.replace("\"forecast\"", &format!("\"forecast\"\n{metric}")))
    };
    for metric in ["smape", "mase", "rmsse"] {
        let verdict = desk.verdict(&recorded(&format!("metric = \"{metric}\"")), &[]);
        assert!((quality(&verdict, "candidates", "right") - 1.0).abs() < 1e-12);
        let late = quality(&verdict, "candidates", "late");
        assert!(late < 1.0 && late > 0.4, "{metric}: {late}");
    }
    record("late.jsonl", &|series| json!(values(series, 48, if series == 7 { 53 } else { 54 })));
    let ran = desk.ordinate(["run", recorded("").to_str().unwrap()]);
    let says = "late.jsonl:8: output: the forecast has 5 values, and the target 6";
    assert!(ran.status() == 2 && ran.stderr().contains(says), "{}", ran.stderr());
    record("late.jsonl", &|series| {
        json!(if series == 3 { json!([1, null, 3, 4, 5, 6]) } else { json!(values(series, 48, 54)) })
    });
    let ran = desk.ordinate(["run", recorded("").to_str().unwrap()]);
    assert!(ran.status() == 2 && ran.stderr().contains("late.jsonl:4: output: "), "{}", ran.stderr());
}

/// Each with its file, line and field.
#[test]
fn series_that_cannot_be_used_are_refused() {
    let good = json!(values(0, 0, 30));
    for (row, keys, says) in [
        (json!({"past": [1, null, 3], "next": [4]}), "", "items.jsonl:3: past: value 2 is missing"),
        (json!({"past": [1, "Infinity", 3], "next": [4]}), "", "items.jsonl:3: past: value 2 is infinite"),
        (json!({"past": "1 2 nan", "next": [4]}), "", "items.jsonl:3: past: value 3 is missing"),
        (json!({"past": "1 2 soon", "next": [4]}), "", "items.jsonl:3: past: value 3 is \"soon\""),
        (json!({"past": [], "next": [4]}), "", "items.jsonl:3: past: the series has no value"),
        (json!({"past": good, "next": [4, null]}), "", "items.jsonl:3: next: value 2 is missing"),
        (
            json!({"past": good, "next": [4]}),
            "horizon = 2",
            "items.jsonl:3: next: the target has 1 values, and the horizon is 2",
        ),
        (
            json!({"past": good, "next": [4], "h": 0}),
            "horizon = \"h\"",
            "items.jsonl:3: h: \"0\" is not a horizon",
        ),
        (
            json!({"past": good, "next": [4], "m": "fortnightly", "h": 1}),
            "season = \"m\"",
            "items.jsonl:3: m: \"fortnightly\" is not a season",
        ),
        (
            json!({"past": good, "next": [4], "h": 1}),
            "season = \"m\"",
            "items.jsonl:3: past: nothing in the field \"m\" says its season",
        ),
        (json!({"past": good}), "", "items.jsonl:3: past: nothing says how many values are to be forecast"),
    ] {
        let desk = Desk::new();
        let fine = json!({"past": good, "next": [1], "h": 1, "m": 1});
        let fine = if keys == "horizon = 2" { json!({"past": good, "next": [1, 2]}) } else { fine };
        desk.write("items.jsonl", format!("{fine}\n{fine}\n{row}\n"));
        let data =
            format!("[data]\nitems = \"items.jsonl\"\ninput = \"past\"\ntarget = \"next\"\n[series]\n{keys}");
        let ran = desk.ordinate(["run", task(&desk, &data, &LOCAL).to_str().unwrap()]);
        assert_eq!(ran.status(), 2, "{row}: {}", ran.stderr());
        assert!(ran.stderr().contains(says), "{row}: {}", ran.stderr());
    }
}

#[test]
fn quantiles_that_cannot_be_are_refused() {
    let desk = Desk::new();
    lines(&desk, 3);
    let write = |quantiles: Value| {
        let row = |series: u64| {
            let quantiles = if series == 2 { quantiles.clone() } else { json!({"0.5": vec![1.0; 6]}) };
            json!({"id": format!("s{series}"), "output": {"values": vec![2.0; 6], "quantiles": quantiles}})
                .to_string()
        };
        desk.write("theirs.jsonl", (0..3).map(row).collect::<Vec<_>>().join("\n"));
    };
    let all = [
        ("theirs", "vertical", "recorded = { path = \"theirs.jsonl\" }"),
        ("naive", "general", "local = { model = \"naive\" }"),
    ];
    let path = task(&desk, DATA, &all);
    for (quantiles, says) in [
        (json!({"0.1": [1, 2]}), "theirs.jsonl:3: output: the quantile 0.1 has 2 values, and the forecast 6"),
        (json!({"p10": [1, 2, 3, 4, 5, 6]}), "theirs.jsonl:3: output: \"p10\" is no level of a quantile"),
        (json!({"90": [1, 2, 3, 4, 5, 6]}), "theirs.jsonl:3: output: 90 is no level of a quantile"),
        (
            json!({"0.1": [1, 2, 3, 4, 5, null]}),
            "theirs.jsonl:3: output: the quantile 0.1 is no list of numbers",
        ),
    ] {
        write(quantiles);
        let ran = desk.ordinate(["run", path.to_str().unwrap()]);
        assert!(ran.status() == 2 && ran.stderr().contains(says), "{}", ran.stderr());
    }
    for levels in ["[0.9, 0.1]", "[10]", "[0.5, 0.5]"] {
        let data = DATA.replace("season = 12", &format!("season = 12\nquantiles = {levels}"));
        let ran = desk.ordinate(["check", task(&desk, &data, &all[1..]).to_str().unwrap()]);
        assert!(ran.status() == 2 && ran.stderr().contains("between 0 and 1"), "{}", ran.stderr());
    }
}

#[test]
fn tables_of_times_with_gaps_are_refused() {
    for (rows, says) in [
        ("a,2020-01-01,1\na,2020-02-01,\na,2020-03-01,3\n", ":3: y: there is no value at this time"),
        (
            "a,2020-01-01,1\na,2020-02-01,2\na,2020-04-01,3\na,2020-05-01,3\n",
            "series \"a\": between value 2 and value 3",
        ),
        ("a,2020-01-01,1\na,2020-01-01,2\na,2020-02-01,2\n", "are of the same time"),
        ("a,early,1\na,2020-01-01,2\n", ":2: ds: \"early\" is no time"),
        ("a,2020-01-01,1\na,2020-02-01,2\n", "has 2 values, and the last 2 are to be held out"),
    ] {
        let desk = Desk::new();
        desk.write("long.csv", format!("id,ds,y\n{rows}"));
        let data = "[data]\nitems = \"long.csv\"\ninput = \"y\"\n[series]\nhorizon = 2\ntime = \"ds\"";
        let ran = desk.ordinate(["run", task(&desk, data, &LOCAL).to_str().unwrap()]);
        assert!(ran.status() == 2 && ran.stderr().contains(says), "{rows}: {}", ran.stderr());
    }
}

/// Three points, a constant series: a forecast where there is one, an error of the item where there is none.
#[test]
fn odd_series_have_outcomes() {
    let desk = Desk::new();
    let row = |id: u64| match id {
        0 => json!({"id": "short", "past": [1, 2, 3], "next": [4, 5]}),
        1 => json!({"id": "constant", "past": vec![7.0; 40], "next": [7, 7]}),
        2 => json!({"id": "zero", "past": vec![0.0; 40], "next": [0, 0]}),
        _ => json!({"id": format!("s{id}"), "past": values(id, 0, 40), "next": values(id, 40, 42)}),
    };
    let rows: Vec<String> = (0..12).map(|id| row(id).to_string()).collect();
    desk.write("items.jsonl", rows.join("\n"));
    let data = "[data]\nitems = \"items.jsonl\"\ninput = \"past\"\ntarget = \"next\"\n[series]\nseason = 12";
    let all: Vec<(&str, &str, String)> = [
        "naive",
        "seasonal-naive",
        "drift",
        "theta",
        "optimised-theta",
        "dynamic-theta",
        "auto-theta",
        "ets",
        "arima",
    ]
    .into_iter()
    .map(|name| (name, "general", format!("local = {{ model = \"{name}\" }}")))
    .collect();
    let all: Vec<(&str, &str, &str)> =
        all.iter().map(|(name, lineage, source)| (*name, *lineage, &**source)).collect();
    let path = task(&desk, data, &all);
    let verdict = desk.verdict(&path, &[]);
    assert_eq!(named(&verdict, "candidates", "naive")["errors"], 0);
    assert_eq!(
        named(&verdict, "candidates", "seasonal-naive")["errors"],
        1,
        "a season is longer than three points"
    );
    for name in ["theta", "ets", "arima"] {
        assert!(named(&verdict, "candidates", name)["errors"].as_u64().unwrap() <= 1, "{name}");
    }
    let text = std::fs::read_to_string(&path).unwrap();
    desk.write("task.toml", text.replace("\"forecast\"", "\"forecast\"\nmetric = \"mase\""));
    let ran = desk.ordinate(["run", path.to_str().unwrap()]);
    assert_eq!(ran.status(), 2);
    assert!(ran.stderr().contains("the past of item short has 3 values"), "{}", ran.stderr());
}

#[test]
fn what_means_nothing_in_the_task_file_is_refused() {
    for (data, says) in [
        ("[data]\nitems = \"items.jsonl\"\n[series]\norigins = 2", "nothing says how many"),
        (
            "[data]\nitems = \"items.jsonl\"\ntarget = \"next\"\n[series]\ntime = \"t\"\nhorizon = 1",
            "Remove target",
        ),
        ("[data]\nitems = \"items.jsonl\"\n[series]\nseason = 0", "season"),
        ("[data]\nitems = \"items.jsonl\"\n[series]\nsaison = 12", "season"),
    ] {
        let desk = Desk::new();
        lines(&desk, 3);
        let ran = desk.ordinate(["check", task(&desk, data, &LOCAL).to_str().unwrap()]);
        assert!(ran.status() == 2 && ran.stderr().contains(says), "{data}: {}", ran.stderr());
    }
    let desk = Desk::new();
    lines(&desk, 3);
    let path = task(&desk, DATA, &LOCAL);
    let text = std::fs::read_to_string(&path).unwrap();
    desk.write("task.toml", text.replace("\"forecast\"", "\"generate\""));
    let ran = desk.ordinate(["check", path.to_str().unwrap()]);
    assert!(ran.status() == 2 && ran.stderr().contains("kind forecast"), "{}", ran.stderr());
    desk.write("task.toml", text.replace("model = \"theta\"", "model = \"theta\", temperature = 1.0"));
    let ran = desk.ordinate(["check", path.to_str().unwrap()]);
    assert!(ran.status() == 2 && ran.stderr().contains("temperature"), "{}", ran.stderr());
}

//! What hosting takes, what it costs, and when it pays: models that run here beside answers that are paid for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::fmt::Write as _;

use ordinate_faults::{FaultServer, Script};
use serde_json::Value;
use support::{Desk, named, number};

/// 120 texts whose words say their label, a model that runs here, and recorded answers at $0.001 each that are right but
/// for every fifth.
fn desk(hosted: &str, recorded: &str) -> Desk {
    let desk = Desk::new();
    let (mut items, mut answers) = (String::new(), String::new());
    for at in 0..120 {
        let (label, word) = [("dry", "sun"), ("wet", "rain")][at % 2];
        let said = if at % 5 == 0 { "dry" } else { label };
        let _ = writeln!(items, r#"{{"id":"i{at}","text":"{word} on day {at}","label":"{label}"}}"#);
        let _ = writeln!(answers, r#"{{"id":"i{at}","output":"{said}","cost_usd":0.001}}"#);
    }
    desk.write("items.jsonl", items);
    desk.write("answers.jsonl", answers);
    desk.write(
        "t.toml",
        format!(
            r#"[task]
name = "t"
kind = "classify"
[data]
items = "items.jsonl"
input = "text"
target = "label"
[combine]
kinds = ["single"]
[[candidate]]
name = "ngram"
lineage = "vertical"
local = {{ model = "ngram-linear" }}
{hosted}
[[candidate]]
name = "api"
lineage = "general"
recorded = {{ path = "answers.jsonl" }}
{recorded}
"#
        ),
    );
    desk
}

const BY_THE_HOUR: &str = "price = { per_hour = 0.5 }";

fn verdict(desk: &Desk, needs: &[&str]) -> Value {
    let needs: Vec<&str> = needs.iter().flat_map(|need| ["--need", need]).collect();
    desk.verdict(&desk.path("t.toml"), &needs)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs()
}

#[test]
fn facts_of_a_model_that_runs_here() {
    let desk = desk("", "");
    let first = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert!(first.stderr().contains("ngram: measuring what hosting it takes"), "{}", first.stderr());
    let verdict: Value = serde_json::from_str(&first.stdout()).unwrap();
    let all = verdict["deployment"].as_array().unwrap();
    assert_eq!(all.len(), 1, "recorded answers have no machine here");
    let facts = &all[0];
    assert_eq!((facts["name"].as_str(), facts["items"].as_u64()), (Some("ngram"), Some(120)));
    let of = |path| number(facts, path);
    assert!(of("parameters") > 100.0 && of("memory_bytes") >= 4.0 * of("parameters"));
    assert!(of("disk_bytes") > 1_000.0 && of("load_ms") > 0.0);
    let (p50, p95, p99) = (of("latency_ms.p50"), of("latency_ms.p95"), of("latency_ms.p99"));
    assert!(0.0 < p50 && p50 <= p95 && p95 <= p99 && p99 < 1_000.0, "{facts}");
    assert!(of("per_second") > 1.0 && of("best_per_second") >= of("per_second"), "{facts}");
    assert!([1, 8, 32, 128, 512].contains(&facts["best_batch"].as_u64().unwrap()), "{facts}");
    assert!(of("threads") >= 1.0 && of("machine.cores") >= 1.0 && facts["machine"]["cpu"] != "");
    if cfg!(target_os = "linux") {
        // The weights are in it, and no other model is: the whole run holds more than this.
        let peak = of("peak_memory_bytes");
        assert!(peak > of("memory_bytes") && peak < 200e6, "{facts}");
        assert!(near(number(named(&verdict, "candidates", "ngram"), "memory_gb"), peak / 1e9));
        let most = |gb: f64| {
            let need = format!("max_memory_gb={gb}");
            let verdict: Value = self::verdict(&desk, &[&need]);
            named(&verdict, "candidates", "ngram")["meets_needs"].as_bool().unwrap()
        };
        assert!(most(peak / 1e9) && !most(0.99 * peak / 1e9), "the peak is what max_memory_gb is held to");
    }
    assert!(verdict.get("break_even").is_none());
    let page = std::fs::read_to_string(desk.path("run/report.html")).unwrap();
    assert!(page.contains("id=\"hosting\""));
    let summary = desk.ordinate(["report", "run"]).stdout();
    assert!(summary.contains("Hosting, on ") && summary.contains("items/s one at a time"), "{summary}");

    // A second run measures nothing again, and says the same.
    let again = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert!(!again.stderr().contains("measuring"), "{}", again.stderr());
    assert_eq!(again.stdout(), first.stdout());
    // Figures of another machine are not this one's: its answers stay, and only the measuring is done again.
    let cache = std::fs::read_dir(desk.path("cache/local")).unwrap().map(|entry| entry.unwrap().path());
    let measured = cache.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.ends_with(".json") && name.contains('-') && !name.ends_with("-curve.json")
    });
    let measured: Vec<_> = measured.collect();
    assert_eq!(measured.len(), 1, "{measured:?}");
    let other = measured[0].with_file_name("0123-another.json");
    std::fs::rename(&measured[0], other).unwrap();
    let third = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    let told = third.stderr();
    assert!(told.contains("ngram: answers of an earlier run") && told.contains("ngram: measuring"), "{told}");
    assert!(!told.contains("training and answering"), "{told}");
    assert!(measured[0].is_file());
}

/// What an hour costs becomes what an item costs, in everything that the verdict looks at.
/// The latency that is held against the needs is the one that hosting shows; and a machine without a price is not free.
#[test]
fn latency_is_one_thing_and_nothing_costs_0() {
    let desk = desk("", "");
    let verdict = verdict(&desk, &[]);
    let p95 = number(named(&verdict, "deployment", "ngram"), "latency_ms.p95");
    let ngram = named(&verdict, "candidates", "ngram");
    assert!(near(number(ngram, "p95_ms"), p95), "{ngram} {p95}");
    assert_eq!(verdict["recommended"]["name"], "ngram");
    assert!(near(number(&verdict, "recommended.p95_ms"), p95));
    for (limit, meets) in [(1.01 * p95, true), (0.99 * p95, false)] {
        let held = self::verdict(&desk, &[&format!("max_p95_ms={limit}")]);
        assert_eq!(named(&held, "candidates", "ngram")["meets_needs"], meets, "{limit}");
    }
    assert_eq!((&ngram["not_priced"], &verdict["recommended"]["not_priced"]), (&true.into(), &true.into()));
    assert!(named(&verdict, "candidates", "api").get("not_priced").is_none());
    let summary = desk.ordinate(["report", "run"]).stdout();
    let head: String = summary.lines().take(30).collect::<Vec<_>>().join("\n");
    assert!(head.contains("not priced") && !summary.contains("$0 "), "{summary}");
    let page = std::fs::read_to_string(desk.path("run/report.html")).unwrap();
    assert!(page.contains("not priced"));
    // 0.001 USD an item, so many a second.
    let rate = number(named(&verdict, "deployment", "ngram"), "best_per_second");
    let question = verdict["why"].to_string();
    assert!(question.contains("Is hosting ngram cheaper than api ($1.00 per 1,000 items)?"), "{question}");
    assert!(
        question.contains(&format!("less than ${:.2} an hour, where it is never idle", 3.6 * rate)),
        "{question}"
    );
    let by_volume = self::verdict(&desk, &["volume_per_day=48000"])["why"].to_string();
    assert!(by_volume.contains("less than $2.00 an hour, at 48,000 items a day on 1 machine"), "{by_volume}");
    // What is paid by the item is a price, and so are hours.
    for price in ["price = { per_item = 0.0 }", BY_THE_HOUR] {
        let priced = self::verdict(&self::desk(price, ""), &[]);
        assert!(named(&priced, "candidates", "ngram").get("not_priced").is_none(), "{price}");
    }
}

#[test]
fn break_even_of_hosting_and_an_api() {
    let desk = desk(BY_THE_HOUR, "");
    let at = verdict(&desk, &["volume_per_day=50_000", "goal=cost", "margin=0.5"]);
    let ngram = named(&at, "candidates", "ngram");
    // 24 x $0.50 over 50,000 items, on one machine: it answers more than one a second.
    assert!(near(number(ngram, "cost_per_1k"), 0.24), "{ngram}");
    assert!(near(number(named(&at, "candidates", "api"), "cost_per_1k"), 1.0));
    let pair = &at["break_even"][0];
    assert_eq!((at["break_even"].as_array().unwrap().len(), pair["hosted"].as_str()), (1, Some("ngram")));
    // $12 a day are 12,000 answers at $0.001.
    assert!(
        near(number(pair, "volume_per_day"), 12_000.0) && near(number(pair, "always_above"), 12_000.0),
        "{pair}"
    );
    assert_eq!((pair["api"].as_str(), number(pair, "per_hour")), (Some("api"), 0.5));
    assert!(near(number(pair, "items_per_second"), number(&at["deployment"][0], "best_per_second")));
    assert_eq!(pair["hosted_quality"], ngram["quality"]);
    assert!((number(pair, "api_quality.mean") - 0.9).abs() < 1e-9, "half of every fifth is wrong: {pair}");
    assert_eq!(at["recommended"]["name"], "ngram", "above the break-even the hosted one is cheaper");
    assert!(at["frontier"].to_string().contains("ngram") && number(&at["frontier"][0], "cost_per_1k") > 0.2);
    let assumed = at["assumed"].to_string();
    assert!(
        assumed.contains(
            "The cost of ngram is an estimate: at $0.5 an hour and 50,000 items a day on 1 machine"
        )
    );
    assert!(assumed.contains("$0.24 per 1,000 items"), "{assumed}");

    // Below it the API is, and the limit on costs excludes the hosted one.
    let at = verdict(&desk, &["volume_per_day=10_000", "goal=cost", "margin=0.5", "max_cost_per_1k=1.1"]);
    assert!(near(number(named(&at, "candidates", "ngram"), "cost_per_1k"), 1.2));
    assert_eq!(at["recommended"]["name"], "api");
    let misses = named(&at, "candidates", "ngram")["misses"].to_string();
    assert!(misses.contains("max_cost_per_1k"), "{misses}");
    assert!(near(number(&at["break_even"][0], "volume_per_day"), 12_000.0), "it does not hang on the volume");
    let evidence = ordinate_data::read_evidence(&desk.path("run/evidence.parquet")).unwrap();
    assert!(near(evidence.answers(0).cost_usd(7).unwrap(), 0.0012), "the evidence has it");

    // Without a volume: a machine that is never idle.
    let at = verdict(&desk, &[]);
    let rate = number(&at["deployment"][0], "best_per_second");
    assert!(near(number(named(&at, "candidates", "ngram"), "cost_per_1k"), 1_000.0 * 0.5 / (3_600.0 * rate)));
    assert!(at["assumed"].to_string().contains("a machine that is never idle"), "{}", at["assumed"]);

    let summary = desk.ordinate(["report", "run"]).stdout();
    let said = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("hosting ngram is cheaper than api ($1.00 per 1,000 items) above 12,000 items a day"),
        "{summary}"
    );
}

/// Answers of a server of one's own: how many items it answers in a second is not known, and that is said.
#[test]
fn a_server_of_ones_own() {
    let desk = desk("price = { per_item = 0.002 }", "price = { per_hour = 2 }\nhosting = \"local\"");
    let at = verdict(&desk, &["volume_per_day=96_000"]);
    // 24 x $2 over 96,000 items, whatever was recorded as the cost of an answer.
    assert!(near(number(named(&at, "candidates", "api"), "cost_per_1k"), 0.5));
    assert!(near(number(named(&at, "candidates", "ngram"), "cost_per_1k"), 2.0));
    let pair = &at["break_even"][0];
    assert_eq!((pair["hosted"].as_str(), pair["api"].as_str()), (Some("api"), Some("ngram")));
    assert!(near(number(pair, "volume_per_day"), 24_000.0) && pair["items_per_second"].is_null(), "{pair}");
    assert!(at["assumed"].to_string().contains("is not known, and one is taken to do"), "{}", at["assumed"]);

    let at = verdict(&desk, &[]);
    assert!(named(&at, "candidates", "api")["cost_per_1k"].is_null());
    assert!(at["assumed"].to_string().contains("The cost of api is not known"), "{}", at["assumed"]);
    assert!(near(number(&at["break_even"][0], "volume_per_day"), 24_000.0));
}

/// A server of one's own that is asked: its hours are not metered, and what they cost is in the evidence.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked() {
    let server = FaultServer::start(Script::new(|_| "dry".to_owned())).await.unwrap();
    let desk = desk("", "");
    let live = format!(
        "hosting = \"local\"\nopenai = {{ model = \"m\", base_url = \"{}\", price = {{ per_hour = 1.0 }} }}",
        server.base_url()
    );
    let task = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    let task = task.replace("local = { model = \"ngram-linear\" }", &live).replace("\"ngram\"", "\"own\"");
    desk.write("t.toml", task.replace("[combine]", "[measure]\nmax_spend = 0.0\n[combine]"));
    let at = verdict(&desk, &["volume_per_day=24_000"]);
    assert!(near(number(named(&at, "measured", "own"), "cost_usd"), 0.0), "{}", at["measured"]);
    assert!(near(number(named(&at, "candidates", "own"), "cost_per_1k"), 1.0), "{}", at["candidates"]);
    assert!(near(number(&at["break_even"][0], "volume_per_day"), 24_000.0));
    assert!((number(&at["break_even"][0], "hosted_quality.mean") - 0.5).abs() < 1e-9);
}

/// A model that costs $1,000 million an hour never pays; and two by the hour are not held against each other.
#[test]
fn what_never_pays() {
    let desk = desk("price = { per_hour = 1_000_000_000 }", "");
    let at = verdict(&desk, &["volume_per_day=1000"]);
    let pair = &at["break_even"][0];
    assert!(pair["volume_per_day"].is_null() && pair["always_above"].is_null(), "{pair}");
    let desk = self::desk(BY_THE_HOUR, BY_THE_HOUR);
    assert!(verdict(&desk, &["volume_per_day=1000"]).get("break_even").is_none());
}

#[test]
fn prices_that_are_none() {
    let said = |hosted: &str, need: &[&str]| {
        let desk = desk(hosted, "");
        let mut arguments = vec!["run", "t.toml", "--out", "run", "-q"];
        arguments.extend(need);
        desk.ordinate(arguments).refusal()
    };
    let message = said("price = { per_hour = -1 }", &[]);
    assert!(message.contains("price.per_hour") && message.contains("a number of at least 0"), "{message}");
    let message = said("price = { per_hour = 0.5, per_item = 0.1 }", &[]);
    assert!(
        message.contains("t.toml") && message.contains("per_item and per_hour are both given"),
        "{message}"
    );
    let message = said(BY_THE_HOUR, &["--need", "volume_per_day=0"]);
    assert!(message.contains("volume_per_day") && message.contains("a whole number above 0"), "{message}");
    let message = said("price = { per_hours = 0.5 }", &[]);
    assert!(message.contains("did you mean \"per_hour\""), "{message}");
}

/// A model that cannot be measured is told of, and the verdict is reached all the same.
#[test]
fn what_cannot_be_measured_is_said() {
    let desk = desk("", "");
    desk.write("order.json", "{}");
    let message = desk.ordinate(["gauge", "order.json"]).refusal();
    assert!(message.contains("order.json") && message.contains("no order of `ordinate run`"), "{message}");
    assert!(!desk.ordinate(["--help"]).stdout().contains("gauge"));
    // No folder for the files that the other process is to read.
    let ran = desk.ordinate_with(&[("TMPDIR", "/nowhere")], &["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let verdict: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert!(verdict.get("deployment").is_none());
    assert!(
        verdict["assumed"]
            .to_string()
            .contains("What hosting ngram takes was not measured: no temporary folder")
    );
    assert!(number(named(&verdict, "candidates", "ngram"), "memory_gb") > 0.0);
}

/// A machine is paid for all day: a policy that asks it about some of the items bears its idle hours too.
#[test]
fn a_policy_pays_for_idle_hours() {
    let desk = desk(BY_THE_HOUR, "");
    let text = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    let slices = text.replace("kinds = [\"single\"]", "kinds = [\"single\", \"by-slice\"]");
    desk.write("t.toml", slices.replace("[combine]", "slice = \"where\"\n[combine]"));
    let (mut items, mut answers) = (String::new(), String::new());
    for at in 0..120 {
        // North the words say the label, south only the API knows it.
        let (label, word) = [("dry", "sun"), ("wet", "rain")][at % 2];
        let (place, word) = if at % 4 < 2 { ("north", word) } else { ("south", "fog") };
        let said = if place == "north" { "dry" } else { label };
        let _ = writeln!(items, r#"{{"id":"i{at}","text":"{word}","label":"{label}","where":"{place}"}}"#);
        let _ = writeln!(answers, r#"{{"id":"i{at}","output":"{said}","cost_usd":0.001}}"#);
    }
    desk.write("items.jsonl", items);
    desk.write("answers.jsonl", answers);
    let verdict = verdict(&desk, &["volume_per_day=1000"]);
    let lookup = named(&verdict, "policies", "by-slice");
    assert!(near(number(lookup, "share.ngram"), 0.5), "{lookup}");
    // $12 a day for 1,000 items, and half of them at $0.001.
    assert!(near(number(lookup, "cost_per_1k"), 12.0 + 0.5), "{lookup}");
}

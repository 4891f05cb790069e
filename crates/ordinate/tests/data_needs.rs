//! What more labels would be worth, from the task file to the page.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::fmt::Write as _;

use support::{Desk, named, number};

/// A number that tells nothing of another (the first half of SplitMix64).
fn mixed(number: usize) -> u64 {
    let mut bits = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^ (bits >> 32)
}

/// Items that one word of sixty a label gives away: a model learns as much as it has seen of these.
fn rows(from: usize, to: usize) -> String {
    (from..to).fold(String::new(), |mut text, at| {
        let (label, seen) = (["stop", "go", "wait"][at % 3], mixed(at) % 60);
        let letters = mixed(100_000 + at % 3 * 60 + seen as usize);
        let said: String = (0..6).map(|at| char::from(b'a' + (letters >> (8 * at)) as u8 % 26)).collect();
        let _ = writeln!(text, r#"{{"id":"i{at}","text":"{said}","label":"{label}"}}"#);
        text
    })
}

fn desk(rest: &str) -> Desk {
    let desk = Desk::new();
    desk.write("train.jsonl", rows(0, 240));
    desk.write("test.jsonl", rows(240, 840));
    let said = (0..840).fold(String::new(), |mut text, at| {
        let label = ["stop", "go", "wait"][if at % 10 == 3 { at + 1 } else { at } % 3];
        let _ = writeln!(text, r#"{{"id":"i{at}","output":"{label}"}}"#);
        text
    });
    desk.write("general.jsonl", said);
    desk.write(
        "t.toml",
        format!(
            "[task]\nname = \"signals\"\nkind = \"classify\"\n[data]\ntrain = \"train.jsonl\"\ntest = \"test.jsonl\"\n\
             input = \"text\"\ntarget = \"label\"\n[combine]\nkinds = [\"single\"]\n{rest}\
             [[candidate]]\nname = \"general\"\nlineage = \"general\"\nrecorded = {{ path = \"general.jsonl\" }}\n\
             [[candidate]]\nname = \"ngram\"\nlineage = \"vertical\"\nlocal = {{ model = \"ngram-linear\" }}\n\
             [[candidate]]\nname = \"few\"\nlineage = \"vertical\"\nlocal = {{ model = \"ngram-linear\", examples = 50 }}\n"
        ),
    );
    desk
}

#[test]
fn more_labels_would_change_the_verdict() {
    let desk = desk("");
    let checked = desk.ordinate(["check", "t.toml"]);
    let said =
        "data needs  ngram: trained on parts of the labels too, each drawn 3 times, at most 6000 items";
    assert!(checked.stdout().contains(said), "{}", checked.stdout());
    let ran = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    assert!(ran.stderr().contains("ngram: training it 12 times on parts of the labels"), "{}", ran.stderr());
    let verdict: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(verdict["outcome"], "general");
    // Who learns from a fixed number of labels has no curve.
    let needs = verdict["data_needs"].as_array().unwrap();
    assert!(needs.len() == 1 && needs[0]["candidate"] == "ngram", "{needs:?}");
    let need = &needs[0];
    let points: Vec<(u64, f64)> = serde_json::from_value(need["points"].clone()).unwrap();
    assert_eq!(points.iter().map(|point| point.0).collect::<Vec<_>>(), [15, 30, 60, 120, 240]);
    assert!(points[0].1 < points[3].1, "{points:?}");
    let quality = number(named(&verdict, "candidates", "ngram"), "quality.mean");
    assert!((points[4].1 - quality).abs() < 1e-9, "{points:?} {quality}");
    assert_eq!(need["overtakes"]["other"], "general");
    let (low, high) = (number(need, "overtakes.labels.low"), number(need, "overtakes.labels.high"));
    assert!(240.0 < low && low < high && high <= 2_400.0, "{need}");
    assert!(number(need, "labels") == 240.0 && number(need, "draws") == 3.0, "{need}");
    assert!(number(&need["next_point"], "labels.low") > 240.0, "{need}");
    let weights = need["families"].as_array().unwrap().iter().map(|family| number(family, "weight"));
    assert!((weights.sum::<f64>() - 1.0).abs() < 1e-9);
    let why = verdict["why"].to_string();
    assert!(why.contains("Label about ") && why.contains("ngram overtakes general"), "{why}");
    let page = std::fs::read_to_string(desk.path("run/report.html")).unwrap();
    assert!(page.contains("class=\"chart learn vertical\"") && page.contains("240 at hand"));

    // Nothing is trained again, by the same task or for another need.
    let again = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(again.stdout(), ran.stdout());
    assert!(!again.stderr().contains("training it"), "{}", again.stderr());
    let judged = desk.ordinate(["judge", "run", "--json"]);
    assert_eq!(judged.stdout(), ran.stdout());
    let judged = desk.ordinate(["judge", "run", "--json", "--need", "min_quality=0.95"]);
    let verdict: serde_json::Value = serde_json::from_str(&judged.stdout()).unwrap();
    assert_eq!(verdict["data_needs"][0], *need);
}

#[test]
fn curves_are_turned_off_and_bounded() {
    let off = desk("[data_needs]\nmeasure = \"none\"\n");
    let checked = off.ordinate(["check", "t.toml"]);
    assert!(!checked.stdout().contains("data needs"), "{}", checked.stdout());
    let ran = off.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    let verdict: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(verdict["data_needs"], serde_json::json!([]));
    let bounded = desk("[data_needs]\ndraws = 2\nmax_items = 250\n");
    let ran = bounded.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert!(ran.stderr().contains("training it 6 times"), "{}", ran.stderr());
    let verdict: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    let points: Vec<(u64, f64)> = serde_json::from_value(verdict["data_needs"][0]["points"].clone()).unwrap();
    assert_eq!(points.iter().map(|point| point.0).collect::<Vec<_>>(), [15, 30, 60, 240]);
    let wrong = desk("[data_needs]\nmeasure = \"fsat\"\n");
    let refused = wrong.ordinate(["check", "t.toml"]);
    assert!(refused.status() == 2 && refused.stderr().contains("fast"), "{}", refused.stderr());
}

/// One file of items: each draw is scored on a fold that it did not learn from.
#[test]
fn curves_without_a_test_part() {
    let desk = desk("");
    let task = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    desk.write(
        "t.toml",
        task.replace("train = \"train.jsonl\"\ntest = \"test.jsonl\"", "items = \"train.jsonl\""),
    );
    let general = std::fs::read_to_string(desk.path("general.jsonl")).unwrap();
    desk.write("general.jsonl", general.lines().take(240).collect::<Vec<_>>().join("\n"));
    let ran = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let verdict: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    let need = &verdict["data_needs"][0];
    let points: Vec<(u64, f64)> = serde_json::from_value(need["points"].clone()).unwrap();
    assert!(points.len() == 5 && points[4].0 == 192 && number(need, "labels") == 240.0, "{need}");
    assert!(points[0].1 < points[4].1, "{points:?}");
}

fn lines(desk: &Desk, file: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(desk.path(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Items without labels come back ranked, are filled in, and are read.
#[test]
fn the_next_items_to_label() {
    let desk = desk("");
    let ran = desk.ordinate(["run", "t.toml", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let label = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["label"].clone();
    let rows = rows(1_000, 1_300);
    let unlabelled = rows.lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{}}}", line.split(",\"label\"").next().unwrap());
        text
    });
    desk.write("unlabelled.jsonl", unlabelled);
    // The general candidate is always right here.
    let said = rows.lines().enumerate().fold(String::new(), |mut text, (at, line)| {
        let _ = writeln!(text, r#"{{"id":"i{}","output":{},"confidence":0.9}}"#, 1_000 + at, label(line));
        text
    });
    desk.write("said.jsonl", said);
    let next = |more: &[&str]| {
        let fixed = ["label-next", "run", "--items", "unlabelled.jsonl"];
        desk.ordinate(fixed.iter().chain(more).copied())
    };
    let ranked = next(&["--answers", "general=said.jsonl", "--count", "60", "--out", "next.jsonl"]);
    assert_eq!(ranked.status(), 0, "{}", ranked.stderr());
    assert!(ranked.stdout().contains("general and ngram answer "), "{}", ranked.stdout());
    assert!(ranked.stdout().contains("of 300 items written to next.jsonl"), "{}", ranked.stdout());
    let items = lines(&desk, "next.jsonl");
    // There are 180 words, and a word is asked about once.
    let texts: std::collections::BTreeSet<String> =
        items.iter().map(|item| item["text"].to_string()).collect();
    assert!(items.len() == 60 && texts.len() == 60);
    let worth: Vec<f64> = items.iter().map(|item| number(item, "worth")).collect();
    assert!(worth.is_sorted_by(|one, other| one >= other), "{worth:?}");
    assert!(number(&items[0], "settles") > 0.9, "{}", items[0]);
    let is_told_apart = |item: &serde_json::Value| {
        let said = item["said"].as_str().unwrap();
        let of = |name: &str| said.split("; ").find_map(|one| one.strip_prefix(name)).unwrap().to_owned();
        of("general: ") != of("ngram: ")
    };
    assert!(is_told_apart(&items[0]) && items[0]["label"] == "");
    // Words that it has seen are not asked about while there are others.
    let train = std::fs::read_to_string(desk.path("train.jsonl")).unwrap();
    let seen = items[..20].iter().filter(|item| train.contains(item["text"].as_str().unwrap())).count();
    assert!(seen <= 2, "{seen}");

    // Filled in by a person, and read.
    let by_id: std::collections::BTreeMap<String, serde_json::Value> =
        rows.lines().enumerate().map(|(at, line)| (format!("i{}", 1_000 + at), label(line))).collect();
    let filled = items.iter().enumerate().fold(String::new(), |mut text, (at, item)| {
        let mut item = item.clone();
        if at < 50 {
            item["label"] = by_id[item["id"].as_str().unwrap()].clone();
        }
        let _ = writeln!(text, "{item}");
        text
    });
    desk.write("train-2.jsonl", filled);
    let task = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    desk.write("t2.toml", task.replace("\"train.jsonl\"", "\"train*.jsonl\""));
    let more = desk.ordinate(["run", "t2.toml", "--json", "--out", "run2"]);
    assert_eq!(more.status(), 0, "{}", more.stderr());
    let verdict: serde_json::Value = serde_json::from_str(&more.stdout()).unwrap();
    assert_eq!(number(&verdict["data_needs"][0], "labels"), 290.0);
    let quality = |json: &serde_json::Value| number(named(json, "candidates", "ngram"), "quality.mean");
    let before: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(desk.path("run/verdict.json")).unwrap()).unwrap();
    assert!(quality(&verdict) > quality(&before), "{} {}", quality(&verdict), quality(&before));

    // Labels are not overwritten; a spreadsheet; who is asked without answers of others.
    let refused = next(&["--out", "next.jsonl"]);
    assert!(refused.status() == 2 && refused.stderr().contains("--force"), "{}", refused.stderr());
    let sheet = next(&["--out", "next.csv", "--count", "3"]);
    assert_eq!(sheet.status(), 0, "{}", sheet.stderr());
    assert!(sheet.stdout().contains("without general"), "{}", sheet.stdout());
    let csv = std::fs::read_to_string(desk.path("next.csv")).unwrap();
    assert!(
        csv.starts_with("id,text,label,worth,settles,teaches,said\ni1") && csv.lines().count() == 4,
        "{csv}"
    );
    for (answers, part) in
        [("nobody=said.jsonl", "no candidate of this name; it has"), ("said.jsonl", "NAME=FILE")]
    {
        let refused = next(&["--answers", answers, "--out", "x.jsonl"]);
        assert!(refused.status() == 2 && refused.stderr().contains(part), "{part}: {}", refused.stderr());
    }
}

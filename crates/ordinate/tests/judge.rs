//! `ordinate judge`: the verdict of a finished run under other needs is that of a run with these needs, to the last digit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::fmt::Write as _;
use std::path::Path;

use support::{Desk, root};

/// One of the needs, chosen by chance, with a value that lets something through and something not.
fn need(random: &mut fastrand::Rng) -> String {
    match random.u8(..8) {
        0 => format!("goal={}", random.choice(["quality", "cost", "latency"]).unwrap()),
        1 => format!("margin={}", random.choice(["0", "0.005", "0.02", "0.1"]).unwrap()),
        2 => format!("min_quality={:.3}", random.f64() * 0.7),
        3 => format!("max_cost_per_1k={:.4}", 20.0 * random.f64().powi(3)),
        4 => format!("max_p95_ms={:.1}", 1_000.0 * random.f64()),
        5 => format!("max_memory_gb={:.1}", 40.0 * random.f64()),
        6 => format!("stay_local={}", random.bool()),
        _ => format!("volume_per_day={}", random.u32(100..1_000_000)),
    }
}

/// Runs a task, judges the run under `sets` random sets of needs, and runs it again with each of them.
fn same_verdicts(desk: &Desk, task: &Path, sets: usize, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    desk.verdict(task, &[]);
    let mut outcomes = std::collections::BTreeSet::new();
    for _ in 0..sets {
        let needs: Vec<String> =
            (0..random.usize(1..4)).flat_map(|_| ["--need".to_owned(), need(&mut random)]).collect();
        let judged =
            desk.ordinate(["judge", "run", "--json"].into_iter().chain(needs.iter().map(String::as_str)));
        assert_eq!(judged.status(), 0, "{needs:?}: {}", judged.stderr());
        let fresh = ["run", task.to_str().unwrap(), "--json", "--quiet", "--out", "fresh"];
        let fresh = desk.ordinate(fresh.into_iter().chain(needs.iter().map(String::as_str)));
        assert_eq!(fresh.status(), 0, "{needs:?}: {}", fresh.stderr());
        assert!(judged.stdout() == fresh.stdout(), "{needs:?}: judged and run, the verdicts differ");
        let verdict: serde_json::Value = serde_json::from_str(&judged.stdout()).unwrap();
        let name = |key: &str| verdict["recommended"][key].to_string();
        outcomes.insert(verdict["outcome"].to_string() + &name("name") + &name("dial"));
        let file = verdict["recommended"]["file"].as_str();
        assert!(file.is_none_or(|file| desk.path("run").join(file).is_file()), "{needs:?}: {file:?}");
    }
    assert!(outcomes.len() > sets / 6, "the needs must matter: {outcomes:?}");
}

#[test]
fn lawbench_under_other_needs() {
    same_verdicts(&Desk::new(), &root().join("examples/lawbench/ordinate.toml"), 20, 7);
}

/// A table with latencies, memory, groups, errors, holes and a candidate that is hosted by the hour.
#[test]
fn a_table_of_all_sorts_under_other_needs() {
    let desk = Desk::new();
    let mut random = fastrand::Rng::with_seed(11);
    let mut table = "id,slice,group,candidate,score,cost_usd,latency_ms,error\n".to_owned();
    for item in 0..300 {
        let slice = item % 3;
        for (model, cost, latency) in [("large", 0.01, 900.0), ("small", 0.001, 200.0), ("own", 0.0, 90.0)] {
            let good = if (model == "own") == (slice == 1) { 0.85 } else { 0.55 };
            let score = f64::from(u8::from(random.f64() < good));
            let latency = latency * (0.5 + random.f64());
            let group = item / 2;
            let _ = match random.u8(..40) {
                0 => writeln!(table, "i{item},s{slice},g{group},{model},,{cost},{latency:.1},timeout"),
                1 => Ok(()),
                _ => writeln!(table, "i{item},s{slice},g{group},{model},{score},{cost},{latency:.1},"),
            };
        }
    }
    desk.write("e.csv", table);
    let task = desk.write(
        "t.toml",
        r#"
[task]
name = "sorts"
kind = "scored"
[data]
evidence = "e.csv"
[[candidate]]
name = "large"
lineage = "general"
hosting = "remote"
[[candidate]]
name = "small"
lineage = "general"
hosting = "local"
memory_gb = 20
[[candidate]]
name = "own"
lineage = "vertical"
hosting = "local"
memory_gb = 8
price = { per_hour = 0.2 }
"#,
    );
    same_verdicts(&desk, &task, 15, 12);
}

/// Labels, texts, and train and test named: all kinds of policy, one of which makes promises.
#[test]
fn texts_with_train_and_test_under_other_needs() {
    let desk = Desk::new();
    let mut random = fastrand::Rng::with_seed(13);
    let (mut train, mut test) = (String::new(), String::new());
    let mut answers = [String::new(), String::new(), String::new()];
    for item in 0..400 {
        let label = *random.choice(&["yes", "no", "maybe"]).unwrap();
        let topic = *random.choice(&["sea", "land"]).unwrap();
        let part = if item % 4 < 3 { &mut train } else { &mut test };
        let _ = writeln!(
            part,
            r#"{{"id":"i{item}","text":"{topic} {label} {}","label":"{label}"}}"#,
            random.u8(..9)
        );
        for (model, file) in answers.iter_mut().enumerate() {
            let good = if (model == 1) == (topic == "sea") { 0.9 } else { 0.6 };
            let said =
                if random.f64() < good { label } else { random.choice(["yes", "no", "maybe"]).unwrap() };
            let cost = [0.01, 0.001, 0.002][model];
            let _ = writeln!(
                file,
                r#"{{"id":"i{item}","output":"{said}","cost_usd":{cost},"latency_ms":{}}}"#,
                10 + 50 * model
            );
        }
    }
    desk.write("train.jsonl", train);
    desk.write("test.jsonl", test);
    for (model, file) in answers.iter().enumerate() {
        desk.write(&format!("m{model}.jsonl"), file);
    }
    let mut task = r#"
[task]
name = "texts"
kind = "classify"
[data]
train = "train.jsonl"
test = "test.jsonl"
input = "text"
target = "label"
"#
    .to_owned();
    for (model, lineage) in ["general", "vertical", "general"].iter().enumerate() {
        let _ = write!(task, "[[candidate]]\nname = \"m{model}\"\nlineage = \"{lineage}\"\n");
        let _ = writeln!(task, "recorded = {{ path = \"m{model}.jsonl\" }}");
    }
    let task = desk.write("t.toml", task);
    same_verdicts(&desk, &task, 15, 14);
}

#[test]
fn what_is_no_run_is_refused() {
    let desk = Desk::new();
    let refusal = desk.ordinate(["judge", "nowhere"]).refusal();
    assert!(refusal.contains("verdict.json"), "{refusal}");
    desk.verdict(&root().join("examples/lawbench/ordinate.toml"), &[]);
    let refusal = desk.ordinate(["judge", "run", "--need", "max_cost=1"]).refusal();
    assert!(refusal.contains("max_cost_per_1k"), "{refusal}");
    std::fs::write(desk.path("run/trials.zst"), "no trials").unwrap();
    let refusal = desk.ordinate(["judge", "run"]).refusal();
    assert!(refusal.contains("trials.zst") && refusal.contains("run the task again"), "{refusal}");
    std::fs::remove_file(desk.path("run/trials.zst")).unwrap();
    assert!(desk.ordinate(["judge", "run"]).refusal().contains("trials.zst"));
}

//! `ordinate verify`: a verdict is held to answers that came later.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::fmt::Write as _;

use support::{Desk, number};

/// A table in which each of two models knows one slice, with this chance of being right there, and half of the other.
fn table(items: usize, known: f64, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut table = "id,slice,candidate,score,cost_usd\n".to_owned();
    for item in 0..items {
        for (model, slice) in [("large", "law"), ("own", "art")] {
            let of_item = ["law", "art"][item % 2];
            let good = if of_item == slice { known } else { 0.5 };
            let score = u8::from(random.f64() < good);
            let _ = writeln!(table, "i{seed}-{item},{of_item},{model},{score},0.001");
        }
    }
    table
}

const TASK: &str = r#"
[task]
name = "two"
kind = "scored"
[data]
evidence = "e.csv"
[[candidate]]
name = "large"
lineage = "general"
[[candidate]]
name = "own"
lineage = "vertical"
"#;

#[test]
fn a_verdict_holds_while_the_world_stays() {
    let desk = Desk::new();
    desk.write("e.csv", table(1_200, 0.9, 1));
    let task = desk.write("t.toml", TASK);
    let verdict = desk.verdict(&task, &[]);
    assert_eq!(verdict["outcome"], "combined", "{}", verdict["why"]);

    desk.write("later.csv", table(800, 0.9, 2));
    let ran = desk.ordinate(["verify", "run", "--evidence", "later.csv", "--json"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let verified: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!((&verified["held"], &verified["policy"]), (&true.into(), &"by-slice".into()), "{verified}");
    assert_eq!(verified["items"], 800);
    assert!(number(&verified, "probability") > 0.05, "{verified}");
    assert!(
        verified["others"].as_array().unwrap().iter().all(|other| number(other, "difference.mean") < 0.0)
    );
    assert!(
        desk.ordinate(["verify", "run", "--evidence", "later.csv"]).stdout().starts_with("The verdict held")
    );

    // Both models forget what they knew.
    desk.write("worse.csv", table(800, 0.6, 3));
    let ran = desk.ordinate(["verify", "run", "--evidence", "worse.csv", "--json"]);
    let verified: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(verified["held"], false, "{verified}");
    assert!(number(&verified, "probability") < 1e-6, "{verified}");
}

#[test]
fn what_cannot_be_verified_is_said() {
    let desk = Desk::new();
    assert!(desk.ordinate(["verify", "nowhere", "--evidence", "e.csv"]).refusal().contains("verdict.json"));
    desk.write("e.csv", table(200, 0.9, 1));
    desk.verdict(&desk.write("t.toml", TASK), &[]);
    let refusal = desk.ordinate(["verify", "run", "--evidence", "absent.csv"]).refusal();
    assert!(refusal.contains("absent.csv"), "{refusal}");
    desk.write("others.csv", "id,slice,candidate,score\n1,law,x,1\n1,law,y,0\n2,art,x,1\n2,art,y,0\n");
    let refusal = desk.ordinate(["verify", "run", "--evidence", "others.csv"]).refusal();
    assert!(refusal.contains("others.csv") && refusal.contains("wants"), "{refusal}");
}

//! Answers that are made of several: a mean of ratings that nobody gave is scored, and a vote over them is their median.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use serde_json::{Value, json};
use support::{Desk, named, number};

/// Ratings from 1 to 5 by three candidates: one too high, one too low, and one that says 3 whatever it is.
fn ratings(desk: &Desk, head: &str, scored: bool) -> Value {
    let items = 300;
    let target = |at: usize| 1.0 + (at % 5) as f64;
    let rows: Vec<String> = (0..items)
        .map(|at| {
            json!({ "id": at.to_string(), "input": format!("text {at}"), "target": target(at) }).to_string()
        })
        .collect();
    desk.write("items.jsonl", rows.join("\n"));
    type Says = fn(usize, f64) -> f64;
    let says: [(&str, Says); 3] = [
        ("high", |at, target| target + 0.5 + 0.1 * (at % 3) as f64),
        ("low", |at, target| target - 0.5 - 0.1 * (at % 4) as f64),
        ("three", |_, _| 3.0),
    ];
    let mut task = format!("[task]\nname = \"ratings\"\n{head}\n[data]\nitems = \"items.jsonl\"\n");
    for (name, says) in says {
        let rows: Vec<String> = (0..items)
            .map(|at| {
                let output = says(at, target(at));
                let mut row =
                    json!({ "id": at.to_string(), "output": output.to_string(), "cost_usd": 0.001 });
                if scored {
                    row["score"] = json!((1.0 - (output - target(at)).abs() / 4.0).max(0.0));
                }
                row.to_string()
            })
            .collect();
        desk.write(&format!("{name}.jsonl"), rows.join("\n"));
        task += &format!(
            "[[candidate]]\nname = \"{name}\"\nlineage = \"general\"\nrecorded = {{ path = \"{name}.jsonl\" }}\n"
        );
    }
    let path = desk.write("task.toml", task);
    desk.verdict(&path, &[])
}

fn quality(verdict: &Value, list: &str, name: &str) -> f64 {
    number(named(verdict, list, name), "quality.mean")
}

#[test]
fn a_mean_of_numbers_is_an_answer() {
    for scored in [false, true] {
        let verdict = ratings(&Desk::new(), "kind = \"regress\"", scored);
        let best = ["high", "low", "three"]
            .map(|name| quality(&verdict, "candidates", name))
            .into_iter()
            .fold(0.0, f64::max);
        let mean = quality(&verdict, "policies", "weighted");
        assert!(best < 0.87 && mean > 0.97, "{best} {mean}");
        // The median of the three is never further off than the worse of its neighbours.
        assert!(quality(&verdict, "policies", "vote") > 0.85, "{}", quality(&verdict, "policies", "vote"));
    }
}

#[test]
fn scores_of_another_rule_allow_answers_of_candidates_alone() {
    // The scores are of a kind that this program does not know: a mean would score nobody knows what.
    let verdict = ratings(&Desk::new(), "kind = \"scored\"\noutput = \"number\"", true);
    let weighted = quality(&verdict, "policies", "weighted");
    assert!(weighted < 0.88, "{weighted}");
}

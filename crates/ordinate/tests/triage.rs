//! The README's example for one's own text: models that run here, nothing downloaded, a verdict in seconds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::process::Command;

use support::{Desk, named, number, root};

fn run(desk: &Desk, needs: &[&str]) -> serde_json::Value {
    let output = Command::new(env!("CARGO_BIN_EXE_ordinate"))
        .arg("run")
        .arg(root().join("examples/triage/ordinate.toml"))
        .args(["--json", "--quiet", "--out", "run"])
        .args(needs)
        .current_dir(desk.path(""))
        .env("ORDINATE_CACHE", desk.path("cache"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The figures of `examples/triage/README.md`.
#[test]
fn four_hundred_messages() {
    let desk = Desk::new();
    let verdict = run(&desk, &[]);
    for (name, quality) in [("builtin-described", 0.315), ("ngram", 0.583), ("builtin-probe", 0.623)] {
        let measured = number(named(&verdict, "candidates", name), "quality.mean");
        assert!((measured - quality).abs() < 0.01, "{name}: {measured}");
    }
    assert_eq!(verdict["outcome"], "undecided");
    let stack = number(named(&verdict, "policies", "stack"), "gain_over_best_single.mean");
    assert!((stack - 0.009).abs() < 0.01, "{stack}");
    let more = number(&verdict, "undecided.items_needed");
    assert!((10_000.0..50_000.0).contains(&more), "{more}");
    assert!(verdict["assumed"].to_string().contains("written for this project"));
    // Customers stay whole: 364 of them, not 400 items, are what the intervals rest on.
    assert_eq!(verdict["basis"]["groups"], 364);

    let verdict = run(&desk, &["--need", "margin=0.06"]);
    assert_eq!(verdict["outcome"], "transferred");
    assert_eq!(verdict["recommended"]["name"], serde_json::json!("builtin-probe"));
}

//! Does a verdict hold? Simulated tasks whose truth is known, and real evidence cut in two.
//!
//! ```text
//! cargo run --release -p ordinate-judge --example simulate -- null [TASKS]
//! cargo run --release -p ordinate-judge --example simulate -- power [TASKS]
//! cargo run --release -p ordinate-judge --example simulate -- coverage [TASKS]
//! cargo run --release -p ordinate-judge --example simulate -- regret FOLDER...
//! ```
//!
//! TASKS are those of one stratum. Seeds are fixed; threads change nothing. `docs/simulations.md` has the figures.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)]

mod coverage;
mod null;
mod pool;
mod power;
mod regret;

use std::time::Instant;

use ordinate_core::{Evidence, Needs};
use ordinate_judge::{Case, Judged, Resampling, judge};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let start = Instant::now();
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let tasks = |usual: u64| rest.first().map_or(usual, |tasks| tasks.parse().expect("a number of tasks"));
    match command.as_deref() {
        Some("null") => null::show(tasks(45)),
        Some("power") => power::show(tasks(200)),
        Some("coverage") => coverage::show(tasks(200)),
        Some("regret") => regret::show(&rest),
        _ => {
            eprintln!("usage: simulate null|power|coverage [TASKS] | simulate regret FOLDER...");
            std::process::exit(2);
        }
    }
    eprintln!("{:.0} s", start.elapsed().as_secs_f64());
}

/// The verdict as `ordinate run` reaches it: every kind of policy, 5 folds; `resamples` of them.
fn verdict(evidence: &Evidence, needs: &[&str], resamples: u32) -> Judged {
    let mut all = Needs::default();
    for need in needs {
        all.set(need).expect("a need");
    }
    let learners = ordinate_combine::learners(None);
    let case = Case {
        task: "simulated",
        evidence,
        needs: &all,
        learners: &learners,
        folds: 5,
        resampling: Resampling {
            resamples: resamples.try_into().expect("resamples"),
            seed: 0,
            interval: Default::default(),
        },
        guess_rate: None,
        notes: &[],
    };
    judge(&case).expect("a verdict")
}

/// A share in percent.
fn percent(part: usize, of: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / of.max(1) as f64)
}

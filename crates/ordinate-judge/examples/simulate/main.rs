//! Does a verdict hold? Simulated tasks whose truth is known, and real evidence cut in two.
//!
//! ```text
//! cargo run --release -p ordinate-judge --example simulate -- null [TASKS [PART]]
//! cargo run --release -p ordinate-judge --example simulate -- power [TASKS [PART [ORDINATE]]]
//! cargo run --release -p ordinate-judge --example simulate -- coverage [TASKS [PART [KIND]]]
//! cargo run --release -p ordinate-judge --example simulate -- regret [CUTS] FOLDER...
//! ```
//!
//! TASKS are those of one stratum; of these only those are tried whose name has PART in it. KIND is the one kind of policy that
//! is learned. ORDINATE is another build of the program, which is given the same tasks. Seeds are fixed; threads change nothing. `docs/simulations.md` has the figures.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)]

mod coverage;
mod null;
mod other;
mod pool;
mod power;
mod regret;

use std::time::Instant;

use ordinate_combine::{Artefact, Learned, Plan, learn, learners};
use ordinate_core::verdict::Verdict;
use ordinate_core::{Evidence, Needs, PolicyKind};
use ordinate_judge::{Resampling, Setting, decide};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let start = Instant::now();
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let tasks = |usual: u64| rest.first().map_or(usual, |tasks| tasks.parse().expect("a number of tasks"));
    let part = rest.get(1).map_or("", String::as_str);
    match command.as_deref() {
        Some("null") => null::show(tasks(45), part),
        Some("power") => power::show(tasks(200), part, rest.get(2).map(std::path::Path::new)),
        Some("coverage") => coverage::show(tasks(200), part, rest.get(2).map(String::as_str)),
        Some("regret") => match rest.first().and_then(|cuts| cuts.parse().ok()) {
            Some(cuts) => regret::show(cuts, &rest[1..]),
            None => regret::show(10, &rest),
        },
        _ => {
            eprintln!(
                "usage: simulate null [TASKS [PART]] | coverage [TASKS [PART [KIND]]] | power [TASKS [PART [ORDINATE]]] | regret [CUTS] FOLDER..."
            );
            std::process::exit(2);
        }
    }
    eprintln!("{:.0} s", start.elapsed().as_secs_f64());
}

/// A verdict and the policies that it speaks of, the recommended one first.
struct Judged {
    verdict: Verdict,
    artefacts: Vec<Artefact>,
}

/// The verdict as `ordinate run` reaches it: every kind of policy, 5 folds; `resamples` of them.
fn verdict(evidence: &Evidence, needs: &[&str], resamples: u32) -> Judged {
    judged(learned(evidence), needs, resamples)
}

fn judged(learned: Learned, needs: &[&str], resamples: u32) -> Judged {
    let verdict = judge(&learned, needs, resamples);
    let spoken_of = |file: &str| {
        verdict.policies.iter().any(|row| row.file.as_deref() == Some(file))
            || verdict
                .recommended
                .as_ref()
                .is_some_and(|recommended| recommended.file.as_deref() == Some(file))
    };
    let artefacts = learned.artefacts(&verdict).into_iter().filter(|(file, _)| spoken_of(file));
    Judged { artefacts: artefacts.map(|(_, artefact)| artefact).collect(), verdict }
}

fn learned(evidence: &Evidence) -> Learned {
    learned_of(evidence, None)
}

/// Of these kinds of policies alone, where some are named.
fn learned_of(evidence: &Evidence, kinds: Option<&[PolicyKind]>) -> Learned {
    learn(&evidence.view(), &learners(kinds), &Plan { folds: 5, seed: 0 }).expect("items that can be folded")
}

fn judge(learned: &Learned, needs: &[&str], resamples: u32) -> Verdict {
    let mut all = Needs::default();
    for need in needs {
        all.set(need).expect("a need");
    }
    let setting = Setting {
        task: "simulated".to_owned(),
        resampling: Resampling {
            resamples: resamples.try_into().expect("resamples"),
            seed: 0,
            interval: Default::default(),
        },
        guess_rate: None,
        metric: None,
        floors: Vec::new(),
        notes: Vec::new(),
        hosted: Vec::new(),
        measured: Vec::new(),
        deployment: Vec::new(),
        series: Vec::new(),
        learning: Vec::new(),
        judge: None,
    };
    decide(&learned.trials, &all, &setting)
}

/// A share in percent.
fn percent(part: usize, of: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / of.max(1) as f64)
}

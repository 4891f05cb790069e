//! A verdict from the library: reads a task with recorded answers, learns, and decides under the needs of the task and
//! of the command line: `cargo run --release -p ordinate-judge --example decide -- TASK.toml [KEY=VALUE...]`.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use ordinate_combine::{Plan, learn, learners};
use ordinate_core::task::{CombineSection, StatisticsSection};
use ordinate_data::{load_evidence, read_task};
use ordinate_judge::{Resampling, Setting, decide};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("usage: decide TASK.toml [KEY=VALUE...]");
    let file = read_task(Path::new(&path)).expect("a task").file;
    let loaded = load_evidence(&read_task(Path::new(&path)).expect("a task")).expect("answers");
    let mut needs = file.needs.clone();
    arguments.for_each(|need| needs.set(&need).expect("a need"));
    let seed = file.statistics.seed.unwrap_or_default();
    let plan = Plan { folds: file.combine.folds.unwrap_or(CombineSection::FOLDS), seed };
    let learners = learners(file.combine.kinds.as_deref());
    let learned = learn(&loaded.evidence.view(), &learners, &plan).expect("items that can be folded");
    let setting = Setting {
        task: file.task.name.clone(),
        resampling: Resampling {
            resamples: file.statistics.resamples.unwrap_or(StatisticsSection::RESAMPLES),
            seed,
            interval: file.statistics.interval.unwrap_or_default(),
        },
        guess_rate: file.task.guess_rate,
        metric: None,
        floors: Vec::new(),
        notes: file.data.notes.iter().cloned().chain(loaded.notes).collect(),
        hosted: Vec::new(),
        measured: Vec::new(),
        deployment: Vec::new(),
        series: Vec::new(),
        learning: Vec::new(),
        judge: None,
    };
    let verdict = decide(&learned.trials, &needs, &setting);
    println!("{}", serde_json::to_string_pretty(&verdict).expect("numbers"));
}

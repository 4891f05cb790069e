//! Runs a task file from Rust: `cargo run --example run_a_task -- TASK.toml [RUN_FOLDER]`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program

use std::error::Error;
use std::sync::Arc;

use ordinate::{Event, Observer, Options, read_task, run};

/// Tells every step.
struct Steps;

impl Observer for Steps {
    fn see(&self, event: Event<'_>) {
        if let Event::Step(step) = event {
            eprintln!("{step}");
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let file = arguments.next().ok_or("usage: run_a_task TASK.toml [RUN_FOLDER]")?;
    let task = read_task(file.as_ref())?;
    // Without a `hosting_helper`, what hosting takes is noted as not measured.
    let options = Options { folder: arguments.next().map(Into::into), ..Options::default() };
    let run = run(&task, &options, Arc::new(Steps)).await?;
    let recommended = run.verdict.recommended.map(|one| one.name);
    println!("{:?}: {}", run.verdict.outcome, recommended.as_deref().unwrap_or("nothing"));
    Ok(())
}

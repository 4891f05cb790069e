//! Reads the evidence of a task and says how long that took: the benchmark of reading.
//!
//!     cargo run --release -p ordinate-data --example load_evidence -- TASK.toml [STORE.parquet]
//!
//! With a second argument the evidence is also written as a run folder keeps it, and read back.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use ordinate_data::{load_evidence, read_evidence, read_task, write_evidence};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: load_evidence TASK.toml [STORE.parquet]")?;
    let start = Instant::now();
    let loaded = load_evidence(&read_task(Path::new(&path))?)?;
    let seconds = start.elapsed().as_secs_f64();
    let (items, candidates) = (loaded.evidence.len(), loaded.evidence.candidates().len());
    say(&format!("{items} items x {candidates} candidates: read in {seconds:.2} s; {}", memory()));
    for note in &loaded.notes {
        say(note);
    }
    if let Some(store) = arguments.next() {
        let start = Instant::now();
        write_evidence(Path::new(&store), &loaded.evidence)?;
        say(&format!("written in {:.2} s", start.elapsed().as_secs_f64()));
        let start = Instant::now();
        let back = read_evidence(Path::new(&store))?;
        say(&format!("read back in {:.2} s", start.elapsed().as_secs_f64()));
        say(if back == loaded.evidence { "equal" } else { "NOT EQUAL" });
    }
    Ok(())
}

/// The most memory that was used, where the system says so.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(str::trim);
    peak.map(|peak| format!("peak memory {peak}")).unwrap_or_default()
}

#[allow(clippy::print_stdout)] // what the example is for
fn say(text: &str) {
    println!("{text}");
}

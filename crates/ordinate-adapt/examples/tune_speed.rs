//! How long a step of training takes: `tune_speed MODEL METHOD STEPS BATCH TOKENS`, for scripts/side_by_side/train_encoder.py.
#![allow(clippy::print_stdout)] // an example may

use std::error::Error;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use ordinate_adapt::methods;
use ordinate_models::{Encoders, Fitting, Kind, Sample, Training, TrainingSet};
use serde_json::json;

/// As in the command line.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, method, steps, batch, tokens] = arguments.as_slice() else {
        return Err("usage: tune_speed MODEL METHOD STEPS BATCH TOKENS".into());
    };
    let (steps, batch, tokens): (u64, usize, usize) = (steps.parse()?, batch.parse()?, tokens.parse()?);
    let entry = serde_json::from_value(json!({
        "name": "speed", "lineage": "transferred",
        "adapt": { "from": model, "method": method, "epochs": steps, "batch_size": batch },
    }))?;
    let method = methods().of(&entry, Path::new(""))?.ok_or("no method makes it")?;
    // A word of one token each, and a token before and behind.
    let words = ["gold", "price", "bank", "card", "rain", "sun", "water", "house"];
    let text = |at: usize| (2..tokens).map(|word| words[(at + word) % 8]).collect::<Vec<_>>().join(" ");
    let texts: Vec<String> = (0..batch).map(text).collect();
    let labels = ["up", "down"];
    let pairs = texts.iter().enumerate().map(|(at, text)| (Sample::text(text), labels[at % 2]));
    let train = TrainingSet::new(Kind::Classify, pairs);
    let told = Mutex::new(None);
    let watch = |training: Training<'_>| {
        if let (Training::Progress(progress), Ok(mut told)) = (training, told.lock()) {
            // The first steps are left out: memory is taken in them.
            let (_, _, from, since) = *told.get_or_insert((0, Instant::now(), progress.step, Instant::now()));
            *told = Some((progress.step, Instant::now(), from, since));
        }
    };
    let encoders = Encoders::new();
    let started = Instant::now();
    method.fit(&train, &Fitting { watch: &watch, ..Fitting::new(1, &encoders) })?;
    let all = started.elapsed().as_secs_f64();
    let told = told.into_inner().map_err(|error| error.to_string())?;
    if let Some((step, when, from, since)) = told.filter(|(step, _, from, _)| step > from) {
        println!(
            "{:.4} s a step; {all:.1} s in all",
            when.duration_since(since).as_secs_f64() / (step - from) as f64
        );
    }
    Ok(())
}

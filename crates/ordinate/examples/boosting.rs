//! Gradient boosting on the table of a task file: trained on its train items, asked about its test items.
//! `scripts/side_by_side/boosting.py` runs this and compares.
//!
//! `boosting TASK.toml` prints as JSON: items, quality (accuracy, or the root of the mean squared error), log loss of the
//! right labels (natural logarithm; none for numbers), and seconds of fitting and of answering all test items.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a script

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use ordinate_core::Part;
use ordinate_data::{load_features, load_items, read_task};
use ordinate_models::{Boosted, Kind, Prediction, Stop};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(task) = std::env::args().nth(1) else { return Err("usage: boosting TASK.toml".into()) };
    let task = read_task(Path::new(&task))?;
    let kind = Kind::of(task.kind).ok_or("trees classify and regress")?;
    let items = load_items(&task)?;
    let features = load_features(&task)?;
    let of = |part: Part| (0..items.len()).filter(|&row| items.part(row) == Some(part)).collect::<Vec<_>>();
    let (train, test) = (of(Part::Train), of(Part::Test));
    let target = |row: &usize| items.target(*row).unwrap_or_default().trim();
    let targets: Vec<&str> = train.iter().map(target).collect();
    let started = Instant::now();
    let model = Boosted::fit(kind, &features, &train, &targets, Stop::NEVER)?;
    let fit_s = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let replies: Vec<_> = test.iter().map(|&row| model.predict(&features, row)).collect();
    let answer_s = started.elapsed().as_secs_f64();
    let count = test.len() as f64;
    let (quality, log_loss) = if kind == Kind::Regress {
        let square = |(reply, row): (&Prediction, &usize)| {
            let (said, right) = (reply.output.parse::<f64>(), target(row).parse::<f64>());
            (said.unwrap_or(f64::NAN) - right.unwrap_or(f64::NAN)).powi(2)
        };
        ((replies.iter().zip(&test).map(square).sum::<f64>() / count).sqrt(), None)
    } else {
        let hits = replies.iter().zip(&test).filter(|(reply, row)| reply.output == target(row)).count();
        let loss: f64 = test
            .iter()
            .map(|row| -model.probability(&features, *row, target(row)).unwrap_or(0.0).max(1e-15).ln())
            .sum();
        (hits as f64 / count, Some(loss / count))
    };
    println!(
        "{}",
        json!({ "items": test.len(), "quality": quality, "log_loss": log_loss, "fit_s": fit_s, "answer_s": answer_s })
    );
    Ok(())
}

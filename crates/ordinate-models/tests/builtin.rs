//! The built-in encoder with a probe, on headlines of the gold market.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

use std::fs;
use std::path::Path;

use ordinate_models::{EncoderSource, Encoders, Kind, Model as _, Probe, Sample, Stop};

fn rows(name: &str) -> Option<(Vec<String>, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tasks/headlines_gold");
    let Ok(text) = fs::read_to_string(root.join(name)) else {
        eprintln!("skipped: {} is not here", root.display());
        return None;
    };
    let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    Some(rows.map(|row| (text(&row, "text"), text(&row, "label"))).unzip())
}

#[test]
fn probes_on_few_and_many_labels() {
    let (Some((texts, labels)), Some((asked, right))) = (rows("train.jsonl"), rows("test.jsonl")) else {
        return;
    };
    let encoder = Encoders::new().get(&EncoderSource::Builtin).unwrap();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let asked: Vec<Sample<'_>> = asked.iter().map(|text| Sample::text(text)).collect();
    let vectors = encoder.embed(&texts, Stop::NEVER).unwrap();
    let mut order: Vec<usize> = (0..texts.len()).collect();
    let mut failed = Vec::new();
    for (count, least) in [(20, 0.48), (100, 0.66), (500, 0.77), (5_000, 0.83)] {
        // The mean over five draws: one draw of 20 labels is luck.
        let draws = if count > 1_000 { 1 } else { 5 };
        let mut sum = 0.0;
        for draw in 0..draws {
            ordinate_core::random::shuffle(&mut order, draw);
            let chosen = &order[..count.min(order.len())];
            let few: Vec<_> = chosen.iter().map(|&at| vectors[at].clone()).collect();
            let targets: Vec<Vec<String>> = chosen.iter().map(|&at| vec![labels[at].clone()]).collect();
            let probe = Probe::fit(encoder.clone(), Kind::Classify, &few, &targets, Stop::NEVER).unwrap();
            let replies = probe.answer(&asked).unwrap();
            let hits = replies
                .iter()
                .zip(&right)
                .filter(|(reply, right)| reply.prediction.output == **right)
                .count();
            sum += hits as f64 / right.len() as f64;
        }
        let accuracy = sum / draws as f64;
        eprintln!("{count} labels: {accuracy:.4}");
        if accuracy < least {
            failed.push((count, accuracy));
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

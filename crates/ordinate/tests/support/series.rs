//! Series that are made for tests, and tasks over them.
#![allow(dead_code, unreachable_pub)]

use std::path::PathBuf;

use serde_json::{Value, json};

use super::support::{Desk, named, number};

/// Months with a trend and a season, each series of its own size, and a bit of noise that is the same every time.
pub fn value(series: u64, at: u64) -> f64 {
    let season = [8.0, 3.0, -2.0, -6.0, -3.0, 0.0, 4.0, 6.0, 1.0, -5.0, -4.0, -2.0][at as usize % 12];
    let noise = ((series * 7_919 + at * 104_729) % 1_000) as f64 / 1_000.0 - 0.5;
    let size = 20.0 + (series % 9) as f64 * 10.0;
    size * (1.0 + 0.004 * at as f64 + 0.03 * season + 0.06 * noise)
}

pub fn values(series: u64, from: u64, to: u64) -> Vec<f64> {
    (from..to).map(|at| value(series, at)).collect()
}

/// A task over `data`, with these candidates: name, lineage and source.
pub fn task(desk: &Desk, data: &str, candidates: &[(&str, &str, &str)]) -> PathBuf {
    let mut text =
        format!("[task]\nname = \"months\"\nkind = \"forecast\"\n{data}\n[statistics]\nresamples = 200\n");
    for (name, lineage, source) in candidates {
        text += &format!("[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\n{source}\n");
    }
    desk.write("task.toml", text)
}

/// Series with targets, a line each.
pub fn lines(desk: &Desk, count: u64) {
    let row = |series: u64| json!({"id": format!("s{series}"), "past": values(series, 0, 60), "next": values(series, 60, 66), "of": if series.is_multiple_of(2) { "a" } else { "b" }});
    let rows: Vec<String> = (0..count).map(|series| row(series).to_string()).collect();
    desk.write("items.jsonl", rows.join("\n"));
}

pub const DATA: &str = "[data]\nitems = \"items.jsonl\"\ninput = \"past\"\ntarget = \"next\"\nslice = \"of\"\n[series]\nseason = 12";

pub fn quality(verdict: &Value, list: &str, name: &str) -> f64 {
    number(named(verdict, list, name), "quality.mean")
}

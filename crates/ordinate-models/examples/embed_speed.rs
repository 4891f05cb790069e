//! How fast an encoder embeds here: `cargo run --release --example embed_speed -- MODEL TEXTS [BATCH]`, where TEXTS has
//! one text a line. Prints texts per second; `scripts/side_by_side/onnx_encoder.py` asks onnxruntime the same.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use ordinate_models::Encoder as _;
use ordinate_models::encoder::{Source, open};

/// As in the command line.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("name a model")?;
    let texts = std::fs::read_to_string(arguments.next().ok_or("name a file of texts")?)?;
    let texts: Vec<&str> = texts.lines().collect();
    let batch: usize = arguments.next().map_or(Ok(texts.len()), |text| text.parse())?;
    let encoder = open(&Source::find(&model, Path::new(""))?)?;
    encoder.embed(&texts[..texts.len().min(32)])?;
    let started = Instant::now();
    for some in texts.chunks(batch) {
        encoder.embed(some)?;
    }
    let rate = texts.len() as f64 / started.elapsed().as_secs_f64();
    println!("{rate:.1}");
    Ok(())
}

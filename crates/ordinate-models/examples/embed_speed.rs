//! How fast an encoder embeds here: `cargo run --release --example embed_speed -- MODEL TEXTS [f32|int8] [BATCH]`, where TEXTS has
//! one text a line. Prints texts per second; in eight bits also how far vectors and cosines are from those of 32 bits.
//! `scripts/side_by_side/onnx_encoder.py` asks onnxruntime the same.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use ordinate_core::task::Precision;
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
    let precision = match arguments.next().as_deref() {
        None | Some("f32") => Precision::F32,
        Some("int8") => Precision::Int8,
        Some(other) => return Err(format!("{other} is neither f32 nor int8").into()),
    };
    let batch: usize = arguments.next().map_or(Ok(texts.len()), |text| text.parse())?;
    let source = Source::find(&model, Path::new(""))?;
    let encoder = open(&Source { precision, ..source.clone() })?;
    encoder.embed(&texts[..texts.len().min(32)])?;
    let started = Instant::now();
    let mut vectors = Vec::with_capacity(texts.len());
    for some in texts.chunks(batch) {
        vectors.extend(encoder.embed(some)?);
    }
    let rate = texts.len() as f64 / started.elapsed().as_secs_f64();
    println!("{rate:.1}");
    if precision == Precision::Int8 {
        let exact = open(&source)?.embed(&texts)?;
        let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        let same = exact.iter().zip(&vectors).map(|(exact, made)| cosine(exact, made));
        let least = same.fold(1.0, f64::min);
        let pairs = exact.windows(2).zip(vectors.windows(2));
        let off: Vec<f64> = pairs.map(|(a, b)| (cosine(&a[0], &a[1]) - cosine(&b[0], &b[1])).abs()).collect();
        let (mean, most) =
            (off.iter().sum::<f64>() / off.len().max(1) as f64, off.iter().fold(0.0, |a, b| b.max(a)));
        println!(
            "the least cosine of a vector with its own in f32 {least:.4}; cosines of neighbouring texts off by {mean:.4} on the mean, \
             {most:.4} at most"
        );
    }
    Ok(())
}

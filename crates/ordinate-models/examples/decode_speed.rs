//! How fast a decoder reads and writes here: `decode_speed model.gguf [prompt tokens] [candle | llama.cpp]`, built by
//! `cargo build --release --workspace --example decode_speed`, for llama.cpp with `--features llama-cpp`. The tokens
//! mean nothing, and the speed does not hang on them.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use ordinate_core::task::Engine;
use ordinate_models::decoder::{find, layers};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("name a model")?;
    let prompt: u32 = arguments.next().map_or(Ok(256), |text| text.parse())?;
    let engine = match arguments.next().as_deref() {
        None | Some("candle") => Engine::Candle,
        Some("llama.cpp") => Engine::LlamaCpp,
        Some(other) => return Err(format!("{other:?} is no engine").into()),
    };
    let place = find(&name, Path::new(""))?.ok_or("this is no decoder")?.by(engine)?;
    let started = Instant::now();
    let layers = layers(&place)?;
    let facts = layers.facts();
    println!(
        "{:.0} M parameters, {:.0} MB, read in {:.2} s",
        facts.parameters as f64 / 1e6,
        facts.bytes as f64 / 1e6,
        started.elapsed().as_secs_f64()
    );
    let tokens: Vec<u32> = (0..prompt).map(|at| at * 7 % 1_000).collect();
    for _ in 0..3 {
        let started = Instant::now();
        let mut text = layers.session(tokens.len() + 32)?;
        text.read(&tokens, 1)?;
        let reading = f64::from(prompt) / started.elapsed().as_secs_f64();
        let started = Instant::now();
        for token in 0..32 {
            text.read(&[token], 1)?;
        }
        let writing = 32.0 / started.elapsed().as_secs_f64();
        println!("{reading:.1} tokens/s read, {writing:.1} tokens/s written behind {prompt}");
    }
    Ok(())
}

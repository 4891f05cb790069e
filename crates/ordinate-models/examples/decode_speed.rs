//! How fast a decoder reads and writes here: `cargo run --release --example decode_speed -- model.gguf [prompt tokens]`.
//! The tokens mean nothing, and the speed does not hang on them.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use ordinate_models::decoder::{Cache, decoder, find};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("name a model")?;
    let prompt: u32 = arguments.next().map_or(Ok(256), |text| text.parse())?;
    let place = find(&name, Path::new(""))?.ok_or("this is no decoder")?;
    let started = Instant::now();
    let decoder = decoder(&place)?.0.decoder;
    let facts = decoder.facts();
    println!(
        "{:.0} M parameters, {:.0} MB, read in {:.2} s",
        facts.parameters as f64 / 1e6,
        facts.bytes as f64 / 1e6,
        started.elapsed().as_secs_f64()
    );
    let tokens: Vec<u32> = (0..prompt).map(|at| at * 7 % 1_000).collect();
    for _ in 0..3 {
        let mut cache = Cache::default();
        let started = Instant::now();
        decoder.read(&tokens, &mut cache, 1)?;
        let reading = f64::from(prompt) / started.elapsed().as_secs_f64();
        let started = Instant::now();
        for token in 0..32 {
            decoder.read(&[token], &mut cache, 1)?;
        }
        let writing = 32.0 / started.elapsed().as_secs_f64();
        println!("{reading:.1} tokens/s read, {writing:.1} tokens/s written behind {prompt}");
    }
    Ok(())
}

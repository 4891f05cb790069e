//! What routing by text reaches on recorded answers, cross-fitted:
//! `cargo run --release -p ordinate-combine --example route -- ../shared/data/evidence/lawbench [folds-seed]`.
//!
//! With two candidates also APGR, five-fold and with 1,500 labels (mean of 10 draws).
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/shared/mod.rs"]
mod shared;

use std::path::Path;
use std::time::Instant;

use ordinate_combine::by_slice::BySliceLearner;
use ordinate_combine::route::RouteLearner;
use ordinate_combine::{Artefact, Context, Folds, Learner, random, record};
use ordinate_core::evidence::View;
use ordinate_core::{Dial, Evidence};
use ordinate_trials::{Board, Pick, Plays, Priced};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("usage: route FOLDER [SEED] [all]");
    let seed: u64 = arguments.next().map_or(0, |seed| seed.parse().expect("a seed"));
    let all = arguments.next().is_some();
    let evidence = shared::read(Path::new(&folder));
    println!("{} items, {} candidates", evidence.len(), evidence.candidates().len());
    let context = Context { seed, ..Context::default() };
    let mut learners: Vec<Box<dyn Learner>> =
        vec![Box::new(BySliceLearner), Box::new(RouteLearner::default())];
    if all {
        learners.extend(RouteLearner::single_families().map(|learner| Box::new(learner) as Box<dyn Learner>));
    }
    for learner in &learners {
        crossed(learner.as_ref(), &evidence, &context);
        if evidence.candidates().len() == 2 {
            few_labels(learner.as_ref(), &evidence, &context);
        }
    }
    let start = Instant::now();
    let policy = RouteLearner::default().fit(&evidence.view(), &context).expect("route fits");
    let text = Artefact { name: "route".into(), policy, dial: Dial(0.0), mix: None, promise: None }
        .to_json()
        .expect("it is written");
    println!("route: fitted on all in {:.2} s, file {} bytes", start.elapsed().as_secs_f64(), text.len());
}

/// Five folds: the best quality, and points of the curve relative to the dearest candidate.
fn crossed(learner: &dyn Learner, evidence: &Evidence, context: &Context) {
    let start = Instant::now();
    let view = evidence.view();
    let folds = Folds::deal(&view, 5, context.seed).expect("folds");
    let dials = learner.dials(evidence, context);
    let mut plays = Plays::unknown(dials.len(), view.rows.len());
    let mut advantage = vec![0.0; view.rows.len()];
    for fold in 0..folds.count {
        let (train, held_out) = folds.split(&view, fold);
        let policy = learner.fit(&train, context).expect("it fits");
        let rows: Vec<usize> = held_out.iter().map(|&at| view.rows[at]).collect();
        plays.scatter(&record(policy.as_ref(), evidence, &rows, &dials), &held_out);
        if evidence.candidates().len() == 2 {
            for (&at, &row) in held_out.iter().zip(&rows) {
                let quality = policy.think(&evidence.items().query(row)).quality;
                advantage[at] = quality[0] - quality[1];
            }
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let board = Board::new(evidence, &view.rows, None);
    let priced = Priced::new(&board, &[]);
    let curve = (0..dials.len()).map(|dial| priced.played(&plays, &|_| Pick::at(dial)));
    let singles: Vec<(f64, f64)> = (0..evidence.candidates().len())
        .map(|m| priced.single(m))
        .map(|played| (mean(&played.cost_usd), mean(&played.quality)))
        .collect();
    let dearest = *singles.iter().max_by(|a, b| a.0.total_cmp(&b.0)).expect("candidates");
    let points: Vec<(f64, f64)> =
        curve.map(|played| (mean(&played.cost_usd) / dearest.0, mean(&played.quality))).collect();
    let least =
        points.iter().filter(|point| point.1 >= dearest.1).map(|point| point.0).fold(f64::INFINITY, f64::min);
    let half = points.iter().filter(|point| point.0 <= 0.5).map(|point| point.1).fold(0.0, f64::max);
    println!(
        "{}: quality {:.4} (cost share {:.3}); least share at the dearest one's quality {:.4}; best quality at half \
         its cost {half:.4}; {:.2} s",
        learner.name(),
        points[0].1,
        points[0].0,
        least,
        start.elapsed().as_secs_f64()
    );
    if evidence.candidates().len() == 2 {
        println!("  APGR, five-fold: {:.4}", apgr(evidence, &view.rows, &advantage));
    }
}

/// APGR with 1,500 labels, the rest scored: mean of 10 draws.
fn few_labels(learner: &dyn Learner, evidence: &Evidence, context: &Context) {
    let start = Instant::now();
    let draws: Vec<f64> = (0..10)
        .map(|draw| {
            let mut rows = evidence.view().rows;
            random::shuffle(&mut rows, draw);
            let rest = rows.split_off(1_500);
            let policy = learner.fit(&View { evidence, rows }, context).expect("it fits");
            let advantage: Vec<f64> = rest
                .iter()
                .map(|&row| policy.think(&evidence.items().query(row)).quality)
                .map(|quality| quality[0] - quality[1])
                .collect();
            apgr(evidence, &rest, &advantage)
        })
        .collect();
    let mean = draws.iter().sum::<f64>() / 10.0;
    let spread = (draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 9.0).sqrt();
    println!(
        "  APGR with 1,500 labels: {mean:.4} (sd {spread:.4}); {:.2} s a draw",
        start.elapsed().as_secs_f64() / 10.0
    );
}

/// Average performance gap recovered, column 0 the strong candidate, items in order of `advantage`.
fn apgr(evidence: &Evidence, rows: &[usize], advantage: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| advantage[b].total_cmp(&advantage[a]));
    let score = |m: usize, at: usize| evidence.answers(m).score(rows[at]).unwrap_or(0.0);
    let (mut sum, mut area) = (0.0, 0.0);
    for &at in &order {
        let before = sum;
        sum += score(0, at) - score(1, at);
        area += f64::midpoint(before, sum);
    }
    area / rows.len() as f64 / sum
}

//! How often a cascade's promise is broken, each time learned anew:
//! `cargo run --release -p ordinate-judge --example promise -- ../shared/data/evidence/routellm-mmlu [MARGIN] [SPLITS]`.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../ordinate-combine/tests/shared/mod.rs"]
mod shared;

use std::path::Path;

use ordinate_combine::answers::cascade::CascadeLearner;
use ordinate_combine::{Context, Learner, calibrated, random, record, replay};
use ordinate_core::evidence::View;
use ordinate_judge::promise::test;
use ordinate_trials::{Board, Priced, best_column};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("usage: promise FOLDER [MARGIN] [SPLITS]");
    let margin: f64 = arguments.next().map_or(0.02, |margin| margin.parse().expect("a margin"));
    let splits: u64 = arguments.next().map_or(200, |splits| splits.parse().expect("a number of splits"));
    let evidence = shared::read(Path::new(&folder));
    let (mut promised, mut broken, mut costs) = (0, 0, Vec::new());
    for seed in 0..splits {
        let mut rows = evidence.view().rows;
        random::shuffle(&mut rows, seed);
        // Two thirds to learn from, of which a third tests the dials; a third to see what comes of it.
        let seeing = rows.split_off(2 * evidence.len() / 3);
        let train = View { evidence: &evidence, rows };
        let context = Context { seed, ..Context::default() };
        let dials = CascadeLearner.dials(&evidence, &context);
        let fitted = calibrated(&CascadeLearner, &train, &context).expect("it fits");
        let fitting: Vec<usize> =
            train.rows.iter().copied().filter(|row| !fitted.rows.contains(row)).collect();
        let board = Board::new(&evidence, &fitting, None);
        let against = best_column(&board, &(0..board.len()), &[]);
        let plays = record(fitted.policy.as_ref(), &evidence, &fitted.rows, &dials);
        let board = Board::new(&evidence, &fitted.rows, None);
        let (priced, reference) = (Priced::new(&board, &[]), &board.columns[against].quality);
        let Some((dial, _)) = test(&priced.curve(&plays), reference, None, &dials, margin) else {
            continue;
        };
        promised += 1;
        let own = &replay(fitted.policy.as_ref(), &evidence, &seeing, &[dial])[0];
        let theirs = Board::new(&evidence, &seeing, None).columns.swap_remove(against);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / seeing.len() as f64;
        broken += u32::from(mean(&theirs.quality) - mean(&own.quality) > margin);
        costs.push(mean(&own.cost_usd) / mean(&theirs.cost_usd));
    }
    let cost = costs.iter().sum::<f64>() / costs.len().max(1) as f64;
    println!(
        "{splits} splits, margin {margin}: {promised} promises, {broken} broken ({:.1} %); mean cost {:.1} % of the candidate's",
        100.0 * f64::from(broken) / f64::from(promised.max(1)),
        100.0 * cost
    );
}

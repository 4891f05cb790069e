//! How often a cascade's promise is broken, each time learned anew:
//! `cargo run --release -p ordinate-combine --example promise -- ../shared/data/evidence/routellm-mmlu [MARGIN] [SPLITS]`.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/shared/mod.rs"]
mod shared;

use std::path::Path;

use ordinate_combine::answers::cascade::CascadeLearner;
use ordinate_combine::{Context, Played, promise, random, replay};
use ordinate_core::evidence::View;

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
        let (policy, kept) = promise::fit(&CascadeLearner, &train, &context, margin, &[]).expect("it fits");
        let Some(kept) = kept else { continue };
        promised += 1;
        let against = evidence.column_of(&kept.against).expect("a candidate");
        let loss = promise::loss(policy.as_ref(), &evidence, &seeing, kept.dial, against);
        broken += u32::from(loss > margin);
        let mean = |played: &Played| played.cost_usd.iter().sum::<f64>() / seeing.len() as f64;
        let own = mean(&replay(policy.as_ref(), &evidence, &seeing, &[kept.dial])[0]);
        costs.push(own / mean(&Played::single(&evidence, against, &seeing)));
    }
    let cost = costs.iter().sum::<f64>() / costs.len().max(1) as f64;
    println!(
        "{splits} splits, margin {margin}: {promised} promises, {broken} broken ({:.1} %); mean cost {:.1} % of the candidate's",
        100.0 * f64::from(broken) / f64::from(promised.max(1)),
        100.0 * cost
    );
}

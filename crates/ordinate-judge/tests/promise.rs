//! The promise of a cascade, on real answers that it was not learned from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../../ordinate-combine/tests/shared/mod.rs"]
mod shared;

use ordinate_combine::answers::cascade::CascadeLearner;
use ordinate_combine::{Context, Learner, random, record, replay};
use ordinate_core::evidence::View;
use ordinate_judge::promise::test;
use ordinate_trials::{Board, Priced, best_column};

/// Over 200 random splits of the items into three, to learn, to test the dials, and to see what comes of it, "at
/// most 2 points worse with 95 % confidence" is broken in at most 5 %. Every policy serves twenty splits;
/// `cargo run --release -p ordinate-judge --example promise` learns one for each.
#[test]
fn the_promise_is_kept() {
    let Some(evidence) = shared::evidence("routellm-mmlu") else { return };
    let context = Context::default();
    let (mut promised, mut broken, mut spared) = (0, 0, 0);
    for draw in 0..10 {
        let mut rows = evidence.view().rows;
        random::shuffle(&mut rows, draw);
        let mut rest = rows.split_off(3_000);
        let fitting = View { evidence: &evidence, rows };
        let policy = CascadeLearner.fit(&fitting, &context).unwrap();
        let dials = CascadeLearner.dials(&evidence, &context);
        let fitted = Board::new(&evidence, &fitting.rows, None);
        let against = best_column(&fitted, &(0..fitted.len()), &[]);
        for split in 0..20 {
            random::shuffle(&mut rest, 1_000 + 20 * draw + split);
            let (testing, seeing) = rest.split_at(5_000);
            let mut testing = testing.to_vec();
            random::shuffle(&mut testing, context.seed);
            let plays = record(policy.as_ref(), &evidence, &testing, &dials);
            let board = Board::new(&evidence, &testing, None);
            let (priced, reference) = (Priced::new(&board, &[]), &board.columns[against].quality);
            let Some((dial, _)) = test(&priced.curve(&plays), reference, None, &dials, 0.02) else {
                continue;
            };
            promised += 1;
            spared += usize::from(dial > dials[0]);
            let own = &replay(policy.as_ref(), &evidence, seeing, &[dial])[0].quality;
            let theirs = Board::new(&evidence, seeing, None).columns.swap_remove(against).quality;
            let loss =
                own.iter().zip(&theirs).map(|(own, theirs)| theirs - own).sum::<f64>() / own.len() as f64;
            broken += usize::from(loss > 0.02);
        }
    }
    eprintln!("{promised} promises of 200, {broken} broken, {spared} that spare something");
    assert!(promised > 150, "{promised}");
    assert!(spared > 150, "{spared}");
    assert!(broken <= 10, "{broken}");
}

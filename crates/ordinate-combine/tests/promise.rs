//! The promise of a cascade, on real answers that it was not learned from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod shared;

use ordinate_combine::answers::cascade::CascadeLearner;
use ordinate_combine::promise::{Wanted, loss, test};
use ordinate_combine::{Context, Learner, best_column, random};
use ordinate_core::evidence::View;

/// Over 200 random splits of the items into three, to learn, to test the dials, and to see what comes of it, "at
/// most 2 points worse with 95 % confidence" is broken in at most 5 %. Every policy serves twenty splits;
/// `cargo run --release -p ordinate-combine --example promise` learns one for each.
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
        let wanted = Wanted { against: best_column(&fitting, &[]), margin: 0.02 };
        for split in 0..20 {
            random::shuffle(&mut rest, 1_000 + 20 * draw + split);
            let (testing, seeing) = rest.split_at(5_000);
            let testing = View { evidence: &evidence, rows: testing.to_vec() };
            let Some(promise) = test(policy.as_ref(), &testing, &dials, &context, wanted) else { continue };
            promised += 1;
            spared += usize::from(promise.dial > dials[0]);
            broken +=
                usize::from(loss(policy.as_ref(), &evidence, seeing, promise.dial, wanted.against) > 0.02);
        }
    }
    eprintln!("{promised} promises of 200, {broken} broken, {spared} that spare something");
    assert!(promised > 150, "{promised}");
    assert!(spared > 150, "{spared}");
    assert!(broken <= 10, "{broken}");
}

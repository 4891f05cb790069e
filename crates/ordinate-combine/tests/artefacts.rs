//! What was measured is what is served: a policy read back from its file decides as it did.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod shared;

use ordinate_combine::{Artefact, Context, learners, replay};

/// On all 8,477 items of LawBench, at every dial, bit for bit.
#[test]
fn loaded_policies_decide_alike_on_lawbench() {
    let Some(evidence) = shared::evidence("lawbench") else { return };
    assert_eq!(evidence.len(), 8_477);
    let context = Context::default();
    let rows = evidence.view().rows;
    let mut kinds = Vec::new();
    for learner in learners(None) {
        if let Err(reason) = learner.applies(&evidence) {
            eprintln!("{}: {}", learner.name(), reason.why);
            continue;
        }
        let dials = learner.dials(&evidence, &context);
        let dials = [dials[0], dials[dials.len() / 2], dials[dials.len() - 1]];
        let policy = learner.fit(&evidence.view(), &context).unwrap();
        let before = replay(policy.as_ref(), &evidence, &rows, &dials);
        let artefact = Artefact { name: learner.name(), policy, dial: dials[1], mix: None, promise: None };
        let text = artefact.to_json().unwrap();
        let loaded = Artefact::from_json(&text).unwrap();
        let after = replay(loaded.policy.as_ref(), &evidence, &rows, &dials);
        for (before, after) in before.iter().zip(&after) {
            assert!(before.given == after.given && before.asked == after.asked, "{}", learner.name());
            assert!(bits(&before.quality) == bits(&after.quality), "{}", learner.name());
            assert!(bits(&before.cost_usd) == bits(&after.cost_usd), "{}", learner.name());
            assert!(before.quality.iter().all(|quality| quality.is_finite()), "{}", learner.name());
        }
        kinds.push(learner.name());
    }
    assert_eq!(kinds, ["by-slice", "route", "cascade", "select", "vote", "weighted"]);
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

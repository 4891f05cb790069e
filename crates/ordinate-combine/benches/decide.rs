//! What one decision costs: all of `think` and `next` for one item of LawBench whose text was never read before, as a
//! server meets it. `cargo bench -p ordinate-combine`; needs `../shared`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

#[path = "../tests/shared/mod.rs"]
mod shared;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use divan::Bencher;
use ordinate_combine::{Context, learners};
use ordinate_core::{Dial, Evidence, Policy, Query, Seen, Step};

/// The evidence and the policies learned from it.
type Learned = (Evidence, Vec<Box<dyn Policy>>);

static POLICIES: OnceLock<Option<Learned>> = OnceLock::new();

fn policies() -> Option<&'static Learned> {
    let fit = || {
        let evidence = shared::evidence("lawbench")?;
        let fitted = learners(None)
            .iter()
            .filter(|learner| learner.applies(&evidence).is_ok())
            .map(|learner| learner.fit(&evidence.view(), &Context::default()).unwrap())
            .collect();
        Some((evidence, fitted))
    };
    POLICIES.get_or_init(fit).as_ref()
}

#[divan::bench(args = ["by-slice", "route", "cascade", "select", "vote", "weighted"], sample_count = 200)]
fn decide(bencher: Bencher<'_, '_>, kind: &str) {
    let Some((evidence, policies)) = policies() else { return };
    let policy = policies.iter().find(|policy| policy.kind().as_str() == kind).unwrap();
    let row = AtomicUsize::new(0);
    bencher.with_inputs(|| row.fetch_add(41, Ordering::Relaxed) % evidence.len()).bench_values(|row| {
        // Without notes: nothing was read before.
        let query = Query { notes: None, ..evidence.items().query(row) };
        let mut thought = policy.think(&query);
        let mut seen: Vec<Seen<'_>> = Vec::new();
        loop {
            match policy.next(&query, &mut thought, &seen, Dial(0.0)) {
                Step::Ask(candidates) => seen.extend(
                    candidates.into_iter().map(|c| Seen { notes: None, ..evidence.answers(c).seen(c, row) }),
                ),
                Step::Give(given) => return given,
            }
        }
    });
}

fn main() {
    divan::main();
}

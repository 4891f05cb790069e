//! Select: asks the candidates that are best on the slice, and gives the answer that is expected to be best.

use ordinate_core::evidence::{Answers, View};
use ordinate_core::{CandidateName, Dial, Evidence, Given, Policy, PolicyKind, Query, Seen, Step, Thought};
use serde::{Deserialize, Serialize};

use super::panel::{Panels, Player};
use super::sight::Scene;
use super::{applies, learn};
use crate::by_slice::{BySlice, best_utility};
use crate::error::NotApplicable;
use crate::learner::{Context, Learner};

/// Candidates that are asked.
const ASKED: usize = 5;

/// Learns [`Select`].
#[derive(Debug, Clone, Copy, Default)]
pub struct SelectLearner;

impl Learner for SelectLearner {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Select
    }

    fn applies(&self, evidence: &Evidence) -> Result<(), NotApplicable> {
        applies(self.kind(), evidence, 2)
    }

    /// One point: whom to ask was decided for quality.
    fn dials(&self, _: &Evidence, _: &Context) -> Vec<Dial> {
        vec![Dial(0.0)]
    }

    fn trades_outlay(&self) -> bool {
        false
    }

    fn fit(&self, train: &View<'_>, context: &Context) -> Result<Box<dyn Policy>, NotApplicable> {
        let lookup = BySlice::fit(train, context.outlay);
        let speaks = train.evidence.columns().iter().map(Answers::has_output).collect();
        let panels = learn(self.kind(), train, &lookup, context.outlay, &Picking { speaks })?;
        Ok(Box::new(Select { lookup, panels }))
    }
}

/// Whom it asks, and which answer it picks.
struct Picking {
    speaks: Vec<bool>,
}

impl Player for Picking {
    fn choose(&self, expected: &[f64]) -> (Vec<usize>, Vec<usize>) {
        let mut order: Vec<usize> = (0..expected.len()).filter(|&column| self.speaks[column]).collect();
        order.sort_by(|&a, &b| expected[b].total_cmp(&expected[a]));
        order.truncate(ASKED);
        (order.clone(), order)
    }

    fn dials(&self) -> &[Dial] {
        &[Dial(0.0)]
    }

    fn give(&self, predicted: &[f64], _: Dial, _: f64) -> (usize, bool) {
        let best = (1..predicted.len())
            .fold(0, |best, target| if predicted[target] > predicted[best] { target } else { best });
        (best, false)
    }
}

/// Asks, looks, and picks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Select {
    lookup: BySlice,
    panels: Panels,
}

impl Policy for Select {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Select
    }

    fn candidates(&self) -> &[CandidateName] {
        self.lookup.candidates()
    }

    fn think(&self, query: &Query<'_>) -> Thought {
        self.lookup.think(query)
    }

    fn next(&self, query: &Query<'_>, thought: &mut Thought, seen: &[Seen<'_>], _: Dial) -> Step {
        let scene = Scene::new(query, seen.iter().copied());
        let (Some(panel), Some(scene)) = (self.panels.of(query.slice, 0), scene) else {
            return match seen.first() {
                None => Step::Ask(vec![best_utility(&thought.quality, &thought.outlay, Dial(0.0))]),
                Some(seen) => Step::Give(Given::Answer(seen.candidate)),
            };
        };
        if seen.is_empty() {
            return Step::Ask(panel.asked.clone());
        }
        let expected = panel.expect(&scene);
        let answered = (0..seen.len()).filter(|&place| !seen[place].failed);
        let best = answered.reduce(|best, place| if expected[place] > expected[best] { place } else { best });
        Step::Give(Given::Answer(seen[best.unwrap_or(0)].candidate))
    }

    fn save(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }
}

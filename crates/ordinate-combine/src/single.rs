//! One candidate for every item: the simplest policy.

use ordinate_core::{CandidateName, Dial, Given, Policy, PolicyKind, Query, Seen, Step, Thought};
use serde::{Deserialize, Serialize};

/// Asks one candidate, whatever the item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Single {
    candidates: Vec<CandidateName>,
}

impl Single {
    /// The policy that always asks this candidate.
    #[must_use]
    pub fn new(candidate: CandidateName) -> Self {
        Self { candidates: vec![candidate] }
    }
}

impl Policy for Single {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Single
    }

    fn candidates(&self) -> &[CandidateName] {
        &self.candidates
    }

    fn think(&self, _: &Query<'_>) -> Thought {
        Thought::default()
    }

    fn next(&self, _: &Query<'_>, _: &mut Thought, seen: &[Seen<'_>], _: Dial) -> Step {
        if seen.is_empty() { Step::Ask(vec![0]) } else { Step::Give(Given::Answer(0)) }
    }

    fn sees_slices_alone(&self) -> bool {
        true
    }

    fn save(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }
}

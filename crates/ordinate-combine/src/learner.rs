//! What every kind of policy has to bring along.

use ordinate_core::evidence::View;
use ordinate_core::{Dial, Evidence, Policy, PolicyKind};
use ordinate_trials::Outlay;

use crate::error::NotApplicable;

/// What a learner is told besides the rows to learn from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context {
    /// What dials trade quality for.
    pub outlay: Outlay,
    /// Seed of whatever is random.
    pub seed: u64,
}

/// Learns one kind of policy from evidence.
///
/// A new kind is one file with a learner and its policy, and one line in [`crate::learners`] and
/// [`crate::artefact`].
pub trait Learner: Send + Sync {
    /// The kind of policy that it learns.
    fn kind(&self) -> PolicyKind;

    /// The name of the policy in the report; unique among learners.
    fn name(&self) -> String {
        self.kind().to_string()
    }

    /// Whether the evidence has what this kind needs.
    ///
    /// # Errors
    /// [`NotApplicable`], with the reason in plain words.
    fn applies(&self, evidence: &Evidence) -> Result<(), NotApplicable>;

    /// The dials at which its curve is drawn; the first is the one for quality alone.
    fn dials(&self, evidence: &Evidence, context: &Context) -> Vec<Dial> {
        crate::dials::utility_dials(evidence, context.outlay)
    }

    /// Whether its dials trade quality for outlay, so that it is learned for each outlay that is known.
    fn trades_outlay(&self) -> bool {
        true
    }

    /// Whether its dial can be chosen so that a loss is bounded: its dials must spare more and more, and it is also
    /// learned from a part of the items only, so that the others can test them (`calibrate.rs`).
    fn promises(&self) -> bool {
        false
    }

    /// Whether one fit over all candidates serves any of them ([`Policy::narrowed`]), as where the quality of each is
    /// foretold by itself: it is then not learned anew for each lineage. Such a learner makes no promises.
    fn narrows(&self) -> bool {
        false
    }

    /// Learns from these rows and from no others.
    ///
    /// # Errors
    /// [`NotApplicable`] when these rows are too few for this kind.
    fn fit(&self, train: &View<'_>, context: &Context) -> Result<Box<dyn Policy>, NotApplicable>;

    /// The same for each of these contexts, which differ in their outlays alone: what does not hang on the outlay may be learned
    /// once.
    ///
    /// # Errors
    /// As [`Learner::fit`].
    fn fit_each(
        &self,
        train: &View<'_>,
        contexts: &[Context],
    ) -> Result<Vec<Box<dyn Policy>>, NotApplicable> {
        contexts.iter().map(|context| self.fit(train, context)).collect()
    }
}

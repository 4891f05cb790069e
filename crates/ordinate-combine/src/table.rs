//! The kinds of policy, a line each: what learns one, and what reads it back.

use ordinate_core::{Policy, PolicyKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answers::cascade::{Cascade, CascadeLearner};
use crate::answers::select::{Select, SelectLearner};
use crate::by_slice::{BySlice, BySliceLearner};
use crate::learner::Learner;
use crate::route::{Route, RouteLearner};
use crate::single::Single;
use crate::stack::{Stack, StackLearner};
use crate::vote::{Vote, VoteLearner};
use crate::weighted::{Weighted, WeightedLearner};
use crate::zero_router::ZeroRouter;

/// Reads what a policy's `save` wrote.
type Load = fn(Value) -> Result<Box<dyn Policy>, serde_json::Error>;

/// A kind of policy.
pub(crate) struct Row {
    pub(crate) kind: PolicyKind,
    /// What learns it; a single and a coin are not learned.
    pub(crate) learner: Option<fn() -> Box<dyn Learner>>,
    pub(crate) load: Load,
}

/// All kinds; learners in the order in which they are tried, what is simpler first.
pub(crate) const TABLE: &[Row] = &[
    Row { kind: PolicyKind::Single, learner: None, load: load::<Single> },
    Row { kind: PolicyKind::ZeroRouter, learner: None, load: load::<ZeroRouter> },
    Row { kind: PolicyKind::BySlice, learner: Some(|| Box::new(BySliceLearner)), load: load::<BySlice> },
    Row { kind: PolicyKind::Route, learner: Some(|| Box::new(RouteLearner::default())), load: load::<Route> },
    Row { kind: PolicyKind::Cascade, learner: Some(|| Box::new(CascadeLearner)), load: load::<Cascade> },
    Row { kind: PolicyKind::Select, learner: Some(|| Box::new(SelectLearner)), load: load::<Select> },
    Row { kind: PolicyKind::Vote, learner: Some(|| Box::new(VoteLearner)), load: load::<Vote> },
    Row { kind: PolicyKind::Weighted, learner: Some(|| Box::new(WeightedLearner)), load: load::<Weighted> },
    Row { kind: PolicyKind::Stack, learner: Some(|| Box::new(StackLearner)), load: load::<Stack> },
];

fn load<P: Policy + DeserializeOwned + 'static>(value: Value) -> Result<Box<dyn Policy>, serde_json::Error> {
    Ok(Box::new(serde_json::from_value::<P>(value)?))
}

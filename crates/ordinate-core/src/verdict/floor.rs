//! The part of the verdict that says what a task gives to whoever knows nothing of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A reference line: a candidate that is not clearly above it has shown nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Floor {
    /// `guessing`, or `always` with the answer.
    pub name: String,
    /// Mean score over the items scored.
    pub quality: f64,
}

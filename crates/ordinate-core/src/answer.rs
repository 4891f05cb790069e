//! What a candidate gave for an item.

use crate::probabilities::Probabilities;
use crate::score::Score;

/// One answer as it is recorded: the output and what it cost, or an error.
///
/// An error is its own outcome: not a wrong answer, and not a missing row. What it cost is still paid.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer<'a> {
    /// How good the output is; `None` only where `error` is set.
    pub score: Option<Score>,
    /// What the candidate said, if it was kept.
    pub output: Option<&'a str>,
    /// The candidate's own confidence in the output, in `[0, 1]`.
    pub confidence: Option<f64>,
    /// How probable it finds single labels, where it says.
    pub probabilities: Probabilities<'a>,
    /// Price paid, USD.
    pub cost_usd: Option<f64>,
    /// Wall-clock time of the answer, milliseconds.
    pub latency_ms: Option<f64>,
    /// Tokens read.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// What went wrong, if the candidate gave no usable answer.
    pub error: Option<&'a str>,
}

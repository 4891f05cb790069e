//! The outcome of a single or a policy: columns of figures.

use std::borrow::Cow;

/// The outcome on a list of items, one entry an item.
#[derive(Debug, Clone)]
pub struct Played<'a> {
    /// Score of the answer given; 0 where it is an error; NaN where a candidate that the policy wanted was never asked,
    /// so that nothing can be said.
    pub quality: Cow<'a, [f64]>,
    /// USD for all candidates asked; NaN where one of them is unknown.
    pub cost_usd: Cow<'a, [f64]>,
    /// Milliseconds, candidates of one step in parallel; NaN where one of them is unknown.
    pub latency_ms: Cow<'a, [f64]>,
    /// Whether the answer given is an error.
    pub failed: Cow<'a, [bool]>,
    /// The column whose answer was given; [`Played::NOBODY`] where it is merged or missing.
    pub given: Vec<u16>,
    /// How many items each candidate was asked about.
    pub asked: Vec<usize>,
}

impl Played<'_> {
    /// No candidate's own answer.
    pub const NOBODY: u16 = u16::MAX;

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.quality.len()
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.quality.is_empty()
    }

    /// The scores with errors left out (NaN) instead of counted as 0.
    #[must_use]
    pub fn quality_without_errors(&self) -> Vec<f64> {
        let keep = |(quality, failed): (&f64, &bool)| if *failed { f64::NAN } else { *quality };
        self.quality.iter().zip(self.failed.iter()).map(keep).collect()
    }
}

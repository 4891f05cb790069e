//! What an import is asked to do, and how much it lets a log ask of the machine.

use crate::error::ImportError;

/// Choices of an import.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// The name of the task in the task file. Default: the name of the output folder.
    pub name: Option<String>,
    /// The metric (lm-evaluation-harness, HELM, lighteval), scorer (Inspect), named score (promptfoo) or result
    /// (Every Eval Ever) that becomes the score. Default: the tool's primary one, which a note names.
    pub metric: Option<String>,
    /// The filter of lm-evaluation-harness. Default: of those that every log of the task has, the first in the first log.
    pub filter: Option<String>,
    /// What becomes of several runs of a model over one task.
    pub runs: Runs,
    /// What the metric is at its worst and at its best: scores are scaled from there to `[0, 1]`. For metrics that
    /// are not in `[0, 1]`, or where less is better.
    pub range: Option<(f64, f64)>,
    /// What a log may ask of this machine.
    pub limits: Limits,
}

/// What becomes of several runs of a model over one task. A run is always kept whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Runs {
    /// Each is a candidate of its own: "model", "model (run 2)", ...
    #[default]
    Each,
    /// The latest one alone.
    Latest,
}

/// How much of the machine a log may use. A log beyond a limit is refused, not cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one line of JSON Lines, or of one row of a JSON array.
    pub line_bytes: u64,
    /// Bytes of one zip entry, or of one JSON file, after decompression.
    pub entry_bytes: u64,
    /// JSON values in one line, row or entry: each takes far more memory than its two bytes.
    pub values: u64,
    /// Bytes of one compressed log after decompression.
    pub total_bytes: u64,
    /// How many times its size something may grow by decompression, once it is beyond 16 MiB.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 64 << 20,
            entry_bytes: 1 << 30,
            values: 8 << 20,
            total_bytes: 64 << 30,
            ratio: 1_000,
        }
    }
}

impl Options {
    /// Refuses a range that is none.
    pub(crate) fn check(&self) -> Result<(), ImportError> {
        match self.range {
            Some((worst, best)) if !(worst.is_finite() && best.is_finite() && worst != best) => {
                Err(ImportError::Options(format!(
                    "the range {worst},{best} is none; give the metric's worst and best value as two different numbers"
                )))
            }
            _ => Ok(()),
        }
    }
}

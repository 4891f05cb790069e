//! The scorer of one task: its kind and its metric.

use std::sync::Arc;

use ordinate_core::{Output, OutputKind, ScoreOutput};

use crate::kind::Kind;
use crate::metric::{self, Metric, MetricError, Target};

/// Scores the outputs of one task against its targets.
#[derive(Debug, Clone)]
pub struct Scorer {
    output: OutputKind,
    metric: Arc<dyn Metric>,
}

impl Scorer {
    /// For a task of this kind, by the metric of this name, or by the kind's own.
    ///
    /// # Errors
    /// [`MetricError`] where this version cannot score the kind, or has no such metric for it.
    pub fn of(kind: &dyn Kind, name: Option<&str>) -> Result<Self, MetricError> {
        let metric = metric::find(kind, name)?;
        let output = kind.output().ok_or_else(|| MetricError::Kind(kind.name()))?;
        Ok(Self { output, metric })
    }

    /// The name of its metric.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.metric.name()
    }

    /// The levels of quantiles that it reads, where the task says none.
    #[must_use]
    pub fn levels(&self) -> &'static [f64] {
        self.metric.levels()
    }

    /// What it scores.
    #[must_use]
    pub fn output(&self) -> OutputKind {
        self.output
    }

    /// Whether [`Self::fitted`] must see the targets before the first answer is scored.
    #[must_use]
    pub fn needs_targets(&self) -> bool {
        self.metric.needs_targets()
    }

    /// The scorer for a task with these targets, sure to be able to score against all of them.
    ///
    /// # Errors
    /// [`MetricError`] for the first target against which nothing can be scored.
    pub fn fitted<'a>(&self, targets: impl IntoIterator<Item = Target<'a>>) -> Result<Self, MetricError> {
        let metric = self.metric.fitted(&mut targets.into_iter())?;
        Ok(Self { metric: metric.unwrap_or_else(|| Arc::clone(&self.metric)), ..*self })
    }

    /// The score in `[0, 1]` of an output, given as text, where `target` is right for the item with this input. What is no
    /// output of the task's kind scores 0.
    #[must_use]
    pub fn score(&self, output: &str, target: &str, input: Option<&str>) -> f64 {
        self.output.read(output).map_or(0.0, |output| self.metric.score_of(&output, target, input))
    }
}

impl ScoreOutput for Scorer {
    fn score_output(&self, output: &Output, target: &str, input: Option<&str>) -> f64 {
        self.metric.score_of(output, target, input)
    }
}

//! The tool's own figures beside what was imported: if the two differ, something was read that the tool did not mean.

use std::fmt;

use crate::metric::{Metrics, is};
use crate::record::OwnFigure;
use crate::task_runs::TaskRun;

/// The tool's own figure for a candidate's answers to a task, and what the imported answers come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The candidate.
    pub candidate: String,
    /// The task.
    pub task: String,
    /// The metric, with the filter where the tool has them.
    pub metric: String,
    /// The tool's own mean, in `[0, 1]`.
    pub own: f64,
    /// The mean of the imported answers that comes nearest to it: over all scored answers, over items where some were
    /// answered more than once, or with errors as 0.
    pub imported: f64,
    /// Answers with a score, and errors.
    pub answers: (u64, u64),
}

impl Compared {
    /// Tools print means with some digits less than they computed.
    const ROUNDING: f64 = 1e-6;

    /// Whether both are the same but for rounding.
    #[must_use]
    pub fn agrees(&self) -> bool {
        (self.own - self.imported).abs() <= Self::ROUNDING
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { candidate, task, metric, own, imported, answers: (scored, errors) } = self;
        write!(
            f,
            "{candidate}, task {task}: the tool's own {metric} is {own:.4}, and the {scored} imported scores come to \
             {imported:.4}"
        )?;
        if *errors > 0 {
            write!(f, " ({errors} errors beside them)")?;
        }
        Ok(())
    }
}

/// Compares a task run with the figure that its log has of it, if it has one.
pub(crate) fn compare(
    run: &TaskRun,
    candidate: &str,
    model: &str,
    figures: &[(usize, OwnFigure)],
    metrics: &Metrics,
) -> Option<Compared> {
    let (metric, _) = metrics.of(&run.key.task)?;
    let mean = run.mean()?;
    let of_run = |figure: &&OwnFigure| {
        figure.model.as_deref().is_none_or(|named| named == model) && figure.task == run.key.task
    };
    let mut fitting = figures
        .iter()
        .filter(|(log, _)| *log == run.key.log)
        .map(|(_, figure)| figure)
        .filter(of_run)
        .filter(|figure| figure.metric == metric || is(metric, &figure.metric));
    // Of an answer that does not name its filter, one of the figures must be.
    let unnamed = run.key.filter.is_none();
    let candidates = [Some(mean), run.mean_by_item, Some(run.sum / run.answers() as f64)];
    let nearest = |own: f64| {
        let distance = |value: &f64| (value - own).abs();
        candidates.into_iter().flatten().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    };
    let figure = if unnamed {
        let distance = |figure: &&OwnFigure| {
            metrics.scaled(&run.key.task, figure.value).map_or(f64::INFINITY, |own| (own - mean).abs())
        };
        fitting.min_by(|a, b| distance(a).total_cmp(&distance(b)))
    } else {
        fitting.find(|figure| figure.filter.is_none() || figure.filter == run.key.filter)
    }?;
    let own = metrics.scaled(&run.key.task, figure.value)?;
    Some(Compared {
        candidate: candidate.to_owned(),
        task: run.key.task.clone(),
        metric: match &figure.filter {
            Some(filter) if filter != "none" => format!("{metric} ({filter})"),
            _ => metric.to_owned(),
        },
        own,
        imported: nearest(own)?,
        answers: (run.scored, run.errors()),
    })
}

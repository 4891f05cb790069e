//! The metric of a task.

use ordinate_core::Part;
use ordinate_data::{Task, load_items};
use ordinate_score::Metric;

use crate::error::Error;

/// The metric that the task file names, or its kind's own, made for the task's targets: numbers are measured by the
/// range of those of the train items (of all items, where there is one file).
///
/// # Errors
/// [`Error::Task`] or [`Error::Data`] where there is no such metric, or a target that it cannot score against.
pub(crate) fn of(task: &Task) -> Result<Metric, Error> {
    let section = &task.file.task;
    let fail = |error: ordinate_score::MetricError| Error::task(task, format!("[task] metric: {error}"));
    let metric = Metric::of(section.kind, section.metric.as_deref()).map_err(fail)?;
    if !metric.needs_targets() {
        return Ok(metric);
    }
    let items = load_items(task)?;
    let targets = (0..items.len()).filter_map(|row| {
        let learnt_from = !items.has_parts() || items.part(row) == Some(Part::Train);
        Some((items.id(row), items.target(row)?, learnt_from))
    });
    metric.fitted(targets).map_err(fail)
}

/// The evidence of a task whose candidates are all recorded. Answers without a score are scored, where they have an
/// output.
///
/// # Errors
/// [`Error::Task`] or [`Error::Data`] as [`ordinate_data::load_evidence`] and [`of`].
pub(crate) fn load_evidence(task: &Task) -> Result<ordinate_data::Loaded, Error> {
    if !ordinate_data::lacks_scores(task)? {
        return Ok(ordinate_data::load_evidence(task)?);
    }
    let metric = of(task)?;
    Ok(ordinate_data::load_scored(task, &|output, target| metric.score(output, target))?)
}

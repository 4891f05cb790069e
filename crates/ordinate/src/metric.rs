//! The metric of a task.

use std::sync::Arc;

use ordinate_core::{Evidence, Items, Part};
use ordinate_data::{Loaded, Task, load_items};
use ordinate_tasks::{MetricError, Scorer, Target};

use crate::error::Error;

/// The metric that the task file names, or its kind's own, made for the targets of these items: numbers are measured by
/// the range of those of the train items (of all items, where there is one file).
///
/// # Errors
/// [`Error::Task`] where there is no such metric, or a target that it cannot score against.
pub(crate) fn of(task: &Task, items: &Items) -> Result<Scorer, Error> {
    let fail = |error: MetricError| Error::task(task, format!("[task] metric: {error}"));
    let scorer = Scorer::of(task.kind, task.file.task.metric.as_deref()).map_err(fail)?;
    if !scorer.needs_targets() {
        return Ok(scorer);
    }
    fitted(&scorer, items).map_err(fail)
}

fn fitted(scorer: &Scorer, items: &Items) -> Result<Scorer, MetricError> {
    scorer.fitted((0..items.len()).filter_map(|row| {
        let learnt_from = !items.has_parts() || items.part(row) == Some(Part::Train);
        Some(Target { id: items.id(row), text: items.target(row)?, learnt_from })
    }))
}

/// The evidence of a task whose candidates are all recorded. Answers without a score are scored, where they have an
/// output.
///
/// # Errors
/// [`Error::Task`] or [`Error::Data`] as [`ordinate_data::load_evidence`] and [`of`].
pub(crate) fn load_evidence(task: &Task) -> Result<Loaded, Error> {
    if ordinate_data::lacks_scores(task)? {
        let scorer = of(task, &load_items(task)?)?;
        let loaded = ordinate_data::load_scored(task, &|output, target| scorer.score(output, target))?;
        return Ok(Loaded { evidence: mergeable(loaded.evidence, &scorer), ..loaded });
    }
    let loaded = ordinate_data::load_evidence(task)?;
    // What cannot be scored here was scored elsewhere, and a metric that does not fit it is of no use.
    let Ok(scorer) = Scorer::of(task.kind, task.file.task.metric.as_deref()) else { return Ok(loaded) };
    match fitted(&scorer, loaded.evidence.items()) {
        Ok(scorer) => Ok(Loaded { evidence: mergeable(loaded.evidence, &scorer), ..loaded }),
        Err(_) => Ok(loaded),
    }
}

/// Lets answers that no candidate gave be scored, where the scores of the evidence are those of `scorer`: answers that
/// were scored by another rule cannot be compared with ones that are scored by this.
pub(crate) fn mergeable(evidence: Evidence, scorer: &Scorer) -> Evidence {
    const SAME: f64 = 1e-6;
    if !scorer.output().has_means() {
        return evidence;
    }
    let items = evidence.items();
    let is_ours = evidence.columns().iter().all(|answers| {
        (0..evidence.len()).all(|row| match (answers.score(row), answers.output(row), items.target(row)) {
            (Some(score), Some(output), Some(target)) => (scorer.score(output, target) - score).abs() <= SAME,
            _ => true,
        })
    });
    if is_ours { evidence.scored_by(Arc::new(scorer.clone())) } else { evidence }
}

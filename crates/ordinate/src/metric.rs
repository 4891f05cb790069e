//! The metric of a task.

use std::collections::BTreeSet;
use std::sync::Arc;

use ordinate_core::verdict::Floor;
use ordinate_core::{Evidence, Items, Part};
use ordinate_data::{Loaded, Task, load_items};
use ordinate_tasks::{Floors, MetricError, Scorer, Target};

use crate::error::Error;
use crate::grading::judge_of;

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
    let by_parts = items.has_parts();
    scorer.fitted((0..items.len()).filter_map(|row| {
        let learnt_from = !by_parts || items.part(row) == Some(Part::Train);
        Some(Target { id: items.id(row), text: items.target(row)?, input: items.input(row), learnt_from })
    }))
}

/// The evidence of a task whose candidates are all recorded. Answers without a score are scored, where they have an
/// output.
///
/// # Errors
/// [`Error::Task`] or [`Error::Data`] as [`ordinate_data::load_evidence`] and [`of`].
pub(crate) fn load_evidence(task: &Task) -> Result<Loaded, Error> {
    if judge_of(task).is_some() {
        let problem = "[task] metric: a judge grades the answers, and nobody asks it here; name answers with their scores, without a metric";
        return Err(Error::task(task, problem));
    }
    if ordinate_data::lacks_scores(task)? {
        let scorer = match &task.file.data.evidence {
            // Its items are known when its rows were read once.
            Some(_) => of(task, ordinate_data::load_scored(task, &|_, _, _| 0.0)?.evidence.items())?,
            None => of(task, &load_items(task)?)?,
        };
        let score = |output: &str, target: &str, input: Option<&str>| scorer.score(output, target, input);
        let mut loaded = ordinate_data::load_scored(task, &score)?;
        loaded.notes.extend(ordinate_data::series_notes(task, loaded.evidence.items()));
        loaded.notes.extend(ordinate_data::image_notes(task, loaded.evidence.items()));
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
    if scorer.output().has_means() && is_by(&evidence, scorer, usize::MAX) {
        return evidence.scored_by(Arc::new(scorer.clone()));
    }
    evidence
}

/// Whether the scores are those of `scorer`, as far as up to `most` rows, evenly spread, can tell.
fn is_by(evidence: &Evidence, scorer: &Scorer, most: usize) -> bool {
    const SAME: f64 = 1e-6;
    let items = evidence.items();
    let step = evidence.len().div_ceil(most).max(1);
    let mut compared = 0_usize;
    let same = evidence.columns().iter().all(|answers| {
        (0..evidence.len()).step_by(step).all(|row| {
            let (Some(score), Some(output), Some(target)) =
                (answers.score(row), answers.output(row), items.target(row))
            else {
                return true;
            };
            compared += 1;
            (scorer.score(output, target, items.input(row)) - score).abs() <= SAME
        })
    });
    same && compared > 0
}

/// What is known of the scores of a task without looking at any candidate.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The name of the metric, where the scores are those of the task's.
    pub(crate) metric: Option<String>,
    /// What the task gives to whoever knows nothing of it.
    pub(crate) floors: Vec<Floor>,
    /// What guessing scores.
    pub(crate) guess_rate: Option<f64>,
}

/// What is known of the scores of this evidence: nothing, where they are not by the task's metric.
pub(crate) fn known(task: &Task, evidence: &Evidence) -> Known {
    /// Rows that are looked at: enough to tell one metric from another.
    const ROWS: usize = 2_000;
    /// Characters of an answer that are shown.
    const SHOWN: usize = 40;
    let Ok(scorer) = Scorer::of(task.kind, task.file.task.metric.as_deref()) else { return Known::default() };
    if judge_of(task).is_some() {
        return Known::default();
    }
    let items = evidence.items();
    let fitted = if scorer.needs_targets() { fitted(&scorer, items) } else { Ok(scorer) };
    let Some(scorer) = fitted.ok().filter(|scorer| is_by(evidence, scorer, ROWS)) else {
        return Known::default();
    };
    let by_parts = items.has_parts();
    let rows: Vec<usize> = (0..items.len())
        .filter(|&row| !by_parts || items.part(row) == Some(Part::Test))
        .filter(|&row| items.target(row).is_some())
        .collect();
    let targets: BTreeSet<&str> = (0..items.len()).filter_map(|row| items.target(row)).collect();
    let labels = task.kind.labels(targets.into_iter().map(str::to_owned).collect());
    let Floors { guessing, constant } = Floors::of(task.kind, &scorer, &labels, items, &rows);
    let mut floors = Vec::new();
    if let Some(quality) = guessing {
        floors.push(Floor { name: "guessing".to_owned(), quality });
    }
    if let Some((output, quality)) = constant {
        let shown: String = output.to_string().chars().take(SHOWN).collect();
        floors.push(Floor { name: format!("always {shown:?}"), quality });
    }
    // Of one label for all there is nothing to guess.
    let guess_rate = guessing.filter(|rate| *rate < 1.0);
    Known { metric: Some(scorer.name().to_owned()), floors, guess_rate }
}

//! Evidence to a verdict.

use ordinate_core::Evidence;
use ordinate_core::task::{CombineSection, StatisticsSection};
use ordinate_data::Task;
use ordinate_judge::{Case, Judged, Resampling, judge};

use crate::error::{Error, Fault};

/// Learns the task's policies on this evidence and reaches a verdict under its needs. `notes` are what was assumed when
/// the evidence was gathered. Takes the processor for as long as it takes: not for a thread that others wait for.
///
/// # Errors
/// [`Error::Policies`] where the items cannot be folded.
pub fn decide(task: &Task, evidence: &Evidence, notes: &[String]) -> Result<Judged, Error> {
    let file = &task.file;
    let mut all_notes = file.data.notes.clone();
    all_notes.extend_from_slice(notes);
    let learners = ordinate_combine::learners(file.combine.kinds.as_deref());
    let case = Case {
        task: &file.task.name,
        evidence,
        needs: &file.needs,
        learners: &learners,
        folds: file.combine.folds.unwrap_or(CombineSection::FOLDS),
        resampling: Resampling {
            resamples: file.statistics.resamples.unwrap_or(StatisticsSection::RESAMPLES),
            seed: file.statistics.seed.unwrap_or_default(),
            interval: file.statistics.interval.unwrap_or_default(),
        },
        guess_rate: file.task.guess_rate,
        notes: &all_notes,
    };
    judge(&case).map_err(|error| match Error::from(error) {
        Error::Policies { error, fault: Fault::Input } => Error::task(task, error),
        other => other,
    })
}

//! What a pupil is told by its teacher, a candidate of the same task.

use std::sync::Arc;

use ordinate_core::{CandidateName, Items, Part};
use ordinate_data::{Task, recorded_outputs};
use ordinate_measure::Row;
use ordinate_models::Taught;

use super::trained::Trained;
use super::{Opening, Place, Want, Whom};
use crate::error::Error;

/// Whether a pupil can have this teacher.
///
/// # Errors
/// [`Error::Candidate`] where there is no such candidate, where the teacher waits for its pupil, and where nothing but test
/// items is there to teach.
pub(super) fn check(place: Place<'_>, teacher: &CandidateName) -> Result<(), Error> {
    let Place { task, entry, .. } = place;
    let data = &task.file.data;
    if data.train.is_none() || data.test.is_none() {
        // A teacher that learned from an item would tell its pupil what it learned.
        return Err(place.fail("method \"distill\" needs train and test in [data]: its teacher answers train items, and it test items"));
    }
    let named = |name: &CandidateName| task.file.candidate.iter().find(|one| one.name == *name);
    if named(teacher).is_none() {
        let others = task.file.candidate.iter().filter(|one| one.name != entry.name);
        let others: Vec<String> = others.map(|one| format!("{:?}", one.name.as_str())).collect();
        return Err(place.fail(format!(
            "teacher: {:?} is no candidate of this task; the others are {}",
            teacher.as_str(),
            others.join(", ")
        )));
    }
    let mut chain = vec![&entry.name];
    let mut next = Some(teacher);
    while let Some(name) = next {
        if chain.contains(&name) {
            let chain: Vec<String> = chain.iter().chain([&name]).map(ToString::to_string).collect();
            return Err(place.fail(format!(
                "teacher: {}: nobody in this circle can be asked first; name a teacher that needs none of them",
                chain.join(" learns from ")
            )));
        }
        chain.push(name);
        next = named(name).and_then(|one| one.adapt.as_ref()).and_then(|adapt| adapt.teacher.as_ref());
    }
    Ok(())
}

/// Gives a pupil what its teacher answered to train items: at once where that was recorded, else once the teacher was asked.
///
/// # Errors
/// As [`check`]; [`Error::Candidate`] where recorded answers cannot be read.
pub(super) fn wants(
    opening: &Opening<'_>,
    teacher: &CandidateName,
    pupil: &Arc<Trained>,
) -> Result<Vec<Want>, Error> {
    check(opening.place, teacher)?;
    let Place { task, entry, .. } = opening.place;
    let items = &opening.materials.items;
    let recorded = task.file.candidate.iter().find(|one| one.name == *teacher && one.recorded.is_some());
    if let Some(recorded) = recorded {
        let answers = recorded_outputs(task, recorded, items).map_err(Error::from)?;
        let known = answers.into_iter().filter(|answer| items.part(answer.row) == Some(Part::Train));
        let known = known.map(|one| {
            let (output, confidence) = (one.output, one.confidence);
            (one.row, Taught { output, confidence, probabilities: Vec::new() })
        });
        pupil.taught(known.collect()).map_err(|error| opening.place.fail(error))?;
        return Ok(Vec::new());
    }
    let rows = taught_rows(items).into();
    let (task, name, pupil) = (task.clone(), entry.name.clone(), Arc::clone(pupil));
    let take = Box::new(move |answers: Vec<Row>| {
        let taught = |row: Row| {
            let output = row.output.filter(|_| row.error.is_none())?;
            let (confidence, probabilities) = (row.confidence, row.probabilities);
            Some((row.item, Taught { output, confidence, probabilities }))
        };
        let taught = answers.into_iter().filter_map(taught).collect();
        pupil.taught(taught).map_err(|error| Error::candidate(&task, &name, error))
    });
    Ok(vec![Want { whom: Whom::Candidate(teacher.clone()), rows, take }])
}

/// Whether a candidate of the task learns from this one.
pub(crate) fn is_teacher(task: &Task, name: &CandidateName) -> bool {
    let teachers = task.file.candidate.iter().filter_map(|one| one.adapt.as_ref()?.teacher.as_ref());
    teachers.into_iter().any(|teacher| teacher == name)
}

/// The rows of the items that a teacher answers.
pub(crate) fn taught_rows(items: &Items) -> Vec<u32> {
    let is_taught = |row: usize| items.part(row) == Some(Part::Train) && items.input(row).is_some();
    (0..).zip(0..items.len()).filter(|&(_, row)| is_taught(row)).map(|(at, _)| at).collect()
}

//! Candidates whose answers were recorded in a file: nobody is asked.

use super::{CandidateKind, Opened, Opening, Place};
use crate::error::Error;

pub(super) struct RecordedKind;

impl CandidateKind for RecordedKind {
    fn name(&self) -> &'static str {
        "recorded"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.entry.recorded.is_some() || place.task.file.data.evidence.is_some())
    }

    fn check(&self, _: Place<'_>) -> Result<String, Error> {
        Ok("recorded".to_owned())
    }

    fn is_recorded(&self) -> bool {
        true
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        Err(opening.place.fail("its answers are recorded, so it cannot be asked"))
    }
}

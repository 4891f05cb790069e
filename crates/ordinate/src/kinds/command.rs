//! Candidates that are programs (`command = { ... }`): an item a line in, an answer a line out.

use ordinate_measure::{CommandAnswerer, Contender};
use ordinate_remote::Command;

use super::{CandidateKind, Opened, Opening, Place};
use crate::error::Error;

pub(super) struct CommandKind;

impl CandidateKind for CommandKind {
    fn name(&self) -> &'static str {
        "command"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.entry.command.is_some())
    }

    fn check(&self, _: Place<'_>) -> Result<String, Error> {
        Ok("live".to_owned())
    }

    fn is_elsewhere(&self) -> bool {
        true
    }

    fn spares_train(&self, _: Place<'_>) -> Result<bool, Error> {
        Ok(true)
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        let place = opening.place;
        let command = place.entry.command.as_ref().ok_or_else(|| place.fail("it names no program"))?;
        let command = Command::new(command, place.task.dir(), place.task.kind, &opening.materials.labels)
            .map_err(|error| place.fail(error))?;
        let mut contender = Contender::new(place.entry.name.clone(), CommandAnswerer(command));
        contender.price = place.entry.price;
        Ok(Opened::new(contender))
    }
}

//! Candidates that are programs (`command = { ... }`): an item a line in, an answer a line out.

use ordinate_measure::{CommandAnswerer, Contender};
use ordinate_remote::Command;
use ordinate_tasks::Kind;

use super::{CandidateKind, Opened, Opening, Place, ServedElsewhere};
use crate::error::Error;
use crate::reopen::Again;

pub(super) struct CommandKind;

impl CandidateKind for CommandKind {
    fn name(&self) -> &'static str {
        "command"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.entry.command.is_some())
    }

    fn check(&self, place: Place<'_>) -> Result<String, Error> {
        set_up(place, &[], false)?;
        Ok("live".to_owned())
    }

    fn ready(&self, place: Place<'_>) -> Result<(), Error> {
        set_up(place, &[], true).map(drop)
    }

    fn is_elsewhere(&self) -> bool {
        true
    }

    fn spares_train(&self, _: Place<'_>) -> Result<bool, Error> {
        Ok(true)
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        let place = opening.place;
        let command = set_up(place, &opening.materials.labels, opening.asks)?;
        let mut contender = Contender::new(place.entry.name.clone(), CommandAnswerer(command));
        contender.price = place.entry.price;
        Ok(Opened::new(contender))
    }

    fn serve(&self, again: &Again<'_>, kind: &'static dyn Kind) -> Result<Option<ServedElsewhere>, Error> {
        let candidate = &again.candidate.entry;
        let entry = candidate.command.as_ref().ok_or_else(|| again.fail("it names no program"))?;
        let command =
            Command::new(entry, again.folder, kind, &again.all.labels).map_err(|error| again.fail(error))?;
        let mut contender = Contender::new(candidate.name.clone(), CommandAnswerer(command));
        contender.price = candidate.price;
        Ok(Some(ServedElsewhere { contender: Some(contender), chat: None, embeddings: None }))
    }
}

/// The program of an entry; where it is to be asked, its environment has to be there.
fn set_up(place: Place<'_>, labels: &[String], asks: bool) -> Result<Command, Error> {
    let entry = place.entry.command.as_ref().ok_or_else(|| place.fail("it names no program"))?;
    let make = if asks { Command::new } else { Command::without_env };
    make(entry, place.task.dir(), place.task.kind, labels).map_err(|error| place.fail(error))
}

//! Models of the hub that a task names: fetched by `ordinate run`, and only told of by `ordinate check`.

use ordinate_core::task::CandidateEntry;
use ordinate_data::Task;
use ordinate_fetch::{FetchError, Fetched, Hub, Settings};
use ordinate_hub::{Cache, ModelName};

use crate::error::{Error, Fault};
use crate::observe::{Seen, Step, step};

/// The model of the hub that a candidate needs and the cache has not, or not wholly.
pub(crate) fn absent(task: &Task, entry: &CandidateEntry) -> Result<Option<ModelName>, Error> {
    let local = entry.local.as_ref().map(|local| &local.model);
    let Some(model) = local.or_else(|| entry.adapt.as_ref().map(|adapt| &adapt.from)) else {
        return Ok(None);
    };
    let name = ModelName::parse(model).map_err(|error| Error::candidate(task, &entry.name, error))?;
    Ok(name.filter(|name| Cache::from_env().whole(name).is_none()))
}

/// Fetches every model of the hub that a task names and the cache has not. One that is whole is not asked for: a run
/// must not change under its task because somebody pushed to `main`.
pub(crate) async fn fetch_absent(task: &Task, seen: &Seen) -> Result<(), Error> {
    for entry in &task.file.candidate {
        let Some(name) = absent(task, entry)? else { continue };
        fetch(&name, seen).await.map_err(|error| Error::Candidate {
            task: task.path.clone(),
            candidate: entry.name.clone(),
            problem: error.to_string(),
            fault: if error.is_input() { Fault::Input } else { Fault::Run },
        })?;
    }
    Ok(())
}

async fn fetch(name: &ModelName, seen: &Seen) -> Result<Fetched, FetchError> {
    let tell = |line: &str| step(seen.as_ref(), Step::Fetching(line));
    Hub::new(&Settings::from_env()?)?.fetch(name, &tell).await
}

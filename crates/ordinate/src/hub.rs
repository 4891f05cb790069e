//! Models of the hub that a task names: fetched by `ordinate run`, and only told of by `ordinate check`.

use ordinate_core::task::CandidateEntry;
use ordinate_data::Task;
use ordinate_fetch::{FetchError, Fetched, Hub, Settings};
use ordinate_hub::{Cache, ModelName};

use crate::failure::Failure;

/// Fetches a model, or what is not here of it.
pub(crate) fn fetch(name: &ModelName, tell: &dyn Fn(&str)) -> Result<Fetched, FetchError> {
    Hub::new(&Settings::from_env()?)?.fetch(name, tell)
}

/// The model of the hub that a candidate needs and the cache has not, or not wholly.
pub(crate) fn absent(task: &Task, entry: &CandidateEntry) -> Result<Option<ModelName>, Failure> {
    let local = entry.local.as_ref().map(|local| &local.model);
    let Some(model) = local.or_else(|| entry.adapt.as_ref().map(|adapt| &adapt.from)) else {
        return Ok(None);
    };
    let name = ModelName::parse(model).map_err(|error| Failure::Input(placed(task, entry, &error)))?;
    Ok(name.filter(|name| Cache::from_env().whole(name).is_none()))
}

/// Fetches every model of the hub that a task names and the cache has not. One that is whole is not asked for: a run
/// must not change under its task because somebody pushed to `main`.
pub(crate) fn fetch_absent(task: &Task, tell: &dyn Fn(&str)) -> Result<(), Failure> {
    for entry in &task.file.candidate {
        let Some(name) = absent(task, entry)? else { continue };
        fetch(&name, tell).map_err(|error| {
            let message = placed(task, entry, &error);
            if error.is_input() { Failure::Input(message) } else { Failure::Run(message) }
        })?;
    }
    Ok(())
}

fn placed(task: &Task, entry: &CandidateEntry, error: &dyn std::fmt::Display) -> String {
    format!("{}: [[candidate]] {}: {error}", task.path.display(), entry.name)
}

//! Models of the hub that a task names: fetched by `ordinate run`, and only told of by `ordinate check`.

use ordinate_core::CandidateName;
use ordinate_core::task::CandidateEntry;
use ordinate_data::Task;
use ordinate_fetch::{FetchError, Fetched, Hub, Settings};
use ordinate_hub::{Cache, ModelName};

use crate::error::{Error, Fault};
use crate::grading::judge_of;
use crate::observe::{Seen, Step, step};

/// The model of the hub that a candidate needs and the cache has not, or not wholly.
pub(crate) fn absent(task: &Task, entry: &CandidateEntry) -> Result<Option<ModelName>, Error> {
    let name = named(task, entry)?;
    Ok(name.filter(|name| Cache::from_env().whole(name).is_none()))
}

/// Sets aside what a task names in the hub's cache and is not what the hub said of it, so that it is fetched again; a note for
/// each file. Reads every file once.
pub(crate) fn set_damaged_aside(task: &Task) -> Result<Vec<String>, Error> {
    let mut notes = Vec::new();
    for entry in all_of(task) {
        let name = named(task, &entry)?;
        let Some(found) = name.and_then(|name| Cache::from_env().find(&name)) else { continue };
        let damaged = ordinate_hub::set_damaged_aside(&found.folder).map_err(|error| {
            Error::file(
                &found.folder,
                Fault::Run,
                format!("cannot be checked: {error}; correct its permissions"),
            )
        })?;
        notes.extend(damaged.iter().map(|file| {
            format!(
                "{} was cut off or changed since it was fetched: it was set aside, not used, and is fetched again.",
                file.display()
            )
        }));
    }
    Ok(notes)
}

/// The candidates, and the judge where it runs here.
fn all_of(task: &Task) -> Vec<CandidateEntry> {
    let judge = judge_of(task).filter(|judge| judge.local.is_some());
    let judge = judge.and_then(|judge| Some(judge.entry(CandidateName::new("judge").ok()?)));
    task.file.candidate.iter().cloned().chain(judge).collect()
}

/// The model of the hub that a candidate needs.
fn named(task: &Task, entry: &CandidateEntry) -> Result<Option<ModelName>, Error> {
    let local = entry.local.as_ref().map(|local| &local.model);
    let Some(model) = local.or_else(|| entry.adapt.as_ref().map(|adapt| &adapt.from)) else {
        return Ok(None);
    };
    ModelName::parse(model).map_err(|error| Error::candidate(task, &entry.name, error))
}

/// Fetches every model of the hub that a task names and the cache has not. One that is whole is not asked for: a run
/// must not change under its task because somebody pushed to `main`.
pub(crate) async fn fetch_absent(task: &Task, seen: &Seen) -> Result<(), Error> {
    for entry in all_of(task) {
        let Some(name) = absent(task, &entry)? else { continue };
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

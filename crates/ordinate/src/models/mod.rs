//! The models that a task file can name without downloading anything.

mod text;

use std::fs;
use std::path::Path;

use ordinate_hub::{Cache, Cached, ModelName, missing};
use ordinate_models::encoder::Source;
use ordinate_models::{Inspected, inspect, inspect_source};
use serde::Serialize;

use crate::error::{Error, Fault};
pub use text::{model_card, model_table, pairs};

/// A model, under the name that a task file gives it.
#[derive(Debug, Serialize)]
pub struct NamedModel {
    /// The name.
    pub model: String,
    /// Whether every file that it needs is here.
    pub whole: bool,
    /// What it is.
    #[serde(flatten)]
    pub is: Inspected,
}

/// The built-in encoder, and what lies in the hub's cache: of a folder with GGUF files, each of them.
///
/// # Errors
/// [`Error::File`] where the cache cannot be read.
pub fn models_at_hand(cache: &Cache) -> Result<Vec<NamedModel>, Error> {
    let cached = cache.list().map_err(|error| {
        let problem = format!("the hub's cache cannot be read: {error}; set HF_HUB_CACHE to another");
        Error::file(cache.root(), Fault::Run, problem)
    })?;
    let builtin = inspected("builtin")?;
    let mut models = vec![NamedModel { model: "builtin".to_owned(), whole: true, is: builtin }];
    for one in &cached {
        add(one, &mut models)?;
    }
    Ok(models)
}

/// A snapshot of the cache; where it holds GGUF files, each of them.
fn add(one: &Cached, models: &mut Vec<NamedModel>) -> Result<(), Error> {
    let folder = &one.snapshot.folder;
    let files = if folder.join("config.json").exists() { Vec::new() } else { ggufs(folder, "") };
    if files.is_empty() {
        let revision = Some(one.snapshot.commit.clone());
        let source = Source { revision, model: Some(one.repository.clone()), ..Source::at(folder) };
        let (whole, is) = (missing(folder, None).is_none(), inspect_source(&source));
        models.push(NamedModel { model: one.name(), whole, is });
    }
    for file in files {
        let model = format!("{}/{file}", one.name());
        // A name that no task file can give is not told.
        if ModelName::parse(&model).is_ok() {
            models.push(NamedModel { whole: true, is: inspected(&model)?, model });
        }
    }
    Ok(())
}

fn inspected(model: &str) -> Result<Inspected, Error> {
    inspect(model, Path::new("")).map_err(|error| Error::Options(error.to_string()))
}

/// The GGUF files below a folder, by their paths in it.
fn ggufs(folder: &Path, above: &str) -> Vec<String> {
    let mut entries: Vec<fs::DirEntry> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(ggufs(&entry.path(), &format!("{name}/")));
        } else if name.to_ascii_lowercase().ends_with(".gguf") && entry.path().is_file() {
            found.push(name);
        }
    }
    found
}

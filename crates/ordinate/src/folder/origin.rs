//! Whether a run wrote what lies in a folder: told by what is in its files, not by their names.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::claim::{DRAFT, LOCK, NEW};
use super::{FILES, FOLDERS};
use crate::asking::STORE;

/// Something in the folder that no run wrote. `has_store`: the answer store in it is one of ours.
pub(super) fn foreign(path: &Path, has_store: bool) -> std::io::Result<Option<PathBuf>> {
    let is_ours = has_store || is_verdict(&path.join("verdict.json"));
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let text = name.to_string_lossy();
        let known = if kind.is_file() {
            // The store, with what SQLite and its lock put beside it; and what a killed run had not yet moved to its name.
            // Beside a verdict of ours it is known by its name: opening it says whether it is another database.
            let is_store = text.starts_with(STORE) && (is_ours || !holds_anything(&entry.path())?);
            let is_result = is_ours && FILES.iter().any(|file| name == *file);
            is_store || is_result || name == LOCK || text.starts_with(".tmp")
        } else if kind.is_dir() {
            let is_part = name == DRAFT || name == NEW;
            is_part || FOLDERS.iter().any(|folder| name == *folder)
        } else {
            false
        };
        if !known {
            return Ok(Some(entry.path()));
        }
        if kind.is_dir()
            && let Some(foreign) = foreign_within(&entry.path(), is_ours)?
        {
            return Ok(Some(foreign));
        }
    }
    Ok(None)
}

fn holds_anything(file: &Path) -> std::io::Result<bool> {
    Ok(fs::metadata(file)?.len() > 0)
}

/// Something in a folder of a result that no run writes.
fn foreign_within(folder: &Path, is_ours: bool) -> std::io::Result<Option<PathBuf>> {
    let is_policies = folder.file_name().is_some_and(|name| name == "policies");
    let is_models = folder.file_name().is_some_and(|name| name == "models");
    if !is_policies && !is_models {
        return Ok(None); // a run's own scratch, by a name that nobody else has
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let known = if is_policies {
            path.extension().is_some_and(|extension| extension == "json") && path.is_file()
        } else {
            let is_part = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".part-"));
            is_part || path.join("manifest.json").is_file()
        };
        if !is_ours || !known {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Whether a file holds a verdict of ours, of whatever version.
fn is_verdict(path: &Path) -> bool {
    let Some(value) = fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
    else {
        return false;
    };
    value["version"].is_u64()
        && value["task"].is_string()
        && value["outcome"].is_string()
        && value["needs"].is_object()
        && value["candidates"].is_array()
}

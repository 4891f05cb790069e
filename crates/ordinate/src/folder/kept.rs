//! The result before, kept beside the run folder when another takes its place: `NAME.1`, then `NAME.2`, each a run folder
//! without the answers.

use std::fs;
use std::path::{Path, PathBuf};

use super::claim::sync;
use super::{FILES, FOLDERS};
use crate::error::{Error, Fault};

/// The files by which two results are told apart.
const TOLD_BY: [&str; 3] = ["verdict.json", "task.toml", "evidence.parquet"];

/// Keeps the result in `path` beside it, where there is one and `draft` says anything else: where it lies then.
pub(super) fn keep(path: &Path, draft: &Path) -> Result<Option<PathBuf>, Error> {
    if !path.join("verdict.json").exists() || is_same(path, draft) {
        return Ok(None);
    }
    let (beside, name) = place(path)?;
    let at = |number: u32| beside.join(format!("{name}.{number}"));
    let free = (1..).find(|&number| fs::symlink_metadata(at(number)).is_err()).unwrap_or(u32::MAX);
    // A run that was killed right here has kept it already.
    if free > 1 && is_same(path, &at(free - 1)) {
        return Ok(Some(at(free - 1)));
    }
    let failed = |error| cannot(&at(free), &error);
    let desk = desk(&beside, &name).map_err(failed)?;
    let part = desk.path().join("whole");
    let copy = || {
        fs::create_dir(&part)?;
        for name in FILES.iter().chain(&FOLDERS) {
            link(&path.join(name), &part.join(name))?;
        }
        sync(&part)?;
        fs::rename(&part, at(free))
    };
    copy().map_err(failed)?;
    Ok(Some(at(free)))
}

/// Whether what is in the folder could be kept beside it: said before a run works for hours.
pub(super) fn can_keep(path: &Path) -> Result<(), Error> {
    let (beside, name) = place(path)?;
    desk(&beside, &name).map(drop).map_err(|error| cannot(&beside.join(format!("{name}.1")), &error))
}

fn cannot(place: &Path, error: &std::io::Error) -> Error {
    let problem = format!("the verdict of the run before cannot be kept here: {error}; give another --out");
    Error::file(place, Fault::Run, problem)
}

fn desk(beside: &Path, name: &str) -> std::io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(&format!(".{name}.part-")).tempdir_in(beside)
}

/// The folder beside a run folder, and the run folder's name in it.
fn place(path: &Path) -> Result<(PathBuf, String), Error> {
    let whole = std::path::absolute(path).ok().filter(|path| path.file_name().is_some());
    let whole = whole.or_else(|| fs::canonicalize(path).ok());
    let named = whole
        .as_deref()
        .and_then(|path| Some((path.parent()?.to_owned(), path.file_name()?.to_string_lossy().into_owned())));
    named.ok_or_else(|| {
        let problem =
            "it has a verdict, and nothing beside it in which that could be kept; give another --out";
        Error::file(path, Fault::Input, problem)
    })
}

fn is_same(one: &Path, other: &Path) -> bool {
    let length = |folder: &Path, file: &str| fs::metadata(folder.join(file)).map(|file| file.len()).ok();
    TOLD_BY.iter().all(|file| {
        length(one, file) == length(other, file)
            && fs::read(one.join(file)).ok().zip(fs::read(other.join(file)).ok()).is_some_and(|(a, b)| a == b)
    })
}

/// The same file or folder in another place. Files are linked where that can be done: no run ever changes one, each is
/// replaced.
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            link(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if from.is_file() && fs::hard_link(from, to).is_err() {
        fs::copy(from, to)?;
    }
    Ok(())
}

//! Where what is made in this process is kept for further runs on the same data: files that begin with a digest of the
//! model and the data, for its answers, its size, what was trained, and what hosting it takes. Each says whether it is whole
//! ([`crate::sealed`], and the manifest of a trained model): what was damaged is set aside, and made again.

use std::fs;
use std::path::{Path, PathBuf};

use ordinate_models::Manifest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Fault};
use crate::kept;
use crate::kinds::InProcess;
use crate::options::Options;
use crate::sealed::{self, Found};

/// The folder: what the options say, else `ORDINATE_CACHE`, else the user's cache folder.
pub(crate) fn folder(options: &Options) -> Result<PathBuf, Error> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = options
        .cache
        .clone()
        .or_else(|| named("ORDINATE_CACHE"))
        .or_else(|| Some(named("XDG_CACHE_HOME")?.join("ordinate")))
        .or_else(|| Some(named("HOME")?.join(".cache/ordinate")))
        .unwrap_or_else(|| std::env::temp_dir().join("ordinate"))
        .join("local");
    std::path::absolute(&folder).map_err(Error::broken)
}

/// Makes a folder of the cache.
pub(crate) fn make(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|error| {
        let problem =
            format!("the folder of kept answers cannot be made: {error}; name another in ORDINATE_CACHE");
        Error::file(folder, Fault::Run, problem)
    })
}

/// The name of a folder for what hangs on these texts.
pub(crate) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        // The length keeps `ab` + `c` apart from `a` + `bc`.
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    hasher.finalize().iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

/// What was written by [`write_json`]; `None` where that is not there or is damaged.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    match sealed::read(path) {
        Found::Whole(bytes) => serde_json::from_slice(&bytes).ok(),
        Found::Absent | Found::Damaged => None,
    }
}

/// The ending of the name of a learning curve.
pub(crate) const CURVE: &str = "-curve.json";

/// Sets aside what was kept of a candidate and is not what was written any more, so that it is made again; a note for each.
pub(crate) fn check(here: &dyn InProcess) -> Vec<String> {
    let files = [kept::ENDING, ".json", CURVE].map(|ending| here.kept_as(ending));
    let model = here.model().filter(|model| model.exists() && Manifest::read_whole(model).is_err());
    files.iter().filter_map(|file| check_file(file)).chain(model.map(|model| again(&model))).collect()
}

/// The same of one file.
pub(crate) fn check_file(path: &Path) -> Option<String> {
    (sealed::read(path) == Found::Damaged).then(|| again(path))
}

/// Sets aside what is damaged: a note.
pub(crate) fn again(path: &Path) -> String {
    let shown = path.display();
    match sealed::set_aside(path) {
        Ok(aside) => {
            let aside = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!(
                "What an earlier run kept in {shown} was cut off or changed since: it was set aside as {aside}, not used, and is made \
                 again."
            )
        }
        Err(error) => {
            format!(
                "What an earlier run kept in {shown} was cut off or changed since, and cannot be set aside ({error}): remove it."
            )
        }
    }
}

/// Writes a small file whole or not at all.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make(folder)?;
    let written =
        serde_json::to_vec(value).map_err(std::io::Error::from).and_then(|text| sealed::write(path, &text));
    written.map_err(|error| Error::file(path, Fault::Run, format!("cannot be written: {error}")))
}

/// Fills a folder whole or not at all: `fill` gets another one beside it, which is then moved.
pub(crate) fn whole_folder<E: From<FolderError>>(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |error: std::io::Error| FolderError { path: folder.to_owned(), error };
    let above = folder.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(above).map_err(failed)?;
    let desk = tempfile::Builder::new().prefix(".part-").tempdir_in(above).map_err(failed)?;
    // Temporary folders are private, and this one is not to stay so.
    let part = desk.path().join("whole");
    fs::create_dir(&part).map_err(failed)?;
    fill(&part)?;
    sync(&part).map_err(failed)?;
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    match fs::rename(&part, folder) {
        // Another run put the same there meanwhile.
        Err(_) if folder.exists() => Ok(()),
        moved => Ok(moved.and_then(|()| sealed::sync_folder(above)).map_err(failed)?),
    }
}

/// Sees to it that the files of a folder are on the disk.
fn sync(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync(&path)?;
        } else {
            fs::File::open(&path)?.sync_all()?;
        }
    }
    sealed::sync_folder(folder)
}

/// A folder that cannot be written.
#[derive(Debug)]
pub(crate) struct FolderError {
    path: PathBuf,
    error: std::io::Error,
}

impl From<FolderError> for Error {
    fn from(FolderError { path, error }: FolderError) -> Self {
        Self::file(&path, Fault::Run, format!("cannot be written: {error}"))
    }
}

impl From<FolderError> for ordinate_models::ModelError {
    fn from(FolderError { path, error }: FolderError) -> Self {
        Self::File { path, problem: format!("cannot be written: {error}") }
    }
}

/// Copies a folder, whole or not at all.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    let failed = |error| FolderError { path: to.to_owned(), error };
    whole_folder(to, |part| copy_into(from, part).map_err(failed).map_err(Error::from))
}

fn copy_into(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&to)?;
            copy_into(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// The path of what is kept of one model, by the ending of its name.
pub(crate) fn path(cache: &Path, digest: &str, ending: &str) -> PathBuf {
    cache.join(format!("{digest}{ending}"))
}

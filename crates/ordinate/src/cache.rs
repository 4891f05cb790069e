//! Where what is made in this process is kept for further runs on the same data: files that begin with a digest of the
//! model and the data, for its answers, its size, what was trained, and what hosting it takes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Fault};
use crate::options::Options;

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

/// What was written by [`write_json`]; `None` where that is not there or cannot be read.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// Writes a small file whole or not at all.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make(folder)?;
    let whole = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(serde_json::to_string(value)?.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    whole().map_err(|error| Error::file(path, Fault::Run, format!("cannot be written: {error}")))
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
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    match fs::rename(&part, folder) {
        // Another run put the same there meanwhile.
        Err(_) if folder.exists() => Ok(()),
        moved => Ok(moved.map_err(failed)?),
    }
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

/// Copies a folder of files, whole or not at all.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    whole_folder(to, |part| {
        let failed = |error| FolderError { path: to.to_owned(), error };
        for entry in fs::read_dir(from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            fs::copy(entry.path(), part.join(entry.file_name())).map_err(failed)?;
        }
        Ok(())
    })
}

/// The path of what is kept of one model, by the ending of its name.
pub(crate) fn path(cache: &Path, digest: &str, ending: &str) -> PathBuf {
    cache.join(format!("{digest}{ending}"))
}

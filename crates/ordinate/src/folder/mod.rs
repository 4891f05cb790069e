//! The run folder: `task.toml`, `evidence.parquet`, `trials.zst`, `policies/*.json`, `models/*/`, `candidates.json`,
//! `verdict.json`, `report.html`; and `answers.sqlite`, which no run empties.

mod claim;
mod kept;
mod names;
mod origin;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ordinate_core::verdict::Verdict;
use tempfile::NamedTempFile;

pub(crate) use claim::Claim;
pub(crate) use names::{default_folder, file_name};

use crate::error::{Error, Fault};
use crate::reopen;

/// What every policy did with every item: from it a verdict for other needs follows.
pub(crate) const TRIALS: &str = "trials.zst";
/// All answers and their scores.
pub(crate) const EVIDENCE: &str = "evidence.parquet";

/// The files of a result, the verdict last: it is the last to be replaced.
const FILES: [&str; 6] = [reopen::FILE, "task.toml", EVIDENCE, TRIALS, "report.html", "verdict.json"];
/// The folders of a result.
const FOLDERS: [&str; 2] = ["policies", "models"];

/// A run folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// A folder that a run wrote.
    ///
    /// # Errors
    /// [`Error::File`] where it has no verdict.
    pub fn open(path: &Path) -> Result<Self, Error> {
        claim::finish(path)?;
        if path.join("verdict.json").is_file() {
            return Ok(Self(path.to_owned()));
        }
        let problem = "no run folder (it has no verdict.json); give the folder that `ordinate run` wrote";
        Err(Error::file(path, Fault::Input, problem))
    }

    /// The path of a file in it.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// Writes a file whole or not at all: a run that is killed leaves no half of one.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, file: &str, text: &str) -> Result<(), Error> {
        let path = self.path(file);
        write_whole(&path, text.as_bytes())
            .map_err(|error| Error::file(&path, Fault::Run, format!("cannot be written: {error}")))
    }

    /// Writes packed by zstd what `write` writes, whole or not at all, without ever holding all of it.
    pub(crate) fn pack(
        &self,
        file: &str,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        /// Columns of figures hardly get smaller by trying harder.
        const FAST: i32 = 1;
        let path = self.path(file);
        let failed =
            |error: std::io::Error| Error::file(&path, Fault::Run, format!("cannot be written: {error}"));
        let draft = draft_of(&path).map_err(failed)?;
        let mut packer = zstd::Encoder::new(draft, FAST).map_err(failed)?;
        write(&mut packer).map_err(failed)?;
        packer.finish().and_then(|draft| put(draft, &path)).map_err(failed)
    }

    /// Reads what [`Self::pack`] wrote.
    pub(crate) fn unpack(&self, file: &str) -> Result<Vec<u8>, Error> {
        let path = self.path(file);
        fs::File::open(&path).and_then(zstd::decode_all).map_err(|error| {
            Error::file(&path, Fault::Input, format!("cannot be read: {error}; run the task again"))
        })
    }

    /// Reads the verdict.
    ///
    /// # Errors
    /// [`Error::File`] where it is damaged.
    pub fn verdict(&self) -> Result<Verdict, Error> {
        let path = self.path("verdict.json");
        let damaged = |error: &dyn std::fmt::Display| {
            let problem = format!("the verdict cannot be read: {error}; run the task again");
            Error::file(&path, Fault::Input, problem)
        };
        let text = fs::read_to_string(&path).map_err(|error| damaged(&error))?;
        serde_json::from_str(&text).map_err(|error| damaged(&error))
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::file(path, Fault::Run, format!("the run folder cannot be made: {error}"))
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut draft = draft_of(path)?;
    draft.write_all(bytes)?;
    put(draft, path)
}

/// A file beside the one that it will be.
fn draft_of(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new().permissions(permissions()).tempfile_in(folder)
}

fn put(file: NamedTempFile, path: &Path) -> std::io::Result<()> {
    // What is renamed before it is on the disk may be empty after a power cut.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// What a plain new file has; temporary files are private by default.
#[cfg(unix)]
fn permissions() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o644)
}

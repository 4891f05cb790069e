//! The run folder: `task.toml`, `evidence.parquet`, `trials.zst`, `policies/*.json`, `models/*/`, `candidates.json`,
//! `verdict.json`, `report.html`; and `answers.sqlite`, which no run empties.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ordinate_core::verdict::Verdict;

use crate::asking::STORE;
use crate::error::{Error, Fault};
use crate::reopen;

/// What every policy did with every item: from it a verdict for other needs follows.
pub(crate) const TRIALS: &str = "trials.zst";

/// The files that a run writes, the verdict first: it is the first to go, so that a folder with a verdict is whole.
const FILES: [&str; 6] =
    ["verdict.json", "report.html", "evidence.parquet", TRIALS, "task.toml", reopen::FILE];
/// The folders that a run writes.
const FOLDERS: [&str; 2] = ["policies", "models"];

/// A run folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder, or takes one that an earlier run wrote and empties it: a run again replaces what it
    /// wrote before, and nothing else. `task` is the task file that is run.
    pub(crate) fn create(path: &Path, task: &Path) -> Result<Self, Error> {
        Self::allowed(path, task)?;
        let cannot = |error| cannot(path, &error);
        // The verdict first: a folder with a verdict is a whole one.
        for file in FILES {
            let file = path.join(file);
            if file.exists() {
                fs::remove_file(file).map_err(cannot)?;
            }
        }
        for folder in FOLDERS.map(|folder| path.join(folder)) {
            if folder.exists() {
                fs::remove_dir_all(&folder).map_err(cannot)?;
            }
            fs::create_dir(&folder).map_err(cannot)?;
        }
        Ok(Self(path.to_owned()))
    }

    /// Makes the folder where it is not there, and says whether a run may replace what is in it. Nothing is replaced.
    pub(crate) fn allowed(path: &Path, task: &Path) -> Result<(), Error> {
        let cannot = |error| cannot(path, &error);
        fs::create_dir_all(path).map_err(cannot)?;
        let own = fs::canonicalize(task).ok();
        if own.is_some() && fs::canonicalize(path.join("task.toml")).ok() == own {
            let problem =
                "this folder holds the task file itself, which the run would replace; give another --out";
            return Err(Error::file(path, Fault::Input, problem));
        }
        if let Some(foreign) = foreign(path).map_err(cannot)? {
            let problem = "no run wrote this, and the folder is to be replaced by a run; give another --out, or move it away";
            return Err(Error::file(&foreign, Fault::Input, problem));
        }
        Ok(())
    }

    /// A folder that a run wrote.
    ///
    /// # Errors
    /// [`Error::File`] where it has no verdict.
    pub fn open(path: &Path) -> Result<Self, Error> {
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

    /// Writes bytes packed by zstd, whole or not at all.
    pub(crate) fn pack(&self, file: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(file);
        let packed = zstd::encode_all(bytes, zstd::DEFAULT_COMPRESSION_LEVEL);
        packed
            .and_then(|packed| write_whole(&path, &packed))
            .map_err(|error| Error::file(&path, Fault::Run, format!("cannot be written: {error}")))
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

/// Something in the folder that no run writes.
fn foreign(path: &Path) -> std::io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        // The store of live answers, with the files that SQLite and its lock put beside it.
        let name = entry.file_name();
        let text = name.to_string_lossy();
        // And what a run that was killed had not yet moved to its name.
        let is_own = text.starts_with(STORE) || text.starts_with(".tmp");
        let known = (is_own || FILES.iter().any(|file| name == *file)) && entry.file_type()?.is_file();
        if name == "models" && entry.file_type()?.is_dir() {
            for model in fs::read_dir(entry.path())? {
                let model = model?.path();
                let is_part =
                    model.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".part-"));
                if !is_part && !model.join("manifest.json").is_file() {
                    return Ok(Some(model));
                }
            }
        } else if name == "policies" && entry.file_type()?.is_dir() {
            for policy in fs::read_dir(entry.path())? {
                let policy = policy?.path();
                if policy.extension().is_none_or(|extension| extension != "json") || !policy.is_file() {
                    return Ok(Some(policy));
                }
            }
        } else if !known {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(permissions()).tempfile_in(folder)?;
    file.write_all(bytes)?;
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

/// The name of a file for what has this name: everything but letters, digits, dots and hyphens is replaced.
pub(crate) fn file_name(name: &str) -> String {
    let keep = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = name.chars().map(keep).take(80).collect();
    name.trim_start_matches('.').to_owned()
}

//! A run folder while a run has it. What the folder holds stays until a whole result takes its place: the run writes
//! into a draft within the folder, and the draft is moved in at the end. A run that fails or is killed changes nothing but
//! the answer store.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ordinate_measure::{AnswerStore, StorePlace};

use super::kept::keep;
use super::origin::foreign;
use super::{FILES, FOLDERS, Folder, cannot};
use crate::error::{Error, Fault};

/// Held by the process that runs into the folder; the system releases it however the process ends.
pub(super) const LOCK: &str = ".ordinate-lock";
/// A result that is being written.
pub(super) const DRAFT: &str = ".ordinate-draft";
/// A result that is whole, while it takes the place of the one before.
pub(super) const NEW: &str = ".ordinate-new";
/// How long a reader waits for a result that is being moved in.
const MOVING: Duration = Duration::from_secs(10);

/// The one run that may write into a folder.
#[derive(Debug)]
pub(crate) struct Claim {
    path: PathBuf,
    /// Whether this run made the folder.
    made: bool,
    _lock: File,
}

/// A result that is being written.
#[derive(Debug)]
pub(crate) struct Draft(Folder);

impl Claim {
    /// Takes the folder, or makes it. `task` is the task file that is run. Nothing in it is changed.
    pub(crate) async fn take(path: &Path, task: &Path) -> Result<Self, Error> {
        let mut has_store = false;
        for store in [StorePlace::file_in(path), StorePlace::unsent_in(path)] {
            has_store = has_store || (store.is_file() && AnswerStore::peek(&store.into()).await.is_some());
        }
        let cannot = |error| cannot(path, &error);
        let made = !path.exists();
        fs::create_dir_all(path).map_err(cannot)?;
        let own = fs::canonicalize(task).ok();
        if own.is_some() && fs::canonicalize(path.join("task.toml")).ok() == own {
            let problem =
                "this folder holds the task file itself, which the run would replace; give another --out";
            return Err(Error::file(path, Fault::Input, problem));
        }
        if let Some(foreign) = foreign(path, has_store).map_err(cannot)? {
            let problem = "no run wrote this, and the folder is to be replaced by a run; give another --out, or move it away";
            return Err(Error::file(&foreign, Fault::Input, problem));
        }
        let claim = Self { path: path.to_owned(), made, _lock: lock(path)? };
        move_in(path).map_err(cannot)?;
        if path.join("verdict.json").exists() {
            super::kept::can_keep(path)?;
        }
        Ok(claim)
    }

    /// The run folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a result.
    pub(crate) fn draft(&self) -> Result<Draft, Error> {
        let path = self.path.join(DRAFT);
        let make = || {
            remove_all(&path)?;
            fs::create_dir(&path)?;
            FOLDERS.iter().try_for_each(|folder| fs::create_dir(path.join(folder)))
        };
        make().map_err(|error| cannot(&path, &error))?;
        Ok(Draft(Folder(path)))
    }

    /// Puts a whole result in the place of the one before, which is kept beside the folder where it says anything else: the
    /// folder, and where that is.
    pub(crate) fn publish(&self, draft: Draft) -> Result<(Folder, Option<PathBuf>), Error> {
        let Draft(Folder(draft)) = draft;
        let failed = |error| Error::file(&self.path, Fault::Run, format!("cannot be written: {error}"));
        sync(&draft).map_err(failed)?;
        let kept = keep(&self.path, &draft)?;
        // From here on the result is whole: whoever opens the folder next would move it in as well.
        fs::rename(&draft, self.path.join(NEW)).map_err(failed)?;
        move_in(&self.path).map_err(failed)?;
        Ok((Folder(self.path.clone()), kept))
    }
}

impl Draft {
    /// The folder that the result is written to.
    pub(crate) fn folder(&self) -> &Folder {
        &self.0
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Nothing can be done where that fails, and the next run does it.
        let _ = remove_all(&self.path.join(DRAFT));
        let _ = fs::remove_file(self.path.join(LOCK));
        if self.made {
            let _ = fs::remove_dir(&self.path); // only where nothing is in it
        }
    }
}

/// Moves a whole result in that a killed run left, before anybody reads the folder.
pub(super) fn finish(path: &Path) -> Result<(), Error> {
    let new = path.join(NEW);
    let begun = Instant::now();
    while new.exists() {
        match lock(path) {
            Ok(_lock) => {
                let moved = move_in(path);
                let _ = fs::remove_file(path.join(LOCK));
                return moved.map_err(|error| cannot(path, &error));
            }
            // A run is at it.
            Err(_) if begun.elapsed() < MOVING => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Puts every part of a whole result in its place, the verdict last. Done again after a kill, it does the rest.
fn move_in(path: &Path) -> std::io::Result<()> {
    let new = path.join(NEW);
    if !new.exists() {
        return Ok(());
    }
    for folder in FOLDERS.iter().filter(|folder| new.join(folder).exists()) {
        remove_all(&path.join(folder))?;
        fs::rename(new.join(folder), path.join(folder))?;
    }
    for file in FILES.iter().filter(|file| new.join(file).exists()) {
        fs::rename(new.join(file), path.join(file))?;
    }
    fs::remove_dir_all(&new)?;
    sync_folder(path)
}

fn remove_all(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Sees to it that everything in a folder is on the disk.
pub(super) fn sync(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

/// The names in a folder are on the disk only when the folder is; where a system knows no such thing there is nothing to do.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Takes the lock of a folder.
fn lock(path: &Path) -> Result<File, Error> {
    let at = path.join(LOCK);
    let failed = |error| Error::file(&at, Fault::Run, format!("cannot be written: {error}"));
    loop {
        let file = File::options().create(true).truncate(false).write(true).open(&at).map_err(failed)?;
        match file.try_lock() {
            // Whoever had it may have removed the file between our opening and our locking it.
            Ok(()) if is_at(&file, &at) => return Ok(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let problem = "another run is writing into this folder; wait for it, or give another --out";
                return Err(Error::file(path, Fault::Run, problem));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}

/// Whether the file is the one that lies there.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().ok().zip(fs::metadata(path).ok()).is_some_and(|(a, b)| same(a, b))
}

/// Files that are open cannot be removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

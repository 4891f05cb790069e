//! The run folders in a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ordinate_core::verdict::Verdict;
use ordinate_report::ListedRun;
use ordinate_serve::written_at;
use sha2::{Digest as _, Sha256};

use crate::folder::Folder;

/// How deep folders are looked through, and how many at most.
const DEPTH: usize = 3;
const MOST_FOLDERS: usize = 20_000;
/// Characters of an id in an address.
const DIGITS: usize = 16;

/// A run that was found.
#[derive(Debug)]
pub(super) struct FoundRun {
    pub(super) path: PathBuf,
    pub(super) verdict: Verdict,
    /// The id of its task.
    pub(super) task_id: String,
    id: String,
    /// From the folder that was looked at.
    name: String,
    time: SystemTime,
    written: String,
}

impl FoundRun {
    pub(super) fn listed(&self) -> ListedRun<'_> {
        ListedRun {
            id: &self.id,
            task_id: &self.task_id,
            name: &self.name,
            written: &self.written,
            verdict: &self.verdict,
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The last that was written first.
    pub(super) runs: Vec<FoundRun>,
    /// Folders whose verdict cannot be read, and why.
    pub(super) broken: Vec<(String, String)>,
}

impl Found {
    /// Looks through a folder, and those in it that are no run folders themselves.
    pub(super) fn look(folder: &Path) -> Self {
        let mut found = Self::default();
        let mut left = MOST_FOLDERS;
        found.within(folder, folder, DEPTH, &mut left);
        found.runs.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| a.name.cmp(&b.name)));
        found.broken.sort();
        found
    }

    /// The run of this id.
    pub(super) fn run(&self, id: &str) -> Option<&FoundRun> {
        self.runs.iter().find(|run| run.id == id)
    }

    fn within(&mut self, root: &Path, folder: &Path, depth: usize, left: &mut usize) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        // What was exported has a verdict too, and no task.
        if folder.join("verdict.json").is_file() {
            if folder.join("task.toml").is_file() {
                self.add(root, folder);
            }
            return;
        }
        let entries = if depth == 0 { None } else { fs::read_dir(folder).ok() };
        for entry in entries.into_iter().flatten().flatten() {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            // What a link leads to is not in the folder.
            if !is_hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.within(root, &entry.path(), depth - 1, left);
            }
        }
    }

    fn add(&mut self, root: &Path, path: &Path) {
        let within = path.strip_prefix(root).unwrap_or(path);
        let own = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let own = own.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = if within.as_os_str().is_empty() { own } else { within.display().to_string() };
        match Folder::open(path).and_then(|folder| folder.verdict()) {
            Ok(verdict) => {
                let time = fs::metadata(path.join("verdict.json")).and_then(|file| file.modified());
                let time = time.unwrap_or(SystemTime::UNIX_EPOCH);
                self.runs.push(FoundRun {
                    path: path.to_owned(),
                    task_id: id(verdict.task.as_bytes()),
                    id: id(within.as_os_str().as_encoded_bytes()),
                    verdict,
                    name,
                    written: written_at(time),
                    time,
                });
            }
            Err(error) => self.broken.push((name, error.to_string())),
        }
    }
}

/// Letters and digits that stand for a name in an address.
fn id(name: &[u8]) -> String {
    Sha256::digest(name).iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

//! The hub's cache on this disk, as Python's `huggingface_hub` lays it out:
//!
//! ```text
//! models--org--name/blobs/<etag>               the content of a file, under the hub's name of it
//! models--org--name/snapshots/<commit>/<file>  a link to it
//! models--org--name/refs/<revision>            the commit that a branch or tag was last seen at
//! .locks/models--org--name/<etag>.lock         held while a content is written
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::name::{ModelName, is_commit};

/// The cache: a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

/// The files of one commit of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The folder.
    pub folder: PathBuf,
    /// The commit.
    pub commit: String,
}

/// A snapshot that was found by looking through the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// `org/name`.
    pub repository: String,
    /// The files.
    pub snapshot: Snapshot,
    /// The branches and tags that were last seen at this commit.
    pub refs: Vec<String>,
}

impl Cache {
    /// The cache that the environment names: `HF_HUB_CACHE`, else `hub` in [`Self::home`].
    #[must_use]
    pub fn from_env() -> Self {
        Self::at(named("HF_HUB_CACHE").unwrap_or_else(|| Self::home().join("hub")))
    }

    /// The hub's own folder: `HF_HOME`, else `huggingface` in the user's cache folder.
    #[must_use]
    pub fn home() -> PathBuf {
        named("HF_HOME")
            .or_else(|| Some(named("XDG_CACHE_HOME")?.join("huggingface")))
            .or_else(|| Some(named("HOME")?.join(".cache/huggingface")))
            .unwrap_or_default()
    }

    /// The cache in this folder.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a model, whether or not it is there.
    #[must_use]
    pub fn repository(&self, name: &ModelName) -> PathBuf {
        self.root.join(folder_name(name))
    }

    /// The folder of the locks of a model.
    #[must_use]
    pub fn locks(&self, name: &ModelName) -> PathBuf {
        self.root.join(".locks").join(folder_name(name))
    }

    /// The folder of a commit of a model, whether or not it is there.
    #[must_use]
    pub fn snapshot(&self, name: &ModelName, commit: &str) -> PathBuf {
        self.repository(name).join("snapshots").join(commit)
    }

    /// What is here of the revision that was asked for, whole or not ([`crate::missing`] says).
    #[must_use]
    pub fn find(&self, name: &ModelName) -> Option<Snapshot> {
        let refs = self.repository(name).join("refs").join(name.revision());
        let commit = fs::read_to_string(refs)
            .map_or_else(|_| name.revision().to_owned(), |text| text.trim().to_owned());
        // What a ref holds becomes a path.
        let folder = is_word(&commit).then(|| self.snapshot(name, &commit))?;
        folder.is_dir().then_some(Snapshot { folder, commit })
    }

    /// What is here of the revision, if it is whole.
    #[must_use]
    pub fn whole(&self, name: &ModelName) -> Option<Snapshot> {
        self.find(name).filter(|found| crate::missing(&found.folder, name.file()).is_none())
    }

    /// Every snapshot of every model, by name; empty where there is no cache.
    ///
    /// # Errors
    /// Where the cache is there and cannot be read.
    pub fn list(&self) -> io::Result<Vec<Cached>> {
        let mut found = Vec::new();
        for entry in entries(&self.root)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(name) = name.strip_prefix("models--") else { continue };
            let repository = name.replace("--", "/");
            if ModelName::parse(&format!("hf:{repository}")).is_err() {
                continue;
            }
            let refs = refs(&entry.path().join("refs"))?;
            for snapshot in entries(&entry.path().join("snapshots"))? {
                let commit = snapshot.file_name().to_string_lossy().into_owned();
                if !is_word(&commit) || !snapshot.path().is_dir() {
                    continue;
                }
                let of_it = refs.iter().filter(|(_, at)| *at == commit).map(|(name, _)| name.clone());
                found.push(Cached {
                    repository: repository.clone(),
                    refs: of_it.collect(),
                    snapshot: Snapshot { folder: snapshot.path(), commit },
                });
            }
        }
        found.sort_by(|a, b| (&a.repository, &a.snapshot.commit).cmp(&(&b.repository, &b.snapshot.commit)));
        Ok(found)
    }
}

impl Cached {
    /// The name under which this snapshot is found again.
    #[must_use]
    pub fn name(&self) -> String {
        // A revision of several words could not be told from the path of a GGUF file.
        let word = self.refs.iter().find(|name| !name.contains('/'));
        let main = self.refs.iter().any(|name| name == "main");
        let revision = if main { None } else { Some(word.unwrap_or(&self.snapshot.commit)) };
        match revision {
            None => format!("hf:{}", self.repository),
            Some(revision) => format!("hf:{}@{revision}", self.repository),
        }
    }
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn folder_name(name: &ModelName) -> String {
    format!("models--{}", name.repository().replace('/', "--"))
}

/// Whether a text can be the name of one folder.
fn is_word(text: &str) -> bool {
    is_commit(text)
        || (!text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            && !text.starts_with('.'))
}

/// The entries of a folder, by name; none where it is not there.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

/// Every ref below a folder, and its commit: `main`, and `refs/pr/1`.
fn refs(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in entries(folder)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            let below = refs(&entry.path())?;
            found.extend(below.into_iter().map(|(rest, at)| (format!("{name}/{rest}"), at)));
        } else if let Ok(commit) = fs::read_to_string(entry.path()) {
            found.push((name, commit.trim().to_owned()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    const OTHER: &str = "1123456789abcdef0123456789abcdef01234567";

    fn name(text: &str) -> ModelName {
        ModelName::parse(text).unwrap().unwrap()
    }

    #[test]
    fn found_by_branch_tag_and_commit() {
        let desk = tempfile::tempdir().unwrap();
        let cache = Cache::at(desk.path());
        assert_eq!(cache.list().unwrap(), []);
        assert_eq!(cache.find(&name("hf:org/one")), None);
        let repository = desk.path().join("models--org--one");
        for (path, commit) in [("main", COMMIT), ("refs/pr/1", OTHER), ("out", "../../x"), ("gone", "abc")] {
            let path = repository.join("refs").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, commit).unwrap();
        }
        for commit in [COMMIT, OTHER] {
            fs::create_dir_all(repository.join("snapshots").join(commit)).unwrap();
        }
        fs::create_dir_all(desk.path().join("x")).unwrap();
        let at = |text: &str| cache.find(&name(text)).map(|found| found.commit);
        assert_eq!(at("hf:org/one").as_deref(), Some(COMMIT));
        assert_eq!(at("hf:org/one@refs/pr/1").as_deref(), Some(OTHER));
        assert_eq!(at(&format!("hf:org/one@{OTHER}")).as_deref(), Some(OTHER));
        for absent in ["hf:org/one@v1", "hf:org/one@out", "hf:org/one@gone", "hf:org/two"] {
            assert_eq!(at(absent), None, "{absent}");
        }
        let listed = cache.list().unwrap();
        let names: Vec<String> = listed.iter().map(Cached::name).collect();
        assert_eq!(names, ["hf:org/one".to_owned(), format!("hf:org/one@{OTHER}")]);
        // Each is found again under the name that is told.
        for one in &listed {
            assert_eq!(cache.find(&name(&one.name())).as_ref(), Some(&one.snapshot));
        }
    }
}

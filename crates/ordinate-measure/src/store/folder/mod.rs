//! The store that many runs share without a server: a folder of Parquet files on a file system that all of them mount.
//!
//! Nothing in it is changed: each commit is a file of its own, written under another name and renamed, and what was put twice is
//! joined when it is read. Whoever is about to ask for an answer claims its key by making a file that must not be there yet;
//! what a run that died had claimed is free half a minute later. The clock is the file system's.

mod claims;
mod rows;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::sqlite::{FileStore, remove};
use super::{ROWS, StoreError, VERSION};
use crate::key::Key;
use crate::saved::Entry;
use claims::Claims;

/// Says what the folder is.
const MARK: &str = "ordinate-store.json";
/// How old a look at the files may be where a key is not known.
const LOOK: Duration = Duration::from_secs(1);

/// An open folder.
#[derive(Debug)]
pub(super) struct FolderStore {
    shared: Arc<Shared>,
    /// Where answers wait that it could not take.
    unsent: PathBuf,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    claims: Claims,
    index: Mutex<Index>,
}

/// Which files hold which answers.
#[derive(Debug, Default)]
struct Index {
    /// By number, in the order in which they were met.
    files: Vec<OsString>,
    seen: HashSet<OsString>,
    /// The file of each key.
    first: HashMap<Key, u32>,
    /// Further files of those that were put again.
    more: HashMap<Key, Vec<u32>>,
    looked: Option<Instant>,
    put: u64,
}

impl FolderStore {
    /// Opens the folder, or makes it where there is none or an empty one.
    pub(super) async fn open(path: &Path, unsent: PathBuf) -> Result<Self, StoreError> {
        let own = path.to_owned();
        let shared = aside(path, move || {
            make(&own)?;
            let claims = Claims::open(&own).map_err(|error| broken(&own, &error))?;
            let shared = Shared { path: own, claims, index: Mutex::default() };
            shared.look(&mut shared.index())?;
            Ok(shared)
        })
        .await?;
        let store = Self { shared: Arc::new(shared), unsent };
        if store.unsent.is_file() {
            store.send_unsent().await?;
        }
        Ok(store)
    }

    pub(super) fn is_made(path: &Path) -> bool {
        path.join(MARK).is_file()
    }

    /// How many answers it holds; `None` where it is none. Nothing is written.
    pub(super) async fn peek(path: &Path) -> Option<u64> {
        let own = path.to_owned();
        let count = aside(path, move || {
            let mut index = Index::default();
            index.look(&own)?;
            Ok(index.first.len() as u64)
        });
        if Self::is_made(path) { count.await.ok() } else { None }
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        aside(&self.shared.path, move || work(&shared)).await
    }

    pub(super) async fn find(&self, keys: &[Key]) -> Result<Vec<Entry>, StoreError> {
        let keys = keys.to_vec();
        self.with(move |shared| shared.find(&keys)).await
    }

    /// Looks for what others have put since.
    pub(super) async fn look(&self) -> Result<(), StoreError> {
        self.with(|shared| shared.look(&mut shared.index())).await
    }

    /// Those of the keys that are there.
    pub(super) async fn known(&self, keys: &[Key]) -> Result<Vec<Vec<u8>>, StoreError> {
        let keys = keys.to_vec();
        self.with(move |shared| {
            let mut index = shared.index();
            shared.look(&mut index)?;
            let known = keys.iter().filter(|key| index.first.contains_key(key));
            Ok(known.map(|key| key.bytes().to_vec()).collect())
        })
        .await
    }

    /// Commits these answers, and gives up the claims on them. What the folder does not take is written into the run folder.
    pub(super) async fn put(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let own = entries.to_vec();
        let put = self.with(move |shared| shared.put(&own)).await;
        if put.is_err() {
            let _ = self.set_aside(entries).await;
        }
        put
    }

    /// Keeps answers in the run folder until the shared one takes them.
    pub(super) async fn set_aside(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let failed = |error| StoreError::Database { path: self.unsent.clone(), error };
        let file = FileStore::open(&self.unsent).await?;
        let put = file.put(entries).await;
        file.close().await;
        put.map_err(failed)
    }

    async fn send_unsent(&self) -> Result<(), StoreError> {
        let file = match FileStore::open(&self.unsent).await {
            // Whoever has it sends it.
            Err(StoreError::InUse(_)) => return Ok(()),
            opened => opened?,
        };
        let failed = |error| StoreError::Database { path: self.unsent.clone(), error };
        let mut after = 0;
        while let (entries, Some(last)) = file.page(after, ROWS as i64).await.map_err(failed)? {
            self.with(move |shared| shared.put(&entries)).await?;
            after = last;
        }
        file.close().await;
        remove(&self.unsent).map_err(|error| StoreError::Lock { path: self.unsent.clone(), error })
    }

    /// Claims keys, each once: those that nobody else has. With `all` it is all of them or none.
    pub(super) async fn claim(&self, keys: &[Key], all: bool) -> Result<Vec<Key>, StoreError> {
        let keys = keys.to_vec();
        self.with(move |shared| shared.claims.claim(&keys, all).map_err(|error| broken(&shared.path, &error)))
            .await
    }

    /// Gives claims up that led to no answer.
    pub(super) async fn release(&self, keys: &[Key]) -> Result<(), StoreError> {
        let keys = keys.to_vec();
        self.with(move |shared| shared.claims.release(&keys).map_err(|error| broken(&shared.path, &error)))
            .await
    }

    /// Says that whoever has this store's claims lives. Where that cannot be said, others ask as well.
    pub(super) async fn renew(&self) {
        let _ = self.with(|shared| shared.claims.beat().map_err(|error| broken(&shared.path, &error))).await;
    }

    pub(super) async fn count(&self) -> Result<i64, StoreError> {
        self.with(|shared| {
            let mut index = shared.index();
            shared.look(&mut index)?;
            Ok(i64::try_from(index.first.len()).unwrap_or(i64::MAX))
        })
        .await
    }

    pub(super) async fn close(&self) {
        let ended = self.with(|shared| {
            shared.claims.end();
            Ok(())
        });
        let _ = ended.await;
    }
}

impl Shared {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, index: &mut Index) -> Result<(), StoreError> {
        index.look(&self.path)
    }

    fn find(&self, keys: &[Key]) -> Result<Vec<Entry>, StoreError> {
        let mut index = self.index();
        let is_old = index.looked.is_none_or(|looked| looked.elapsed() > LOOK);
        if is_old && keys.iter().any(|key| !index.first.contains_key(key)) {
            self.look(&mut index)?;
        }
        let mut wanted: HashMap<u32, HashSet<Key>> = HashMap::new();
        for key in keys {
            let more = index.more.get(key).map(Vec::as_slice).unwrap_or_default();
            for file in index.first.get(key).into_iter().chain(more) {
                wanted.entry(*file).or_default().insert(*key);
            }
        }
        // Names begin with the time, so that what was put later comes later.
        let mut files: Vec<(OsString, HashSet<Key>)> =
            wanted.into_iter().map(|(file, keys)| (index.files[file as usize].clone(), keys)).collect();
        drop(index);
        files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut found: HashMap<Key, Entry> = HashMap::new();
        for (name, keys) in files {
            let path = answers(&self.path).join(name);
            for entry in rows::read(&path, &keys).map_err(|problem| damaged(&path, &problem))? {
                join(&mut found, entry);
            }
        }
        Ok(found.into_values().collect())
    }

    fn put(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let folder = answers(&self.path);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut index = self.index();
        index.put += 1;
        let name = format!("{:016}-{}-{:08}.parquet", since.as_millis(), self.claims.owner(), index.put);
        let content = rows::write(entries).map_err(|problem| damaged(&folder.join(&name), &problem))?;
        whole(&folder, &name, &content).map_err(|error| broken(&self.path, &error))?;
        index.add(name.into(), entries.iter().map(|entry| entry.key));
        drop(index);
        let keys: Vec<Key> = entries.iter().map(|entry| entry.key).collect();
        self.claims.release(&keys).map_err(|error| broken(&self.path, &error))
    }
}

impl Index {
    /// Takes up the files that are new.
    fn look(&mut self, path: &Path) -> Result<(), StoreError> {
        let folder = answers(path);
        for file in fs::read_dir(&folder).map_err(|error| broken(path, &error))? {
            let name = file.map_err(|error| broken(path, &error))?.file_name();
            let is_answers = Path::new(&name).extension().is_some_and(|ending| ending == "parquet");
            if is_answers && !self.seen.contains(&name) {
                let file = folder.join(&name);
                let keys = rows::keys(&file).map_err(|problem| damaged(&file, &problem))?;
                self.add(name, keys.into_iter());
            }
        }
        self.looked = Some(Instant::now());
        Ok(())
    }

    fn add(&mut self, name: OsString, keys: impl Iterator<Item = Key>) {
        let file = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.seen.insert(name.clone());
        self.files.push(name);
        for key in keys {
            if *self.first.entry(key).or_insert(file) != file {
                self.more.entry(key).or_default().push(file);
            }
        }
    }
}

/// An answer takes the place of an earlier one to the same key, and both were paid for, but for the same receipt.
fn join(found: &mut HashMap<Key, Entry>, mut entry: Entry) {
    if let Some(before) = found.get(&entry.key) {
        let is_same = entry.receipt.is_some() && entry.receipt == before.receipt;
        if is_same {
            entry.saved.charged_usd = before.saved.charged_usd;
            entry.saved.tries = before.saved.tries;
        } else {
            entry.saved.charged_usd += before.saved.charged_usd;
            entry.saved.tries += before.saved.tries;
        }
    }
    found.insert(entry.key, entry);
}

/// Makes the folder of a store, or sees that it is one.
fn make(path: &Path) -> Result<(), StoreError> {
    let failed = |error| broken(path, &error);
    fs::create_dir_all(path).map_err(failed)?;
    match fs::read(path.join(MARK)) {
        Ok(mark) => {
            let found = serde_json::from_slice::<serde_json::Value>(&mark).ok();
            let found = found.and_then(|mark| mark.get("version")?.as_i64()).unwrap_or_default();
            if found != VERSION {
                return Err(StoreError::Version { place: path.display().to_string(), found });
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // Another run may be making it.
            let foreign = |name: &OsString| {
                ![".part-", "answers", "claims", "runs", MARK]
                    .iter()
                    .any(|own| name.to_string_lossy().starts_with(own))
            };
            let names = fs::read_dir(path).map_err(failed)?.filter_map(|file| Some(file.ok()?.file_name()));
            if let Some(name) = names.into_iter().find(foreign) {
                let problem =
                    format!("{} is in it: it is no answer store; name a new folder", name.display());
                return Err(StoreError::Folder { path: path.to_owned(), problem });
            }
            let mark = serde_json::json!({ "version": VERSION }).to_string();
            whole(path, MARK, mark.as_bytes()).map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    fs::create_dir_all(answers(path)).map_err(failed)
}

fn answers(path: &Path) -> PathBuf {
    path.join("answers")
}

/// Writes a file that is there whole or not at all.
fn whole(folder: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    let part = folder.join(format!(".part-{:016x}", fastrand::u64(..)));
    let written = || {
        let mut file = File::create_new(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&part, folder.join(name))?;
        // Only Unix has handles of folders.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    };
    written().inspect_err(|_| drop(fs::remove_file(&part)))
}

fn broken(path: &Path, error: &std::io::Error) -> StoreError {
    let problem = format!(
        "{error}; see that it is there and can be written; every answer that was committed before is kept"
    );
    StoreError::Folder { path: path.to_owned(), problem }
}

fn damaged(file: &Path, problem: &str) -> StoreError {
    let problem = format!(
        "{problem}; put a copy of the file back, or move it away, and its answers are asked for, and paid for, again"
    );
    StoreError::Folder { path: file.to_owned(), problem }
}

/// Does what the disk takes time for, where it holds up no other task.
async fn aside<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let broken = |error: tokio::task::JoinError| StoreError::Folder {
        path: path.to_owned(),
        problem: error.to_string(),
    };
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}

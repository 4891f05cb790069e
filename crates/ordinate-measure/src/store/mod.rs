//! The answer store: one row a key, in a file of SQLite that one run has, or in a database of PostgreSQL or a folder of Parquet files
//! that many share.
//!
//! The statements are in the part of SQL that both databases have (`crate::saved`); what one of them has alone is in its file here.

mod error;
mod folder;
mod patience;
mod place;
mod postgres;
mod sqlite;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::AbortHandle;

pub use error::StoreError;
use folder::FolderStore;
pub use patience::Lost;
pub use place::{Server, ServerError, SharedPlace, StorePlace};
use postgres::SharedStore;
use sqlite::FileStore;

use crate::key::Key;
use crate::saved::{Entry, Saved};

/// The version of the tables.
const VERSION: i64 = 1;

/// As SQLite has them; what it calls `BLOB` is `BYTEA` in PostgreSQL.
const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS store (version BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS answer (
        key BLOB NOT NULL PRIMARY KEY,
        candidate TEXT NOT NULL,
        item TEXT NOT NULL,
        text TEXT,
        error_kind TEXT,
        error TEXT,
        confidence DOUBLE PRECISION,
        input_tokens BIGINT,
        output_tokens BIGINT,
        cost_usd DOUBLE PRECISION,
        charged_usd DOUBLE PRECISION NOT NULL,
        latency_ms DOUBLE PRECISION,
        first_token_ms DOUBLE PRECISION,
        tries BIGINT NOT NULL,
        cut_short BOOLEAN NOT NULL,
        logprobs TEXT,
        asked_at BIGINT NOT NULL,
        model TEXT,
        doubt TEXT,
        vector BLOB,
        receipt BIGINT,
        probabilities TEXT
    )",
];

/// Rows of one statement: 22 values each, and SQLite takes 32,766.
const ROWS: usize = 256;

/// Answers that are read together where all are.
const PAGE: i64 = 4_096;

/// An open answer store.
#[derive(Debug)]
pub struct AnswerStore(Backend);

#[derive(Debug)]
enum Backend {
    File(PathBuf, FileStore),
    Shared(Arc<SharedStore>),
    Folder(Arc<FolderStore>),
}

/// Whose turn it is to ask for the answer of a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Turn {
    /// One's own, with what is there by now.
    Own(Option<Box<Saved>>),
    /// Another run asks for it.
    Anothers,
}

/// Says again and again that whoever claimed keys lives; until it is dropped.
#[derive(Debug)]
pub(crate) struct Renewing(Option<AbortHandle>);

impl Drop for Renewing {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}

impl AnswerStore {
    /// Opens the store in this place, or makes it. Of a shared one answers that an earlier run had to leave in its folder are sent
    /// to it first.
    ///
    /// # Errors
    /// [`StoreError`] when another run has the file, or it cannot be read or written.
    pub async fn open(place: &StorePlace) -> Result<Self, StoreError> {
        Ok(Self(match place {
            StorePlace::File(path) => Backend::File(path.clone(), FileStore::open(path).await?),
            StorePlace::Shared { server, folder } => {
                let store = SharedStore::open(server, StorePlace::unsent_in(folder)).await?;
                Backend::Shared(Arc::new(store))
            }
            StorePlace::Folder { shared, folder } => {
                let store = FolderStore::open(shared, StorePlace::unsent_in(folder)).await?;
                Backend::Folder(Arc::new(store))
            }
        }))
    }

    /// Whether there is a store in this place. None is made by looking.
    ///
    /// # Errors
    /// [`StoreError`] when a server cannot be asked.
    pub async fn is_made(place: &StorePlace) -> Result<bool, StoreError> {
        match place {
            StorePlace::File(path) => Ok(path.exists()),
            StorePlace::Shared { server, .. } => SharedStore::is_made(server).await,
            StorePlace::Folder { shared, .. } => Ok(FolderStore::is_made(shared)),
        }
    }

    /// How many answers and errors it holds; `None` where it is no answer store. Nothing is written, and no lock is taken.
    pub async fn peek(place: &StorePlace) -> Option<u64> {
        match place {
            StorePlace::File(path) => FileStore::peek(path).await,
            StorePlace::Shared { server, .. } => SharedStore::peek(server).await,
            StorePlace::Folder { shared, .. } => FolderStore::peek(shared).await,
        }
    }

    /// Puts the answers that a run folder has in its own file into the shared store, where that lacks them, so that nobody pays
    /// for them again; the file stays. How many there were; 0 of a place that is not shared.
    ///
    /// # Errors
    /// [`StoreError`] when either cannot be read or written.
    pub async fn take_over(place: &StorePlace) -> Result<u64, StoreError> {
        let (StorePlace::Shared { folder, .. } | StorePlace::Folder { folder, .. }) = place else {
            return Ok(0);
        };
        let path = StorePlace::file_in(folder);
        if !path.is_file() {
            return Ok(0);
        }
        let store = Self::open(place).await?;
        let taken = store.take_from(&path).await;
        store.close().await;
        taken
    }

    /// Puts those answers of another store, which is a file, into this one that it lacks: how many.
    ///
    /// # Errors
    /// [`StoreError`] when either cannot be read or written.
    pub async fn take_from(&self, path: &Path) -> Result<u64, StoreError> {
        let file = FileStore::open(path).await?;
        let (mut after, mut taken) = (0, 0);
        while let (entries, Some(last)) = file.page(after, PAGE).await.map_err(|error| failed(path, error))? {
            let keys: Vec<Key> = entries.iter().map(|entry| entry.key).collect();
            let known = match &self.0 {
                Backend::File(path, own) => own.known(&keys).await.map_err(|error| failed(path, error))?,
                Backend::Shared(shared) => shared.known(&keys).await?,
                Backend::Folder(folder) => folder.known(&keys).await?,
            };
            let known: HashSet<Vec<u8>> = known.into_iter().collect();
            let is_new = |entry: &Entry| !known.contains(entry.key.bytes());
            let new: Vec<Entry> = entries.into_iter().filter(is_new).collect();
            if !new.is_empty() {
                match &self.0 {
                    Backend::File(path, own) => own.put(&new).await.map_err(|error| failed(path, error))?,
                    Backend::Shared(shared) => shared.add(&new).await?,
                    Backend::Folder(folder) => folder.put(&new).await?,
                }
            }
            (after, taken) = (last, taken + new.len() as u64);
        }
        file.close().await;
        Ok(taken)
    }

    /// What is kept under each of these keys.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn find(&self, keys: &[Key]) -> Result<Vec<Option<Saved>>, StoreError> {
        let mut found: Vec<Option<Saved>> = vec![None; keys.len()];
        if keys.is_empty() {
            return Ok(found);
        }
        let entries = match &self.0 {
            Backend::File(path, file) => file.find(keys).await.map_err(|error| failed(path, error))?,
            Backend::Shared(shared) => shared.find(keys).await?,
            Backend::Folder(folder) => folder.find(keys).await?,
        };
        let mut entries: HashMap<Key, Saved> =
            entries.into_iter().map(|entry| (entry.key, entry.saved)).collect();
        let mut left: HashMap<Key, usize> = HashMap::with_capacity(keys.len());
        keys.iter().for_each(|key| *left.entry(*key).or_default() += 1);
        for (found, key) in found.iter_mut().zip(keys) {
            let last = left.get_mut(key).is_some_and(|left| {
                *left -= 1;
                *left == 0
            });
            *found = if last { entries.remove(key) } else { entries.get(key).cloned() };
        }
        Ok(found)
    }

    /// Commits these answers together. An answer that is there already is replaced, and what it was charged is
    /// kept in the sum.
    ///
    /// # Errors
    /// [`StoreError`]; then none of them is committed, and those that a shared store did not take are in the run folder.
    pub async fn put(&self, answers: &[(Key, Saved)]) -> Result<(), StoreError> {
        if answers.is_empty() {
            return Ok(());
        }
        let entries = entries(answers);
        match &self.0 {
            Backend::File(path, file) => file.put(&entries).await.map_err(|error| failed(path, error)),
            Backend::Shared(shared) => shared.put(&entries).await,
            Backend::Folder(folder) => folder.put(&entries).await,
        }
    }

    /// Keeps answers in the run folder that a shared store no longer takes, as well as that can be done; of a file, where nothing
    /// else could take them, they are lost.
    pub(crate) async fn set_aside(&self, answers: &[(Key, Saved)]) {
        let _ = match &self.0 {
            Backend::File(..) => Ok(()),
            Backend::Shared(shared) => shared.set_aside(&entries(answers)).await,
            Backend::Folder(folder) => folder.set_aside(&entries(answers)).await,
        };
    }

    /// Whether other runs may ask for the same answers at the same time.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.0, Backend::File(..))
    }

    /// Whose turn it is to ask for the answers of these keys, each of which is given once. Who has a turn gives it up by putting
    /// an answer, or by [`Self::release`].
    pub(crate) async fn take_turns(&self, keys: &[Key]) -> Result<Vec<Turn>, StoreError> {
        let mine = match &self.0 {
            Backend::File(..) => return Ok(vec![Turn::Own(None); keys.len()]),
            Backend::Shared(shared) => shared.claim(keys, false).await?,
            Backend::Folder(folder) => {
                let mine = folder.claim(keys, false).await?;
                folder.look().await?;
                mine
            }
        };
        // Between the first look and the claim another may have answered.
        let there = self.find(&mine).await?;
        let mut mine: HashMap<Key, Option<Saved>> = mine.into_iter().zip(there).collect();
        let own = |saved: Option<Saved>| Turn::Own(saved.map(Box::new));
        Ok(keys.iter().map(|key| mine.remove(key).map_or(Turn::Anothers, own)).collect())
    }

    /// Claims all of these keys, or none of them: whether it could.
    pub(crate) async fn take_all(&self, keys: &[Key]) -> Result<bool, StoreError> {
        match &self.0 {
            Backend::Shared(shared) if !keys.is_empty() => {
                Ok(shared.claim(keys, true).await?.len() == keys.len())
            }
            Backend::Folder(folder) if !keys.is_empty() => {
                let is_own = folder.claim(keys, true).await?.len() == keys.len();
                // What the others have spent is counted next.
                folder.look().await?;
                Ok(is_own)
            }
            _ => Ok(true),
        }
    }

    /// Gives up what was claimed.
    pub(crate) async fn release(&self, keys: &[Key]) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Shared(shared) if !keys.is_empty() => shared.release(keys).await,
            Backend::Folder(folder) if !keys.is_empty() => folder.release(keys).await,
            _ => Ok(()),
        }
    }

    /// Renews what is claimed for as long as the result lives.
    pub(crate) fn renewing(&self) -> Renewing {
        let renewing = match &self.0 {
            Backend::File(..) => return Renewing(None),
            Backend::Shared(shared) => {
                let shared = Arc::clone(shared);
                tokio::spawn(async move {
                    loop {
                        tokio::time::sleep(postgres::RENEW).await;
                        shared.renew().await;
                    }
                })
            }
            Backend::Folder(folder) => {
                let folder = Arc::clone(folder);
                tokio::spawn(async move {
                    loop {
                        tokio::time::sleep(postgres::RENEW).await;
                        folder.renew().await;
                    }
                })
            }
        };
        Renewing(Some(renewing.abort_handle()))
    }

    /// How many answers and errors it holds.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn count(&self) -> Result<u64, StoreError> {
        let count = match &self.0 {
            Backend::File(path, file) => file.count().await.map_err(|error| failed(path, error))?,
            Backend::Shared(shared) => shared.count().await?,
            Backend::Folder(folder) => folder.count().await?,
        };
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Closes it; of a file, what is in the write-ahead log is put into it.
    pub async fn close(&self) {
        match &self.0 {
            Backend::File(_, file) => file.close().await,
            Backend::Shared(shared) => shared.close().await,
            Backend::Folder(folder) => folder.close().await,
        }
    }
}

/// Answers that come to be put, with a receipt.
fn entries(answers: &[(Key, Saved)]) -> Vec<Entry> {
    let receipt = Some(fastrand::i64(..));
    answers.iter().map(|(key, saved)| Entry { key: *key, saved: saved.clone(), receipt }).collect()
}

fn failed(path: &Path, error: sqlx::Error) -> StoreError {
    StoreError::Database { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.sqlite");
        std::fs::write(&path, "this is not a database, but a text of some length").unwrap();
        let error = AnswerStore::open(&path.into()).await.unwrap_err().to_string();
        assert!(error.contains("answers.sqlite"), "{error}");
    }

    #[test]
    fn keys_keep_identity_and_request_apart() {
        assert_ne!(Key::of("ab", "c"), Key::of("a", "bc"));
        assert_eq!(Key::of("a", "b"), Key::of("a", "b"));
    }
}

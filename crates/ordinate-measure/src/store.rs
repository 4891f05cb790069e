//! The answer store: one row a key, in SQLite.
//!
//! The statements are in the part of SQL that SQLite and PostgreSQL share (`$1`, `ON CONFLICT ... DO UPDATE`);
//! only the pool, the pragmas and the type `BLOB` in the table would differ.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{QueryBuilder, Sqlite, SqlitePool};

use crate::key::Key;
use crate::saved::{Saved, insert, read};

/// The version of the table.
const VERSION: i64 = 1;

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
        vector BLOB
    )",
];

/// Columns that stores of earlier versions lack, with their types.
const LATER: [(&str, &str); 3] = [("model", "TEXT"), ("doubt", "TEXT"), ("vector", "BLOB")];

/// Rows of one statement: 20 values each, and SQLite takes 32,766.
const ROWS: usize = 256;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another run has it.
    #[error("the answer store {0} is in use by another run; wait for it, or give this run another folder")]
    InUse(PathBuf),
    /// It is a database of something else.
    #[error("{0} is a database, and no answer store; move it away, or give this run another folder")]
    Foreign(PathBuf),
    /// It was written by another version.
    #[error(
        "the answer store {path} has version {found} and this program writes {VERSION}; use another file"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// It cannot be read or written.
    #[error("the answer store {path}: {error}; every answer that was committed before is kept")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        error: sqlx::Error,
    },
    /// Its lock file cannot be made.
    #[error("the answer store {path} cannot be locked: {error}")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// An open answer store. One run at a time has it; the lock ends with the process, however it ends.
#[derive(Debug)]
pub struct AnswerStore {
    path: PathBuf,
    pool: SqlitePool,
    _lock: File,
}

impl AnswerStore {
    /// Opens the store in this file, or makes it.
    ///
    /// # Errors
    /// [`StoreError`] when another run has it, or it cannot be read or written.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An answer that was paid for must survive a power cut too; commits are grouped, so that it is cheap.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(30));
        let failed = |error| StoreError::Database { path: path.to_owned(), error };
        let pool = SqlitePoolOptions::new().max_connections(3).connect_with(options).await.map_err(failed)?;
        let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
            .fetch_all(&pool)
            .await
            .map_err(failed)?;
        if !tables.is_empty() && !tables.iter().any(|table| table == "store") {
            return Err(StoreError::Foreign(path.to_owned()));
        }
        for table in TABLES {
            sqlx::query(table).execute(&pool).await.map_err(failed)?;
        }
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info('answer')")
            .fetch_all(&pool)
            .await
            .map_err(failed)?;
        for (later, kind) in LATER.iter().filter(|(later, _)| !columns.iter().any(|column| column == later)) {
            let add = format!("ALTER TABLE answer ADD COLUMN {later} {kind}");
            sqlx::query(sqlx::AssertSqlSafe(add)).execute(&pool).await.map_err(failed)?;
        }
        let version: Option<i64> =
            sqlx::query_scalar("SELECT version FROM store").fetch_optional(&pool).await.map_err(failed)?;
        match version {
            Some(VERSION) => {}
            Some(found) => return Err(StoreError::Version { path: path.to_owned(), found }),
            None => {
                sqlx::query("INSERT INTO store (version) VALUES ($1)")
                    .bind(VERSION)
                    .execute(&pool)
                    .await
                    .map_err(failed)?;
            }
        }
        Ok(Self { path: path.to_owned(), pool, _lock: lock })
    }

    /// How many answers and errors the file holds; `None` where it is no answer store. Nothing is written, and no lock is
    /// taken.
    pub async fn peek(path: &Path) -> Option<u64> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.ok()?;
        let is_ours = sqlx::query("SELECT version FROM store").fetch_optional(&pool).await.is_ok();
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM answer").fetch_one(&pool).await.ok();
        pool.close().await;
        count.filter(|_| is_ours).and_then(|count| u64::try_from(count).ok())
    }

    /// What is kept under each of these keys.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find(&self, keys: &[Key]) -> Result<Vec<Option<Saved>>, StoreError> {
        let mut found: Vec<Option<Saved>> = vec![None; keys.len()];
        if keys.is_empty() {
            return Ok(found);
        }
        let mut places: HashMap<Key, Vec<usize>> = HashMap::with_capacity(keys.len());
        keys.iter().enumerate().for_each(|(at, key)| places.entry(*key).or_default().push(at));
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM answer WHERE key IN (");
        let mut list = query.separated(", ");
        for key in keys {
            list.push_bind(key.bytes().to_vec());
        }
        query.push(")");
        let rows = query.build().fetch_all(&self.pool).await.map_err(|error| self.failed(error))?;
        for row in rows {
            let (key, saved) = read(&row).map_err(|error| self.failed(error))?;
            for &at in key.and_then(|key| places.get(&key)).into_iter().flatten() {
                found[at] = Some(saved.clone());
            }
        }
        Ok(found)
    }

    /// Commits these answers together. An answer that is there already is replaced, and what it was charged is
    /// kept in the sum.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then none of them is committed.
    pub async fn put(&self, answers: &[(Key, Saved)]) -> Result<(), StoreError> {
        self.try_put(answers).await.map_err(|error| self.failed(error))
    }

    async fn try_put(&self, answers: &[(Key, Saved)]) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for some in answers.chunks(ROWS) {
            let mut query = insert(some);
            query.build().execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// How many answers and errors it holds.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM answer")
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.failed(error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Closes the file; what is in the write-ahead log is put into it.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    fn failed(&self, error: sqlx::Error) -> StoreError {
        StoreError::Database { path: self.path.clone(), error }
    }
}

/// Takes the lock beside the store.
fn lock(store: &Path) -> Result<File, StoreError> {
    let mut path = store.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let failed = |error| StoreError::Lock { path: path.clone(), error };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(store.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use ordinate_remote::{Doubt, FailureKind, TokenLogprob};

    use super::*;

    fn saved(item: &str) -> Saved {
        Saved {
            candidate: "a".into(),
            item: item.into(),
            text: Some("上涨 \0 up".into()),
            confidence: Some(0.25),
            input_tokens: Some(7),
            cost_usd: Some(0.1),
            charged_usd: 0.1,
            tries: 2,
            vector: Some(vec![0.5, -1.25e-7]),
            logprobs: vec![TokenLogprob { token: "u".into(), logprob: -0.5 }],
            model: Some("other".into()),
            doubt: Some(Doubt::Disagrees),
            ..Saved::default()
        }
    }

    #[tokio::test]
    async fn answers_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.sqlite");
        let keys: Vec<Key> = ["1", "2", "3"].map(|request| Key::of("m", request)).to_vec();
        {
            let store = AnswerStore::open(&path).await.unwrap();
            store.put(&[(keys[0], saved("1")), (keys[2], saved("3"))]).await.unwrap();
            assert!(matches!(AnswerStore::open(&path).await, Err(StoreError::InUse(_))));
        }
        let store = AnswerStore::open(&path).await.unwrap();
        let found = store.find(&[keys[2], keys[1], keys[0], keys[2]]).await.unwrap();
        assert_eq!(found, [Some(saved("3")), None, Some(saved("1")), Some(saved("3"))]);
        let error = Saved { error: Some((FailureKind::Cut, "broke".into())), text: None, ..saved("1") };
        store.put(&[(keys[0], error)]).await.unwrap();
        let again = store.find(&keys[..1]).await.unwrap().remove(0).unwrap();
        assert_eq!(again.error, Some((FailureKind::Cut, "broke".into())));
        assert!((again.charged_usd - 0.2).abs() < 1e-12, "what was paid before is still paid");
        assert_eq!(store.count().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_is_no_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.sqlite");
        std::fs::write(&path, "this is not a database, but a text of some length").unwrap();
        let error = AnswerStore::open(&path).await.unwrap_err().to_string();
        assert!(error.contains("answers.sqlite"), "{error}");
    }

    #[test]
    fn keys_keep_identity_and_request_apart() {
        assert_ne!(Key::of("ab", "c"), Key::of("a", "bc"));
        assert_eq!(Key::of("a", "b"), Key::of("a", "b"));
    }
}

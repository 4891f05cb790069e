//! The store of one run: a file of SQLite.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool};

use super::{ROWS, StoreError, TABLES, VERSION};
use crate::key::Key;
use crate::saved::{Again, Entry, insert, over_keys, read};

/// Columns that stores of earlier versions lack, with their types.
const LATER: [(&str, &str); 5] = [
    ("model", "TEXT"),
    ("doubt", "TEXT"),
    ("vector", "BLOB"),
    ("receipt", "BIGINT"),
    ("probabilities", "TEXT"),
];

/// An open file. One run at a time has it; the lock ends with the process, however it ends.
#[derive(Debug)]
pub(super) struct FileStore {
    pool: SqlitePool,
    _lock: File,
}

impl FileStore {
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
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
            Some(found) => return Err(StoreError::Version { place: path.display().to_string(), found }),
            None => {
                sqlx::query("INSERT INTO store (version) VALUES ($1)")
                    .bind(VERSION)
                    .execute(&pool)
                    .await
                    .map_err(failed)?;
            }
        }
        Ok(Self { pool, _lock: lock })
    }

    /// How many answers the file holds; `None` where it is no answer store. Nothing is written, and no lock is taken.
    pub(super) async fn peek(path: &Path) -> Option<u64> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.ok()?;
        let is_ours = sqlx::query("SELECT version FROM store").fetch_optional(&pool).await.is_ok();
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM answer").fetch_one(&pool).await.ok();
        pool.close().await;
        count.filter(|_| is_ours).and_then(|count| u64::try_from(count).ok())
    }

    pub(super) async fn find(&self, keys: &[Key]) -> Result<Vec<Entry>, sqlx::Error> {
        let mut query = over_keys::<Sqlite>("SELECT * FROM answer WHERE key IN", keys);
        let rows = query.build().fetch_all(&self.pool).await?;
        rows.iter().filter_map(|row| read(row).transpose()).collect()
    }

    /// Those of the keys that are there.
    pub(super) async fn known(&self, keys: &[Key]) -> Result<Vec<Vec<u8>>, sqlx::Error> {
        let mut query = over_keys::<Sqlite>("SELECT key FROM answer WHERE key IN", keys);
        query.build_query_scalar().fetch_all(&self.pool).await
    }

    pub(super) async fn put(&self, entries: &[Entry]) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let all: Vec<&Entry> = entries.iter().collect();
        for some in all.chunks(ROWS) {
            insert::<Sqlite>(some, Again::Replace).build().execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// The answers behind this place in the file, at most so many, with the place of the last.
    pub(super) async fn page(&self, after: i64, most: i64) -> Result<(Vec<Entry>, Option<i64>), sqlx::Error> {
        let rows =
            sqlx::query("SELECT rowid AS place, * FROM answer WHERE rowid > $1 ORDER BY rowid LIMIT $2")
                .bind(after)
                .bind(most)
                .fetch_all(&self.pool)
                .await?;
        let last = rows.last().map(|row| sqlx::Row::try_get(row, "place")).transpose()?;
        let entries = rows.iter().filter_map(|row| read(row).transpose()).collect::<Result<_, _>>()?;
        Ok((entries, last))
    }

    pub(super) async fn count(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT COUNT(*) FROM answer").fetch_one(&self.pool).await
    }

    /// Closes the file; what is in the write-ahead log is put into it.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Takes the lock beside the store.
fn lock(store: &Path) -> Result<File, StoreError> {
    let path = beside(store, ".lock");
    let failed = |error| StoreError::Lock { path: path.clone(), error };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(store.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn beside(store: &Path, ending: &str) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}

/// Removes a closed store, and what was put beside it.
pub(super) fn remove(store: &Path) -> std::io::Result<()> {
    for ending in ["", "-wal", "-shm", ".lock"] {
        match std::fs::remove_file(beside(store, ending)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

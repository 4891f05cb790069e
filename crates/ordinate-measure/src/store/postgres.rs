//! The store that many runs share: a database of PostgreSQL.
//!
//! Nobody locks it. Whoever is about to ask for an answer claims its key for a while, and renews that while it lives, so that two
//! runs do not ask for the same; what a run that died had claimed is free half a minute later. The clock is the server's.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres, QueryBuilder};

use super::patience::{Lost, Patience, in_time};
use super::place::{SCHEMA, Server};
use super::sqlite::{FileStore, remove};
use super::{ROWS, StoreError, TABLES, VERSION};
use crate::key::Key;
use crate::saved::{Again, Entry, insert, over_keys, read};

/// How long a claim holds that is not renewed, in SQL.
const LEASE: &str = "clock_timestamp() + interval '30 seconds'";
/// How often claims are renewed.
pub(super) const RENEW: Duration = Duration::from_secs(7);
/// Keys of one statement where rows are small.
const KEYS: usize = 4_096;

const ARE_THERE: &str = "SELECT to_regclass('store') IS NOT NULL AND to_regclass('answer') IS NOT NULL \
     AND to_regclass('claim') IS NOT NULL";

/// Whether the table of answers has the column that came last.
const IS_WHOLE: &str = "SELECT EXISTS (SELECT 1 FROM pg_attribute \
     WHERE attrelid = to_regclass('answer') AND attname = 'probabilities' AND NOT attisdropped)";

/// What tables of earlier versions lack.
const LATER: &str = "ALTER TABLE answer ADD COLUMN IF NOT EXISTS probabilities TEXT";

const CLAIMS: &str = "CREATE TABLE IF NOT EXISTS claim (
        key BYTEA NOT NULL PRIMARY KEY,
        owner BIGINT NOT NULL,
        call BIGINT NOT NULL,
        until TIMESTAMPTZ NOT NULL
    )";

/// An open database.
#[derive(Debug)]
pub(super) struct SharedStore {
    server: Server,
    /// Where answers wait that it could not take.
    unsent: PathBuf,
    pool: PgPool,
    /// Whose claims are this store's.
    owner: i64,
}

impl SharedStore {
    pub(super) async fn open(server: &Server, unsent: PathBuf) -> Result<Self, StoreError> {
        let failed = |error| StoreError::Server { server: server.clone(), error };
        // Alone, because a pool says of whatever is wrong that it took too long.
        in_time(make_tables(server)).await.map_err(failed)?;
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(server.options.as_ref().clone());
        let store = Self { server: server.clone(), unsent, pool, owner: fastrand::i64(..) };
        let version: Option<i64> = sqlx::query_scalar("SELECT version FROM store")
            .fetch_optional(&store.pool)
            .await
            .map_err(failed)?;
        if let Some(found) = version.filter(|&found| found != VERSION) {
            return Err(StoreError::Version { place: server.to_string(), found });
        }
        if store.unsent.is_file() {
            store.send_unsent().await?;
        }
        Ok(store)
    }

    /// How many answers it holds; `None` where there are no tables of ours, or it cannot be asked.
    pub(super) async fn peek(server: &Server) -> Option<u64> {
        let look = async {
            let mut connection = PgConnection::connect_with(&server.options).await?;
            let count: i64 =
                sqlx::query_scalar("SELECT COUNT(*) FROM answer").fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok(count)
        };
        in_time(look).await.ok().and_then(|count| u64::try_from(count).ok())
    }

    /// Whether the tables are there.
    pub(super) async fn is_made(server: &Server) -> Result<bool, StoreError> {
        let look = async {
            let mut connection = PgConnection::connect_with(&server.options).await?;
            let are_there = sqlx::query_scalar(ARE_THERE).fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok(are_there)
        };
        in_time(look).await.map_err(|error| StoreError::Server { server: server.clone(), error })
    }

    pub(super) async fn find(&self, keys: &[Key]) -> Result<Vec<Entry>, StoreError> {
        let mut patience = self.patience();
        loop {
            let mut query = over_keys::<Postgres>("SELECT * FROM answer WHERE key IN", keys);
            match in_time(query.build().fetch_all(&self.pool)).await {
                Ok(rows) => {
                    let read = rows.iter().filter_map(|row| read(row).transpose()).collect::<Result<_, _>>();
                    return read.map_err(|error| self.failed(error));
                }
                Err(error) => patience.after(error).await.map_err(|lost| self.lost(lost))?,
            }
        }
    }

    /// Commits these answers, and gives up the claims on them. What the server does not take at once is written into the run
    /// folder, and put again until it does or patience ends: a receipt says what it has already.
    pub(super) async fn put(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let (mut patience, mut waits) = (self.patience(), false);
        loop {
            match in_time(self.try_put(entries, Again::Replace)).await {
                Ok(()) => {
                    if waits {
                        remove(&self.unsent).map_err(|error| self.stuck(error))?;
                    }
                    return Ok(());
                }
                Err(error) => {
                    waits = waits || self.set_aside(entries).await.is_ok();
                    patience.after(error).await.map_err(|lost| StoreError::Lost {
                        server: self.server.clone(),
                        lost,
                        unsent: waits.then(|| self.unsent.clone()),
                    })?;
                }
            }
        }
    }

    async fn try_put(&self, entries: &[Entry], again: Again) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for some in distinct(entries) {
            for some in some.chunks(ROWS) {
                insert::<Postgres>(some, again).build().execute(&mut *transaction).await?;
            }
        }
        let keys: Vec<Key> = entries.iter().map(|entry| entry.key).collect();
        self.unclaim(&keys).build().execute(&mut *transaction).await?;
        transaction.commit().await
    }

    /// Keeps answers in the run folder until the server takes them.
    pub(super) async fn set_aside(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let file = FileStore::open(&self.unsent).await?;
        let put = file.put(entries).await;
        file.close().await;
        put.map_err(|error| StoreError::Database { path: self.unsent.clone(), error })
    }

    /// Puts what waits in the run folder where it belongs.
    async fn send_unsent(&self) -> Result<(), StoreError> {
        let file = match FileStore::open(&self.unsent).await {
            // Whoever has it sends it.
            Err(StoreError::InUse(_)) => return Ok(()),
            opened => opened?,
        };
        let failed = |error| StoreError::Database { path: self.unsent.clone(), error };
        let mut after = 0;
        while let (entries, Some(last)) = file.page(after, ROWS as i64).await.map_err(failed)? {
            in_time(self.try_put(&entries, Again::Replace)).await.map_err(|error| self.failed(error))?;
            after = last;
        }
        file.close().await;
        remove(&self.unsent).map_err(|error| self.stuck(error))
    }

    /// Those of the keys that are there.
    pub(super) async fn known(&self, keys: &[Key]) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut query = over_keys::<Postgres>("SELECT key FROM answer WHERE key IN", keys);
        let known = query.build_query_scalar().fetch_all(&self.pool);
        in_time(known).await.map_err(|error| self.failed(error))
    }

    /// Commits those of these answers whose keys are not there.
    pub(super) async fn add(&self, entries: &[Entry]) -> Result<(), StoreError> {
        in_time(self.try_put(entries, Again::Leave)).await.map_err(|error| self.failed(error))
    }

    /// Claims keys, each once: those that nobody else has. With `all` it is all of them or none.
    pub(super) async fn claim(&self, keys: &[Key], all: bool) -> Result<Vec<Key>, StoreError> {
        // What was claimed by a try of which it was not heard that it had come through is one's own.
        let (mut patience, call) = (self.patience(), fastrand::i64(..));
        loop {
            match in_time(self.try_claim(keys, all, call)).await {
                Ok(mine) => return Ok(mine.iter().filter_map(|bytes| Key::from_bytes(bytes)).collect()),
                Err(error) => patience.after(error).await.map_err(|lost| self.lost(lost))?,
            }
        }
    }

    async fn try_claim(&self, keys: &[Key], all: bool, call: i64) -> Result<Vec<Vec<u8>>, sqlx::Error> {
        // In one order, so that two who claim the same do not wait for each other.
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        let mut transaction = self.pool.begin().await?;
        let mut mine: Vec<Vec<u8>> = Vec::with_capacity(keys.len());
        for some in keys.chunks(KEYS) {
            let mut query = QueryBuilder::<Postgres>::new("INSERT INTO claim (key, owner, call, until) ");
            query.push_values(some, |mut row, key| {
                row.push_bind(key.bytes().to_vec()).push_bind(self.owner).push_bind(call).push(LEASE);
            });
            query.push(
                " ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, call = excluded.call, until = excluded.until \
                 WHERE claim.until < clock_timestamp() OR claim.call = excluded.call RETURNING key",
            );
            mine.extend(query.build_query_scalar::<Vec<u8>>().fetch_all(&mut *transaction).await?);
        }
        if all && mine.len() < keys.len() {
            transaction.rollback().await?;
            return Ok(Vec::new());
        }
        transaction.commit().await?;
        Ok(mine)
    }

    /// Gives claims up that led to no answer.
    pub(super) async fn release(&self, keys: &[Key]) -> Result<(), StoreError> {
        let mut patience = self.patience();
        for some in keys.chunks(KEYS) {
            while let Err(error) = in_time(self.unclaim(some).build().execute(&self.pool)).await {
                patience.after(error).await.map_err(|lost| self.lost(lost))?;
            }
        }
        Ok(())
    }

    fn unclaim(&self, keys: &[Key]) -> QueryBuilder<Postgres> {
        let mut query = over_keys::<Postgres>("DELETE FROM claim WHERE key IN", keys);
        query.push(" AND owner = ").push_bind(self.owner);
        query
    }

    /// Says that whoever has this store's claims lives. Where that cannot be said, others ask as well.
    pub(super) async fn renew(&self) {
        let renew = format!("UPDATE claim SET until = {LEASE} WHERE owner = $1");
        let renewed = sqlx::query(sqlx::AssertSqlSafe(renew)).bind(self.owner).execute(&self.pool);
        let _ = in_time(renewed).await;
    }

    pub(super) async fn count(&self) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM answer").fetch_one(&self.pool);
        in_time(count).await.map_err(|error| self.failed(error))
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    fn patience(&self) -> Patience {
        Patience::new(self.server.patience)
    }

    fn lost(&self, lost: Lost) -> StoreError {
        StoreError::Lost { server: self.server.clone(), lost, unsent: None }
    }

    fn failed(&self, error: sqlx::Error) -> StoreError {
        StoreError::Server { server: self.server.clone(), error }
    }

    /// The file of what waits is of no use any more, and cannot be removed.
    fn stuck(&self, error: std::io::Error) -> StoreError {
        StoreError::Lock { path: self.unsent.clone(), error }
    }
}

/// Answers in groups without two of the same key, each in the order of its keys: one statement puts a key once, and those who
/// put the same do not wait for each other.
fn distinct(entries: &[Entry]) -> Vec<Vec<&Entry>> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.key);
    let mut groups: Vec<Vec<&Entry>> = Vec::new();
    let mut nth = 0;
    for (at, entry) in sorted.iter().enumerate() {
        nth = if at > 0 && sorted[at - 1].key == entry.key { nth + 1 } else { 0 };
        if groups.len() == nth {
            groups.push(Vec::new());
        }
        groups[nth].push(entry);
    }
    groups
}

/// Makes the tables where they are not there. Whoever is first makes them, and the others wait for that.
async fn make_tables(server: &Server) -> Result<(), sqlx::Error> {
    /// "ordinate" as a number.
    const LOCK: i64 = i64::from_be_bytes(*b"ordinate");
    let mut connection = PgConnection::connect_with(&server.options).await?;
    let are_there: bool = sqlx::query_scalar(ARE_THERE).fetch_one(&mut connection).await?;
    let is_whole: bool = sqlx::query_scalar(IS_WHOLE).fetch_one(&mut connection).await?;
    if !are_there || !is_whole {
        let mut transaction = connection.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
        let schema = server.has_own_schema().then(|| format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}"));
        let tables = TABLES.map(|table| table.replace("BLOB", "BYTEA"));
        for statement in schema.into_iter().chain(tables).chain([CLAIMS, LATER].map(str::to_owned)) {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *transaction).await?;
        }
        sqlx::query("INSERT INTO store (version) SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM store)")
            .bind(VERSION)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
    connection.close().await
}

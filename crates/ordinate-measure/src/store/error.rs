//! Why the store cannot be used, and what to do.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Lost, Server, VERSION};

/// What to do about an error of the database.
fn next(error: &sqlx::Error) -> &'static str {
    if is_damage(error) {
        "the file is damaged: put a copy of it back, or move it away, and its answers are asked for, and paid for, again"
    } else {
        "every answer that was committed before is kept"
    }
}

/// `SQLITE_CORRUPT` and `SQLITE_NOTADB`.
fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("11" | "26"))
}

/// What to do about an error of a shared store.
fn next_shared(error: &sqlx::Error) -> &'static str {
    match error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() {
        Some("28P01" | "28000") => {
            "give the right user and password: in PGPASSWORD, in ~/.pgpass, or in the URL"
        }
        Some("3D000") => "make the database with createdb, or name another",
        Some("42501") => {
            "let this user make tables there, or name a schema that is its own: ?options[search_path]=NAME"
        }
        _ => {
            "see that it is a server of PostgreSQL and can be reached from here; every answer that was committed before is kept"
        }
    }
}

/// What became of a shared store that answers no more.
fn lost_message(server: &Server, lost: &Lost, unsent: Option<&PathBuf>) -> String {
    let mut text = match lost.after {
        None => format!("the answer store {server}: {}", lost.error),
        Some(time) => {
            format!("the answer store {server} could not be reached for {} s: {}", time.as_secs(), lost.error)
        }
    };
    if let Some(file) = unsent {
        let file = file.display();
        let _ = write!(text, "; answers that it has not taken are kept in {file}");
    }
    text + "; run the same command again when it is there, and it goes on where it stopped"
}

impl StoreError {
    /// Whether the file is no whole store: cut off, or something else.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        matches!(self, Self::Database { error, .. } if is_damage(error))
    }
}

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
    #[error("the answer store {place} has version {found} and this program writes {VERSION}; use another")]
    Version {
        /// The file, or the server.
        place: String,
        /// Its version.
        found: i64,
    },
    /// It cannot be read or written.
    #[error("the answer store {path}: {error}; {}", next(.error))]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        error: sqlx::Error,
    },
    /// A shared store cannot be read or written.
    #[error("the answer store {server}: {error}; {}", next_shared(.error))]
    Server {
        /// The server.
        server: Server,
        /// What it says, or the system.
        error: sqlx::Error,
    },
    /// A shared store could be reached, and cannot any more.
    #[error("{}", lost_message(.server, .lost, .unsent.as_ref()))]
    Lost {
        /// The server.
        server: Server,
        /// Why.
        lost: Lost,
        /// The file in which answers wait that it has not taken.
        unsent: Option<PathBuf>,
    },
    /// A shared folder, or a file in it, cannot be read or written.
    #[error("the answer store {path}: {problem}")]
    Folder {
        /// The folder or the file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Its lock file cannot be made, or a file of it not be removed.
    #[error("the answer store {path} cannot be locked: {error}")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

//! Where answers are kept: in a file that one run has, or in a database or a folder that many share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

/// Answers of a shared store that it could not take, in the run folder of whoever paid for them.
const UNSENT: &str = "answers.sqlite.unsent";
/// How long a shared store that cannot be reached is waited for: a server that is started again, or another that takes over.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where answers are kept.
#[derive(Debug, Clone)]
pub enum StorePlace {
    /// A file of SQLite, which one run at a time has.
    File(PathBuf),
    /// A database of PostgreSQL, which many runs on many machines share.
    Shared {
        /// The database.
        server: Server,
        /// The run folder: what the server cannot take waits there.
        folder: PathBuf,
    },
    /// A folder of Parquet files, which many runs on many machines share that mount its file system.
    Folder {
        /// The folder with the answers.
        shared: PathBuf,
        /// The run folder: what the other cannot take waits there.
        folder: PathBuf,
    },
}

/// What many runs share.
#[derive(Debug, Clone)]
pub enum SharedPlace {
    /// A database of PostgreSQL.
    Server(Server),
    /// A folder of Parquet files.
    Folder(PathBuf),
}

impl SharedPlace {
    /// Reads the URL of a database ([`Server::parse`]), or of a folder: `file:///PATH`, or a path that begins with `/`, `./` or `../`.
    ///
    /// # Errors
    /// [`ServerError`] where it is neither.
    pub fn parse(text: &str) -> Result<Self, ServerError> {
        let folder = text.strip_prefix("file://").unwrap_or(text);
        if Path::new(folder).is_absolute() || folder.starts_with("./") || folder.starts_with("../") {
            return std::path::absolute(folder).map(Self::Folder).map_err(|_| ServerError::Unreadable);
        }
        Server::parse(text).map(Self::Server)
    }
}

impl From<Server> for SharedPlace {
    fn from(server: Server) -> Self {
        Self::Server(server)
    }
}

impl StorePlace {
    /// The name of the file with the answers, in a run folder.
    pub const FILE: &str = "answers.sqlite";

    /// The place of a run into this folder: its own file, or what it shares.
    #[must_use]
    pub fn of(shared: Option<&SharedPlace>, folder: &Path) -> Self {
        let folder = folder.to_owned();
        match shared {
            None => Self::File(Self::file_in(&folder)),
            Some(SharedPlace::Server(server)) => Self::Shared { server: server.clone(), folder },
            Some(SharedPlace::Folder(shared)) => Self::Folder { shared: shared.clone(), folder },
        }
    }

    /// The file of a run into this folder that shares no store.
    #[must_use]
    pub fn file_in(folder: &Path) -> PathBuf {
        folder.join(Self::FILE)
    }

    /// The file of answers that a shared store could not take, in the run folder of whoever paid for them.
    #[must_use]
    pub fn unsent_in(folder: &Path) -> PathBuf {
        folder.join(UNSENT)
    }
}

impl From<PathBuf> for StorePlace {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for StorePlace {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Shared { server, .. } => write!(f, "{server}"),
            Self::Folder { shared, .. } => write!(f, "{}", shared.display()),
        }
    }
}

/// A database of PostgreSQL. As text it is without its password, and without what else a URL can hold.
#[derive(Clone)]
pub struct Server {
    pub(super) options: Arc<PgConnectOptions>,
    pub(super) patience: Duration,
    has_own_schema: bool,
}

/// Why a text names no server. It never holds the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// It is the URL of something else.
    #[error(
        "a shared answer store is postgres://USER@HOST:PORT/DATABASE, or file:///FOLDER on a file system that is shared"
    )]
    OtherScheme,
    /// Where the password ends cannot be known.
    #[error(
        "an @ stands behind a /, ? or # in it; write those of the password as %40, %2F, %3F and %23, or leave it out and set \
         PGPASSWORD"
    )]
    Unescaped,
    /// It is no URL, or has a parameter that cannot be.
    #[error("it cannot be read as postgres://USER@HOST:PORT/DATABASE; write what is special in it as %XX")]
    Unreadable,
}

impl Server {
    /// Reads `postgres://USER@HOST:PORT/DATABASE`, with the parameters of libpq (`?sslmode=verify-full&sslrootcert=...`). What is not
    /// in it comes from the environment as with libpq: `PGPASSWORD`, `PGSSLMODE` and so on, and `~/.pgpass`.
    ///
    /// # Errors
    /// [`ServerError`] where it is none.
    pub fn parse(url: &str) -> Result<Self, ServerError> {
        let (scheme, rest) = url.split_once("://").ok_or(ServerError::OtherScheme)?;
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(ServerError::OtherScheme);
        }
        // A part of the password would be taken for the host, and shown.
        if rest.find(['/', '?', '#']).is_some_and(|end| rest[end..].contains('@')) {
            return Err(ServerError::Unescaped);
        }
        let options = PgConnectOptions::from_str(url).map_err(|_| ServerError::Unreadable)?;
        let names_another = options.get_options().is_some_and(|options| options.contains("search_path"));
        let options = match names_another {
            true => options,
            false => options.options([("search_path", SCHEMA)]),
        };
        let options = options.application_name("ordinate");
        Ok(Self { options: Arc::new(options), patience: PATIENCE, has_own_schema: !names_another })
    }

    /// Whether the tables are in a schema of their own, which is made with them.
    pub(super) fn has_own_schema(&self) -> bool {
        self.has_own_schema
    }

    /// The same, waited for so long where it cannot be reached.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// The schema of the tables, where the URL names no other by `options[search_path]`.
pub(super) const SCHEMA: &str = "ordinate";

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let host = options
            .get_socket()
            .map_or_else(|| options.get_host().to_owned(), |socket| socket.display().to_string());
        let (user, port) = (options.get_username(), options.get_port());
        let database = options.get_database().unwrap_or(user);
        write!(f, "postgres://{user}@{host}:{port}/{database}")
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_text() {
        for url in [
            "postgres://me:hush@db.example.com:6543/answers",
            "postgresql://me@db.example.com:6543/answers?password=hush&sslmode=require",
            "postgres://me:hu%40sh@db.example.com:6543/answers?options[search_path]=mine",
        ] {
            let server = Server::parse(url).unwrap();
            assert_eq!(server.to_string(), "postgres://me@db.example.com:6543/answers");
            let place = StorePlace::of(Some(&server.clone().into()), Path::new("run"));
            for text in [format!("{server:?}"), format!("{place:?}"), place.to_string()] {
                assert!(!text.contains("hu"), "{text}");
            }
        }
        for (url, error) in [
            ("postgres://me:hu/sh@db/answers", ServerError::Unescaped),
            ("postgres://me:12#hush@db/answers", ServerError::Unescaped),
            ("postgres://me:hush@db:port/answers", ServerError::Unreadable),
            ("postgres://me:hush@db/answers?port=hush", ServerError::Unreadable),
            ("mysql://me:hush@db/answers", ServerError::OtherScheme),
            ("hush", ServerError::OtherScheme),
        ] {
            let said = Server::parse(url).unwrap_err();
            assert_eq!(said, error, "{url}");
            assert!(!said.to_string().contains("hush"));
            assert!(SharedPlace::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_folder_is_named_as_one() {
        for text in ["file:///srv/answers", "/srv/answers"] {
            let SharedPlace::Folder(folder) = SharedPlace::parse(text).unwrap() else { panic!("{text}") };
            assert_eq!(folder, Path::new("/srv/answers"));
        }
        assert!(
            matches!(SharedPlace::parse("./answers"), Ok(SharedPlace::Folder(folder)) if folder.is_absolute())
        );
        assert!(matches!(SharedPlace::parse("postgres://me@db/answers"), Ok(SharedPlace::Server(_))));
        assert!(SharedPlace::parse("file://host/answers").is_err());
    }
}

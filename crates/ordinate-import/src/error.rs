//! What goes wrong with a log: one paragraph that names file, place and field, and says what to do next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Where in a log something stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The log.
    pub file: PathBuf,
    /// The entry of a zip, or the file of a run folder.
    pub entry: Option<String>,
    /// The line (of JSON Lines) or the row (of Parquet), from 1.
    pub line: Option<u64>,
    /// The field.
    pub field: Option<String>,
}

impl Place {
    pub(crate) fn file(path: &Path) -> Self {
        Self { file: path.to_owned(), ..Self::default() }
    }

    pub(crate) fn entry(mut self, entry: &str) -> Self {
        self.entry = Some(entry.to_owned());
        self
    }

    pub(crate) fn line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    pub(crate) fn field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    pub(crate) fn refuse(self, problem: impl Into<String>, next: impl Into<String>) -> ImportError {
        ImportError::Log(Box::new(LogError { place: self, problem: problem.into(), next: next.into() }))
    }

    /// An input error at this place; a limit that was hit keeps its own advice.
    pub(crate) fn io(self, error: &io::Error) -> ImportError {
        if let Some(hit) = error.get_ref().and_then(|inner| inner.downcast_ref::<LimitHit>()) {
            return self.refuse(hit.problem.clone(), hit.next.clone());
        }
        self.refuse(format!("cannot be read: {error}"), "the file may be damaged or cut off: fetch it again")
    }

    /// A JSON error at this place.
    pub(crate) fn json(self, error: serde_json::Error) -> ImportError {
        if error.is_io() {
            return self.io(&io::Error::from(error));
        }
        let text = error.to_string();
        let next = if text.contains("recursion limit") {
            "this is nested deeper than any log that these tools write: make sure that the file is what it claims to be"
        } else if error.is_eof() {
            "it ends in the middle of a value: the file is cut off; fetch it again"
        } else {
            "make sure that it was written by the tool and was not edited"
        };
        self.refuse(format!("is not the JSON that was expected: {text}"), next)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", clean(&self.file.to_string_lossy()))?;
        if let Some(entry) = &self.entry {
            write!(f, ", {}", clean(entry))?;
        }
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ", field {}", clean(field))?;
        }
        Ok(())
    }
}

/// A log that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogError {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub next: String,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, clean(&self.problem), clean(&self.next))
    }
}

/// Why logs were not imported. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A log is refused.
    #[error("{0}")]
    Log(Box<LogError>),
    /// The result cannot be written.
    #[error("cannot write {}: {source}; check that the folder exists, is writable and has space", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was asked for does not fit the logs.
    #[error("{0}")]
    Options(String),
}

impl ImportError {
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}

/// A limit that reading ran into, carried through [`io::Error`].
#[derive(Debug)]
pub(crate) struct LimitHit {
    pub(crate) problem: String,
    pub(crate) next: String,
}

impl fmt::Display for LimitHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for LimitHit {}

/// Text out of a log, made fit for one line of a terminal: no control characters, at most 300 characters.
pub(crate) fn clean(text: &str) -> String {
    const MAX: usize = 300;
    let mut out: String =
        text.chars().take(MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAX).is_some() {
        out.push('…');
    }
    out
}

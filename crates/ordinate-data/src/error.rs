//! Why a task file or data cannot be used: one paragraph that names the file, the line or row, the field, what
//! is wrong and what to do next.

use std::fmt;
use std::path::{Path, PathBuf};

pub use crate::path_problem::PathProblem;
pub use crate::problem::Problem;
pub(crate) use crate::wording::{list, quoted};

/// A place within a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// A line of a text file, counted from 1.
    Line(u64),
    /// A line and a column (in characters) of a text file, both counted from 1.
    LineColumn(u64, u64),
    /// A row of a Parquet file, counted from 1.
    Row(u64),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, ":{line}"),
            Self::LineColumn(line, column) => write!(f, ":{line}:{column}"),
            Self::Row(row) => write!(f, ": row {row}"),
        }
    }
}

/// Bad input: shown as `FILE:LINE:COLUMN: field: what is wrong. What to do next.`
#[derive(Debug)]
pub struct DataError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    path: PathBuf,
    at: Option<At>,
    field: Option<String>,
    problem: Problem,
}

impl DataError {
    pub(crate) fn new(path: &Path, problem: Problem) -> Self {
        Self(Box::new(Parts { path: path.to_owned(), at: None, field: None, problem }))
    }

    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        Self::new(path, Problem::from(error))
    }

    pub(crate) fn at(mut self, at: impl Into<Option<At>>) -> Self {
        self.0.at = at.into();
        self
    }

    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The place within the file, where there is one.
    #[must_use]
    pub fn place(&self) -> Option<At> {
        self.0.at
    }

    /// The field or key, where one is to blame.
    #[must_use]
    pub fn field_name(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { path, at, field, problem } = &*self.0;
        // A file name may hold anything, line breaks too; the message must stay one paragraph.
        let path: String =
            path.to_string_lossy().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        f.write_str(&path)?;
        if let Some(at) = at {
            at.fmt(f)?;
        }
        if let Some(field) = field {
            write!(f, ": {field}")?;
        }
        write!(f, ": {problem}")
    }
}

impl std::error::Error for DataError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0.problem)
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => PathProblem::NotFound.into(),
            std::io::ErrorKind::PermissionDenied => PathProblem::Denied.into(),
            std::io::ErrorKind::IsADirectory => PathProblem::Folder.into(),
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests of whole files cannot show this one where they run as root, who may read everything.
    #[test]
    fn a_file_that_may_not_be_read_and_a_name_with_a_line_break() {
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = DataError::io(Path::new("a\nb.csv"), denied);
        assert_eq!(
            error.to_string(),
            "a\u{fffd}b.csv: the file may not be read (permission denied). Change its permissions, or run as its \
             owner."
        );
        assert!(matches!(error.problem(), Problem::Path(PathProblem::Denied)));
    }
}

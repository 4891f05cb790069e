//! What can be wrong with a path: each with what to do next.

/// Why a path leads to no file that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathProblem {
    /// There is no such file.
    #[error("there is no such file. Check the spelling and the folder.")]
    NotFound,
    /// A path leads nowhere.
    #[error("there is no file {0}. Paths are relative to the task file; check the spelling.")]
    NotFoundAt(String),
    /// The file may not be read.
    #[error("the file may not be read (permission denied). Change its permissions, or run as its owner.")]
    Denied,
    /// The path leads to a folder.
    #[error("this is a folder, not a file. Name the file, or a pattern such as \"part-*.jsonl\".")]
    Folder,
    /// The path is an address.
    #[error(
        "addresses such as {scheme}:// are not read by this version. Copy the data to a local file and \
             name that."
    )]
    Address {
        /// `s3`, `https`, ...
        scheme: String,
    },
    /// A pattern matches nothing.
    #[error("the pattern matches no file. Patterns are relative to the task file; check the spelling.")]
    NoMatch,
    /// A pattern is malformed.
    #[error("the pattern cannot be read ({0}). Write for example \"part-*.jsonl\".")]
    BadPattern(String),
}

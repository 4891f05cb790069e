//! Why a model cannot be fetched.

use std::io;
use std::path::{Path, PathBuf};

/// Why a model cannot be fetched: one sentence that says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// An environment variable is wrong.
    #[error("the environment variable {variable}: {problem}")]
    Setting {
        /// Which one.
        variable: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The model is not here, and the network is forbidden.
    #[error(
        "{name} is not whole in the hub's cache ({} has no {lacks}), and HF_HUB_OFFLINE forbids to fetch it; unset it, \
         set HF_HUB_CACHE to a cache that has the model, or name a folder", .folder.display()
    )]
    Offline {
        /// The model.
        name: String,
        /// Where it would be.
        folder: PathBuf,
        /// What is not there.
        lacks: String,
    },
    /// Nobody answers there.
    #[error(
        "{host} cannot be reached: {why}; check the network (and HTTPS_PROXY), set HF_ENDPOINT to a mirror, or copy the \
         model into the hub's cache and set HF_HUB_OFFLINE=1"
    )]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the system says.
        why: String,
    },
    /// The connection broke.
    #[error(
        "{file}: the connection to {host} broke: {why}; run the same again: it goes on from what has come"
    )]
    Cut {
        /// What was being fetched.
        file: String,
        /// Host and port.
        host: String,
        /// What the system says.
        why: String,
    },
    /// The hub wants another token, or any.
    #[error("{name}: the hub refuses it (HTTP {status}{said}); {next}")]
    Denied {
        /// The model.
        name: String,
        /// 401 or 403.
        status: u16,
        /// What the hub says, after a comma.
        said: String,
        /// What to do.
        next: String,
    },
    /// There is no such model, revision or file.
    #[error("{name}: {what}; {next}")]
    NotFound {
        /// The model.
        name: String,
        /// What there is not.
        what: String,
        /// What to do.
        next: String,
    },
    /// The hub is busy or broken.
    #[error("{host} answers HTTP {status}{said}; try again later, or set HF_ENDPOINT to a mirror")]
    Busy {
        /// Host and port.
        host: String,
        /// The status.
        status: u16,
        /// What the hub says, after a comma.
        said: String,
    },
    /// What answers is no hub.
    #[error("{host} does not answer as a hub does: {problem}; check HF_ENDPOINT")]
    Protocol {
        /// Host and port.
        host: String,
        /// What is wrong.
        problem: String,
    },
    /// The model has nothing that runs here.
    #[error("{name}: {why}")]
    Unfit {
        /// The model.
        name: String,
        /// Why, and what to do.
        why: String,
    },
    /// What came is not what the hub announced.
    #[error(
        "{file}: what came is not what the hub announced ({why}); it was thrown away: fetch it again, and if that does \
         not help, from another mirror (HF_ENDPOINT)"
    )]
    Damaged {
        /// The file.
        file: String,
        /// The difference.
        why: String,
    },
    /// The disk is full, or refuses.
    #[error("{}: {why}", .path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
}

impl FetchError {
    /// Whether what the user named is wrong, rather than the network or the disk.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::Setting { .. } | Self::Offline { .. } | Self::NotFound { .. } | Self::Unfit { .. }
        )
    }

    /// Whether trying again soon may help.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Cut { .. } | Self::Busy { .. })
    }

    pub(crate) fn disk(path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let why = match error.kind() {
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => format!(
                "there is no room for it ({error}); make some, or set HF_HUB_CACHE to a folder on another disk, and run \
                 the same again: what has come is kept"
            ),
            _ => format!("cannot be written: {error}; check the folder, or set HF_HUB_CACHE to another"),
        };
        Self::Disk { path: path.to_owned(), why }
    }
}

/// What a server says, for the middle of a sentence: one short line without control characters, after a comma.
pub(crate) fn quoted(said: &str) -> String {
    let clean: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { line } else { format!(", {line:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_forbidden_one() {
        let said = |kind: io::ErrorKind| FetchError::disk(Path::new("blobs/x"), &kind.into()).to_string();
        assert!(said(io::ErrorKind::StorageFull).contains("no room"));
        assert!(said(io::ErrorKind::StorageFull).contains("HF_HUB_CACHE"));
        assert!(said(io::ErrorKind::PermissionDenied).contains("cannot be written"));
    }

    #[test]
    fn servers_words_are_one_short_line() {
        assert_eq!(quoted("no\r\n\u{1b}[31m way "), ", \"no [31m way\"");
        assert_eq!(quoted("\n"), "");
        assert!(quoted(&"x".repeat(5000)).len() < 400);
    }
}

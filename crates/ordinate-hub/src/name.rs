//! What `hf:org/name[@revision][/file.gguf]` says.

use std::fmt;

use crate::path::is_safe;

/// The revision where none is named.
const MAIN: &str = "main";

/// A model on a hub, and perhaps one GGUF file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    repository: String,
    revision: Option<String>,
    file: Option<String>,
}

/// A text that begins with `hf:` and names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} names no model of a hub: {why}; write hf:org/name, hf:org/name@revision or hf:org/name/file.gguf"
)]
pub struct NameError {
    text: String,
    why: &'static str,
}

impl ModelName {
    /// Reads a name; `None` for a text that does not begin with `hf:`.
    ///
    /// # Errors
    /// [`NameError`] for parts that no hub has, and paths that lead elsewhere.
    pub fn parse(text: &str) -> Result<Option<Self>, NameError> {
        let Some(name) = text.strip_prefix("hf:") else { return Ok(None) };
        let wrong = |why| NameError { text: text.to_owned(), why };
        let is_file = name.to_ascii_lowercase().ends_with(".gguf");
        let (repository, revision, file) = match name.split_once('@') {
            // The revision of a file is one word, since a longer one could not be told from the file's path.
            Some((repository, rest)) if is_file => {
                let (revision, file) =
                    rest.split_once('/').ok_or_else(|| wrong("no file follows its revision"))?;
                (repository, Some(revision), Some(file))
            }
            Some((repository, revision)) => (repository, Some(revision), None),
            None if is_file => {
                let at = name.match_indices('/').nth(1).map(|(at, _)| at);
                let at =
                    at.ok_or_else(|| wrong("a file needs the model's organisation and name before it"))?;
                (&name[..at], None, Some(&name[at + 1..]))
            }
            None => (name, None, None),
        };
        let word = |part: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            // The cache writes `--` for `/`, and the hub forbids both of these in names.
            !part.is_empty()
                && part.len() <= 96
                && part.chars().all(known)
                && !part.starts_with(['-', '.'])
                && !part.contains("--")
                && !part.contains("..")
        };
        if repository.split('/').count() > 2 || !repository.split('/').all(word) {
            return Err(wrong("its name is not org/name in letters, digits, -, _ and ."));
        }
        let spaced = |part: &str| part.contains(|c: char| c.is_whitespace() || c == '@');
        if revision.is_some_and(|revision| !is_safe(revision) || spaced(revision) || revision.contains(".."))
        {
            return Err(wrong("its revision is no branch, tag or commit"));
        }
        if file.is_some_and(|file| !is_safe(file)) {
            return Err(wrong("its file does not lie in the model's folder"));
        }
        let own = |part: &str| part.to_owned();
        Ok(Some(Self { repository: own(repository), revision: revision.map(own), file: file.map(own) }))
    }

    /// `org/name`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The branch, tag or commit: `main` where none was named.
    #[must_use]
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(MAIN)
    }

    /// The GGUF file, where one was named.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// Whether the revision is a commit, which never means anything else later.
    #[must_use]
    pub fn is_commit(&self) -> bool {
        is_commit(self.revision())
    }
}

/// Whether a text is the whole name of a commit.
#[must_use]
pub fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf:{}", self.repository)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        match &self.file {
            Some(file) => write!(f, "/{file}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, repository, revision, file) in [
            ("hf:gpt2", "gpt2", "main", None),
            ("hf:a/b", "a/b", "main", None),
            ("hf:a/b@v1.0", "a/b", "v1.0", None),
            ("hf:a/b@refs/pr/1", "a/b", "refs/pr/1", None),
            ("hf:a/b/m.gguf", "a/b", "main", Some("m.gguf")),
            ("hf:a/b/q8/m.GGUF", "a/b", "main", Some("q8/m.GGUF")),
            ("hf:a/b@v1/q8/m.gguf", "a/b", "v1", Some("q8/m.gguf")),
        ] {
            let name = ModelName::parse(text).unwrap().unwrap();
            assert_eq!((name.repository(), name.revision(), name.file()), (repository, revision, file));
            assert_eq!(name.to_string(), text);
        }
        assert_eq!(ModelName::parse("models/a"), Ok(None));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in [
            "hf:",
            "hf:/",
            "hf:a/",
            "hf:a/b/c",
            "hf:../b",
            "hf:a/..",
            "hf:a/b--c",
            "hf:a b/c",
            "hf:a/b@",
            "hf:a/b@../../x",
            "hf:a/b@a..b",
            "hf:a/b@x y",
            "hf:a/b@v?x",
            "hf:a/b/../c.gguf",
            "hf:a/b@v1.gguf",
            "hf:a/m.gguf",
            "hf:a/b//m.gguf",
            "hf:a%2f/b",
        ] {
            let said = ModelName::parse(text).unwrap_err().to_string();
            assert!(said.contains("write hf:org/name"), "{said}");
        }
    }
}

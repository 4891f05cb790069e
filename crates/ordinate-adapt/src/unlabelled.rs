//! Texts of a domain without labels.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ordinate_models::ModelError;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Texts, and what tells them from others.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Unlabelled {
    #[serde(skip)]
    pub(crate) texts: Arc<Vec<String>>,
    sha256: String,
}

impl Unlabelled {
    /// Reads a file: JSON lines with the field `text` where its name ends in `.jsonl`, else a text a line.
    ///
    /// # Errors
    /// [`ModelError::File`] with the line that is no text.
    pub(crate) fn read(path: &Path) -> Result<Self, ModelError> {
        let failed = |problem: String| ModelError::File { path: path.to_owned(), problem };
        let bytes = fs::read(path).map_err(|error| {
            failed(format!("cannot be read: {error}; texts is a file with a text a line, or JSON lines with the field text"))
        })?;
        let all = std::str::from_utf8(&bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            failed(format!("line {line} is not UTF-8; write the file as UTF-8"))
        })?;
        let all = all.strip_prefix('\u{feff}').unwrap_or(all);
        let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("jsonl"));
        let mut texts = Vec::new();
        for (number, line) in (1..).zip(all.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            if !is_json {
                texts.push(line.trim().to_owned());
                continue;
            }
            let row: Value = serde_json::from_str(line)
                .map_err(|error| failed(format!("line {number} is no JSON: {error}")))?;
            match row["text"].as_str() {
                Some(text) if !text.trim().is_empty() => texts.push(text.to_owned()),
                Some(_) => {}
                None => {
                    return Err(failed(format!(
                        "line {number} has no field text with a text in it; rename its field"
                    )));
                }
            }
        }
        if texts.is_empty() {
            return Err(failed("has no text; leave texts out, or name a file that has some".to_owned()));
        }
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { texts: Arc::new(texts), sha256 })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(name: &str, text: &[u8]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        Unlabelled::read(&path).map(|read| read.texts.to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn texts_of_lines_and_of_json() {
        assert_eq!(read("a.txt", b"one\r\n\n  two \n").unwrap(), ["one", "two"]);
        assert_eq!(
            read("a.jsonl", "{\"text\": \"金价\\nb\", \"id\": 1}\n{\"text\": \" \"}\n".as_bytes()).unwrap(),
            ["金价\nb"]
        );
        for (name, text, part) in [
            ("a.jsonl", &b"{\"text\": \"a\"}\n{\"body\": \"b\"}\n"[..], "line 2 has no field text"),
            ("a.jsonl", b"{\"text\": \"a\"}\nb\n", "line 2 is no JSON"),
            ("a.txt", b"a\n\xff\n", "line 2 is not UTF-8"),
            ("a.txt", b"\n \n", "has no text"),
        ] {
            let error = read(name, text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}

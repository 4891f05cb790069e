//! The file of labels: a line each, on the disk before the next item is shown. What is there is never changed: of several
//! lines for one item the last counts, and one without a target takes back those before it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Fault};

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The item's id.
    id: String,
    /// What is right; null takes back what was said before.
    target: Option<String>,
    /// The text of the item, so that a label stays with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<String>,
}

/// Texts up to this length go into the file, bytes.
const MAX_INPUT: usize = 20_000;

/// A file of labels that this process has.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    file: File,
    /// What is right, by id.
    labels: HashMap<String, String>,
}

impl Store {
    /// Opens the file, which is made where there is none, and reads what is in it.
    ///
    /// # Errors
    /// [`Error::File`] where it holds anything but labels, cannot be opened, or another process has it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let mut labels = HashMap::new();
        let file = open_lines(path, |line| {
            let line: Line =
                serde_json::from_slice(line).map_err(|error| format!("is no label ({error})"))?;
            match line.target {
                Some(target) => labels.insert(line.id, target),
                None => labels.remove(&line.id),
            };
            Ok(())
        })?;
        Ok(Self { path: path.to_owned(), file, labels })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many items have a label.
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn label(&self, id: &str) -> Option<&str> {
        self.labels.get(id).map(String::as_str)
    }

    /// Every label that was given, in no order.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.values().map(String::as_str)
    }

    /// Says what is right for an item, or with `None` that nothing was said. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::File`]; nothing is said then.
    pub(super) fn say(&mut self, id: &str, target: Option<&str>, input: Option<&str>) -> Result<(), Error> {
        let failed = |path: &Path, error: std::io::Error| {
            Error::file(path, Fault::Run, format!("the label cannot be written: {error}; it is not kept"))
        };
        let line = Line {
            id: id.to_owned(),
            target: target.map(str::to_owned),
            input: input.filter(|text| text.len() <= MAX_INPUT).map(str::to_owned),
        };
        let mut text = serde_json::to_vec(&line).map_err(Error::broken)?;
        text.push(b'\n');
        self.file
            .write_all(&text)
            .and_then(|()| self.file.sync_data())
            .map_err(|error| failed(&self.path, error))?;
        match line.target {
            Some(target) => self.labels.insert(line.id, target),
            None => self.labels.remove(&line.id),
        };
        Ok(())
    }
}

/// Opens a file of lines that this process alone writes to, made where there is none, and hands on each line. A last line that was
/// cut, as a machine leaves it that lost its power, is taken off.
///
/// # Errors
/// [`Error::File`] where `read` says what is wrong with a line, the file cannot be opened, or another process has it.
pub(super) fn open_lines(
    path: &Path,
    mut read: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<File, Error> {
    let cannot = |error: std::io::Error| {
        Error::file(path, Fault::Input, format!("cannot be opened: {error}; give another file with --out"))
    };
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let problem = "another `ordinate label` writes to it; end that, or give another file with --out";
            return Err(Error::file(path, Fault::Input, problem));
        }
        Err(TryLockError::Error(error)) => return Err(cannot(error)),
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(cannot)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut read = |line: &[u8], number: usize| {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let told = |wrong| format!("line {number} {wrong}; give another file with --out");
        read(line).map_err(|wrong| Error::file(path, Fault::Input, told(wrong)))
    };
    let mut lines = 0;
    for line in bytes[..whole].split(|byte| *byte == b'\n') {
        lines += 1;
        read(line, lines)?;
    }
    // Without its line break the last line may be whole, as an editor leaves it, or cut.
    let rest = &bytes[whole..];
    if !rest.is_empty() {
        if serde_json::from_slice::<serde_json::Value>(rest).is_ok() {
            read(rest, lines)?;
            file.write_all(b"\n").map_err(cannot)?;
        } else if whole > 0 || rest.starts_with(b"{\"id\":") {
            file.set_len(whole as u64).map_err(cannot)?;
            file.seek(SeekFrom::End(0)).map_err(cannot)?;
        } else {
            read(rest, lines)?;
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_last_counts_and_a_cut_line_is_taken_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.jsonl");
        let mut store = Store::open(&path).unwrap();
        store.say("1", Some("up"), Some("gold rises")).unwrap();
        store.say("2", Some("down"), None).unwrap();
        store.say("1", Some("none"), None).unwrap();
        store.say("2", None, None).unwrap();
        assert!(
            Store::open(&path).unwrap_err().to_string().contains("another `ordinate label` writes to it")
        );
        drop(store);
        let whole = std::fs::read_to_string(&path).unwrap();
        assert_eq!(whole.lines().next(), Some(r#"{"id":"1","target":"up","input":"gold rises"}"#));
        std::fs::write(&path, format!("{whole}{{\"id\":\"3\",\"targ")).unwrap();
        let mut store = Store::open(&path).unwrap();
        assert_eq!((store.len(), store.label("1"), store.label("2")), (1, Some("none"), None));
        store.say("3", Some("up"), None).unwrap();
        drop(store);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{whole}{{\"id\":\"3\",\"target\":\"up\"}}\n"));
        // A line without its break is whole.
        std::fs::write(&path, text.trim_end()).unwrap();
        assert_eq!(Store::open(&path).unwrap().len(), 2);
    }

    #[test]
    fn nothing_else_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.jsonl");
        for other in
            ["{\"id\":\"1\",\"text\":\"mine\"}\n", "my notes\n", "my notes", "{\"id\":\"1\"}\n{\"text\":1}\n"]
        {
            std::fs::write(&path, other).unwrap();
            let refused = Store::open(&path).unwrap_err().to_string();
            assert!(refused.contains("is no label"), "{other}: {refused}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
        }
    }
}

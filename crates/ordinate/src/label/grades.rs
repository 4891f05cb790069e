//! The file of grades that a person gives: a line each, as `[judge] human` takes it, on the disk before the next answer is shown. Of
//! several lines for one answer that file's readers take the mean, so that a grade which is taken back is taken off.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::store::open_lines;
use crate::error::{Error, Fault};

/// A line; others may stand in it too.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// The item's id.
    id: String,
    /// Whose answer it is.
    candidate: String,
    /// What a person said: a number on the scale; `win`, `tie` or `loss`; null is no grade.
    grade: Value,
}

/// The item's id and the candidate's name.
pub(super) type Key = (String, String);

/// A file of grades that this process has.
#[derive(Debug)]
pub(super) struct GradeFile {
    path: PathBuf,
    file: File,
    /// The answers that had a grade when it was opened.
    before: HashSet<Key>,
    /// What was said since, in the order of the lines.
    own: Vec<Own>,
    length: u64,
}

#[derive(Debug)]
struct Own {
    key: Key,
    grade: String,
    /// Where its line begins.
    at: u64,
    line: Vec<u8>,
}

impl GradeFile {
    /// Opens the file, which is made where there is none, and reads which answers have a grade.
    ///
    /// # Errors
    /// [`Error::File`] where it holds anything but grades as JSON lines, cannot be opened, or another process has it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let mut before = HashSet::new();
        let file = open_lines(path, |line| {
            let line: Line = serde_json::from_slice(line)
                .map_err(|error| format!("is no grade of an answer as a line of JSON ({error})"))?;
            if !line.grade.is_null() {
                before.insert((line.id, line.candidate));
            }
            Ok(())
        })?;
        let unknown = |error| Error::file(path, Fault::Input, format!("cannot be read: {error}"));
        let length = file.metadata().map_err(unknown)?.len();
        Ok(Self { path: path.to_owned(), file, before, own: Vec::new(), length })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many answers have a grade.
    pub(super) fn len(&self) -> usize {
        self.before.len() + self.own.len()
    }

    /// Whether an answer had a grade when the file was opened.
    pub(super) fn had(&self, key: &Key) -> bool {
        self.before.contains(key)
    }

    /// The grade that was given to an answer since.
    pub(super) fn grade(&self, key: &Key) -> Option<&str> {
        self.own.iter().find(|own| own.key == *key).map(|own| own.grade.as_str())
    }

    /// Says what an answer is worth, or with `None` that nothing was said. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::File`]; nothing is to be relied on then that was said since the file was opened.
    pub(super) fn say(&mut self, key: &Key, grade: Option<&str>) -> Result<(), Error> {
        self.put(key, grade).and_then(|()| self.file.sync_data()).map_err(|error| {
            let problem = format!("the grade cannot be written: {error}; it is not kept");
            Error::file(&self.path, Fault::Run, problem)
        })
    }

    fn put(&mut self, key: &Key, grade: Option<&str>) -> std::io::Result<()> {
        if let Some(place) = self.own.iter().position(|own| own.key == *key) {
            // What was said before this process began is never touched.
            let later = self.own.split_off(place);
            self.length = later[0].at;
            self.file.set_len(self.length)?;
            for one in later.into_iter().skip(1) {
                self.append(one.key, one.grade, one.line)?;
            }
        }
        let Some(grade) = grade else { return Ok(()) };
        let value = grade.parse().ok().filter(|value: &Value| value.is_number());
        let line = Line {
            id: key.0.clone(),
            candidate: key.1.clone(),
            grade: value.unwrap_or_else(|| Value::from(grade)),
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        self.append(key.clone(), grade.to_owned(), line)
    }

    fn append(&mut self, key: Key, grade: String, line: Vec<u8>) -> std::io::Result<()> {
        self.file.write_all(&line)?;
        let at = self.length;
        self.length += line.len() as u64;
        self.own.push(Own { key, grade, at, line });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_is_taken_off_and_what_was_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grades.jsonl");
        let there = "{\"id\":\"1\",\"candidate\":\"a\",\"grade\":4,\"by\":\"Li\"}\n";
        std::fs::write(&path, there).unwrap();
        let key = |id: &str| (id.to_owned(), "a".to_owned());
        let mut file = GradeFile::open(&path).unwrap();
        assert!(file.had(&key("1")) && file.grade(&key("1")).is_none());
        for (id, grade) in [("2", "3"), ("3", "win"), ("4", "2.5")] {
            file.say(&key(id), Some(grade)).unwrap();
        }
        file.say(&key("3"), Some("loss")).unwrap();
        file.say(&key("2"), None).unwrap();
        assert_eq!((file.len(), file.grade(&key("3")), file.grade(&key("2"))), (3, Some("loss"), None));
        drop(file);
        let line =
            |id: &str, grade: &str| format!("{{\"id\":\"{id}\",\"candidate\":\"a\",\"grade\":{grade}}}\n");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{there}{}{}", line("4", "2.5"), line("3", "\"loss\"")));
        // A cut line is taken off, and another file is left as it is.
        std::fs::write(&path, format!("{text}{{\"id\":\"9\",\"cand")).unwrap();
        assert_eq!(GradeFile::open(&path).unwrap().len(), 3);
        std::fs::write(&path, "id,candidate,grade\n1,a,3\n").unwrap();
        let refused = GradeFile::open(&path).unwrap_err().to_string();
        assert!(refused.contains("line 1 is no grade of an answer"), "{refused}");
    }
}

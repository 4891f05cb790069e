//! What the tests share: where logs are, and what an import wrote.
// Not every test binary uses all of it; and a test that cannot go on panics.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::fs;
use std::path::{Path, PathBuf};

use ordinate_import::{ImportError, Imported, Options, import};
use serde_json::Value;
use tempfile::TempDir;

/// An import into a folder that goes away with it.
pub(crate) struct Done {
    pub(crate) imported: Imported,
    pub(crate) folder: TempDir,
}

pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// Real logs beside the repository; `None`, said aloud, where they are not there.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    if !root.exists() {
        println!("skipped: {} is absent", root.display());
        return None;
    }
    Some(root.join("data/logs").join(path))
}

pub(crate) fn try_import(logs: &[PathBuf], options: &Options) -> Result<Done, ImportError> {
    let folder = TempDir::new().unwrap();
    let imported = import(logs, &folder.path().join("out"), options)?;
    Ok(Done { imported, folder })
}

pub(crate) fn run(logs: &[PathBuf]) -> Done {
    try_import(logs, &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The message of a refusal, which leaves nothing behind.
pub(crate) fn refused(logs: &[PathBuf], options: &Options) -> String {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let error = match import(logs, &out, options) {
        Ok(done) => panic!("was imported: {done:?}"),
        Err(error) => error.to_string(),
    };
    assert!(!out.exists(), "a refused import leaves {} behind", out.display());
    assert!(!error.contains('\n') && error.len() < 1_500, "one paragraph: {error}");
    error
}

pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Done {
    pub(crate) fn items(&self) -> Vec<Value> {
        lines(&self.folder.path().join("out/items.jsonl"))
    }

    /// Name, scored, errors, missing and mean of each candidate.
    pub(crate) fn summary(&self) -> Vec<(String, u64, u64, u64, Option<f64>)> {
        let row = |c: &ordinate_import::CandidateSummary| {
            (c.name.to_string(), c.scored, c.errors, c.missing, c.mean)
        };
        self.imported.candidates.iter().map(row).collect()
    }

    /// The answers of a candidate.
    pub(crate) fn answers(&self, name: &str) -> Vec<Value> {
        let candidate = self.imported.candidates.iter().find(|candidate| candidate.name.as_str() == name);
        lines(&candidate.unwrap_or_else(|| panic!("no {name} in {:?}", self.summary())).file)
    }

    /// Mean score of a candidate's answers to one task, and how many there are.
    pub(crate) fn task_mean(&self, name: &str, task: &str) -> (f64, usize) {
        let ids: Vec<Value> = self
            .items()
            .into_iter()
            .filter(|item| item["task"] == task)
            .map(|item| item["id"].clone())
            .collect();
        let scores: Vec<f64> = self
            .answers(name)
            .iter()
            .filter(|answer| ids.contains(&answer["id"]))
            .filter_map(|answer| answer["score"].as_f64())
            .collect();
        (scores.iter().sum::<f64>() / scores.len() as f64, scores.len())
    }

    pub(crate) fn task_file(&self) -> ordinate_core::task::TaskFile {
        let text = fs::read_to_string(&self.imported.task_file).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    pub(crate) fn noted(&self, part: &str) -> bool {
        self.imported.notes.iter().any(|note| note.contains(part))
    }
}

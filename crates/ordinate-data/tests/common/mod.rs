//! What the tests share: folders of files, and the real data beside the repository.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use ordinate_data::{DataError, Loaded, load_evidence, read_task};

/// A temporary folder of files.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        for (name, content) in files {
            dir.write(name, content);
        }
        dir
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Reads the task file and its evidence.
    pub(crate) fn load(&self, task: &str) -> Result<Loaded, DataError> {
        load_evidence(&read_task(&self.path(task))?)
    }

    /// The message of the error, with file names for paths.
    pub(crate) fn message(&self, task: &str) -> String {
        let error = self.load(task).expect_err("this must be an error");
        self.plain(&error)
    }

    pub(crate) fn plain(&self, error: &DataError) -> String {
        let text = error.to_string().replace(&format!("{}/", self.0.path().display()), "");
        assert!(!text.contains('\n'), "one paragraph: {text}");
        text
    }
}

/// The real evidence of this name, if it lies beside the repository; says so if not.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/evidence").join(name);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// Packs as gzip.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

/// A task file of an evidence table with these candidates.
pub(crate) fn table_task(evidence: &str, candidates: &[&str]) -> String {
    let mut text = format!("[task]\nname = \"t\"\nkind = \"scored\"\n\n[data]\nevidence = {evidence:?}\n");
    for (at, name) in candidates.iter().enumerate() {
        let lineage = if at == 0 { "general" } else { "vertical" };
        text.push_str(&format!("\n[[candidate]]\nname = {name:?}\nlineage = \"{lineage}\"\n"));
    }
    text
}

/// The mean score of a candidate, by its place.
pub(crate) fn mean(loaded: &Loaded, candidate: usize) -> f64 {
    let answers = loaded.evidence.answers(candidate);
    let scores: Vec<f64> = (0..loaded.evidence.len()).filter_map(|row| answers.score(row)).collect();
    scores.iter().sum::<f64>() / scores.len() as f64
}

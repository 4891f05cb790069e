//! Drives the real binary.
#![allow(dead_code, unreachable_pub, clippy::new_without_default)] // each test file uses its own part

pub mod hub;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A folder of its own for one test, removed at the end.
pub struct Desk(tempfile::TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs `ordinate` in this folder.
    pub fn ordinate<I: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_ordinate"))
            .args(arguments)
            .current_dir(self.0.path())
            .env("NO_COLOR", "1")
            .env("ORDINATE_CACHE", self.0.path().join("cache"))
            .output()
            .unwrap();
        Ran { output, folder: self.0.path().to_owned() }
    }

    /// Starts `ordinate` in this folder, to be killed: nobody hears what it says.
    pub fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_ordinate"))
            .args(arguments)
            .current_dir(self.0.path())
            .env("ORDINATE_CACHE", self.0.path().join("cache"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Runs `ordinate` in this folder with these variables, and none of the hub's that the caller has.
    pub fn ordinate_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ordinate"));
        for name in ["HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"] {
            command.env_remove(name);
        }
        let output = command
            .args(arguments)
            .current_dir(self.0.path())
            .env("NO_COLOR", "1")
            .env("NO_PROXY", "127.0.0.1")
            .env("ORDINATE_CACHE", self.0.path().join("cache"))
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Ran { output, folder: self.0.path().to_owned() }
    }

    /// Runs a task file and reads its verdict from standard output.
    pub fn verdict(&self, task: &Path, further: &[&str]) -> serde_json::Value {
        let mut arguments = vec!["run", task.to_str().unwrap(), "--json", "--out", "run"];
        arguments.extend(further);
        let ran = self.ordinate(arguments);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        serde_json::from_str(&ran.stdout()).unwrap()
    }
}

/// What a command did.
pub struct Ran {
    output: Output,
    folder: PathBuf,
}

impl Ran {
    pub fn status(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    pub fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    /// Standard error, with the test's own folder shown as `.`.
    pub fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone())
            .unwrap()
            .replace(&format!("{}/", self.folder.display()), "")
    }

    /// The message of a command that refused its input: exit status 2, one paragraph.
    pub fn refusal(&self) -> String {
        let message = self.stderr();
        assert_eq!(self.status(), 2, "{message}");
        assert_eq!(message.trim_end().lines().count(), 1, "one paragraph: {message}");
        assert!(!message.contains("panicked"), "{message}");
        message
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Whether the data beside the repository is not to be looked at: a clone has none.
pub fn is_clone() -> bool {
    std::env::var_os("ORDINATE_NO_SHARED").is_some()
}

/// A folder of the shared data, or `None` after saying that the test is skipped.
pub fn shared(path: &str) -> Option<PathBuf> {
    let folder = root().join("../shared/data").join(path);
    if folder.exists() && !is_clone() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not here", folder.display());
    None
}

/// A number of a verdict by its path, `recommended.quality.mean` for example.
pub fn number(verdict: &serde_json::Value, path: &str) -> f64 {
    let pointer = format!("/{}", path.replace('.', "/"));
    verdict
        .pointer(&pointer)
        .and_then(serde_json::Value::as_f64)
        .unwrap_or_else(|| panic!("no number at {path}"))
}

/// The candidate or policy of this name.
pub fn named<'a>(verdict: &'a serde_json::Value, list: &str, name: &str) -> &'a serde_json::Value {
    let rows = verdict[list].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {list}"))
}

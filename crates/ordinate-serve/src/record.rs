//! The record of what was answered: a line of JSON each, without any text of a request or an answer, in a file a day. A line
//! is written before the answer goes out, so that a server that is killed leaves no answer off the record.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::day::{Day, timestamp};
use crate::keys::Keys;

/// The file of feedback: it is read again whenever a server starts, and must not be as long as the others.
pub const FEEDBACK: &str = "feedback.jsonl";

/// The file of answers that were scored: an evidence table.
pub const EVIDENCE: &str = "evidence.jsonl";

/// The lines of one folder.
#[derive(Debug)]
pub(crate) struct Record {
    folder: PathBuf,
    today: Mutex<Option<(Day, File)>>,
    feedback: Mutex<File>,
    /// Opened with the first row: an empty table is none.
    evidence: Mutex<Option<File>>,
}

/// What the answers of a policy and of its runner-up to one item scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shadowed {
    /// The runner-up.
    pub candidate: String,
    /// What its answer scored, in `[0, 1]`.
    pub score: f64,
    /// What the policy's answer scored, by the same measure.
    pub of_policy: f64,
}

/// A line of feedback.
#[derive(Debug, Serialize, Deserialize)]
pub struct Feedback {
    /// When it came.
    pub at: String,
    /// The request that it is about.
    pub request: String,
    /// The name of the key that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The task.
    pub task: String,
    /// The policy that was served when it came.
    pub policy: String,
    /// What the answer scored, in `[0, 1]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The right answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What it makes of the answers of the policy and of its runner-up, where both are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadowed>,
    /// Whatever else was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A candidate that was asked for an answer.
#[derive(Debug, Serialize)]
pub(crate) struct AskedLine<'a> {
    pub(crate) candidate: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_tokens: Option<u64>,
    /// Whether the tokens are estimated: the stream broke off before its server said them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) estimated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_usd: Option<f64>,
    pub(crate) ms: f64,
    /// The model that the server named, where it was not the one that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<&'a str>,
}

/// One answer.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) at: String,
    pub(crate) id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<&'a str>,
    pub(crate) route: &'static str,
    pub(crate) task: &'a str,
    pub(crate) policy: &'a str,
    /// Whose answer was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) given: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stood_in: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cached: bool,
    /// Whether the stream broke off, and was gone on with by another.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) continued: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'static str>,
    /// USD; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_usd: Option<f64>,
    pub(crate) asked: Vec<AskedLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overhead_ms: Option<f64>,
}

impl Record {
    /// The record in this folder, which is made. What keys spent today goes on.
    pub(crate) fn open(folder: &Path, keys: Option<&Keys>) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let feedback = OpenOptions::new().create(true).append(true).open(folder.join(FEEDBACK))?;
        let (today, feedback, evidence) = (Mutex::new(None), Mutex::new(feedback), Mutex::new(None));
        let record = Self { folder: folder.to_owned(), today, feedback, evidence };
        // Whoever cannot write is told at the start.
        record.write_to_today(b"")?;
        if let Some(keys) = keys {
            record.sum_up(keys)?;
        }
        Ok(record)
    }

    fn sum_up(&self, keys: &Keys) -> io::Result<()> {
        for line in BufReader::new(File::open(self.path(Day::now()))?).lines() {
            // A line that was cut by a kill is none.
            let Ok(line) = serde_json::from_str::<Value>(&line?) else { continue };
            let key = line["key"].as_str().and_then(|name| keys.named(name));
            if let (Some(key), Some(usd)) = (key, line["cost_usd"].as_f64()) {
                key.spend(usd);
            }
        }
        Ok(())
    }

    /// Adds a line.
    pub(crate) fn add(&self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.write_to_today(&text)
    }

    /// Adds a line of feedback.
    pub(crate) fn add_feedback(&self, line: &Feedback) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.feedback.lock().unwrap_or_else(PoisonError::into_inner).write_all(&text)
    }

    /// Adds a row to the evidence table.
    pub(crate) fn add_evidence(&self, row: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(row)?;
        text.push(b'\n');
        let mut file = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *file {
            Some(file) => file,
            none => {
                let path = self.folder.join(EVIDENCE);
                none.insert(OpenOptions::new().create(true).append(true).open(path)?)
            }
        };
        file.write_all(&text)
    }

    /// What each shadow request of today counts as, where that is known.
    pub(crate) fn shadow_costs(&self) -> io::Result<Vec<Option<f64>>> {
        let mut costs = Vec::new();
        for line in BufReader::new(File::open(self.path(Day::now()))?).lines() {
            let line = line?;
            // Most lines are of answers.
            if !line.contains("\"shadow\":") {
                continue;
            }
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            if line["shadow"].is_string() {
                costs.push(line["counted_usd"].as_f64());
            }
        }
        Ok(costs)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// All feedback of a policy, in the order in which it came.
    pub(crate) fn feedback(&self, task: &str, policy: &str) -> io::Result<Vec<Feedback>> {
        let all = feedback(&self.folder)?;
        Ok(all.into_iter().filter(|line| line.task == task && line.policy == policy).collect())
    }

    fn write_to_today(&self, bytes: &[u8]) -> io::Result<()> {
        let day = Day::now();
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        if today.as_ref().is_none_or(|(open, _)| *open != day) {
            let file = OpenOptions::new().create(true).append(true).open(self.path(day))?;
            *today = Some((day, file));
        }
        match today.as_mut() {
            Some((_, file)) => file.write_all(bytes),
            None => Ok(()),
        }
    }

    fn path(&self, day: Day) -> PathBuf {
        self.folder.join(format!("{day}.jsonl"))
    }
}

/// All feedback on the record in this folder, in the order in which it came.
///
/// # Errors
/// Where the file cannot be read.
pub fn feedback(folder: &Path) -> io::Result<Vec<Feedback>> {
    let file = match File::open(folder.join(FEEDBACK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    // A line that was cut by a kill is none.
    let read = |line: io::Result<String>| line.map(|line| serde_json::from_str(&line).ok()).transpose();
    BufReader::new(file).lines().filter_map(read).collect()
}

impl Line<'_> {
    /// The time of a line.
    pub(crate) fn now() -> String {
        timestamp()
    }
}

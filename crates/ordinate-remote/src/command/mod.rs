//! A program of the user's as a candidate: JSON lines on standard input and output.
//!
//! It gets one line an item, `{"id", "kind", "input", "context", "options", "labels"}` (what the item has not
//! is left out), and answers each with one line, `{"output": ...}`, to which it may add `confidence`,
//! `cost_usd`, `input_tokens`, `output_tokens`, or `{"error": "..."}` in place of an output. It is started
//! once, and again after a crash or a time-out. What it writes to standard error is for error messages.

mod environment;
mod guard;
mod process;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ordinate_core::task::Command as Entry;
use ordinate_core::{Item, Series};
use ordinate_tasks::Kind;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use environment::Environment;
use guard::Guard;
use process::Process;

use crate::aside::aside;
use crate::failure::{Failure, FailureKind, SetupError};
use crate::leak;
use crate::numbers::{count, lenient, number};
use crate::reply::{Doubt, Reply, Usage};

/// The longest file of the command line that is part of the identity; larger ones are named only.
const MAX_FILE: u64 = 16 << 20;

/// The most tokens, and USD, that one answer of a program is believed to have taken: sums over items stay finite.
const MAX_TOKENS: u64 = 1_000_000_000;
const MAX_COST_USD: f64 = 1e9;

/// A program that answers.
#[derive(Debug)]
pub struct Command {
    run: Vec<String>,
    folder: PathBuf,
    kind: &'static str,
    takes_series: bool,
    labels: Vec<String>,
    item_time: Duration,
    start_time: Duration,
    identity: String,
    workers: usize,
    slots: Semaphore,
    environment: Arc<Environment>,
    idle: Mutex<Vec<Process>>,
    guard: Arc<Guard>,
}

#[derive(Debug, Deserialize)]
struct Line {
    id: Option<String>,
    output: Option<Value>,
    // What an answer can do without is read whatever its type.
    confidence: Option<Value>,
    cost_usd: Option<Value>,
    input_tokens: Option<Value>,
    output_tokens: Option<Value>,
    error: Option<Value>,
}

impl Command {
    /// Sets up the program of this entry, run in its folder, which is relative to `base` (the task file's). Nothing is
    /// started yet.
    ///
    /// # Errors
    /// [`SetupError`] when no program is named, its folder is not there, a time is not above 0, a key stands in its command
    /// line, or a variable that it is to get is not set.
    pub fn new(entry: &Entry, base: &Path, kind: &dyn Kind, labels: &[String]) -> Result<Self, SetupError> {
        Self::with(entry, base, kind, labels, true)
    }

    /// The same where variables that it is to get may be lacking: for looking at what would be asked, and at kept answers.
    ///
    /// # Errors
    /// [`SetupError`] as [`Self::new`], but for variables.
    pub fn without_env(
        entry: &Entry,
        base: &Path,
        kind: &dyn Kind,
        labels: &[String],
    ) -> Result<Self, SetupError> {
        Self::with(entry, base, kind, labels, false)
    }

    fn with(
        entry: &Entry,
        base: &Path,
        kind: &dyn Kind,
        labels: &[String],
        must_be_set: bool,
    ) -> Result<Self, SetupError> {
        let bad = |key, problem: &str| SetupError::Setting { key, problem: problem.into() };
        let folder = entry.folder.as_ref().map_or_else(|| base.to_owned(), |folder| base.join(folder));
        if !folder.is_dir() {
            let problem = format!("there is no folder {}; name one that is there", folder.display());
            return Err(bad("command.folder", &problem));
        }
        if entry.run.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(bad(
                "command.run",
                "no program is named; write for example [\"python\", \"model.py\"]",
            ));
        }
        let time = |key, seconds: f64| {
            Duration::try_from_secs_f64(seconds)
                .ok()
                .filter(|time| !time.is_zero())
                .ok_or_else(|| bad(key, "write seconds above 0"))
        };
        let workers = entry.workers.unwrap_or(1) as usize;
        if !(1..=1_000).contains(&workers) {
            return Err(bad("command.workers", "write a number from 1 to 1,000"));
        }
        leak::check_entry("command", entry, None)?;
        Ok(Self {
            environment: Arc::new(Environment::of(&entry.env, must_be_set)?),
            guard: Arc::default(),
            run: entry.run.clone(),
            identity: identity(entry, &folder),
            folder,
            kind: kind.name(),
            takes_series: kind.takes_series(),
            labels: labels.to_vec(),
            item_time: time("command.timeout_s", entry.timeout_s.unwrap_or(60.0))?,
            start_time: time("command.start_s", entry.start_s.unwrap_or(300.0))?,
            workers,
            slots: Semaphore::new(workers),
            idle: Mutex::default(),
        })
    }

    /// What makes its answers differ from those of another program: the command line, the text of the files
    /// that it names, and the entry's `version`.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Copies that run side by side.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The exact line that asks about `item`.
    #[must_use]
    pub fn line(&self, item: &Item) -> String {
        let mut line = json!({ "id": item.id, "input": item.input.text, "kind": self.kind });
        if let Some(series) = Series::read(&item.input.text).filter(|_| self.takes_series) {
            line["series"] = json!(series);
        }
        if let Some(context) = &item.context {
            line["context"] = json!(context);
        }
        if !item.options.is_empty() {
            let options: Vec<Value> =
                item.options.iter().map(|choice| json!({ "key": choice.key, "text": choice.text })).collect();
            line["options"] = json!(options);
        }
        if !self.labels.is_empty() {
            line["labels"] = json!(self.labels);
        }
        line.to_string()
    }

    /// Asks once, with the line that [`Command::line`] made. Waits until one of the copies is free.
    ///
    /// # Errors
    /// [`Failure`]: the program cannot be started, ended, was too slow, wrote no JSON, or reported an error.
    pub async fn ask(&self, line: &str) -> Result<Reply, Failure> {
        let _slot = self.slots.acquire().await; // the semaphore is never closed
        let idle = self.lock().pop();
        let mut process = match idle {
            Some(process) => process,
            None => Process::start(&self.run, &self.folder, &self.environment, &self.guard)?,
        };
        let start = Instant::now();
        let limit = if process.has_answered { self.item_time } else { self.start_time.max(self.item_time) };
        let answered = match timeout(limit, process.exchange(line)).await {
            Ok(answered) => answered,
            Err(_) => Err(Failure::new(
                FailureKind::TotalTimeout,
                format!("the program gave no answer within {} s and was ended", limit.as_secs_f64()),
            )),
        };
        let latency = start.elapsed();
        let answered = match answered {
            Ok(text) => {
                let (asked, environment) = (line.to_owned(), Arc::clone(&self.environment));
                aside(text.len(), move || read(&text, &asked, &environment, latency)).await
            }
            Err(failure) => Err(failure),
        };
        match answered {
            Err(failure) if failure.kind != FailureKind::Reported && failure.kind != FailureKind::Empty => {
                let message = process.obituary(failure.message).await;
                Err(Failure { message, latency, ..failure })
            }
            answered => {
                process.has_answered = true;
                self.lock().push(process);
                answered
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(bytes: &[u8], asked: &str, environment: &Environment, latency: Duration) -> Result<Reply, Failure> {
    let fail = |kind, message: String| Err(Failure { latency, ..Failure::new(kind, message) });
    let Ok(text) = std::str::from_utf8(bytes) else {
        return fail(FailureKind::BrokenText, "the program wrote a line that is not UTF-8".into());
    };
    let line: Line = match lenient(text) {
        Ok(line) => line,
        Err(error) => {
            let text = environment.said(text);
            let message = format!(
                "the program wrote a line that is no answer ({error}): {text}; answers are JSON lines, and \
                 anything else belongs on standard error"
            );
            return fail(FailureKind::BrokenJson, message);
        }
    };
    let asked_id =
        serde_json::from_str::<Value>(asked).ok().and_then(|asked| asked["id"].as_str().map(str::to_owned));
    if line.id.is_some() && line.id != asked_id {
        let (id, asked) = (line.id.unwrap_or_default(), asked_id.unwrap_or_default());
        let id = environment.said(&id);
        let message = format!("the program answered item {id:?} when it was asked about {asked:?}");
        return fail(FailureKind::Shape, message);
    }
    match line.error {
        None | Some(Value::Null | Value::Bool(false)) => {}
        Some(Value::String(text)) if text.trim().is_empty() => {}
        Some(Value::String(text)) => return fail(FailureKind::Reported, environment.said(&text)),
        Some(other) => return fail(FailureKind::Reported, environment.said(&other.to_string())),
    }
    let text = match line.output {
        Some(Value::String(text)) => text,
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    if text.trim().is_empty() {
        return fail(FailureKind::Empty, "the program's answer has no output".into());
    }
    let tokens = |value: &Option<Value>| value.as_ref().and_then(count);
    let (read, wrote) = (tokens(&line.input_tokens), tokens(&line.output_tokens));
    let cost = line.cost_usd.as_ref().and_then(number);
    let can_be = [read, wrote].into_iter().flatten().all(|tokens| tokens <= MAX_TOKENS)
        && cost.is_none_or(|cost| cost <= MAX_COST_USD);
    let usage = read.filter(|_| can_be).map(|input_tokens| Usage {
        input_tokens,
        output_tokens: wrote.unwrap_or(0),
        ..Usage::default()
    });
    Ok(Reply {
        text: environment.clear_answer(&text),
        usage,
        cost_usd: cost.filter(|cost| can_be && *cost >= 0.0),
        doubt: (!can_be).then_some(Doubt::Unbelievable),
        confidence: line.confidence.as_ref().and_then(number).filter(|value| (0.0..=1.0).contains(value)),
        latency,
        ..Reply::default()
    })
}

fn identity(entry: &Entry, folder: &Path) -> String {
    let mut text = format!("command {:?} version {:?}", entry.run, entry.version);
    for argument in &entry.run {
        let path = folder.join(argument);
        let small = std::fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_FILE);
        if let (true, Ok(bytes)) = (small, std::fs::read(&path)) {
            text.push_str(&format!(" {:x}", Sha256::digest(&bytes)));
        }
    }
    text
}

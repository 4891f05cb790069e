//! One running program.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command as Program};
use tokio::time::timeout;

use super::environment::Environment;
use super::guard::Guard;
use crate::failure::{Failure, FailureKind};
use crate::http::is_of_open_files;

/// The longest line that is read.
const MAX_BYTES: u64 = 16 << 20;
/// The bytes of standard error that are kept for messages.
const KEPT_STDERR: usize = 2_000;

/// A program that was started; ended with its children when it is dropped.
#[derive(Debug)]
pub(super) struct Process {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    stderr: Arc<Mutex<Vec<u8>>>,
    /// Ends when standard error does.
    reading: tokio::task::JoinHandle<()>,
    pub(super) has_answered: bool,
    environment: Arc<Environment>,
    group: Group,
    child: Child,
}

/// The processes of a program and of its children.
#[derive(Debug)]
struct Group {
    id: Option<u32>,
    guard: Arc<Guard>,
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        #[cfg(unix)]
        if let Some(group) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) {
            // None of them may be left.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        self.guard.forget(id);
    }
}

impl Process {
    /// Starts a program in this folder, in this environment and no other.
    pub(super) fn start(
        run: &[String],
        folder: &Path,
        environment: &Arc<Environment>,
        guard: &Arc<Guard>,
    ) -> Result<Self, Failure> {
        let cannot = |kind, problem: String| {
            let program = &run[0];
            Failure::new(kind, format!("the program {program:?} cannot be started: {problem}"))
        };
        let mut program = Program::new(&run[0]);
        program
            .args(&run[1..])
            .current_dir(folder)
            .env_clear()
            .envs(environment.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own: what it starts is ended with it, and Ctrl-C leaves it the time to finish its answer.
        #[cfg(unix)]
        program.process_group(0);
        let mut child = program.spawn().map_err(|error| {
            let starved = is_of_open_files(&error);
            let kind = if starved { FailureKind::OpenFiles } else { FailureKind::NotFound };
            cannot(kind, error.to_string())
        })?;
        let group = Group { id: child.id().filter(|_| cfg!(unix)), guard: Arc::clone(guard) };
        if let Some(id) = group.id {
            guard.watch(id);
        }
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(cannot(FailureKind::NotFound, "it has no standard input or output".into()));
        };
        let kept = Arc::new(Mutex::new(Vec::new()));
        let reading = tokio::spawn(keep_stderr(stderr, Arc::clone(&kept)));
        let stdout = BufReader::new(stdout);
        let environment = Arc::clone(environment);
        Ok(Self { stdin, stdout, stderr: kept, reading, has_answered: false, environment, group, child })
    }

    /// Writes a question and reads the line that answers it.
    pub(super) async fn exchange(&mut self, line: &str) -> Result<Vec<u8>, Failure> {
        let ended = |_| Failure::new(FailureKind::Cut, "the program ended before it answered");
        if let Some(said) = self.waiting().await {
            return Err(self.out_of_step(&said));
        }
        self.stdin.write_all(line.as_bytes()).await.map_err(ended)?;
        self.stdin.write_all(b"\n").await.map_err(ended)?;
        self.stdin.flush().await.map_err(ended)?;
        let mut bytes = Vec::new();
        let read = tokio::select! {
            biased;
            read = read_line(&mut self.stdout, &mut bytes) => Some(read),
            _ = self.child.wait() => None,
        };
        match read {
            Some(read) => read.map_err(ended)?,
            // What it wrote last may still be in the pipe, and what it started may hold that open for good.
            None => {
                let rest = timeout(Duration::from_millis(200), read_line(&mut self.stdout, &mut bytes)).await;
                rest.unwrap_or(Ok(())).map_err(ended)?;
            }
        }
        if bytes.last() != Some(&b'\n') {
            return Err(if bytes.len() as u64 >= MAX_BYTES {
                Failure::new(FailureKind::TooLarge, "the program wrote a line of more than 16 MiB")
            } else {
                Failure::new(FailureKind::Cut, "the program ended before it answered")
            });
        }
        // A second answer came with the first: one of them is to no question.
        let further = self.stdout.buffer().trim_ascii();
        if further.is_empty() { Ok(bytes) } else { Err(self.out_of_step(further)) }
    }

    /// What the program has written although nothing was asked; white space is none.
    async fn waiting(&mut self) -> Option<Vec<u8>> {
        loop {
            let buffered = self.stdout.buffer();
            let blank = buffered.len() - buffered.trim_ascii_start().len();
            self.stdout.consume(blank);
            if !self.stdout.buffer().is_empty() {
                return Some(self.stdout.buffer().to_vec());
            }
            if !has_input(self.stdout.get_ref()) {
                return None;
            }
            match timeout(Duration::from_secs(1), self.stdout.fill_buf()).await {
                Ok(Ok([_, ..])) => {}
                // It has ended: what is written to it will say so.
                _ => return None,
            }
        }
    }

    fn out_of_step(&self, said: &[u8]) -> Failure {
        let said = self.environment.said(&String::from_utf8_lossy(said));
        let message = format!(
            "the program wrote what it was not asked for ({said}), so that nobody can know which answer is to which item: it \
             has to write one line for each line that it reads, after reading it; anything else belongs on standard error"
        );
        Failure::new(FailureKind::OutOfStep, message)
    }

    /// Ends the process; the message with how it ended and what it said last.
    pub(super) async fn obituary(mut self, message: String) -> String {
        drop(self.stdin);
        let status = match timeout(Duration::from_millis(200), self.child.wait()).await {
            Ok(Ok(status)) => format!("; it ended with {status}"),
            _ => {
                let _ = self.child.start_kill(); // it may have ended by itself just now
                String::new()
            }
        };
        drop(self.group);
        // What it said last may still be in the pipe when its end is known.
        let _ = timeout(Duration::from_millis(200), &mut self.reading).await;
        let stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&stderr);
        let last: Vec<&str> = said.lines().rev().filter(|line| !line.trim().is_empty()).take(2).collect();
        let said = last.into_iter().rev().collect::<Vec<_>>().join(" | ");
        if said.is_empty() {
            format!("{message}{status}")
        } else {
            format!("{message}{status}; its last words on standard error: {}", self.environment.said(&said))
        }
    }
}

/// Reads on until `bytes` is a line that is not blank, or there is no more, or too much.
async fn read_line(stdout: &mut BufReader<ChildStdout>, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let room = MAX_BYTES.saturating_sub(bytes.len() as u64);
        let read = (&mut *stdout).take(room).read_until(b'\n', bytes).await?;
        let is_line = bytes.last() == Some(&b'\n');
        if is_line && bytes.trim_ascii().is_empty() {
            bytes.clear();
        } else if is_line || read == 0 {
            return Ok(());
        }
    }
}

/// Whether there is anything to read, or the end.
#[cfg(unix)]
fn has_input(stdout: &ChildStdout) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(stdout, PollFlags::IN)], Some(&now)).is_ok_and(|ready| ready > 0)
}

/// What is in the pipe cannot be looked at; what came with an answer is found all the same.
#[cfg(not(unix))]
fn has_input(_: &ChildStdout) -> bool {
    false
}

/// Reads standard error to its end, so that the program never blocks on it, and keeps the last of it.
async fn keep_stderr(mut stderr: ChildStderr, kept: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 1_024];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&buffer[..read]);
        let excess = kept.len().saturating_sub(KEPT_STDERR);
        kept.drain(..excess);
    }
}

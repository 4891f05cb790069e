//! What there is in a folder, and the next step.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::inferred::quoted;

/// Task files are smaller.
const MOST_BYTES: u64 = 1 << 20;
/// What a folder is looked through for, at most.
const MOST_ENTRIES: usize = 10_000;
/// Files that a task could be made from.
const DATA: [&str; 8] = ["csv", "tsv", "jsonl", "ndjson", "parquet", "pq", "xlsx", "xlsm"];

/// What lies in a folder. Shown, it says so and which steps could be taken, the likeliest first.
#[derive(Debug, Default)]
pub struct Here {
    /// Run folders, the last that was written first.
    runs: Vec<PathBuf>,
    tasks: Vec<PathBuf>,
    data: Vec<PathBuf>,
}

impl Here {
    /// Looks through a folder: at what lies in it, not below.
    #[must_use]
    pub fn look(folder: &Path) -> Self {
        let mut here = Self::default();
        let mut runs: Vec<(SystemTime, PathBuf)> = Vec::new();
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_ENTRIES);
        for path in entries.map(|entry| entry.path()) {
            let path = path.strip_prefix(folder).map(Path::to_owned).unwrap_or(path);
            let at = folder.join(&path);
            let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
            // What was exported has a verdict too, and no task.
            let verdict =
                fs::metadata(at.join("verdict.json")).ok().filter(|_| at.join("task.toml").is_file());
            if let Some(verdict) = verdict {
                runs.push((verdict.modified().unwrap_or(SystemTime::UNIX_EPOCH), path));
            } else if suffix == "toml" && is_task(&at) {
                here.tasks.push(path);
            } else if is_data(&path) && at.is_file() {
                here.data.push(path);
            }
        }
        runs.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        here.runs = runs.into_iter().map(|(_, path)| path).collect();
        here.tasks.sort();
        here.data.sort();
        here
    }
}

/// Whether a file is called as data is, packed or not.
fn is_data(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    let name = [".gz", ".zst"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(&name);
    name.rsplit_once('.').is_some_and(|(_, suffix)| DATA.contains(&suffix))
}

/// Whether a TOML file has a `[task]`.
fn is_task(path: &Path) -> bool {
    let is_small = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= MOST_BYTES);
    is_small && fs::read_to_string(path).is_ok_and(|text| text.lines().any(|line| line.trim() == "[task]"))
}

impl fmt::Display for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&said(self))
    }
}

/// The steps that could be taken, the likeliest first.
fn said(here: &Here) -> String {
    let mut steps = Vec::new();
    if let Some(run) = here.runs.first() {
        let run = quoted(run);
        steps.push((format!("ordinate report {run} --open"), "the page of the last run"));
        steps.push((format!("ordinate judge {run} --need margin=0.02"), "its verdict under other needs"));
        if here.runs.len() > 1 {
            steps.push(("ordinate view".to_owned(), "all runs of this folder, side by side"));
        }
    }
    if let Some(task) = here.tasks.first() {
        let task = quoted(task);
        if here.runs.is_empty() {
            steps.push((format!("ordinate check {task}"), "whether the task and its data are in order"));
        }
        steps.push((format!("ordinate run {task}"), "measure, combine, judge: a verdict"));
    } else if here.runs.is_empty()
        && let Some(data) = here.data.first()
    {
        steps.push((format!("ordinate init {}", quoted(data)), "a task file from this data"));
    }
    if here.runs.is_empty() && here.tasks.is_empty() {
        steps.push(("ordinate new".to_owned(), "an example that runs, to be changed into your own task"));
    }
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let mut text = format!("{}\n\nNext:\n", found(here));
    for (command, what) in steps {
        text += &format!("  {command:<width$}  {what}\n");
    }
    text + "\nAll commands: ordinate --help\n"
}

fn found(here: &Here) -> String {
    let some = |all: &[PathBuf], one: &str, many: &str| match all {
        [] => None,
        [only] => Some(format!("{one} {}", only.display())),
        [first, ..] => Some(format!("{} {many} ({}, ...)", all.len(), first.display())),
    };
    let all: Vec<String> = [
        some(&here.runs, "the run", "runs"),
        some(&here.tasks, "the task", "tasks"),
        some(&here.data, "the data file", "data files"),
    ]
    .into_iter()
    .flatten()
    .collect();
    match all.as_slice() {
        [] => "Ordinate measures whether a general model, a vertical model or a combination is right for a task. There is none \
               in this folder yet."
            .to_owned(),
        some => format!("In this folder: {}.", some.join(", ")),
    }
}

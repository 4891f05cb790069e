//! From the paths that were named to logs of known formats.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::error::ImportError;
use crate::formats::{FORMATS, Format, Head};
use crate::log::Log;
use crate::options::Options;

/// Folders within folders are followed this deep: `out/details/org/model/date/` is five.
const DEEPEST: usize = 12;
const MAX_FILES: usize = 100_000;

/// Logs and their formats, and the files of folders that are no logs.
pub(crate) struct Expanded {
    pub(crate) logs: Vec<(Log, &'static Format)>,
    others: Vec<(PathBuf, Vec<PathBuf>)>,
}

impl Expanded {
    /// Says which files were passed over: neither logs, nor read beside one.
    pub(crate) fn passed_over(&self, used: &HashSet<PathBuf>) -> Vec<String> {
        const SHOWN: usize = 5;
        let mut notes = Vec::new();
        for (folder, files) in &self.others {
            let is_used =
                |file: &Path| used.contains(&file.canonicalize().unwrap_or_else(|_| file.to_owned()));
            let passed: Vec<String> =
                files.iter().filter(|file| !is_used(file)).map(|file| Log::at(file).file_name()).collect();
            if passed.is_empty() {
                continue;
            }
            let shown: Vec<String> =
                passed.iter().take(SHOWN).map(|name| crate::error::clean(name)).collect();
            notes.push(format!(
                "{}: {} {} and passed over ({}{}).",
                folder.display(),
                passed.len(),
                if passed.len() == 1 { "file is no log" } else { "files are no logs" },
                shown.join(", "),
                if passed.len() > SHOWN { ", …" } else { "" }
            ));
        }
        notes
    }
}

/// Finds the logs. What is named outright must be a log; in a folder, other files are passed over.
pub(crate) fn expand(paths: &[PathBuf], options: &Options) -> Result<Expanded, ImportError> {
    let mut seen = HashSet::new();
    let mut expanded = Expanded { logs: Vec::new(), others: Vec::new() };
    for path in paths {
        let log = Log::at(path);
        if !path.exists() {
            return Err(log.place().refuse("does not exist", "check the path"));
        }
        let head = Head::of(&log, &options.limits)?;
        if let Some(format) = head.format() {
            if seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                expanded.logs.push((log, format));
            }
        } else if log.is_folder() {
            walk(path, options, &mut seen, &mut expanded)?;
        } else {
            return Err(unknown(&log, &head));
        }
    }
    if expanded.logs.is_empty() {
        let passed = expanded.passed_over(&HashSet::new()).join(" ");
        return Err(ImportError::Options(
            format!("there is no log to import; name logs of {}. {passed}", names()).trim_end().to_owned(),
        ));
    }
    Ok(expanded)
}

fn unknown(log: &Log, head: &Head) -> ImportError {
    let place = log.place();
    match head.known_otherwise() {
        Some(what) => place.refuse(format!("is {what}"), "name those, or the whole folder"),
        None if head.bytes.is_empty() => place.refuse("is empty", "name a log with answers"),
        None => place.refuse(
            "is no log of a known format",
            format!("known are {}; answers of your own need no import: name the file in the task file (`recorded = {{ path = ... }}`)", names()),
        ),
    }
}

fn names() -> String {
    FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ")
}

fn walk(
    folder: &Path,
    options: &Options,
    seen: &mut HashSet<PathBuf>,
    expanded: &mut Expanded,
) -> Result<(), ImportError> {
    let mut passed: Vec<PathBuf> = Vec::new();
    let root = folder;
    let mut waiting = vec![(folder.to_owned(), 0)];
    let mut count = 0;
    while let Some((folder, depth)) = waiting.pop() {
        let unreadable = |error: std::io::Error| {
            Log::at(&folder).place().refuse(format!("cannot be read: {error}"), "check its permissions")
        };
        let mut entries = std::fs::read_dir(&folder)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(unreadable)?;
        // Names of logs hold their time, so that this is their order in time too.
        entries.sort_by_key(std::fs::DirEntry::file_name);
        let mut inner = Vec::new();
        for entry in entries {
            count += 1;
            if count > MAX_FILES {
                return Err(Log::at(&folder)
                    .place()
                    .refuse(format!("holds more than {MAX_FILES} files"), "name the folders with the logs"));
            }
            // Links are not followed: they may lead out of the folder, or round in it.
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            let log = Log::at(&path);
            let head =
                if kind.is_file() || kind.is_dir() { Head::of(&log, &options.limits).ok() } else { None };
            match head.as_ref().and_then(Head::format) {
                Some(format) => {
                    if seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                        expanded.logs.push((log, format));
                    }
                }
                None if kind.is_dir() && depth < DEEPEST => inner.push((path, depth + 1)),
                None if head.as_ref().is_some_and(|head| head.known_otherwise().is_some()) => {}
                None => passed.push(path),
            }
        }
        waiting.extend(inner.into_iter().rev());
    }
    expanded.others.push((root.to_owned(), passed));
    Ok(())
}

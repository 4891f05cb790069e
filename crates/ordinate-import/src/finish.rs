//! The end of an import: task runs become candidates, what was chosen is said, and everything goes into its place.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ordinate_core::CandidateName;

use crate::compose::{Composed, compose};
use crate::error::ImportError;
use crate::filters::{Apart, Filters, lead_apart};
use crate::own_figures::{Compared, compare};
use crate::record::Sink;
use crate::task_runs::{Ends, TaskRun};
use crate::write::Writer;
use crate::{CandidateSummary, Imported, names, task_file, unaligned};

/// The files that every import writes.
pub(crate) const ITEMS: &str = "items.jsonl";
pub(crate) const TASK: &str = "ordinate.toml";
const UNALIGNED: &str = "unaligned.jsonl";

/// A verdict compares every pair of candidates.
const MAX_CANDIDATES: usize = 500;

/// A candidate with its name and file.
struct Named {
    name: CandidateName,
    file: String,
    composed: Composed,
}

impl Writer<'_> {
    /// Writes what is left and puts everything into its place.
    pub(crate) fn finish(mut self) -> Result<Imported, ImportError> {
        self.items_file.flush().map_err(ImportError::write(&self.items_path))?;
        if self.items.len() == 0 {
            return Err(ImportError::Options(
                "the logs hold no answers; name logs of finished runs, with single answers (lm-evaluation-harness: --log_samples)".into(),
            ));
        }
        let filters = Filters::choose(&self.runs.list, &self.runs.models)?;
        self.check_scores(&filters)?;
        let (composed, left_out) =
            compose(&self.runs.list, self.runs.models.len(), &filters, self.options.runs);
        if composed.len() > MAX_CANDIDATES {
            return Err(ImportError::Options(format!(
                "there are more than {MAX_CANDIDATES} candidates; import fewer models at a time: a verdict compares every pair of them"
            )));
        }
        let mut files = vec![ITEMS.to_owned()];
        let candidates = self.name(composed, None, &mut files)?;
        self.say_what_was_chosen(&candidates, &left_out, &filters);
        let compared = self.compare(&candidates);
        let apart = lead_apart(&self.runs.list, &self.runs.models, &filters, self.options.runs);
        self.write_candidates(&candidates)?;
        self.write_other_filters(&apart, &filters, &mut files)?;
        let unaligned = {
            let names: Vec<&str> = candidates.iter().map(|one| one.name.as_str()).collect();
            let runs = &self.runs.list;
            let has = |at: usize, row: usize| {
                candidates[at].composed.runs.iter().any(|&run| runs[run].rows.has(row))
            };
            unaligned::list(&self.items_path, &self.workshop.folder.join(UNALIGNED), &names, &has)?
        };
        files.push(UNALIGNED.to_owned());
        self.write_task(TASK, &candidates)?;
        // The task file last: its presence says that the import is whole.
        files.push(TASK.to_owned());
        self.put_in_place(&files)?;
        let items = self.items.len();
        let summaries = candidates.iter().map(|one| self.summary(one, items as u64)).collect();
        Ok(Imported {
            items,
            candidates: summaries,
            unaligned,
            compared,
            notes: std::mem::take(&mut self.notes),
            task_file: self.out.join(TASK),
        })
    }

    /// A metric that one model's logs lack altogether would make all its answers errors.
    fn check_scores(&self, filters: &Filters) -> Result<(), ImportError> {
        let mut of: BTreeMap<(&str, &str), [u64; 4]> = BTreeMap::new();
        for run in self.runs.list.iter().filter(|run| filters.takes(run)) {
            let model = self.runs.models[run.key.model].as_str();
            let sums = of.entry((model, &run.key.task)).or_default();
            for (sum, count) in sums.iter_mut().zip([run.scored, run.failed, run.unscored, run.other_metric])
            {
                *sum += count;
            }
        }
        for ((model, task), [scored, failed, unscored, other_metric]) in of {
            if scored > 0 {
                continue;
            }
            if other_metric > 0 {
                let (metric, offered) = self.metrics.of(task).unwrap_or_default();
                return Err(ImportError::Options(format!(
                    "the logs of {model} have no {metric} for task {task}, by which another log of it is scored; choose with --metric one that all logs have (the first has {})",
                    offered.join(", ")
                )));
            }
            if unscored > 0 && failed == 0 {
                return Err(ImportError::Options(format!(
                    "no answer of {model} to task {task} has a score that is a number (its metrics may be of the whole corpus, or labels); leave this log out, or let the tool score its answers"
                )));
            }
        }
        Ok(())
    }

    /// Gives candidates their names and files; `filter` marks the files of another filter than the first.
    fn name(
        &self,
        composed: Vec<Composed>,
        filter: Option<&str>,
        files: &mut Vec<String>,
    ) -> Result<Vec<Named>, ImportError> {
        let mut candidates = Vec::with_capacity(composed.len());
        for one in composed {
            let model = &self.runs.models[one.model];
            let name = match one.number {
                0 => model.clone(),
                run => CandidateName::new(&format!("{model} (run {})", run + 1))
                    .map_err(|error| ImportError::Options(format!("{error}; rename the model in the log")))?,
            };
            let marked = match filter {
                Some(filter) => format!("{name}.{filter}"),
                None => name.to_string(),
            };
            let taken =
                |stem: &str| files.iter().any(|file| file.to_ascii_lowercase() == format!("{stem}.jsonl"));
            let file = format!("{}.jsonl", names::file(&marked, &taken));
            files.push(file.clone());
            candidates.push(Named { name, file, composed: one });
        }
        Ok(candidates)
    }

    fn write_candidates(&self, candidates: &[Named]) -> Result<(), ImportError> {
        for candidate in candidates {
            let path = self.workshop.folder.join(&candidate.file);
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)
                .map_err(ImportError::write(&path))?;
            for &run in &candidate.composed.runs {
                let mut from = File::open(&self.runs.list[run].path).map_err(ImportError::write(&path))?;
                io::copy(&mut from, &mut file).map_err(ImportError::write(&path))?;
            }
        }
        Ok(())
    }

    /// Where the choice of the filter decides who leads, each other filter gets a task file of its own.
    fn write_other_filters(
        &mut self,
        apart: &[Apart],
        filters: &Filters,
        files: &mut Vec<String>,
    ) -> Result<(), ImportError> {
        let mut others: Vec<&str> = Vec::new();
        for one in apart.iter().map(|one| one.filter.as_str()) {
            if !others.contains(&one) {
                others.push(one);
            }
        }
        let mut taken: Vec<String> = Vec::new();
        for filter in others {
            let mut choice = filters.clone();
            let tasks: Vec<&Apart> = apart.iter().filter(|one| one.filter == filter).collect();
            for one in &tasks {
                choice = choice.with(&one.task, filter);
            }
            // Filters that differ in marks or capitals alone have a file each.
            let stem = names::file(filter, &|stem| taken.iter().any(|other| other == stem));
            taken.push(stem.to_ascii_lowercase());
            let file = format!("ordinate-{stem}.toml");
            for one in &tasks {
                self.warn(format!(
                    "task {}: who leads hangs on the filter. By {:?}: {}; by {filter:?}: {}. {TASK} has the first, {file} the other: look at both verdicts.",
                    one.task,
                    filters.get(&one.task).unwrap_or_default(),
                    one.chosen,
                    one.other
                ));
            }
            let (composed, _) = compose(&self.runs.list, self.runs.models.len(), &choice, self.options.runs);
            let candidates = self.name(composed, Some(filter), files)?;
            self.write_candidates(&candidates)?;
            self.write_task(&file, &candidates)?;
            files.push(file);
        }
        Ok(())
    }

    fn write_task(&self, file: &str, candidates: &[Named]) -> Result<(), ImportError> {
        let name = self.options.name.clone().unwrap_or_else(|| folder_name(self.out));
        let text = task_file::text(&task_file::Facts {
            name: &name,
            candidates: candidates.iter().map(|one| (one.name.as_str(), one.file.as_str())).collect(),
            has_inputs: self.has_inputs,
            has_repeats: self.items.repeats,
            notes: &self.notes,
            warnings: &self.warnings,
        });
        let path = self.workshop.folder.join(file);
        fs::write(&path, text).map_err(ImportError::write(&path))
    }

    fn compare(&mut self, candidates: &[Named]) -> Vec<Compared> {
        let mut compared = Vec::new();
        for one in candidates {
            let model = self.runs.models[one.composed.model].as_str();
            for &at in &one.composed.runs {
                let run = &self.runs.list[at];
                compared.extend(compare(run, one.name.as_str(), model, &self.own, &self.metrics));
            }
        }
        for one in compared.iter().filter(|one| !one.agrees()) {
            self.warn(format!("{one}; find out which answers the tool counted before you trust either."));
        }
        compared
    }

    fn summary(&self, one: &Named, items: u64) -> CandidateSummary {
        let runs = || one.composed.runs.iter().map(|&at| &self.runs.list[at]);
        let scored: u64 = runs().map(|run| run.scored).sum();
        let errors: u64 = runs().map(TaskRun::errors).sum();
        CandidateSummary {
            name: one.name.clone(),
            file: self.out.join(&one.file),
            scored,
            errors,
            missing: items.saturating_sub(scored + errors),
            mean: (scored > 0).then(|| runs().map(|run| run.sum).sum::<f64>() / scored as f64),
        }
    }

    /// Moves the files to the result, in this order.
    fn put_in_place(&mut self, files: &[String]) -> Result<(), ImportError> {
        for file in files.iter().filter(|file| self.workshop.folder.join(file).exists()) {
            let to = self.out.join(file);
            if to.exists() && file != UNALIGNED {
                return Err(ImportError::Options(format!(
                    "{} exists already; choose another folder with --out, or remove it",
                    to.display()
                )));
            }
        }
        for file in files {
            let from = self.workshop.folder.join(file);
            if from.exists() {
                let to = self.out.join(file);
                fs::rename(&from, &to).map_err(ImportError::write(&to))?;
            }
        }
        self.workshop.made = None;
        Ok(())
    }

    /// Says in plain words what was chosen, left out, or met by chance.
    fn say_what_was_chosen(&mut self, candidates: &[Named], left_out: &[usize], filters: &Filters) {
        for note in self.metrics.notes() {
            self.note(note);
        }
        for note in filters.notes(&self.runs.list) {
            self.note(note);
        }
        if self.items.across > 0 {
            let across = self.items.across;
            self.note(format!(
                "{across} answers of one tool were aligned by content with items of another: tools score differently, so compare such candidates with care."
            ));
        }
        if self.items.repeats {
            self.note("some items were answered more than once (epochs, trials, duplicates): each answer is an item, and `group` holds those of one item together.".into());
        }
        for note in self.notes_on_runs(candidates, left_out) {
            self.note(note);
        }
        for one in candidates {
            let runs = one.composed.runs.iter().map(|&at| self.runs.list[at].ends);
            if let Some(words) = runs.fold(Ends::default(), Ends::and).words() {
                self.warn(format!("{}: {words}, and are scored as the tool scored them.", one.name));
            }
        }
        for (field, count) in std::mem::take(&mut self.dropped) {
            self.note(format!(
                "{count} values of {field} were negative, beyond belief or no number and were left out."
            ));
        }
    }

    fn notes_on_runs(&self, candidates: &[Named], left_out: &[usize]) -> Vec<String> {
        let mut notes = Vec::new();
        for one in candidates.iter().filter(|one| one.composed.number > 0) {
            let first = candidates
                .iter()
                .find(|other| other.composed.model == one.composed.model && other.composed.number == 0);
            let same = first.is_some_and(|first| self.digest(first) == self.digest(one));
            let runs = || one.composed.runs.iter().map(|&at| &self.runs.list[at]);
            let answers: u64 = runs().map(TaskRun::answers).sum();
            let when = runs().find_map(|run| run.run.started.clone());
            notes.push(format!(
                "{}: a further log{} answers the same items; its {answers} answers are a candidate of their own{}. --runs latest takes the last run alone.",
                one.name,
                when.map(|when| format!(" (of {when})")).unwrap_or_default(),
                if same { ", and the same as those of the first run, one by one: probably one run, named twice" } else { "" },
            ));
        }
        let mut by_log: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for run in left_out.iter().map(|&at| &self.runs.list[at]) {
            *by_log.entry((run.key.log, run.key.model)).or_default() += run.answers();
        }
        for ((log, model), answers) in by_log {
            let (file, model) = (&self.logs[log], &self.runs.models[model]);
            notes.push(format!(
                "{file}: its {answers} answers of {model} are left out: another run of the same task is {}.",
                if self.broke_off(log) { "whole, and this one broke off" } else { "later" },
            ));
        }
        notes
    }

    fn broke_off(&self, log: usize) -> bool {
        self.runs.list.iter().any(|run| run.key.log == log && !run.run.finished)
    }

    fn digest(&self, one: &Named) -> u64 {
        one.composed.runs.iter().fold(0, |sum, &at| sum.wrapping_add(self.runs.list[at].digest))
    }
}

fn folder_name(out: &Path) -> String {
    let whole: PathBuf = out.canonicalize().unwrap_or_else(|_| out.to_owned());
    whole.file_name().map_or_else(|| "imported".into(), |name| name.to_string_lossy().into_owned())
}

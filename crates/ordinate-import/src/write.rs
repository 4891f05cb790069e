//! Writes items, answers and the task file: first beside the result, and into its place only when all is well.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::align::Items;
use crate::candidates::{AnswerRow, Columns, write_line};
use crate::error::{ImportError, Place};
use crate::metric::{Metrics, Outcome};
use crate::options::Options;
use crate::record::{Record, Sink};
use crate::task_file;
use crate::{CandidateSummary, Imported, Unaligned};

/// The files that every import writes.
pub(crate) const ITEMS: &str = "items.jsonl";
pub(crate) const TASK: &str = "ordinate.toml";
const UNALIGNED: &str = "unaligned.jsonl";

#[derive(Serialize)]
struct ItemRow<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    choices: &'a [String],
    task: &'a str,
    group: &'a str,
}

/// A folder beside the result that goes away with whatever went wrong.
struct Workshop {
    folder: PathBuf,
    /// The result's folder, if this import made it.
    made: Option<PathBuf>,
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // Best effort: what remains is a hidden folder, and the import has its own error to tell.
        let _ = fs::remove_dir_all(&self.folder);
        if let Some(made) = &self.made {
            let _ = fs::remove_dir(made);
        }
    }
}

/// How the answers of a model to a task came out.
#[derive(Default)]
struct Tally {
    scored: u64,
    unscored: u64,
    other_metric: u64,
    failed: u64,
}

/// Takes records and writes them.
pub(crate) struct Writer<'a> {
    out: &'a Path,
    options: &'a Options,
    workshop: Workshop,
    tool: &'static str,
    items: Items,
    items_path: PathBuf,
    items_file: BufWriter<File>,
    has_inputs: bool,
    /// Ids of items by row, so that further answers can name them.
    ids: Vec<Box<str>>,
    columns: Columns,
    metrics: Metrics,
    tallies: BTreeMap<(String, String), Tally>,
    dropped: BTreeMap<&'static str, u64>,
    notes: Vec<String>,
    noted: HashSet<String>,
}

impl<'a> Writer<'a> {
    pub(crate) fn create(out: &'a Path, options: &'a Options) -> Result<Self, ImportError> {
        for file in [TASK, ITEMS] {
            if out.join(file).exists() {
                return Err(ImportError::Options(format!(
                    "{} exists already, perhaps with lineages that you wrote into it; choose another folder with --out, or remove it",
                    out.join(file).display()
                )));
            }
        }
        let made = (!out.exists()).then(|| out.to_owned());
        let folder = out.join(format!(".import-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(ImportError::write(&folder))?;
        let workshop = Workshop { folder, made };
        let items_path = workshop.folder.join(ITEMS);
        let items_file =
            BufWriter::new(File::create_new(&items_path).map_err(ImportError::write(&items_path))?);
        Ok(Self {
            out,
            options,
            workshop,
            tool: "",
            items: Items::default(),
            items_path,
            items_file,
            has_inputs: false,
            ids: Vec::new(),
            columns: Columns::default(),
            metrics: Metrics::default(),
            tallies: BTreeMap::new(),
            dropped: BTreeMap::new(),
            notes: Vec::new(),
            noted: HashSet::new(),
        })
    }

    /// Starts a log of a tool.
    pub(crate) fn start_log(&mut self, tool: &'static str) {
        self.tool = tool;
        self.items.start_log();
    }

    /// A cost, time or confidence that can be one; what cannot is left out and counted.
    fn usable(&mut self, field: &'static str, value: Option<f64>, most: f64) -> Option<f64> {
        let value = value?;
        if (0.0..=most).contains(&value) {
            return Some(value);
        }
        *self.dropped.entry(field).or_default() += 1;
        None
    }

    /// The row of a record's item, which is written if it is new.
    fn item(&mut self, record: &Record, model: usize, place: &Place) -> Result<usize, ImportError> {
        let found = self.items.find(record, self.tool, model).ok_or_else(|| {
            place.clone().refuse("there are more than 4,294,967,295 items", "split the logs")
        })?;
        if let Some(new) = found.new {
            let row = ItemRow {
                id: &new.id,
                input: record.input.as_deref(),
                target: record.target.as_deref(),
                choices: &record.choices,
                task: &record.task,
                group: &new.group,
            };
            self.has_inputs |= record.input.is_some();
            write_line(&mut self.items_file, &row, &self.items_path)?;
            self.ids.push(new.id.into());
        }
        Ok(found.row)
    }
}

impl Sink for Writer<'_> {
    fn record(&mut self, record: Record, place: &Place) -> Result<(), ImportError> {
        let (model, number) = self.columns.model(&record.model, place)?;
        let tally_key = (model.as_str().to_owned(), record.task.clone());
        let (score, error) = if let Some(error) = &record.error {
            self.tallies.entry(tally_key).or_default().failed += 1;
            (None, Some(error.clone()))
        } else {
            let outcome = self.metrics.score(&record, self.options, place)?;
            let tally = self.tallies.entry(tally_key).or_default();
            match outcome {
                Outcome::Score(score) => {
                    tally.scored += 1;
                    (Some(score), None)
                }
                Outcome::Unscored => {
                    tally.unscored += 1;
                    (None, Some("the log has no score for this answer".to_owned()))
                }
                Outcome::OtherMetric(metric) => {
                    tally.other_metric += 1;
                    (None, Some(format!("the log has no {metric} for this answer")))
                }
            }
        };
        let row = self.item(&record, number, place)?;
        let cost_usd = self.usable("cost_usd", record.cost_usd, f64::MAX);
        let latency_ms = self.usable("latency_ms", record.latency_ms, f64::MAX);
        let confidence = self.usable("confidence", record.confidence, 1.0);
        let column = self.columns.free(&model, row, &self.workshop.folder, place)?;
        let (Some(column), Some(id)) = (self.columns.list.get_mut(column), self.ids.get(row)) else {
            return Ok(());
        };
        let answer = AnswerRow {
            id,
            score,
            output: record.output.as_deref(),
            cost_usd,
            latency_ms,
            input_tokens: record.input_tokens,
            output_tokens: record.output_tokens,
            confidence,
            error: error.as_deref(),
        };
        column.write(row, &answer)
    }

    fn note(&mut self, note: String) {
        if self.noted.insert(note.clone()) {
            self.notes.push(note);
        }
    }
}

impl Writer<'_> {
    /// Writes what is left and puts everything into its place.
    pub(crate) fn finish(mut self) -> Result<Imported, ImportError> {
        self.items_file.flush().map_err(ImportError::write(&self.items_path))?;
        for column in &mut self.columns.list {
            column.flush()?;
        }
        if self.items.len() == 0 {
            return Err(ImportError::Options(
                "the logs hold no answers; name logs of finished runs, with single answers (lm-evaluation-harness: --log_samples)".into(),
            ));
        }
        self.check_tallies()?;
        self.last_notes();
        let unaligned = self.unaligned()?;
        let name = self.options.name.clone().unwrap_or_else(|| folder_name(self.out));
        let text = task_file::text(&task_file::Facts {
            name: &name,
            candidates: self
                .columns
                .list
                .iter()
                .map(|column| (column.name.as_str(), column.file.as_str()))
                .collect(),
            has_inputs: self.has_inputs,
            has_repeats: self.items.repeats,
            notes: &self.notes,
        });
        let task = self.workshop.folder.join(TASK);
        fs::write(&task, text).map_err(ImportError::write(&task))?;
        self.put_in_place()?;
        let items = self.items.len();
        let candidates = self.columns.list.iter().map(|column| CandidateSummary {
            name: column.name.clone(),
            file: self.out.join(&column.file),
            scored: column.scored,
            errors: column.errors,
            missing: items as u64 - column.answers(),
            mean: (column.scored > 0).then(|| column.sum / column.scored as f64),
        });
        Ok(Imported {
            items,
            candidates: candidates.collect(),
            unaligned,
            notes: std::mem::take(&mut self.notes),
            task_file: self.out.join(TASK),
        })
    }

    /// A metric that one model's logs lack altogether would make all its answers errors.
    fn check_tallies(&self) -> Result<(), ImportError> {
        for ((model, task), tally) in &self.tallies {
            if tally.scored > 0 {
                continue;
            }
            if tally.other_metric > 0 {
                let (metric, offered) = self.metrics.of(task).unwrap_or_default();
                return Err(ImportError::Options(format!(
                    "the logs of {model} have no {metric} for task {task}, by which another log of it is scored; choose with --metric one that all logs have (the first has {})",
                    offered.join(", ")
                )));
            }
            if tally.unscored > 0 && tally.failed == 0 {
                return Err(ImportError::Options(format!(
                    "no answer of {model} to task {task} has a score that is a number (its metrics may be of the whole corpus, or labels); leave this log out, or let the tool score its answers"
                )));
            }
        }
        Ok(())
    }

    fn last_notes(&mut self) {
        for note in self.metrics.notes() {
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
        let runs: Vec<String> =
            self.columns.list.iter().filter(|c| c.run > 0).map(|c| c.name.to_string()).collect();
        for run in runs {
            self.note(format!(
                "{run}: a further log answers the same items; its answers are a candidate of their own."
            ));
        }
        for (field, count) in std::mem::take(&mut self.dropped) {
            self.note(format!(
                "{count} values of {field} were negative, infinite or no number and were left out."
            ));
        }
    }

    /// Lists the items that some candidate has no answer to.
    fn unaligned(&self) -> Result<Vec<Unaligned>, ImportError> {
        #[derive(Deserialize)]
        struct Line {
            id: String,
            task: String,
        }
        #[derive(Serialize)]
        struct Listed<'a> {
            id: &'a str,
            task: &'a str,
            missing: Vec<&'a str>,
        }
        const EXAMPLES: usize = 5;
        if self.columns.list.len() < 2 {
            return Ok(Vec::new());
        }
        let path = self.workshop.folder.join(UNALIGNED);
        let reader =
            BufReader::new(File::open(&self.items_path).map_err(ImportError::write(&self.items_path))?);
        let mut writer = None;
        let mut groups: HashMap<(String, Vec<usize>), Unaligned> = HashMap::new();
        for (row, line) in reader.lines().enumerate() {
            let missing: Vec<usize> =
                (0..self.columns.list.len()).filter(|&at| !self.columns.list[at].has(row)).collect();
            if missing.is_empty() {
                continue;
            }
            let line = line.map_err(ImportError::write(&self.items_path))?;
            let item: Line = serde_json::from_str(&line)
                .map_err(std::io::Error::from)
                .map_err(ImportError::write(&self.items_path))?;
            let names: Vec<&str> = missing.iter().map(|&at| self.columns.list[at].name.as_str()).collect();
            if writer.is_none() {
                writer = Some(BufWriter::new(File::create_new(&path).map_err(ImportError::write(&path))?));
            }
            if let Some(writer) = &mut writer {
                write_line(
                    writer,
                    &Listed { id: &item.id, task: &item.task, missing: names.clone() },
                    &path,
                )?;
            }
            let group = groups.entry((item.task.clone(), missing)).or_insert_with(|| Unaligned {
                task: item.task.clone(),
                missing: names.iter().map(|&name| name.to_owned()).collect(),
                items: 0,
                examples: Vec::new(),
            });
            group.items += 1;
            if group.examples.len() < EXAMPLES {
                group.examples.push(item.id);
            }
        }
        if let Some(mut writer) = writer {
            writer.flush().map_err(ImportError::write(&path))?;
        }
        let mut groups: Vec<Unaligned> = groups.into_values().collect();
        groups.sort_by(|a, b| (&a.task, &a.missing).cmp(&(&b.task, &b.missing)));
        Ok(groups)
    }

    /// Moves the files to the result; the task file last, since its presence says that the import is whole.
    fn put_in_place(&mut self) -> Result<(), ImportError> {
        let mut files: Vec<String> = self.columns.list.iter().map(|column| column.file.clone()).collect();
        files.extend([ITEMS, UNALIGNED, TASK].map(str::to_owned));
        for file in files.iter().filter(|file| file.as_str() != UNALIGNED) {
            let to = self.out.join(file);
            if to.exists() {
                return Err(ImportError::Options(format!(
                    "{} exists already; choose another folder with --out, or remove it",
                    to.display()
                )));
            }
        }
        for file in &files {
            let from = self.workshop.folder.join(file);
            if from.exists() {
                let to = self.out.join(file);
                fs::rename(&from, &to).map_err(ImportError::write(&to))?;
            }
        }
        self.workshop.made = None;
        Ok(())
    }
}

fn folder_name(out: &Path) -> String {
    let whole = out.canonicalize().unwrap_or_else(|_| out.to_owned());
    whole.file_name().map_or_else(|| "imported".into(), |name| name.to_string_lossy().into_owned())
}

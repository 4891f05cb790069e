//! Takes records and writes them down: items at once, answers a file a task run, beside the result. What they come to is
//! put together at the end ([`crate::finish`]).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::align::Items;
use crate::answer_row::{AnswerRow, write_line};
use crate::error::{ImportError, Place};
use crate::finish::{ITEMS, TASK};
use crate::log::Log;
use crate::metric::{Metrics, Outcome};
use crate::options::Options;
use crate::record::{OwnFigure, Record, Run, Sink};
use crate::task_runs::{Fate, Key, TaskRuns};

/// The most that one answer can have cost, USD, and taken, milliseconds (30 years): larger ones are no measurements, and
/// their sum may be no number.
const MAX_COST_USD: f64 = 1e9;
const MAX_LATENCY_MS: f64 = 1e12;

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
pub(crate) struct Workshop {
    pub(crate) folder: PathBuf,
    /// The result's folder, if this import made it.
    pub(crate) made: Option<PathBuf>,
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

/// Takes records and writes them.
pub(crate) struct Writer<'a> {
    pub(crate) out: &'a Path,
    pub(crate) options: &'a Options,
    pub(crate) workshop: Workshop,
    tool: &'static str,
    /// The logs so far, by file name; the last one is being read.
    pub(crate) logs: Vec<String>,
    run: Run,
    pub(crate) items: Items,
    pub(crate) items_path: PathBuf,
    pub(crate) items_file: BufWriter<File>,
    pub(crate) has_inputs: bool,
    /// Ids of items by row, so that further answers can name them.
    ids: Vec<Box<str>>,
    pub(crate) runs: TaskRuns,
    /// A number for each model and filter.
    readings: HashMap<(usize, Option<String>), usize>,
    pub(crate) metrics: Metrics,
    /// The tools' own figures, with the number of the log that has them.
    pub(crate) own: Vec<(usize, OwnFigure)>,
    variants: Vec<String>,
    pub(crate) used: HashSet<PathBuf>,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
    pub(crate) notes: Vec<String>,
    pub(crate) warnings: Vec<String>,
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
            tool: "",
            logs: Vec::new(),
            run: Run { launch: String::new(), started: None, finished: true },
            items: Items::default(),
            items_path,
            items_file,
            has_inputs: false,
            ids: Vec::new(),
            runs: TaskRuns::new(&workshop.folder),
            readings: HashMap::new(),
            workshop,
            metrics: Metrics::default(),
            own: Vec::new(),
            variants: Vec::new(),
            used: HashSet::new(),
            dropped: BTreeMap::new(),
            notes: Vec::new(),
            warnings: Vec::new(),
            noted: HashSet::new(),
        })
    }

    /// Starts a log of a tool.
    pub(crate) fn start_log(&mut self, tool: &'static str, log: &Log) {
        self.tool = tool;
        self.run = Run { launch: log.path().display().to_string(), started: None, finished: true };
        self.logs.push(log.file_name());
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

    /// The row of a record's item, which is written if it is new, and the row of the first of its repeats.
    fn item(&mut self, record: &Record, reading: usize, place: &Place) -> Result<(usize, u32), ImportError> {
        let found = self.items.find(record, self.tool, reading).ok_or_else(|| {
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
        Ok((found.row, found.base))
    }

    /// The score of a record, or why it is an error.
    fn score(
        &mut self,
        record: &Record,
        place: &Place,
    ) -> Result<(Fate, Option<f64>, Option<String>), ImportError> {
        if let Some(error) = &record.error {
            return Ok((Fate::Failed, None, Some(error.clone())));
        }
        Ok(match self.metrics.score(record, self.options, place)? {
            Outcome::Score(score) => (Fate::Scored, Some(score), None),
            Outcome::Unscored => {
                (Fate::Unscored, None, Some("the log has no score for this answer".to_owned()))
            }
            Outcome::OtherMetric(metric) => {
                (Fate::OtherMetric, None, Some(format!("the log has no {metric} for this answer")))
            }
        })
    }
}

impl Sink for Writer<'_> {
    fn run(&mut self, run: Run) {
        self.run = run;
    }

    fn record(&mut self, record: Record, place: &Place) -> Result<(), ImportError> {
        let model = self.runs.model(&record.model, place)?;
        let (fate, score, error) = self.score(&record, place)?;
        let next = self.readings.len();
        let reading = *self.readings.entry((model, record.filter.clone())).or_insert(next);
        let (row, base) = self.item(&record, reading, place)?;
        let key = Key {
            model,
            task: record.task.clone(),
            filter: record.filter.clone(),
            log: self.logs.len().saturating_sub(1),
        };
        let at = self.runs.of(key, self.tool, &self.run);
        self.runs.ended(at, &record);
        let cost_usd = self.usable("cost_usd", record.cost_usd, MAX_COST_USD);
        let latency_ms = self.usable("latency_ms", record.latency_ms, MAX_LATENCY_MS);
        let confidence = self.usable("confidence", record.confidence, 1.0);
        let Some(id) = self.ids.get(row) else { return Ok(()) };
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
        self.runs.write(at, (row, base), fate, &answer)
    }

    fn own(&mut self, figure: OwnFigure) {
        self.own.push((self.logs.len().saturating_sub(1), figure));
    }

    fn rank(&mut self, variant: &str) -> usize {
        if let Some(known) = self.variants.iter().position(|known| known == variant) {
            return known;
        }
        self.variants.push(variant.to_owned());
        self.variants.len() - 1
    }

    fn used(&mut self, file: &Path) {
        self.used.insert(file.canonicalize().unwrap_or_else(|_| file.to_owned()));
    }

    fn note(&mut self, note: String) {
        if self.noted.insert(note.clone()) {
            self.notes.push(note);
        }
    }

    fn warn(&mut self, warning: String) {
        if self.noted.insert(warning.clone()) {
            self.notes.push(warning.clone());
            self.warnings.push(warning);
        }
    }
}

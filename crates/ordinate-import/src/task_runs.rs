//! Task runs: the answers of one model to one task in one log, as one filter read them. A task run is kept whole: its
//! answers go to one file of their own, and only whole files become a candidate (see [`crate::compose`]).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ordinate_core::{CandidateName, Finish};

use crate::answer_row::{AnswerRow, write_line};
use crate::error::{ImportError, Place};
use crate::names;
use crate::record::{Record, Run};

/// Open files at a time: more would run into the limits of the system.
const MAX_OPEN: usize = 200;

/// What makes a task run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The number of the model.
    pub(crate) model: usize,
    pub(crate) task: String,
    pub(crate) filter: Option<String>,
    /// The number of the log.
    pub(crate) log: usize,
}

/// Rows of items, as bits from the first one on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    first: usize,
    words: Vec<u64>,
}

impl Rows {
    pub(crate) fn has(&self, row: usize) -> bool {
        let word = (row / 64).checked_sub(self.first).and_then(|at| self.words.get(at));
        word.is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    pub(crate) fn insert(&mut self, row: usize) {
        let word = row / 64;
        if self.words.is_empty() {
            self.first = word;
        }
        if word < self.first {
            self.words.splice(0..0, std::iter::repeat_n(0, self.first - word));
            self.first = word;
        }
        if self.words.len() <= word - self.first {
            self.words.resize(word - self.first + 1, 0);
        }
        self.words[word - self.first] |= 1 << (row % 64);
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (low, high) = if self.first <= other.first { (self, other) } else { (other, self) };
        low.words.iter().skip(high.first - low.first).zip(&high.words).any(|(a, b)| a & b != 0)
    }
}

/// One task run.
#[derive(Debug)]
pub(crate) struct TaskRun {
    pub(crate) key: Key,
    /// The launch that its log is of, by number, and what the log says of it.
    pub(crate) launch: usize,
    pub(crate) run: Run,
    pub(crate) path: PathBuf,
    pub(crate) rows: Rows,
    pub(crate) scored: u64,
    pub(crate) sum: f64,
    /// Answers that are errors: failed ones, those without a number, and those without the task's metric.
    pub(crate) failed: u64,
    pub(crate) unscored: u64,
    pub(crate) other_metric: u64,
    /// Answers that ended badly, whatever the tool made of them.
    pub(crate) ends: Ends,
    /// A sum of hashes of the answers, in whatever order they came.
    pub(crate) digest: u64,
    /// The mean over items of the mean over their repeats, once the log is read.
    pub(crate) mean_by_item: Option<f64>,
    /// Sum and number of scores by the first row of the item, while the log is read.
    by_item: HashMap<u32, (f64, u32)>,
}

/// How many answers ended badly.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ends {
    /// Cut at the most tokens, or another limit.
    pub(crate) cut: u64,
    /// Withheld by a filter.
    pub(crate) filtered: u64,
    /// Given up by the server.
    pub(crate) failed: u64,
    /// Without a word, though nothing failed.
    pub(crate) empty: u64,
}

impl Ends {
    fn count(&mut self, record: &Record) {
        match record.ended {
            Finish::Cut => self.cut += 1,
            Finish::Filtered => self.filtered += 1,
            Finish::Failed => self.failed += 1,
            // An agent's last word may well be the call of a tool.
            Finish::Whole | Finish::Called => {}
        }
        let silent = record.output.as_ref().is_some_and(|output| output.trim().is_empty());
        if silent && record.error.is_none() && record.ended != Finish::Filtered {
            self.empty += 1;
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            cut: self.cut + other.cut,
            filtered: self.filtered + other.filtered,
            failed: self.failed + other.failed,
            empty: self.empty + other.empty,
        }
    }

    /// The counts in words; `None` where all answers ended well, as far as is known.
    pub(crate) fn words(&self) -> Option<String> {
        let parts: Vec<String> = [
            (self.cut, "cut (at the most tokens, or another limit)"),
            (self.filtered, "withheld by a content filter"),
            (self.failed, "broken off by the server"),
            (self.empty, "empty"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, how)| format!("{count} of its answers were {how}"))
        .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Why an answer is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Scored,
    Failed,
    Unscored,
    OtherMetric,
}

impl TaskRun {
    pub(crate) fn errors(&self) -> u64 {
        self.failed + self.unscored + self.other_metric
    }

    pub(crate) fn answers(&self) -> u64 {
        self.scored + self.errors()
    }

    pub(crate) fn mean(&self) -> Option<f64> {
        (self.scored > 0).then(|| self.sum / self.scored as f64)
    }
}

/// Every task run of an import.
#[derive(Debug)]
pub(crate) struct TaskRuns {
    pub(crate) list: Vec<TaskRun>,
    pub(crate) models: Vec<CandidateName>,
    numbers: HashMap<CandidateName, usize>,
    places: HashMap<Key, usize>,
    launches: HashMap<(&'static str, String), usize>,
    writers: BTreeMap<usize, BufWriter<File>>,
    folder: PathBuf,
    line: Vec<u8>,
    /// The first task run of the log that is being read.
    first: usize,
}

impl TaskRuns {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            list: Vec::new(),
            models: Vec::new(),
            numbers: HashMap::new(),
            places: HashMap::new(),
            launches: HashMap::new(),
            writers: BTreeMap::new(),
            folder: folder.to_owned(),
            line: Vec::new(),
            first: 0,
        }
    }

    /// A number for the model, the same over all its runs.
    pub(crate) fn model(&mut self, model: &str, place: &Place) -> Result<usize, ImportError> {
        let name = names::candidate(model).map_err(|error| {
            place.clone().field("model").refuse(error.to_string(), "rename it in the log")
        })?;
        let next = self.models.len();
        let number = *self.numbers.entry(name.clone()).or_insert(next);
        if number == next {
            self.models.push(name);
        }
        Ok(number)
    }

    /// The task run of this key, which a log of `tool` is of; a new one where there is none.
    pub(crate) fn of(&mut self, key: Key, tool: &'static str, run: &Run) -> usize {
        let next = self.list.len();
        let at = *self.places.entry(key.clone()).or_insert(next);
        if at == next {
            let launches = self.launches.len();
            self.list.push(TaskRun {
                key,
                launch: *self.launches.entry((tool, run.launch.clone())).or_insert(launches),
                run: run.clone(),
                path: self.folder.join(format!(".answers-{next}")),
                rows: Rows::default(),
                scored: 0,
                sum: 0.0,
                failed: 0,
                unscored: 0,
                other_metric: 0,
                ends: Ends::default(),
                digest: 0,
                mean_by_item: None,
                by_item: HashMap::new(),
            });
        }
        at
    }

    /// Counts how an answer of a task run ended.
    pub(crate) fn ended(&mut self, at: usize, record: &Record) {
        if let Some(run) = self.list.get_mut(at) {
            run.ends.count(record);
        }
    }

    /// Writes an answer: `row` is that of the item, `base` that of its first repeat.
    pub(crate) fn write(
        &mut self,
        at: usize,
        (row, base): (usize, u32),
        fate: Fate,
        answer: &AnswerRow<'_>,
    ) -> Result<(), ImportError> {
        if !self.writers.contains_key(&at) && self.writers.len() >= MAX_OPEN {
            self.close()?;
        }
        let Some(run) = self.list.get_mut(at) else { return Ok(()) };
        run.rows.insert(row);
        match (fate, answer.score) {
            (Fate::Scored, Some(score)) => {
                run.scored += 1;
                run.sum += score;
                let (sum, count) = run.by_item.entry(base).or_default();
                *sum += score;
                *count += 1;
            }
            (Fate::Unscored, _) => run.unscored += 1,
            (Fate::OtherMetric, _) => run.other_metric += 1,
            _ => run.failed += 1,
        }
        let writer = match self.writers.entry(at) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => {
                let file = OpenOptions::new().create(true).append(true).open(&run.path);
                none.insert(BufWriter::new(file.map_err(ImportError::write(&run.path))?))
            }
        };
        self.line.clear();
        write_line(&mut self.line, answer, &run.path)?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.line);
        run.digest = run.digest.wrapping_add(hasher.finish());
        writer.write_all(&self.line).map_err(ImportError::write(&run.path))
    }

    /// Ends the log that was being read.
    pub(crate) fn end_log(&mut self) -> Result<(), ImportError> {
        self.close()?;
        for run in self.list.iter_mut().skip(self.first) {
            let by_item = std::mem::take(&mut run.by_item);
            if by_item.values().any(|(_, count)| *count > 1) {
                let items = by_item.len() as f64;
                // In one order, so that the sum does not hang on the hash.
                let mut means: Vec<(u32, f64)> =
                    by_item.into_iter().map(|(row, (sum, count))| (row, sum / f64::from(count))).collect();
                means.sort_unstable_by_key(|(row, _)| *row);
                run.mean_by_item = Some(means.iter().map(|(_, mean)| mean).sum::<f64>() / items);
            }
        }
        self.first = self.list.len();
        Ok(())
    }

    fn close(&mut self) -> Result<(), ImportError> {
        for (at, mut writer) in std::mem::take(&mut self.writers) {
            let path = self.list.get(at).map_or(Path::new(""), |run| run.path.as_path());
            writer.flush().map_err(ImportError::write(path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_any_order() {
        let of = |rows: &[usize]| {
            let mut set = Rows::default();
            rows.iter().for_each(|row| set.insert(*row));
            set
        };
        let set = of(&[200, 3, 64, 1_000]);
        for row in 0..1_100 {
            assert_eq!(set.has(row), [3, 64, 200, 1_000].contains(&row), "{row}");
        }
        assert!(set.meets(&of(&[999, 1_000])) && of(&[64]).meets(&set) && of(&[3, 2_000]).meets(&set));
        assert!(!set.meets(&of(&[999, 2])) && !of(&[65]).meets(&set) && !set.meets(&Rows::default()));
    }
}

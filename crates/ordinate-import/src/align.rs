//! Which answers are answers to the same item: by the tool's own digest within a tool, by content across tools.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use crate::record::Record;

/// 128 bits of SHA-256.
type Digest = [u8; 16];

/// The items so far, in the order in which they were met.
#[derive(Debug, Default)]
pub(crate) struct Items {
    /// From a key and the number of its occurrence to the item.
    rows: HashMap<(Digest, u32), u32>,
    tools: Vec<&'static str>,
    ids: HashSet<Digest>,
    /// How often each reading (a model's answers through one filter) has met each key in the log that is being read.
    met: HashMap<(Digest, usize), u32>,
    /// Items of one tool that were recognised in a log of another.
    pub(crate) across: u64,
    /// Whether any item was met more than once (epochs, trials, repeats).
    pub(crate) repeats: bool,
}

/// Where an answer belongs.
#[derive(Debug)]
pub(crate) struct Found {
    /// The item's row.
    pub(crate) row: usize,
    /// The row of the first of its repeats.
    pub(crate) base: u32,
    /// What an item that is new is called, and the group of its repeats.
    pub(crate) new: Option<Named>,
}

/// A new item.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) group: String,
}

impl Items {
    pub(crate) fn len(&self) -> usize {
        self.tools.len()
    }

    /// Starts a log: what is met again in it is a repeat, what was met in another log is not.
    pub(crate) fn start_log(&mut self) {
        self.met.clear();
    }

    /// The item of a record by a tool and a reading; a new one where none fits. `None` beyond 2^32 items.
    pub(crate) fn find(&mut self, record: &Record, tool: &'static str, reading: usize) -> Option<Found> {
        let content = content(record);
        let anywhere = digest("anywhere", &[&hex(&content)]);
        let in_task = match &record.digest {
            Some(native) => digest("native", &[tool, &record.task, native]),
            None => digest("content", &[tool, &record.task, &hex(&content)]),
        };
        let occurrence = self.meet(in_task, reading);
        let elsewhere = self.meet(anywhere, reading);
        let base = self.rows.get(&(in_task, 0)).copied();
        if let Some(&row) = self.rows.get(&(in_task, occurrence)) {
            return Some(Found { row: row as usize, base: base.unwrap_or(row), new: None });
        }
        // Nothing is asked in common where nothing is known of the question.
        let comparable = record.input.is_some();
        if let Some(&row) = self.rows.get(&(anywhere, elsewhere)).filter(|_| comparable)
            && self.tools.get(row as usize).is_some_and(|known| *known != tool)
        {
            self.rows.insert((in_task, occurrence), row);
            self.across += 1;
            return Some(Found { row: row as usize, base: base.unwrap_or(row), new: None });
        }
        let row = u32::try_from(self.tools.len()).ok()?;
        self.tools.push(tool);
        self.rows.insert((in_task, occurrence), row);
        if comparable {
            self.rows.entry((anywhere, elsewhere)).or_insert(row);
        }
        self.repeats |= occurrence > 0;
        let new = Some(self.name(record, &in_task, occurrence));
        Some(Found { row: row as usize, base: base.unwrap_or(row), new })
    }

    fn meet(&mut self, key: Digest, reading: usize) -> u32 {
        let times = self.met.entry((key, reading)).or_default();
        let occurrence = *times;
        *times = times.saturating_add(1);
        occurrence
    }

    /// A readable id: task and the tool's own id, with a digest where that is not unique or too long.
    fn name(&mut self, record: &Record, key: &Digest, occurrence: u32) -> Named {
        const LONGEST: usize = 160;
        let group = &hex(key)[..12];
        let mut base: String = format!("{}/{}", record.task, record.sample)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if record.sample.is_empty() || base.len() > LONGEST {
            base = group.to_owned();
        }
        let repeat =
            if occurrence == 0 { String::new() } else { format!("#{}", occurrence.saturating_add(1)) };
        let mut id = format!("{base}{repeat}");
        let mut turn = 0u32;
        while !self.ids.insert(digest("id", &[&id])) {
            id = if turn == 0 {
                format!("{base}-{group}{repeat}")
            } else {
                format!("{base}-{group}-{turn}{repeat}")
            };
            turn += 1;
        }
        Named { id, group: group.to_owned() }
    }
}

/// The content of an item: input, choices and target, with white space made equal. What has no input is known by
/// the tool's id alone.
fn content(record: &Record) -> Digest {
    let mut parts: Vec<String> = match &record.input {
        Some(input) => vec!["input".into(), normal(input)],
        None => vec!["sample".into(), record.sample.clone()],
    };
    parts.push(record.target.as_deref().map(normal).unwrap_or_default());
    parts.extend(record.choices.iter().map(|choice| normal(choice)));
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    digest("item", &parts)
}

fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn digest(kind: &str, parts: &[&str]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(kind);
    for part in parts {
        // The length keeps `ab` + `c` apart from `a` + `bc`.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut short = Digest::default();
    short.copy_from_slice(&hasher.finalize()[..16]);
    short
}

pub(crate) fn hex(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The first bytes of a text's digest, as hexadecimal.
pub(crate) fn short_digest(text: &str) -> String {
    hex(&digest("text", &[text])[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(task: &str, sample: &str, input: &str) -> Record {
        Record { task: task.into(), sample: sample.into(), input: Some(input.into()), ..Record::default() }
    }

    #[test]
    fn models_meet_on_content_and_repeats_stay_apart() {
        let mut items = Items::default();
        let mut row = |record: &Record, tool, candidate| {
            let found = items.find(record, tool, candidate).unwrap();
            (found.row, found.new.map(|new| new.id))
        };
        assert_eq!(row(&record("t", "1", "2 + 2?"), "a", 0), (0, Some("t/1".into())));
        assert_eq!(row(&record("t", "1", "2 + 2?"), "a", 0), (1, Some("t/1#2".into())));
        assert_eq!(row(&record("t", "9", " 2 +\n2?"), "a", 1), (0, None));
        assert_eq!(row(&record("t", "9", "2 + 2?"), "a", 1), (1, None));
        // Another task of the same tool is another item; another tool is not.
        assert_eq!(row(&record("u", "1", "2 + 2?"), "a", 1).0, 2);
        assert_eq!(row(&record("v", "1", "2 + 2?"), "b", 2), (0, None));
        // The same id for another question.
        let (at, id) = row(&record("t", "1", "3 + 3?"), "a", 0);
        assert_eq!(at, 3);
        assert!(id.unwrap().starts_with("t/1-"));
        assert!(items.repeats);
        assert_eq!(items.across, 1);
    }

    #[test]
    fn a_digest_of_the_tool_tells_equal_questions_apart() {
        let mut items = Items::default();
        let with = |digest: &str| Record { digest: Some(digest.into()), ..record("t", "1", "?") };
        assert_eq!(items.find(&with("x"), "a", 0).unwrap().row, 0);
        assert_eq!(items.find(&with("y"), "a", 0).unwrap().row, 1);
        items.start_log();
        assert_eq!(items.find(&with("y"), "a", 1).unwrap().row, 1);
        // A log of another tool meets them in the order of the log.
        assert_eq!(items.find(&record("z", "1", "?"), "b", 2).unwrap().row, 0);
        assert_eq!(items.find(&record("z", "2", "?"), "b", 2).unwrap().row, 1);
    }
}

//! Items for candidates that are still to be asked, beside what recorded candidates answered.

use std::collections::BTreeSet;

use ordinate_core::evidence::EvidenceBuilder;
use ordinate_core::task::CandidateEntry;
use ordinate_core::{Answer, Choice, Items, Part, Score};
use serde_json::Value;

use crate::error::{DataError, Problem, quoted};
use crate::evidence::{self, Loaded, Tally, common_notes};
use crate::labels::label_note;
use crate::outputs;
use crate::recorded::{self, Extent, Scorer};
use crate::task::{Key, Task};

/// A task some of whose candidates are still to be asked.
#[derive(Debug)]
pub struct Unasked {
    /// Items that are not asked about and of which examples may be drawn (`[data] train` beside `test`).
    pub train: Items,
    /// The columns of the candidates that are to be asked.
    pub live: Vec<usize>,
    builder: EvidenceBuilder,
    tallies: Vec<Tally>,
    /// What the user should know before anybody is asked: plain sentences.
    pub notes: Vec<String>,
}

/// Whether a task has candidates that are to be asked: `openai` or `command`, beside items of its own.
#[must_use]
pub fn is_live(task: &Task) -> bool {
    task.file.data.evidence.is_none() && task.file.candidate.iter().any(is_asked)
}

fn is_asked(entry: &CandidateEntry) -> bool {
    (entry.openai.is_some() && !entry.embeds()) || entry.command.is_some()
}

/// Refuses a task of one candidate: there is nothing to compare it with.
///
/// # Errors
/// [`Problem::OneCandidate`].
pub fn can_compare(task: &Task) -> Result<(), DataError> {
    let [one] = task.file.candidate.as_slice() else { return Ok(()) };
    let name = one.name.as_str();
    Err(task.error_at_candidate(name, Problem::OneCandidate(quoted(name))))
}

/// Reads the items of a task and the answers of its recorded candidates, which may lack scores: `score` makes
/// them from output and target. A candidate that is neither recorded nor live has no answers. Where `train` and `test` are both named, the items are those of `test`, and
/// recorded answers to train items are passed over.
///
/// # Errors
/// [`DataError`] for the first thing that is wrong, as [`crate::load_evidence`]; and when an item that is to be
/// asked about has no input or no target.
pub fn load_unasked(task: &Task, score: &Scorer<'_>) -> Result<Unasked, DataError> {
    let entries = &task.file.candidate;
    can_compare(task)?;
    let mut builder = EvidenceBuilder::new(entries.iter().map(evidence::candidate))
        .map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
    let files = recorded::item_files(task)?;
    let (aside, asked): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(_, part)| *part == Some(Part::Train));
    let asked: Vec<_> = asked.into_iter().map(|(file, _)| (file, None)).collect();
    recorded::read_items(task, &asked, &mut builder, Extent::Whole)?;
    let mut only_train = EvidenceBuilder::default();
    if !aside.is_empty() {
        recorded::read_items(task, &aside, &mut only_train, Extent::Whole)?;
    }
    let train = only_train.into_items();
    check(task, builder.items())?;
    let passed_over: BTreeSet<String> = (0..train.len()).map(|row| train.id(row).to_owned()).collect();
    let scoring = recorded::Scoring { score, passed_over: &passed_over };
    let mut tallies = vec![Tally::default(); entries.len()];
    let mut notes = recorded::read_all(task, &mut builder, &mut tallies, Some(&scoring))?;
    let live: Vec<usize> = (0..entries.len()).filter(|&at| is_asked(&entries[at])).collect();
    notes.extend(evidence::lineage_note(entries));
    let mut unasked = Unasked { train, live, builder, tallies, notes };
    if !unasked.live.is_empty() {
        let note = label_note(task, &unasked.labels());
        unasked.notes.extend(note);
    }
    Ok(unasked)
}

fn check(task: &Task, items: &Items) -> Result<(), DataError> {
    let data = &task.file.data;
    let lacks = |row: usize, what: &'static str, key: &'static str| {
        let id = quoted(items.id(row));
        Err(task.error_at(&[Key::Name("data"), Key::Name(key)], Problem::LacksField { id, what, key }))
    };
    if items.len() == 1 {
        let key = if data.items.is_some() { "items" } else { "test" };
        return Err(task.error_at(&[Key::Name("data"), Key::Name(key)], Problem::OneItem));
    }
    for row in 0..items.len() {
        if items.input(row).is_none_or(|input| input.trim().is_empty()) {
            return lacks(row, "input", "input");
        }
        if items.target(row).is_none() {
            return lacks(row, "target, without which an answer cannot be scored", "target");
        }
    }
    Ok(())
}

/// The options of one item are read up to this length.
const MAX_OPTIONS_BYTES: usize = 1 << 20;

/// The options in a cell: an array of texts, an object of texts by letter, or an array of objects with `key` (or
/// `label`) and `text`. `None` where it is none of these.
pub(crate) fn options(json: &str) -> Option<Vec<Choice>> {
    // Each value of a long list takes far more memory than its two bytes.
    if json.len() > MAX_OPTIONS_BYTES {
        return None;
    }
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let options: Vec<(Option<String>, String)> = match serde_json::from_str::<Value>(json).ok()? {
        Value::Object(map) => {
            map.iter().map(|(key, value)| Some((Some(key.clone()), text(value)?))).collect::<Option<_>>()?
        }
        Value::Array(values) => values
            .iter()
            .map(|value| match value {
                Value::Object(map) => {
                    let key = map.get("key").or_else(|| map.get("label")).and_then(text);
                    Some((key, map.get("text").and_then(text)?))
                }
                other => Some((None, text(other)?)),
            })
            .collect::<Option<_>>()?,
        _ => return None,
    };
    Some(Choice::keyed(options))
}

impl Unasked {
    /// The items that are asked about, in the order of the file.
    #[must_use]
    pub fn items(&self) -> &Items {
        self.builder.items()
    }

    /// The labels of the task: every target, sorted.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let set: BTreeSet<&str> = [self.items(), &self.train]
            .into_iter()
            .flat_map(|items| (0..items.len()).filter_map(|row| items.target(row)))
            .collect();
        set.into_iter().map(str::to_owned).collect()
    }

    /// Puts the answer of a candidate that was asked into its cell.
    ///
    /// # Errors
    /// [`DataError`] where the answer holds a number that is none.
    pub fn put(
        &mut self,
        task: &Task,
        candidate: usize,
        item: usize,
        answer: &Answer<'_>,
    ) -> Result<(), DataError> {
        self.builder
            .answer(item, candidate, answer)
            .map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))
    }

    /// The evidence, recorded and asked together.
    ///
    /// # Errors
    /// [`DataError`] where there is no item.
    pub fn finish(self, task: &Task) -> Result<Loaded, DataError> {
        let evidence =
            self.builder.finish().map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
        let (evidence, note) = outputs::typed(task, evidence);
        let mut notes = self.notes;
        notes.extend(common_notes(&evidence, &self.tallies));
        notes.extend(note);
        Ok(Loaded { evidence, notes })
    }
}

/// Reads a score, which must be one: what a scorer gives.
pub(crate) fn score_of(value: f64) -> Score {
    Score::new(value.clamp(0.0, 1.0)).unwrap_or(Score::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_many_shapes() {
        let some = |pairs: &[(&str, &str)]| {
            Some(Choice::keyed(
                pairs.iter().map(|(key, text)| (Some((*key).to_owned()), (*text).to_owned())).collect(),
            ))
        };
        assert_eq!(options(r#"["red", 2]"#), some(&[("A", "red"), ("B", "2")]));
        assert_eq!(options(r#"{"B": "blue", "D": "x"}"#), some(&[("B", "blue"), ("D", "x")]));
        assert_eq!(
            options(r#"[{"key": "i", "text": "red"}, {"label": "ii", "text": "x"}]"#),
            some(&[("i", "red"), ("ii", "x")])
        );
        for bad in ["red", "3", "[[1]]", "{\"A\": null}"] {
            assert_eq!(options(bad), None, "{bad}");
        }
    }
}

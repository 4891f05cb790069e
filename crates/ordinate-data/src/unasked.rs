//! Items for candidates that are still to be asked, beside what recorded candidates answered.

use std::collections::BTreeSet;

use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::{Answer, Candidate, Choice, Items, Score};
use serde_json::Value;

use crate::error::{DataError, Problem, quoted};
use crate::evidence::{self, Loaded, Tally, common_notes};
use crate::labels::{label_note, label_twins};
use crate::outputs;
use crate::recorded::{self, Scorer};
use crate::task::{Key, Task};

/// Evidence in the making: recorded answers are in it, and candidates are still to be asked.
#[derive(Debug, Clone, Default)]
pub struct Unasked {
    builder: EvidenceBuilder,
    tallies: Vec<Tally>,
    /// What the user should know before anybody is asked: plain sentences.
    pub notes: Vec<String>,
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

/// Reads the answers of a task's recorded candidates to `items`, which may lack scores: `score` makes them from output and
/// target. With `rows` the evidence is about the items in these rows alone: each has to be fit to be asked about, and
/// recorded answers to others are passed over.
///
/// # Errors
/// [`DataError`] for the first thing that is wrong, as [`crate::load_evidence`]; and when an item of `rows` has no input
/// or no target.
pub fn load_unasked(
    task: &Task,
    items: &Items,
    rows: Option<&[u32]>,
    score: &Scorer<'_>,
) -> Result<Unasked, DataError> {
    let entries = &task.file.candidate;
    let of_task = |error| DataError::new(&task.path, Problem::Evidence(error));
    let mut builder = EvidenceBuilder::new(entries.iter().map(evidence::candidate)).map_err(of_task)?;
    let mut passed_over = BTreeSet::new();
    match rows {
        None => builder = builder.with_items(items.clone()),
        Some(rows) => {
            let mut wanted = rows.iter().peekable();
            for row in 0..items.len() {
                if wanted.next_if(|&&at| at as usize == row).is_none() {
                    passed_over.insert(items.id(row).to_owned());
                    continue;
                }
                let fields = ItemFields {
                    slice: items.slices().get(row),
                    group: items.groups().get(row),
                    input: items.input(row),
                    target: items.target(row),
                    context: items.context(row),
                    options: items.options(row),
                    part: None,
                };
                builder.add_item(items.id(row), fields).map_err(of_task)?;
            }
            check(task, builder.items())?;
        }
    }
    let scoring = recorded::Scoring { score, passed_over: &passed_over };
    let mut tallies = vec![Tally::default(); entries.len()];
    let mut notes = recorded::read_all(task, &mut builder, &mut tallies, Some(&scoring))?;
    notes.extend(evidence::lineage_note(entries));
    if rows.is_some() {
        let targets: BTreeSet<&str> = (0..items.len()).filter_map(|row| items.target(row)).collect();
        let targets: Vec<String> = targets.into_iter().map(str::to_owned).collect();
        notes.extend(label_note(task, &targets));
    }
    Ok(Unasked { builder, tallies, notes })
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
        if items.target(row).is_none() && task.file.judge.is_none() {
            return lacks(row, "target, without which an answer cannot be scored", "target");
        }
    }
    Ok(())
}

/// The options of one item are read up to this length.
const MAX_OPTIONS_BYTES: usize = 1 << 20;

/// The options in a cell: an array of texts, an object of texts by letter, an array of objects with `key` (or `label`) and
/// `text`, or an object of these two arrays. `None` where it is none of these.
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
        // `{"text": ["red", "blue"], "label": ["A", "B"]}`, as data sets of the Hugging Face hub have it.
        Value::Object(map) if map.get("text").is_some_and(Value::is_array) => {
            let list = |name: &str| map.get(name).and_then(Value::as_array);
            let (texts, keys) = (list("text")?, list("label").or_else(|| list("key")));
            if keys.is_some_and(|keys| keys.len() != texts.len()) {
                return None;
            }
            let key = |at: usize| keys.and_then(|keys| text(&keys[at]));
            texts
                .iter()
                .enumerate()
                .map(|(at, value)| Some((key(at), text(value)?)))
                .collect::<Option<_>>()?
        }
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
    /// Says more of the candidate in this column: where it runs, what it needs.
    pub fn describe(&mut self, column: usize, describe: impl FnOnce(&mut Candidate)) {
        self.builder.describe(column, describe);
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

    /// The evidence, recorded and asked together; with `rows`, about the items in these rows alone.
    ///
    /// # Errors
    /// [`DataError`] where there is no item.
    pub fn finish(self, task: &Task, rows: Option<&[usize]>) -> Result<Loaded, DataError> {
        let finished = self.builder.finish().and_then(|evidence| match rows {
            Some(rows) => evidence.of_rows(rows),
            None => Ok(evidence),
        });
        let evidence = finished.map_err(|error| DataError::new(&task.path, Problem::Evidence(error)))?;
        let (evidence, note) = outputs::typed(task, evidence);
        let mut notes = self.notes;
        notes.extend(common_notes(&evidence, &self.tallies));
        notes.extend(note);
        notes.extend(label_twins(task, &evidence));
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
        assert_eq!(
            options(r#"{"label": ["1", "2"], "text": ["red", "x"]}"#),
            some(&[("1", "red"), ("2", "x")])
        );
        for bad in ["red", "3", "[[1]]", "{\"A\": null}", r#"{"label": ["1"], "text": ["red", "x"]}"#] {
            assert_eq!(options(bad), None, "{bad}");
        }
    }
}

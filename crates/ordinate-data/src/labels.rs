//! Names of labels, where the data has numbers or abbreviations.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ordinate_core::task::DataSection;
use ordinate_core::{Evidence, Output, Part};

use crate::error::DataError;
use crate::evidence::near_twins;
use crate::images;
use crate::table::{self, Column};
use crate::task::Task;

/// The right answers of a structure as the data sets of questions about passages have it, `{"text": ["..."], "answer_start":
/// [4]}`, as a JSON list; of one answer its text. `None` for whatever is none.
pub(crate) fn answer_texts(target: &str) -> Option<String> {
    let structure: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(target.trim_start().starts_with('{').then_some(target)?).ok()?;
    let texts = structure.get("text").or_else(|| structure.get("texts"))?;
    match texts {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Array(all) if !all.is_empty() && all.iter().all(serde_json::Value::is_string) => {
            Some(texts.to_string())
        }
        _ => None,
    }
}

/// A target as `[data] labels` names it; a JSON list of targets label by label.
pub(crate) fn named<'a>(data: &DataSection, target: Cow<'a, str>) -> Cow<'a, str> {
    let target = answer_texts(&target).map_or(target, Cow::Owned);
    if data.labels.is_empty() {
        return target;
    }
    if let Some(name) = data.labels.get(target.trim()) {
        return Cow::Owned(name.clone());
    }
    let list = || serde_json::from_str::<Vec<serde_json::Value>>(&target).ok();
    match target.trim_start().starts_with('[').then(list).flatten() {
        None => target,
        Some(list) => {
            let name = |value: &serde_json::Value| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                data.labels.get(text.trim()).cloned().unwrap_or(text)
            };
            Cow::Owned(serde_json::Value::from(list.iter().map(name).collect::<Vec<_>>()).to_string())
        }
    }
}

/// What recorded outputs may say for a label's name: the keys of `[data] labels`, and the numbers of the classes that the
/// files of items name in their metadata.
pub(crate) fn codes(
    task: &Task,
    files: &[(PathBuf, Option<Part>)],
) -> Result<BTreeMap<String, String>, DataError> {
    let data = &task.file.data;
    let mut codes = data.labels.clone();
    let target = data.target.as_deref().unwrap_or(Column::Target.name());
    for (file, _) in files.iter().filter(|(file, _)| !images::is_whole(task, file)) {
        for (at, name) in table::class_names(file, target)?.into_iter().enumerate() {
            codes.entry(at.to_string()).or_insert(name);
        }
    }
    Ok(codes)
}

/// What whoever is only asked cannot know: labels that are bare numbers.
#[must_use]
pub fn label_note(task: &Task, labels: &[String]) -> Option<String> {
    let number = |label: &String| label.trim().parse::<i64>().is_ok();
    let of_labels = task.kind.has_labels();
    if !of_labels || labels.len() < 2 || !labels.iter().all(number) {
        return None;
    }
    let first = &labels[0];
    Some(format!(
        "The labels are bare numbers ({}), which say nothing to a model that is asked and not trained: the comparison is \
         tilted against it. Name them: [data] labels = {{ {first} = \"...\" }}.",
        crate::error::list(labels)
    ))
}

/// What is to be known of labels that differ in capitals or white space alone.
pub(crate) fn label_twins(task: &Task, evidence: &Evidence) -> Option<String> {
    let kind = task.kind.output().filter(|_| task.kind.has_labels())?;
    let items = evidence.items();
    let mut labels = BTreeSet::new();
    for target in (0..items.len()).filter_map(|row| items.target(row)) {
        match kind.read(target) {
            Some(Output::Label(label)) => {
                labels.insert(label);
            }
            Some(Output::Labels(all)) => labels.extend(all),
            _ => {}
        }
    }
    near_twins(&labels.iter().map(String::as_str).collect::<Vec<_>>(), "label")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_by_name() {
        let labels = [("0", "negative"), ("1", "positive")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let data = DataSection { labels: labels.into(), ..DataSection::default() };
        assert_eq!(named(&data, "1".into()), "positive");
        assert_eq!(named(&data, "2".into()), "2");
        assert_eq!(
            named(&data, r#"{"answer_start": [4], "text": ["cat", "a cat"]}"#.into()),
            r#"["cat","a cat"]"#
        );
        assert_eq!(
            named(&data, r#"{"answer_start": [], "text": []}"#.into()),
            r#"{"answer_start": [], "text": []}"#
        );
        assert_eq!(named(&data, "[0, 1, \"x\"]".into()), r#"["negative","positive","x"]"#);
    }
}

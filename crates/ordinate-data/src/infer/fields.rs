//! Which fields of a file are id, input, target, slice and group: told by their names and by what they hold.

use std::collections::HashSet;
use std::path::Path;

use crate::error::DataError;
use crate::table::{self, Column, Layout};

/// Names that people give to fields, likeliest first.
const IDS: [&str; 8] = ["id", "item_id", "uid", "_id", "qid", "question_id", "example_id", "idx"];
const INPUTS: [&str; 14] = [
    "input",
    "text",
    "question",
    "prompt",
    "sentence",
    "source",
    "query",
    "headline",
    "document",
    "dialogue",
    "article",
    "content",
    "instruction",
    "src",
];
const TARGETS: [&str; 12] = [
    "target",
    "label",
    "answer",
    "answers",
    "gold",
    "expected",
    "reference",
    "summary",
    "translation",
    "output",
    "tgt",
    "class",
];
const SLICES: [&str; 10] =
    ["slice", "task", "topic", "domain", "subject", "category", "subset", "language", "source_type", "type"];
const GROUPS: [&str; 11] = [
    "group",
    "doc",
    "doc_id",
    "document_id",
    "passage_id",
    "context_id",
    "conversation_id",
    "dialogue_id",
    "case_id",
    "patient_id",
    "article_id",
];

/// No more slices than this are guessed: a domain lookup needs several items in each.
const MAX_SLICES: usize = 200;
/// No more labels than this are guessed.
const MAX_LABELS: usize = 200;

/// What is asked, as far as a file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Scored,
    Classify,
    Generate,
}

/// The names of the fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    pub(super) id: Option<String>,
    pub(super) input: Option<String>,
    pub(super) target: Option<String>,
    pub(super) slice: Option<String>,
    pub(super) group: Option<String>,
}

impl Fields {
    /// The fields of an evidence table, by their names alone.
    pub(super) fn of_table(columns: &[String]) -> Self {
        Self {
            id: first(&IDS, columns),
            input: first(&INPUTS[..1], columns),
            target: first(&TARGETS[..1], columns),
            slice: first(&SLICES, columns),
            group: first(&GROUPS, columns),
        }
    }

    /// The fields of a file of items, and the kind of task that its targets suggest.
    pub(super) fn of_items(path: &Path) -> Result<(Self, Kind), DataError> {
        let columns = table::columns(path)?;
        let mut fields = Self {
            id: first(&IDS, &columns),
            input: first(&INPUTS, &columns),
            target: first(&TARGETS, &columns),
            slice: first(&SLICES, &columns),
            group: first(&GROUPS, &columns),
        };
        let layout = Layout::of(&[])
            .named(Column::Slice, fields.slice.as_deref())
            .named(Column::Group, fields.group.as_deref())
            .named(Column::Target, fields.target.as_deref());
        let mut distinct =
            [Column::Slice, Column::Group, Column::Target].map(|column| (column, HashSet::new()));
        let summary = table::read(path, &layout, &mut |row| {
            for (column, texts) in &mut distinct {
                if let Some(text) = row.text(*column)?
                    && !texts.contains(text.as_ref())
                {
                    texts.insert(text.into_owned());
                }
            }
            Ok(())
        })?;
        let rows = usize::try_from(summary.rows).unwrap_or(usize::MAX);
        let [slices, groups, targets] = distinct.map(|(_, texts)| texts.len());
        if !(2..=MAX_SLICES).contains(&slices) || slices * 2 > rows {
            fields.slice = None;
        }
        if groups < 2 || groups >= rows {
            fields.group = None;
        }
        let labels = (2..=MAX_LABELS).contains(&targets) && targets * 3 <= rows;
        Ok((fields, if labels { Kind::Classify } else { Kind::Generate }))
    }
}

/// The first of `names` that is a column.
fn first(names: &[&str], columns: &[String]) -> Option<String> {
    names.iter().find_map(|name| columns.iter().find(|column| column == name).cloned())
}

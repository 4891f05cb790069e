//! Which label a candidate said for which.

use std::collections::HashMap;

use ordinate_core::Status;
use ordinate_report::{ConfusionPage, SaidFor, Select, confusion_page};

use super::opened::OpenedRun;
use crate::error::Error;
use crate::query::Pairs;

/// Labels that have a row and a column.
const LABELS: usize = 30;

/// The page of the candidate that a query names, or of the best.
pub(super) fn confusion(run: &OpenedRun, pairs: &Pairs) -> Result<String, Error> {
    let wanted = pairs.get("of").and_then(|text| text.parse().ok());
    let column = wanted.filter(|column| run.best_first.contains(column)).or(run.best_first.first().copied());
    let column = column.unwrap_or_default();
    let (items, answers) = (run.evidence.items(), run.evidence.answers(column));
    let mut rows: HashMap<&str, Row<'_>> = HashMap::new();
    let mut known = 0;
    for &row in &run.rows {
        let (Some(target), status) = (items.target(row), answers.status(row)) else { continue };
        if status == Status::Missing {
            continue;
        }
        let own = rows.entry(target.trim()).or_default();
        own.items += 1;
        known += 1;
        match answers.output(row).filter(|_| status == Status::Scored) {
            Some(said) => *own.said.entry(said.trim()).or_default() += 1,
            None => own.errors += 1,
        }
    }
    let mut labels: Vec<(&str, usize)> = rows.iter().map(|(label, row)| (*label, row.items)).collect();
    labels.sort_unstable_by(|(a, many), (b, few)| few.cmp(many).then(a.cmp(b)));
    let all = labels.len();
    labels.truncate(LABELS);
    // As in the data where all have a place: the eye looks for a label by its name.
    labels.sort_unstable_by_key(|(label, _)| *label);
    let path = format!("/run/{}/items", run.head().id);
    let number = column.to_string();
    let shown = |&(target, _): &(&str, usize)| {
        let row = &rows[target];
        let said = |&(label, _): &(&str, usize)| {
            let pair = format!("{column}:{label}");
            let pairs = [("target", target), ("said", pair.as_str()), ("show", number.as_str())];
            let address = Pairs::of(pairs).address(&path);
            (row.said.get(label).copied().unwrap_or(0), address)
        };
        let said: Vec<(usize, String)> = labels.iter().map(said).collect();
        let told: usize = said.iter().map(|(count, _)| count).sum();
        SaidFor {
            target: target.to_owned(),
            items: row.items,
            others: row.items - row.errors - told,
            errors: row.errors,
            said,
        }
    };
    let mut notes = Vec::new();
    if all > LABELS {
        notes.push(format!("The {LABELS} most frequent of {all} labels."));
    }
    if known < run.rows.len() && known > 0 {
        notes.push(format!(
            "Of {} items {known} have a target and an answer of the candidate.",
            run.rows.len()
        ));
    }
    let option = |&own: &usize| (own.to_string(), run.name_of(own).to_owned(), own == column);
    let page = ConfusionPage {
        run: run.head(),
        select: Select {
            label: "Whose answers".to_owned(),
            key: "of".to_owned(),
            options: run.best_first.iter().map(option).collect(),
        },
        name: run.name_of(column),
        rows: labels.iter().map(shown).collect(),
        labels: labels.iter().map(|(label, _)| (*label).to_owned()).collect(),
        notes,
    };
    Ok(confusion_page(&page)?)
}

#[derive(Default)]
struct Row<'r> {
    items: usize,
    errors: usize,
    said: HashMap<&'r str, usize>,
}

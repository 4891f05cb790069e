//! Which label a candidate said for which: a confusion matrix whose cells lead to the items.

use askama::Template;

use super::{ITEMS_STYLE, RunHead, Select};
use crate::error::ReportError;
use crate::figures;
use crate::page::STYLE;
use crate::text::clean;

/// What a candidate said for one right label.
#[derive(Debug, Clone)]
pub struct SaidFor {
    /// The right label.
    pub target: String,
    /// How many items have it, and an answer of the candidate or an error.
    pub items: usize,
    /// How often each label was said, in the order of the columns, with the address of the items.
    pub said: Vec<(usize, String)>,
    /// How often another label was said than those that have a column.
    pub others: usize,
    /// How often there was an error.
    pub errors: usize,
}

/// The labels that a candidate said, against the right ones.
#[derive(Debug, Clone)]
pub struct ConfusionPage<'a> {
    /// The run.
    pub run: RunHead<'a>,
    /// Whose answers to choose.
    pub select: Select,
    /// The candidate.
    pub name: &'a str,
    /// The labels that have a column, which are the first that have a row.
    pub labels: Vec<String>,
    /// The rows.
    pub rows: Vec<SaidFor>,
    /// What is to be known of them.
    pub notes: Vec<String>,
}

#[derive(Template)]
#[template(path = "confusion.html")]
struct ConfusionTemplate<'a> {
    style: &'static str,
    more: &'static str,
    head: &'a RunHead<'a>,
    select: &'a Select,
    name: String,
    labels: Vec<String>,
    rows: Vec<Row>,
    precision: Vec<String>,
    has_others: bool,
    notes: &'a [String],
}

struct Row {
    target: String,
    items: String,
    /// Count, whether it is on the diagonal, address.
    cells: Vec<(String, bool, Option<String>)>,
    others: String,
    errors: String,
    recall: String,
}

/// The page of who said what for what.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn confusion_page(page: &ConfusionPage<'_>) -> Result<String, ReportError> {
    let count = |n: usize| figures::count(n as u64);
    let share = |part: usize, of: usize| {
        if of == 0 { figures::UNKNOWN.to_owned() } else { figures::quality(part as f64 / of as f64) }
    };
    let row = |(at, one): (usize, &SaidFor)| Row {
        target: clean(&one.target),
        items: count(one.items),
        cells: one
            .said
            .iter()
            .enumerate()
            .map(|(column, (n, address))| (count(*n), column == at, (*n > 0).then(|| address.clone())))
            .collect(),
        others: count(one.others),
        errors: count(one.errors),
        recall: share(one.said.get(at).map_or(0, |(n, _)| *n), one.items),
    };
    let precision = (0..page.labels.len()).map(|column| {
        let all: usize = page.rows.iter().map(|one| one.said[column].0).sum();
        share(page.rows.get(column).map_or(0, |one| one.said[column].0), all)
    });
    let template = ConfusionTemplate {
        style: STYLE,
        more: ITEMS_STYLE,
        head: &page.run,
        select: &page.select,
        name: clean(page.name),
        labels: page.labels.iter().map(|label| clean(label)).collect(),
        precision: precision.collect(),
        rows: page.rows.iter().enumerate().map(row).collect(),
        has_others: page.rows.iter().any(|one| one.others > 0),
        notes: &page.notes,
    };
    Ok(template.render()?)
}

//! Orders of candidates and items that do not hang on those of files.

use ordinate_core::evidence::{Part, View};
use ordinate_core::{Evidence, Row};

/// The candidates in the order of their names.
pub(crate) fn in_order_of_name(evidence: &Evidence) -> Evidence {
    let candidates = evidence.candidates();
    let mut columns: Vec<usize> = (0..candidates.len()).collect();
    columns.sort_by(|&a, &b| candidates[a].name.as_str().cmp(candidates[b].name.as_str()));
    evidence.with_candidates(&columns)
}

/// The rows in the order of their texts, where they have some, and of their ids, the shorter first.
pub(crate) fn in_order(mut view: View<'_>) -> View<'_> {
    let items = view.evidence.items();
    // Numbers without leading zeros are in their order already.
    let key = |&row: &Row| (items.input(row), items.id(row).len(), items.id(row));
    if !view.rows.is_sorted_by_key(key) {
        view.rows.sort_by(|a, b| key(a).cmp(&key(b)));
    }
    view
}

/// The rows of a part, or all of them where the items have no parts.
pub(crate) fn rows_of(view: &View<'_>, part: Part) -> Vec<Row> {
    let items = view.evidence.items();
    // Asked once: it looks at all items.
    let whole = !items.has_parts();
    view.rows.iter().copied().filter(|&row| whole || items.part(row) == Some(part)).collect()
}

/// The rows that trials score, in the order in which they do: those of the test part, where there is one.
#[must_use]
pub fn scored_rows(evidence: &Evidence) -> Vec<Row> {
    let part = if evidence.items().has_parts() { Part::Test } else { Part::Train };
    let rows = rows_of(&evidence.view(), part);
    in_order(View { evidence, rows }).rows
}

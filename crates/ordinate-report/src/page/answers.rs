//! How the answers of the candidates ended that the run asked.

use ordinate_core::verdict::{Measured, Verdict};

use super::candidates::Cell;
use crate::figures;
use crate::text::clean;

/// Errors that say how an answer ended; those of the endpoint stand together.
const ENDS: [&str; 5] = ["empty", "unreadable", "filtered", "refused", "reported"];

pub(super) struct Answers {
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) name: String,
    /// Items, answered, cut, the errors of [`ENDS`], other errors.
    pub(super) cells: Vec<Cell>,
    /// Other models that answered.
    pub(super) models: String,
}

/// `None` where nobody was asked.
pub(super) fn answers(verdict: &Verdict) -> Option<Answers> {
    if verdict.measured.is_empty() {
        return None;
    }
    Some(Answers { rows: verdict.measured.iter().map(row).collect() })
}

fn row(one: &Measured) -> Row {
    let count = |count: u64| Cell::new(figures::count(count), Some(count as f64));
    let of = |kind: &str| one.errors.get(kind).copied().unwrap_or(0);
    let all: u64 = one.errors.values().sum();
    let ends: Vec<u64> = ENDS.iter().map(|kind| of(kind)).collect();
    let others = all - ends.iter().sum::<u64>();
    let counts = [one.items, one.answered - all.min(one.answered), one.cut];
    let models: Vec<String> =
        one.other_models.iter().map(|(model, count)| format!("{} ({count})", clean(model))).collect();
    Row {
        name: clean(one.name.as_str()),
        cells: counts.into_iter().chain(ends).chain([others]).map(count).collect(),
        models: models.join(", "),
    }
}

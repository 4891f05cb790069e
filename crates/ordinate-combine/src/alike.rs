//! Items whose texts are equal or nearly so are one group: no learner is scored on what it was shown.

use std::collections::HashSet;

use ordinate_core::evidence::{Part, View};
use ordinate_core::{Evidence, Row};
use ordinate_features::duplicates;
use ordinate_trials::Alike;

/// Groups that have to be left. Inputs of which there are fewer (a dozen words, or one form filled in over and over) are
/// what the task is made of, and not copies of items.
const MIN_GROUPS: usize = 10;

/// The evidence with equal and nearly equal texts in one group, beside its own groups; and how many there are.
pub(crate) fn grouped(evidence: &Evidence) -> (Evidence, Option<Alike>) {
    let items = evidence.items();
    if !items.has_inputs() {
        return (evidence.clone(), None);
    }
    let given = items.has_groups().then(|| items.groups().codes());
    let found = duplicates::group(evidence.len(), |row| items.input(row), given);
    if found.equal + found.near == 0 {
        return (evidence.clone(), None);
    }
    let id = |row: usize| items.id(row).to_owned();
    let of_part = |part: Part| (0..items.len()).filter(move |&row| items.part(row) == Some(part));
    let trained: HashSet<u32> = of_part(Part::Train).map(|row| found.of_item[row]).collect();
    let alike = Alike {
        equal: found.equal,
        near: found.near,
        examples: found.examples.iter().map(|pair| (id(pair.first), id(pair.second))).collect(),
        across: of_part(Part::Test).filter(|&row| trained.contains(&found.of_item[row])).count(),
        grouped: found.count >= MIN_GROUPS,
    };
    let grouped = if alike.grouped { evidence.with_groups(&found.of_item) } else { evidence.clone() };
    (grouped, Some(alike))
}

/// Dense group numbers of the rows in view; rows without a group are groups of their own.
#[must_use]
pub fn dense_groups(view: &View<'_>) -> Option<Vec<u32>> {
    let groups = view.evidence.items().groups();
    if groups.names().is_empty() {
        return None;
    }
    let mut dense = vec![u32::MAX; groups.names().len()];
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        next - 1
    };
    let number = |&row: &Row| match dense.get_mut(groups.codes()[row] as usize) {
        Some(slot) if *slot == u32::MAX => {
            *slot = fresh();
            *slot
        }
        Some(slot) => *slot,
        None => fresh(),
    };
    Some(view.rows.iter().map(number).collect())
}

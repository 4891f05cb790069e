//! Groups of dependent items.

use std::collections::HashMap;

/// Which group each item belongs to: groups are numbered from 0, every group has an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    of_item: Vec<u32>,
    count: usize,
}

impl Groups {
    /// The code of an item that is a group of its own (`ordinate_core::column::Codes::NONE`).
    pub const NONE: u32 = ordinate_core::column::Codes::NONE;

    /// Numbers the groups in order of their first item, from any codes; each item with [`Groups::NONE`] is a
    /// group of its own.
    #[must_use]
    pub fn new(codes: &[u32]) -> Self {
        let mut count = 0_u32;
        let mut next = || {
            count += 1;
            count - 1
        };
        let mut numbers = HashMap::new();
        let of_item = codes
            .iter()
            .map(
                |&code| {
                    if code == Self::NONE { next() } else { *numbers.entry(code).or_insert_with(&mut next) }
                },
            )
            .collect();
        Self { of_item, count: count as usize }
    }

    /// The group of each item.
    #[must_use]
    pub fn of_item(&self) -> &[u32] {
        &self.of_item
    }

    /// The number of groups.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_numbered_and_loners_are_groups_of_their_own() {
        let groups = Groups::new(&[7, Groups::NONE, 7, 3, Groups::NONE]);
        assert_eq!(groups.of_item(), [0, 1, 0, 2, 3]);
        assert_eq!(groups.count(), 4);
    }
}

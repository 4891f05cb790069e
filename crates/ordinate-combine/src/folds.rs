//! Folds for cross-fitting: stratified by slice, whole groups together.

use ordinate_core::Row;
use ordinate_core::column::Codes;
use ordinate_core::evidence::View;

use crate::error::CombineError;
use crate::random;

/// The fold of every row of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    /// One fold number per row of the view, in its order.
    pub of: Vec<u32>,
    /// How many folds there are.
    pub count: u32,
}

impl Folds {
    /// Deals the rows of `view` into at most `wanted` folds.
    ///
    /// Groups are dealt whole, the largest first and by a hash of what is in them among equals, each to the fold that
    /// has the fewest items of its slice, then the fewest items; so every fold has the same mixture of slices as far as
    /// groups allow. Without groups an item is its own group. The order of the rows makes no difference; another `salt`
    /// deals anew. Fewer groups than `wanted` give fewer folds.
    ///
    /// # Errors
    /// [`CombineError::TooFewGroups`] when there are fewer than two groups.
    pub fn deal(view: &View<'_>, wanted: u32, salt: u64) -> Result<Self, CombineError> {
        let items = view.evidence.items();
        let groups = members(view);
        let count = u32::try_from(groups.len()).unwrap_or(u32::MAX).min(wanted.max(2));
        if count < 2 {
            return Err(CombineError::TooFewGroups(groups.len()));
        }
        let mut keyed: Vec<(u64, Vec<usize>)> =
            groups.into_iter().map(|group| keyed(view, group, salt)).collect();
        keyed.sort_by_key(|(key, members)| (std::cmp::Reverse(members.len()), *key));
        let slices = items.slices();
        let folds = count as usize;
        // The last row of counts is for items without a slice.
        let mut in_slice = vec![0_usize; (slices.names().len() + 1) * folds];
        let mut in_fold = vec![0_usize; folds];
        let mut of = vec![0; view.rows.len()];
        for (_, members) in keyed {
            let slice = match slices.codes()[view.rows[members[0]]] {
                Codes::NONE => slices.names().len(),
                code => code as usize,
            };
            let counts = &mut in_slice[slice * folds..(slice + 1) * folds];
            let fold = (0..folds).min_by_key(|&fold| (counts[fold], in_fold[fold])).unwrap_or(0);
            counts[fold] += members.len();
            in_fold[fold] += members.len();
            for member in members {
                let fold = fold as u32;
                of[member] = fold;
            }
        }
        Ok(Self { of, count })
    }

    /// The view split at one fold: the rows outside it to learn from, and the positions (in the view) of
    /// the rows inside it to score on.
    #[must_use]
    pub fn split<'a>(&self, view: &View<'a>, fold: u32) -> (View<'a>, Vec<usize>) {
        let mut train = Vec::with_capacity(view.rows.len());
        let mut held_out = Vec::new();
        for (position, &row) in view.rows.iter().enumerate() {
            if self.of[position] == fold {
                held_out.push(position);
            } else {
                train.push(row);
            }
        }
        (View { evidence: view.evidence, rows: train }, held_out)
    }
}

/// A group with a hash of what is in it, the member with the smallest first.
fn keyed(view: &View<'_>, mut members: Vec<usize>, salt: u64) -> (u64, Vec<usize>) {
    let key = |&position: &usize| key(view, view.rows[position], salt);
    members.sort_by_cached_key(key);
    (members.first().map_or(0, key), members)
}

/// A hash of an item: of its text, where it has one, else of its id. FNV-1a (Fowler, Noll, Vo), which is the same
/// everywhere and for ever, mixed with `salt`.
pub(crate) fn key(view: &View<'_>, row: Row, salt: u64) -> u64 {
    let items = view.evidence.items();
    let text = items.input(row).unwrap_or_else(|| items.id(row));
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    random::SplitMix::new(hash ^ random::SplitMix::new(salt).next_u64()).next_u64()
}

/// Positions of the rows of each group, in order of first appearance.
fn members(view: &View<'_>) -> Vec<Vec<usize>> {
    let groups = view.evidence.items().groups();
    if groups.names().is_empty() {
        return (0..view.rows.len()).map(|position| vec![position]).collect();
    }
    let mut of_code = vec![usize::MAX; groups.names().len()];
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (position, &row) in view.rows.iter().enumerate() {
        let code = groups.codes()[row];
        if code == Codes::NONE {
            members.push(vec![position]);
            continue;
        }
        let slot = &mut of_code[code as usize];
        if *slot == usize::MAX {
            *slot = members.len();
            members.push(Vec::new());
        }
        members[*slot].push(position);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::evidence;

    #[test]
    fn folds_have_the_same_mixture_of_slices() {
        let rows: Vec<_> =
            (0..100).map(|i| (if i < 70 { "a" } else { "b" }, None, vec![Some(0.5), Some(0.4)])).collect();
        let evidence = evidence(2, &rows);
        let folds = Folds::deal(&evidence.view(), 5, 7).unwrap();
        for fold in 0..5 {
            let count = |range: std::ops::Range<usize>| range.filter(|&i| folds.of[i] == fold).count();
            assert_eq!((count(0..70), count(70..100)), (14, 6));
        }
        assert_ne!(folds, Folds::deal(&evidence.view(), 5, 8).unwrap(), "the salt must matter");
        let mut turned = evidence.view();
        turned.rows.reverse();
        let again = Folds::deal(&turned, 5, 7).unwrap();
        assert!(folds.of.iter().eq(again.of.iter().rev()), "the order of the rows must not");
    }

    #[test]
    fn groups_stay_whole() {
        let names: Vec<String> = (0..120).map(|i| format!("g{}", i % 17)).collect();
        let rows: Vec<_> =
            names.iter().map(|g| ("s", Some(g.as_str()), vec![Some(0.5), Some(0.1)])).collect();
        let evidence = evidence(2, &rows);
        let folds = Folds::deal(&evidence.view(), 5, 1).unwrap();
        for i in 0..120 {
            assert_eq!(folds.of[i], folds.of[i % 17]);
        }
        let sizes: Vec<_> = (0..5).map(|f| folds.of.iter().filter(|&&g| g == f).count()).collect();
        assert!(sizes.iter().all(|&size| (14..=35).contains(&size)), "{sizes:?}");
    }

    #[test]
    fn one_group_cannot_be_folded() {
        let rows: Vec<_> = (0..5).map(|_| ("s", Some("g"), vec![Some(0.5), Some(0.1)])).collect();
        let evidence = evidence(2, &rows);
        assert!(matches!(Folds::deal(&evidence.view(), 5, 1), Err(CombineError::TooFewGroups(1))));
    }
}

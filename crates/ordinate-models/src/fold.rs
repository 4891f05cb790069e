//! Folds: what belongs together stays together.

use std::collections::HashMap;

use ordinate_core::random::shuffle;

/// A fold below `folds` for each place, given its group (`None`: it stands for itself): groups dealt out in a shuffled
/// order, as evenly as they go. The same seed gives the same folds.
#[must_use]
pub fn folds(groups: &[Option<&str>], folds: usize, seed: u64) -> Vec<usize> {
    let mut units: Vec<Vec<usize>> = Vec::new();
    let mut of_group = HashMap::new();
    for (place, group) in groups.iter().enumerate() {
        match group {
            None => units.push(vec![place]),
            Some(group) => {
                let unit = *of_group.entry(group).or_insert_with(|| {
                    units.push(Vec::new());
                    units.len() - 1
                });
                units[unit].push(place);
            }
        }
    }
    shuffle(&mut units, seed);
    let mut sizes = vec![0; folds.max(1)];
    let mut fold_of = vec![0; groups.len()];
    for unit in units {
        let smallest = sizes.iter().enumerate().min_by_key(|(_, size)| **size).map_or(0, |(fold, _)| fold);
        sizes[smallest] += unit.len();
        for place in unit {
            fold_of[place] = smallest;
        }
    }
    fold_of
}

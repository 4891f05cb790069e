//! Folds: items of one group stay together.

use ordinate_core::Items;
use ordinate_learn::random::shuffle;

/// A fold below `folds` for each of these rows: groups dealt out in a shuffled order, as evenly as they go.
pub(crate) fn folds(items: &Items, rows: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let groups = items.groups();
    let mut units: Vec<Vec<usize>> = Vec::new();
    let mut of_group = std::collections::HashMap::new();
    for (place, &row) in rows.iter().enumerate() {
        match groups.get(row) {
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
    let mut fold_of = vec![0; rows.len()];
    for unit in units {
        let smallest = sizes.iter().enumerate().min_by_key(|(_, size)| **size).map_or(0, |(fold, _)| fold);
        sizes[smallest] += unit.len();
        for place in unit {
            fold_of[place] = smallest;
        }
    }
    fold_of
}

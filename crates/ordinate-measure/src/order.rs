//! The order in which items are asked about, and what counts as one observation.

use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::plan::{Items, Plan};

/// The order of a run.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The item in each position.
    items: Vec<u32>,
    /// Where each unit begins; a unit is an item, or a group whose items are not independent.
    starts: Vec<u32>,
    largest: u32,
}

impl Order {
    /// As the items come.
    pub(crate) fn natural(plan: &Plan) -> Self {
        Self { items: places(plan), starts: Vec::new(), largest: 1 }
    }

    /// Units in random order, as the statistics of early stopping need it; the items of a group side by side.
    pub(crate) fn shuffled(places: Vec<u32>, items: &dyn Items, seed: u64) -> Self {
        let len = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let mut keyed: Vec<(u64, u64, u32)> = places
            .into_iter()
            .map(|at| {
                // Items without a group are groups of their own.
                let unit = items.group(at as usize).map_or(u64::from(at) | 1 << 32, u64::from);
                (rank(seed, unit), unit, at)
            })
            .collect();
        keyed.sort_unstable();
        let starts: Vec<u32> =
            (0..len).filter(|&at| at == 0 || keyed[at as usize].1 != keyed[at as usize - 1].1).collect();
        let ends = starts.iter().skip(1).copied().chain([len]);
        let largest = starts.iter().zip(ends).map(|(start, end)| end - start).max().unwrap_or(1);
        Self { items: keyed.into_iter().map(|(_, _, at)| at).collect(), starts, largest }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The item in this position.
    pub(crate) fn item(&self, position: usize) -> usize {
        self.items[position] as usize
    }

    /// The positions, those of a lower stage first and else as they are.
    pub(crate) fn by_stage(&self, stage: impl Fn(usize) -> u32) -> Vec<u32> {
        let mut positions: Vec<u32> = (0..).take(self.items.len()).collect();
        positions.sort_by_key(|&position| stage(self.item(position as usize)));
        positions
    }

    /// The units, as positions.
    pub(crate) fn units(&self) -> impl Iterator<Item = Range<u32>> {
        let len = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        let ends = self.starts.iter().skip(1).copied().chain([len]);
        self.starts.iter().copied().zip(ends).map(|(start, end)| start..end)
    }

    /// Items of the largest unit.
    pub(crate) fn largest(&self) -> u32 {
        self.largest
    }
}

/// Parts of these places that grow, in random order and by whole units (an item, or a group whose items are not
/// independent): of each share of the units, but at least of so many. The last has all of them; each is in ascending order.
#[must_use]
pub fn growing(
    places: &[u32],
    items: &dyn Items,
    seed: u64,
    shares: &[f64],
    least: usize,
) -> Vec<Arc<[u32]>> {
    let order = Order::shuffled(places.to_vec(), items, seed);
    let units: Vec<Range<u32>> = order.units().collect();
    let of_share = |share: &f64| ((share * units.len() as f64).ceil() as usize).max(least);
    let mut counts: Vec<usize> = shares.iter().map(of_share).filter(|&count| count < units.len()).collect();
    counts.push(units.len());
    counts.dedup();
    let part = |count: usize| {
        let end = units[..count].last().map_or(0, |unit| unit.end as usize);
        let mut places = order.items[..end].to_vec();
        places.sort_unstable();
        places.into()
    };
    counts.into_iter().map(part).collect()
}

/// The places of the items that are asked about, as they come.
pub(crate) fn places(plan: &Plan) -> Vec<u32> {
    match &plan.places {
        Some(places) => places.to_vec(),
        None => (0..u32::try_from(plan.items.len()).unwrap_or(u32::MAX)).collect(),
    }
}

fn rank(seed: u64, unit: u64) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(unit.to_le_bytes()).finalize();
    u64::from_le_bytes(digest[..8].try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ordinate_core::Item;

    use super::*;

    struct Grouped(usize);

    impl Items for Grouped {
        fn len(&self) -> usize {
            self.0
        }
        fn item(&self, _: usize) -> Item {
            Item::default()
        }
        fn group(&self, at: usize) -> Option<u32> {
            (at < 90).then_some(at as u32 % 30)
        }
    }

    #[test]
    fn parts_grow_by_whole_units() {
        let places: Vec<u32> = (0..100).collect();
        let parts = growing(&places, &Grouped(100), 7, &[0.05, 0.1, 0.5, 1.0], 6);
        // Forty units: six at least, so that the first two shares are one part.
        assert_eq!(parts.len(), 3);
        assert_eq!(*parts[2], *places);
        for (at, part) in parts.iter().enumerate() {
            assert!(
                part.is_sorted() && part.iter().all(|place| parts[at..].iter().all(|p| p.contains(place)))
            );
            let whole = |group: u32| (0..3).all(|nth| part.contains(&(group + 30 * nth)));
            assert!(part.iter().all(|&place| place >= 90 || whole(place % 30)), "{part:?}");
        }
        assert_eq!(growing(&places[..4], &Grouped(100), 7, &[0.5], 6), [places[..4].into()]);
    }

    #[test]
    fn groups_stay_together_and_every_item_comes_once() {
        let order = Order::shuffled((0..100).collect(), &Grouped(100), 7);
        let mut seen: Vec<usize> = (0..100).map(|position| order.item(position)).collect();
        assert_eq!(order.units().count(), 30 + 10);
        assert_eq!(order.largest(), 3);
        for unit in order.units() {
            let groups: Vec<Option<u32>> =
                unit.map(|position| Grouped(100).group(order.item(position as usize))).collect();
            assert!(groups.iter().all(|group| *group == groups[0]), "{groups:?}");
        }
        assert_ne!(seen, (0..100).collect::<Vec<_>>());
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
        assert_ne!(order.items, Order::shuffled((0..100).collect(), &Grouped(100), 8).items);
    }
}

//! Which series show what others are to forecast. Origins of one series do, and so does whatever else is cut out of the same one:
//! a model must not be trained on the one and asked about the other.

use std::collections::HashMap;

use ordinate_core::{Items, OutputKind, Series};

/// Values of the past, and of what came, by which a target is known again.
const PAST: usize = 32;
const NEXT: usize = 8;
/// Fewer changes than this are found everywhere: most values of a series that is nearly always zero are.
const CHANGES: usize = 4;

/// What an item shows, and what came.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    values: Vec<u64>,
    /// Where its target begins.
    origin: usize,
}

impl Told {
    /// Of an item's text and target; `None` where they are no series.
    pub(crate) fn of(text: &str, target: &str) -> Option<Self> {
        let past = Series::read(text)?;
        let origin = past.values.len();
        let next = OutputKind::Series.read(target)?.values()?.to_vec();
        Some(Self { values: past.values.iter().chain(&next).map(|value| value.to_bits()).collect(), origin })
    }

    /// Of the item in a row.
    pub(crate) fn of_row(items: &Items, row: usize) -> Option<Self> {
        Self::of(items.input(row)?, items.target(row)?)
    }

    /// The end of the past and the beginning of the target; `None` where it says too little. It is short enough to stand in the past
    /// of the next origin as a whole, of which a task may show only the latest values.
    fn mark(&self) -> Option<&[u64]> {
        let next = self.values.len() - self.origin;
        let past = PAST.min(self.origin.saturating_sub(next));
        let mark = &self.values[self.origin - past..self.origin + NEXT.min(next)];
        let changes = mark.windows(2).filter(|pair| pair[0] != pair[1]).count();
        (changes >= CHANGES).then_some(mark)
    }
}

/// Every two of which the first holds the mark of the second.
fn pairs(holders: &[Option<Told>], marked: &[Option<Told>]) -> Vec<(usize, usize)> {
    let mut marks: HashMap<usize, HashMap<&[u64], Vec<usize>>> = HashMap::new();
    for (at, told) in marked.iter().enumerate() {
        if let Some(mark) = told.as_ref().and_then(Told::mark) {
            marks.entry(mark.len()).or_default().entry(mark).or_default().push(at);
        }
    }
    let mut found = Vec::new();
    for (holder, told) in holders.iter().enumerate() {
        let Some(told) = told else { continue };
        for (&length, of_length) in &marks {
            for window in told.values.windows(length) {
                found.extend(of_length.get(window).into_iter().flatten().map(|&at| (holder, at)));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The unit of each item: those that overlap, or are of one group, are of one. A unit is named by its first item.
pub(crate) fn units(told: &[Option<Told>], groups: &[Option<&str>]) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..told.len()).collect();
    let mut first_of: HashMap<&str, usize> = HashMap::new();
    let of_groups: Vec<(usize, usize)> = groups
        .iter()
        .enumerate()
        .filter_map(|(at, group)| Some((*first_of.entry((*group)?).or_insert(at), at)))
        .collect();
    for (a, b) in of_groups.into_iter().chain(pairs(told, told)) {
        let (a, b) = (root(&mut parent, a), root(&mut parent, b));
        parent[a.max(b)] = a.min(b);
    }
    (0..told.len()).map(|at| root(&mut parent, at)).collect()
}

fn root(parent: &mut [usize], mut at: usize) -> usize {
    while parent[at] != at {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    at
}

/// A holder that shows what one of the others is to forecast, and that one.
pub(crate) fn shows(holders: &[Option<Told>], asked: &[Option<Told>]) -> Option<(usize, usize)> {
    pairs(holders, asked).first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(values: &[f64], from: usize, origin: usize, next: usize) -> Option<Told> {
        let past =
            Series { values: values[from..origin].to_vec(), season: 1, horizon: 1, quantiles: Vec::new() };
        Told::of(&past.to_string(), &format!("{:?}", &values[origin..origin + next]))
    }

    fn walk(seed: u64) -> Vec<f64> {
        (0..200).map(|at| f64::from(((at * at + 7 * seed * at) % 101) as u32)).collect()
    }

    #[test]
    fn origins_of_a_series_are_one_unit() {
        let (a, b) = (walk(1), walk(2));
        for (history, next) in [(200, 6), (40, 6), (10, 6), (200, 1), (60, 24)] {
            let origin = |values: &[f64], at: usize| {
                let origin = 60 + at * next;
                told(values, origin.saturating_sub(history), origin, next)
            };
            let all = [origin(&a, 0), origin(&a, 1), origin(&b, 0), origin(&a, 2), origin(&b, 1)];
            assert_eq!(units(&all, &[None; 5]), [0, 0, 2, 0, 2], "{history} {next}");
            assert_eq!(shows(&all[..2], &all[2..3]), None);
            assert_eq!(shows(&all[3..4], &all[1..2]), Some((0, 0)), "{history} {next}");
        }
        // Groups join as well, and what tells nothing does not.
        let other =
            [told(&a, 0, 60, 6), told(&b, 0, 60, 6), told(&[0.0; 80], 0, 60, 6), told(&[0.0; 80], 0, 70, 6)];
        assert_eq!(units(&other, &[Some("x"), Some("x"), None, None]), [0, 0, 2, 3]);
        assert_eq!(units(&[None, told(&a, 0, 9, 1)], &[None, None]), [0, 1]);
    }
}

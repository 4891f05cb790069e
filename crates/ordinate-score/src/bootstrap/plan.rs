//! Which sums have to be resampled so that every statistic is a ratio of two of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::bootstrap::Statistic;
use crate::bootstrap::part::Ratios;

/// One sum over items, or the number of items it goes over.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sum {
    /// Of one column, over the items that have a value in it.
    Column(usize),
    /// Of a weighted sum of columns, over the items that have a value in all of them.
    Weighted(Vec<(usize, f64)>),
    /// Of 1, over the items that have a value in all these columns.
    Count(Vec<usize>),
}

impl Sum {
    /// What the item in `row` adds.
    #[inline]
    pub(super) fn value(&self, columns: &[&[f64]], row: usize) -> f64 {
        let value = match self {
            Self::Column(column) => columns[*column][row],
            Self::Weighted(weights) => {
                weights.iter().map(|&(column, weight)| weight * columns[column][row]).sum()
            }
            Self::Count(of) => {
                return f64::from(of.iter().all(|&column| columns[column][row].is_finite()));
            }
        };
        if value.is_finite() { value } else { 0.0 }
    }
}

/// A statistic in terms of resampled sums.
#[derive(Debug)]
pub(super) struct Ratio {
    numerator: Vec<(usize, f64)>,
    /// The sum that is its denominator; `None` where that is the number of units drawn, always the same.
    count: Option<usize>,
}

impl Ratio {
    /// With the sums on every resample.
    pub(super) fn with(&self, sums: &[Arc<[f64]>]) -> Ratios {
        Ratios {
            numerator: self.numerator.iter().map(|&(sum, weight)| (sums[sum].clone(), weight)).collect(),
            count: self.count.map(|count| sums[count].clone()),
        }
    }
}

/// The sums, each once, and the statistics in terms of them.
#[derive(Debug)]
pub(super) struct Plan {
    sums: Vec<Sum>,
    ratios: Vec<Ratio>,
}

impl Plan {
    pub(super) fn new(columns: &[&[f64]], grouped: bool, statistics: &[Statistic]) -> Self {
        let patterns = patterns(columns);
        let mut plan = Self { sums: Vec::new(), ratios: Vec::new() };
        let mut of_column = vec![None; columns.len()];
        let mut counts = HashMap::new();
        for statistic in statistics {
            let weights = statistic.weights();
            let mut mask: Vec<Pattern> = weights.iter().map(|&(column, _)| patterns[column]).collect();
            mask.sort_unstable();
            mask.dedup();
            let numerator = if mask.len() <= 1 {
                let mut sum =
                    |column: usize| *of_column[column].get_or_insert_with(|| plan.add(Sum::Column(column)));
                weights.iter().map(|&(column, weight)| (sum(column), weight)).collect()
            } else {
                vec![(plan.add(Sum::Weighted(weights)), 1.0)]
            };
            mask.retain(|pattern| !pattern.complete);
            let count = (grouped || !mask.is_empty()).then(|| match counts.entry(mask) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    let of = new.key().iter().map(|pattern| pattern.first).collect();
                    *new.insert(plan.add(Sum::Count(of)))
                }
            });
            plan.ratios.push(Ratio { numerator, count });
        }
        plan
    }

    fn add(&mut self, sum: Sum) -> usize {
        self.sums.push(sum);
        self.sums.len() - 1
    }

    /// The sums to resample.
    pub(super) fn columns(&self) -> &[Sum] {
        &self.sums
    }

    /// The statistics, in the order given.
    pub(super) fn ratios(&self) -> &[Ratio] {
        &self.ratios
    }
}

/// Which items have a value: equal for columns that have theirs for the same items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Pattern {
    /// The first column with this pattern.
    first: usize,
    /// Whether no value is missing.
    complete: bool,
}

fn patterns(columns: &[&[f64]]) -> Vec<Pattern> {
    let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
    columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let present = |values: &[f64]| {
                values
                    .iter()
                    .enumerate()
                    .fold(0, |word, (bit, value)| word | u64::from(value.is_finite()) << bit)
            };
            let words: Vec<u64> = column.chunks(64).map(present).collect();
            let complete = words.iter().map(|word| word.count_ones() as usize).sum::<usize>() == column.len();
            Pattern { first: *known.entry(words).or_insert(index), complete }
        })
        .collect()
}

//! How probable a candidate finds single labels, the one that it answers with among them.

use crate::column::Names;

/// The labels that a candidate finds likeliest for an item, each with its probability in `[0, 1]`; nothing where it says of none.
///
/// They are read from where they are kept. Probabilities have the precision of `f32` wherever that is, so that a policy decides alike
/// on evidence and on a live answer.
#[derive(Clone, Copy, Default)]
pub enum Probabilities<'a> {
    /// It does not say.
    #[default]
    Unsaid,
    /// As a list.
    Listed(&'a [(String, f64)]),
    /// As a row of a column of evidence.
    Row(Row<'a>),
}

/// Labels, by their numbers, of one row.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    labels: &'a Names,
    pairs: &'a [(u32, f32)],
}

impl<'a> Probabilities<'a> {
    /// The labels with their probabilities.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, f64)> {
        let (listed, row) = match self {
            Self::Unsaid => (None, None),
            Self::Listed(list) => (Some(list), None),
            Self::Row(row) => (None, Some(row)),
        };
        let listed = listed.unwrap_or_default().iter();
        let listed = listed.map(|(label, probability)| (label.as_str(), f64::from(*probability as f32)));
        let row = row.into_iter().flat_map(|Row { labels, pairs }| {
            pairs.iter().map(|(label, probability)| (labels.text(*label), f64::from(*probability)))
        });
        listed.chain(row)
    }

    /// Whether it says of no label.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// The first that is no probability, in `[0, 1]`.
    pub(crate) fn wrong(self) -> Option<f64> {
        self.iter().map(|(_, probability)| probability).find(|found| !(0.0..=1.0).contains(found))
    }
}

/// Alike where they say the same in the same order, wherever it is kept.
impl PartialEq for Probabilities<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl std::fmt::Debug for Probabilities<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A column of them, one a row: 8 bytes a label, and 8 a row.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProbabilityColumn {
    labels: Names,
    pairs: Vec<(u32, f32)>,
    /// Where those of a row begin in `pairs`, and how many they are.
    spans: Vec<(u32, u32)>,
}

impl ProbabilityColumn {
    /// Gives `row` its probabilities; rows may come in any order. What nobody said changes nothing.
    pub(crate) fn place(&mut self, row: usize, probabilities: Probabilities<'_>) {
        if probabilities.is_empty() {
            return;
        }
        if row >= self.spans.len() {
            self.spans.resize(row + 1, (0, 0));
        }
        let start = self.pairs.len();
        for (label, probability) in probabilities.iter() {
            self.pairs.push((self.labels.intern(label).0, probability as f32));
        }
        self.spans[row] = (start as u32, (self.pairs.len() - start) as u32);
    }

    pub(crate) fn get(&self, row: usize) -> Probabilities<'_> {
        let Some(&(start, count)) = self.spans.get(row) else { return Probabilities::Unsaid };
        let pairs = self.pairs.get(start as usize..(start + count) as usize).unwrap_or_default();
        Probabilities::Row(Row { labels: &self.labels, pairs })
    }
}

impl PartialEq for ProbabilityColumn {
    fn eq(&self, other: &Self) -> bool {
        (0..self.spans.len().max(other.spans.len())).all(|row| self.get(row) == other.get(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_any_order_and_to_the_same_bits() {
        let said = |pairs: &[(&str, f64)]| -> Vec<(String, f64)> {
            pairs.iter().map(|(label, probability)| ((*label).to_owned(), *probability)).collect()
        };
        let (first, third) = (said(&[("法", 0.7), ("b", 0.1)]), said(&[("b", 1.0)]));
        let mut column = ProbabilityColumn::default();
        column.place(2, Probabilities::Listed(&third));
        column.place(0, Probabilities::Listed(&first));
        column.place(1, Probabilities::Unsaid);
        assert_eq!(column.get(0), Probabilities::Listed(&first));
        assert_eq!(column.get(2), Probabilities::Listed(&third));
        assert!(column.get(1).is_empty() && column.get(9).is_empty());
        assert_ne!(column.get(0), column.get(2));
        let mut other = ProbabilityColumn::default();
        other.place(0, Probabilities::Listed(&first));
        assert_ne!(other, column);
        other.place(2, column.get(2));
        assert_eq!(other, column);
    }
}

//! Texts that begin alike, side by side in one pass: what they have in common is read once, and each goes on for itself.

use candle_core::{Device, Result, Tensor};

/// Where each token stands in its text, and which text it is of.
#[derive(Debug)]
pub(crate) struct Branches {
    places: Vec<usize>,
    /// 0 for what all have in common, else the number of the text.
    of: Vec<usize>,
}

impl Branches {
    /// So many tokens in common, and then these.
    pub(crate) fn new(shared: usize, tails: &[&[u32]]) -> Self {
        let (mut places, mut of): (Vec<usize>, Vec<usize>) = ((0..shared).collect(), vec![0; shared]);
        for (text, tail) in (1..).zip(tails) {
            places.extend(shared..shared + tail.len());
            of.extend(std::iter::repeat_n(text, tail.len()));
        }
        Self { places, of }
    }

    /// Where each token stands in its text.
    pub(crate) fn places(&self) -> &[usize] {
        &self.places
    }

    /// What tokens may not look at: other texts, what is behind them, and what is further back than the window.
    pub(crate) fn mask(&self, window: Option<usize>) -> Result<Tensor> {
        let sees = |row: usize, at: usize| {
            let (place, other) = (self.places[row], self.places[at]);
            (self.of[at] == 0 || self.of[at] == self.of[row])
                && other <= place
                && window.is_none_or(|window| other + window > place)
        };
        let count = self.places.len();
        let cells: Vec<f32> = (0..count)
            .flat_map(|row| (0..count).map(move |at| (row, at)))
            .map(|(row, at)| if sees(row, at) { 0.0 } else { f32::NEG_INFINITY })
            .collect();
        Tensor::from_vec(cells, (count, count), &Device::Cpu)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn texts_do_not_see_each_other() {
        let branches = Branches::new(2, &[&[7, 8], &[9], &[]]);
        assert_eq!(branches.places(), [0, 1, 2, 3, 2]);
        let seen = |window| -> Vec<Vec<usize>> {
            let rows: Vec<Vec<f32>> = branches.mask(window).unwrap().to_vec2().unwrap();
            rows.iter().map(|row| (0..row.len()).filter(|&at| row[at] == 0.0).collect()).collect()
        };
        assert_eq!(seen(None), [vec![0], vec![0, 1], vec![0, 1, 2], vec![0, 1, 2, 3], vec![0, 1, 4]]);
        assert_eq!(seen(Some(2)), [vec![0], vec![0, 1], vec![1, 2], vec![2, 3], vec![1, 4]]);
    }
}

//! Where on a curve to stand: at one dial, or by a coin at either of two.

/// Where on a curve to stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pick {
    /// The number of a dial.
    pub dial: usize,
    /// The number of another dial, and the share of items for which the policy stands there; in `(0, 1)`.
    pub mix: Option<(usize, f64)>,
}

impl Pick {
    /// One dial for all items.
    #[must_use]
    pub fn at(dial: usize) -> Self {
        Self { dial, mix: None }
    }

    /// The dials with the share of items for which the policy stands at each.
    pub fn shares(self) -> impl Iterator<Item = (usize, f64)> {
        let other = self.mix.map_or(0.0, |(_, share)| share);
        [(self.dial, 1.0 - other)].into_iter().chain(self.mix)
    }

    /// What a figure that is linear in the shares is expected to be: NaN where it is not known at one of the dials.
    #[must_use]
    pub fn expected(self, at: impl Fn(usize) -> f64) -> f64 {
        match self.mix {
            None => at(self.dial),
            Some((other, share)) => share.mul_add(at(other) - at(self.dial), at(self.dial)),
        }
    }

    /// The dial at which the coin puts this item of a board. Not by chance but evenly (the golden ratio's sequence), so that
    /// the shares come true on few items too.
    #[must_use]
    pub fn toss(self, item: usize) -> usize {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        match self.mix {
            Some((other, share)) if ((item as f64 + 0.5) * GOLDEN).fract() < share => other,
            _ => self.dial,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pick;

    #[test]
    fn a_coin_keeps_its_share() {
        for share in [0.01, 0.25, 5.0 / 9.0, 0.9] {
            let pick = Pick { dial: 3, mix: Some((1, share)) };
            for items in [100, 1_000, 10_000] {
                let other = (0..items).filter(|&item| pick.toss(item) == 1).count() as f64;
                assert!((other / items as f64 - share).abs() < 2.0 / items as f64 + 0.005, "{share} {items}");
            }
            assert!((pick.expected(|dial| dial as f64) - (3.0 - 2.0 * share)).abs() < 1e-12);
        }
        assert_eq!((Pick::at(2).toss(7), Pick::at(2).expected(|dial| dial as f64)), (2, 2.0));
    }
}

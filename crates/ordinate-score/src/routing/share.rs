//! A weak and a strong candidate, and a router that sends a growing share of items to the strong one.

use ordinate_core::verdict::Estimate;

/// The quality at every share of items that go to the strong candidate, the items with the highest
/// predicted advantage first.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareCurve {
    /// Mean score with the first k items sent to the strong candidate, k = 0 to n.
    quality: Vec<f64>,
}

impl ShareCurve {
    /// From the scores of both and the router's prediction of strong minus weak, over the items that both
    /// have a score for; `None` where there are none. Items with one prediction have no order among them:
    /// each counts as their mean, which is what a random order gives on average. An item without prediction
    /// (`NaN`) comes last.
    #[must_use]
    pub fn new(weak: &[f64], strong: &[f64], advantage: &[f64]) -> Option<Self> {
        let mut items: Vec<(f64, f64)> = Vec::new();
        let mut start = 0.0;
        for ((&weak, &strong), &advantage) in weak.iter().zip(strong).zip(advantage) {
            if weak.is_finite() && strong.is_finite() {
                // Adding 0 makes the two zeros one.
                items.push((
                    if advantage.is_nan() { f64::NEG_INFINITY } else { advantage + 0.0 },
                    strong - weak,
                ));
                start += weak;
            }
        }
        if items.is_empty() {
            return None;
        }
        items.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let n = items.len() as f64;
        let mut quality = Vec::with_capacity(items.len() + 1);
        quality.push(start / n);
        let mut sum = start;
        for equals in items.chunk_by(|(a, _), (b, _)| a == b) {
            let gain: f64 = equals.iter().map(|(_, gain)| gain).sum();
            let count = equals.len() as f64;
            quality.extend((1..=equals.len()).map(|k| (sum + gain * k as f64 / count) / n));
            sum += gain;
        }
        Some(Self { quality })
    }

    /// The mean score with the first k items sent to the strong candidate, k = 0 to n.
    #[must_use]
    pub fn quality(&self) -> &[f64] {
        &self.quality
    }

    /// Performance gap recovered at each k: 0 is the weak candidate, 1 the strong one (Ong et al. 2024,
    /// RouteLLM). `None` unless the strong one is clearly stronger by `difference`, the interval of strong
    /// minus weak: a share of a gap that may be none has no meaning.
    #[must_use]
    pub fn pgr(&self, difference: &Estimate) -> Option<Vec<f64>> {
        let (first, last) = (self.quality.first()?, self.quality.last()?);
        let gap = last - first;
        (difference.low > 0.0 && gap > 0.0)
            .then(|| self.quality.iter().map(|quality| (quality - first) / gap).collect())
    }

    /// Average performance gap recovered: the integral of PGR over the share of strong calls, by the
    /// trapezoidal rule over all n + 1 shares. 0.5 is a coin's. `None` as for [`ShareCurve::pgr`].
    #[must_use]
    pub fn apgr(&self, difference: &Estimate) -> Option<f64> {
        let pgr = self.pgr(difference)?;
        let area: f64 = pgr.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).sum();
        Some(area / (pgr.len() - 1) as f64)
    }

    /// Call-performance threshold: the smallest share of strong calls at which PGR first reaches `x`, as in
    /// CPT(0.5). Not interpolated: the curve need not rise. `None` as for [`ShareCurve::pgr`], and where
    /// `x` is not reached.
    #[must_use]
    pub fn cpt(&self, x: f64, difference: &Estimate) -> Option<f64> {
        let pgr = self.pgr(difference)?;
        // Sums of scores carry rounding errors.
        let first = pgr.iter().position(|&pgr| pgr >= x - 1e-12)?;
        Some(first as f64 / (pgr.len() - 1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: Estimate = Estimate { mean: 0.5, low: 0.1, high: 0.9 };

    #[test]
    fn knowing_who_is_right_sends_only_those() {
        let (weak, strong) = ([0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0]);
        let gain: Vec<f64> = strong.iter().zip(&weak).map(|(strong, weak)| strong - weak).collect();
        let curve = ShareCurve::new(&weak, &strong, &gain).unwrap();
        assert_eq!(curve.quality(), [0.5, 0.75, 1.0, 1.0, 0.75]);
        // PGR 0, 1, 2, 2, 1.
        assert_eq!(curve.apgr(&APART), Some(5.5 / 4.0));
        assert_eq!(curve.cpt(1.0, &APART), Some(0.25));
        assert_eq!(curve.cpt(2.5, &APART), None);
    }

    #[test]
    fn no_opinion_is_a_coin() {
        let curve = ShareCurve::new(&[0.0; 5], &[1.0, 0.0, 1.0, 0.0, 1.0], &[0.3; 5]).unwrap();
        assert!((curve.apgr(&APART).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(curve.cpt(0.5, &APART), Some(0.6));
    }

    #[test]
    fn no_clear_gap_no_share_of_it() {
        let curve = ShareCurve::new(&[0.0, 1.0], &[1.0, 1.0], &[1.0, 0.0]).unwrap();
        assert_eq!(curve.apgr(&Estimate { mean: 0.5, low: 0.0, high: 1.0 }), None);
        assert!(ShareCurve::new(&[f64::NAN], &[1.0], &[0.0]).is_none());
    }
}

//! An interval drawn beside its figures: a line from low to high with a dot at the mean.

use ordinate_core::verdict::Estimate;

/// Positions in per cent of the width.
pub(super) struct Bar {
    pub(super) low: String,
    pub(super) length: String,
    pub(super) mean: String,
    /// Where zero is, if it is within reach.
    pub(super) zero: Option<String>,
}

/// The range that the bars of one table share.
#[derive(Clone, Copy)]
pub(super) struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// The range of these estimates, widened to `with` where given.
    pub(super) fn of<'a>(estimates: impl IntoIterator<Item = &'a Estimate>, with: Option<f64>) -> Self {
        let ends = estimates.into_iter().flat_map(|e| [e.low, e.mean, e.high]).chain(with);
        let (low, high) = ends
            .filter(|x| x.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        Self { low, high }
    }

    fn place(self, x: f64) -> Option<f64> {
        let place = (x - self.low) / (self.high - self.low) * 100.0;
        (place.is_finite() && (-0.01..=100.01).contains(&place)).then_some(place)
    }

    /// The bar of an estimate; none where it, or the range, is not finite.
    pub(super) fn bar(self, estimate: &Estimate) -> Option<Bar> {
        let (low, mean, high) =
            (self.place(estimate.low)?, self.place(estimate.mean)?, self.place(estimate.high)?);
        let zero = if self.low < 0.0 { self.place(0.0) } else { None };
        let percent = |x: f64| format!("{x:.2}%");
        Some(Bar {
            low: percent(low),
            length: percent(high - low),
            mean: percent(mean),
            zero: zero.map(percent),
        })
    }
}

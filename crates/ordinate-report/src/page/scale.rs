//! The axes of the chart: cost on a logarithmic scale with room for what costs nothing and what is
//! unknown, quality on a linear one.

/// A stretch of the page, in pixels of the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Span {
    fn length(self) -> f64 {
        self.to - self.from
    }

    /// The middle of the `i`th of `n` equal parts.
    pub(super) fn part(self, i: usize, n: usize) -> f64 {
        self.from + self.length() * (i as f64 + 0.5) / n.max(1) as f64
    }

    pub(super) fn middle(self) -> f64 {
        self.part(0, 1)
    }
}

/// Widest band for costs of nothing, and for unknown ones, as a part of the whole.
const BAND: f64 = 0.13;
/// Room that one point takes in a band.
const POINT: f64 = 20.0;

/// The axis of costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Costs {
    /// Where costs of 0 stand.
    pub(super) free: Option<Span>,
    /// Where positive costs stand.
    pub(super) paid: Option<Span>,
    /// Where unknown costs stand.
    pub(super) unknown: Option<Span>,
    low: f64,
    high: f64,
}

impl Costs {
    /// An axis over `span` for `paid` costs, and for `free` and `unknown` points as counted.
    pub(super) fn new(span: Span, paid: impl Iterator<Item = f64>, free: usize, unknown: usize) -> Self {
        let (low, high) = paid
            .filter(|x| x.is_finite() && *x > 0.0)
            .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), x| (low.min(x), high.max(x)));
        let some_paid = high > 0.0;
        let band = |n: usize, others: bool| {
            let wanted = POINT * 2.0 + POINT * n as f64;
            let most = span.length() * if some_paid { BAND * 2.0 } else { 1.0 };
            match (n, others) {
                (0, _) => 0.0,
                (_, false) => span.length(),
                _ => wanted.min(most).max(span.length() * BAND),
            }
        };
        let unknown_width = band(unknown, some_paid || free > 0);
        let free_width = if some_paid { band(free, true) } else { span.length() - unknown_width };
        let (left, right) = (span.from + free_width, span.to - unknown_width);
        let (low, high) = if some_paid { room_around(low, high) } else { (1.0, 10.0) };
        Self {
            free: (free > 0).then_some(Span { from: span.from, to: left }),
            paid: some_paid.then_some(Span { from: left, to: right }),
            unknown: (unknown > 0).then_some(Span { from: right, to: span.to }),
            low,
            high,
        }
    }

    /// Where a positive cost stands.
    pub(super) fn x(&self, cost: f64) -> Option<f64> {
        let paid = self.paid?;
        let place = (cost / self.low).ln() / (self.high / self.low).ln();
        (cost > 0.0 && place.is_finite()).then(|| paid.from + place * paid.length())
    }

    /// Where a cost stands on a line: a cost of nothing at the left end of the positive ones.
    pub(super) fn x_or_left(&self, cost: f64) -> Option<f64> {
        if cost == 0.0 { self.paid.map(|paid| paid.from) } else { self.x(cost) }
    }

    /// The least cost on the axis.
    pub(super) fn least(&self) -> f64 {
        self.low
    }

    /// Costs to mark: 1, 2 and 5 of each decade where few decades are shown, else whole decades, at most
    /// about `most`.
    pub(super) fn ticks(&self, most: usize) -> Vec<f64> {
        if self.paid.is_none() {
            return Vec::new();
        }
        let (from, to) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let within = |steps: &[f64], every: i32| -> Vec<f64> {
            (from..=to)
                .filter(|e| e.rem_euclid(every) == 0)
                .flat_map(|e| steps.iter().map(move |step| step * 10f64.powi(e)))
                .filter(|x| (self.low..=self.high).contains(x))
                .collect()
        };
        let finest: [&[f64]; 4] =
            [&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        finest
            .into_iter()
            .map(|steps| within(steps, 1))
            .find(|ticks| ticks.len() <= most)
            .unwrap_or_else(|| within(&[1.0], (to - from) / i32::try_from(most).unwrap_or(4).max(1) + 1))
    }
}

/// A range with some room around it: at least a factor of 3 in all.
fn room_around(low: f64, high: f64) -> (f64, f64) {
    let narrow = 3.0 / (high / low);
    let factor = (high / low).powf(0.06).max(if narrow > 1.0 { narrow.sqrt() } else { 1.0 });
    ((low / factor).max(f64::MIN_POSITIVE), (high * factor).min(f64::MAX))
}

/// The axis of quality.
#[derive(Debug, Clone, Copy)]
pub(super) struct Qualities {
    span: Span,
    low: f64,
    high: f64,
}

impl Qualities {
    /// An axis from the bottom to the top of `span` that holds these values.
    pub(super) fn new(span: Span, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|x| x.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let room = ((high - low) * 0.06).max(0.005);
        Self { span, low: low - room, high: high + room }
    }

    /// Where a quality stands.
    pub(super) fn y(&self, quality: f64) -> f64 {
        let place = (quality - self.low) / (self.high - self.low);
        self.span.to - place.clamp(0.0, 1.0) * self.span.length()
    }

    /// Round qualities to mark, at most about seven.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let raw = (self.high - self.low) / 6.0;
        let decade = 10f64.powf(raw.log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].map(|s| s * decade).into_iter().find(|step| *step >= raw).unwrap_or(raw);
        let first = (self.low / step).ceil();
        (0..12).map(|i| (first + f64::from(i)) * step).take_while(|x| *x <= self.high).collect()
    }

    /// Decimals that tell the ticks apart.
    pub(super) fn decimals(&self) -> usize {
        if self.high - self.low < 0.06 { 3 } else { 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { from: 0.0, to: 600.0 };

    #[test]
    fn costs_of_nothing_and_unknown_costs_have_their_own_room() {
        let axis = Costs::new(SPAN, [0.1, 10.0].into_iter(), 1, 2);
        let (free, paid, unknown) = (axis.free.unwrap(), axis.paid.unwrap(), axis.unknown.unwrap());
        assert!(free.from == 0.0 && free.to == paid.from && paid.to == unknown.from && unknown.to == 600.0);
        assert!(paid.length() > 300.0);
        let x = axis.x(1.0).unwrap();
        assert!((x - paid.middle()).abs() < 1e-9, "the geometric middle is in the middle: {x}");
        assert_eq!((axis.x(0.0), axis.x(f64::NAN)), (None, None));
    }

    #[test]
    fn an_axis_without_costs_gives_all_room_to_the_bands() {
        let axis = Costs::new(SPAN, std::iter::empty(), 0, 5);
        assert_eq!((axis.free, axis.paid, axis.unknown), (None, None, Some(SPAN)));
        let axis = Costs::new(SPAN, std::iter::empty(), 3, 0);
        assert_eq!((axis.free, axis.paid, axis.unknown), (Some(SPAN), None, None));
        assert!(axis.ticks(6).is_empty());
    }

    #[test]
    fn ticks_are_few_and_within_the_axis() {
        for (low, high) in [(0.08, 15.0), (1.0, 1.0), (1e-7, 1e5), (0.3, 0.9), (2.0, 2.1)] {
            let axis = Costs::new(SPAN, [low, high].into_iter(), 0, 0);
            let ticks = axis.ticks(8);
            assert!((1..=9).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(ticks.iter().all(|t| (0.0..=600.0).contains(&axis.x(*t).unwrap())));
        }
        for (low, high) in [(0.2, 0.6), (0.9, 0.9), (0.0, 1.0), (0.897, 0.903)] {
            let ticks = Qualities::new(SPAN, [low, high].into_iter()).ticks();
            assert!((2..=8).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
        }
    }
}

//! Windows of series as rows of a regression: the last values and those that came, measured by the size of the window.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Windows at most, spread evenly over those that there are: more teach a regression on some 25 numbers little.
const MOST: usize = 4_000;
/// Seasons up to which all values of two seasons are looked at, and the last values that are looked at beyond.
const LONG_SEASON: usize = 27;
const RECENT: usize = 12;

/// Which values a regression looks at.
pub(super) struct Layout {
    season: usize,
    /// The values of a window, the last one included.
    length: usize,
    /// The fewest values that a window may have: what lacks is taken to be as the oldest.
    fewest: usize,
    /// Whether a regression is fitted on one series alone, and looks at little.
    own: bool,
}

/// A series to learn from.
pub(super) struct Seen<'a> {
    pub(super) values: &'a [f64],
    /// 0 or 1: what is fitted on one half is tried on the other.
    pub(super) half: usize,
    pub(super) unit: usize,
}

/// A place in a series.
pub(super) struct Window {
    /// The values before the last one, the latest first, less the last one, in sizes.
    pub(super) lags: Vec<f64>,
    /// What came, less the last value, in sizes.
    pub(super) next: Vec<f64>,
    /// The last value.
    pub(super) last: f64,
    /// The mean absolute value.
    pub(super) size: f64,
    /// The mean absolute change from value to value.
    pub(super) change: f64,
    pub(super) half: usize,
    /// What it counts: a long series as much as the root of its windows.
    pub(super) weight: f64,
}

impl Layout {
    /// For a regression on many series.
    pub(super) fn global(season: usize) -> Self {
        match season {
            0 | 1 => Self { season: 1, length: 7, fewest: 4, own: false },
            _ => Self { season, length: 2 * season + 2, fewest: season + 2, own: false },
        }
    }

    /// For a regression on one.
    pub(super) fn own(season: usize) -> Self {
        Self { own: true, ..Self::global(season) }
    }

    /// The lags (1 is the value before the last one) that the regression for a step ahead, counted from 0, looks at.
    pub(super) fn columns(&self, ahead: usize) -> Vec<usize> {
        let all = 1..self.length;
        if !self.own && self.season <= LONG_SEASON {
            return all.collect();
        }
        let recent = if self.own { 3 } else { RECENT };
        let around = if self.own { 0 } else { 1 };
        let is_seasonal = |lag: &usize| {
            // So many seasons before the value that is asked for, or before the last one.
            let before = |from: usize| self.season > 1 && (lag + from + around) % self.season <= 2 * around;
            before(ahead + 1) || before(0)
        };
        all.filter(|lag| *lag <= recent || is_seasonal(lag)).collect()
    }

    /// The fewest windows that a regression is fitted on.
    pub(super) fn least_windows(&self) -> usize {
        let widest = (0..self.season).map(|ahead| self.columns(ahead).len()).max().unwrap_or(0);
        if self.own { 3 * widest } else { widest }
    }

    /// The window at the end of these values, of which nothing is known to come; `None` where they do
    /// not change, or are too large.
    pub(super) fn window(&self, values: &[f64]) -> Option<Window> {
        let last = *values.last()?;
        let known: Vec<f64> = values.iter().rev().take(self.length).copied().collect();
        let mean = |sum: f64, count: usize| sum / count.max(1) as f64;
        let size = mean(known.iter().map(|value| value.abs()).sum(), known.len());
        let change = mean(known.windows(2).map(|pair| (pair[0] - pair[1]).abs()).sum(), known.len() - 1);
        if !(change > 0.0 && change.is_finite() && size.is_finite()) {
            return None;
        }
        let oldest = known[known.len() - 1];
        let lag = |at: usize| (known.get(at).copied().unwrap_or(oldest) - last) / size;
        let lags = (1..self.length).map(lag).collect();
        Some(Window { lags, next: Vec::new(), last, size, change, half: 0, weight: 1.0 })
    }
}

/// The windows of series, as many as come. Of series that overlap each window is taken of one.
pub(super) fn windows(series: &[Seen<'_>], layout: &Layout, horizon: usize) -> Vec<Window> {
    let mut first_of = HashMap::new();
    let mut places = Vec::new();
    for (at, seen) in series.iter().enumerate() {
        for origin in layout.fewest..(seen.values.len() + 1).saturating_sub(horizon) {
            let mut hash = DefaultHasher::new();
            let begin = origin.saturating_sub(layout.length);
            seen.values[begin..origin + horizon].iter().for_each(|value| value.to_bits().hash(&mut hash));
            // Of one series the same window may come again.
            if *first_of.entry((seen.unit, hash.finish())).or_insert(at) == at {
                places.push((at, origin));
            }
        }
    }
    let taken = places.len().min(MOST);
    let chosen: Vec<(usize, usize)> = (0..taken).map(|at| places[at * places.len() / taken.max(1)]).collect();
    let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
    chosen.iter().for_each(|(at, _)| *counts.entry(series[*at].unit).or_default() += 1.0);
    let window = |&(at, origin): &(usize, usize)| {
        let Seen { values, half, unit } = &series[at];
        let window = layout.window(&values[..origin])?;
        let next: Vec<f64> = values[origin..origin + horizon]
            .iter()
            .map(|value| (value - window.last) / window.size)
            .collect();
        let is_finite = next.iter().all(|value| value.is_finite());
        is_finite.then(|| Window { next, half: *half, weight: counts[unit].sqrt().recip(), ..window })
    };
    chosen.iter().filter_map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_knows_nothing_of_what_comes() {
        let layout = Layout::global(1);
        let values: Vec<f64> = (0..20).map(|at| f64::from(at * at)).collect();
        let seen = |values| [Seen { values, half: 0, unit: 0 }];
        let other: Vec<f64> =
            values.iter().enumerate().map(|(at, value)| if at < 12 { *value } else { -1e6 }).collect();
        let (all, changed) = (windows(&seen(&values), &layout, 3), windows(&seen(&other), &layout, 3));
        assert_eq!(all.len(), 14, "from four values known to three to come");
        for (at, (one, other)) in all.iter().zip(&changed).enumerate() {
            let origin = 4 + at;
            assert_eq!(
                one.lags == other.lags && one.size == other.size && one.change == other.change,
                origin <= 12,
                "{at}"
            );
        }
        let first = &all[0];
        assert_eq!((first.last, first.size, first.change), (9.0, 14.0 / 4.0, 3.0));
        assert_eq!(first.lags, [-5.0, -8.0, -9.0, -9.0, -9.0, -9.0].map(|lag| lag / 3.5));
        assert_eq!(first.next, [7.0, 16.0, 27.0].map(|next| next / 3.5));
    }

    #[test]
    fn overlapping_series_teach_once_and_long_seasons_are_looked_at_here_and_there() {
        let values: Vec<f64> = (0..60).map(|at| f64::from(at * at % 17 + at)).collect();
        let seen = [
            Seen { values: &values[..50], half: 0, unit: 0 },
            Seen { values: &values, half: 0, unit: 0 },
            Seen { values: &values, half: 1, unit: 2 },
        ];
        let layout = Layout::global(4);
        let one = windows(&seen[2..], &layout, 6).len();
        assert_eq!((windows(&seen, &layout, 6).len(), one), (2 * one, 60 - 6 - 6 + 1));
        let daily = Layout::global(365);
        let columns = daily.columns(0);
        assert!(
            columns.len() < 30 && columns.contains(&364) && columns.contains(&365) && columns.contains(&729),
            "{columns:?}"
        );
        assert_eq!(Layout::global(12).columns(5).len(), 25);
        assert_eq!(Layout::own(12).columns(0), [1, 2, 3, 11, 12, 23, 24]);
    }
}

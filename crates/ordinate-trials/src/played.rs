//! The outcome of a single or a policy: columns of figures.

use std::borrow::Cow;

/// The outcome on a list of items, one entry an item.
#[derive(Debug, Clone)]
pub struct Played<'a> {
    /// Score of the answer given; 0 where it is an error; NaN where a candidate that the policy wanted was never asked,
    /// so that nothing can be said.
    pub quality: Cow<'a, [f64]>,
    /// USD for all candidates asked; NaN where one of them is unknown.
    pub cost_usd: Cow<'a, [f64]>,
    /// Milliseconds, candidates of one step in parallel; NaN where one of them is unknown.
    pub latency_ms: Cow<'a, [f64]>,
    /// Whether the answer given is an error.
    pub failed: Cow<'a, [bool]>,
    /// The scores with errors left out, where that is not to be read off `failed`: means over several foldings.
    pub without_errors: Option<Vec<f64>>,
    /// The column whose answer was given, one an item and folding; [`Played::NOBODY`] where it is merged or missing.
    pub given: Vec<u16>,
    /// How many items each candidate was asked about, over all foldings.
    pub asked: Vec<usize>,
}

impl Played<'_> {
    /// No candidate's own answer.
    pub const NOBODY: u16 = u16::MAX;

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.quality.len()
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.quality.is_empty()
    }

    /// The scores with errors left out (NaN) instead of counted as 0.
    #[must_use]
    pub fn quality_without_errors(&self) -> Vec<f64> {
        let keep = |(quality, failed): (&f64, &bool)| if *failed { f64::NAN } else { *quality };
        let read_off = || self.quality.iter().zip(self.failed.iter()).map(keep).collect();
        self.without_errors.clone().unwrap_or_else(read_off)
    }

    /// The mean, item by item, over several foldings of the same items: of what is known of each. What failed in one of
    /// them counts as failed.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn mean(rounds: &[Played<'static>]) -> Played<'static> {
        if let [only] = rounds {
            return only.clone();
        }
        let column = |of: for<'p> fn(&'p Played<'static>) -> &'p [f64]| -> Vec<f64> {
            mean_of(&rounds.iter().map(of).collect::<Vec<_>>())
        };
        let without_errors = || {
            let columns: Vec<Vec<f64>> = rounds.iter().map(Played::quality_without_errors).collect();
            mean_of(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let failed: Vec<bool> =
            (0..rounds[0].len()).map(|item| rounds.iter().any(|round| round.failed[item])).collect();
        Played {
            quality: column(|round| &round.quality).into(),
            cost_usd: column(|round| &round.cost_usd).into(),
            latency_ms: column(|round| &round.latency_ms).into(),
            without_errors: failed.contains(&true).then(without_errors),
            failed: failed.into(),
            given: rounds.iter().flat_map(|round| round.given.iter().copied()).collect(),
            asked: (0..rounds[0].asked.len())
                .map(|column| rounds.iter().map(|round| round.asked[column]).sum())
                .collect(),
        }
    }
}

/// The mean of columns of one length, item by item, of what is known; NaN where nothing is.
fn mean_of(columns: &[&[f64]]) -> Vec<f64> {
    let of_item = |item: usize| {
        let known = columns.iter().map(|column| column[item]).filter(|value| !value.is_nan());
        let (count, sum) = known.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
        sum / count
    };
    (0..columns.first().map_or(0, |column| column.len())).map(of_item).collect()
}

//! Holding the last values of a series out as what is to be forecast.

use ordinate_core::Series;
use ordinate_core::task::SeriesSection;

use super::{Counts, series};

/// A series up to an origin, and what came next.
pub(super) struct Cut {
    pub(super) series: Series,
    pub(super) target: Vec<f64>,
    /// Values before the origin.
    pub(super) origin: usize,
}

/// The items that a whole series makes, the earliest origin first. Origins are a horizon apart, so that no two targets have a
/// value in common, and what an item shows ends where its target begins.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn cuts(section: &SeriesSection, values: &[f64], counts: Counts) -> Result<Vec<Cut>, String> {
    let horizon = series(section, values.to_vec(), counts)?.horizon as usize;
    let origins = section.origins.map_or(1, |origins| origins.get() as usize);
    let held = horizon.saturating_mul(origins);
    if values.len() <= held {
        let of = if origins > 1 { format!(" ({origins} origins of {horizon})") } else { String::new() };
        return Err(format!(
            "the series has {} values, and the last {held}{of} are to be held out, which leaves no past. Leave the item out, or ask \
             for a shorter horizon.",
            values.len()
        ));
    }
    (0..origins)
        .map(|at| {
            let origin = values.len() - held + at * horizon;
            let target = values[origin..origin + horizon].to_vec();
            Ok(Cut { series: series(section, values[..origin].to_vec(), counts)?, target, origin })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn no_past_reaches_into_its_future() {
        let section = SeriesSection { origins: NonZeroU32::new(3), ..SeriesSection::default() };
        let values: Vec<f64> = (0..10).map(f64::from).collect();
        let counts = Counts { season: Some(4), horizon: Some(2) };
        let cuts = cuts(&section, &values, counts).unwrap();
        let told: Vec<(usize, f64, &[f64])> =
            cuts.iter().map(|cut| (cut.origin, *cut.series.values.last().unwrap(), &*cut.target)).collect();
        assert_eq!(told, [(4, 3.0, &[4.0, 5.0][..]), (6, 5.0, &[6.0, 7.0]), (8, 7.0, &[8.0, 9.0])]);
        assert!(super::cuts(&section, &values[..6], counts).is_err());
        let short = SeriesSection { history: NonZeroU32::new(3), ..section };
        assert_eq!(super::cuts(&short, &values, counts).unwrap()[2].series.values, [5.0, 6.0, 7.0]);
    }
}

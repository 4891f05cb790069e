//! A series of numbers that is to be continued: what an item of a `forecast` task is.

use serde::{Deserialize, Serialize};

use crate::forecast::are_levels;
use crate::output::Output;

/// The past of a series, and how much of its future is asked for.
///
/// [`std::fmt::Display`] gives its canonical text, a JSON object, which [`Self::read`] reads back: the text of an item that
/// is a series, in evidence, requests and questions alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// What is known, the oldest first: finite numbers at equal distances in time, at least one.
    pub values: Vec<f64>,
    /// Values of one season: 12 for months of a year, 1 where there is none.
    pub season: u32,
    /// How many values come next; at least 1.
    pub horizon: u32,
    /// The levels of the quantiles that are asked for besides, rising; none where the values are enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
}

impl Series {
    /// Reads its canonical text; `None` where the text is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.starts_with('{') {
            return None;
        }
        let series: Self = serde_json::from_str(text).ok()?;
        let counts = !series.values.is_empty() && series.season > 0 && series.horizon > 0;
        let whole = counts && are_levels(&series.quantiles);
        // JSON has no numbers that are not finite.
        whole.then_some(series)
    }

    /// The scale of MASE: the mean absolute change of the past from one season to the next, in the unit of the values.
    /// `None` where the past is no longer than a season.
    ///
    /// Source: Hyndman and Koehler (2006), with the season as in the M4 competition (Makridakis, Spiliotis and Assimakopoulos 2020).
    #[must_use]
    pub fn absolute_scale(&self) -> Option<f64> {
        self.mean_change(f64::abs)
    }

    /// The scale of RMSSE: the mean squared change of the past from one season to the next. `None` as for
    /// [`Self::absolute_scale`].
    ///
    /// Source: Hyndman and Koehler (2006); the M5 competition took it without a season.
    #[must_use]
    pub fn squared_scale(&self) -> Option<f64> {
        self.mean_change(|change| change * change)
    }

    fn mean_change(&self, of: impl Fn(f64) -> f64) -> Option<f64> {
        let season = usize::try_from(self.season).ok()?;
        let changes = self.values.len().checked_sub(season).filter(|count| *count > 0)?;
        let sum: f64 = self.values.iter().zip(&self.values[season..]).map(|(a, b)| of(b - a)).sum();
        Some(sum / changes as f64)
    }
}

impl std::fmt::Display for Series {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Written by hand: an error of the serialiser would have nowhere to go.
        let values = Output::Series(self.values.clone());
        write!(f, "{{\"values\":{values},\"season\":{},\"horizon\":{}", self.season, self.horizon)?;
        if !self.quantiles.is_empty() {
            write!(f, ",\"quantiles\":{}", Output::Series(self.quantiles.clone()))?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_reads_back_from_its_text() {
        let series = |values, quantiles| Series { values, season: 12, horizon: 6, quantiles };
        for series in [
            series(vec![1.0, -0.1, 1e300, 5e-324], Vec::new()),
            series(vec![1.0, 2.5], vec![0.1, 0.5, 0.975]),
        ] {
            assert_eq!(Series::read(&series.to_string()), Some(series));
        }
        assert_eq!(
            series(vec![1.0, 2.5], Vec::new()).to_string(),
            r#"{"values":[1.0,2.5],"season":12,"horizon":6}"#,
            "what asks for no quantiles is written as ever"
        );
        for bad in [
            "",
            "[1, 2]",
            r#"{"values":[],"season":1,"horizon":1}"#,
            r#"{"values":[1],"season":0,"horizon":1}"#,
            r#"{"values":[1],"season":1,"horizon":0}"#,
            r#"{"values":[null],"season":1,"horizon":1}"#,
            r#"{"values":[1e999],"season":1,"horizon":1}"#,
            r#"{"values":[1],"season":1,"horizon":1,"more":1}"#,
            r#"{"values":[1],"season":1,"horizon":1,"quantiles":[0.9,0.1]}"#,
            r#"{"values":[1],"season":1,"horizon":1,"quantiles":[1]}"#,
        ] {
            assert_eq!(Series::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn scales_are_of_changes_over_a_season() {
        let series =
            |season| Series { values: vec![1.0, 3.0, 2.0, 7.0], season, horizon: 1, quantiles: Vec::new() };
        assert_eq!(series(1).absolute_scale(), Some((2.0 + 1.0 + 5.0) / 3.0));
        assert_eq!(series(2).absolute_scale(), Some((1.0 + 4.0) / 2.0));
        assert_eq!(series(2).squared_scale(), Some((1.0 + 16.0) / 2.0));
        assert_eq!(series(4).absolute_scale(), None);
    }
}

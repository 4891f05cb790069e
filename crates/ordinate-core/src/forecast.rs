//! A forecast that says how sure it is: values, and quantiles of what may come.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::output::Output;

/// The levels of quantiles that are asked for where a metric reads some and the task names none: the deciles, as in GIFT-Eval.
pub const DECILES: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Levels that are nearer to each other are the same, written otherwise.
const SAME: f64 = 1e-9;

/// What comes next, and quantiles of it.
///
/// Its canonical text is a JSON object, `{"values":[5.0],"quantiles":{"0.1":[4.0],"0.9":[6.5]}}`. [`Self::read`] takes what
/// people and other tools write too: `mean` for `values` (as GluonTS does), beside quantiles any other name, and no values at all
/// where there is a quantile 0.5.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    values: Vec<f64>,
    quantiles: Vec<Quantile>,
}

/// The quantile of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantile {
    /// The probability that what comes is no larger; between 0 and 1.
    pub level: f64,
    /// As many values as the forecast has.
    pub values: Vec<f64>,
}

/// Where a forecast says that so much of what may come lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval<'a> {
    /// The probability that it claims: 0.8 between the quantiles 0.1 and 0.9.
    pub share: f64,
    /// The lower bounds.
    pub low: &'a [f64],
    /// The upper bounds.
    pub high: &'a [f64],
}

/// Whether these are levels of quantiles: between 0 and 1, rising, each once.
#[must_use]
pub fn are_levels(levels: &[f64]) -> bool {
    levels.iter().all(|level| *level > 0.0 && *level < 1.0)
        && levels.is_sorted_by(|before, after| before < after)
}

impl Forecast {
    /// Of values and quantiles, in any order of their levels.
    ///
    /// # Errors
    /// What is wrong, in words: no value, one that is not finite, a quantile of another length, a level twice or out of range.
    pub fn new(values: Vec<f64>, mut quantiles: Vec<Quantile>) -> Result<Self, String> {
        if values.is_empty() {
            return Err("the forecast has no value".to_owned());
        }
        quantiles.sort_by(|a, b| a.level.total_cmp(&b.level));
        for one in &quantiles {
            let level = one.level;
            if !are_levels(&[level]) {
                return Err(format!("{level} is no level of a quantile; those are between 0 and 1"));
            }
            if one.values.len() != values.len() {
                let (has, wanted) = (one.values.len(), values.len());
                return Err(format!("the quantile {level} has {has} values, and the forecast {wanted}"));
            }
        }
        if let Some(pair) = quantiles.windows(2).find(|pair| pair[0].level.total_cmp(&pair[1].level).is_eq())
        {
            return Err(format!("the quantile {} stands twice", pair[0].level));
        }
        let mut all = quantiles.iter().flat_map(|one| &one.values).chain(&values);
        match all.all(|value| value.is_finite()) {
            true => Ok(Self { values, quantiles }),
            false => Err("the forecast has a value that is not finite".to_owned()),
        }
    }

    /// Of values alone.
    #[must_use]
    pub fn sure(values: Vec<f64>) -> Self {
        Self { values, quantiles: Vec::new() }
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(object: &Map<String, Value>) -> Result<Self, String> {
        let quantiles = match object.get("quantiles") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(levels)) => {
                levels.iter().map(|(level, values)| quantile(level, values)).collect::<Result<_, _>>()?
            }
            Some(_) => return Err("quantiles is no object of lists by level".to_owned()),
        };
        let said = ["values", "mean"].into_iter().find_map(|key| Some((key, object.get(key)?)));
        let median = || quantiles.iter().find(|one| (one.level - 0.5).abs() < SAME);
        let values = match said {
            Some((key, values)) => numbers(values).ok_or_else(|| format!("{key} is no list of numbers"))?,
            None if quantiles.is_empty() => return Err("it has no values".to_owned()),
            None => match (object.values().find_map(numbers), median()) {
                (Some(values), _) => values,
                (None, Some(median)) => median.values.clone(),
                (None, None) => return Err("it has neither values nor a quantile 0.5".to_owned()),
            },
        };
        Self::new(values, quantiles)
    }

    /// The values that are expected.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The quantiles, the least level first; perhaps none.
    #[must_use]
    pub fn quantiles(&self) -> &[Quantile] {
        &self.quantiles
    }

    /// The quantile of a level: between two levels on the line between their quantiles, beyond the outermost that one, and
    /// without any quantile the values, of which the forecast is then taken to be sure.
    #[must_use]
    pub fn quantile(&self, level: f64) -> Cow<'_, [f64]> {
        let above = self.quantiles.partition_point(|one| one.level < level);
        match (above.checked_sub(1).and_then(|at| self.quantiles.get(at)), self.quantiles.get(above)) {
            (None, None) => Cow::Borrowed(&self.values),
            (None, Some(only)) | (Some(only), None) => Cow::Borrowed(&only.values),
            (Some(_), Some(above)) if above.level <= level => Cow::Borrowed(&above.values),
            (Some(below), Some(above)) => {
                let share = (level - below.level) / (above.level - below.level);
                let between = |(a, b): (&f64, &f64)| (1.0 - share).mul_add(*a, share * b);
                below.values.iter().zip(&above.values).map(between).collect()
            }
        }
    }

    /// The widest interval between two quantiles that are as far from the ends: of 0.1, 0.5 and 0.9 that of 80 per cent. `None`
    /// where there are no two such.
    #[must_use]
    pub fn interval(&self) -> Option<Interval<'_>> {
        self.quantiles.iter().take_while(|one| one.level < 0.5 - SAME).find_map(|low| {
            let high = self.quantiles.iter().find(|one| (one.level + low.level - 1.0).abs() < SAME)?;
            Some(Interval { share: high.level - low.level, low: &low.values, high: &high.values })
        })
    }

    /// As an output: without quantiles a plain series.
    #[must_use]
    pub fn into_output(self) -> Output {
        match self.quantiles.is_empty() {
            true => Output::Series(self.values),
            false => Output::Forecast(self),
        }
    }
}

impl std::fmt::Display for Forecast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{{\"values\":{},\"quantiles\":{{", Value::from(self.values.clone()))?;
        for (at, one) in self.quantiles.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}\"{}\":{}", one.level, Value::from(one.values.clone()))?;
        }
        f.write_str("}}")
    }
}

fn quantile(level: &str, values: &Value) -> Result<Quantile, String> {
    let number =
        level.trim().parse().map_err(|_| format!("{level:?} is no level of a quantile, such as 0.1"))?;
    let values = numbers(values).ok_or_else(|| format!("the quantile {level} is no list of numbers"))?;
    Ok(Quantile { level: number, values })
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

/// One forecast of several, number by number: the values, and the quantiles of every level that one of them has. `join` makes one
/// number of what each says. `None` where there is none, their lengths differ, or a number is not finite.
pub(crate) fn joined(said: &[&Output], mut join: impl FnMut(&[f64]) -> f64) -> Option<Output> {
    let length = said.first()?.values()?.len();
    let mut each = Vec::with_capacity(said.len());
    let mut one_by_one = |lists: &[Cow<'_, [f64]>]| -> Option<Vec<f64>> {
        if lists.iter().any(|list| list.len() != length) {
            return None;
        }
        let number = |at: usize| {
            each.clear();
            each.extend(lists.iter().map(|list| list[at]));
            Some(join(&each)).filter(|number| number.is_finite())
        };
        (0..length).map(number).collect()
    };
    let values: Option<Vec<Cow<'_, [f64]>>> =
        said.iter().map(|one| one.values().map(Cow::Borrowed)).collect();
    let values = one_by_one(&values?)?;
    let mut levels: Vec<f64> = said.iter().flat_map(|one| one.quantiles()).map(|one| one.level).collect();
    levels.sort_unstable_by(f64::total_cmp);
    levels.dedup();
    let at_level = |level: f64| {
        let lists: Option<Vec<Cow<'_, [f64]>>> = said.iter().map(|one| one.quantile(level)).collect();
        Some(Quantile { level, values: one_by_one(&lists?)? })
    };
    let quantiles: Option<Vec<Quantile>> = levels.into_iter().map(at_level).collect();
    Forecast::new(values, quantiles?).ok().map(Forecast::into_output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Forecast, String> {
        Forecast::read(serde_json::from_str::<Value>(text).unwrap().as_object().unwrap())
    }

    #[test]
    fn a_forecast_reads_back_from_its_text() {
        let forecast = read(r#"{"quantiles": {"0.9": [6, 7], "0.1": [4, 4.5]}, "mean": [5, 6]}"#).unwrap();
        assert_eq!(
            forecast.to_string(),
            r#"{"values":[5.0,6.0],"quantiles":{"0.1":[4.0,4.5],"0.9":[6.0,7.0]}}"#
        );
        assert_eq!(read(&forecast.to_string()), Ok(forecast));
        let median = read(r#"{"quantiles": {"0.50": [3], "0.9": [6]}, "item_id": "a"}"#).unwrap();
        assert_eq!(median.values(), [3.0]);
        assert_eq!(read(r#"{"forecast": [2], "quantiles": {"0.5": [3]}}"#).unwrap().values(), [2.0]);
        assert_eq!(read(r#"{"values": [1, 2]}"#).unwrap().into_output(), Output::Series(vec![1.0, 2.0]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, says) in [
            (r#"{"quantiles": {"0.1": [4]}}"#, "neither values nor a quantile 0.5"),
            (
                r#"{"values": [5], "quantiles": {"0.1": [4, 5]}}"#,
                "the quantile 0.1 has 2 values, and the forecast 1",
            ),
            (r#"{"values": [5], "quantiles": {"10": [4]}}"#, "10 is no level"),
            (r#"{"values": [5], "quantiles": {"low": [4]}}"#, "\"low\" is no level"),
            (r#"{"values": [5], "quantiles": {"0.1": [4], "0.10": [3]}}"#, "0.1 stands twice"),
            (r#"{"values": [5], "quantiles": {"0.1": [null]}}"#, "the quantile 0.1 is no list of numbers"),
            (r#"{"values": [5], "quantiles": [[4]]}"#, "quantiles is no object"),
            (r#"{"values": 5}"#, "values is no list of numbers"),
            (r#"{"values": []}"#, "no value"),
            (r#"{"forecast": [2]}"#, "no values"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(
            !are_levels(&[0.1, 0.1])
                && !are_levels(&[0.0])
                && !are_levels(&[0.9, 0.1])
                && are_levels(&DECILES)
        );
    }

    #[test]
    fn between_levels_and_beyond_them() {
        let forecast = read(r#"{"values": [5], "quantiles": {"0.2": [2], "0.4": [4]}}"#).unwrap();
        for (level, quantile) in [(0.1, 2.0), (0.2, 2.0), (0.3, 3.0), (0.4, 4.0), (0.9, 4.0)] {
            assert!((forecast.quantile(level)[0] - quantile).abs() < 1e-12, "{level}");
        }
        assert_eq!(*Forecast::sure(vec![5.0]).quantile(0.3), [5.0]);
        assert_eq!(forecast.interval(), None);
        let wide =
            r#"{"values": [5], "quantiles": {"0.05": [1], "0.1": [2], "0.3": [3], "0.7": [7], "0.9": [9]}}"#;
        let wide = read(wide).unwrap();
        let Interval { share, low, high } = wide.interval().unwrap();
        assert!((share - 0.8).abs() < 1e-12 && low == [2.0] && high == [9.0], "{share} {low:?} {high:?}");
    }
}

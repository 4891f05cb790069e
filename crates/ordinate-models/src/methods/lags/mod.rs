//! A global model on lags: for each step ahead one linear regression on the last values, trained on the windows of all series of the
//! task together (Montero-Manso and Hyndman 2021: one such model for all series may be as good as one a series). Each series is
//! measured by its own size, so that large ones teach no more than small ones, and what is fitted is the median.

mod median;
mod windows;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ordinate_core::task::CandidateEntry;
use ordinate_core::{Forecast, OutputKind, Quantile, Series};
use ordinate_score::quantile::quantile_of_sorted;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::median::Linear;
use self::windows::{Layout, Seen, Window, windows};
use crate::error::ModelError;
use crate::kind::Kind;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::{MethodKind, Saved};
use crate::model::{Facts, Model, Prediction, Reply, Sample};
use crate::overlap::{Told, units};
use crate::stop::Stop;

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "lags";
/// Raised when the same data come to give another model.
const VERSION: u32 = 1;
/// Errors that are kept of each step, as quantiles of them all.
const ERRORS: usize = 201;

/// `local = { model = "lags" }`.
#[derive(Debug, Serialize)]
pub struct Lags {
    /// Train items at most; `None` for all.
    pub examples: Option<u32>,
}

fn of(entry: &CandidateEntry, _: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let named = entry.local.as_ref().filter(|local| local.model == NAME && local.template.is_none());
    Ok(named.map(|local| Box::new(Lags { examples: local.examples }) as _))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    Ok(Box::new(read_model::<LagsModel>(saved.folder)?))
}

impl Method for Lags {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a model on lags"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Series]
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.examples, fitting.seed);
        Ok(Box::new(LagsModel::fit(&train, fitting.stop)?))
    }
}

/// Regressions for each season and horizon that train items have. A series of another season or a longer horizon is continued by a
/// regression on its own past, and so is every one where the train items are of one series or none: what that series comes to later
/// is what is to be forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LagsModel {
    global: Vec<Fitted>,
}

/// Regressions for series of one season.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Fitted {
    season: u32,
    /// One for each step ahead.
    steps: Vec<Step>,
}

/// The regression for one step ahead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Step {
    linear: Linear,
    /// Its errors on windows that it was not fitted on, in mean changes of the window's values, the least first.
    errors: Vec<f64>,
}

/// A series of a train item with what came, and the unit that it belongs to.
struct Whole {
    values: Vec<f64>,
    unit: usize,
}

impl LagsModel {
    /// Trains on the pasts and targets of these items.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where one is no series; [`ModelError::Stopped`].
    pub fn fit(train: &TrainingSet<'_>, stop: Stop<'_>) -> Result<Self, ModelError> {
        let pairs: Vec<(&str, &str)> =
            train.texts().into_iter().zip(train.targets().iter().copied()).collect();
        let told: Vec<Option<Told>> = pairs.iter().map(|(text, target)| Told::of(text, target)).collect();
        let units = units(&told, &vec![None; told.len()]);
        if units.iter().all(|unit| *unit == 0) {
            return Ok(Self { global: Vec::new() });
        }
        let mut of_shape: BTreeMap<(u32, usize), Vec<Whole>> = BTreeMap::new();
        for ((text, target), unit) in pairs.into_iter().zip(units) {
            let no_series = || ModelError::Failed("a train item is no series".to_owned());
            let Series { mut values, season, .. } = Series::read(text).ok_or_else(no_series)?;
            let next = OutputKind::Series.read(target).ok_or_else(no_series)?;
            let next = next.values().ok_or_else(no_series)?;
            values.extend(next);
            of_shape.entry((season, next.len())).or_default().push(Whole { values, unit });
        }
        let mut global = Vec::new();
        for ((season, horizon), series) in of_shape {
            let layout = Layout::global(season as usize);
            // Every second unit, in the order of the items.
            let mut halves = BTreeMap::new();
            for whole in &series {
                let next = halves.len() % 2;
                halves.entry(whole.unit).or_insert(next);
            }
            let seen: Vec<Seen<'_>> = series
                .iter()
                .map(|whole| Seen { values: &whole.values, half: halves[&whole.unit], unit: whole.unit })
                .collect();
            let windows = windows(&seen, &layout, horizon);
            if let Some(fitted) = Fitted::of(season, horizon, &layout, &windows, stop)? {
                global.push(fitted);
            }
        }
        Ok(Self { global })
    }

    /// The forecast of a series.
    fn forecast(&self, series: &Series) -> Forecast {
        let horizon = series.horizon as usize;
        let fits = |fitted: &&Fitted| fitted.season == series.season && fitted.steps.len() >= horizon;
        let known = self.global.iter().filter(fits).min_by_key(|fitted| fitted.steps.len());
        let found = match known {
            Some(fitted) => fitted.forecast(&Layout::global(series.season as usize), series),
            None => own(series).and_then(|(layout, fitted)| fitted.forecast(&layout, series)),
        };
        // Where nothing can be computed: a series that never changes, or of values whose sum is infinite.
        found.unwrap_or_else(|| flat(series))
    }
}

/// The last value, again and again.
fn flat(series: &Series) -> Forecast {
    let last = series.values.last().copied().unwrap_or_default();
    let values = vec![last; series.horizon as usize];
    Forecast::sure(values)
}

/// A regression on the past of the series itself; `None` where that is too short for one.
fn own(series: &Series) -> Option<(Layout, Fitted)> {
    let (season, horizon) = (series.season as usize, series.horizon as usize);
    let layout = Layout::own(season);
    let (early, late) = (0, 1);
    let whole = [Seen { values: &series.values, half: early, unit: 0 }];
    let mut windows = windows(&whole, &layout, horizon);
    let middle = windows.len() / 2;
    windows[middle..].iter_mut().for_each(|window| window.half = late);
    let fitted = Fitted::of(series.season, horizon, &layout, &windows, Stop::NEVER).ok().flatten()?;
    Some((layout, fitted))
}

impl Fitted {
    /// Fits a regression for each step; `None` where there are too few windows.
    fn of(
        season: u32,
        horizon: usize,
        layout: &Layout,
        windows: &[Window],
        stop: Stop<'_>,
    ) -> Result<Option<Self>, ModelError> {
        if windows.len() < layout.least_windows() {
            return Ok(None);
        }
        let step = |ahead: usize| {
            stop.check()?;
            let columns = layout.columns(ahead);
            let fit = |half: Option<usize>| {
                let some = windows.iter().filter(|window| half.is_none_or(|half| window.half != half));
                Linear::fit(&columns, some, ahead)
            };
            let error = |of: &Linear, window: &Window| {
                (window.next[ahead] - of.say(&window.lags)) * window.size / window.change
            };
            let mut errors = Vec::new();
            for half in [0, 1] {
                // Fitted without this half.
                let other = fit(Some(half));
                let held = windows.iter().filter(|window| window.half == half && window.change > 0.0);
                errors.extend(held.map(|window| error(&other, window)).filter(|error| error.is_finite()));
            }
            errors.sort_unstable_by(f64::total_cmp);
            let kept = |at: usize| quantile_of_sorted(&errors, at as f64 / (ERRORS - 1) as f64);
            let errors = if errors.len() > ERRORS { (0..ERRORS).map(kept).collect() } else { errors };
            Ok(Step { linear: fit(None), errors })
        };
        let steps = (0..horizon).into_par_iter().map(step).collect::<Result<Vec<Step>, ModelError>>()?;
        Ok(Some(Self { season, steps }))
    }

    /// The forecast of a series; `None` where its past has no size.
    fn forecast(&self, layout: &Layout, series: &Series) -> Option<Forecast> {
        let window = layout.window(&series.values)?;
        let steps = &self.steps[..series.horizon as usize];
        let values: Vec<f64> = steps
            .iter()
            .map(|step| step.linear.say(&window.lags).mul_add(window.size, window.last))
            .collect();
        let at_level = |&level: &f64| {
            let of_step = |(value, step): (&f64, &Step)| {
                quantile_of_sorted(&step.errors, level).mul_add(window.change, *value)
            };
            Quantile { level, values: values.iter().zip(steps).map(of_step).collect() }
        };
        let has_errors = steps.iter().all(|step| !step.errors.is_empty());
        let levels = if has_errors { series.quantiles.as_slice() } else { &[] };
        let quantiles = levels.iter().map(at_level).collect();
        Forecast::new(values, quantiles).ok()
    }
}

impl Model for LagsModel {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let reply = |sample: &Sample<'_>| {
            let series = Series::read(sample.text);
            let series = series.ok_or_else(|| ModelError::Failed("the item is no series".to_owned()))?;
            Ok(Reply::timed(Duration::ZERO, || Prediction {
                output: self.forecast(&series).into_output().to_string(),
                ..Prediction::default()
            }))
        };
        samples.par_iter().map(reply).collect()
    }

    fn facts(&self) -> Facts {
        let steps = self.global.iter().flat_map(|fitted| &fitted.steps);
        let parameters = steps.map(|step| (step.linear.parameters() + step.errors.len()) as u64).sum();
        Facts { parameters, bytes: 8 * parameters }
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, self)
    }
}

#[cfg(test)]
mod tests {
    use ordinate_core::random::SplitMix;

    use super::*;

    /// Series of one kind: a season of four, a level that wanders, each of its own size.
    fn values(seed: u64, count: usize) -> Vec<f64> {
        let mut random = SplitMix::new(seed);
        let size = 10.0 * (1.0 + 9.0 * random.unit());
        let mut level = 10.0;
        (0..count)
            .map(|at| {
                level += 0.3 * (random.unit() - 0.5) + 0.02;
                size * (level + [3.0, -1.0, 0.0, -2.0][at % 4])
            })
            .collect()
    }

    fn text(values: &[f64], season: u32, horizon: u32, quantiles: &[f64]) -> String {
        Series { values: values.to_vec(), season, horizon, quantiles: quantiles.to_vec() }.to_string()
    }

    fn fitted(count: u64) -> LagsModel {
        let items: Vec<(String, String)> = (0..count)
            .map(|seed| {
                let values = values(seed, 46);
                (text(&values[..40], 4, 6, &[]), format!("{:?}", &values[40..]))
            })
            .collect();
        let pairs = items.iter().map(|(text, target)| (Sample::text(text), target.as_str()));
        LagsModel::fit(&TrainingSet::new(Kind::Series, pairs), Stop::NEVER).unwrap()
    }

    #[test]
    fn a_season_is_learned_from_other_series() {
        let model = fitted(40);
        let (mut error, mut naive, mut held) = (0.0, 0.0, 0.0);
        for seed in 100..160 {
            // Three seasons.
            let whole = values(seed, 18);
            let known = Series::read(&text(&whole[..12], 4, 6, &[0.1, 0.9])).unwrap();
            let found = model.forecast(&known);
            let interval = found.interval().unwrap();
            for at in 0..6 {
                let (size, right) = (whole[11], whole[12 + at]);
                error += (found.values()[at] - right).abs() / size;
                naive += (whole[11] - right).abs() / size;
                held += f64::from(u8::from((interval.low[at]..=interval.high[at]).contains(&right))) / 360.0;
            }
        }
        assert!(error < 0.35 * naive, "{error} {naive}");
        assert!((0.7..0.95).contains(&held), "{held}");
    }

    #[test]
    fn size_is_taken_out_and_put_back() {
        let model = fitted(20);
        let whole = values(7, 30);
        let forecast = |by: f64| {
            let scaled: Vec<f64> = whole.iter().map(|value| value * by).collect();
            model.forecast(&Series::read(&text(&scaled, 4, 3, &[0.2])).unwrap())
        };
        let (one, large) = (forecast(1.0), forecast(1024.0));
        for (one, large) in one.values().iter().zip(large.values()) {
            assert!((one * 1024.0 - large).abs() < 1e-6 * large.abs());
        }
        assert_eq!(one.values().len(), 3, "a shorter horizon than was learned");
    }

    #[test]
    fn what_was_not_learned_is_continued_from_its_own_past() {
        let alone = fitted(1);
        assert_eq!(alone, LagsModel { global: Vec::new() }, "one series is no lesson");
        let season = [5.0, 9.0, 2.0, 7.0, 3.0];
        let whole: Vec<f64> = (0..60).map(|at| season[at % 5] + 0.01 * (at * 7 % 3) as f64).collect();
        for model in [alone, fitted(12)] {
            let found = model.forecast(&Series::read(&text(&whole[..50], 5, 7, &[0.1, 0.9])).unwrap());
            for (at, value) in found.values().iter().enumerate() {
                assert!((value - whole[50 + at]).abs() < 0.3, "{at}: {value} for {}", whole[50 + at]);
            }
            assert_eq!(found.quantiles().len(), 2);
        }
    }

    #[test]
    fn no_series_breaks_it() {
        let model = fitted(12);
        for values in [
            vec![0.0; 40],
            vec![5.0; 40],
            vec![1.0],
            vec![1.0, 2.0],
            vec![f64::MAX, f64::MIN, f64::MAX],
            vec![-1e-300; 9],
        ] {
            for (season, horizon) in [(4, 6), (1, 2), (4, 30), (300, 2)] {
                let known = Series::read(&text(&values, season, horizon, &[0.1, 0.9])).unwrap();
                let found = model.forecast(&known);
                assert_eq!(found.values().len(), horizon as usize);
                let last = values[values.len() - 1];
                assert!(
                    values.len() < 9
                        || found.values().iter().all(|value| (value - last).abs() <= 1e-9 * last.abs()),
                    "{known}: {found}"
                );
            }
        }
    }
}

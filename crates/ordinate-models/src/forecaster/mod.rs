//! Published forecasters of the Chronos family: general models of series, as they were published.

mod bolt;
mod config;
#[cfg(test)]
mod golden;
mod scale;
mod t5;
mod tokens;

use std::path::Path;

use ordinate_core::random::mix;
use ordinate_core::{Forecast, Quantile, Series, caught};
use ordinate_score::quantile::quantile_of_sorted;

use self::bolt::Bolt;
use self::config::Chronos;
use self::tokens::Tokens;
use crate::encoder::layers::{Weights, parameters};
use crate::encoder::{json, tensors, weights};
use crate::error::ModelError;
use crate::memory::enough_memory;
use crate::model::Facts;
use crate::source::{Source, file};

/// The longest horizon that is written, in values: what is far beyond what a model learned is no forecast, and takes for ever.
const LONGEST: usize = 1 << 14;
/// Levels that are nearer to each other are the same, written otherwise.
const SAME: f64 = 1e-9;

/// A forecaster as it was published.
pub struct Forecaster {
    model: Network,
    facts: Facts,
}

enum Network {
    Bolt(Box<Bolt>),
    Tokens(Box<Tokens>),
}

/// Whether a folder holds one, by its configuration: also of a kind that does not run here.
#[must_use]
pub fn is_forecaster(source: &Source) -> bool {
    json::<serde_json::Value>(&source.folder.join("config.json"))
        .is_ok_and(|config| config["chronos_config"].is_object())
}

/// What is wrong with the configuration of one; `None` where it would be read.
pub(crate) fn unfit_config(folder: &Path) -> Option<String> {
    config::read(folder).err().map(|error| error.to_string())
}

impl Forecaster {
    /// Reads a folder with `config.json` and `model.safetensors`.
    ///
    /// # Errors
    /// [`ModelError::File`] for what is missing, damaged, or not read here.
    pub fn open(source: &Source) -> Result<Self, ModelError> {
        let folder: &Path = &source.folder;
        let (shape, chronos) = config::read(folder)?;
        let path = weights(folder)?;
        // The file is read whole, and its tensors are made of it.
        let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        enough_memory(&path, size.saturating_mul(2))?;
        let tensors = tensors(&path)?;
        let parameters = parameters(&tensors);
        let unfit = |problem: String| {
            file(&path, &format!("{problem}; the file is damaged, or of another model: fetch it again"))
        };
        let model = caught(|| {
            let weights = Weights::plain(&tensors);
            Ok::<_, candle_core::Error>(match chronos {
                Chronos::Bolt(config) => Network::Bolt(Box::new(Bolt::new(&weights, &shape, config)?)),
                Chronos::Tokens(config) => Network::Tokens(Box::new(Tokens::new(&weights, &shape, config)?)),
            })
        });
        let model = model.map_err(&unfit)?.map_err(|error| unfit(error.to_string()))?;
        Ok(Self { model, facts: Facts { parameters, bytes: 4 * parameters } })
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// The medians of the next `horizon` values of a series, and their quantiles of these levels, one row each. A value that is missing
    /// is NaN. What is drawn hangs on the seed and on the series alone.
    ///
    /// Levels that a Chronos-Bolt model does not say lie between those that it says, and beyond the outermost are the outermost; those
    /// of a model of tokens are the quantiles (type 7) of its samples.
    ///
    /// # Errors
    /// [`ModelError::Failed`] for a series without a value, or a horizon beyond what is written.
    pub fn quantiles(
        &self,
        past: &[f64],
        horizon: usize,
        levels: &[f64],
        seed: u64,
    ) -> Result<(Vec<f64>, Vec<Vec<f64>>), ModelError> {
        if horizon > LONGEST {
            let problem =
                format!("a horizon of {horizon} values is more than the {LONGEST} that are written");
            return Err(ModelError::Failed(problem));
        }
        let said = caught(|| match &self.model {
            Network::Bolt(bolt) => {
                let mut said = bolt.quantiles(past, horizon)?;
                said.iter_mut().for_each(|row| row.truncate(horizon));
                Ok(of_levels(&said, &bolt.config.quantiles, levels))
            }
            Network::Tokens(tokens) => {
                let mut random = fastrand::Rng::with_seed(seed_of(seed, past));
                Ok(of_samples(&tokens.samples(past, horizon, &mut random)?, levels))
            }
        });
        let said: Result<_, candle_core::Error> = said.map_err(ModelError::Failed)?;
        said.map_err(|error| ModelError::Failed(error.to_string()))
    }

    /// The forecast of a series.
    ///
    /// # Errors
    /// As [`Self::quantiles`].
    pub fn forecast(&self, series: &Series, seed: u64) -> Result<Forecast, ModelError> {
        let levels = &series.quantiles;
        let (values, rows) = self.quantiles(&series.values, series.horizon as usize, levels, seed)?;
        let of_level = |(&level, values)| Quantile { level, values };
        Forecast::new(values, levels.iter().zip(rows).map(of_level).collect()).map_err(ModelError::Failed)
    }
}

/// A seed of its own for each series: what is drawn for it is the same whatever was asked before.
fn seed_of(seed: u64, past: &[f64]) -> u64 {
    past.iter().fold(mix(seed), |state, value| mix(state ^ value.to_bits()))
}

/// The median, and the quantiles of the levels that are asked for, of rows of quantiles of a model's own levels. Where it has all of them,
/// they are what it says; else they lie on the lines between what it says, sorted, as `ChronosBoltPipeline.predict_quantiles` has it
/// for levels at equal distances.
fn of_levels(said: &[Vec<f64>], own: &[f64], levels: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let place = |level: f64| own.iter().position(|one| (one - level).abs() < SAME);
    // The outermost stand for what is beyond them.
    let whole: Vec<f64> = [0.0].iter().chain(own).chain(&[1.0]).copied().collect();
    let between = |level: f64| -> Vec<f64> {
        let above = whole.partition_point(|one| *one < level).clamp(1, whole.len() - 1);
        let share = (level - whole[above - 1]) / (whole[above] - whole[above - 1]);
        let at = |at: usize| {
            let ends = said.first().into_iter().chain(said).chain(said.last());
            let mut each: Vec<f64> = ends.map(|row| row[at]).collect();
            each.sort_unstable_by(f64::total_cmp);
            (1.0 - share).mul_add(each[above - 1], share * each[above])
        };
        (0..said.first().map_or(0, Vec::len)).map(at).collect()
    };
    let all: Option<Vec<usize>> = levels.iter().map(|level| place(*level)).collect();
    let rows = match all {
        Some(places) => places.into_iter().map(|place| said[place].clone()).collect(),
        None => levels.iter().map(|level| between(*level)).collect(),
    };
    let median = place(0.5).map_or_else(|| between(0.5), |place| said[place].clone());
    (median, rows)
}

/// The median and the quantiles of samples, step by step.
fn of_samples(samples: &[Vec<f64>], levels: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let steps = samples[0].len();
    let mut median = Vec::with_capacity(steps);
    let mut rows = vec![Vec::with_capacity(steps); levels.len()];
    for at in 0..steps {
        let mut each: Vec<f64> = samples.iter().map(|path| path[at]).collect();
        each.sort_unstable_by(f64::total_cmp);
        median.push(quantile_of_sorted(&each, 0.5));
        for (row, level) in rows.iter_mut().zip(levels) {
            row.push(quantile_of_sorted(&each, *level));
        }
    }
    (median, rows)
}

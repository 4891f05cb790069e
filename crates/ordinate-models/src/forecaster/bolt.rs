//! Chronos-Bolt (Ansari et al. 2024; `chronos-forecasting`, `ChronosBoltPipeline`): patches of a series in, quantiles of its next values
//! out, all at once.

use candle_core::{Device, Tensor};
use ordinate_score::quantile::quantile_of_sorted;

use super::config::{Act, Patched, T5};
use super::scale::Scale;
use super::t5::{Stack, flat};
use crate::encoder::layers::{Linear, Result, Weights};

/// The token behind the patches, where there is one.
const REG: u32 = 1;
/// What takes the place of a deviation of nothing.
const FLAT: f64 = 1e-5;

/// Two layers, and one beside them.
#[derive(Debug)]
struct Residual {
    hidden: Linear,
    output: Linear,
    beside: Linear,
    act: Act,
}

impl Residual {
    fn new(weights: &Weights<'_>, name: &str, shape: &T5, from: usize, to: usize) -> Result<Self> {
        let layer = |part: &str, from, to| weights.linear(&format!("{name}.{part}"), from, to);
        Ok(Self {
            hidden: layer("hidden_layer", from, shape.d_ff)?,
            output: layer("output_layer", shape.d_ff, to)?,
            beside: layer("residual_layer", from, to)?,
            act: shape.act().unwrap_or(Act::Relu),
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let hidden = self.act.of(&flat(&self.hidden, x)?)?;
        flat(&self.output, &hidden)? + flat(&self.beside, x)?
    }
}

/// A Chronos-Bolt model.
#[derive(Debug)]
pub(super) struct Bolt {
    pub(super) config: Patched,
    shared: Tensor,
    input: Residual,
    encoder: Stack,
    decoder: Stack,
    output: Residual,
    start: u32,
}

/// A series as the encoder sees it.
pub(super) struct Seen {
    /// Series x tokens x width.
    pub(super) states: Tensor,
    scales: Vec<Scale>,
}

impl Bolt {
    pub(super) fn new(weights: &Weights<'_>, shape: &T5, config: Patched) -> Result<Self> {
        let width = shape.d_model;
        let (levels, ahead) = (config.quantiles.len(), config.prediction_length);
        let patch = 2 * config.input_patch_size;
        Ok(Self {
            shared: weights.rows("shared.weight", width)?,
            input: Residual::new(weights, "input_patch_embedding", shape, patch, width)?,
            encoder: Stack::new(weights, "encoder", shape)?,
            decoder: Stack::new(weights, "decoder", shape)?,
            output: Residual::new(weights, "output_patch_embedding", shape, width, levels * ahead)?,
            start: shape.decoder_start_token_id,
            config,
        })
    }

    /// The embedding of a token, once for each series: series x 1 x width.
    fn token(&self, token: u32, series: usize) -> Result<Tensor> {
        let ids = Tensor::from_vec(vec![token; series], series, &Device::Cpu)?;
        self.shared.index_select(&ids, 0)?.unsqueeze(1)
    }

    /// The encoder's states of series of one length, with the same values missing (NaN). Patches without a value are left out.
    pub(super) fn seen(&self, series: &[Vec<f64>]) -> Result<Seen> {
        let (size, stride) = (self.config.input_patch_size, self.config.input_patch_stride);
        let length = series.first().map_or(0, Vec::len);
        // Filled up at the front.
        let missing = length.next_multiple_of(size) - length;
        let is_there = |place: usize| place >= missing && !series[0][place - missing].is_nan();
        let patches = (length + missing + stride).saturating_sub(size) / stride;
        let starts = (0..patches).map(|patch| (patch, patch * stride));
        let kept: Vec<(usize, usize)> =
            starts.filter(|(_, start)| (*start..start + size).any(is_there)).collect();
        let scales: Vec<Scale> = series.iter().map(|values| Scale::standard(values, FLAT)).collect();
        let mut cells = Vec::with_capacity(series.len() * kept.len() * 2 * size);
        for (values, scale) in series.iter().zip(&scales) {
            for &(_, start) in &kept {
                let value = |place: usize| scale.scaled(values[place - missing]) as f32;
                cells.extend((start..start + size).map(|at| if is_there(at) { value(at) } else { 0.0 }));
                cells.extend((start..start + size).map(|at| f32::from(u8::from(is_there(at)))));
            }
        }
        let mut places: Vec<usize> = kept.iter().map(|(patch, _)| *patch).collect();
        let mut parts = Vec::new();
        if !kept.is_empty() {
            let cells = Tensor::from_vec(cells, (series.len(), kept.len(), 2 * size), &Device::Cpu)?;
            parts.push(self.input.forward(&cells)?);
        }
        if self.config.use_reg_token {
            parts.push(self.token(REG, series.len())?);
            places.push(patches);
        }
        if parts.is_empty() {
            return Err(candle_core::Error::Msg("the series has no value".to_owned()));
        }
        Ok(Seen { states: self.encoder.states(&Tensor::cat(&parts, 1)?, &places)?, scales })
    }

    /// The quantiles of the next values of series as for [`Self::seen`]: for each series one row of values for each level.
    fn next(&self, series: &[Vec<f64>]) -> Result<Vec<Vec<Vec<f64>>>> {
        let Seen { states, scales } = self.seen(series)?;
        let start = self.token(self.start, series.len())?;
        let source = self.decoder.read(&states)?;
        let state = self.decoder.step(&start, 0, &mut Vec::new(), &source)?;
        let said = self.output.forward(&state)?.flatten_from(1)?.to_vec2::<f32>()?;
        let ahead = self.config.prediction_length;
        let rows = said.iter().zip(&scales).map(|(said, scale)| {
            said.chunks(ahead)
                .map(|row| row.iter().map(|&one| scale.back(f64::from(one))).collect())
                .collect()
        });
        Ok(rows.collect())
    }

    /// The quantiles of the next `horizon` values, at least as many: one row for each of the model's levels.
    ///
    /// Beyond what it says at once each quantile is read as the past of a series of its own, and of all quantiles of all of these the
    /// quantiles are taken, as `ChronosBoltPipeline.predict` does.
    pub(super) fn quantiles(&self, past: &[f64], horizon: usize) -> Result<Vec<Vec<f64>>> {
        let latest =
            |values: &[f64]| values[values.len().saturating_sub(self.config.context_length)..].to_vec();
        let past = latest(past);
        let mut next = self.next(std::slice::from_ref(&past))?.pop().unwrap_or_default();
        let mut all = next.clone();
        let mut pasts = vec![past; next.len()];
        while all.first().is_some_and(|row| row.len() < horizon) {
            for (past, next) in pasts.iter_mut().zip(&next) {
                past.extend(next);
                *past = latest(past);
            }
            let said = self.next(&pasts)?;
            next = vec![Vec::with_capacity(self.config.prediction_length); next.len()];
            for at in 0..self.config.prediction_length {
                let mut each: Vec<f64> = said.iter().flatten().map(|row| row[at]).collect();
                each.sort_unstable_by(f64::total_cmp);
                for (row, &level) in next.iter_mut().zip(&self.config.quantiles) {
                    row.push(quantile_of_sorted(&each, level));
                }
            }
            for (all, next) in all.iter_mut().zip(&next) {
                all.extend(next);
            }
        }
        Ok(all)
    }
}

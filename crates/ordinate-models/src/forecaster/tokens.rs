//! Chronos (Ansari et al. 2024; `chronos-forecasting`, `ChronosPipeline`): values become tokens, each a bin of values in mean absolute
//! values of the past (`MeanScaleUniformBins`), and T5 writes what comes next, several times.

use candle_core::{Device, Tensor};

use super::config::{Binned, Limits, T5};
use super::scale::Scale;
use super::t5::Stack;
use crate::decoder::{Sampling, draw};
use crate::encoder::layers::{Result, Weights};
use crate::ops::linear;
use crate::seq2seq::layers::Known;

/// A Chronos model of tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) config: Binned,
    shared: Tensor,
    head: Tensor,
    encoder: Stack,
    decoder: Stack,
    start: u32,
    output_scale: f64,
}

/// A series as tokens: those of the values that are there, and where each stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Read {
    pub(super) tokens: Vec<u32>,
    pub(super) places: Vec<usize>,
    scale: Scale,
}

/// Texts that are being written of one series.
struct Writing {
    source: Vec<Known>,
    before: Vec<Known>,
    written: usize,
}

impl Tokens {
    pub(super) fn new(weights: &Weights<'_>, shape: &T5, config: Binned) -> Result<Self> {
        let (words, width) = (config.n_tokens, shape.d_model);
        let shared = weights.get("shared.weight", &[words, width])?;
        let head = match weights.has("lm_head.weight") {
            true => weights.get("lm_head.weight", &[words, width])?,
            // Where only one of what is tied is kept.
            false => shared.clone(),
        };
        Ok(Self {
            encoder: Stack::new(weights, "encoder", shape)?,
            decoder: Stack::new(weights, "decoder", shape)?,
            start: shape.decoder_start_token_id,
            output_scale: shape.output_scale(),
            shared,
            head,
            config,
        })
    }

    /// Bins: their centers lie at equal distances from the lower to the upper limit.
    fn bins(&self) -> usize {
        self.config.n_tokens - self.config.n_special_tokens - 1
    }

    fn center(&self, bin: usize) -> f64 {
        let Limits { low_limit, high_limit } = self.config.tokenizer_kwargs;
        (high_limit - low_limit).mul_add(bin as f64 / (self.bins() - 1) as f64, low_limit)
    }

    /// The token of a value: the bin whose center is nearest. The first token that is none of the special ones is for values beyond
    /// all bins, of which there are none.
    fn token(&self, scaled: f64) -> u32 {
        let Limits { low_limit, high_limit } = self.config.tokenizer_kwargs;
        let step = (high_limit - low_limit) / (self.bins() - 1) as f64;
        let nearest = ((scaled - low_limit) / step + 0.5).floor().clamp(0.0, (self.bins() - 1) as f64);
        u32::try_from(nearest as usize + 1 + self.config.n_special_tokens).unwrap_or(u32::MAX)
    }

    /// The value of a token, in mean absolute values. What is no bin is the lowest.
    fn value(&self, token: u32) -> f64 {
        let bin = (token as usize).saturating_sub(self.config.n_special_tokens + 1);
        self.center(bin.min(self.bins() - 1))
    }

    /// The latest values of a series as tokens, with the one that ends it.
    pub(super) fn read(&self, past: &[f64]) -> Read {
        let past = &past[past.len().saturating_sub(self.config.context_length)..];
        let scale = Scale::absolute(past);
        let there = past.iter().enumerate().filter(|(_, value)| !value.is_nan());
        let (mut places, mut tokens): (Vec<usize>, Vec<u32>) =
            there.map(|(place, value)| (place, self.token(scale.scaled(*value)))).unzip();
        if self.config.use_eos_token {
            places.push(past.len());
            tokens.push(self.config.eos_token_id);
        }
        Read { tokens, places, scale }
    }

    fn embedded(&self, tokens: &[u32]) -> Result<Tensor> {
        self.shared.index_select(&Tensor::new(tokens, &Device::Cpu)?, 0)
    }

    /// The encoder's states: 1 x tokens x width.
    pub(super) fn states(&self, read: &Read) -> Result<Tensor> {
        if read.tokens.is_empty() {
            return Err(candle_core::Error::Msg("the series has no value".to_owned()));
        }
        self.encoder.states(&self.embedded(&read.tokens)?.unsqueeze(0)?, &read.places)
    }

    fn begun(&self, read: &Read) -> Result<Writing> {
        let source = self.decoder.read(&self.states(read)?)?;
        Ok(Writing { source, before: Vec::new(), written: 0 })
    }

    /// The logits behind one further token of each text: texts x vocabulary.
    fn logits(&self, last: &[u32], writing: &mut Writing) -> Result<Tensor> {
        let x = self.embedded(last)?.unsqueeze(1)?;
        let state = self.decoder.step(&x, writing.written, &mut writing.before, &writing.source)?;
        writing.written += 1;
        linear(&(state.squeeze(1)? * self.output_scale)?, &self.head, None)
    }

    /// The logits behind each of these tokens of a text that was begun: tokens x vocabulary.
    #[cfg(test)]
    pub(super) fn logits_behind(&self, past: &[f64], text: &[u32]) -> Result<Vec<Vec<f32>>> {
        let mut writing = self.begun(&self.read(past))?;
        let behind = |token: &u32| Ok(self.logits(&[*token], &mut writing)?.to_vec2::<f32>()?.remove(0));
        text.iter().map(behind).collect()
    }

    /// Samples of the next `horizon` values, each a path of its own. Beyond what the model writes at once the median of the samples is
    /// read as the past, as `ChronosPipeline.predict` does.
    pub(super) fn samples(
        &self,
        past: &[f64],
        horizon: usize,
        random: &mut fastrand::Rng,
    ) -> Result<Vec<Vec<f64>>> {
        let mut past = past.to_vec();
        let mut all: Vec<Vec<f64>> = vec![Vec::with_capacity(horizon); self.config.num_samples];
        while all[0].len() < horizon {
            let ahead = (horizon - all[0].len()).min(self.config.prediction_length);
            let read = self.read(&past);
            let mut writing = self.begun(&read)?;
            let mut last = vec![self.start; all.len()];
            for _ in 0..ahead {
                let logits = self.logits(&last, &mut writing)?.to_vec2::<f32>()?;
                for ((last, path), logits) in last.iter_mut().zip(&mut all).zip(logits) {
                    *last = self.next(&logits, random);
                    path.push(read.scale.back(self.value(*last)));
                }
            }
            for at in all[0].len() - ahead..all[0].len() {
                let mut each: Vec<f64> = all.iter().map(|path| path[at]).collect();
                each.sort_unstable_by(f64::total_cmp);
                // The lower of the two in the middle, as PyTorch has it.
                past.push(each[(each.len() - 1) / 2]);
            }
        }
        Ok(all)
    }

    /// The next token, drawn from the most probable ones. The token that ends a text is never drawn: as many are asked for as are
    /// written.
    fn next(&self, logits: &[f32], random: &mut fastrand::Rng) -> u32 {
        let mut kept: Vec<(u32, f32)> = (0..)
            .zip(logits.iter().copied())
            .filter(|(token, _)| *token != self.config.eos_token_id)
            .collect();
        let most = self.config.top_k;
        if most > 0 && most < kept.len() {
            let (_, (_, least), _) = kept.select_nth_unstable_by(most - 1, |a, b| b.1.total_cmp(&a.1));
            let least = *least;
            // Equally probable ones are all kept.
            kept.retain(|(_, logit)| *logit >= least);
            kept.sort_unstable_by_key(|(token, _)| *token);
        }
        let (tokens, logits): (Vec<u32>, Vec<f32>) = kept.into_iter().unzip();
        let Binned { temperature, top_p, .. } = self.config;
        let drawn = draw(&logits, Sampling { temperature, top_p, seed: 0 }, random);
        tokens.get(drawn as usize).copied().unwrap_or(self.start)
    }
}

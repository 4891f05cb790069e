//! The decoder of Llama and its kin: one definition. What differs between them is a handful of switches (see
//! [`Architecture`](super::Architecture)), and where the tensors come from ([`Weights`]). It runs one text at a time, with a
//! cache.

use candle_core::{Device, Tensor};
use candle_nn::ops::rms_norm;

use super::cache::Cache;
use super::config::Config;
use super::layer::{Layer, capped, failed, norm};
use super::layers::fit;
use super::names::Names;
use super::rope::{Rope, Stretch};
use super::weights::{Linear, Weights};
use crate::error::ModelError;
use crate::model::Facts;

type Result<T> = candle_core::Result<T>;

/// Tokens that go through the layers together: bounds the memory of attention over long prompts.
const CHUNK: usize = 256;

/// A decoder's layers.
#[derive(Debug)]
pub struct Decoder {
    config: Config,
    embedding: Linear,
    layers: Vec<Layer>,
    norm: Tensor,
    head: Linear,
    turns: Turns,
    /// Those of layers with a window, where they are others.
    near_turns: Option<Turns>,
    facts: Facts,
}

/// The frequencies of a rope.
#[derive(Debug)]
struct Turns {
    short: Vec<f32>,
    long: Vec<f32>,
    scale: f32,
}

impl Turns {
    fn of(rope: &Rope, rotary: usize) -> Self {
        Self {
            short: rope.frequencies(rotary, false),
            long: rope.frequencies(rotary, true),
            scale: rope.attention(),
        }
    }

    /// Cosines and sines of these positions: positions x frequencies.
    fn table(&self, places: std::ops::Range<usize>, long: bool) -> Result<(Tensor, Tensor)> {
        let frequencies = if long { &self.long } else { &self.short };
        let shape = (places.len(), frequencies.len());
        let angles = places
            .flat_map(|at| frequencies.iter().map(move |frequency| at as f32 * frequency))
            .collect::<Vec<_>>();
        let angles = Tensor::from_vec(angles, shape, &Device::Cpu)?;
        let scale = f64::from(self.scale);
        Ok(((angles.cos()? * scale)?, (angles.sin()? * scale)?))
    }
}

/// What frequencies are divided by, each.
fn divisors(weights: &mut Weights, name: &str, count: usize) -> std::result::Result<Vec<f32>, ModelError> {
    let numbers = weights.tensor(name, &[count])?.to_vec1::<f32>().map_err(|error| failed(&error))?;
    if numbers.iter().all(|number| number.is_finite() && *number > 0.0) {
        return Ok(numbers);
    }
    Err(weights.fault(name, &format!("the tensor {name} has a number that is not above 0")))
}

impl Decoder {
    /// Takes the tensors that the configuration asks for, and no others.
    ///
    /// # Errors
    /// [`ModelError::File`] where one is missing, of another shape, or one too many.
    pub(crate) fn new(mut config: Config, mut weights: Weights) -> std::result::Result<Self, ModelError> {
        let names = Names::of(&weights, config.architecture);
        let Config { hidden, vocabulary, .. } = config;
        let embedding = weights.linear(&names.embedding(), (vocabulary, hidden), Some(false))?;
        // Without room beforehand: a damaged file may say millions.
        let mut layers = Vec::new();
        for at in 0..config.layers {
            layers.push(Layer::take(&mut weights, &names, &config, at)?);
        }
        let last = norm(&mut weights, &config, &names.norm(), hidden)?;
        let head = if config.tied {
            embedding.again()
        } else {
            weights.linear(names.head(), (vocabulary, hidden), Some(false))?
        };
        let pairs = config.rotary / 2;
        // GGUF files have the divisors of longer texts as tensors.
        if let Stretch::Long { short, long, .. } = &mut config.rope.stretch
            && names.gguf
        {
            *short = divisors(&mut weights, "rope_factors_short.weight", pairs)?;
            *long = divisors(&mut weights, "rope_factors_long.weight", pairs)?;
        }
        let mut turns = Turns::of(&config.rope, config.rotary);
        // Llama 3's stretching, as GGUF writes it down: a divisor for each frequency.
        if weights.has("rope_freqs.weight") {
            let divisors = divisors(&mut weights, "rope_freqs.weight", pairs)?;
            for frequencies in [&mut turns.short, &mut turns.long] {
                frequencies.iter_mut().zip(&divisors).for_each(|(frequency, by)| *frequency /= by);
            }
        }
        let near_turns = config.near_rope.as_ref().map(|rope| Turns::of(rope, config.rotary));
        let (parameters, bytes) = weights.finish(|name| names.ignores(name, config.tied))?;
        let facts = Facts { parameters, bytes };
        Ok(Self { config, embedding, layers, norm: last, head, turns, near_turns, facts })
    }

    /// Its shape.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// Reads tokens behind those of the cache. Gives the logits after each of the last `keep` of them: `keep` rows
    /// of the vocabulary's size.
    ///
    /// # Errors
    /// [`ModelError::Failed`] for tokens that are not in the vocabulary, or more of them than the model can hold.
    pub fn read(
        &self,
        tokens: &[u32],
        cache: &mut Cache,
        keep: usize,
    ) -> std::result::Result<Vec<Vec<f32>>, ModelError> {
        fit(tokens, cache.len(), self.config.vocabulary, self.config.longest)?;
        self.logits(tokens, cache, keep.clamp(1, tokens.len())).map_err(|error| failed(&error))
    }

    fn logits(&self, tokens: &[u32], cache: &mut Cache, keep: usize) -> Result<Vec<Vec<f32>>> {
        let whole = cache.len() + tokens.len();
        let long = self.config.rope.turning().is_some_and(|before| whole > before);
        // What was turned as in a short text is turned anew in a long one, as `transformers` does.
        let again = cache.turn(long);
        if !again.is_empty() {
            self.states(&again, cache, 1, long)?;
        }
        let logits = self.head.forward(&self.states(tokens, cache, keep, long)?)?;
        match self.config.cap_logits {
            Some(cap) => capped(&logits, cap)?.to_vec2(),
            None => logits.to_vec2(),
        }
    }

    /// The normed states of the last `keep` tokens.
    fn states(&self, tokens: &[u32], cache: &mut Cache, keep: usize, long: bool) -> Result<Tensor> {
        let mut kept = Vec::new();
        let first = tokens.len() - keep;
        for (number, chunk) in tokens.chunks(CHUNK).enumerate() {
            let x = self.layered(chunk, cache, long)?;
            let skip = first.saturating_sub(number * CHUNK);
            if skip < chunk.len() {
                kept.push(x.narrow(0, skip, chunk.len() - skip)?);
            }
        }
        rms_norm(&Tensor::cat(&kept, 0)?.contiguous()?, &self.norm, self.config.eps)
    }

    fn layered(&self, tokens: &[u32], cache: &mut Cache, long: bool) -> Result<Tensor> {
        let places = cache.len()..cache.len() + tokens.len();
        let mut x = self.embedding.rows(&Tensor::new(tokens, &Device::Cpu)?)?;
        if self.config.architecture.is_gemma() {
            let scale = (self.config.hidden as f64).sqrt();
            x = (x * scale)?;
        }
        let turn = self.turns.table(places.clone(), long)?;
        let near = self.near_turns.as_ref().map(|turns| turns.table(places, long)).transpose()?;
        for (at, layer) in self.layers.iter().enumerate() {
            let turn = near.as_ref().filter(|_| layer.near).unwrap_or(&turn);
            x = layer.forward(at, &x, turn, cache, &self.config)?;
        }
        cache.hold(tokens);
        Ok(x)
    }
}

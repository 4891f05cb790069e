//! The decoder of Llama and its kin: one definition. What differs between them is a handful of switches (see
//! [`Architecture`](super::Architecture)), and where the tensors come from ([`Weights`]). It runs one text at a time, with a
//! cache.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};

use super::branches::Branches;
use super::cache::Cache;
use super::config::Config;
use super::layer::{Layer, Norm, Seen, capped, failed};
use super::layers::fit;
use super::linear::Linear;
use super::names::Names;
use super::rope::{Rope, Scaling};
use super::weights::{Counted, Weights};
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
    norm: Norm,
    head: Linear,
    rotary: Frequencies,
    /// Those of layers with a window, where they are others.
    local_rotary: Option<Frequencies>,
    facts: Facts,
    variables: BTreeMap<String, Var>,
}

/// The frequencies of a rope.
#[derive(Debug)]
struct Frequencies {
    short: Vec<f32>,
    long: Vec<f32>,
    scale: f32,
}

impl Frequencies {
    fn of(rope: &Rope, rotary: usize) -> Self {
        Self {
            short: rope.frequencies(rotary, false),
            long: rope.frequencies(rotary, true),
            scale: rope.attention(),
        }
    }

    /// Cosines and sines of these positions: positions x frequencies.
    fn table(&self, places: &[usize], long: bool) -> Result<(Tensor, Tensor)> {
        let frequencies = if long { &self.long } else { &self.short };
        let shape = (places.len(), frequencies.len());
        let angles = places
            .iter()
            .flat_map(|&at| frequencies.iter().map(move |frequency| at as f32 * frequency))
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
        let last = Norm::take(&mut weights, &config, &names.norm(), hidden)?;
        let head = if config.tied {
            weights.tied()?;
            embedding.again()
        } else {
            weights.linear(names.head(), (vocabulary, hidden), Some(false))?
        };
        let pairs = config.rotary / 2;
        // GGUF files have the divisors of longer texts as tensors.
        if let Scaling::Long { short, long, .. } = &mut config.rope.scaling
            && names.gguf
        {
            *short = divisors(&mut weights, "rope_factors_short.weight", pairs)?;
            *long = divisors(&mut weights, "rope_factors_long.weight", pairs)?;
        }
        let mut rotary = Frequencies::of(&config.rope, config.rotary);
        // Llama 3's scaling, as GGUF writes it down: a divisor for each frequency.
        if weights.has("rope_freqs.weight") {
            let divisors = divisors(&mut weights, "rope_freqs.weight", pairs)?;
            for frequencies in [&mut rotary.short, &mut rotary.long] {
                frequencies.iter_mut().zip(&divisors).for_each(|(frequency, by)| *frequency /= by);
            }
        }
        let local_rotary = config.local_rope.as_ref().map(|rope| Frequencies::of(rope, config.rotary));
        let Counted { parameters, bytes, variables } =
            weights.finish(|name| names.ignores(name, config.tied))?;
        let facts = Facts { parameters, bytes };
        Ok(Self { config, embedding, layers, norm: last, head, rotary, local_rotary, facts, variables })
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

    /// What can be trained, by the names of the file; nothing unless it was opened for that.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, Var> {
        &self.variables
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
        let long = self.is_long(whole);
        // What was rotated as in a short text is rotated anew in a long one, as `transformers` does.
        let again = cache.set_long(long);
        if !again.is_empty() {
            self.states(&again, cache, 1, long)?;
        }
        let logits = self.head.forward(&self.states(tokens, cache, keep, long)?)?;
        self.capped(logits)?.to_vec2()
    }

    fn capped(&self, logits: Tensor) -> Result<Tensor> {
        match self.config.logits_softcap {
            Some(cap) => capped(&logits, cap),
            None => Ok(logits),
        }
    }

    /// Whether a text of so many tokens is one for which positions rotate otherwise.
    pub(crate) fn is_long(&self, tokens: usize) -> bool {
        self.config.rope.short_length().is_some_and(|short| tokens > short)
    }

    /// The logits after the last of the tokens that texts have in common, and after each token by which they go on, text by text:
    /// one row, and one a token, of the vocabulary's size, in a graph that reaches every weight (of weights that are not
    /// quantised). Positions rotate as in a `long` text, where that is another way.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn branched(
        &self,
        shared: &[u32],
        tails: &[&[u32]],
        long: bool,
    ) -> std::result::Result<Tensor, ModelError> {
        let Config { vocabulary, longest, .. } = self.config;
        fit(shared, 0, vocabulary, longest)?;
        for tail in tails.iter().filter(|tail| !tail.is_empty()) {
            fit(tail, shared.len(), vocabulary, longest)?;
        }
        let tokens: Vec<u32> = shared.iter().chain(tails.iter().copied().flatten()).copied().collect();
        let branches = Branches::new(shared.len(), tails);
        let logits = || {
            let x = self.layered(&tokens, branches.places(), Seen::Branches(&branches), long)?;
            let first = shared.len() - 1;
            let x = x.narrow(0, first, tokens.len() - first)?;
            self.capped(self.head.forward(&self.norm.forward(&x)?)?)
        };
        logits().map_err(|error| failed(&error))
    }

    /// The normed states of the last `keep` tokens.
    fn states(&self, tokens: &[u32], cache: &mut Cache, keep: usize, long: bool) -> Result<Tensor> {
        let mut kept = Vec::new();
        let first = tokens.len() - keep;
        for (number, chunk) in tokens.chunks(CHUNK).enumerate() {
            let places: Vec<usize> = (cache.len()..cache.len() + chunk.len()).collect();
            let x = self.layered(chunk, &places, Seen::Before(&mut *cache), long)?;
            cache.hold(chunk);
            let skip = first.saturating_sub(number * CHUNK);
            if skip < chunk.len() {
                kept.push(x.narrow(0, skip, chunk.len() - skip)?);
            }
        }
        self.norm.forward(&Tensor::cat(&kept, 0)?)
    }

    fn layered(&self, tokens: &[u32], places: &[usize], mut seen: Seen<'_>, long: bool) -> Result<Tensor> {
        let mut x = self.embedding.rows(&Tensor::new(tokens, &Device::Cpu)?)?;
        if self.config.architecture.is_gemma() {
            let scale = (self.config.hidden as f64).sqrt();
            x = (x * scale)?;
        }
        let rotary = self.rotary.table(places, long)?;
        let local = self.local_rotary.as_ref().map(|local| local.table(places, long)).transpose()?;
        for (at, layer) in self.layers.iter().enumerate() {
            let rotary = local.as_ref().filter(|_| layer.local_rope).unwrap_or(&rotary);
            x = layer.forward(at, &x, rotary, seen.again(), &self.config)?;
        }
        Ok(x)
    }
}

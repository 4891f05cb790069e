//! An encoder-decoder of the Marian family (Junczys-Dowmunt et al. 2018), as `transformers` defines it: sinusoidal positions, one embedding
//! for both languages and for what is written, and a bias for each token.

use std::collections::{BTreeSet, HashMap};

use candle_core::{Device, Tensor};

use super::beam::Search;
use super::config::Config;
use super::layers::{DecoderLayer, EncoderLayer, Known, Shape};
use crate::encoder::layers::{Result, Weights, padded, parameters};
use crate::model::Facts;
use crate::ops::linear;

/// An encoder-decoder.
#[derive(Debug)]
pub struct Marian {
    words: Tensor,
    /// What is added for each token that may be written.
    bias: Tensor,
    positions: Tensor,
    encoder: Vec<EncoderLayer>,
    decoder: Vec<DecoderLayer>,
    /// What embeddings are multiplied with.
    scale: f64,
    /// The names of its tensors.
    names: BTreeSet<String>,
    facts: Facts,
}

impl Marian {
    /// Of named tensors; each is held against the shape that the configuration asks for.
    pub(super) fn new(config: &Config, tensors: &HashMap<String, Tensor>) -> Result<Self> {
        let weights = Weights::plain(tensors);
        let width = config.d_model;
        let words = match weights.has("model.shared.weight") {
            true => weights.rows("model.shared.weight", width)?,
            // Where only one of what is tied is kept.
            false => weights.rows("model.encoder.embed_tokens.weight", width)?,
        };
        let vocabulary = words.dim(0)?;
        let bias = match weights.has("final_logits_bias") {
            true => weights.get("final_logits_bias", &[1, vocabulary])?.reshape(vocabulary)?,
            false => Tensor::zeros(vocabulary, candle_core::DType::F32, &Device::Cpu)?,
        };
        let act = config.activation_function.as_str();
        let shape = |heads, inner| Shape { width, heads, inner, act };
        let reads = shape(config.encoder_attention_heads, config.encoder_ffn_dim);
        let writes = shape(config.decoder_attention_heads, config.decoder_ffn_dim);
        let encoder = (0..config.encoder_layers)
            .map(|at| EncoderLayer::new(&weights, &format!("model.encoder.layers.{at}"), reads));
        let decoder = (0..config.decoder_layers)
            .map(|at| DecoderLayer::new(&weights, &format!("model.decoder.layers.{at}"), writes));
        let parameters = parameters(tensors);
        let (encoder, decoder) = (encoder.collect::<Result<_>>()?, decoder.collect::<Result<_>>()?);
        Ok(Self {
            encoder,
            decoder,
            names: weights.used(),
            positions: positions(config.max_position_embeddings, width)?,
            words,
            bias,
            scale: if config.scale_embedding { (width as f64).sqrt() } else { 1.0 },
            facts: Facts { parameters, bytes: 4 * parameters },
        })
    }

    /// The names of the tensors that it was built of.
    pub(super) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// The longest text that it reads or writes, in tokens.
    pub(super) fn longest(&self) -> usize {
        self.positions.dim(0).unwrap_or(0)
    }

    /// Embeddings of tokens (texts x tokens), the first of which stands at `first`.
    fn embedded(&self, ids: &Tensor, (texts, tokens): (usize, usize), first: usize) -> Result<Tensor> {
        let words = self.words.index_select(ids, 0)?.reshape((texts, tokens, ()))?;
        (words * self.scale)?.broadcast_add(&self.positions.narrow(0, first, tokens)?)
    }

    /// The encoder's states of texts: texts x tokens x width, shorter texts filled up at the end.
    ///
    /// # Errors
    /// Where a token is not in the vocabulary, or a text is longer than the positions reach.
    pub fn states(&self, texts: &[&[u32]]) -> Result<Tensor> {
        let longest = texts.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let lengths: Vec<usize> = texts.iter().map(|ids| ids.len()).collect();
        let mut x = self.embedded(&padded(texts, longest, 0)?, (texts.len(), longest), 0)?;
        for layer in &self.encoder {
            x = layer.forward(&x, &lengths)?;
        }
        Ok(x)
    }

    /// What the decoder would write behind each token of these texts, told their sources: (texts x tokens) x vocabulary, shorter texts
    /// filled up at the end.
    ///
    /// # Errors
    /// As [`Self::states`].
    pub fn logits(&self, sources: &[&[u32]], texts: &[&[u32]]) -> Result<Tensor> {
        let states = self.states(sources)?;
        let lengths: Vec<usize> = sources.iter().map(|ids| ids.len()).collect();
        let longest = texts.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let mut x = self.embedded(&padded(texts, longest, 0)?, (texts.len(), longest), 0)?;
        for layer in &self.decoder {
            x = layer.forward(&x, &layer.read(&states)?, &lengths)?;
        }
        self.scores(&x)
    }

    fn scores(&self, x: &Tensor) -> Result<Tensor> {
        let (texts, tokens, width) = x.dims3()?;
        linear(&x.reshape((texts * tokens, width))?, &self.words, Some(&self.bias))
    }

    /// The best translation of a text, as [`Search`] finds it.
    pub(super) fn translate(&self, text: &[u32], search: &Search) -> Result<Vec<u32>> {
        let states = self.states(&[text])?;
        let source = self.decoder.iter().map(|layer| layer.read(&states)).collect::<Result<Vec<_>>>()?;
        let mut before: Vec<Option<Known>> = vec![None; self.decoder.len()];
        let mut first = 0;
        search.run(&mut |last: &[u32], parents: &[usize]| {
            let order: Vec<u32> = parents.iter().map(|&parent| parent as u32).collect();
            let order = Tensor::new(order, &Device::Cpu)?;
            let ids = Tensor::new(last, &Device::Cpu)?;
            let mut x = self.embedded(&ids, (last.len(), 1), first)?;
            for ((layer, before), source) in self.decoder.iter().zip(&mut before).zip(&source) {
                let kept = before.as_ref().map(|known| known.of(&order)).transpose()?;
                let (next, known) = layer.step(&x, kept.as_ref(), source)?;
                (x, *before) = (next, Some(known));
            }
            first += 1;
            self.scores(&x)?.to_vec2::<f32>()
        })
    }
}

/// Sines of the first half of the width, cosines of the second (Vaswani et al. 2017, in the order of `transformers`).
fn positions(count: usize, width: usize) -> Result<Tensor> {
    let sines = width.div_ceil(2);
    let cell = |position: usize, at: usize| {
        let pair = if at < sines { at } else { at - sines };
        let angle = position as f64 / 10_000_f64.powf(2.0 * pair as f64 / width as f64);
        (if at < sines { angle.sin() } else { angle.cos() }) as f32
    };
    let cells = (0..count).flat_map(|position| (0..width).map(move |at| cell(position, at))).collect();
    Tensor::from_vec(cells, (count, width), &Device::Cpu)
}

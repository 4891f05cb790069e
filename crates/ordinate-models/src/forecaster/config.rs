//! What `config.json` says of a forecaster of the Chronos family.

use std::path::Path;

use ordinate_core::forecast::are_levels;
use serde::Deserialize;
use serde_json::Value;

use crate::encoder::json;
use crate::error::ModelError;
use crate::source::file;

/// The shape of a T5, as `transformers` writes it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct T5 {
    pub(super) d_model: usize,
    pub(super) d_kv: usize,
    pub(super) d_ff: usize,
    pub(super) num_layers: usize,
    num_decoder_layers: Option<usize>,
    pub(super) num_heads: usize,
    #[serde(default = "buckets")]
    pub(super) relative_attention_num_buckets: usize,
    #[serde(default = "distance")]
    pub(super) relative_attention_max_distance: usize,
    #[serde(default = "epsilon")]
    pub(super) layer_norm_epsilon: f64,
    #[serde(default = "relu")]
    feed_forward_proj: String,
    /// The token that begins what the decoder writes.
    #[serde(default)]
    pub(super) decoder_start_token_id: u32,
    tie_word_embeddings: Option<bool>,
    /// What `transformers` 5 says in its place.
    scale_decoder_outputs: Option<bool>,
}

fn buckets() -> usize {
    32
}

fn distance() -> usize {
    128
}

fn epsilon() -> f64 {
    1e-6
}

fn relu() -> String {
    "relu".to_owned()
}

/// What follows the first of the two layers between attentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Relu,
    /// By the error function.
    Gelu,
    /// By the hyperbolic tangent.
    GeluTanh,
    Silu,
}

impl T5 {
    /// Layers of the decoder.
    pub(super) fn decoder_layers(&self) -> usize {
        self.num_decoder_layers.unwrap_or(self.num_layers)
    }

    /// Whether layers between attentions have a gate.
    pub(super) fn is_gated(&self) -> bool {
        self.feed_forward_proj.starts_with("gated-")
    }

    /// What follows their first layer; `None` where it is not known. T5 1.1 says `gelu` and means the approximation.
    pub(super) fn act(&self) -> Option<Act> {
        match self.feed_forward_proj.as_str() {
            "relu" | "gated-relu" => Some(Act::Relu),
            "gelu" => Some(Act::Gelu),
            "gelu_new" | "gated-gelu" | "gated-gelu_new" => Some(Act::GeluTanh),
            "silu" | "swish" | "gated-silu" | "gated-swish" => Some(Act::Silu),
            _ => None,
        }
    }

    /// What the decoder's states are multiplied with before the words are scored: the original T5 does, T5 1.1 does not, and
    /// says so by embeddings that are not tied.
    pub(super) fn output_scale(&self) -> f64 {
        let scales = self.scale_decoder_outputs.unwrap_or(self.tie_word_embeddings != Some(false));
        if scales { (self.d_model as f64).powf(-0.5) } else { 1.0 }
    }
}

/// What a Chronos-Bolt model reads and says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Patched {
    /// The most values that it looks back.
    pub(super) context_length: usize,
    /// Values that it says at once.
    pub(super) prediction_length: usize,
    pub(super) input_patch_size: usize,
    pub(super) input_patch_stride: usize,
    /// The levels of its quantiles, rising.
    pub(super) quantiles: Vec<f64>,
    #[serde(default)]
    pub(super) use_reg_token: bool,
}

/// What a Chronos model of tokens reads and says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Binned {
    tokenizer_class: String,
    pub(super) tokenizer_kwargs: Limits,
    /// The most values that it looks back.
    pub(super) context_length: usize,
    /// Values that it says before what it said is read as its past.
    pub(super) prediction_length: usize,
    pub(super) n_tokens: usize,
    pub(super) n_special_tokens: usize,
    pub(super) eos_token_id: u32,
    pub(super) use_eos_token: bool,
    model_type: String,
    pub(super) num_samples: usize,
    pub(super) temperature: f64,
    pub(super) top_k: usize,
    pub(super) top_p: f64,
}

/// The values of the outermost bins, in mean absolute values of the past.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Limits {
    pub(super) low_limit: f64,
    pub(super) high_limit: f64,
}

/// The two kinds of forecaster.
#[derive(Debug, Clone)]
pub(super) enum Chronos {
    /// Patches in, quantiles out (Chronos-Bolt).
    Bolt(Patched),
    /// Tokens in, tokens out (Chronos).
    Tokens(Binned),
}

/// Widths, lengths and depths that no published model comes near.
const MOST: usize = 1 << 16;
const MOST_LAYERS: usize = 256;
const MOST_SAMPLES: usize = 10_000;

/// The shape of the model of a folder, and what it reads and says.
pub(super) fn read(folder: &Path) -> Result<(T5, Chronos), ModelError> {
    let path = folder.join("config.json");
    of(&json(&path)?).map_err(|problem| file(&path, &problem))
}

/// The same of a configuration, or what is wrong with it.
pub(super) fn of(said: &Value) -> Result<(T5, Chronos), String> {
    let odd = |error: serde_json::Error| format!("is not the configuration of a forecaster: {error}");
    let named = said["architectures"][0].as_str().unwrap_or_default();
    let own = &said["chronos_config"];
    let chronos = match named {
        "ChronosBoltModelForForecasting" => Chronos::Bolt(Patched::deserialize(own).map_err(odd)?),
        "T5ForConditionalGeneration" => Chronos::Tokens(Binned::deserialize(own).map_err(odd)?),
        _ => {
            return Err(format!(
                "{named:?} is no forecaster that runs here; known are ChronosBoltModelForForecasting and \
                 T5ForConditionalGeneration with a chronos_config: run others by a program of your own (command)"
            ));
        }
    };
    let t5 = T5::deserialize(said).map_err(odd)?;
    t5.check()?;
    match &chronos {
        Chronos::Bolt(patched) => patched.check()?,
        Chronos::Tokens(binned) => binned.check()?,
    }
    Ok((t5, chronos))
}

fn beyond(sizes: &[usize]) -> Result<(), String> {
    match sizes.iter().all(|size| (1..=MOST).contains(size)) {
        true => Ok(()),
        false => Err("its sizes are beyond what any model has".to_owned()),
    }
}

impl T5 {
    fn check(&self) -> Result<(), String> {
        beyond(&[
            self.d_model,
            self.d_kv,
            self.d_ff,
            self.num_heads,
            self.num_heads.saturating_mul(self.d_kv),
        ])?;
        if !(1..=MOST_LAYERS).contains(&self.num_layers)
            || !(1..=MOST_LAYERS).contains(&self.decoder_layers())
        {
            return Err("it has more layers than any model, or none".to_owned());
        }
        let (buckets, distance) = (self.relative_attention_num_buckets, self.relative_attention_max_distance);
        if !(4..=MOST).contains(&buckets) || !(buckets..=MOST).contains(&distance) {
            return Err(format!("{buckets} buckets do not part distances up to {distance}"));
        }
        match self.act() {
            Some(_) => Ok(()),
            None => Err(format!(
                "feed_forward_proj {:?} is none of relu, gelu, silu, gated-gelu and gated-silu",
                self.feed_forward_proj
            )),
        }
    }
}

impl Patched {
    fn check(&self) -> Result<(), String> {
        beyond(&[
            self.context_length,
            self.prediction_length,
            self.input_patch_size,
            self.input_patch_stride,
            self.quantiles.len().saturating_mul(self.prediction_length),
        ])?;
        match are_levels(&self.quantiles) {
            true => Ok(()),
            false => Err("its quantiles are no rising levels between 0 and 1".to_owned()),
        }
    }
}

impl Binned {
    fn check(&self) -> Result<(), String> {
        if self.tokenizer_class != "MeanScaleUniformBins" || self.model_type != "seq2seq" {
            let (class, kind) = (&self.tokenizer_class, &self.model_type);
            return Err(format!(
                "it cuts values by {class:?} and is {kind:?}; only \"MeanScaleUniformBins\" and \"seq2seq\" are read here"
            ));
        }
        beyond(&[self.context_length, self.prediction_length, self.n_tokens])?;
        let Limits { low_limit, high_limit } = self.tokenizer_kwargs;
        let bins = self.n_tokens.saturating_sub(self.n_special_tokens + 1);
        if bins < 2 || !(low_limit < high_limit && low_limit.is_finite() && high_limit.is_finite()) {
            return Err("its bins are fewer than two, or have no limits".to_owned());
        }
        let draws = (1..=MOST_SAMPLES).contains(&self.num_samples)
            && self.temperature > 0.0
            && self.temperature.is_finite()
            && self.top_p > 0.0
            && self.top_p <= 1.0;
        match draws {
            true => Ok(()),
            false => Err("its num_samples, temperature or top_p are out of bounds".to_owned()),
        }
    }
}

//! What a decoder's configuration says: `config.json` of a safetensors folder, or the metadata of a GGUF file.

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;
use serde::Deserialize;

/// The architectures that one definition covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Llama 1 to 3 and all that took its shape (Touvron et al. 2023).
    Llama,
    /// Mistral 7B: Llama with a sliding window (Jiang et al. 2023).
    Mistral,
    /// Qwen 1.5 to 2.5: biases on query, key and value.
    Qwen2,
    /// Qwen 3: queries and keys are normed, a head at a time.
    Qwen3,
    /// Gemma 1: scaled embeddings, norms by `1 + w`, tanh-GELU.
    Gemma,
    /// Phi-3 and Phi-4-mini: query, key and value in one matrix, gate and up in another.
    Phi3,
}

/// The names by which architectures go, for messages.
pub(crate) const KNOWN: &str = "llama, mistral, qwen2, qwen3, gemma (the first) and phi3";

impl Architecture {
    /// The architecture of this name in `model_type` or `general.architecture`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "llama" => Self::Llama,
            "mistral" => Self::Mistral,
            "qwen2" => Self::Qwen2,
            "qwen3" => Self::Qwen3,
            "gemma" => Self::Gemma,
            "phi3" => Self::Phi3,
            _ => return None,
        })
    }
}

/// How rotary frequencies were stretched for longer texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stretch {
    None,
    /// All divided by a factor.
    Linear(f32),
    /// Low ones divided, high ones kept (Llama 3.1).
    Llama3 {
        factor: f32,
        low: f32,
        high: f32,
        before: f32,
    },
}

/// The shape of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which of its kin it is.
    pub architecture: Architecture,
    pub(crate) hidden: usize,
    pub(crate) wide: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head: usize,
    /// Dimensions of a head that rotate: the first ones.
    pub(crate) rotary: usize,
    pub(crate) vocabulary: usize,
    pub(crate) eps: f32,
    pub(crate) theta: f32,
    pub(crate) stretch: Stretch,
    /// The longest text, in tokens.
    pub longest: usize,
    pub(crate) tied: bool,
    /// Whether query, key and value have biases; `None`: whatever the file has.
    pub(crate) biases: Option<bool>,
    /// How far back layers look, from `window_from` on.
    pub(crate) window: Option<usize>,
    pub(crate) window_from: usize,
    /// Tokens that end a text.
    pub(crate) ends: Vec<u32>,
}

/// One token or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Tokens {
    One(u32),
    Many(Vec<u32>),
}

impl Tokens {
    pub(crate) fn list(&self) -> Vec<u32> {
        match self {
            Self::One(one) => vec![*one],
            Self::Many(many) => many.clone(),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Rope {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    rope_theta: Option<f32>,
    partial_rotary_factor: Option<f64>,
    factor: Option<f32>,
    low_freq_factor: Option<f32>,
    high_freq_factor: Option<f32>,
    original_max_position_embeddings: Option<f32>,
}

#[derive(Debug, Deserialize)]
struct File {
    model_type: String,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    rms_norm_eps: Option<f32>,
    rope_theta: Option<f32>,
    rope_scaling: Option<Rope>,
    rope_parameters: Option<Rope>,
    partial_rotary_factor: Option<f64>,
    max_position_embeddings: Option<usize>,
    tie_word_embeddings: Option<bool>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    hidden_act: Option<String>,
    sliding_window: Option<usize>,
    use_sliding_window: Option<bool>,
    max_window_layers: Option<usize>,
    eos_token_id: Option<Tokens>,
}

impl Config {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// A sentence that says what is missing, contradictory or not known.
    pub fn of_json(bytes: &[u8]) -> Result<Self, String> {
        let file: File = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let architecture = Architecture::named(&file.model_type).ok_or_else(|| {
            format!("{:?} is no decoder that runs here; known are {KNOWN}", file.model_type)
        })?;
        let gemma = architecture == Architecture::Gemma;
        // Gemma's published files say `gelu` and mean its approximation by tanh.
        if let Some(act) = file.hidden_act.as_deref().filter(|act| !gemma && *act != "silu") {
            return Err(format!(
                "the activation {act:?} is not known; {:?} models have silu",
                file.model_type
            ));
        }
        if file.mlp_bias == Some(true) {
            return Err("mlp_bias is not known".to_owned());
        }
        let rope = file.rope_parameters.or(file.rope_scaling).unwrap_or_default();
        let stretch = stretch(&rope)?;
        let heads = file.num_attention_heads;
        let head = file.head_dim.unwrap_or(match architecture {
            Architecture::Gemma => 256,
            Architecture::Qwen3 => 128,
            _ => file.hidden_size.checked_div(heads).unwrap_or(0),
        });
        let share = rope.partial_rotary_factor.or(file.partial_rotary_factor).unwrap_or(1.0);
        let windowed = match architecture {
            Architecture::Mistral | Architecture::Phi3 => true,
            Architecture::Qwen2 | Architecture::Qwen3 => file.use_sliding_window == Some(true),
            _ => false,
        };
        let qwen = matches!(architecture, Architecture::Qwen2 | Architecture::Qwen3);
        Self {
            architecture,
            hidden: file.hidden_size,
            wide: file.intermediate_size,
            layers: file.num_hidden_layers,
            heads,
            kv_heads: file.num_key_value_heads.unwrap_or(heads),
            head,
            rotary: rotary(head, share),
            vocabulary: file.vocab_size,
            eps: file.rms_norm_eps.unwrap_or(1e-6),
            theta: rope.rope_theta.or(file.rope_theta).unwrap_or(10_000.0),
            stretch,
            longest: file.max_position_embeddings.unwrap_or(2048),
            tied: file.tie_word_embeddings.unwrap_or(gemma),
            biases: Some(architecture == Architecture::Qwen2 || file.attention_bias == Some(true)),
            window: file.sliding_window.filter(|_| windowed),
            window_from: file.max_window_layers.filter(|_| qwen).unwrap_or(0),
            ends: file.eos_token_id.map(|tokens| tokens.list()).unwrap_or_default(),
        }
        .checked()
    }

    /// Reads the metadata of a GGUF file. `tied` and the size of the vocabulary follow from its tensors.
    ///
    /// # Errors
    /// As [`Self::of_json`].
    pub(crate) fn of_gguf(
        meta: &HashMap<String, Value>,
        vocabulary: usize,
        tied: bool,
    ) -> Result<Self, String> {
        let name = meta.get("general.architecture").and_then(|value| value.to_string().ok());
        let name = name.ok_or("general.architecture is missing: this is no language model")?;
        let architecture = Architecture::named(name)
            .ok_or_else(|| format!("{name:?} is no decoder that runs here; known are {KNOWN}"))?;
        let get = |key: &str| meta.get(&format!("{name}.{key}"));
        let number =
            |key: &str| get(key).and_then(|value| value.to_u64().ok()).and_then(|n| usize::try_from(n).ok());
        let must = |key: &str| number(key).ok_or_else(|| format!("{name}.{key} is missing"));
        let real = |key: &str| get(key).and_then(|value| value.to_f32().ok());
        let (hidden, heads) = (must("embedding_length")?, must("attention.head_count")?);
        let head = number("attention.key_length").unwrap_or(hidden.checked_div(heads).unwrap_or(0));
        let kind = get("rope.scaling.type").and_then(|value| value.to_string().ok());
        let rope = Rope { rope_type: kind.cloned(), factor: real("rope.scaling.factor"), ..Rope::default() };
        let ends = ["eos", "eot", "eom"].iter().filter_map(|which| {
            let value = meta.get(&format!("tokenizer.ggml.{which}_token_id"))?;
            u32::try_from(value.to_u64().ok()?).ok()
        });
        Self {
            architecture,
            hidden,
            wide: must("feed_forward_length")?,
            layers: must("block_count")?,
            heads,
            kv_heads: number("attention.head_count_kv").unwrap_or(heads),
            head,
            rotary: number("rope.dimension_count").unwrap_or(head),
            vocabulary,
            eps: real("attention.layer_norm_rms_epsilon").unwrap_or(1e-6),
            theta: real("rope.freq_base").unwrap_or(10_000.0),
            stretch: stretch(&rope)?,
            longest: must("context_length")?,
            tied,
            biases: (architecture == Architecture::Qwen2).then_some(true),
            window: number("attention.sliding_window").filter(|window| *window > 0),
            window_from: 0,
            ends: ends.collect(),
        }
        .checked()
    }

    /// Holds sizes to each other, so that no later step divides by zero or asks for absurd amounts.
    fn checked(self) -> Result<Self, String> {
        const MOST: usize = 1 << 24;
        let sizes = [
            ("hidden size", self.hidden),
            ("intermediate size", self.wide),
            ("number of layers", self.layers),
            ("number of heads", self.heads),
            ("number of key-value heads", self.kv_heads),
            ("size of a head", self.head),
            ("size of the vocabulary", self.vocabulary),
            ("longest text", self.longest),
        ];
        if let Some((what, size)) = sizes.iter().find(|(_, size)| *size == 0 || *size > MOST) {
            return Err(format!("a {what} of {size} cannot be"));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(format!("{} heads cannot share {} key-value heads", self.heads, self.kv_heads));
        }
        if self.rotary == 0 || !self.rotary.is_multiple_of(2) || self.rotary > self.head {
            return Err(format!("{} of {} dimensions of a head cannot rotate", self.rotary, self.head));
        }
        let fine = self.window != Some(0) && self.theta > 1.0 && self.eps >= 0.0;
        if !fine {
            return Err("the sliding window, rope_theta or rms_norm_eps is out of range".to_owned());
        }
        Ok(self)
    }

    /// How far back a layer looks; `None`: to the beginning.
    pub(crate) fn window(&self, layer: usize) -> Option<usize> {
        self.window.filter(|_| layer >= self.window_from)
    }

    /// The frequencies of the rotary embedding (Su et al. 2021), one for each pair of dimensions.
    pub(crate) fn frequencies(&self) -> Vec<f32> {
        #[allow(clippy::cast_precision_loss)] // dimensions of a head
        let plain =
            (0..self.rotary).step_by(2).map(|at| 1.0 / self.theta.powf(at as f32 / self.rotary as f32));
        plain
            .map(|frequency| match self.stretch {
                Stretch::None => frequency,
                Stretch::Linear(factor) => frequency / factor,
                Stretch::Llama3 { factor, low, high, before } => {
                    let wave = 2.0 * std::f32::consts::PI / frequency;
                    if wave < before / high {
                        frequency
                    } else if wave > before / low {
                        frequency / factor
                    } else {
                        let share = (before / wave - low) / (high - low);
                        (1.0 - share) * frequency / factor + share * frequency
                    }
                }
            })
            .collect()
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // a head's size
fn rotary(head: usize, share: f64) -> usize {
    (head as f64 * share) as usize
}

fn stretch(rope: &Rope) -> Result<Stretch, String> {
    let need = |value: Option<f32>, key: &str| {
        value.filter(|value| *value > 0.0).ok_or_else(|| format!("the rope's {key} is missing"))
    };
    Ok(match rope.rope_type.as_deref() {
        None | Some("default" | "none") => Stretch::None,
        Some("linear") => Stretch::Linear(need(rope.factor, "factor")?),
        Some("llama3") => Stretch::Llama3 {
            factor: need(rope.factor, "factor")?,
            low: need(rope.low_freq_factor, "low_freq_factor")?,
            high: need(rope.high_freq_factor, "high_freq_factor")?,
            before: need(rope.original_max_position_embeddings, "original_max_position_embeddings")?,
        },
        Some(other) => {
            return Err(format!(
                "the rope is stretched by {other:?}, which is not known here (default, linear and llama3 are); take a \
                 model of the family without it"
            ));
        }
    })
}

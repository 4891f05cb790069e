//! A decoder's `config.json`, as any version of `transformers` writes it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::rope::{Rope, Scaling, ScalingKeys};
use super::{Architecture, Config, Windowed, over_root};

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
struct RopeKeys {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    rope_theta: Option<f32>,
    partial_rotary_factor: Option<f64>,
    factor: Option<f32>,
    low_freq_factor: Option<f32>,
    high_freq_factor: Option<f32>,
    original_max_position_embeddings: Option<f32>,
    beta_fast: Option<f32>,
    beta_slow: Option<f32>,
    truncate: Option<bool>,
    attention_factor: Option<f32>,
    mscale: Option<f32>,
    mscale_all_dim: Option<f32>,
    short_factor: Option<Vec<f32>>,
    long_factor: Option<Vec<f32>>,
}

/// One rope for all layers, or one for those without and one for those with a window.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Ropes {
    Two { full_attention: RopeKeys, sliding_attention: RopeKeys },
    One(RopeKeys),
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
    rope_local_base_freq: Option<f32>,
    rope_scaling: Option<RopeKeys>,
    rope_parameters: Option<Ropes>,
    partial_rotary_factor: Option<f64>,
    max_position_embeddings: Option<usize>,
    original_max_position_embeddings: Option<f32>,
    query_pre_attn_scalar: Option<f64>,
    attn_logit_softcapping: Option<f64>,
    final_logit_softcapping: Option<f64>,
    tie_word_embeddings: Option<bool>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    hidden_act: Option<String>,
    sliding_window: Option<usize>,
    sliding_window_pattern: Option<usize>,
    use_sliding_window: Option<bool>,
    use_bidirectional_attention: Option<bool>,
    max_window_layers: Option<usize>,
    layer_types: Option<Vec<String>>,
    eos_token_id: Option<Tokens>,
}

/// The settings with what `transformers` takes where a Gemma does not say it. Of a Gemma 3 that also sees pictures, those of
/// its texts.
fn settled(whole: Value) -> Value {
    let pictures = whole["model_type"] == "gemma3" && whole["text_config"].is_object();
    let (mut settings, said) = match whole["model_type"].as_str() {
        Some("gemma2") => (
            json!({ "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "sliding_window": 4096 }),
            whole,
        ),
        Some("gemma3") if pictures => (
            json!({
                "model_type": "gemma3_text", "vocab_size": 262_208, "hidden_size": 2304, "intermediate_size": 9216,
                "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4,
                "max_position_embeddings": 131_072, "sliding_window": 4096, "eos_token_id": whole["eos_token_id"]
            }),
            whole["text_config"].clone(),
        ),
        Some("gemma3" | "gemma3_text") => (json!({ "sliding_window": 4096 }), whole),
        _ => return whole,
    };
    for (key, value) in said.as_object().into_iter().flatten() {
        settings[key.as_str()] = value.clone();
    }
    settings
}

impl Config {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// A sentence that says what is missing, contradictory or not known.
    pub fn of_json(bytes: &[u8]) -> Result<Self, String> {
        let whole: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let file = File::deserialize(&settled(whole)).map_err(|error| error.to_string())?;
        let architecture =
            Architecture::named(&file.model_type).ok_or_else(|| Architecture::unknown(&file.model_type))?;
        file.refuse(architecture)?;
        let (rope, local_rope) = file.ropes(architecture)?;
        let gemma = architecture.is_gemma();
        let heads = file.num_attention_heads;
        let head = file.head_dim.unwrap_or(match architecture {
            Architecture::Gemma | Architecture::Gemma2 | Architecture::Gemma3 => 256,
            Architecture::Qwen3 => 128,
            _ => file.hidden_size.checked_div(heads).unwrap_or(0),
        });
        let share = match &file.rope_parameters {
            Some(Ropes::One(rope)) => rope.partial_rotary_factor,
            _ => file.rope_scaling.as_ref().and_then(|rope| rope.partial_rotary_factor),
        };
        let share = share.or(file.partial_rotary_factor).unwrap_or(1.0);
        let scale = if architecture.has_post_norms() {
            1.0 / file.query_pre_attn_scalar.unwrap_or(256.0).sqrt()
        } else {
            over_root(head)
        };
        let windowed = match architecture {
            Architecture::Mistral | Architecture::Phi3 | Architecture::Gemma2 | Architecture::Gemma3 => true,
            Architecture::Qwen2 | Architecture::Qwen3 => file.use_sliding_window == Some(true),
            _ => false,
        };
        Self {
            architecture,
            hidden: file.hidden_size,
            intermediate: file.intermediate_size,
            layers: file.num_hidden_layers,
            heads,
            kv_heads: file.num_key_value_heads.unwrap_or(heads),
            head,
            rotary: rotary(head, share),
            vocabulary: file.vocab_size,
            eps: file.rms_norm_eps.unwrap_or(1e-6),
            rope,
            local_rope,
            scale,
            attention_softcap: file.attn_logit_softcapping.filter(|_| architecture == Architecture::Gemma2),
            logits_softcap: file.final_logit_softcapping.filter(|_| architecture.has_post_norms()),
            longest: file.max_position_embeddings.unwrap_or(2048),
            tied: file.tie_word_embeddings.unwrap_or(gemma),
            biases: Some(architecture == Architecture::Qwen2 || file.attention_bias == Some(true)),
            window: file.sliding_window.filter(|_| windowed),
            windowed: file.windowed(architecture),
            ends: file.eos_token_id.map(|tokens| tokens.list()).unwrap_or_default(),
        }
        .checked()
    }
}

impl File {
    /// Says what this model has that is not known here.
    fn refuse(&self, architecture: Architecture) -> Result<(), String> {
        // Gemma's published files say `gelu` and mean its approximation by tanh.
        let odd = self.hidden_act.as_deref().filter(|act| !architecture.is_gemma() && *act != "silu");
        if let Some(act) = odd {
            let kind = &self.model_type;
            return Err(format!("the activation {act:?} is not known; {kind:?} models have silu"));
        }
        if self.mlp_bias == Some(true) {
            return Err("mlp_bias is not known".to_owned());
        }
        if self.use_bidirectional_attention == Some(true) {
            return Err("use_bidirectional_attention makes it an encoder, and it cannot write".to_owned());
        }
        Ok(())
    }

    /// Which layers have a window.
    fn windowed(&self, architecture: Architecture) -> Windowed {
        match (&self.layer_types, architecture) {
            (Some(types), _) => {
                Windowed::Listed(types.iter().map(|kind| kind == "sliding_attention").collect())
            }
            (None, Architecture::Gemma2) => Windowed::AllBut(2),
            (None, Architecture::Gemma3) => Windowed::AllBut(self.sliding_window_pattern.unwrap_or(6)),
            (None, Architecture::Qwen2 | Architecture::Qwen3) => {
                Windowed::From(self.max_window_layers.unwrap_or(0))
            }
            _ => Windowed::From(0),
        }
    }

    /// The rope of all layers, and that of layers with a window where it is another.
    fn ropes(&self, architecture: Architecture) -> Result<(Rope, Option<Rope>), String> {
        let gemma3 = architecture == Architecture::Gemma3;
        let theta = self.rope_theta.unwrap_or(if gemma3 { 1_000_000.0 } else { 10_000.0 });
        let rope = |keys: &RopeKeys, theta: f32| {
            let mut said = self.said(keys);
            // As the first versions of Phi-3 called it.
            if architecture == Architecture::Phi3 && said.kind.as_deref() == Some("yarn") {
                said.kind = Some("longrope".to_owned());
            }
            Ok::<_, String>(Rope { theta: keys.rope_theta.unwrap_or(theta), scaling: said.scaling()? })
        };
        let local = self.rope_local_base_freq.unwrap_or(10_000.0);
        match &self.rope_parameters {
            Some(Ropes::Two { full_attention, sliding_attention }) => {
                Ok((rope(full_attention, theta)?, Some(rope(sliding_attention, local)?)))
            }
            Some(Ropes::One(keys)) => Ok((rope(keys, theta)?, None)),
            None => {
                let keys = self.rope_scaling.clone().unwrap_or_default();
                let local_rope = gemma3.then_some(Rope { theta: local, scaling: Scaling::None });
                Ok((rope(&keys, theta)?, local_rope))
            }
        }
    }

    fn said(&self, keys: &RopeKeys) -> ScalingKeys {
        let longest = self.max_position_embeddings.map(|longest| longest as f32);
        ScalingKeys {
            kind: keys.rope_type.clone(),
            factor: keys.factor,
            low: keys.low_freq_factor,
            high: keys.high_freq_factor,
            // Phi-3 says it beside, and that goes first.
            before: self
                .original_max_position_embeddings
                .or(keys.original_max_position_embeddings)
                .or(longest),
            longest,
            fast: keys.beta_fast,
            slow: keys.beta_slow,
            truncate: keys.truncate,
            attention: keys.attention_factor,
            scales: keys.mscale.zip(keys.mscale_all_dim),
            factors: keys.short_factor.clone().zip(keys.long_factor.clone()),
        }
    }
}

fn rotary(head: usize, share: f64) -> usize {
    (head as f64 * share) as usize
}

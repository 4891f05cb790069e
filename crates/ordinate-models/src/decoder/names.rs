//! Names of tensors: in safetensors, and in GGUF.

use super::config::Architecture;
use super::weights::Weights;

/// What stands before the names of a text model: alone, or in a model that also sees pictures, as hubs and as newer
/// versions of `transformers` have it.
const PREFIXES: [&str; 3] = ["model.", "language_model.model.", "model.language_model."];

pub(crate) struct Names {
    pub(crate) gguf: bool,
    prefix: &'static str,
    post_norms: bool,
}

impl Names {
    pub(crate) fn of(weights: &Weights, architecture: Architecture) -> Self {
        let there = |prefix: &&&str| weights.has(&format!("{prefix}embed_tokens.weight"));
        let prefix = PREFIXES.iter().find(there).copied().unwrap_or(PREFIXES[0]);
        Self { gguf: weights.is_gguf(), prefix, post_norms: architecture.has_post_norms() }
    }

    /// A tensor of a layer.
    pub(crate) fn layer(&self, layer: usize, safetensors: &str, gguf: &str) -> String {
        if self.gguf {
            format!("blk.{layer}.{gguf}")
        } else {
            format!("{}layers.{layer}.{safetensors}", self.prefix)
        }
    }

    /// The norm before the feed-forward network. Safetensors call it for what it follows, unless another one does.
    pub(crate) fn mlp_norm(&self, layer: usize) -> String {
        let plain = if self.post_norms {
            "pre_feedforward_layernorm.weight"
        } else {
            "post_attention_layernorm.weight"
        };
        self.layer(layer, plain, "ffn_norm.weight")
    }

    pub(crate) fn embedding(&self) -> String {
        if self.gguf { "token_embd".to_owned() } else { format!("{}embed_tokens", self.prefix) }
    }

    pub(crate) fn norm(&self) -> String {
        if self.gguf { "output_norm.weight".to_owned() } else { format!("{}norm.weight", self.prefix) }
    }

    pub(crate) fn head(&self) -> &'static str {
        match (self.gguf, self.prefix) {
            (true, _) => "output",
            (false, "language_model.model.") => "language_model.lm_head",
            (false, _) => "lm_head",
        }
    }

    /// Whether a tensor is no part of what is read: positions that are computed, a head that is the embedding, and what sees
    /// pictures.
    pub(crate) fn ignores(&self, name: &str, tied: bool) -> bool {
        let pictures = || {
            let inner = name.strip_prefix("model.").unwrap_or(name);
            self.prefix != PREFIXES[0]
                && (inner.starts_with("vision_tower.") || inner.starts_with("multi_modal_projector."))
        };
        name.ends_with("rotary_emb.inv_freq") || tied && name.ends_with("lm_head.weight") || pictures()
    }
}

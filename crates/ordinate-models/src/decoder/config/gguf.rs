//! A decoder's metadata in a GGUF file, as llama.cpp's converter writes it.

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;

use super::super::rope::{Rope, Scaling, ScalingKeys};
use super::{Architecture, Config, Windowed, over_root};

/// What a file's tensors say of its configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shapes {
    /// The rows of the embedding.
    pub(crate) vocabulary: usize,
    /// Whether there is no head of its own.
    pub(crate) tied: bool,
    /// Whether it has divisors for longer texts (`rope_factors_long.weight`).
    pub(crate) long: bool,
}

/// Layers of the 27-billion-parameter versions of Gemma 2 and 3. Only they divide products of queries and keys by the root
/// of the hidden size over the heads (`query_pre_attn_scalar` 144 and 168), and GGUF files do not say so: llama.cpp knows
/// them by their layers, too.
const LARGEST: [(Architecture, usize); 2] = [(Architecture::Gemma2, 46), (Architecture::Gemma3, 62)];

impl Config {
    /// Reads the metadata of a GGUF file. Where it has divisors for longer texts, they are 1 until the tensors are read.
    ///
    /// # Errors
    /// As [`Self::of_json`].
    pub(crate) fn of_gguf(meta: &HashMap<String, Value>, shapes: Shapes) -> Result<Self, String> {
        let name = meta.get("general.architecture").and_then(|value| value.to_string().ok());
        let name = name.ok_or("general.architecture is missing: this is no language model")?;
        let architecture = Architecture::named(name).ok_or_else(|| Architecture::unknown(name))?;
        let get = |key: &str| meta.get(&format!("{name}.{key}"));
        let number =
            |key: &str| get(key).and_then(|value| value.to_u64().ok()).and_then(|n| usize::try_from(n).ok());
        let must = |key: &str| number(key).ok_or_else(|| format!("{name}.{key} is missing"));
        let real = |key: &str| get(key).and_then(|value| value.to_f32().ok());
        let (hidden, heads) = (must("embedding_length")?, must("attention.head_count")?);
        let (layers, longest) = (must("block_count")?, must("context_length")?);
        let head = number("attention.key_length").unwrap_or(hidden.checked_div(heads).unwrap_or(0));
        let rotary = number("rope.dimension_count").unwrap_or(head);
        let kind = get("rope.scaling.type").and_then(|value| value.to_string().ok()).cloned();
        let ones = || vec![1.0; rotary.min(1 << 16) / 2];
        let length = |tokens: usize| tokens as f32;
        let said = ScalingKeys {
            kind: if shapes.long { Some("longrope".to_owned()) } else { kind },
            factor: real("rope.scaling.factor"),
            before: number("rope.scaling.original_context_length").or(Some(longest)).map(length),
            longest: Some(length(longest)),
            fast: real("rope.scaling.yarn_beta_fast"),
            slow: real("rope.scaling.yarn_beta_slow"),
            // Of longrope the whole factor, of yarn one to its own: llama.cpp multiplies that.
            attention: real("rope.scaling.attn_factor").or(Some(1.0)).filter(|_| shapes.long),
            factors: shapes.long.then(|| (ones(), ones())),
            ..ScalingKeys::default()
        };
        let window = number("attention.sliding_window")
            .or((architecture == Architecture::Gemma2).then_some(4096))
            .filter(|window| *window > 0);
        // Without a window, no layer of Gemma 3 rotates as those with one do.
        let two_ropes = architecture == Architecture::Gemma3 && window.is_some();
        let theta = real("rope.freq_base").unwrap_or(10_000.0);
        let local = Rope { theta: real("rope.freq_base_swa").unwrap_or(10_000.0), scaling: Scaling::None };
        let cap = |key: &str, usual: f32| {
            let usual = (architecture == Architecture::Gemma2).then_some(usual);
            real(key).or(usual).map(f64::from).filter(|cap| *cap != 0.0 && architecture.has_post_norms())
        };
        Self {
            architecture,
            hidden,
            intermediate: must("feed_forward_length")?,
            layers,
            heads,
            kv_heads: number("attention.head_count_kv").unwrap_or(heads),
            head,
            rotary,
            vocabulary: shapes.vocabulary,
            eps: real("attention.layer_norm_rms_epsilon").unwrap_or(1e-6),
            rope: Rope { theta, scaling: said.scaling()? },
            local_rope: two_ropes.then_some(local),
            scale: if LARGEST.contains(&(architecture, layers)) {
                over_root(hidden.checked_div(heads).unwrap_or(0))
            } else {
                over_root(head)
            },
            attention_softcap: cap("attn_logit_softcapping", 50.0)
                .filter(|_| architecture == Architecture::Gemma2),
            logits_softcap: cap("final_logit_softcapping", 30.0),
            longest,
            tied: shapes.tied,
            biases: (architecture == Architecture::Qwen2).then_some(true),
            window,
            windowed: windowed(architecture, get("attention.sliding_window_pattern"))?,
            ends: ends(meta),
        }
        .checked()
    }
}

/// The tokens that end a text.
pub(crate) fn ends(meta: &HashMap<String, Value>) -> Vec<u32> {
    let named = ["eos", "eot", "eom"].iter().filter_map(|which| {
        let value = meta.get(&format!("tokenizer.ggml.{which}_token_id"))?;
        u32::try_from(value.to_u64().ok()?).ok()
    });
    named.collect()
}

/// Which layers have a window: as listed, all but every so manieth, or as llama.cpp takes it where nothing is said.
fn windowed(architecture: Architecture, said: Option<&Value>) -> Result<Windowed, String> {
    let usual = match architecture {
        Architecture::Gemma2 => Windowed::AllBut(2),
        Architecture::Gemma3 => Windowed::AllBut(6),
        _ => return Ok(Windowed::From(0)),
    };
    let Some(said) = said else { return Ok(usual) };
    if let Ok(list) = said.to_vec() {
        let list: Result<Vec<bool>, _> = list.iter().map(Value::to_bool).collect();
        return list
            .map(Windowed::Listed)
            .map_err(|_| "sliding_window_pattern is no list of truths".to_owned());
    }
    let every = said.to_u64().ok().and_then(|every| usize::try_from(every).ok());
    every
        .map(Windowed::AllBut)
        .ok_or_else(|| "sliding_window_pattern is neither a number nor a list".to_owned())
}

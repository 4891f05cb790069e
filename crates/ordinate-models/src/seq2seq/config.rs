//! What `config.json` and `generation_config.json` say of a translator.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::beam::{Ending, Search};
use crate::encoder::json;
use crate::error::ModelError;
use crate::source::file;

/// The shape of a model of the Marian family, as `transformers` writes it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Config {
    pub(super) d_model: usize,
    pub(super) encoder_layers: usize,
    pub(super) decoder_layers: usize,
    pub(super) encoder_attention_heads: usize,
    pub(super) decoder_attention_heads: usize,
    pub(super) encoder_ffn_dim: usize,
    pub(super) decoder_ffn_dim: usize,
    #[serde(default = "positions")]
    pub(super) max_position_embeddings: usize,
    #[serde(default = "activation")]
    pub(super) activation_function: String,
    #[serde(default)]
    pub(super) scale_embedding: bool,
}

fn positions() -> usize {
    1_024
}

fn activation() -> String {
    "gelu".to_owned()
}

/// The most tokens of a translation where nothing says it.
const LONGEST: usize = 512;
/// Widths and depths that no published model comes near.
const MOST: usize = 1 << 16;

/// The shape of the model of a folder, and how it writes.
pub(super) fn read(folder: &Path) -> Result<(Config, Search), ModelError> {
    let path = folder.join("config.json");
    let generation = folder.join("generation_config.json");
    let writing = if generation.is_file() { Some(json(&generation)?) } else { None };
    of(&path, json(&path)?, writing)
}

/// The same of what was read from `path`, and what is said of writing, which goes before what the configuration has always said.
pub(super) fn of(
    path: &Path,
    mut said: Value,
    writing: Option<Value>,
) -> Result<(Config, Search), ModelError> {
    let wrong = |problem: &str| file(path, problem);
    let config = Config::deserialize(&said)
        .map_err(|error| wrong(&format!("is not the configuration of a translator: {error}")))?;
    let parted = |heads: usize| heads > 0 && config.d_model.is_multiple_of(heads);
    let sizes =
        [config.d_model, config.encoder_ffn_dim, config.decoder_ffn_dim, config.max_position_embeddings];
    if !parted(config.encoder_attention_heads) || !parted(config.decoder_attention_heads) {
        return Err(wrong("its heads do not part its width"));
    }
    if sizes.iter().any(|size| !(1..=MOST).contains(size))
        || config.encoder_layers.max(config.decoder_layers) > 256
    {
        return Err(wrong("its sizes are beyond what any model has"));
    }
    if !matches!(config.activation_function.as_str(), "swish" | "silu" | "relu" | "gelu") {
        let problem =
            format!("the activation {:?} is none of swish, relu and gelu", config.activation_function);
        return Err(wrong(&problem));
    }
    if said["share_encoder_decoder_embeddings"] == false {
        return Err(wrong("its decoder has a vocabulary of its own, which is not read"));
    }
    if let (Value::Object(all), Some(Value::Object(writing))) = (&mut said, writing) {
        all.extend(writing);
    }
    let number = |key: &str| said[key].as_u64().and_then(|number| usize::try_from(number).ok());
    let token = |key: &str| {
        let token =
            said[key].as_u64().or_else(|| said[key][0].as_u64()).and_then(|token| u32::try_from(token).ok());
        token.ok_or_else(|| wrong(&format!("{key} is missing")))
    };
    let banned = said["bad_words_ids"].as_array().into_iter().flatten();
    let search = Search {
        beams: number("num_beams").unwrap_or(1).clamp(1, 64),
        // One more than the positions of what is written would reach.
        longest: number("max_length").unwrap_or(LONGEST).min(config.max_position_embeddings),
        length_penalty: said["length_penalty"].as_f64().unwrap_or(1.0),
        ending: match &said["early_stopping"] {
            Value::Bool(true) => Ending::WhenFull,
            Value::String(_) => Ending::Never,
            _ => Ending::WhenBeaten,
        },
        start: token("decoder_start_token_id")?,
        end: token("eos_token_id")?,
        pad: token("pad_token_id")?,
        forced_end: said["forced_eos_token_id"].as_u64().and_then(|token| u32::try_from(token).ok()),
        // Longer words that are banned are rare, and are not banned here.
        banned: banned
            .filter_map(|word| word.as_array().filter(|word| word.len() == 1)?[0].as_u64())
            .filter_map(|token| u32::try_from(token).ok())
            .collect(),
        renormalizes: said["renormalize_logits"] == true,
    };
    Ok((config, search))
}

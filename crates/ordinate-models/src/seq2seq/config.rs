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

/// The most tokens of a translation where nothing says it, with the one that begins it: `transformers` would cut it behind 20.
const LONGEST: usize = 512;
/// The fewest of them: one that is written.
pub(super) const SHORTEST: usize = 2;
/// Widths and depths that no published model comes near.
const MOST: usize = 1 << 16;

/// The shape of the model of a folder, and how it writes.
pub(super) fn read(folder: &Path) -> Result<(Config, Search), ModelError> {
    let path = folder.join("config.json");
    let generation = folder.join("generation_config.json");
    let writing = if generation.is_file() { Some(json(&generation)?) } else { None };
    of(&path, &json(&path)?, writing)
}

/// The same of what was read from `path`, and what is said of writing: that alone counts where there is any, as in `transformers`, unless it was
/// made of the configuration, which has always said it too.
pub(super) fn of(path: &Path, said: &Value, writing: Option<Value>) -> Result<(Config, Search), ModelError> {
    let wrong = |problem: &str| file(path, problem);
    let config = Config::deserialize(said)
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
    let writing = match writing {
        Some(writing) if writing["_from_model_config"] == true => both(said, writing),
        Some(writing) => writing,
        None => said.clone(),
    };
    let number = |key: &str| writing[key].as_u64().and_then(|number| usize::try_from(number).ok());
    let token = |key: &str| {
        let of = |said: &Value| said[key].as_u64().or_else(|| said[key][0].as_u64());
        let token = of(&writing).or_else(|| of(said)).and_then(|token| u32::try_from(token).ok());
        token.ok_or_else(|| wrong(&format!("{key} is missing")))
    };
    let banned = writing["bad_words_ids"].as_array().into_iter().flatten();
    // What is to be new goes before the whole, which has the token that begins it.
    let longest = number("max_new_tokens").map(|new| new.saturating_add(1)).or_else(|| number("max_length"));
    let search = Search {
        beams: number("num_beams").unwrap_or(1).clamp(1, 64),
        longest: longest.unwrap_or(LONGEST).max(SHORTEST).min(config.max_position_embeddings),
        length_penalty: writing["length_penalty"].as_f64().unwrap_or(1.0),
        ending: match &writing["early_stopping"] {
            Value::Bool(true) => Ending::WhenFull,
            Value::String(_) => Ending::Never,
            _ => Ending::WhenBeaten,
        },
        start: token("decoder_start_token_id")?,
        end: token("eos_token_id")?,
        pad: token("pad_token_id")?,
        forced_end: writing["forced_eos_token_id"].as_u64().and_then(|token| u32::try_from(token).ok()),
        // Longer words that are banned are rare, and are not banned here.
        banned: banned
            .filter_map(|word| word.as_array().filter(|word| word.len() == 1)?[0].as_u64())
            .filter_map(|token| u32::try_from(token).ok())
            .collect(),
        renormalizes: writing["renormalize_logits"] == true,
    };
    Ok((config, search))
}

/// What the configuration says, and what goes before it.
fn both(said: &Value, before: Value) -> Value {
    let mut both = said.clone();
    if let (Value::Object(all), Value::Object(before)) = (&mut both, before) {
        all.extend(before);
    }
    both
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn search(config: &Value, writing: Option<Value>) -> Search {
        let said = json!({
            "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
            "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 64, "eos_token_id": 0, "pad_token_id": 9,
            "decoder_start_token_id": 9,
        });
        let said = both(&said, config.clone());
        of(Path::new("config.json"), &said, writing).unwrap().1
    }

    /// Which of two files says how long a text may be, and which key: as `GenerationMixin` of `transformers` has it.
    #[test]
    fn the_longest_text_is_what_the_files_say() {
        let old = json!({ "max_length": 40, "num_beams": 6, "length_penalty": 0.7 });
        for (config, writing, longest, beams) in [
            (old.clone(), None, 40, 6),
            // What is said of writing counts alone, but where it was made of the configuration.
            (old.clone(), Some(json!({ "max_length": 30 })), 30, 1),
            (old.clone(), Some(json!({ "num_beams": 2, "_from_model_config": true })), 40, 2),
            (json!({}), Some(json!({ "max_new_tokens": 10 })), 11, 1),
            (json!({}), Some(json!({ "max_new_tokens": 10, "max_length": 50 })), 11, 1),
            (json!({}), Some(json!({ "max_new_tokens": null, "max_length": 50 })), 50, 1),
            // No longer than positions reach, and never nothing.
            (json!({}), Some(json!({ "max_new_tokens": 5_000 })), 64, 1),
            (json!({}), Some(json!({ "max_length": 1 })), 2, 1),
            (json!({}), None, 64, 1),
        ] {
            let found = search(&config, writing.clone());
            assert_eq!((found.longest, found.beams), (longest, beams), "{config} {writing:?}");
            assert_eq!((found.start, found.end, found.pad), (9, 0, 9), "tokens of the configuration");
        }
        let penalty = search(&old, Some(json!({ "max_length": 30 }))).length_penalty;
        assert!((penalty - 1.0).abs() < 1e-12);
    }
}

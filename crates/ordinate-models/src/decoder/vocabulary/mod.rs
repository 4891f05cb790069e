//! The tokenizer that a GGUF file brings: byte-level BPE ([`bytes`]) or SentencePiece ([`pieces`]).

mod bytes;
mod pieces;

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;
use tokenizers::{AddedToken, Tokenizer};

/// What to do about a vocabulary that is not read.
const BESIDE: &str = "lay the model's tokenizer.json beside the file";

/// Kinds of tokens in GGUF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Unknown,
    Control,
    User,
    Unused,
    Byte,
}

/// The metadata of a file, as far as it is about the vocabulary.
struct Meta<'a>(&'a HashMap<String, Value>);

impl Meta<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(&format!("tokenizer.ggml.{key}"))
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.to_string().ok().map(String::as_str)
    }

    fn truth(&self, key: &str) -> Option<bool> {
        self.get(key)?.to_bool().ok()
    }

    fn list(&self, key: &str) -> Result<&[Value], String> {
        let values = self.get(key).and_then(|value| value.to_vec().ok());
        values.map(Vec::as_slice).ok_or_else(|| format!("tokenizer.ggml.{key} is missing: {BESIDE}"))
    }

    fn texts(&self, key: &str) -> Result<Vec<&str>, String> {
        let texts = self.list(key)?.iter().map(|value| value.to_string().map(String::as_str));
        texts.collect::<Result<_, _>>().map_err(|_| format!("tokenizer.ggml.{key} is no list of texts"))
    }

    /// The kinds of `count` tokens; all are normal where the file does not say it.
    fn kinds(&self, count: usize) -> Result<Vec<Kind>, String> {
        let Some(values) = self.get("token_type").and_then(|value| value.to_vec().ok()) else {
            return Ok(vec![Kind::Normal; count]);
        };
        let kind = |value: &Value| match value.to_i32().map(i64::from).or_else(|_| value.to_i64()) {
            Ok(2) => Kind::Unknown,
            Ok(3) => Kind::Control,
            Ok(4) => Kind::User,
            Ok(5) => Kind::Unused,
            Ok(6) => Kind::Byte,
            _ => Kind::Normal,
        };
        same_length("token_type", values.len(), count)?;
        Ok(values.iter().map(kind).collect())
    }
}

fn same_length(key: &str, found: usize, tokens: usize) -> Result<(), String> {
    if found == tokens {
        return Ok(());
    }
    Err(format!("tokenizer.ggml.{key} is of {found} tokens, and there are {tokens}: {BESIDE}"))
}

/// Builds the tokenizer, and says which token begins a text that has no chat template.
///
/// # Errors
/// A sentence where the kind of vocabulary is not known, or it contradicts itself.
pub(crate) fn tokenizer(meta: &HashMap<String, Value>) -> Result<(Tokenizer, Option<u32>), String> {
    let meta = Meta(meta);
    // llama.cpp's defaults.
    let (tokenizer, begins) = match meta.text("model") {
        Some("gpt2") => (bytes::tokenizer(&meta)?, false),
        Some("llama") => (pieces::tokenizer(&meta)?, true),
        Some(other) => {
            return Err(format!(
                "its vocabulary is of the kind {other:?}, and only gpt2 (byte-level BPE) and llama (SentencePiece) are \
                 read: {BESIDE}"
            ));
        }
        None => return Err(format!("it has no vocabulary: {BESIDE}")),
    };
    let begins = meta.truth("add_bos_token").unwrap_or(begins);
    let begin = id(meta.0, "bos").filter(|_| begins);
    Ok((tokenizer, begin))
}

/// Adds what is not cut: control tokens, the unknown one, and those that were defined by hand.
fn add_whole(tokenizer: &mut Tokenizer, tokens: &[String], kinds: &[Kind]) -> Result<(), String> {
    let of = |wanted: &[Kind], special: bool| -> Vec<AddedToken> {
        let tokens =
            tokens.iter().zip(kinds).filter(|(token, kind)| wanted.contains(kind) && !token.is_empty());
        tokens.map(|(token, _)| AddedToken::from(token.as_str(), special).normalized(false)).collect()
    };
    let special = of(&[Kind::Control, Kind::Unknown], true);
    tokenizer.add_special_tokens(special).map_err(|error| error.to_string())?;
    tokenizer.add_tokens(of(&[Kind::User], false)).map_err(|error| error.to_string())?;
    Ok(())
}

fn id(meta: &HashMap<String, Value>, which: &str) -> Option<u32> {
    let id = meta.get(&format!("tokenizer.ggml.{which}_token_id"))?;
    id.to_u64().ok().and_then(|id| u32::try_from(id).ok())
}

/// The text of the token that `tokenizer.ggml.{which}_token_id` names.
pub(crate) fn named(meta: &HashMap<String, Value>, which: &str) -> Option<String> {
    let tokens = meta.get("tokenizer.ggml.tokens")?.to_vec().ok()?;
    tokens.get(id(meta, which)? as usize)?.to_string().ok().cloned()
}

//! The tokenizer that a GGUF file brings: byte-level BPE ("gpt2"), which Llama 3, Qwen and their kin have.

use std::collections::HashMap;

use ahash::AHashMap;
use candle_core::quantized::gguf_file::Value;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer};

/// How Llama 3 parts words.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// How Qwen 2 and 3 part words: a digit at a time.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// How GPT-2 does.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Token types of GGUF that are not cut: control and user-defined ones.
const CONTROL: i64 = 3;
const USER: i64 = 4;

/// Builds the tokenizer.
///
/// # Errors
/// A sentence where the kind of vocabulary is not known, or it contradicts itself.
pub(crate) fn tokenizer(meta: &HashMap<String, Value>) -> Result<Tokenizer, String> {
    const BESIDE: &str = "lay the model's tokenizer.json beside the file";
    let get = |key: &str| meta.get(&format!("tokenizer.ggml.{key}"));
    let text = |key: &str| get(key).and_then(|value| value.to_string().ok()).map(String::as_str);
    match text("model") {
        Some("gpt2") => {}
        Some(other) => {
            return Err(format!(
                "its vocabulary is of the kind {other:?}, and only gpt2 (byte-level BPE) is read: {BESIDE}"
            ));
        }
        None => return Err(format!("it has no vocabulary: {BESIDE}")),
    }
    let pattern = match text("pre") {
        Some("llama-bpe" | "llama3" | "llama-v3") => LLAMA3,
        Some("qwen2" | "qwen35" | "deepseek-r1-qwen") => QWEN2,
        Some("gpt-2") => GPT2,
        other => {
            let other = other.unwrap_or("none");
            return Err(format!("its way of parting words is {other:?}, which is not known: {BESIDE}"));
        }
    };
    let texts = |key: &str| -> Result<Vec<&str>, String> {
        let values = get(key).and_then(|value| value.to_vec().ok());
        let values = values.ok_or_else(|| format!("tokenizer.ggml.{key} is missing: {BESIDE}"))?;
        let texts = values.iter().map(|value| value.to_string().map(String::as_str));
        texts.collect::<Result<_, _>>().map_err(|_| format!("tokenizer.ggml.{key} is no list of texts"))
    };
    let tokens = texts("tokens")?;
    let vocabulary: AHashMap<String, u32> =
        (0..).zip(&tokens).map(|(id, token)| ((*token).to_owned(), id)).collect();
    let merges: Option<Vec<(String, String)>> = texts("merges")?
        .iter()
        .map(|merge| merge.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned())))
        .collect();
    let merges = merges.ok_or("tokenizer.ggml.merges has a merge without two parts")?;
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).ignore_merges(pattern == LLAMA3);
    let mut tokenizer = Tokenizer::new(model.build().map_err(|error| error.to_string())?);
    let split = Split::new(SplitPattern::Regex(pattern.to_owned()), SplitDelimiterBehavior::Isolated, false);
    let bytes = ByteLevel::new(false, true, false);
    let split = PreTokenizerWrapper::Split(split.map_err(|error| error.to_string())?);
    tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![split, PreTokenizerWrapper::ByteLevel(bytes)])));
    tokenizer.with_decoder(Some(bytes));
    let types = get("token_type").and_then(|value| value.to_vec().ok());
    let whole = |wanted: i64| -> Vec<AddedToken> {
        let of = |at: usize| {
            let value = types.and_then(|types| types.get(at))?;
            value.to_i64().ok().or_else(|| value.to_i32().ok().map(i64::from))
        };
        let tokens = tokens.iter().enumerate().filter(|(at, _)| of(*at) == Some(wanted));
        tokens.map(|(_, token)| AddedToken::from(*token, wanted == CONTROL).normalized(false)).collect()
    };
    tokenizer.add_special_tokens(whole(CONTROL)).map_err(|error| error.to_string())?;
    tokenizer.add_tokens(whole(USER)).map_err(|error| error.to_string())?;
    Ok(tokenizer)
}

/// The text of the token that `tokenizer.ggml.{which}_token_id` names.
pub(crate) fn named(meta: &HashMap<String, Value>, which: &str) -> Option<String> {
    let id = meta.get(&format!("tokenizer.ggml.{which}_token_id"))?.to_u64().ok()?;
    let tokens = meta.get("tokenizer.ggml.tokens")?.to_vec().ok()?;
    tokens.get(usize::try_from(id).ok()?)?.to_string().ok().cloned()
}

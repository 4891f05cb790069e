//! Byte-level BPE ("gpt2"), which Llama 3, Qwen and their kin have.

use ahash::AHashMap;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer};

use super::{BESIDE, Meta, add_whole};
use crate::tokenizer::check_merge;

/// How Llama 3 parts words.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// How Qwen 2 and 3 part words: a digit at a time.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// How GPT-2 does.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Builds the tokenizer.
///
/// # Errors
/// A sentence where its way of parting words is not known, or it contradicts itself.
pub(super) fn tokenizer(meta: &Meta<'_>) -> Result<Tokenizer, String> {
    let pattern = match meta.text("pre") {
        Some("llama-bpe" | "llama3" | "llama-v3") => LLAMA3,
        Some("qwen2" | "qwen35" | "deepseek-r1-qwen") => QWEN2,
        Some("gpt-2") => GPT2,
        other => {
            let other = other.unwrap_or("none");
            return Err(format!("its way of parting words is {other:?}, which is not known: {BESIDE}"));
        }
    };
    let tokens: Vec<String> = meta.texts("tokens")?.into_iter().map(str::to_owned).collect();
    let vocabulary: AHashMap<String, u32> = tokens.iter().cloned().zip(0..).collect();
    let merges: Option<Vec<(String, String)>> = meta
        .texts("merges")?
        .iter()
        .map(|merge| merge.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned())))
        .collect();
    let merges = merges.ok_or("tokenizer.ggml.merges has a merge without two parts")?;
    for (at, (left, right)) in merges.iter().enumerate() {
        let known = |token: &str| vocabulary.contains_key(token);
        check_merge(at, (left, right), "", known)
            .map_err(|problem| format!("tokenizer.ggml.merges: {problem}"))?;
    }
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).ignore_merges(pattern == LLAMA3);
    let mut tokenizer = Tokenizer::new(model.build().map_err(|error| error.to_string())?);
    let split = Split::new(SplitPattern::Regex(pattern.to_owned()), SplitDelimiterBehavior::Isolated, false);
    let bytes = ByteLevel::new(false, true, false);
    let split = PreTokenizerWrapper::Split(split.map_err(|error| error.to_string())?);
    tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![split, PreTokenizerWrapper::ByteLevel(bytes)])));
    tokenizer.with_decoder(Some(bytes));
    add_whole(&mut tokenizer, &tokens, &meta.kinds(tokens.len())?)?;
    Ok(tokenizer)
}

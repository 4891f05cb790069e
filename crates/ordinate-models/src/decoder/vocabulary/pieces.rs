//! SentencePiece ("llama" in GGUF), which Llama 1 and 2, Mistral, Gemma and Phi-3 have: pieces with scores. As llama.cpp
//! reads them, the two neighbours are joined whose piece has the highest score, until none can be. That is BPE with the
//! merges in the order of the scores of what they make (as `transformers` converts such vocabularies).

use ahash::AHashMap;
use candle_core::quantized::gguf_file::Value;
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence as Decoders;
use tokenizers::decoders::strip::Strip;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::prepend::Prepend;
use tokenizers::normalizers::replace::Replace;
use tokenizers::normalizers::utils::Sequence;
use tokenizers::{DecoderWrapper, NormalizerWrapper, Tokenizer};

use super::{Kind, Meta, add_whole, same_length};

/// What stands for a space in a piece.
const SPACE: &str = "\u{2581}";

/// The longest piece that is looked at, in bytes: SentencePiece's own limit is below it.
const LONGEST: usize = 1024;

/// Builds the tokenizer.
///
/// # Errors
/// A sentence where something of the vocabulary is missing, or it contradicts itself.
pub(super) fn tokenizer(meta: &Meta<'_>) -> Result<Tokenizer, String> {
    let texts = meta.texts("tokens")?;
    let kinds = meta.kinds(texts.len())?;
    let scores = meta.list("scores")?.iter().map(Value::to_f32);
    let scores: Vec<f32> =
        scores.collect::<Result<_, _>>().map_err(|_| "tokenizer.ggml.scores is no list of numbers")?;
    same_length("scores", scores.len(), texts.len())?;
    // What was defined by hand is looked for in the text itself, where spaces are spaces.
    let plain = |(text, kind): (&&str, &Kind)| match kind {
        Kind::User => text.replace(SPACE, " "),
        _ => (*text).to_owned(),
    };
    let tokens: Vec<String> = texts.iter().zip(&kinds).map(plain).collect();
    let vocabulary: AHashMap<String, u32> = tokens.iter().cloned().zip(0..).collect();
    let joined: Vec<usize> =
        (0..tokens.len()).filter(|&at| matches!(kinds[at], Kind::Normal | Kind::Unused)).collect();
    let model = BPE::builder().vocab_and_merges(vocabulary, merges(&tokens, &scores, &joined));
    let unknown = kinds.iter().position(|kind| *kind == Kind::Unknown);
    let model = match unknown {
        Some(at) => model.unk_token(tokens[at].clone()),
        None => model,
    };
    let model = model.fuse_unk(true).byte_fallback(kinds.contains(&Kind::Byte)).build();
    let mut tokenizer = Tokenizer::new(model.map_err(|error| error.to_string())?);
    let prefix = meta.truth("add_space_prefix").unwrap_or(true);
    let failed = |error: tokenizers::Error| error.to_string();
    let mut before = vec![NormalizerWrapper::Replace(Replace::new(" ", SPACE).map_err(failed)?)];
    let mut after = vec![
        DecoderWrapper::Replace(Replace::new(SPACE, " ").map_err(failed)?),
        DecoderWrapper::ByteFallback(ByteFallback::new()),
        DecoderWrapper::Fuse(Fuse::new()),
    ];
    if prefix {
        before.insert(0, NormalizerWrapper::Prepend(Prepend::new(SPACE.to_owned())));
        after.push(DecoderWrapper::Strip(Strip::new(' ', 1, 0)));
    }
    tokenizer.with_normalizer(Some(NormalizerWrapper::Sequence(Sequence::new(before)))).map_err(failed)?;
    tokenizer.with_decoder(Some(DecoderWrapper::Sequence(Decoders::new(after))));
    add_whole(&mut tokenizer, &tokens, &kinds)?;
    Ok(tokenizer)
}

/// Every way to make a piece of two, the piece with the highest score first.
fn merges(tokens: &[String], scores: &[f32], joined: &[usize]) -> Vec<(String, String)> {
    let ids: AHashMap<&str, usize> = joined.iter().map(|&at| (tokens[at].as_str(), at)).collect();
    let mut ways = Vec::new();
    for &at in joined.iter().filter(|&&at| tokens[at].len() <= LONGEST) {
        let text = tokens[at].as_str();
        for (seam, _) in text.char_indices().skip(1) {
            let (left, right) = text.split_at(seam);
            if let (Some(&first), Some(&second)) = (ids.get(left), ids.get(right)) {
                ways.push((at, first, second));
            }
        }
    }
    ways.sort_by(|a, b| scores[b.0].total_cmp(&scores[a.0]).then(a.cmp(b)));
    ways.into_iter().map(|(_, first, second)| (tokens[first].clone(), tokens[second].clone())).collect()
}

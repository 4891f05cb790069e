//! `tokenizer.json` of other people: read, and tried out before anything hangs on it.

use ordinate_core::caught;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tokenizers::{Encoding, Tokenizer};

use crate::error::ModelError;
use crate::source::file;

/// The largest file that is read: those of the largest vocabularies (262,144 pieces) have 33 MB.
const LARGEST: u64 = 1 << 28;
/// How many times longer a text may become before it is cut into tokens. Unicode's own forms make at most 18 of 1, bytes as
/// characters 2.
const MOST_GROWTH: f64 = 10_000.0;
/// What is cut into tokens to see whether that works.
const TRIED: [&str; 4] =
    ["", "a", " Two words,\n\tand 3 \u{fffd} signs.", "\u{fdfa}\u{4e2d}\u{6587} \u{1f600}e\u{301}"];

/// Reads one.
///
/// # Errors
/// [`ModelError::File`] where it is missing or damaged.
pub(crate) fn read(path: &Path) -> Result<Tokenizer, ModelError> {
    if !path.is_file() {
        return Err(file(
            path,
            "is missing; a model without it has no fast tokenizer: save one with transformers (`AutoTokenizer.from_pretrained(...).save_pretrained(...)`)",
        ));
    }
    let bad = |problem: &str| file(path, &format!("is no tokenizer: {problem}; fetch it again"));
    let unread = |error: std::io::Error| file(path, &format!("cannot be read: {error}"));
    if fs::metadata(path).map_err(unread)?.len() > LARGEST {
        return Err(bad(&format!("it has more than {} MB", LARGEST >> 20)));
    }
    let bytes = fs::read(path).map_err(unread)?;
    let said: Value = serde_json::from_slice(&bytes).map_err(|error| bad(&error.to_string()))?;
    check(&said).map_err(|problem| bad(&problem))?;
    drop(said);
    let made = caught(|| Tokenizer::from_bytes(&bytes)).map_err(|problem| bad(&problem))?;
    let mut tokenizer = made.map_err(|error| bad(&error.to_string()))?;
    // How much is cut off and filled up is the caller's.
    tokenizer.with_truncation(None).map_err(|error| bad(&error.to_string()))?;
    tokenizer.with_padding(None);
    for text in TRIED {
        for special in [false, true] {
            let cut = caught(|| tokenizer.encode(text, special)).map_err(|problem| bad(&problem))?;
            // What it does not know, and has no token for, is an error of that text alone.
            let Ok(cut) = cut else { continue };
            caught(|| tokenizer.decode(cut.get_ids(), special)).map_err(|problem| bad(&problem))?.ok();
        }
    }
    Ok(tokenizer)
}

/// The tokens of a text.
///
/// # Errors
/// [`ModelError::Failed`] where the tokenizer fails.
pub(crate) fn encode(tokenizer: &Tokenizer, text: &str, special: bool) -> Result<Encoding, ModelError> {
    let failed = |problem: String| ModelError::Failed(format!("its tokenizer fails: {problem}"));
    caught(|| tokenizer.encode(text, special)).map_err(failed)?.map_err(|error| failed(error.to_string()))
}

/// What the library does not look at.
fn check(said: &Value) -> Result<(), String> {
    merges(&said["model"])?;
    let before = [&said["normalizer"], &said["pre_tokenizer"]];
    let growth = before.iter().map(|step| growth(step)).product::<f64>();
    if growth > MOST_GROWTH {
        return Err(format!("its normalizer makes a text up to {growth:.0} times as long"));
    }
    Ok(())
}

/// That what the merges of a model make is in its vocabulary.
fn merges(model: &Value) -> Result<(), String> {
    let Some(list) = model["merges"].as_array() else { return Ok(()) };
    let Some(vocabulary) = model["vocab"].as_object() else { return Ok(()) };
    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or_default();
    for (at, merge) in list.iter().enumerate() {
        let pair = match merge {
            Value::String(text) if text.starts_with("#version") => continue,
            Value::String(text) => text.split_once(' '),
            other => other
                .as_array()
                .filter(|pair| pair.len() == 2)
                .and_then(|pair| pair[0].as_str().zip(pair[1].as_str())),
        };
        let pair = pair.ok_or_else(|| format!("its merge {} is no pair of tokens", at + 1))?;
        check_merge(at, pair, prefix, |token| vocabulary.contains_key(token))?;
    }
    Ok(())
}

/// That a merge of BPE joins what is in the vocabulary to what is in it: the library panics on some that do not.
pub(crate) fn check_merge(
    at: usize,
    (left, right): (&str, &str),
    prefix: &str,
    known: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let shown = format!("its merge {} ({left:?} and {right:?})", at + 1);
    let rest = right
        .get(prefix.len()..)
        .ok_or_else(|| format!("{shown} is shorter than continuing_subword_prefix ({prefix:?})"))?;
    let made = format!("{left}{rest}");
    match [left, right, &made].into_iter().find(|token| !known(token)) {
        Some(token) => Err(format!("{shown}: {token:?} is not in its vocabulary")),
        None => Ok(()),
    }
}

/// How many times longer a step makes a text at most, in bytes.
fn growth(step: &Value) -> f64 {
    let steps = ["normalizers", "pretokenizers"].into_iter().find_map(|key| step[key].as_array());
    if let Some(steps) = steps {
        return steps.iter().map(growth).product();
    }
    match step["type"].as_str() {
        Some("Replace") => {
            let by = step["content"].as_str().map_or(0, str::len) as f64;
            // A pattern may match nothing, between any two characters.
            let what = step["pattern"]["String"].as_str().map_or(0, str::len);
            if what == 0 { by + 1.0 } else { (by / what as f64).max(1.0) }
        }
        Some("ByteLevel") => 2.0,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merges_stay_in_the_vocabulary() {
        let model = |merges: Value, prefix: Value| {
            let vocabulary = json!({"a": 0, "##b": 1, "b": 2, "ab": 3});
            super::merges(
                &json!({"vocab": vocabulary, "merges": merges, "continuing_subword_prefix": prefix}),
            )
        };
        assert_eq!(model(json!(["a b"]), Value::Null), Ok(()));
        assert_eq!(model(json!([["a", "##b"]]), json!("##")), Ok(()));
        for (merges, prefix, part) in [
            (json!(["b a"]), Value::Null, "\"ba\" is not in its vocabulary"),
            (json!([["a", "c"]]), Value::Null, "\"c\" is not in"),
            (json!(["a b"]), json!("####"), "shorter than"),
            (json!([["a", "\u{e9}"]]), json!("x"), "shorter than"),
            (json!(["ab"]), Value::Null, "no pair"),
            (json!([7]), Value::Null, "no pair"),
        ] {
            let said = model(merges, prefix).unwrap_err();
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn texts_do_not_explode() {
        let replace = |by: &str| json!({"type": "Replace", "pattern": {"String": " "}, "content": by});
        let all =
            |steps: Vec<Value>| check(&json!({"normalizer": {"type": "Sequence", "normalizers": steps}}));
        assert_eq!(all(vec![json!({"type": "Prepend", "prepend": "_"}), replace("\u{2581}")]), Ok(()));
        assert!(all(vec![replace("  "); 40]).unwrap_err().contains("times as long"));
        assert!(all(vec![json!({"type": "ByteLevel"}); 40]).is_err());
    }
}

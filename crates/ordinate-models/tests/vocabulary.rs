//! SentencePiece vocabularies in GGUF against llama.cpp: golden/make_vocabulary.py wrote how it cuts texts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod tiny;

use std::fs;

use ordinate_models::decoder::{Place, Writer, open};

const KEY: &[u8] = b"tokenizer.ggml.add_space_prefix";

fn found(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).unwrap()
}

/// A model with the vocabulary, after a change to its file.
fn writer(change: impl Fn(&mut Vec<u8>)) -> Result<Writer, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    let mut bytes = tiny::gguf("pieces-Q8_0");
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    open(&Place::Gguf(path)).map_err(|error| error.to_string())
}

#[test]
fn texts_are_cut_as_by_llama_cpp() {
    let with = writer(|_| ()).unwrap();
    // The truth stands behind the key and its type.
    let without = writer(|bytes| {
        let at = found(bytes, KEY) + KEY.len() + 4;
        assert_eq!(bytes[at], 1);
        bytes[at] = 0;
    });
    let without = without.unwrap();
    let rows = tiny::rows("vocabulary.json");
    assert_eq!(rows.len(), 70);
    for row in rows {
        let writer = if row["prefix"] == true { &with } else { &without };
        let text = row["text"].as_str().unwrap();
        let ids: Vec<u32> = serde_json::from_value(row["ids"].clone()).unwrap();
        // The token that begins a text comes by llama.cpp's default.
        assert_eq!(writer.tokens(text).unwrap(), [&[1], ids.as_slice()].concat(), "{row}");
    }
}

/// What is wrong with a vocabulary is said.
#[test]
fn damaged_vocabularies() {
    let replaced = |from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len());
        let said = writer(|bytes| {
            let at = found(bytes, from);
            bytes[at..at + to.len()].copy_from_slice(to);
        });
        said.err().unwrap_or_default()
    };
    for (from, to, part) in [
        ("tokenizer.ggml.scores", "tokenizer.ggml.sc_res", "scores is missing"),
        ("tokenizer.ggml.tokens", "tokenizer.ggml.t_kens", "tokens is missing"),
        ("tokenizer.ggml.model", "tokenizer.ggml.m_del", "no vocabulary"),
    ] {
        let said = replaced(from.as_bytes(), to.as_bytes());
        assert!(said.contains(part) && said.contains("tokenizer.json beside"), "{part}: {said}");
    }
    // The kind of vocabulary, behind the key, its type and its length.
    let other = writer(|bytes| {
        let key = b"tokenizer.ggml.model";
        let at = found(bytes, key) + key.len() + 12;
        assert_eq!(&bytes[at..at + 5], b"llama");
        bytes[at..at + 5].copy_from_slice(b"plamo");
    });
    let said = other.err().unwrap();
    assert!(said.contains("\"plamo\"") && said.contains("tokenizer.json beside"), "{said}");
}

//! Hundreds of damaged tokenizers, configurations and GGUF heads: each is read or refused, and nothing panics, hangs or
//! takes the memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod tiny;

use std::fs;
use std::path::Path;
use std::time::Instant;

use ordinate_models::decoder::{Place, Role, Sampling, find, open};
use ordinate_models::inspect;
use serde_json::{Value, json};

/// Opens a model, and lets it write a little: whatever comes of it, it comes soon.
fn tried(model: &str) -> Option<String> {
    let started = Instant::now();
    let _ = inspect(model, Path::new(""));
    let said = match find(model, Path::new("")) {
        Err(error) => Some(error.to_string()),
        Ok(None) => Some("no decoder".to_owned()),
        Ok(Some(place)) => match open(&place) {
            Err(error) => Some(error.to_string()),
            Ok(writer) => {
                let text = writer.prompt(&[(Role::User, "w5 ab \u{e9} w7")]);
                let wrote = text.and_then(|text| {
                    let sampling = Sampling { temperature: 0.0, top_p: 1.0, seed: 1 };
                    writer.write(&text, 4, sampling, &mut |_| std::ops::ControlFlow::Continue(()))
                });
                wrote.err().map(|error| error.to_string())
            }
        },
    };
    assert!(started.elapsed().as_secs() < 20, "{:?}: {said:?}", started.elapsed());
    said
}

/// What other values a field gets.
fn values() -> Vec<Value> {
    let deep = (0..60).fold(json!([]), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(3.5),
        json!(4_294_967_296_u64),
        json!(u64::MAX),
        json!(""),
        json!("\u{e9}"),
        json!("x".repeat(2_000)),
        json!([]),
        json!({}),
        json!(["a", "b"]),
        json!([["a"], 7]),
        deep,
    ]
}

/// Every place of a JSON value, as a pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .take(6)
            .map(|(key, inner)| (key.replace('~', "~0").replace('/', "~1"), inner))
            .collect(),
        Value::Array(list) => {
            list.iter().take(4).enumerate().map(|(at, inner)| (at.to_string(), inner)).collect()
        }
        _ => Vec::new(),
    };
    for (key, inner) in inner {
        let place = format!("{at}/{key}");
        found.push(place.clone());
        places(inner, &place, found);
    }
}

/// Tokenizers of all models and steps that the library has.
fn tokenizers() -> Vec<Value> {
    let words: Value = serde_json::from_str(&tiny::words()).unwrap();
    let with = |key: &str, value: Value| {
        let mut other = words.clone();
        other[key] = value;
        other
    };
    let letters: serde_json::Map<String, Value> = ["<u>", "a", "b", "ab", "w", "5", "</w>", "##b"]
        .iter()
        .zip(0..)
        .map(|(token, id)| ((*token).to_owned(), id.into()))
        .collect();
    let template = json!({"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "</s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}});
    let replace = json!({"type": "Replace", "pattern": {"Regex": "a+|\\s"}, "content": "_"});
    let split = json!({"type": "Split", "pattern": {"Regex": "\\p{L}+|\\d"}, "behavior": "Isolated", "invert": false});
    vec![
        words.clone(),
        with(
            "model",
            json!({"type": "BPE", "vocab": letters, "merges": [["a", "b"]], "unk_token": "<u>", "dropout": null, "continuing_subword_prefix": null, "end_of_word_suffix": "</w>", "fuse_unk": true, "byte_fallback": true, "ignore_merges": false}),
        ),
        with(
            "model",
            json!({"type": "WordPiece", "vocab": letters, "unk_token": "<u>", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}),
        ),
        with(
            "model",
            json!({"type": "Unigram", "unk_id": 0, "vocab": [["<u>", 0.0], ["a", -1.5], ["ab", -2.5], ["w", -3.0]], "byte_fallback": false}),
        ),
        with(
            "normalizer",
            json!({"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}, {"type": "StripAccents"}, {"type": "Prepend", "prepend": "_"}, replace]}),
        ),
        with(
            "normalizer",
            json!({"type": "Precompiled", "precompiled_charsmap": "ALQCAACEAAAAAACAAQAAgMz8AgC4BQAAhyIAgMzkAgC4PQAAeyIAgMzsAgC4BQAAiyIAgMw8AADNvAAA"}),
        ),
        with(
            "normalizer",
            json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}),
        ),
        with(
            "pre_tokenizer",
            json!({"type": "Sequence", "pretokenizers": [split, {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}, {"type": "Digits", "individual_digits": true}, {"type": "Punctuation", "behavior": "Isolated"}]}),
        ),
        with(
            "pre_tokenizer",
            json!({"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": true}),
        ),
        with("post_processor", template),
        with(
            "post_processor",
            json!({"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["w1", 1], "trim_offsets": true, "add_prefix_space": true}),
        ),
        with(
            "decoder",
            json!({"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "_"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}),
        ),
        with(
            "truncation",
            json!({"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}),
        ),
        with(
            "padding",
            json!({"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "w0"}),
        ),
    ]
}

#[test]
fn tokenizers_with_a_field_of_something_else() {
    let row = &tiny::rows("decoders.json")[0];
    let folder = tiny::folder(row);
    let (mut tries, mut refused, mut state) = (0, 0, 7_u64);
    for tokenizer in tokenizers() {
        let mut all = Vec::new();
        places(&tokenizer, "", &mut all);
        for place in &all {
            for value in values() {
                // A share of them, spread.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if state >> 61 != 0 {
                    continue;
                }
                let mut other = tokenizer.clone();
                *other.pointer_mut(place).unwrap() = value;
                fs::write(folder.path().join("tokenizer.json"), other.to_string()).unwrap();
                tries += 1;
                refused += usize::from(tried(folder.path().to_str().unwrap()).is_some());
            }
        }
    }
    eprintln!("{tries} tokenizers, {refused} refused");
    assert!(tries > 400 && refused > tries / 4, "{tries} {refused}");
}

#[test]
fn configurations_with_a_field_of_something_else() {
    let (mut tries, mut refused) = (0, 0);
    for row in &tiny::rows("decoders.json") {
        let folder = tiny::folder(row);
        fs::write(folder.path().join("tokenizer.json"), tiny::words()).unwrap();
        let mut all = Vec::new();
        let whole = &row["config"];
        for (key, _) in whole.as_object().unwrap() {
            all.push(format!("/{key}"));
        }
        for (at, place) in all.iter().enumerate() {
            let values = values();
            let mut other = whole.clone();
            *other.pointer_mut(place).unwrap() = values[(at * 7 + tries) % values.len()].clone();
            fs::write(folder.path().join("config.json"), other.to_string()).unwrap();
            tries += 1;
            refused += usize::from(tried(folder.path().to_str().unwrap()).is_some());
        }
    }
    eprintln!("{tries} configurations, {refused} refused");
    assert!(tries > 100, "{tries}");
}

#[test]
fn gguf_heads_with_other_bytes() {
    let (folder, path) = tiny::gguf_file("llama-Q8_0");
    let whole = fs::read(&path).unwrap();
    let head = fs::metadata(tiny::golden("gguf/llama-Q8_0.head")).unwrap().len() as usize;
    let model = path.to_str().unwrap();
    assert!(open(&Place::Gguf(path.clone())).is_ok());
    let (mut tries, mut refused, mut state) = (0, 0, 11_u64);
    let mut draw = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % most
    };
    for round in 0..400 {
        let mut bytes = whole.clone();
        match round % 4 {
            0 => bytes[draw(head)] ^= 1 << draw(8),
            1 => {
                let at = draw(head - 8);
                let other = [0_u64, 1, u64::MAX, 1 << 40, 1 << 63][draw(5)];
                bytes[at..at + 8].copy_from_slice(&other.to_le_bytes());
            }
            2 => bytes.truncate(draw(whole.len())),
            _ => {
                let (from, to) = (draw(head - 64), draw(head - 64));
                let piece = bytes[from..from + 32].to_vec();
                bytes[to..to + 32].copy_from_slice(&piece);
            }
        }
        fs::write(&path, bytes).unwrap();
        tries += 1;
        refused += usize::from(tried(model).is_some());
    }
    eprintln!("{tries} GGUF files, {refused} refused");
    assert!(refused > tries / 3, "{refused}");
    drop(folder);
}

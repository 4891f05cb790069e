//! The tiny encoders of golden/make_encoders.py: their weights follow from a formula.
#![allow(dead_code, unreachable_pub)] // each test uses some of it

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde_json::{Value, json};

/// What `transformers` says of them.
pub fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/encoders.json")).unwrap()
}

/// What `transformers` says of those with a head for spans: golden/make_spans.py.
pub fn spans() -> Value {
    serde_json::from_str(include_str!("../golden/spans.json")).unwrap()
}

/// As in the script: a formula of name and place.
pub fn weight(name: &str, count: usize) -> Vec<f32> {
    let seed = f64::from(crc32(name.as_bytes()) % 1000);
    let norm = name.to_lowercase().contains("norm") && name.ends_with("weight");
    let base = if norm { 1.0 } else { 0.0 };
    (0..count).map(|i| (base + (12.9898 * (i + 1) as f64 + seed).sin() * 0.35) as f32).collect()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// Writes the folder of a model as the hub has it. Masked language models have token 4 for a mask.
pub fn save(case: &Value, folder: &Path) {
    let tensors: HashMap<String, Tensor> = case["tensors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tensor| {
            let name = tensor[0].as_str().unwrap();
            let shape: Vec<usize> =
                tensor[1].as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect();
            let values = weight(name, shape.iter().product());
            (name.to_owned(), Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
        })
        .collect();
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
    fs::write(folder.join("config.json"), case["config"].to_string()).unwrap();
    let mut vocabulary = json!({"[PAD]": 0, "[CLS]": 1, "[SEP]": 2});
    let masked = case["config"]["architectures"][0].as_str().unwrap().ends_with("ForMaskedLM");
    for word in 3..40 {
        let name = if masked && word == 4 { "[MASK]".to_owned() } else { format!("w{word}") };
        vocabulary[name] = word.into();
    }
    let special = |id: u32, text: &str| json!({"id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let mut added = vec![special(0, "[PAD]"), special(1, "[CLS]"), special(2, "[SEP]")];
    if masked {
        added.push(special(4, "[MASK]"));
    }
    let special_of = |id: &str, type_id: u32| json!({"SpecialToken": {"id": id, "type_id": type_id}});
    let one = |id: &str| special_of(id, 0);
    let sequence = |id: &str, type_id: u32| json!({"Sequence": {"id": id, "type_id": type_id}});
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
        "added_tokens": added,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [one("[CLS]"), sequence("A", 0), one("[SEP]")],
            "pair": [one("[CLS]"), sequence("A", 0), one("[SEP]"), sequence("B", 1), special_of("[SEP]", 1)],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
                               "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}}},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[PAD]"}
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
}

/// Writes the same folder with weights that nobody trained: small, and independent of each other, as training begins with
/// them. By the formula, words lie on a circle, and some are as good as the same.
pub fn save_untrained(case: &Value, folder: &Path) {
    save(case, folder);
    let path = folder.join("model.safetensors");
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let mut names: Vec<&String> = tensors.keys().collect();
    names.sort_unstable();
    let mut state = 1_u64;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5) * 0.4
    };
    let made: HashMap<String, Tensor> = names
        .into_iter()
        .map(|name| {
            let shape = tensors[name].shape();
            let norm = name.to_lowercase().contains("norm") && name.ends_with("weight");
            let values =
                (0..shape.elem_count()).map(|_| if norm { 1.0 } else { number() }).collect::<Vec<f32>>();
            (name.clone(), Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
        })
        .collect();
    candle_core::safetensors::save(&made, path).unwrap();
}

pub fn text(words: &Value) -> String {
    words.as_array().unwrap().iter().fold(String::new(), |mut text, word| {
        write!(text, "w{word} ").unwrap();
        text
    })
}

//! The tiny models of golden/make_decoders.py and golden/make_gguf.py: their weights follow from a formula.
#![allow(dead_code, unreachable_pub)] // each test uses some of it

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::quantized::QTensor;
use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};
use serde_json::Value;

/// A file beside the script.
pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ordinate-models/tests/golden").join(name)
}

/// The rows of a golden file.
pub fn rows(name: &str) -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(golden(name)).unwrap()).unwrap()
}

/// The formula of the weights: as `fill` in golden/tiny.py.
pub fn fill(name: &str, shape: &[usize]) -> Vec<f32> {
    let seed = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let cell = |place: usize| {
        let mut mixed = (place as u64).wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 32;
        mixed = mixed.wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^= mixed >> 32;
        let value = (mixed >> 52) as f32 / 2048.0 - 1.0;
        let scaled = value * if shape.len() == 1 { 0.25 } else { 0.5 };
        if name.ends_with("norm.weight") {
            scaled + 1.0
        } else if name.starts_with("rope_factors") {
            scaled + 2.0
        } else {
            scaled
        }
    };
    (0..shape.iter().product()).map(cell).collect()
}

/// A file of safetensors. Of a name `a=b` the file has `a`, and the formula is that of `b`.
pub fn safetensors(tensors: &BTreeMap<String, Vec<usize>>) -> Vec<u8> {
    let (mut head, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape) in tensors {
        let start = data.len();
        let (name, formula) = name.split_once('=').unwrap_or((name, name));
        data.extend(fill(formula, shape).iter().flat_map(|cell| cell.to_le_bytes()));
        let entry =
            serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] });
        head.insert(name.to_owned(), entry);
    }
    let head = Value::from(head).to_string();
    [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &data].concat()
}

pub fn shapes(row: &Value) -> BTreeMap<String, Vec<usize>> {
    serde_json::from_value(row["shapes"].clone()).unwrap()
}

/// The folder of a tiny model.
pub fn folder(row: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), row["config"].to_string()).unwrap();
    fs::write(folder.path().join("model.safetensors"), safetensors(&shapes(row))).unwrap();
    folder
}

/// The folder of a tiny model that knows the [`words`].
pub fn folder_of_words(row: &Value) -> tempfile::TempDir {
    let folder = folder(row);
    fs::write(folder.path().join("tokenizer.json"), words()).unwrap();
    folder
}

/// The bytes of a GGUF file: a head of golden/gguf with the tensors that it names.
pub fn gguf(name: &str) -> Vec<u8> {
    let mut bytes = fs::read(golden("gguf").join(format!("{name}.head"))).unwrap();
    let head = Content::read(&mut std::io::Cursor::new(&bytes)).unwrap();
    let mut tensors: Vec<_> = head.tensor_infos.iter().collect();
    tensors.sort_by_key(|(_, info)| info.offset);
    for (name, info) in tensors {
        bytes.resize(usize::try_from(head.tensor_data_offset + info.offset).unwrap(), 0);
        let data = Tensor::from_vec(fill(name, info.shape.dims()), info.shape.dims(), &Device::Cpu).unwrap();
        bytes.extend_from_slice(&QTensor::quantize(&data, info.ggml_dtype).unwrap().data().unwrap());
    }
    bytes
}

/// A GGUF file, in a folder that is gone when it is dropped.
pub fn gguf_file(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.gguf"));
    fs::write(&path, gguf(name)).unwrap();
    (folder, path)
}

/// A tokenizer.json of the words w0 to w95, of which </s> is the third.
pub fn words() -> String {
    let vocabulary: serde_json::Map<String, Value> = (0..96_u32)
        .map(|id| (if id == 2 { "</s>".to_owned() } else { format!("w{id}") }, id.into()))
        .collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "normalizer": null, "post_processor": null, "decoder": null,
        "added_tokens": [{ "id": 2, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true }],
        "pre_tokenizer": { "type": "WhitespaceSplit" },
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "w0" },
    });
    tokenizer.to_string()
}

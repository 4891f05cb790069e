//! A hub on this machine with tiny models.

use std::collections::BTreeMap;

use ordinate_faults::{HubServer, Shelf};
use serde_json::{Value, json};

#[path = "../../../ordinate-models/tests/tiny/mod.rs"]
pub mod tiny;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Safetensors with numbers that are no model's.
fn safetensors(shapes: &[(String, Vec<usize>)]) -> Vec<u8> {
    let (mut head, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape) in shapes {
        let start = data.len();
        for at in 0..shape.iter().product::<usize>() {
            let base = if name.contains("orm") && name.ends_with("weight") { 1.0 } else { 0.0 };
            let number: f32 = base + 0.35 * (12.9898 * (start + at) as f32).sin();
            data.extend(number.to_le_bytes());
        }
        head.insert(
            name.clone(),
            json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]}),
        );
    }
    let head = Value::from(head).to_string().into_bytes();
    [&(head.len() as u64).to_le_bytes()[..], &head, &data].concat()
}

/// A BERT of two layers that knows the words `w3` to `w39`; with the head that it has, or as an encoder alone.
fn bert(classifier: bool) -> BTreeMap<String, Vec<u8>> {
    let golden: Value =
        serde_json::from_slice(&std::fs::read(tiny::golden("encoders.json")).unwrap()).unwrap();
    let case = &golden["cases"][0];
    let shapes: Vec<(String, Vec<usize>)> = serde_json::from_value(case["tensors"].clone()).unwrap();
    let mut config = case["config"].clone();
    if !classifier {
        config["architectures"] = json!(["BertModel"]);
    }
    let special = |id: u32, text: &str| json!({"id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let one = |id: &str| json!({"SpecialToken": {"id": id, "type_id": 0}});
    let mut vocabulary = json!({"[PAD]": 0, "[CLS]": 1, "[SEP]": 2});
    for word in 3..40 {
        vocabulary[format!("w{word}")] = word.into();
    }
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
        "added_tokens": [special(0, "[PAD]"), special(1, "[CLS]"), special(2, "[SEP]")],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [one("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, one("[SEP]")], "pair": [],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
                               "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}}},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[PAD]"}
    });
    BTreeMap::from([
        ("README.md".to_owned(), b"---\nlicense: mit\n---\n".to_vec()),
        ("config.json".to_owned(), config.to_string().into_bytes()),
        ("model.safetensors".to_owned(), safetensors(&shapes)),
        ("tokenizer.json".to_owned(), tokenizer.to_string().into_bytes()),
        ("sentence_bert_config.json".to_owned(), b"{\"max_seq_length\": 32}".to_vec()),
    ])
}

/// The hub: an encoder, a classifier, two decoders in one model, a pickle, and a model of an unknown architecture.
pub fn start() -> HubServer {
    let mut other = bert(false);
    other.insert(
        "config.json".to_owned(),
        b"{\"model_type\": \"t5\", \"architectures\": [\"T5Model\"]}".to_vec(),
    );
    let mut pickle = bert(false);
    let weights = pickle.remove("model.safetensors").unwrap();
    pickle.insert("pytorch_model.bin".to_owned(), weights);
    let ggufs = ["llama-Q8_0", "qwen2-Q8_0"].map(|name| (format!("{name}.gguf"), tiny::gguf(name)));
    let models = [
        ("tiny/encoder", bert(false)),
        ("tiny/classifier", bert(true)),
        ("tiny/decoders", BTreeMap::from(ggufs)),
        ("tiny/pickle", pickle),
        ("tiny/t5", other),
    ];
    let models = models.into_iter().map(|(name, files)| (name.to_owned(), files)).collect();
    HubServer::start(Shelf { commit: COMMIT.to_owned(), models, ..Shelf::default() }).unwrap()
}

//! Files of decoders: what they are called, what is wrong with them, and what else lies beside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod tiny;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ordinate_models::decoder::{Place, Role, decoder, find, identity, open};
use ordinate_models::encoder::Source;

fn place(folder: &Path) -> Place {
    Place::Folder(Source::at(folder))
}

fn refused(place: &Place) -> String {
    open(place).err().map(|error| error.to_string()).unwrap_or_default()
}

/// What is wrong with a folder is said, and nothing panics.
#[test]
fn damaged_folders() {
    let rows = tiny::rows("decoders.json");
    let row = &rows[0];
    let folder = tiny::folder(row);
    let at = |name: &str| folder.path().join(name);
    let says = |part: &str| {
        let said = refused(&place(folder.path()));
        assert!(said.contains(part), "{part}: {said}");
    };
    says("tokenizer.json: is missing");
    let whole = fs::read(at("model.safetensors")).unwrap();
    for cut in [0, 7, 100, 2_000, whole.len() / 2, whole.len() - 1] {
        fs::write(at("model.safetensors"), &whole[..cut]).unwrap();
        says("cut off");
    }
    // A head that is longer than any file, and tensors that lie outside of it or overflow.
    fs::write(at("model.safetensors"), [&u64::MAX.to_le_bytes()[..], &whole[8..]].concat()).unwrap();
    says("longer than the file");
    for (shape, offsets) in [
        ("[96,32]", "[0,18446744073709551615]"),
        ("[96,32]", "[18446744073709551615,12288]"),
        ("[18446744073709551615,32]", "[0,12288]"),
        ("[96,33]", "[0,12288]"),
    ] {
        let head =
            format!(r#"{{"lm_head.weight":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#);
        let bytes = [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &[0; 12_288]].concat();
        fs::write(at("model.safetensors"), bytes).unwrap();
        says("does not fit into the file");
    }
    fs::write(at("model.safetensors"), &whole).unwrap();
    // Weights of another architecture: one tensor too many, one too few.
    for (other, part) in [("qwen2", "q_proj.bias"), ("qwen3", "is expected"), ("phi3", "qkv_proj")] {
        let config = rows.iter().find(|row| row["name"] == other).unwrap();
        fs::write(at("config.json"), config["config"].to_string()).unwrap();
        says(part);
    }
    let mut more = tiny::shapes(row);
    more.insert("model.layers.0.self_attn.q_norm.weight".to_owned(), vec![8]);
    fs::write(at("config.json"), row["config"].to_string()).unwrap();
    fs::write(at("model.safetensors"), tiny::safetensors(&more)).unwrap();
    says("has no place");
    fs::write(at("model.safetensors"), &whole).unwrap();
    for (key, value, part) in [
        ("hidden_size", "64".into(), "is expected"),
        ("num_attention_heads", 0.into(), "cannot be"),
        ("num_key_value_heads", 3.into(), "cannot share"),
        ("vocab_size", 97.into(), "is expected"),
        ("model_type", "mamba".into(), "mamba"),
        ("hidden_act", "relu".into(), "relu"),
        ("rope_parameters", serde_json::json!({ "rope_type": "mrope" }), "mrope"),
        ("rope_parameters", serde_json::json!({ "rope_type": "longrope" }), "short_factor and long_factor"),
        (
            "rope_parameters",
            serde_json::json!({ "rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0, 2.0] }),
            "1 and 2 numbers, and 4 are expected",
        ),
        ("rope_parameters", serde_json::json!({ "rope_type": "yarn", "factor": -2.0 }), "factor is missing"),
        ("rope_parameters", serde_json::json!({ "rope_theta": 0.5 }), "rope_theta of 0.5 is out of range"),
        ("layer_types", serde_json::json!(["full_attention"]), "layer_types lists 1 layers"),
        ("use_bidirectional_attention", true.into(), "cannot write"),
        ("head_dim", 7.into(), "cannot rotate"),
        ("num_hidden_layers", 3.into(), "layers.2"),
        ("num_hidden_layers", 1.into(), "layers.1"),
    ] {
        let mut config = row["config"].clone();
        config[key] = if key == "hidden_size" { 64.into() } else { value };
        fs::write(at("config.json"), config.to_string()).unwrap();
        says(part);
    }
    fs::write(at("config.json"), row["config"].to_string()).unwrap();
    fs::remove_file(at("model.safetensors")).unwrap();
    says("model.safetensors: is missing");
    fs::write(at("pytorch_model-00001-of-00002.bin"), b"\x80\x02").unwrap();
    says("pickle");
    fs::write(at("model.safetensors.index.json"), r#"{"weight_map":{"a":"../b.safetensors"}}"#).unwrap();
    says("no safetensors file of the folder");
    fs::write(at("model.safetensors.index.json"), r#"{"weight_map":{"a":"b.safetensors"}}"#).unwrap();
    says("b.safetensors: is missing");
    // In two files, it is whole again: only the tokenizer is missing.
    let all = tiny::shapes(row);
    let (first, second): (BTreeMap<_, _>, BTreeMap<_, _>) =
        all.into_iter().partition(|(name, _)| name.contains("layers.0"));
    fs::write(at("b.safetensors"), tiny::safetensors(&first)).unwrap();
    fs::write(at("c.safetensors"), tiny::safetensors(&second)).unwrap();
    let index = r#"{"weight_map":{"x":"b.safetensors","y":"c.safetensors"}}"#;
    fs::write(at("model.safetensors.index.json"), index).unwrap();
    says("tokenizer.json: is missing");
    fs::write(at("tokenizer.json"), "{}").unwrap();
    says("is no tokenizer");
}

/// What a name means, and what is said of decoders that do not run here.
#[test]
fn names() {
    let golden = tiny::rows("decoders.json");
    let folder = tiny::folder(&golden[0]);
    let (text, base) = (folder.path().to_str().unwrap(), Path::new(""));
    assert_eq!(find(text, base).unwrap(), Some(place(folder.path())));
    let config = folder.path().join("config.json");
    fs::write(&config, r#"{"model_type":"gemma4","architectures":["Gemma4ForCausalLM"]}"#).unwrap();
    let said = find(text, base).unwrap_err().to_string();
    assert!(said.contains("gemma4") && said.contains("qwen3") && said.contains("behind a server"), "{said}");
    fs::write(&config, r#"{"model_type":"bert","architectures":["BertForMaskedLM"]}"#).unwrap();
    assert_eq!(find(text, base).unwrap(), None);
    fs::remove_file(&config).unwrap();
    let one = folder.path().join("a.gguf");
    fs::write(&one, "").unwrap();
    assert_eq!(find(text, base).unwrap(), Some(Place::Gguf(one)));
    fs::write(folder.path().join("b.gguf"), "").unwrap();
    assert!(find(text, base).unwrap_err().to_string().contains("name one of them"));
    assert!(find("c.gguf", folder.path()).unwrap_err().to_string().contains("no such file"));
    assert_eq!(find("ngram-linear", base).unwrap(), None);
}

/// Every byte of a GGUF file's head may be wrong, and it may end anywhere.
#[test]
fn damaged_gguf() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    let place = Place::Gguf(path.clone());
    let whole = tiny::gguf("llama-Q8_0");
    fs::write(&path, &whole).unwrap();
    assert_eq!(refused(&place), "");
    for cut in (0..whole.len()).step_by(397) {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(refused(&place).contains("m.gguf"), "{cut}: {}", refused(&place));
    }
    for at in (0..6_000).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xa5;
        fs::write(&path, &bytes).unwrap();
        let _ = open(&place);
    }
    fs::write(&path, fs::read(tiny::golden("decoders.json")).unwrap()).unwrap();
    assert!(refused(&place).contains("magic"), "{}", refused(&place));
}

/// Divisors of frequencies that would be divided by nothing are said to be wrong, and so are ones that are missing.
#[test]
fn damaged_ropes_in_gguf() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    let whole = tiny::gguf("phi3-F16");
    let said = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        decoder(&Place::Gguf(path.clone())).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(said(&whole), "");
    let mut bytes = whole.clone();
    // The short factors are the last four numbers.
    let end = bytes.len();
    bytes[end - 16..].fill(0);
    let zeros = said(&bytes);
    assert!(zeros.contains("rope_factors_short.weight has a number that is not above 0"), "{zeros}");
    let mut bytes = whole;
    let name = b"rope_factors_short";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at..at + name.len()].copy_from_slice(b"rope_factors_shirt");
    let missing = said(&bytes);
    assert!(missing.contains("there is no tensor rope_factors_short.weight"), "{missing}");
}

/// A folder as the hub has them: tokenizer, chat template, further tokens that end a text.
#[test]
fn a_whole_folder() {
    let folder = tiny::folder(&tiny::rows("decoders.json")[0]);
    let at = |name: &str| folder.path().join(name);
    fs::write(at("tokenizer.json"), tiny::words()).unwrap();
    let place = place(folder.path());
    let writer = open(&place).unwrap();
    assert!(!writer.chats());
    assert_eq!(writer.prompt(&[(Role::System, "w5"), (Role::User, "w6")]).unwrap(), "w5\n\nw6");
    assert_eq!(writer.tokens("w5 w6 x").unwrap(), [5, 6, 0]);
    let before = identity(&place).unwrap();
    let config = r#"{"eos_token":{"content":"w9"},"chat_template":[{"name":"x","template":"no"},{"name":"default","template":"{{ messages[0].content }}{{ eos_token }} w7"}]}"#;
    fs::write(at("tokenizer_config.json"), config).unwrap();
    fs::write(at("generation_config.json"), r#"{"eos_token_id":[2,11]}"#).unwrap();
    let writer = open(&place).unwrap();
    assert_eq!(writer.prompt(&[(Role::User, "w6 ")]).unwrap(), "w6 w9 w7");
    assert_eq!(writer.ends(), [2, 9, 11]);
    let after = identity(&place).unwrap();
    assert_ne!(after, before);
    fs::write(at("chat_template.jinja"), "{{ messages[0].content }} w8").unwrap();
    assert_eq!(open(&place).unwrap().prompt(&[(Role::User, "w6")]).unwrap(), "w6 w8");
    assert_ne!(identity(&place).unwrap(), after);
    fs::write(at("chat_template.jinja"), "{% if %}").unwrap();
    assert!(refused(&place).contains("chat template"), "{}", refused(&place));
}

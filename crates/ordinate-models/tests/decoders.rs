//! Decoders against `transformers`: `golden/make_decoders.py` wrote what it says of tiny models.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ordinate_models::decoder::{Cache, Decoder, Piece, Place, Role, Sampling, decoder, find, open};
use ordinate_models::encoder::Source;
use serde_json::Value;

fn golden() -> Vec<Value> {
    let path = here("decoders.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The formula of the weights: as `fill` in make_decoders.py.
fn fill(name: &str, shape: &[usize]) -> Vec<f32> {
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
        if name.ends_with("norm.weight") { scaled + 1.0 } else { scaled }
    };
    (0..shape.iter().product()).map(cell).collect()
}

/// A file of safetensors.
fn safetensors(tensors: &BTreeMap<String, Vec<usize>>) -> Vec<u8> {
    let (mut head, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape) in tensors {
        let start = data.len();
        data.extend(fill(name, shape).iter().flat_map(|cell| cell.to_le_bytes()));
        let entry =
            serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] });
        head.insert(name.clone(), entry);
    }
    let head = Value::from(head).to_string();
    [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &data].concat()
}

fn shapes(row: &Value) -> BTreeMap<String, Vec<usize>> {
    serde_json::from_value(row["shapes"].clone()).unwrap()
}

/// The folder of a tiny model.
fn folder(row: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), row["config"].to_string()).unwrap();
    fs::write(folder.path().join("model.safetensors"), safetensors(&shapes(row))).unwrap();
    folder
}

fn place(folder: &Path) -> Place {
    Place::Folder(Source { folder: folder.to_owned(), revision: None })
}

fn numbers<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> Vec<T> {
    value.as_array().unwrap().iter().map(|number| number.to_string().parse().unwrap()).collect()
}

fn difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The largest differences to the golden logits: a token at a time on a cache, and all at once without.
fn differences(decoder: &Decoder, row: &Value) -> (f32, f32) {
    let (prompt, chosen) = (numbers::<u32>(&row["prompt"]), numbers::<u32>(&row["chosen"]));
    let logits: Vec<Vec<f32>> = row["logits"].as_array().unwrap().iter().map(numbers).collect();
    let mut cache = Cache::default();
    let mut ours = decoder.read(&prompt, &mut cache, 1).unwrap();
    for token in &chosen {
        ours.extend(decoder.read(&[*token], &mut cache, 1).unwrap());
    }
    let cached = ours.iter().zip(&logits).map(|(ours, theirs)| difference(ours, theirs)).fold(0.0, f32::max);
    let whole = [prompt, chosen].concat();
    let ours = decoder.read(&whole, &mut Cache::default(), logits.len()).unwrap();
    let plain = ours.iter().zip(&logits).map(|(ours, theirs)| difference(ours, theirs)).fold(0.0, f32::max);
    assert_eq!(ours.len(), logits.len());
    (cached, plain)
}

#[test]
fn logits_equal_those_of_transformers() {
    let rows = golden();
    assert!(rows.len() >= 9);
    for row in rows {
        let folder = folder(&row);
        let (read, _) = decoder(&place(folder.path())).unwrap();
        let (cached, plain) = differences(&read.decoder, &row);
        eprintln!("{}: {cached:e} with the cache, {plain:e} without", row["name"]);
        assert!(cached < 1e-4 && plain < 1e-4, "{}: {cached} {plain}", row["name"]);
    }
}

/// Long prompts go through the layers in chunks; tokens that were taken back leave nothing behind.
#[test]
fn chunks_and_truncation_change_nothing() {
    let row = golden().into_iter().find(|row| row["name"] == "mistral").unwrap();
    let mut config = row["config"].clone();
    config["max_position_embeddings"] = 1000.into();
    let row = serde_json::json!({ "config": config, "shapes": row["shapes"] });
    let folder = folder(&row);
    let decoder = decoder(&place(folder.path())).unwrap().0.decoder;
    let tokens: Vec<u32> = (0..600).map(|at| (at * 7 + at / 5) % 96).collect();
    let whole = decoder.read(&tokens, &mut Cache::default(), 600).unwrap();
    assert_eq!(whole.len(), 600);
    let mut cache = Cache::default();
    decoder.read(&tokens[..300], &mut cache, 1).unwrap();
    decoder.read(&[5, 5, 5, 5], &mut cache, 1).unwrap();
    cache.truncate(300);
    let rest = decoder.read(&tokens[300..], &mut cache, 300).unwrap();
    for (a, b) in rest.iter().zip(&whole[300..]) {
        assert!(difference(a, b) < 1e-4, "{}", difference(a, b));
    }
    let error = decoder.read(&tokens, &mut cache, 1).unwrap_err().to_string();
    assert!(error.contains("1200 tokens does not fit"), "{error}");
    assert!(decoder.read(&[96], &mut Cache::default(), 1).unwrap_err().to_string().contains("token 96"));
    assert!(decoder.read(&[], &mut Cache::default(), 1).is_err());
}

fn gguf(name: &str) -> PathBuf {
    here("gguf").join(name)
}

/// GGUF files that the package `gguf` wrote, of the same weights: in halves they say the same (the formula's numbers
/// fit into halves); with 8 bits what `transformers` says of weights and activations that were rounded so.
#[test]
fn gguf_equals_safetensors() {
    let mut seen = 0;
    for row in golden() {
        let name = row["name"].as_str().unwrap();
        for (kind, key, most) in [("F16", "logits", 1e-4), ("Q8_0", "q8", 0.02)] {
            let path = gguf(&format!("{name}-{kind}.gguf"));
            if !path.is_file() {
                continue;
            }
            seen += 1;
            let mut row = row.clone();
            row["logits"] = row[key].clone();
            let read = decoder(&Place::Gguf(path)).unwrap().0;
            let (cached, plain) = differences(&read.decoder, &row);
            eprintln!("{name} {kind}: {cached:e} with the cache, {plain:e} without");
            assert!(cached < most && plain < most, "{name} {kind}: {cached} {plain}");
        }
    }
    assert_eq!(seen, 6);
}

fn refused(place: &Place) -> String {
    open(place).err().map(|error| error.to_string()).unwrap_or_default()
}

/// What is wrong with a folder is said, and nothing panics.
#[test]
fn damaged_folders() {
    let rows = golden();
    let row = &rows[0];
    let folder = folder(row);
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
    let mut more = shapes(row);
    more.insert("model.layers.0.self_attn.q_norm.weight".to_owned(), vec![8]);
    fs::write(at("config.json"), row["config"].to_string()).unwrap();
    fs::write(at("model.safetensors"), safetensors(&more)).unwrap();
    says("has no place");
    fs::write(at("model.safetensors"), &whole).unwrap();
    for (key, value, part) in [
        ("hidden_size", "64".into(), "is expected"),
        ("num_attention_heads", 0.into(), "cannot be"),
        ("num_key_value_heads", 3.into(), "cannot share"),
        ("vocab_size", 97.into(), "is expected"),
        ("model_type", "mamba".into(), "mamba"),
        ("hidden_act", "relu".into(), "relu"),
        ("rope_parameters", serde_json::json!({ "rope_type": "yarn" }), "yarn"),
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
    let all = shapes(row);
    let (first, second): (BTreeMap<_, _>, BTreeMap<_, _>) =
        all.into_iter().partition(|(name, _)| name.contains("layers.0"));
    fs::write(at("b.safetensors"), safetensors(&first)).unwrap();
    fs::write(at("c.safetensors"), safetensors(&second)).unwrap();
    let index = r#"{"weight_map":{"x":"b.safetensors","y":"c.safetensors"}}"#;
    fs::write(at("model.safetensors.index.json"), index).unwrap();
    says("tokenizer.json: is missing");
    fs::write(at("tokenizer.json"), "{}").unwrap();
    says("is no tokenizer");
}

/// What a name means, and what is said of decoders that do not run here.
#[test]
fn names() {
    let golden = golden();
    let folder = folder(&golden[0]);
    let (text, base) = (folder.path().to_str().unwrap(), Path::new(""));
    assert_eq!(find(text, base).unwrap(), Some(place(folder.path())));
    let config = folder.path().join("config.json");
    fs::write(&config, r#"{"model_type":"gemma2","architectures":["Gemma2ForCausalLM"]}"#).unwrap();
    let said = find(text, base).unwrap_err().to_string();
    assert!(said.contains("gemma2") && said.contains("qwen3"), "{said}");
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
    let whole = fs::read(gguf("llama-Q8_0.gguf")).unwrap();
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
    fs::write(&path, fs::read(here("decoders.json")).unwrap()).unwrap();
    assert!(refused(&place).contains("magic"), "{}", refused(&place));
}

const ASKED: [(Role, &str); 1] = [(Role::User, "ab abc")];

#[test]
fn writing() {
    let writer = open(&Place::Gguf(gguf("qwen2-Q8_0.gguf"))).unwrap();
    let prompt = writer.prompt(&ASKED).unwrap();
    assert_eq!(prompt, "<|user|>ab abc<|end|><|assistant|>");
    // The vocabulary is that of the script: merges make words, a space is a sign of its own.
    let tokens = writer.tokens(&prompt).unwrap();
    assert_eq!(tokens, [33, 4, 6, 5, 32, 34]);
    assert_eq!(writer.ends(), [32]);
    let mut told = String::new();
    let greedy = |most, each: &mut dyn FnMut(&Piece) -> ControlFlow<()>| {
        writer.write(&prompt, most, Sampling::default(), each).unwrap()
    };
    let written = greedy(8, &mut |piece| {
        told += &piece.text;
        ControlFlow::Continue(())
    });
    assert_eq!((written.text(), written.read), (told, 6));
    assert!(written.ended || written.pieces.len() == 8);
    assert!(!written.pieces.is_empty());
    assert_eq!(greedy(1, &mut |_| ControlFlow::Continue(())).pieces, written.pieces[..1]);
    assert_eq!(greedy(8, &mut |_| ControlFlow::Break(())).pieces, written.pieces[..1]);
    // Greedy is the most probable token, and its probability is that of the option.
    let logits = writer.log_probabilities(&prompt, &["a", "b", "abc", "z"]).unwrap();
    assert!(logits.iter().all(|&sum| sum < 0.0 && sum.is_finite()));
    let (best, confidence) = writer.choose(&prompt, &["a", "b", "abc", "z"]).unwrap();
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: f64 = logits.iter().map(|sum| sum.exp()).sum();
    assert!((logits[best] - most).abs() < 1e-12 && (confidence - most.exp() / shares).abs() < 1e-9);
    // Sampling: the same seed says the same, another one something else.
    let sampled = |seed| {
        let sampling = Sampling { temperature: 1.5, top_p: 0.95, seed };
        writer.write(&prompt, 30, sampling, &mut |_| ControlFlow::Continue(())).unwrap().text()
    };
    assert_eq!(sampled(1), sampled(1));
    assert!((2..9).any(|seed| sampled(seed) != sampled(1)));
    // A prompt that does not fit says so.
    let long = writer.prompt(&[(Role::User, &"abc ".repeat(200))]).unwrap();
    let error = writer.write(&long, 1, Sampling::default(), &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("holds from 1 to 128"), "{error}");
    // Writing ends where the model's room does.
    let nearly = writer.prompt(&[(Role::User, &" abc".repeat(58))]).unwrap();
    let room = 128 - writer.tokens(&nearly).unwrap().len();
    let mut ends = 0;
    for seed in 0..5 {
        let sampling = Sampling { temperature: 1.0, top_p: 1.0, seed };
        let written = writer.write(&nearly, 1_000, sampling, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(written.ended || written.pieces.len() == room + 1);
        ends += usize::from(!written.ended);
    }
    assert!(room > 0 && ends > 0);
}

/// The probabilities of all one-token continuations are those that the logits give, those of two tokens their product,
/// and an option that begins another is told from it by the end of the text.
#[test]
fn probabilities_of_options() {
    let path = gguf("llama-F16.gguf");
    let writer = open(&Place::Gguf(path.clone())).unwrap();
    let decoder = decoder(&Place::Gguf(path)).unwrap().0.decoder;
    let prompt = writer.prompt(&ASKED).unwrap();
    let tokens = writer.tokens(&prompt).unwrap();
    let log_softmax = |tokens: &[u32], token: u32| {
        let logits = decoder.read(tokens, &mut Cache::default(), 1).unwrap().remove(0);
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
        f64::from(logits[token as usize]) - sum.ln()
    };
    // "z" and "d" are tokens 31 and 9; "zd" is both.
    let of = |options: &[&str]| writer.log_probabilities(&prompt, options).unwrap();
    let (z, d) = (31, 9);
    let behind = |more: &[u32]| [tokens.as_slice(), more].concat();
    let first = log_softmax(&tokens, z);
    assert!((of(&["z", "d"])[0] - first).abs() < 1e-5);
    let both = first + log_softmax(&behind(&[z]), d);
    assert!((of(&["zd", "d"])[0] - both).abs() < 1e-5);
    let ended = of(&["zd", "z"]);
    assert!((ended[1] - first - log_softmax(&behind(&[z]), 32)).abs() < 1e-5);
    assert!((ended[0] - both - log_softmax(&behind(&[z, d]), 32)).abs() < 1e-5);
    assert!(writer.choose(&prompt, &[]).is_err());
}

/// A folder as the hub has them: tokenizer, chat template, further tokens that end a text.
#[test]
fn a_whole_folder() {
    let folder = folder(&golden()[0]);
    let at = |name: &str| folder.path().join(name);
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
    fs::write(at("tokenizer.json"), tokenizer.to_string()).unwrap();
    let place = place(folder.path());
    let writer = open(&place).unwrap();
    assert!(!writer.chats());
    assert_eq!(writer.prompt(&[(Role::System, "w5"), (Role::User, "w6")]).unwrap(), "w5\n\nw6");
    assert_eq!(writer.tokens("w5 w6 x").unwrap(), [5, 6, 0]);
    let before = writer.identity().to_owned();
    let config = r#"{"eos_token":{"content":"w9"},"chat_template":[{"name":"x","template":"no"},{"name":"default","template":"{{ messages[0].content }}{{ eos_token }} w7"}]}"#;
    fs::write(at("tokenizer_config.json"), config).unwrap();
    fs::write(at("generation_config.json"), r#"{"eos_token_id":[2,11]}"#).unwrap();
    let writer = open(&place).unwrap();
    assert_eq!(writer.prompt(&[(Role::User, "w6 ")]).unwrap(), "w6 w9 w7");
    assert_eq!(writer.ends(), [2, 9, 11]);
    assert_ne!(writer.identity(), before);
    fs::write(at("chat_template.jinja"), "{{ messages[0].content }} w8").unwrap();
    assert_eq!(open(&place).unwrap().prompt(&[(Role::User, "w6")]).unwrap(), "w6 w8");
    fs::write(at("chat_template.jinja"), "{% if %}").unwrap();
    assert!(refused(&place).contains("chat template"), "{}", refused(&place));
}

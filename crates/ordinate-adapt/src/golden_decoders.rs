//! Training of decoders held against PyTorch and PEFT: `tests/golden/make_decoder_training.py` wrote what they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

#[path = "../../ordinate-models/tests/tiny/mod.rs"]
mod tiny;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use candle_core::{Device, Tensor};
use ordinate_models::Kind;
use ordinate_models::decoder::{Options, Place, TrainableDecoder, Writer, find, open};
use ordinate_models::encoder::{LowRank, Reach, Source};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::asked::{Asked, Lessons};
use crate::objective::Objective as _;
use crate::optimiser::{AdamW, Rates};

/// The token that ends a text.
const END: u32 = 2;

fn golden() -> Value {
    serde_json::from_str(include_str!("../tests/golden/decoder_training.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn tokens(value: &Value) -> Vec<u32> {
    numbers(value).into_iter().map(|number| number as u32).collect()
}

fn words(tokens: &[u32]) -> String {
    tokens.iter().map(|token| format!("w{token}")).collect::<Vec<_>>().join(" ")
}

fn far(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f64::max)
}

/// The items of a goal, as tokens, and the place of the right option of each.
fn items(golden: &Value, goal: &str) -> (Vec<Options>, Vec<Vec<usize>>) {
    let items = golden[goal].as_array().unwrap().iter();
    let item = |item: &Value| {
        let shared = tokens(&item["prompt"]);
        if goal == "write" {
            return (Options { shared, tails: vec![tokens(&item["answer"])] }, Vec::new());
        }
        let mut tails: Vec<Vec<u32>> = item["options"].as_array().unwrap().iter().map(tokens).collect();
        let begins =
            (0..tails.len()).any(|a| (0..tails.len()).any(|b| a != b && tails[b].starts_with(&tails[a])));
        tails.iter_mut().filter(|_| begins).for_each(|tail| tail.push(END));
        (Options { shared, tails }, vec![item["right"].as_u64().unwrap() as usize])
    };
    items.map(item).unzip()
}

fn base(case: &Value) -> TempDir {
    let rows = tiny::rows("decoders.json");
    tiny::folder_of_words(rows.iter().find(|row| row["name"] == case["name"]).unwrap())
}

fn source(folder: &Path) -> Source {
    Source::at(folder)
}

/// The model of a case as it is before training.
fn opened(golden: &Value, case: &Value, folder: &Path) -> TrainableDecoder {
    let (rank, alpha) = (golden["rank"].as_u64().unwrap() as usize, golden["alpha"].as_f64().unwrap());
    let reach = match case["method"].as_str().unwrap() {
        "lora" => Reach::Updates(LowRank { rank, alpha }),
        _ => Reach::Whole,
    };
    let model = TrainableDecoder::open(&source(folder), reach, 3).unwrap();
    for (name, variable) in model.variables().iter().filter(|(name, _)| name.contains("lora_A")) {
        let values = tiny::fill(name, variable.dims());
        variable.set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu).unwrap()).unwrap();
    }
    model
}

/// The losses of as many steps as PyTorch took.
fn train(golden: &Value, case: &Value, model: &TrainableDecoder) -> Vec<f64> {
    let goal = case["goal"].as_str().unwrap();
    let (lessons, right) = items(golden, goal);
    let all: Vec<usize> = (0..lessons.len()).collect();
    let kind = if goal == "write" { Kind::Text } else { Kind::Choose };
    let labels = vec![String::new(); lessons.len()];
    let lessons = Lessons { lessons, right, labels, kind, left: None };
    let asked = Asked::new(model, lessons, None, (all.len(), 3));
    let rate = golden["rate"].as_f64().unwrap();
    let mut optimiser = AdamW::new(model.variables(), &|_| false, golden["decay"].as_f64().unwrap(), 1.0);
    let mut step = || {
        let (mut gradients, mut sum) = (optimiser.no_gradients(), 0.0);
        for part in asked.parts(&all) {
            let loss = asked.loss(part, &all).unwrap();
            optimiser.gather(&mut gradients, &mut loss.backward().unwrap()).unwrap();
            sum += f64::from(loss.to_scalar::<f32>().unwrap());
        }
        optimiser.step(&gradients, Rates { old: rate, new: rate }).unwrap();
        sum
    };
    (0..numbers(&case["losses"]).len()).map(|_| step()).collect()
}

/// How far what a writer finds probable is from what PyTorch found.
fn apart(golden: &Value, case: &Value, writer: &Writer) -> f64 {
    let pairs = golden["choose"].as_array().unwrap().iter().zip(case["scores"].as_array().unwrap());
    let one = |(item, theirs): (&Value, &Value)| {
        let options: Vec<String> =
            item["options"].as_array().unwrap().iter().map(|option| words(&tokens(option))).collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let ours = writer.log_probabilities(&words(&tokens(&item["prompt"])), &options).unwrap();
        far(&ours, &numbers(theirs))
    };
    pairs.map(one).fold(0.0, f64::max)
}

/// The writer that a task file would name.
fn named(folder: &Path) -> Writer {
    let place = find(folder.to_str().unwrap(), Path::new("")).unwrap().unwrap();
    assert_eq!(place, Place::Folder(source(folder)));
    open(&place).unwrap()
}

#[test]
fn losses_are_pytorchs() {
    let golden = golden();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 24);
    for case in cases {
        let name = format!("{} {} {}", case["name"], case["method"], case["goal"]);
        let folder = base(case);
        let model = opened(&golden, case, folder.path());
        let theirs = numbers(&case["losses"]);
        let ours = train(&golden, case, &model);
        assert!(far(&ours, &theirs) < 1e-3, "{name}: {}: {ours:?} {theirs:?}", far(&ours, &theirs));
        assert!(ours[19] < ours[0], "{name}");
        // What answers is what was trained, and so does what is written.
        let (writer, trained) = model.trained().unwrap();
        assert!(apart(&golden, case, &writer) < 5e-3, "{name}: {}", apart(&golden, case, &writer));
        let out = tempfile::tempdir().unwrap();
        trained.write(out.path(), folder.path().to_str().unwrap()).unwrap();
        assert!(apart(&golden, case, &named(out.path())) < 5e-3, "{name}");
        assert_eq!(trained.is_adapter(), case["method"] == "lora");
        if let Some(files) = case["files"].as_object() {
            let theirs = |file: &str| STANDARD.decode(files[file].as_str().unwrap()).unwrap();
            as_peft_writes(out.path(), &theirs, &name);
        }
        if !trained.is_adapter() {
            let known = fs::read(folder.path().join("model.safetensors")).unwrap();
            let ours = fs::read(out.path().join("model.safetensors")).unwrap();
            assert_eq!(names(&ours), names(&known), "{name}");
        }
    }
}

fn names(bytes: &[u8]) -> BTreeSet<String> {
    candle_core::safetensors::load_buffer(bytes, &Device::Cpu).unwrap().into_keys().collect()
}

/// The names of tensors and what the configuration says are PEFT's own.
fn as_peft_writes(folder: &Path, theirs: &dyn Fn(&str) -> Vec<u8>, name: &str) {
    let ours = |file: &str| fs::read(folder.join(file)).unwrap();
    let file = "adapter_model.safetensors";
    assert_eq!(names(&ours(file)), names(&theirs(file)), "{name}");
    let config = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let (ours, theirs) = (config(&ours("adapter_config.json")), config(&theirs("adapter_config.json")));
    for key in
        ["peft_type", "task_type", "r", "bias", "fan_in_fan_out", "use_rslora", "use_dora", "modules_to_save"]
    {
        assert_eq!(ours[key], theirs[key], "{name}: {key}");
    }
    assert_eq!(ours["lora_alpha"].as_f64(), theirs["lora_alpha"].as_f64());
    let set = |list: &Value| -> BTreeSet<String> {
        list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(set(&ours["target_modules"]), set(&theirs["target_modules"]), "{name}");
}

/// Adapters that PEFT wrote answer as they did there, and what is not read of one is said with its file and key.
#[test]
fn adapters_of_peft_are_read() {
    let golden = golden();
    let mut seen = 0;
    for case in golden["cases"].as_array().unwrap().iter().filter(|case| case["files"].is_object()) {
        let name = case["name"].as_str().unwrap();
        let (base, folder) = (base(case), tempfile::tempdir().unwrap());
        for (file, text) in case["files"].as_object().unwrap() {
            fs::write(folder.path().join(file), STANDARD.decode(text.as_str().unwrap()).unwrap()).unwrap();
        }
        let text = folder.path().to_str().unwrap();
        let path = folder.path().join("adapter_config.json");
        let plain: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let said = find(text, Path::new("")).unwrap_err().to_string();
        assert!(said.contains("base_model_name_or_path"), "{said}");
        let with = |key: &str, value: Value| {
            let mut config = plain.clone();
            config["base_model_name_or_path"] = json!(base.path());
            config[key] = value;
            fs::write(&path, config.to_string()).unwrap();
        };
        let refused = |part: &str| {
            let place = Place::Folder(source(folder.path()));
            let said = open(&place).err().unwrap().to_string();
            assert!(said.contains(part) && said.contains("merge_and_unload"), "{name}: {part}: {said}");
        };
        for (key, value, part) in [
            ("use_dora", json!(true), "adapter_config.json: it has use_dora"),
            ("trainable_token_indices", json!([3]), "it has trainable_token_indices"),
            ("peft_type", json!("IA3"), "peft_type is \"IA3\""),
            ("init_lora_weights", json!("pissa"), "init_lora_weights is \"pissa\""),
        ] {
            with(key, value);
            refused(part);
        }
        // Twice the alpha is twice the update, whichever way it is said; the root of the rank is another.
        with("alpha_pattern", json!({ "q_proj": 9 }));
        let other = apart(&golden, case, &named(folder.path()));
        with("revision", Value::Null);
        let distance = apart(&golden, case, &named(folder.path()));
        assert!(distance < 1e-3, "{name}: {distance}");
        assert!(name == "phi3" || other > 1e-2, "{name}: {other}");
        with("use_rslora", json!(true));
        assert!(apart(&golden, case, &named(folder.path())) > 1e-2, "{name}");
        with("revision", Value::Null);
        // A tensor that its base has no place for, and half of an update.
        let file = folder.path().join("adapter_model.safetensors");
        let whole = candle_core::safetensors::load(&file, &Device::Cpu).unwrap();
        let first = whole.keys().find(|name| name.ends_with("lora_A.weight")).unwrap().clone();
        let changed = |stays: bool, to: Option<String>, part: &str| {
            let mut tensors = whole.clone();
            let moved = if stays { tensors[&first].clone() } else { tensors.remove(&first).unwrap() };
            if let Some(to) = to {
                tensors.insert(to, moved);
            }
            candle_core::safetensors::save(&tensors, &file).unwrap();
            let said = open(&Place::Folder(source(folder.path()))).err().unwrap().to_string();
            assert!(
                said.contains(part) && said.contains("adapter_model.safetensors"),
                "{name}: {part}: {said}"
            );
        };
        changed(false, None, "has lora_B and no lora_A");
        changed(false, Some(first.replace(".layers.", ".layers.9")), "has lora_B and no lora_A");
        changed(true, Some(first.replace(".layers.", ".layers.9")), "has lora_A and no lora_B");
        changed(true, Some(first.replace("lora_A", "lora_embedding_A")), "lora_embedding_A");
        let norm = "base_model.model.model.layers.7.input_layernorm.weight";
        changed(true, Some(norm.to_owned()), "layers.7.input_layernorm.weight does not fit its base");
        fs::remove_file(&file).unwrap();
        let said = open(&Place::Folder(source(folder.path()))).err().unwrap().to_string();
        assert!(said.contains("adapter_model.safetensors: is missing"), "{said}");
        // Training begins with a whole model.
        let updates = Reach::Updates(LowRank { rank: 2, alpha: 4.0 });
        let said = TrainableDecoder::open(&source(folder.path()), updates, 0).err().unwrap().to_string();
        assert!(said.contains("is an adapter"), "{said}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

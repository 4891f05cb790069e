//! Training held against PyTorch and PEFT: `tests/golden/make_training.py` wrote what they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

#[path = "../../ordinate-models/tests/tiny_encoder/mod.rs"]
pub(crate) mod tiny_encoder;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use candle_core::{Device, Tensor};
use ordinate_models::encoder::{
    Answers, Classifier, LowRank, Problem, Reach, Source, TrainableClassifier, is_classifier,
};
use ordinate_models::{Kind, Model as _, Published, Sample};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::loss::Targets;
use crate::optimiser::{AdamW, Rates};

fn golden() -> Value {
    serde_json::from_str(include_str!("../tests/golden/training.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn whole(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|number| number as usize).collect()
}

/// The largest difference between logits and those of PyTorch.
fn apart(ours: &[Vec<f32>], theirs: &Value) -> f64 {
    let theirs = theirs.as_array().unwrap();
    assert_eq!(ours.len(), theirs.len());
    let rows = ours.iter().zip(theirs);
    let all = rows.flat_map(|(ours, theirs)| ours.iter().copied().map(f64::from).zip(numbers(theirs)));
    all.fold(0.0, |most, (ours, theirs)| most.max((ours - theirs).abs()))
}

struct Case {
    folder: TempDir,
    model: TrainableClassifier,
    reach: Reach,
    tokens: Vec<Vec<u32>>,
    texts: Vec<String>,
}

impl Case {
    /// The model of a case as it is before training.
    fn open(golden: &Value, case: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        tiny_encoder::save(case, folder.path());
        let texts: Vec<String> = golden["texts"].as_array().unwrap().iter().map(tiny_encoder::text).collect();
        let answers = Answers {
            names: ["red", "green", "blue"].map(str::to_owned).to_vec(),
            problem: Problem::OneLabel,
        };
        let (rank, alpha) = (golden["rank"].as_u64().unwrap() as usize, golden["alpha"].as_f64().unwrap());
        let reach = match case["method"].as_str().unwrap() {
            "lora" => Reach::Updates(LowRank { rank, alpha }),
            _ => Reach::Whole,
        };
        let model = TrainableClassifier::open(&source(folder.path()), &answers, reach, 3).unwrap();
        for (name, variable) in model.variables().iter().filter(|(name, _)| name.contains("lora_A")) {
            let values = tiny_encoder::weight(name, variable.elem_count());
            variable.set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu).unwrap()).unwrap();
        }
        let tokens = model.tokens(&texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        Self { folder, model, reach, tokens, texts }
    }

    fn batch(&self) -> Vec<&[u32]> {
        self.tokens.iter().map(Vec::as_slice).collect()
    }

    /// The losses of as many steps as PyTorch took.
    fn train(&self, golden: &Value, steps: usize) -> Vec<f64> {
        let right: Vec<Vec<usize>> = whole(&golden["labels"]).into_iter().map(|label| vec![label]).collect();
        let targets = Targets::labels(Problem::OneLabel, &right, 3, None);
        let all: Vec<usize> = (0..right.len()).collect();
        let rate = golden["rate"].as_f64().unwrap();
        let decay = golden["decay"].as_f64().unwrap();
        let mut optimiser = AdamW::new(self.model.variables(), &|_| false, decay, 1.0);
        let mut step = || {
            let loss = targets.loss(&self.model.logits(&self.batch()).unwrap(), &all, &all).unwrap();
            let mut gradients = optimiser.no_gradients();
            optimiser.gather(&mut gradients, &mut loss.backward().unwrap()).unwrap();
            optimiser.step(&gradients, Rates { old: rate, new: rate }).unwrap();
            f64::from(loss.to_scalar::<f32>().unwrap())
        };
        (0..steps).map(|_| step()).collect()
    }
}

fn source(folder: &Path) -> Source {
    Source::at(folder)
}

#[test]
fn losses_are_pytorchs() {
    let golden = golden();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let opened = Case::open(&golden, case);
        let name = format!("{} {}", case["name"], case["method"]);
        let theirs = numbers(&case["losses"]);
        let ours = opened.train(&golden, theirs.len());
        let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-3, "{name}: {worst}: {ours:?} {theirs:?}");
        let logits = opened.model.read(&opened.batch()).unwrap();
        assert!(apart(&logits, &case["logits"]) < 5e-3, "{name}: {}", apart(&logits, &case["logits"]));
        // What is written answers the same, for Ordinate and by the names that PEFT has.
        let (classifier, written) = opened.model.tuned().unwrap();
        let texts: Vec<&str> = opened.texts.iter().map(String::as_str).collect();
        assert!(apart(&classifier.logits(&texts).unwrap(), &case["logits"]) < 5e-3, "{name}");
        let out = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(opened.folder.path()).unwrap();
        written.write(out.path(), base.to_str().unwrap()).unwrap();
        assert!(is_classifier(&source(out.path())), "{name}");
        let again = Classifier::open(&source(out.path())).unwrap();
        assert_eq!(again.labels(), ["red", "green", "blue"]);
        assert!(apart(&again.logits(&texts).unwrap(), &case["logits"]) < 5e-3, "{name}");
        assert_eq!(written.is_adapter(), opened.reach != Reach::Whole);
        let config: Value =
            serde_json::from_slice(&fs::read(out.path().join("config.json")).unwrap()).unwrap();
        assert_eq!(config["architectures"], case["config"]["architectures"], "{name}");
        assert_eq!(config["label2id"], json!({ "red": 0, "green": 1, "blue": 2 }));
        if written.is_adapter() {
            as_peft_writes(case, out.path(), &name);
        } else {
            let mut theirs: BTreeSet<String> = BTreeSet::new();
            for tensor in case["tensors"].as_array().unwrap() {
                theirs.insert(tensor[0].as_str().unwrap().to_owned());
            }
            assert_eq!(tensors(&fs::read(out.path().join("model.safetensors")).unwrap()), theirs, "{name}");
        }
    }
}

fn tensors(bytes: &[u8]) -> BTreeSet<String> {
    candle_core::safetensors::load_buffer(bytes, &Device::Cpu).unwrap().into_keys().collect()
}

/// The names of tensors and what the configuration says are PEFT's own.
fn as_peft_writes(case: &Value, folder: &Path, name: &str) {
    let theirs = |file: &str| STANDARD.decode(case["files"][file].as_str().unwrap()).unwrap();
    let ours = |file: &str| fs::read(folder.join(file)).unwrap();
    let file = "adapter_model.safetensors";
    assert_eq!(tensors(&ours(file)), tensors(&theirs(file)), "{name}");
    let config = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let (ours, theirs) = (config(&ours("adapter_config.json")), config(&theirs("adapter_config.json")));
    for key in ["peft_type", "task_type", "r", "bias", "fan_in_fan_out", "use_rslora", "use_dora"] {
        assert_eq!(ours[key], theirs[key], "{name}: {key}");
    }
    assert_eq!(ours["lora_alpha"].as_f64(), theirs["lora_alpha"].as_f64());
    let set = |list: &Value| -> BTreeSet<String> {
        list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(set(&ours["target_modules"]), set(&theirs["target_modules"]), "{name}");
    // PEFT adds the usual names of heads to those that it was given.
    assert!(set(&ours["modules_to_save"]).is_subset(&set(&theirs["modules_to_save"])), "{name}");
}

/// Adapters that PEFT wrote answer as they did there.
#[test]
fn adapters_of_peft_are_read() {
    let golden = golden();
    let mut seen = 0;
    for case in golden["cases"].as_array().unwrap().iter().filter(|case| case["method"] == "lora") {
        let name = case["name"].as_str().unwrap();
        let base = tempfile::tempdir().unwrap();
        tiny_encoder::save(case, base.path());
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in case["files"].as_object().unwrap() {
            fs::write(folder.path().join(file), STANDARD.decode(text.as_str().unwrap()).unwrap()).unwrap();
        }
        let path = folder.path().join("adapter_config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let unnamed = Classifier::open(&source(folder.path())).err().unwrap().to_string();
        assert!(unnamed.contains("base_model_name_or_path"), "{unnamed}");
        config["base_model_name_or_path"] = json!(base.path());
        fs::write(&path, config.to_string()).unwrap();
        assert!(is_classifier(&source(folder.path())));
        let texts: Vec<String> = golden["texts"].as_array().unwrap().iter().map(tiny_encoder::text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let classifier = Classifier::open(&source(folder.path())).unwrap();
        let logits = classifier.logits(&texts).unwrap();
        assert!(apart(&logits, &case["logits"]) < 1e-3, "{name}: {}", apart(&logits, &case["logits"]));
        let sums: Vec<usize> = logits
            .iter()
            .map(|row| row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0)
            .collect();
        let labels = classifier.labels().to_vec();
        let published = Published::of(classifier, Kind::Classify);
        for (text, best) in texts.iter().zip(sums) {
            let said = published.answer(&[Sample::text(text)]).unwrap().remove(0).prediction;
            assert_eq!(said.output, labels[best]);
        }
        // Updates stand beside a model that is as it was, and an adapter is none.
        let answers = Answers { names: labels, problem: Problem::OneLabel };
        let updates = Reach::Updates(LowRank { rank: 2, alpha: 4.0 });
        let refused = TrainableClassifier::open(&source(folder.path()), &answers, updates, 0).err().unwrap();
        assert!(refused.to_string().contains("is an adapter"), "{refused}");
        assert!(TrainableClassifier::open(&source(folder.path()), &answers, Reach::Whole, 0).is_ok());
        config["use_dora"] = json!(true);
        fs::write(&path, config.to_string()).unwrap();
        let refused = Classifier::open(&source(folder.path())).err().unwrap().to_string();
        assert!(refused.contains("merge_and_unload"), "{refused}");
        seen += 1;
    }
    assert_eq!(seen, 4);
}

/// Every variable of every architecture and method has a gradient, and what is frozen stays as it was.
#[test]
fn every_variable_is_moved() {
    let golden = golden();
    for case in golden["cases"].as_array().unwrap() {
        let opened = Case::open(&golden, case);
        let name = format!("{} {}", case["name"], case["method"]);
        let before = opened.model.tuned().unwrap().1.tensors();
        // At zero, what multiplies the other half of an update has no slope.
        for (name, variable) in opened.model.variables().iter().filter(|(name, _)| name.contains("lora_B")) {
            let values = tiny_encoder::weight(name, variable.elem_count());
            variable.set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu).unwrap()).unwrap();
        }
        let logits = opened.model.logits(&opened.batch()).unwrap();
        let gradients = logits.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        for (variable, value) in opened.model.variables() {
            let gradient = gradients.get(value).unwrap_or_else(|| panic!("{name}: {variable}"));
            let most = gradient.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(most.is_finite() && most > 0.0, "{name}: {variable}: {most}");
        }
        opened.train(&golden, 2);
        let after = opened.model.tuned().unwrap().1.tensors();
        let is_trained = |name: &String| opened.model.variables().contains_key(name);
        assert!(before.keys().any(is_trained), "{name}");
        if opened.reach != Reach::Whole {
            let layers = opened.model.variables().len() - 4;
            assert!(layers >= 2 * 6, "{name}: {layers}");
        }
        for (tensor, value) in &before {
            let moved = (value - &after[tensor]).unwrap().abs().unwrap().max_all().unwrap();
            let moved = moved.to_scalar::<f32>().unwrap() > 0.0;
            // Merged, updates move what they stand beside.
            let beside = opened.model.variables().contains_key(&tensor.replace(".weight", ".lora_A.weight"));
            assert_eq!(moved, is_trained(tensor) || beside, "{name}: {tensor}");
        }
    }
}

//! Training for spans held against PyTorch and PEFT: `ordinate-models/tests/golden/make_spans.py` wrote what they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use candle_core::{Device, Tensor};
use ordinate_models::encoder::{
    Ends, Extractor, LowRank, Reach, Source, Spans, TrainableExtractor, Window, is_extractor,
};
use ordinate_models::{Kind, Sample, TrainingSet};
use serde_json::{Value, json};

use crate::golden::tiny_encoder;
use crate::optimiser::{AdamW, Rates};
use crate::questions::{Questions, Shown};
use crate::spans::surprise;

fn source(folder: &Path) -> Source {
    Source::at(folder)
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn apart(ours: &Ends, theirs: &Value) -> f64 {
    let all = ours.iter().zip(theirs.as_array().unwrap());
    let all = all.flat_map(|(ours, theirs)| ours.iter().copied().map(f64::from).zip(numbers(theirs)));
    all.fold(0.0, |most, (ours, theirs)| most.max((ours - theirs).abs()))
}

/// Questions, passages and targets.
fn taught(golden: &Value) -> Vec<(String, String, String)> {
    let of = |one: &Value| {
        let passage = one["passage"].as_array().unwrap();
        let target = match one["answer"].as_array() {
            Some(ends) => {
                let end = |at: usize| ends[at].as_u64().unwrap() as usize;
                tiny_encoder::text(&json!(passage[end(0)..=end(1)])).trim().to_owned()
            }
            None => "[]".to_owned(),
        };
        (tiny_encoder::text(&one["question"]), tiny_encoder::text(&one["passage"]), target)
    };
    golden["taught"].as_array().unwrap().iter().map(of).collect()
}

fn set(taught: &[(String, String, String)]) -> TrainingSet<'_> {
    let sample = |question, passage| Sample { context: Some(passage), ..Sample::text(question) };
    let pairs = taught
        .iter()
        .map(|(question, passage, target)| (sample(question.as_str(), passage.as_str()), target.as_str()));
    TrainingSet::new(Kind::Extract, pairs)
}

#[test]
fn losses_of_spans_are_pytorchs() {
    let golden = tiny_encoder::spans();
    let taught = taught(&golden);
    let set = set(&taught);
    let cases = golden["trained"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let name = format!("{} {}", case["name"], case["method"]);
        let folder = tempfile::tempdir().unwrap();
        tiny_encoder::save(case, folder.path());
        let rank = golden["rank"].as_u64().unwrap() as usize;
        let reach = match case["method"].as_str().unwrap() {
            "lora" => Reach::Updates(LowRank { rank, alpha: golden["alpha"].as_f64().unwrap() }),
            _ => Reach::Whole,
        };
        let model = TrainableExtractor::open(&source(folder.path()), reach, 3).unwrap();
        for (name, variable) in model.variables().iter().filter(|(name, _)| name.contains("lora_A")) {
            let values = tiny_encoder::weight(name, variable.elem_count());
            variable.set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu).unwrap()).unwrap();
        }
        let questions = Questions::of(&model, &set).unwrap();
        assert!(questions.nothing && questions.left.is_none());
        let shown: Vec<&Shown> = questions.shown.iter().collect();
        let windows: Vec<&Window> = shown.iter().map(|shown| &shown.window).collect();
        let (rate, decay) = (golden["rate"].as_f64().unwrap(), golden["decay"].as_f64().unwrap());
        let mut optimiser = AdamW::new(model.variables(), &|_| false, decay, 1.0);
        let mut step = || {
            let loss = surprise(&model.logits(&windows).unwrap(), &shown, shown.len()).unwrap();
            let mut gradients = optimiser.no_gradients();
            optimiser.gather(&mut gradients, &mut loss.backward().unwrap()).unwrap();
            optimiser.step(&gradients, Rates { old: rate, new: rate }).unwrap();
            f64::from(loss.to_scalar::<f32>().unwrap())
        };
        let theirs = numbers(&case["losses"]);
        let ours: Vec<f64> = theirs.iter().map(|_| step()).collect();
        let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-3, "{name}: {worst}: {ours:?} {theirs:?}");
        let (extractor, written) = model.tuned(Spans::default()).unwrap();
        let out = tempfile::tempdir().unwrap();
        written.write(out.path(), fs::canonicalize(folder.path()).unwrap().to_str().unwrap()).unwrap();
        assert!(is_extractor(&source(out.path())), "{name}");
        let again = Extractor::open(&source(out.path()), Spans::default()).unwrap();
        let first = [windows[0].clone()];
        let logits = [&extractor, &again].map(|model| model.logits(&first).unwrap().remove(0));
        assert!(apart(&logits[0], &json!(logits[1])) < 1e-5, "{name}");
        let config: Value =
            serde_json::from_slice(&fs::read(out.path().join("config.json")).unwrap()).unwrap();
        assert_eq!(config["architectures"], case["config"]["architectures"], "{name}");
        if written.is_adapter() {
            // The bias of the head has no slope: it is as good as any other, and drifts by rounding.
            let level = |ends: &[f64]| ends.iter().sum::<f64>() / ends.len() as f64;
            for (ours, theirs) in logits[0].iter().zip(case["ends"].as_array().unwrap()) {
                let (ours, theirs): (Vec<f64>, _) =
                    (ours.iter().copied().map(f64::from).collect(), numbers(theirs));
                let off = |(a, b): (&f64, &f64)| ((a - level(&ours)) - (b - level(&theirs))).abs();
                assert!(ours.iter().zip(&theirs).map(off).fold(0.0, f64::max) < 1e-3, "{ours:?} {theirs:?}");
            }
            as_peft_writes(case, folder.path(), out.path(), &first);
        } else {
            let names = |tensor: &Value| tensor[0].as_str().unwrap().to_owned();
            let theirs: BTreeSet<String> = case["tensors"].as_array().unwrap().iter().map(names).collect();
            assert_eq!(tensors(&fs::read(out.path().join("model.safetensors")).unwrap()), theirs, "{name}");
        }
    }
}

fn tensors(bytes: &[u8]) -> BTreeSet<String> {
    candle_core::safetensors::load_buffer(bytes, &Device::Cpu).unwrap().into_keys().collect()
}

/// The names are PEFT's, and what PEFT wrote answers as it did there.
fn as_peft_writes(case: &Value, base: &Path, ours: &Path, window: &[Window]) {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in case["files"].as_object().unwrap() {
        fs::write(folder.path().join(file), STANDARD.decode(text.as_str().unwrap()).unwrap()).unwrap();
    }
    let read = |folder: &Path, file: &str| fs::read(folder.join(file)).unwrap();
    let file = "adapter_model.safetensors";
    assert_eq!(tensors(&read(ours, file)), tensors(&read(folder.path(), file)));
    let config =
        |folder: &Path| -> Value { serde_json::from_slice(&read(folder, "adapter_config.json")).unwrap() };
    let mut theirs = config(folder.path());
    for key in ["peft_type", "task_type", "r", "bias"] {
        assert_eq!(config(ours)[key], theirs[key], "{key}");
    }
    theirs["base_model_name_or_path"] = json!(base);
    fs::write(folder.path().join("adapter_config.json"), theirs.to_string()).unwrap();
    assert!(is_extractor(&source(folder.path())));
    let model = Extractor::open(&source(folder.path()), Spans::default()).unwrap();
    let logits = model.logits(window).unwrap().remove(0);
    assert!(apart(&logits, &case["ends"]) < 1e-3, "{}", apart(&logits, &case["ends"]));
}

/// Every variable of every architecture and method has a gradient.
#[test]
fn every_variable_of_a_head_for_spans_is_moved() {
    let golden = tiny_encoder::spans();
    let taught = taught(&golden);
    for case in golden["trained"].as_array().unwrap() {
        let name = format!("{} {}", case["name"], case["method"]);
        let folder = tempfile::tempdir().unwrap();
        tiny_encoder::save(case, folder.path());
        let reach = match case["method"].as_str().unwrap() {
            "lora" => Reach::Updates(LowRank { rank: 2, alpha: 4.0 }),
            _ => Reach::Whole,
        };
        let model = TrainableExtractor::open(&source(folder.path()), reach, 3).unwrap();
        for (name, variable) in model.variables().iter().filter(|(name, _)| name.contains("lora_B")) {
            let values = tiny_encoder::weight(name, variable.elem_count());
            variable.set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu).unwrap()).unwrap();
        }
        let windows: Vec<Window> = taught
            .iter()
            .flat_map(|(question, passage, _)| model.windows(question, passage).unwrap())
            .collect();
        let logits = model.logits(&windows.iter().collect::<Vec<_>>()).unwrap();
        let gradients = logits.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        for (variable, value) in model.variables() {
            let gradient = gradients.get(value).unwrap_or_else(|| panic!("{name}: {variable}"));
            let most = gradient.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(most.is_finite() && most > 0.0, "{name}: {variable}: {most}");
        }
    }
}

//! Texts without labels, on a tiny masked language model: it comes to guess them, and goes on after it was stopped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

#[path = "../../ordinate-models/tests/tiny_encoder/mod.rs"]
mod tiny_encoder;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use ordinate_adapt::{TrainingReport, methods};
use ordinate_models::{Encoders, Fitting, Kind, Method, ModelError, Sample, Stop, TrainingSet, save};
use serde_json::{Value, json};
use tempfile::TempDir;

/// With a head for masked tokens, or without one.
fn base(has_head: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let golden = tiny_encoder::golden();
    let case =
        golden["masked"].as_array().unwrap().iter().find(|case| case["config"]["model_type"] == "bert");
    tiny_encoder::save_untrained(case.unwrap(), folder.path());
    if !has_head {
        let path = folder.path().join("model.safetensors");
        let mut tensors = candle_core::safetensors::load(&path, &candle_core::Device::Cpu).unwrap();
        tensors.retain(|name, _| !name.starts_with("cls."));
        candle_core::safetensors::save(&tensors, path).unwrap();
    }
    folder
}

fn method(from: &Path, texts: &Path, more: &Value) -> Result<Box<dyn Method>, ModelError> {
    let mut adapt = json!({ "from": from, "method": "mlm", "texts": texts });
    adapt.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let entry = json!({ "name": "a", "lineage": "transferred", "adapt": adapt });
    methods().of(&serde_json::from_value(entry).unwrap(), Path::new("")).map(Option::unwrap)
}

/// Words that come in pairs: whoever has read enough knows the second by the first.
fn texts(count: usize) -> String {
    let text = |at: usize| {
        let pairs = [(5, 6), (9, 10), (13, 14), (20, 21), (30, 31)];
        (0..4)
            .map(|word| pairs[(at * 7 + word * word * 3 + at / 5) % 5])
            .map(|(a, b)| format!("w{a} w{b}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    (0..count).map(text).collect::<Vec<_>>().join("\n")
}

fn items() -> Vec<(String, &'static str)> {
    (0..60).map(|at| (format!("w{} w{}", [5, 9][at % 2], 20 + at % 15), ["stop", "go"][at % 2])).collect()
}

/// Trains until `stop_at` were asked for, and gives the weights and the report.
fn trained(
    base: &Path,
    texts: &Path,
    checkpoint: &Path,
    stop_at: usize,
) -> Result<(Vec<u8>, TrainingReport), ModelError> {
    let method = method(base, texts, &json!({ "epochs": 2, "learning_rate": 0.005 })).unwrap();
    let items = items();
    let train =
        TrainingSet::new(Kind::Classify, items.iter().map(|(text, target)| (Sample::text(text), *target)));
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) >= stop_at;
    let encoders = Encoders::new();
    let fitting =
        Fitting { stop: Stop::when(&stop), checkpoint: Some(checkpoint), ..Fitting::new(11, &encoders) };
    let model = method.fit(&train, &fitting)?;
    let out = tempfile::tempdir().unwrap();
    save(method.as_ref(), model.as_ref(), out.path()).unwrap();
    let weights = fs::read(out.path().join("model.safetensors")).unwrap();
    Ok((weights, TrainingReport::read(out.path()).unwrap()))
}

#[test]
fn what_is_read_is_guessed_and_training_goes_on() {
    // A head that is new is trained alone first.
    for (has_head, least) in [(true, 3), (false, 4)] {
        goes_on(base(has_head).path(), least);
    }
}

/// Stopped at least this often, less one, it comes to the weights of a training that was not stopped.
fn goes_on(base: &Path, least: usize) {
    let desk = tempfile::tempdir().unwrap();
    let corpus = desk.path().join("corpus.txt");
    fs::write(&corpus, texts(2_000)).unwrap();
    let (whole, report) = trained(base, &corpus, &desk.path().join("a.checkpoint"), usize::MAX).unwrap();
    let pretraining = report.pretraining.unwrap();
    assert_eq!(pretraining.texts, 2_060 - 206);
    let (before, after) = pretraining.guessed.unwrap();
    // One of forty words before; where the other of a pair stands beside it, the word is known.
    assert!(before < 0.05 && after > 0.2, "{before} {after}");
    let checkpoint = desk.path().join("b.checkpoint");
    let mut tries = 0;
    let parted = loop {
        tries += 1;
        match trained(base, &corpus, &checkpoint, 150) {
            Ok((weights, _)) => break weights,
            Err(error) => assert!(matches!(error, ModelError::Stopped), "{error}"),
        }
        assert!(tries < 50);
    };
    assert!(tries >= least, "{tries}");
    assert_eq!(whole, parted);
    // Nothing is left of what came first.
    let left = ["b.pretraining", "b.head"].map(|name| desk.path().join(name).exists());
    assert_eq!(left, [false; 2]);
}

#[test]
fn other_texts_are_another_model() {
    let (base, desk) = (base(true), tempfile::tempdir().unwrap());
    let corpus = desk.path().join("corpus.jsonl");
    let identity = |text: &str| {
        fs::write(&corpus, text).unwrap();
        method(base.path(), &corpus, &json!({})).map(|method| method.identity().unwrap())
    };
    let one = identity("{\"text\": \"w5 w6\"}\n").unwrap();
    assert_eq!(one, identity("{\"text\": \"w5 w6\"}\n").unwrap());
    assert_ne!(one, identity("{\"text\": \"w5 w7\"}\n").unwrap());
    assert!(
        identity("{\"words\": \"w5\"}\n").err().unwrap().to_string().contains("line 1 has no field text")
    );
    let missing = method(base.path(), Path::new("/none.txt"), &json!({})).err().unwrap().to_string();
    assert!(missing.contains("/none.txt") && missing.contains("a text a line"), "{missing}");
    let rank = method(base.path(), &corpus, &json!({ "rank": 4 })).err().unwrap().to_string();
    assert!(rank.contains("rank is of no use to method \"mlm\""), "{rank}");
}

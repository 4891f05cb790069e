//! Every method of training, on a tiny encoder or decoder: it learns, is saved, and goes on after it was stopped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

#[path = "../../ordinate-models/tests/tiny_encoder/mod.rs"]
mod tiny_encoder;

mod decoders;
mod spans;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ordinate_adapt::{Ended, TrainingReport, methods};
use ordinate_core::task::{Adapt, CandidateEntry};
use ordinate_models::{
    Encoders, Fitting, Kind, Manifest, Method, Model, ModelError, Sample, Stop, Training, TrainingProgress,
    TrainingSet, save,
};
use serde_json::{Value, json};
use tempfile::TempDir;

fn base() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny_encoder::save_untrained(&tiny_encoder::golden()["cases"][0], folder.path());
    folder
}

/// One that guesses masked tokens.
fn masked_base() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let golden = tiny_encoder::golden();
    let is_bert = |case: &&Value| case["config"]["model_type"] == "bert";
    let case = golden["masked"].as_array().unwrap().iter().find(is_bert).unwrap();
    tiny_encoder::save_untrained(case, folder.path());
    folder
}

fn entry(from: &Path, settings: &Value) -> CandidateEntry {
    let mut adapt = json!({ "from": from });
    adapt.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let adapt: Adapt = serde_json::from_value(adapt).unwrap();
    serde_json::from_value(json!({ "name": "a", "lineage": "transferred", "adapt": adapt })).unwrap()
}

fn method(from: &Path, settings: &Value) -> Result<Box<dyn Method>, ModelError> {
    methods().of(&entry(from, settings), Path::new("")).map(Option::unwrap)
}

/// Texts, and what most of their words say of them: a word a label.
fn items(count: usize) -> Vec<(String, &'static str)> {
    let of = |at: usize| {
        let (label, word) = [("stop", 5), ("go", 9), ("wait", 13)][at % 3];
        (format!("w{word} w{word} w{} w{word} w{word}", 14 + at * 7 % 25), label)
    };
    (0..count).map(of).collect()
}

fn set<'a>(kind: Kind, items: &'a [(String, &'a str)]) -> TrainingSet<'a> {
    TrainingSet::new(kind, items.iter().map(|(text, target)| (Sample::text(text), *target)))
}

fn outputs(model: &dyn Model, items: &[(String, &str)]) -> Vec<(String, Option<f64>)> {
    let samples: Vec<Sample<'_>> = items.iter().map(|(text, _)| Sample::text(text)).collect();
    let said = model.answer(&samples).unwrap().into_iter();
    said.map(|reply| (reply.prediction.output, reply.prediction.confidence)).collect()
}

fn accuracy(model: &dyn Model, items: &[(String, &str)]) -> f64 {
    let said = outputs(model, items);
    let right = said.iter().zip(items).filter(|((said, _), (_, target))| said == target).count();
    right as f64 / items.len() as f64
}

#[test]
fn every_method_learns_and_is_saved() {
    let base = base();
    let all = items(400);
    let (train, test) = all.split_at(300);
    for (name, settings) in [
        ("full", json!({ "method": "full", "epochs": 20 })),
        ("lora", json!({ "method": "lora", "epochs": 20, "rank": 4 })),
        ("weights", json!({ "method": "full", "epochs": 20, "class_weights": "balanced" })),
        ("contrastive", json!({ "method": "contrastive" })),
        ("mlm", json!({ "method": "mlm", "epochs": 20 })),
        ("auto", json!({ "method": "auto", "epochs": 20 })),
    ] {
        let masked = masked_base();
        let from = if name == "mlm" { masked.path() } else { base.path() };
        let method = method(from, &settings).unwrap();
        let encoders = Encoders::new();
        let told = Mutex::new(Vec::new());
        let watch = |training: Training<'_>| {
            if let Training::Chosen(why) = training {
                told.lock().unwrap().push(why.to_owned());
            }
        };
        let fitting = Fitting { watch: &watch, ..Fitting::new(7, &encoders) };
        let model = method.fit(&set(Kind::Classify, train), &fitting).unwrap();
        let reached = accuracy(model.as_ref(), test);
        assert!(reached > 0.95, "{name}: {reached}");
        let sure = outputs(model.as_ref(), test);
        assert!(sure.iter().all(|(_, sure)| sure.is_some_and(|sure| (0.0..=1.0).contains(&sure))));
        let folder = tempfile::tempdir().unwrap();
        let manifest = save(method.as_ref(), model.as_ref(), folder.path()).unwrap();
        assert_eq!(manifest, Manifest::read(folder.path()).unwrap());
        assert_eq!(manifest.source.is_some(), name == "lora", "{name}");
        let again = methods().load(folder.path(), &encoders).unwrap();
        for ((a, sure_a), (b, sure_b)) in outputs(again.as_ref(), test).into_iter().zip(sure) {
            assert!(a == b && (sure_a.unwrap() - sure_b.unwrap()).abs() < 1e-5, "{name}");
        }
        let report = TrainingReport::read(folder.path()).unwrap();
        assert_eq!(report.seed, 7);
        if name == "contrastive" {
            assert!(folder.path().join("1_Pooling/config.json").is_file() && report.validated.is_none());
        } else {
            assert_eq!(report.pretraining.is_some(), name == "mlm");
            assert!(report.validated.unwrap().score > 0.9 && report.validated.unwrap().items == 30, "{name}");
            assert_eq!(report.items, 270);
        }
        let why = told.into_inner().unwrap();
        assert_eq!(why.len(), usize::from(name == "auto"), "{why:?}");
        assert_eq!(report.chosen, why.first().cloned());
    }
}

/// The same seed gives the same weights, to the last bit; another seed others.
#[test]
fn seeds() {
    let base = base();
    let train = items(60);
    let weights = |seed: u64, name: &str| {
        let method = method(base.path(), &json!({ "method": name, "epochs": 2 })).unwrap();
        let encoders = Encoders::new();
        let model = method.fit(&set(Kind::Classify, &train), &Fitting::new(seed, &encoders)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        save(method.as_ref(), model.as_ref(), folder.path()).unwrap();
        let file = if name == "lora" { "adapter_model.safetensors" } else { "model.safetensors" };
        fs::read(folder.path().join(file)).unwrap()
    };
    for name in ["full", "lora"] {
        assert_eq!(weights(1, name), weights(1, name));
        assert_ne!(weights(1, name), weights(2, name));
    }
}

#[test]
fn tags_and_numbers() {
    let base = base();
    let encoders = Encoders::new();
    let tags: Vec<(String, &str)> = (0..400)
        .map(|at| {
            let (red, blue) = (at % 2 == 0, at % 3 == 0);
            let words =
                [if red { "w5 w5" } else { "w11 w11" }, if blue { "w8 w8" } else { "w14 w14" }].join(" ");
            let target = match (red, blue) {
                (true, true) => "red;blue",
                (true, false) => "red",
                (false, true) => "blue",
                (false, false) => "",
            };
            (format!("{words} w{}", 20 + at * 7 % 19), target)
        })
        .collect();
    let (train, test) = tags.split_at(300);
    let method = method(base.path(), &json!({ "method": "full", "epochs": 40 })).unwrap();
    let model = method.fit(&set(Kind::Tag, train), &Fitting::new(3, &encoders)).unwrap();
    let wanted = |target: &str| {
        let mut tags: Vec<&str> = target.split(';').filter(|tag| !tag.is_empty()).collect();
        tags.sort_unstable();
        Value::from(tags)
    };
    let said = outputs(model.as_ref(), test);
    let right = said.iter().zip(test).filter(|((said, _), (_, target))| {
        let mut tags: Vec<Value> = serde_json::from_str(said).unwrap();
        tags.sort_by_key(Value::to_string);
        Value::from(tags) == wanted(target)
    });
    assert!(right.count() > 95);
    let numbers: Vec<String> = (0..400).map(|at| (1_000.0 + 50.0 * f64::from(at % 5)).to_string()).collect();
    let numbered: Vec<(String, &str)> = (0..400)
        .map(|at| (format!("w{0} w{0} w{0} w{1}", 5 + at % 5, 20 + at * 7 % 19), numbers[at].as_str()))
        .collect();
    let (train, test) = numbered.split_at(300);
    let model = method.fit(&set(Kind::Regress, train), &Fitting::new(3, &encoders)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    save(method.as_ref(), model.as_ref(), folder.path()).unwrap();
    let again = methods().load(folder.path(), &encoders).unwrap();
    for model in [model, again] {
        let said = outputs(model.as_ref(), test);
        let off = |((said, _), (_, target)): (&(String, Option<f64>), &(String, &str))| {
            (said.parse::<f64>().unwrap() - target.parse::<f64>().unwrap()).abs()
        };
        let mean = said.iter().zip(test).map(off).sum::<f64>() / test.len() as f64;
        // The mean of all would be off by 60.
        assert!(mean < 15.0, "{mean}");
    }
}

/// Trains with a checkpoint until `stop_at` steps were told, and gives the weights where it came to an end.
fn trained(base: &Path, checkpoint: &Path, out: &Path, stop_at: usize) -> Result<Vec<u8>, ModelError> {
    let method = method(base, &json!({ "method": "full", "epochs": 3, "batch_size": 8 })).unwrap();
    let train = items(300);
    let asked = AtomicUsize::new(0);
    // Training asks once before each step, and once for each part of a validation.
    let stop = || asked.fetch_add(1, Ordering::Relaxed) >= stop_at;
    let encoders = Encoders::new();
    let fitting =
        Fitting { stop: Stop::when(&stop), checkpoint: Some(checkpoint), ..Fitting::new(11, &encoders) };
    let model = method.fit(&set(Kind::Classify, &train), &fitting)?;
    save(method.as_ref(), model.as_ref(), out)?;
    Ok(fs::read(out.join("model.safetensors")).unwrap())
}

/// Stopped again and again, training ends with the weights of one that was not.
#[test]
fn goes_on_where_it_was_stopped() {
    let (base, desk) = (base(), tempfile::tempdir().unwrap());
    let at = |name: &str| desk.path().join(name);
    let whole = trained(base.path(), &at("a.checkpoint"), &at("a"), usize::MAX).unwrap();
    let checkpoint = at("b.checkpoint");
    let mut tries = 0;
    let parted = loop {
        tries += 1;
        match trained(base.path(), &checkpoint, &at("b"), 23) {
            Ok(weights) => break weights,
            Err(error) => assert!(matches!(error, ModelError::Stopped), "{error}"),
        }
        assert!(tries < 50 && checkpoint.is_file());
    };
    assert!(tries >= 4, "{tries}");
    assert_eq!(whole, parted);
    // What is over is not trained again, and what another training left is of no use.
    let left = fs::read(&checkpoint).unwrap();
    assert_eq!(whole, trained(base.path(), &checkpoint, &at("c"), 2).unwrap());
    fs::write(&checkpoint, &left[..left.len() / 2]).unwrap();
    assert!(matches!(trained(base.path(), &checkpoint, &at("d"), 2), Err(ModelError::Stopped)));
    fs::write(&checkpoint, &left).unwrap();
    let other = method(base.path(), &json!({ "method": "full", "epochs": 1 })).unwrap();
    let encoders = Encoders::new();
    let stop = || true;
    let fitting =
        Fitting { stop: Stop::when(&stop), checkpoint: Some(&checkpoint), ..Fitting::new(11, &encoders) };
    let train = items(300);
    assert!(matches!(other.fit(&set(Kind::Classify, &train), &fitting).err().unwrap(), ModelError::Stopped));
}

#[test]
fn time_is_kept_and_progress_told() {
    let base = base();
    let train = items(3_000);
    let settings = json!({ "method": "full", "epochs": 1_000, "max_minutes": 0.02 });
    let method = method(base.path(), &settings).unwrap();
    let told: Mutex<Vec<TrainingProgress>> = Mutex::default();
    let watch = |training: Training<'_>| {
        if let Training::Progress(progress) = training {
            told.lock().unwrap().push(progress);
        }
    };
    let encoders = Encoders::new();
    let fitting = Fitting { watch: &watch, ..Fitting::new(5, &encoders) };
    let started = std::time::Instant::now();
    let model = method.fit(&set(Kind::Classify, &train), &fitting).unwrap();
    let took = started.elapsed().as_secs_f64();
    let folder = tempfile::tempdir().unwrap();
    save(method.as_ref(), model.as_ref(), folder.path()).unwrap();
    let report = TrainingReport::read(folder.path()).unwrap();
    // It ends by the clock, or before it where it no longer gets better.
    assert!(took < 60.0 && matches!(report.ended, Ended::Time | Ended::Early), "{took} {report:?}");
    let told = told.into_inner().unwrap();
    let last = told.last().unwrap();
    assert!(last.step > told[0].step && last.per_second > 0.0 && last.steps > 100_000, "{last:?}");
    assert!(last.left.as_secs_f64() <= 1.3, "{last:?}");
    assert!(told.iter().all(|one| one.loss.is_finite()));
}

#[test]
fn what_is_wrong_is_said() {
    let base = base();
    let refused = |settings: Value| method(base.path(), &settings).err().unwrap().to_string();
    for (settings, part) in [
        (json!({ "method": "full", "rank": 4 }), "rank is of no use to method \"full\""),
        (json!({ "method": "contrastive", "epochs": 4 }), "epochs is of no use"),
        (json!({ "method": "lora", "rank": 1_000 }), "at most 256"),
        (json!({ "method": "full", "learning_rate": -1.0 }), "learning_rate is -1"),
        (json!({ "method": "full", "max_minutes": 0.0 }), "max_minutes is 0"),
        (
            json!({ "method": "tune" }),
            "known are auto, means, probe, contrastive, lora, full, mlm, distill and seq2seq",
        ),
        (json!({ "method": "probe", "epochs": 4 }), "\"probe\" leaves it as it is"),
        (json!({ "method": "means", "max_minutes": 4.0 }), "\"means\" leaves it as it is"),
    ] {
        let said = refused(settings);
        assert!(said.contains(part), "{said}");
    }
    let builtin = method(Path::new("builtin"), &json!({ "method": "full" })).err().unwrap().to_string();
    assert!(builtin.contains("no layers to train"), "{builtin}");
    let one = vec![("w5 w6".to_owned(), "a"), ("w7".to_owned(), "a")];
    let encoders = Encoders::new();
    for name in ["full", "lora", "contrastive"] {
        let method = method(base.path(), &json!({ "method": name })).unwrap();
        let said = method.fit(&set(Kind::Classify, &one), &Fitting::new(0, &encoders)).err().unwrap();
        assert!(said.to_string().contains("of 1 labels"), "{said}");
    }
    let away =
        method(base.path(), &json!({ "method": "full", "learning_rate": 1.0, "epochs": 400 })).unwrap();
    match away.fit(&set(Kind::Classify, &items(30)), &Fitting::new(0, &encoders)) {
        Ok(_) => {}
        Err(error) => assert!(error.to_string().contains("smaller learning_rate"), "{error}"),
    }
}

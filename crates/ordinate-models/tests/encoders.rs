//! Every encoder architecture against `transformers`, on tiny models: `golden/make_encoders.py` wrote what it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // small numbers

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use ordinate_core::evidence::ItemFields;
use ordinate_core::{EvidenceBuilder, Part};
use ordinate_models::encoder::{Classifier, Source, is_classifier, open};
use ordinate_models::gauge::{Order, gauge};
use ordinate_models::{Embedded, Encoder as _, From, Kind, Model as _, Published, Recipe, Saved};
use serde_json::{Value, json};

/// As in the script: a formula of name and place.
fn weight(name: &str, count: usize) -> Vec<f32> {
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

/// Writes the folder of a model as the hub has it.
fn save(case: &Value, folder: &Path) {
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
    for word in 3..40 {
        vocabulary[format!("w{word}")] = word.into();
    }
    let special = |id: u32, text: &str| json!({"id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let one = |id: &str| json!({"SpecialToken": {"id": id, "type_id": 0}});
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
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
}

fn text(words: &Value) -> String {
    words.as_array().unwrap().iter().fold(String::new(), |mut text, word| {
        write!(text, "w{word} ").unwrap();
        text
    })
}

/// The largest difference between numbers.
fn apart(ours: &[f32], theirs: &Value) -> f64 {
    let theirs = theirs.as_array().unwrap();
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold(0.0, |most, (a, b)| most.max((f64::from(*a) - b.as_f64().unwrap()).abs()))
}

#[test]
fn equal_transformers() {
    let golden: Value = serde_json::from_str(include_str!("golden/encoders.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        save(case, folder.path());
        let source = Source::find(folder.path().to_str().unwrap(), Path::new("")).unwrap();
        assert!(is_classifier(&source));
        let rows = case["rows"].as_array().unwrap();
        let texts: Vec<String> = rows.iter().map(|row| text(&row["words"])).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let classifier = Classifier::open(&source).unwrap();
        assert_eq!(classifier.labels(), ["red", "green", "blue"]);
        // All at once, so that the shorter ones are padded.
        let logits = classifier.logits(&texts).unwrap();
        let vectors = open(&source).unwrap().embed(&texts).unwrap();
        let mut worst = 0.0_f64;
        for ((row, logits), vector) in rows.iter().zip(&logits).zip(&vectors) {
            worst = worst.max(apart(logits, &row["logits"])).max(apart(vector, &row["mean"]));
        }
        eprintln!("{}: largest difference {worst:e}", case["name"]);
        assert!(worst < 1e-4, "{}: {worst}", case["name"]);
    }
}

/// A published classifier answers with the task's names of its labels, of which the task may have fewer.
#[test]
fn published_labels_become_the_tasks() {
    let golden: Value = serde_json::from_str(include_str!("golden/encoders.json")).unwrap();
    let case = &golden["cases"][0];
    let folder = tempfile::tempdir().unwrap();
    save(case, folder.path());
    let source = Source::find(folder.path().to_str().unwrap(), Path::new("")).unwrap();
    let publish = |task: &[&str], map: &[(&str, &str)]| {
        let task: BTreeSet<String> = task.iter().map(|&label| label.to_owned()).collect();
        let map: BTreeMap<String, String> =
            map.iter().map(|&(ours, theirs)| (ours.to_owned(), theirs.to_owned())).collect();
        Published::open(&source, Kind::Classify, &task, &map).map_err(|error| error.to_string())
    };
    for row in case["rows"].as_array().unwrap() {
        let logits: Vec<f64> =
            row["logits"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let answer = |names: &[Option<&str>], model: &Published| {
            let known = || names.iter().zip(&logits).filter_map(|(name, logit)| Some(((*name)?, *logit)));
            let (label, best) = known().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            let sum: f64 = known().map(|(_, logit)| (logit - best).exp()).sum();
            let reply = &model.answer(&[&text(&row["words"])]).unwrap()[0];
            assert_eq!(reply.output, label);
            assert!((reply.confidence.unwrap() - 1.0 / sum).abs() < 1e-4);
        };
        answer(
            &[Some("Red"), Some("green"), Some("BLUE")],
            &publish(&["Red", "green", "BLUE"], &[]).unwrap(),
        );
        let stop = publish(&["stop", "go"], &[("stop", "red"), ("go", "Green")]).unwrap();
        answer(&[Some("stop"), Some("go"), None], &stop);
    }
    let refused = publish(&["stop", "go"], &[]).err().unwrap();
    assert!(refused.contains("fewer than two") && refused.contains("red, green, blue"), "{refused}");
    let refused = publish(&["stop", "go"], &[("stop", "crimson")]).err().unwrap();
    assert!(refused.contains("crimson") && refused.contains("does not know"), "{refused}");
}

/// What is saved of a model answers as the model did that was trained, and says what hosting it takes.
#[test]
fn saved_models_answer_the_same() {
    let golden: Value = serde_json::from_str(include_str!("golden/encoders.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    save(&golden["cases"][0], folder.path());
    let source = Source::find(folder.path().to_str().unwrap(), Path::new("")).unwrap();
    let mut builder = EvidenceBuilder::default();
    for at in 0..60 {
        let (label, word) = [("red", 5), ("green", 9), ("blue", 21)][at % 3];
        let input = format!("w{word} w{} w{}", 3 + at % 30, 3 + at * 7 % 30);
        let part = Some(if at < 40 { Part::Train } else { Part::Test });
        let fields = ItemFields { input: Some(&input), target: Some(label), part, ..ItemFields::default() };
        builder.add_item(&at.to_string(), fields).unwrap();
    }
    let items = builder.into_items();
    let (own, labels) = (From::Folder(source.clone()), BTreeMap::new);
    let recipes = [
        Recipe::Ngram { examples: None },
        Recipe::Probe { from: From::Builtin, examples: Some(30) },
        Recipe::Probe { from: own.clone(), examples: None },
        Recipe::Nearest { from: own.clone(), labels: labels(), examples: None },
        Recipe::Nearest { from: From::Builtin, labels: labels(), examples: Some(20) },
        Recipe::Published { source, labels: labels() },
    ];
    for recipe in recipes {
        let embedded = recipe.from().map(|from| Embedded::of(from, &items).unwrap());
        let (answered, facts, saved) =
            ordinate_models::answer_items(&items, Kind::Classify, &recipe, embedded.as_ref(), 7).unwrap();
        let again = ordinate_models::train(&items, Kind::Classify, &recipe, embedded.as_ref(), 7).unwrap();
        assert_eq!(again, saved, "{recipe:?}");
        let file = folder.path().join("saved.json");
        saved.write(&file).unwrap();
        let model = Saved::open(&file).unwrap();
        assert_eq!(model.facts(), facts, "{recipe:?}");
        let inputs: Vec<&str> = (40..60).map(|row| items.input(row).unwrap()).collect();
        for (reply, one) in model.answer(&inputs).unwrap().iter().zip(&answered[40..]) {
            assert_eq!((one.row >= 40, &reply.output), (true, &one.output), "{recipe:?}");
            let sure = reply.confidence.zip(one.confidence);
            assert!(sure.is_none_or(|(a, b)| (a - b).abs() < 1e-5), "{recipe:?} {sure:?}");
        }
        assert_eq!(saved.further_bytes().unwrap() > 0, !matches!(recipe, Recipe::Ngram { .. }));
        let inputs = inputs.into_iter().map(str::to_owned).collect();
        let gauged = gauge(&Order::Model { saved: file.clone(), inputs }).unwrap();
        assert!(gauged.items == 20 && gauged.load_ms > 0.0 && gauged.best_per_second >= gauged.per_second);
    }
    let file = folder.path().join("saved.json");
    fs::write(&file, "{}").unwrap();
    let said = Saved::open(&file).err().unwrap().to_string();
    assert!(said.contains("saved.json") && said.contains("run the task again"), "{said}");
}

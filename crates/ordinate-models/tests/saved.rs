//! Models that were trained, or told the labels, as files: they answer as before, and are gauged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod tiny_encoder;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ordinate_core::evidence::ItemFields;
use ordinate_core::features::{Feature, Features, Values};
use ordinate_core::{EvidenceBuilder, Items, Part};
use ordinate_models::encoder::Source;
use ordinate_models::gauge::{Order, gauge};
use ordinate_models::{
    Averaging, ClozeLabels, CrossFit, EncoderSource, Encoders, Fitting, Fold, GradientBoosting, Kind, Method,
    Methods, Model, NearestLabel, NgramLinear, Probing, PublishedClassifier, Sample,
};
use tiny_encoder::{golden, save};

/// An item that was answered.
struct Answered {
    row: usize,
    output: String,
    confidence: Option<f64>,
}

/// All items answered, in their order, and the model of all train items.
fn answered(items: &Items, method: &dyn Method, seed: u64) -> (Vec<Answered>, Box<dyn Model>) {
    let crossfit = CrossFit::new(items, Kind::Classify, method, &|_| true, seed).unwrap();
    let encoders = Encoders::keeping();
    let fitting = Fitting::new(seed, &encoders);
    let mut answered = Vec::new();
    for fold in Fold::all() {
        let rows = crossfit.rows(fold);
        if rows.is_empty() {
            continue;
        }
        let model = crossfit.fit(fold, &fitting).unwrap();
        let samples: Vec<Sample<'_>> = rows.iter().map(|&row| Sample::of(items, row)).collect();
        for (row, reply) in rows.into_iter().zip(model.answer(&samples).unwrap()) {
            let said = reply.prediction;
            answered.push(Answered { row, output: said.output, confidence: said.confidence });
        }
    }
    answered.sort_by_key(|one| one.row);
    assert_eq!(answered.len(), items.len());
    (answered, crossfit.fit(Fold::Whole, &fitting).unwrap())
}

fn source(folder: &Path) -> Source {
    Source::find(folder.to_str().unwrap(), Path::new("")).unwrap()
}

/// What is saved of a model answers as the model did that was trained, and says what hosting it takes.
#[test]
fn saved_models_answer_the_same() {
    let golden = golden();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let folder = &folders[0];
    save(&golden["cases"][0], folder.path());
    save(&golden["masked"][0], folders[1].path());
    let [source, masked] = folders.each_ref().map(|folder| source(folder.path()));
    let mut builder = EvidenceBuilder::default();
    for at in 0..60 {
        let (label, word) = [("red", 5), ("green", 9), ("blue", 21)][at % 3];
        let input = format!("w{word} w{} w{}", 3 + at % 30, 3 + at * 7 % 30);
        let part = Some(if at < 40 { Part::Train } else { Part::Test });
        let fields = ItemFields { input: Some(&input), target: Some(label), part, ..ItemFields::default() };
        builder.add_item(&at.to_string(), fields).unwrap();
    }
    let items = builder.into_items();
    let (own, labels) = (EncoderSource::Folder(source), BTreeMap::new);
    let words = [("red", "w20"), ("green", "w21"), ("blue", "w22")];
    let words = words.map(|(label, word)| (label.to_owned(), word.to_owned())).into();
    let builtin = EncoderSource::Builtin;
    let template = "{input} w9 [MASK]".to_owned();
    let made: [Box<dyn Method>; 8] = [
        Box::new(NgramLinear { examples: None }),
        Box::new(Probing { source: builtin.clone(), examples: Some(30) }),
        Box::new(Probing { source: own.clone(), examples: None }),
        Box::new(Averaging { source: own.clone(), examples: None }),
        Box::new(NearestLabel { source: own.clone(), labels: labels(), examples: None }),
        Box::new(NearestLabel { source: builtin, labels: labels(), examples: Some(20) }),
        Box::new(PublishedClassifier { source: own, labels: labels() }),
        Box::new(ClozeLabels { source: EncoderSource::Folder(masked), template, words }),
    ];
    let methods = Methods::default();
    for method in made {
        let name = method.name();
        let (answered, model) = answered(&items, method.as_ref(), 7);
        let saved = folder.path().join("saved");
        let manifest = ordinate_models::save(method.as_ref(), model.as_ref(), &saved).unwrap();
        let (facts, model) = (model.facts(), methods.load(&saved, &Encoders::new()).unwrap());
        assert_eq!((model.facts(), manifest.facts()), (facts, facts), "{name}");
        let inputs: Vec<&str> = (40..60).map(|row| items.input(row).unwrap()).collect();
        let samples: Vec<Sample<'_>> = inputs.iter().map(|input| Sample::text(input)).collect();
        for (reply, one) in model.answer(&samples).unwrap().iter().zip(&answered[40..]) {
            assert_eq!((one.row >= 40, &reply.prediction.output), (true, &one.output), "{name}");
            let sure = reply.prediction.confidence.zip(one.confidence);
            assert!(sure.is_none_or(|(a, b)| (a - b).abs() < 1e-5), "{name} {sure:?}");
        }
        let own: u64 = ["manifest.json", "model.json"]
            .map(|file| fs::metadata(saved.join(file)).unwrap().len())
            .iter()
            .sum();
        assert_eq!(manifest.disk_bytes > own, name != "ngram-linear", "{name}");
        let inputs = inputs.into_iter().map(str::to_owned).collect();
        let gauged = gauge(&methods, &Order::Model { saved, inputs, passages: Vec::new() }).unwrap();
        assert!(gauged.items == 20 && gauged.load_ms > 0.0 && gauged.best_per_second >= gauged.per_second);
    }
    let saved = folder.path().join("saved");
    let refused = |file: &str, text: &str| {
        fs::write(saved.join(file), text).unwrap();
        methods.load(&saved, &Encoders::new()).err().unwrap().to_string()
    };
    let said = refused("model.json", "[]");
    assert!(said.contains("model.json") && said.contains("run the task again"), "{said}");
    let manifest = fs::read_to_string(saved.join("manifest.json")).unwrap();
    let said = refused("manifest.json", &manifest.replace("\"version\":2", "\"version\":9"));
    assert!(said.contains("version 9") && said.contains("run the task again"), "{said}");
    let said = refused("manifest.json", &manifest.replace("\"cloze\"", "\"unheard-of\""));
    assert!(said.contains("manifest.json") && said.contains("cut off or changed"), "{said}");
    let said = refused("manifest.json", "{}");
    assert!(said.contains("manifest.json") && said.contains("run the task again"), "{said}");
}

/// Trees answer items that are told as lines as they do the fields themselves, gaps and categories too.
#[test]
fn saved_trees_read_lines() {
    let mut builder = EvidenceBuilder::default();
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for at in 0..200_u32 {
        let number = if at % 17 == 0 { f64::NAN } else { f64::from(at % 23) };
        let city = ["Kyoto 京都", "Zürich", "Lima"][(at % 3) as usize];
        let label = if number >= 9.0 || city == "Lima" { "yes" } else { "no" };
        let mut text = format!("city: {city}");
        if !number.is_nan() {
            text = format!("a: b: {number}\n{text}");
        }
        let part = Some(if at < 150 { Part::Train } else { Part::Test });
        let fields = ItemFields { input: Some(&text), target: Some(label), part, ..ItemFields::default() };
        builder.add_item(&at.to_string(), fields).unwrap();
        numbers.push(number);
        texts.push(city);
    }
    let mut cities = ordinate_core::column::Codes::default();
    texts.iter().for_each(|city| cities.push(Some(city)));
    let items = builder.into_items().with_features(Features::new(vec![
        Feature { name: "a: b".into(), values: Values::Numbers(numbers) },
        Feature { name: "city".into(), values: Values::Categories(cities) },
    ]));
    let method = GradientBoosting { examples: None };
    let (answered, model) = answered(&items, &method, 0);
    let facts = model.facts();
    let folder = tempfile::tempdir().unwrap();
    ordinate_models::save(&method, model.as_ref(), folder.path()).unwrap();
    let model = Methods::default().load(folder.path(), &Encoders::new()).unwrap();
    assert_eq!(model.facts(), facts);
    let mut right = 0;
    for one in &answered[150..] {
        let reply =
            model.answer(&[Sample::text(items.input(one.row).unwrap())]).unwrap().remove(0).prediction;
        assert_eq!((reply.output, reply.confidence), (one.output.clone(), one.confidence), "{}", one.row);
        right += usize::from(Some(one.output.as_str()) == items.target(one.row));
    }
    assert!(right >= 47, "{right}");
}

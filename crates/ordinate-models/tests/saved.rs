//! Models that were trained, or told the labels, as files: they answer as before, and are gauged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod tiny_encoder;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ordinate_core::evidence::ItemFields;
use ordinate_core::features::{Feature, Features, Values};
use ordinate_core::{EvidenceBuilder, Part};
use ordinate_models::encoder::Source;
use ordinate_models::gauge::{Order, gauge};
use ordinate_models::{Embedded, From, Kind, Recipe, Saved};
use ordinate_tasks::Scorer;
use ordinate_tasks::kinds::Classify;
use tiny_encoder::{golden, save};

/// The kind, and the scorer of it.
fn scorer() -> Scorer {
    Scorer::of(&Classify, None).unwrap()
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
    let (own, labels) = (From::Folder(source.clone()), BTreeMap::new);
    let words = [("red", "w20"), ("green", "w21"), ("blue", "w22")];
    let words = words.map(|(label, word)| (label.to_owned(), word.to_owned())).into();
    let recipes = [
        Recipe::Ngram { examples: None },
        Recipe::Probe { from: From::Builtin, examples: Some(30) },
        Recipe::Probe { from: own.clone(), examples: None },
        Recipe::Nearest { from: own.clone(), labels: labels(), examples: None },
        Recipe::Nearest { from: From::Builtin, labels: labels(), examples: Some(20) },
        Recipe::Published { source, labels: labels() },
        Recipe::Cloze { source: masked, template: "{input} w9 [MASK]".to_owned(), labels: words },
    ];
    for recipe in recipes {
        let embedded = recipe.from().map(|from| Embedded::of(from, &items).unwrap());
        let (answered, facts, saved) =
            ordinate_models::answer_items(&items, (Kind::Classify, &scorer()), &recipe, embedded.as_ref(), 7)
                .unwrap();
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
    let recipe = Recipe::Boosted { examples: None };
    let (answered, facts, saved) =
        ordinate_models::answer_items(&items, (Kind::Classify, &scorer()), &recipe, None, 0).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trees.json");
    saved.write(&file).unwrap();
    let model = Saved::open(&file).unwrap();
    assert_eq!(model.facts(), facts);
    for one in &answered[150..] {
        let reply = model.answer(&[items.input(one.row).unwrap()]).unwrap().remove(0);
        assert_eq!((reply.output, reply.confidence), (one.output.clone(), one.confidence), "{}", one.row);
    }
    let right = answered[150..].iter().filter(|one| one.score > 0.5).count();
    assert!(right >= 47, "{right}");
}

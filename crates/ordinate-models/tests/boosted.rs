//! Gradient boosting and linear models on tables of every shape: nothing panics, answers are known labels, what was saved answers the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

use ordinate_core::column::Codes;
use ordinate_core::features::{Feature, Features, Values};
use ordinate_models::{Boosted, Kind, Linear, Model as _, Sample, Stop};
use proptest::prelude::*;

fn numbers(name: &str, values: Vec<f64>) -> Feature {
    Feature { name: name.to_owned(), values: Values::Numbers(values) }
}

fn categories<'a>(name: &str, values: impl IntoIterator<Item = Option<&'a str>>) -> Feature {
    let mut codes = Codes::default();
    values.into_iter().for_each(|value| codes.push(value));
    Feature { name: name.to_owned(), values: Values::Categories(codes) }
}

/// A column of numbers with gaps (perhaps all gaps, perhaps one value), or of categories with gaps.
fn column(rows: usize) -> impl Strategy<Value = Feature> {
    let number = prop_oneof![Just(f64::NAN), Just(1.0), -1e300..1e300_f64, -1.0..1.0_f64];
    let word = prop_oneof![Just(None), Just(Some("红")), Just(Some("blue")), Just(Some("a: b"))];
    prop_oneof![
        prop::collection::vec(number, rows).prop_map(|values| numbers("x", values)),
        Just(numbers("same", vec![3.0; rows])),
        Just(numbers("none", vec![f64::NAN; rows])),
        prop::collection::vec(word, rows).prop_map(|values| categories("词", values)),
    ]
}

fn table() -> impl Strategy<Value = (Features, Vec<u8>)> {
    (1_usize..40).prop_flat_map(|rows| {
        let columns = prop::collection::vec(column(rows), 1..5).prop_map(Features::new);
        (columns, prop::collection::vec(0_u8..4, rows))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_table_makes_it_panic((features, targets) in table()) {
        let rows: Vec<usize> = (0..targets.len()).collect();
        let labels: Vec<String> = targets.iter().map(|target| format!("l{target}")).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let mut different = labels.clone();
        different.sort_unstable();
        different.dedup();
        match Boosted::fit(Kind::Classify, &features, &rows, &labels, Stop::NEVER) {
            Err(error) => {
                prop_assert!(different.len() < 2, "{error}");
                prop_assert!(error.to_string().contains("too little"), "{error}");
            }
            Ok(model) => {
                let text = serde_json::to_string(&model).unwrap();
                let again: Boosted = serde_json::from_str(&text).unwrap();
                for &row in &rows {
                    let reply = model.predict(&features, row);
                    prop_assert!(labels.contains(&reply.output.as_str()));
                    prop_assert!((0.0..=1.0).contains(&reply.confidence.unwrap()));
                    prop_assert_eq!(&again.predict(&features, row), &reply);
                }
            }
        }
        let figures: Vec<String> = targets.iter().map(u8::to_string).collect();
        let figures: Vec<&str> = figures.iter().map(String::as_str).collect();
        match Boosted::fit(Kind::Regress, &features, &rows, &figures, Stop::NEVER) {
            Err(error) => prop_assert!(rows.len() < 2, "{error}"),
            Ok(model) => for &row in &rows {
                let said: f64 = model.predict(&features, row).output.parse().unwrap();
                prop_assert!(said.is_finite());
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_table_makes_a_linear_model_panic((features, targets) in table()) {
        let rows: Vec<usize> = (0..targets.len()).collect();
        let labels: Vec<Vec<String>> = targets.iter().map(|target| vec![format!("l{target}")]).collect();
        match Linear::fit(Kind::Classify, &features, &rows, &labels, Stop::NEVER) {
            Err(error) => {
                let said = error.to_string();
                prop_assert!(said.contains("too little") || said.contains("no field that differs"), "{said}");
            }
            Ok(model) => {
                let text = serde_json::to_string(&model).unwrap();
                let again: Linear = serde_json::from_str(&text).unwrap();
                for &row in &rows {
                    let said = model.predict(&features, row);
                    prop_assert!(labels.iter().any(|label| label[0] == said.output));
                    prop_assert!((0.0..=1.0).contains(&said.confidence.unwrap()));
                    prop_assert_eq!(&again.predict(&features, row), &said);
                }
            }
        }
        let figures: Vec<Vec<String>> = targets.iter().map(|target| vec![target.to_string()]).collect();
        if let Ok(model) = Linear::fit(Kind::Regress, &features, &rows, &figures, Stop::NEVER) {
            for &row in &rows {
                let said: f64 = model.predict(&features, row).output.parse().unwrap();
                prop_assert!(said.is_finite());
            }
        }
    }
}

/// A number that counts, one that does not and is a million times as large, a category, and a gap that tells.
#[test]
fn a_linear_model_reads_numbers_categories_and_gaps() {
    let names = ["甲", "乙", "丙"];
    let size = |row: usize| ((row * 7) % 40) as f64;
    let gap = |row: usize| (row / 3).is_multiple_of(4);
    let right = |row: usize| {
        let from_category = [0.0, 8.0, -8.0][(row * 5 + row / 7) % 3];
        if gap(row) || size(row) + from_category > 20.0 { "yes" } else { "no" }
    };
    let features = Features::new(vec![
        numbers("数", (0..400).map(|row| if gap(row) { f64::NAN } else { size(row) }).collect()),
        numbers("noise", (0..400).map(|row| 1e6 * ((row * 31) % 97) as f64).collect()),
        categories("类", (0..400).map(|row| Some(names[(row * 5 + row / 7) % 3]))),
        numbers("same", vec![3.0; 400]),
    ]);
    let targets: Vec<Vec<String>> = (0..300).map(|row| vec![right(row).to_owned()]).collect();
    let train: Vec<usize> = (0..300).collect();
    let model = Linear::fit(Kind::Classify, &features, &train, &targets, Stop::NEVER).unwrap();
    let hits = (300..400).filter(|&row| model.predict(&features, row).output == right(row)).count();
    assert!(hits >= 96, "{hits}");
    // The same item as text, and one with a category that was never seen.
    let text = ["数: 39\nnoise: 0\n类: 乙\nsame: 3", "noise: 0", "数: 1\n类: 红"];
    let said = model.answer(&text.map(Sample::text)).unwrap();
    let outputs: Vec<&str> = said.iter().map(|reply| reply.prediction.output.as_str()).collect();
    assert_eq!(outputs, ["yes", "yes", "no"]);
}

/// Targets that hang on a category and on whether a number is there.
fn lesson() -> (Features, Vec<String>) {
    let names = ["甲", "乙", "丙", "丁", "戊"];
    let of = |row: usize| (row * 7 + row / 5) % 5;
    let gap = |row: usize| (row * 13 + row / 7).is_multiple_of(3);
    let category = categories("类", (0..400).map(|row| (row % 50 != 0).then_some(names[of(row)])));
    let number =
        numbers("数", (0..400).map(|row| if gap(row) { f64::NAN } else { (row % 17) as f64 }).collect());
    let targets =
        (0..400).map(|row| if (of(row) % 2 == 0) == gap(row) { "yes" } else { "no" }.to_owned()).collect();
    (Features::new(vec![category, number]), targets)
}

#[test]
fn gaps_and_categories_are_learnt_from() {
    let (features, targets) = lesson();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let train: Vec<usize> = (0..300).collect();
    let model = Boosted::fit(Kind::Classify, &features, &train, &targets[..300], Stop::NEVER).unwrap();
    let hits = (300..400).filter(|&row| model.predict(&features, row).output == targets[row]).count();
    assert!(hits >= 97, "{hits}");
    // The same item as text: a colon in front of the value, and a line less for a gap.
    let text = model.answer(&["类: 乙\n数: 4", "类: 乙", "nothing of it"].map(Sample::text)).unwrap();
    let said = |at: usize| text[at].prediction.output.as_str();
    assert_eq!((said(0), said(1)), ("yes", "no"));
    assert!(text[2].prediction.confidence.is_some());
    assert!(model.facts().parameters > 10);
}

#[test]
fn too_little_is_said() {
    let features = Features::new(vec![numbers("x", vec![1.0, 2.0])]);
    let fit = |kind, rows: &[usize], targets: &[&str]| {
        Boosted::fit(kind, &features, rows, targets, Stop::NEVER)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert!(fit(Kind::Classify, &[0], &["a"]).contains("too little"));
    assert!(fit(Kind::Classify, &[0, 1], &["a", "a"]).contains("of 1 labels"));
    assert!(fit(Kind::Regress, &[0], &["1"]).contains("too little"));
    assert!(fit(Kind::Regress, &[0, 1], &["1", "two"]).contains("two"));
    assert_eq!(fit(Kind::Classify, &[0, 1], &["a", "b"]), "");
}

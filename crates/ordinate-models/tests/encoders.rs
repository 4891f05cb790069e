//! Every encoder architecture against `transformers`, on tiny models: `golden/make_encoders.py` wrote what it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod tiny_encoder;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ordinate_core::task::Precision;
use ordinate_models::encoder::{
    Classifier, Extractor, Masked, Source, Spans, Window, is_classifier, is_extractor, open,
};
use ordinate_models::{Cloze, Encoder as _, Kind, Model as _, Published, Sample};
use serde_json::Value;
use tiny_encoder::{golden, save, text};

/// The largest difference between numbers.
fn apart(ours: &[f32], theirs: &Value) -> f64 {
    let theirs = theirs.as_array().unwrap();
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold(0.0, |most, (a, b)| most.max((f64::from(*a) - b.as_f64().unwrap()).abs()))
}

#[test]
fn equal_transformers() {
    let golden = golden();
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

/// In eight bits every architecture says nearly the same: vectors point the same way, and classifiers answer alike.
#[test]
fn eight_bits_of_every_architecture() {
    for case in golden()["cases"].as_array().unwrap() {
        let folder = tempfile::tempdir().unwrap();
        save(case, folder.path());
        let exact = source(folder.path());
        let small = Source { precision: Precision::Int8, ..exact.clone() };
        let texts: Vec<String> =
            case["rows"].as_array().unwrap().iter().map(|row| text(&row["words"])).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = |source: &Source| open(source).unwrap().embed(&texts).unwrap();
        for (exact, small) in vectors(&exact).iter().zip(&vectors(&small)) {
            let cosine: f32 = exact.iter().zip(small).map(|(a, b)| a * b).sum();
            assert!(cosine > 0.99 && exact != small, "{}: {cosine}", case["name"]);
        }
        let logits = |source: &Source| Classifier::open(source).unwrap().logits(&texts).unwrap();
        let (exact, small) = (logits(&exact), logits(&small));
        let largest = exact.iter().flatten().fold(0.0_f32, |most, one| most.max(one.abs()));
        for (exact, small) in exact.iter().flatten().zip(small.iter().flatten()) {
            assert!((exact - small).abs() < 0.1 * largest, "{}: {exact} {small}", case["name"]);
        }
    }
}

/// Windows, logits and answers are those of `transformers` and of its script for SQuAD.
#[test]
fn spans_equal_transformers() {
    let golden = tiny_encoder::spans();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        save(case, folder.path());
        let source = source(folder.path());
        assert!(is_extractor(&source) && !is_classifier(&source));
        let mut worst = 0.0_f64;
        for (key, nothing) in [("answer", false), ("or_nothing", true)] {
            let spans = Spans { nothing, ..Spans::default() };
            let model = Extractor::open(&source, spans).unwrap();
            let mut said = Vec::new();
            let rows = case["rows"].as_array().unwrap();
            let asked: Vec<(String, String)> =
                rows.iter().map(|row| (text(&row["question"]), text(&row["passage"]))).collect();
            for (row, (question, passage)) in rows.iter().zip(&asked) {
                let windows = model.windows(question, passage).unwrap();
                let tokens: Vec<&[u32]> = windows.iter().map(Window::tokens).collect();
                assert_eq!(serde_json::json!(tokens), row["windows"], "{}", case["name"]);
                let logits = model.logits(&windows).unwrap();
                for (ours, theirs) in logits.iter().zip(row["logits"].as_array().unwrap()) {
                    worst = worst.max(apart(&ours[0], &theirs[0])).max(apart(&ours[1], &theirs[1]));
                }
                let texts = spans.texts(passage, &windows, &logits);
                let (text, score) = texts[0];
                assert_eq!(text, row[key]["text"].as_str().unwrap(), "{} {key}", case["name"]);
                assert!((score - row[key]["score"].as_f64().unwrap()).abs() < 2e-4);
                said.push(text.to_owned());
            }
            // All together, so that shorter windows are padded.
            let asked: Vec<(&str, &str)> = asked.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            let answers = model.answers(&asked).unwrap();
            assert!(answers.iter().zip(&said).all(|(answer, said)| answer.output == *said));
            let sure = |answer: &ordinate_models::Prediction| answer.confidence.unwrap();
            assert!(answers.iter().all(|answer| sure(answer) > 0.0 && sure(answer) <= 1.0));
        }
        eprintln!("{}: largest difference {worst:e}", case["name"]);
        assert!(worst < 1e-4, "{}: {worst}", case["name"]);
    }
    // What is no passage, and what has no head of two outputs.
    let folder = tempfile::tempdir().unwrap();
    save(&cases[0], folder.path());
    let model = Extractor::open(&source(folder.path()), Spans::default()).unwrap();
    let refused = model.answers(&[("w5", " \n")]).unwrap_err().to_string();
    assert!(refused.contains("no passage that the question is about"), "{refused}");
    let other = tempfile::tempdir().unwrap();
    save(&golden_of_labels(&cases[0]), other.path());
    let refused = Extractor::open(&source(other.path()), Spans::default()).err().unwrap().to_string();
    assert!(refused.contains("3 outputs") && refused.contains("model.safetensors"), "{refused}");
}

/// A case whose head says three things of each token.
fn golden_of_labels(case: &Value) -> Value {
    let mut case = case.clone();
    for tensor in case["tensors"].as_array_mut().unwrap() {
        match tensor[0].as_str().unwrap() {
            "qa_outputs.weight" => tensor[1] = serde_json::json!([3, 16]),
            "qa_outputs.bias" => tensor[1] = serde_json::json!([3]),
            _ => {}
        }
    }
    case
}

/// A published classifier answers with the task's names of its labels, of which the task may have fewer.
#[test]
fn published_labels_become_the_tasks() {
    let golden = golden();
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
            let words = text(&row["words"]);
            let reply = &model.answer(&[Sample::text(&words)]).unwrap()[0].prediction;
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

fn source(folder: &Path) -> Source {
    Source::find(folder.to_str().unwrap(), Path::new("")).unwrap()
}

/// The text of tokens of which 4 is the mask.
fn gapped(words: &Value) -> String {
    text(words).replace("w4 ", "[MASK] ")
}

/// The logits at every mask, of every fourth token.
#[test]
fn masked_language_models_equal_transformers() {
    let golden = golden();
    let cases = golden["masked"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        save(case, folder.path());
        let model = Masked::open(&source(folder.path())).unwrap();
        assert_eq!(model.mask(), "[MASK]");
        let mut worst = 0.0_f64;
        for row in case["rows"].as_array().unwrap() {
            let ours = model.logits(&gapped(&row["words"])).unwrap();
            let theirs = row["logits"].as_array().unwrap();
            assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.iter().zip(theirs) {
                assert_eq!(ours.len(), 40);
                let ours: Vec<f32> = ours.iter().step_by(4).copied().collect();
                worst = worst.max(apart(&ours, theirs));
            }
        }
        eprintln!("{}: largest difference {worst:e}", case["name"]);
        assert!(worst < 1e-4, "{}: {worst}", case["name"]);
    }
}

/// A label is chosen by the probability of its word at the gap; a word of two tokens has two gaps.
#[test]
fn labels_by_a_gap() {
    let golden = golden();
    let case = &golden["masked"][0];
    let folder = tempfile::tempdir().unwrap();
    save(case, folder.path());
    let source = source(folder.path());
    let model = Masked::open(&source).unwrap();
    let cloze = |template: &str, words: &[(&str, &str)]| {
        let words: BTreeMap<String, String> =
            words.iter().map(|&(label, word)| (label.to_owned(), word.to_owned())).collect();
        let task = words.keys().cloned().collect();
        Cloze::open(&source, Kind::Classify, template, &task, &words).map_err(|error| error.to_string())
    };
    let log_softmax = |logits: &[f32], token: usize| {
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
        f64::from(logits[token]) - sum.ln()
    };
    let asked =
        cloze("{input} w9 [MASK] w10", &[("good", "w20"), ("bad", "w21"), ("odd", "w22 w23")]).unwrap();
    let one = &model.logits("w5 w6 w9 [MASK] w10").unwrap()[0];
    let two = model.logits("w5 w6 w9 [MASK][MASK] w10").unwrap();
    let scores = [
        ("bad", log_softmax(one, 21)),
        ("good", log_softmax(one, 20)),
        ("odd", f64::midpoint(log_softmax(&two[0], 22), log_softmax(&two[1], 23))),
    ];
    let best = scores.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let all: f64 = scores.iter().map(|(_, score)| score.exp()).sum();
    let reply = |text: &str| asked.answer(&[Sample::text(text)]).unwrap().remove(0).prediction;
    assert_eq!(reply("w5 w6").output, best.0);
    assert!((reply("w5 w6").confidence.unwrap() - best.1.exp() / all).abs() < 1e-6);
    // What is too long is cut at the end of the input, and a mask in the input is none.
    let single = cloze("{input} w9 [MASK] w10", &[("good", "w20"), ("bad", "w21")]).unwrap();
    let (long, kept) = ("w5 w6 ".repeat(60), "w5 w6 ".repeat(22) + "w5");
    assert_eq!(single.predict(&long).unwrap(), single.predict(&kept).unwrap());
    assert_eq!(reply("w5 [MASK] w6"), reply("w5   w6"));
    for (template, words, part) in [
        ("{input} w9", [("a", "w5"), ("b", "w6")], "has not [MASK] once"),
        ("{input} [MASK]", [("a", " "), ("b", "w6")], "the word \" \" of the label \"a\" is 0 tokens"),
    ] {
        let said = cloze(template, &words).unwrap_err();
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(cloze("{input} [MASK]", &[("a", "w5")]).unwrap_err().contains("too little"));
    let template = "w9 ".repeat(60) + "{input} [MASK]";
    let tight = cloze(&template, &[("a", "w5"), ("b", "w6")]).unwrap();
    assert!(tight.predict("w5").unwrap_err().to_string().contains("template alone is longer"));
    let classifier = &golden["cases"][0];
    save(classifier, folder.path());
    let said = cloze("{input} [MASK]", &[("a", "w5"), ("b", "w6")]).unwrap_err();
    assert!(said.contains("no masked language model") && said.contains("ForMaskedLM"), "{said}");
}

/// What the machine has no room for is refused before it is read. The file has holes, and takes no room itself.
#[test]
fn too_large_for_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    save(&golden()["cases"][0], folder.path());
    let weights = std::fs::File::create(folder.path().join("model.safetensors")).unwrap();
    if cfg!(target_os = "linux") && weights.set_len(1 << 40).is_ok() {
        let said = open(&source(folder.path())).err().unwrap().to_string();
        assert!(said.contains("need 2199.0 GB of memory") && said.contains("take a smaller model"), "{said}");
    }
}

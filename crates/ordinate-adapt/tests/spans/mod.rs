//! Encoders that learn which span of a passage answers.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ordinate_adapt::{TrainingReport, methods};
use ordinate_models::{
    Encoders, Fitting, Kind, Method, Model, ModelError, Sample, Stop, Training, TrainingSet, save,
};
use serde_json::{Value, json};

use super::{base, method};

/// A question, a passage and its target.
type Asked = (String, String, String);

/// Each question asks for another kind of word, of which the passage has one, somewhere; `lacks` says of which it has none.
fn questions(count: usize, lacks: impl Fn(usize) -> bool) -> Vec<Asked> {
    let of = |at: usize| {
        let (kind, turn) = (at % 3, at * 7 + at / 3);
        let mut words: Vec<String> =
            (0..9).map(|place| format!("w{}", 14 + (turn + place * 5) % 6)).collect();
        let mut target = "[]".to_owned();
        if !lacks(at) {
            target = format!("w{}", 20 + 5 * kind + (turn + kind) % 5);
            words[3 * ((kind + turn) % 3) + turn % 3].clone_from(&target);
        }
        (["w5", "w9", "w13"][kind].to_owned(), words.join(" "), target)
    };
    (0..count).map(of).collect()
}

fn set(asked: &[Asked]) -> TrainingSet<'_> {
    TrainingSet::new(Kind::Extract, asked.iter().map(|one| (sample(one), one.2.as_str())))
}

fn sample((question, passage, _): &Asked) -> Sample<'_> {
    Sample { context: Some(passage), ..Sample::text(question) }
}

fn said(model: &dyn Model, asked: &[Asked]) -> Vec<(String, f64)> {
    let samples: Vec<Sample<'_>> = asked.iter().map(sample).collect();
    let replies = model.answer(&samples).unwrap().into_iter();
    replies.map(|reply| (reply.prediction.output, reply.prediction.confidence.unwrap())).collect()
}

fn accuracy(model: &dyn Model, asked: &[Asked]) -> f64 {
    let is_right = |((said, _), (_, _, target)): &((String, f64), &Asked)| {
        if target == "[]" { said.is_empty() } else { said == target }
    };
    said(model, asked).into_iter().zip(asked).filter(is_right).count() as f64 / asked.len() as f64
}

#[test]
fn every_method_learns_spans_and_is_saved() {
    let base = base();
    let all = questions(400, |_| false);
    let (train, test) = all.split_at(300);
    for name in ["full", "lora"] {
        let method = method(base.path(), &json!({ "method": name, "epochs": 25 })).unwrap();
        let encoders = Encoders::new();
        let model = method.fit(&set(train), &Fitting::new(7, &encoders)).unwrap();
        let reached = accuracy(model.as_ref(), test);
        assert!(reached > 0.9, "{name}: {reached}");
        let before = said(model.as_ref(), test);
        // About as sure as it is right.
        let sure = before.iter().map(|(_, sure)| sure).sum::<f64>() / before.len() as f64;
        assert!((sure - reached).abs() < 0.1, "{name}: {sure} {reached}");
        let folder = tempfile::tempdir().unwrap();
        let manifest = save(method.as_ref(), model.as_ref(), folder.path()).unwrap();
        assert_eq!(manifest.source.is_some(), name == "lora");
        let again = methods().load(folder.path(), &encoders).unwrap();
        for ((a, sure_a), (b, sure_b)) in said(again.as_ref(), test).into_iter().zip(before) {
            assert!(a == b && (sure_a - sure_b).abs() < 1e-5, "{name}");
        }
        let config: Value =
            serde_json::from_slice(&fs::read(folder.path().join("config.json")).unwrap()).unwrap();
        assert_eq!(config["architectures"], json!(["BertForQuestionAnswering"]));
        let report = TrainingReport::read(folder.path()).unwrap();
        let held = report.validated.unwrap();
        assert!(held.items == 30 && report.items == 270 && held.score > 0.9, "{name}: {report:?}");
    }
    let auto = method(base.path(), &json!({ "method": "auto", "epochs": 1 })).unwrap();
    let model = auto.fit(&set(train), &Fitting::new(7, &Encoders::new())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    save(auto.as_ref(), model.as_ref(), folder.path()).unwrap();
    let report = TrainingReport::read(folder.path()).unwrap();
    assert!(report.chosen.unwrap().starts_with("full fine-tuning: 300 items"));
    let again = methods().load(folder.path(), &Encoders::new()).unwrap();
    assert_eq!(said(again.as_ref(), test), said(model.as_ref(), test));
}

/// Where targets say that nothing answers, it says so too.
#[test]
fn nothing_may_answer() {
    let base = base();
    let all = questions(500, |at| at % 4 == 1);
    let (train, test) = all.split_at(400);
    let method = method(base.path(), &json!({ "method": "lora", "epochs": 30 })).unwrap();
    let encoders = Encoders::new();
    let model = method.fit(&set(train), &Fitting::new(7, &encoders)).unwrap();
    let (without, with): (Vec<Asked>, Vec<Asked>) =
        test.iter().cloned().partition(|(_, _, target)| target == "[]");
    let reached = [&without, &with].map(|part| accuracy(model.as_ref(), part));
    assert!(reached.iter().all(|part| *part > 0.8) && without.len() == 25, "{reached:?}");
}

/// Trains with a checkpoint until training was asked so often whether to stop, and gives the weights.
fn trained(base: &Path, checkpoint: &Path, out: &Path, stop_at: usize) -> Result<Vec<u8>, ModelError> {
    let method = method(base, &json!({ "method": "full", "epochs": 2, "batch_size": 8 })).unwrap();
    let train = questions(120, |_| false);
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) >= stop_at;
    let encoders = Encoders::new();
    let fitting =
        Fitting { stop: Stop::when(&stop), checkpoint: Some(checkpoint), ..Fitting::new(11, &encoders) };
    let model = method.fit(&set(&train), &fitting)?;
    save(method.as_ref(), model.as_ref(), out)?;
    Ok(fs::read(out.join("model.safetensors")).unwrap())
}

#[test]
fn spans_go_on_where_they_were_stopped() {
    let (base, desk) = (base(), tempfile::tempdir().unwrap());
    let at = |name: &str| desk.path().join(name);
    let whole = trained(base.path(), &at("a.checkpoint"), &at("a"), usize::MAX).unwrap();
    let mut tries = 0;
    let parted = loop {
        tries += 1;
        match trained(base.path(), &at("b.checkpoint"), &at("b"), 9) {
            Ok(weights) => break weights,
            Err(error) => assert!(matches!(error, ModelError::Stopped), "{error}"),
        }
        assert!(tries < 20 && at("b.checkpoint").is_file());
    };
    assert!(tries >= 3 && whole == parted, "{tries}");
}

#[test]
fn passages_without_their_answers_are_left_out_and_said() {
    let base = base();
    let encoders = Encoders::new();
    let fit = |method: &dyn Method, asked: &[Asked]| {
        let told = Mutex::new(Vec::new());
        let watch = |training: Training<'_>| {
            if let Training::Left(why) = training {
                told.lock().unwrap().push(why.to_owned());
            }
        };
        let fitted = method.fit(&set(asked), &Fitting { watch: &watch, ..Fitting::new(1, &encoders) });
        (fitted.map(drop).map_err(|error| error.to_string()), told.into_inner().unwrap().concat())
    };
    let full = method(base.path(), &json!({ "method": "full", "epochs": 1 })).unwrap();
    let mut some = questions(12, |_| false);
    some[3].2 = "w39 w38".to_owned();
    some[5].2 = "[\"w39\", \"w38\"]".to_owned();
    some[7].1 = "  ".to_owned();
    let (fitted, told) = fit(full.as_ref(), &some);
    fitted.unwrap();
    assert_eq!(
        told,
        "3 of 12 train items are not learned from: the passage does not have its target \"w39 w38\""
    );
    // Any of several right answers is one.
    some = questions(12, |_| false);
    some.iter_mut().for_each(|one| one.2 = json!(["w39", one.2]).to_string());
    let (fitted, told) = fit(full.as_ref(), &some);
    assert!(fitted.is_ok() && told.is_empty(), "{told}");
    some.iter_mut().for_each(|one| one.2 = "w39".to_owned());
    let (fitted, _) = fit(full.as_ref(), &some);
    let refused = fitted.unwrap_err();
    assert!(refused.contains("no train item can be learned from: the passage does not have"), "{refused}");
    let (fitted, _) = fit(full.as_ref(), &questions(1, |_| false));
    assert!(fitted.unwrap_err().contains("too little to train on: 1 items"));
    let weighed = method(base.path(), &json!({ "method": "full", "class_weights": "balanced" })).unwrap();
    let refused = fit(weighed.as_ref(), &questions(12, |_| false)).0.unwrap_err();
    assert!(refused.contains("class_weights is for tasks whose items share their labels"), "{refused}");
}

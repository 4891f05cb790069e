//! Decoders that are trained: they learn what they are asked, are saved, go on after they were stopped, and say what does not fit.

#[path = "../../../ordinate-models/tests/tiny/mod.rs"]
mod tiny;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ordinate_adapt::{TrainingReport, methods};
use ordinate_models::decoder::Question;
use ordinate_models::{Encoders, Fitting, Kind, Manifest, ModelError, Reads, Stop, Training, save};
use ordinate_tasks::kinds;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{accuracy, method, outputs, set};

fn base(name: &str) -> TempDir {
    let rows = tiny::rows("decoders.json");
    tiny::folder_of_words(rows.iter().find(|row| row["name"] == name).unwrap())
}

fn asked(user: String, options: Option<&[&str]>) -> String {
    let options = options.map(|all| all.iter().map(|one| (*one).to_owned()).collect());
    let most = options.is_none().then_some(6);
    serde_json::to_string(&Question { system: None, user, options, most }).unwrap()
}

/// Questions whose first word says the answer: a label, one of the item's own options, or a text.
fn items(kind: Kind, count: usize) -> Vec<(String, &'static str)> {
    let of = |at: usize| {
        let user = format!("w{} w{}", [5, 9, 13][at % 3], 14 + at * 7 % 11);
        match kind {
            Kind::Classify => {
                (asked(user, Some(&["w30", "w31 w32", "w31"])), ["w30", "w31 w32", "w31"][at % 3])
            }
            // Of two options or three, in another order.
            Kind::Choose if at.is_multiple_of(2) => {
                (asked(user, Some(&["w33", "w34", "w35"])), ["w33", "w34", "w35"][at % 3])
            }
            Kind::Choose => {
                let options = [["w34", "w33"], ["w35", "w34"], ["w33", "w35"]][at % 3];
                (asked(user, Some(&options)), ["w33", "w34", "w35"][at % 3])
            }
            _ => (asked(user, None), ["w40 w41 w42", "w43", r#"["w44 w40", "w45"]"#][at % 3]),
        }
    };
    (0..count).map(of).collect()
}

#[test]
fn decoders_learn_what_they_are_asked() {
    for (kind, from, settings) in [
        (Kind::Classify, "llama", json!({ "method": "lora", "epochs": 6, "batch_size": 8, "rank": 4 })),
        (Kind::Classify, "qwen3", json!({ "method": "auto", "epochs": 10, "class_weights": "balanced" })),
        (Kind::Choose, "qwen2", json!({ "method": "lora", "epochs": 6, "batch_size": 8 })),
        (Kind::Text, "phi3", json!({ "method": "lora", "epochs": 8, "batch_size": 8 })),
        (
            Kind::Text,
            "llama3",
            json!({ "method": "full", "epochs": 6, "batch_size": 8, "learning_rate": 0.003 }),
        ),
    ] {
        let name = format!("{kind:?} {from} {settings}");
        let base = base(from);
        let all = items(kind, 150);
        let (train, test) = all.split_at(120);
        let method = method(base.path(), &settings).unwrap();
        let encoders = Encoders::new();
        let told = Mutex::new(Vec::new());
        let watch = |training: Training<'_>| match training {
            Training::Progress(progress) => assert!(progress.loss.is_finite()),
            Training::Chosen(why) | Training::Left(why) => told.lock().unwrap().push(why.to_owned()),
        };
        let fitting = Fitting { watch: &watch, ..Fitting::new(7, &encoders) };
        let model = method.fit(&set(kind, train), &fitting).unwrap();
        // Of several right answers the first is learned.
        let test: Vec<(String, &str)> = test
            .iter()
            .map(|(asked, right)| (asked.clone(), if right.starts_with('[') { "w44 w40" } else { *right }))
            .collect();
        let reached = accuracy(model.as_ref(), &test);
        assert!(reached > 0.9, "{name}: {reached}");
        let folder = tempfile::tempdir().unwrap();
        let manifest = save(method.as_ref(), model.as_ref(), folder.path()).unwrap();
        assert_eq!(manifest, Manifest::read_whole(folder.path()).unwrap());
        assert_eq!(
            (manifest.reads, manifest.source.is_some()),
            (Reads::Question, settings["method"] != "full")
        );
        let again = methods().load(folder.path(), &encoders).unwrap();
        let said = outputs(model.as_ref(), &test);
        for ((a, sure_a), (b, sure_b)) in outputs(again.as_ref(), &test).into_iter().zip(said) {
            let near = |a: Option<f64>, b: Option<f64>| (a.unwrap_or(1.0) - b.unwrap_or(1.0)).abs() < 1e-5;
            assert!(a == b && near(sure_a, sure_b) && sure_a.is_some() == (kind != Kind::Text), "{name}");
        }
        let report = TrainingReport::read(folder.path()).unwrap();
        let held = report.validated.unwrap();
        assert!(held.items == 12 && report.items == 108 && held.score > 0.7, "{name}: {report:?}");
        let told = told.into_inner().unwrap();
        assert_eq!(told.len(), usize::from(settings["method"] == "auto"), "{told:?}");
        assert_eq!(report.method, if settings["method"] == "full" { "full" } else { "lora" });
    }
}

/// Trains with a checkpoint until training was asked so often whether to stop, and gives the adapter.
fn trained(base: &Path, checkpoint: &Path, out: &Path, stop_at: usize) -> Result<Vec<u8>, ModelError> {
    let method = method(base, &json!({ "method": "lora", "epochs": 2, "batch_size": 8 })).unwrap();
    let train = items(Kind::Classify, 110);
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) >= stop_at;
    let encoders = Encoders::new();
    let fitting =
        Fitting { stop: Stop::when(&stop), checkpoint: Some(checkpoint), ..Fitting::new(11, &encoders) };
    let model = method.fit(&set(Kind::Classify, &train), &fitting)?;
    save(method.as_ref(), model.as_ref(), out)?;
    Ok(fs::read(out.join("adapter_model.safetensors")).unwrap())
}

/// The same seed gives the same bytes, also where training was stopped again and again.
#[test]
fn decoders_go_on_where_they_were_stopped() {
    let (base, desk) = (base("llama"), tempfile::tempdir().unwrap());
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
fn what_does_not_fit_is_left_out_and_said() {
    let base = base("llama");
    let lora = method(base.path(), &json!({ "method": "lora", "epochs": 1 })).unwrap();
    let encoders = Encoders::new();
    let fit = |items: &[(String, &str)], kind| {
        let told = Mutex::new(Vec::new());
        let watch = |training: Training<'_>| {
            if let Training::Left(why) = training {
                told.lock().unwrap().push(why.to_owned());
            }
        };
        let fitted = lora.fit(&set(kind, items), &Fitting { watch: &watch, ..Fitting::new(1, &encoders) });
        (fitted.map(drop).map_err(|error| error.to_string()), told.into_inner().unwrap().concat())
    };
    let mut some = items(Kind::Text, 12);
    some.push((asked("w5 ".repeat(130), None), "w40"));
    some.push((asked("w5 ".repeat(140), None), "w40"));
    let (fitted, told) = fit(&some, Kind::Text);
    fitted.unwrap();
    assert_eq!(
        told,
        "2 of 14 train items are not learned from: a text of 130 tokens does not fit: the model holds from 1 to 128"
    );
    let mut some = items(Kind::Choose, 12);
    some[3].1 = "w90";
    let (fitted, told) = fit(&some, Kind::Choose);
    fitted.unwrap();
    assert!(told.contains("1 of 12") && told.contains("\"w90\" is none of its options"), "{told}");
    let (fitted, _) = fit(&[(asked("w5 ".repeat(140), None), "w40")], Kind::Text);
    assert!(fitted.unwrap_err().contains("no train item can be learned from: a text of 140 tokens"));
    let (fitted, _) = fit(&items(Kind::Text, 1), Kind::Text);
    assert!(fitted.unwrap_err().contains("too little to train on: 1 items"));
    let same: Vec<(String, &str)> = items(Kind::Classify, 9).into_iter().step_by(3).collect();
    let (fitted, _) = fit(&same, Kind::Classify);
    assert!(fitted.unwrap_err().contains("of 1 labels"));
}

#[test]
fn what_is_wrong_with_decoders_is_said() {
    let base = base("llama");
    let refused = |from: &Path, settings: Value| method(from, &settings).err().unwrap().to_string();
    for (settings, part) in [
        (json!({ "method": "probe" }), "say method = \"lora\", or name an encoder in from"),
        (json!({ "method": "contrastive" }), "is not for a model that writes"),
        (json!({ "method": "distill", "teacher": "x" }), "is not for a model that writes"),
        (json!({ "method": "full", "rank": 4 }), "rank is of no use to method \"full\""),
        (json!({ "method": "auto", "learning_rate": 0.1 }), "learning_rate is of no use to method \"auto\""),
        (json!({ "method": "tune" }), "known are auto, means, probe"),
    ] {
        let said = refused(base.path(), settings);
        assert!(said.contains(part), "{part}: {said}");
    }
    let (_folder, file) = tiny::gguf_file("llama-Q8_0");
    let said = refused(&file, json!({ "method": "lora" }));
    assert!(said.contains("is a GGUF file") && said.contains("name the folder"), "{said}");
    let lora = method(base.path(), &json!({ "method": "lora" })).unwrap();
    for kind in [&kinds::Tag as &dyn ordinate_tasks::Kind, &kinds::Extract, &kinds::Regress] {
        let said = lora.kind(kind).err().unwrap().to_string();
        assert!(
            said.contains("classify, choose and generate") && said.contains("as it is (local = "),
            "{said}"
        );
    }
    for kind in
        [&kinds::Classify as &dyn ordinate_tasks::Kind, &kinds::Choose, &kinds::Generate, &kinds::Translate]
    {
        assert!(lora.kind(kind).is_ok(), "{kind:?}");
    }
    let weighed = method(base.path(), &json!({ "method": "lora", "class_weights": "balanced" })).unwrap();
    let (text, encoders) = (items(Kind::Text, 4), Encoders::new());
    let said = weighed.fit(&set(Kind::Text, &text), &Fitting::new(1, &encoders)).err().unwrap().to_string();
    assert!(said.contains("class_weights is for tasks of kind classify"), "{said}");
    // What was made of it is an adapter, and none to begin with.
    let folder = tempfile::tempdir().unwrap();
    let model = lora.fit(&set(Kind::Text, &text), &Fitting::new(1, &encoders)).unwrap();
    save(lora.as_ref(), model.as_ref(), folder.path()).unwrap();
    let said = refused(folder.path(), json!({ "method": "lora" }));
    assert!(said.contains("is an adapter"), "{said}");
}

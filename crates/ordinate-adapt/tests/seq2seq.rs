//! A small translator that is trained on pairs: every weight learns, sentences that were not seen come out right, and what was saved says
//! the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

use std::path::Path;

use ordinate_adapt::{TrainingReport, methods};
use ordinate_models::encoder::Source;
use ordinate_models::seq2seq::{Size, TrainableTranslator, is_translator};
use ordinate_models::{Encoders, Fitting, Kind, Method, Model, ModelError, Sample, TrainingSet, save};
use serde_json::{Value, json};

const WHO: [(&str, &str); 5] = [
    ("a man", "ein Mann"),
    ("the child", "das Kind"),
    ("two dogs", "zwei Hunde"),
    ("my aunt", "meine Tante"),
    ("Jo", "Jo"),
];
const DOES: [(&str, &str); 4] =
    [("sees", "sieht"), ("paints", "malt"), ("seeks", "sucht"), ("carries", "trägt")];
const WHAT: [(&str, &str); 6] = [
    ("the red house", "das rote Haus"),
    ("an apple", "einen Apfel"),
    ("a bicycle", "ein Fahrrad"),
    ("three chairs", "drei Stühle"),
    ("the newspaper", "die Zeitung"),
    ("some flour", "etwas Mehl"),
];

/// One of 120 sentences; in German what is seen comes first.
fn pair(at: usize) -> (String, String) {
    let at = at * 37 % 120;
    let (who, does, what) = (WHO[at % 5], DOES[at / 5 % 4], WHAT[at / 20]);
    (format!("{} {} {}.", who.0, does.0, what.0), format!("{} {} {}.", what.1, does.1, who.1))
}

fn method(more: &Value) -> Result<Box<dyn Method>, ModelError> {
    let mut adapt = json!({ "from": "scratch", "method": "seq2seq" });
    adapt.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let entry = json!({ "name": "a", "lineage": "vertical", "adapt": adapt });
    methods().of(&serde_json::from_value(entry).unwrap(), Path::new("")).map(Option::unwrap)
}

fn fit(method: &dyn Method, pairs: &[(String, String)]) -> Result<Box<dyn Model>, ModelError> {
    let train = pairs.iter().map(|(source, target)| (Sample::text(source), target.as_str()));
    method.fit(&TrainingSet::new(Kind::Text, train), &Fitting::new(3, &Encoders::new()))
}

fn right(model: &dyn Model, pairs: &[(String, String)]) -> f64 {
    let samples: Vec<Sample<'_>> = pairs.iter().map(|(source, _)| Sample::text(source)).collect();
    let said = model.answer(&samples).unwrap();
    let hits = said.iter().zip(pairs).filter(|(said, (_, target))| said.prediction.output == *target).count();
    hits as f64 / pairs.len() as f64
}

#[test]
fn sentences_that_were_not_seen_come_out_right() {
    let pairs: Vec<(String, String)> = (0..120).map(pair).collect();
    let (learned, new) = pairs.split_at(100);
    let method = method(&json!({ "epochs": 90, "batch_size": 16, "learning_rate": 0.003 })).unwrap();
    let model = fit(method.as_ref(), learned).unwrap();
    let found = right(model.as_ref(), new);
    eprintln!("{found}");
    assert!(found > 0.5, "{found}");
    let folder = tempfile::tempdir().unwrap();
    let manifest = save(method.as_ref(), model.as_ref(), folder.path()).unwrap();
    assert_eq!(manifest.source, None, "it stands alone");
    let report = TrainingReport::read(folder.path()).unwrap();
    assert_eq!((report.method.as_str(), report.items), ("seq2seq", 90));
    let read = methods().load(folder.path(), &Encoders::new()).unwrap();
    for text in [new[0].0.as_str(), "Jo sees Jo.", "", "猫"] {
        let say =
            |model: &dyn Model| model.answer(&[Sample::text(text)]).unwrap()[0].prediction.output.clone();
        assert_eq!(say(model.as_ref()), say(read.as_ref()));
    }
    // The folder is one of a published translator, and goes on learning.
    let source = Source::at(folder.path());
    assert!(is_translator(&source));
    let more = self::method(&json!({ "from": folder.path(), "epochs": 2 })).unwrap();
    let again = fit(more.as_ref(), learned).unwrap();
    assert!(right(again.as_ref(), new) > 0.4);
    // The same pairs and seed give the same model.
    let short = self::method(&json!({ "epochs": 1 })).unwrap();
    let bytes = || {
        let folder = tempfile::tempdir().unwrap();
        fit(short.as_ref(), learned).unwrap().save(folder.path()).unwrap();
        std::fs::read(folder.path().join("model.safetensors")).unwrap()
    };
    assert!(bytes() == bytes());
}

#[test]
fn every_weight_has_a_gradient() {
    let pairs: Vec<(String, String)> = (0..40).map(pair).collect();
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(source, target)| (source.as_str(), target.as_str())).collect();
    let model = TrainableTranslator::begin(&pairs, Size { width: 16, layers: 2, joined: 40 }, 1).unwrap();
    let tokens: Vec<[Vec<u32>; 2]> =
        pairs[..5].iter().map(|(source, target)| model.tokens(source, target).unwrap()).collect();
    let sources: Vec<&[u32]> = tokens.iter().map(|[source, _]| source.as_slice()).collect();
    let texts: Vec<&[u32]> = tokens.iter().map(|[_, target]| target.as_slice()).collect();
    let logits = model.logits(&sources, &texts).unwrap();
    let gradients = (logits.sqr().unwrap() * 0.5).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(model.variables().len() > 60);
    for (name, variable) in model.variables() {
        let gradient =
            gradients.get(variable.as_tensor()).unwrap_or_else(|| panic!("{name} has no gradient"));
        let size = gradient.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        // What is added to all keys alike changes no attention.
        assert!(size > 0.0 || name.ends_with("k_proj.bias"), "{name}");
    }
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let says = |more: &Value| method(more).err().unwrap().to_string();
    assert!(says(&json!({ "rank": 4 })).contains("rank is of no use to method \"seq2seq\""));
    assert!(says(&json!({ "from": "builtin" })).contains("no layers to train"));
    let few = method(&json!({})).unwrap();
    assert!(matches!(fit(few.as_ref(), &[pair(0)]), Err(ModelError::TooFew(1))));
    assert!(
        few.kind(&ordinate_tasks::kinds::Classify)
            .err()
            .unwrap()
            .to_string()
            .contains("generate and translate")
    );
}

//! Translators of the Marian family against `transformers`, on tiny models: `golden/make_marian.py` wrote what it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use ordinate_models::encoder::Source;
use ordinate_models::seq2seq::{Translator, is_translator};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/marian.json")).unwrap()
}

/// Writes the folder of a model as the hub has it.
fn save(case: &Value, folder: &Path) -> Source {
    fs::write(folder.join("config.json"), case["config"].to_string()).unwrap();
    fs::write(folder.join("generation_config.json"), case["generation"].to_string()).unwrap();
    let published = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/marian");
    for name in ["model.safetensors", "source.spm", "target.spm", "vocab.json"] {
        fs::copy(published.join(name), folder.join(name)).unwrap();
    }
    Source::find(folder.to_str().unwrap(), Path::new("")).unwrap()
}

fn ids(list: &Value) -> Vec<u32> {
    serde_json::from_value(list.clone()).unwrap()
}

/// The largest difference between numbers.
fn apart(ours: &[f32], theirs: &Value) -> f64 {
    let theirs = theirs.as_array().unwrap();
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold(0.0, |most, (a, b)| most.max((f64::from(*a) - b.as_f64().unwrap()).abs()))
}

/// Every so many values of each row.
fn every(step: usize, rows: &Tensor) -> Vec<f32> {
    rows.to_vec2::<f32>().unwrap().iter().flat_map(|row| row.iter().step_by(step).copied()).collect()
}

#[test]
fn equal_transformers() {
    let golden = golden();
    let texts = golden["texts"].as_array().unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        let source = save(case, folder.path());
        assert!(is_translator(&source));
        let translator = Translator::open(&source).unwrap();
        let tokens: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| {
                let ours = translator.tokens(text["text"].as_str().unwrap()).unwrap();
                assert_eq!(ours, ids(&text["tokens"]), "{}", text["text"]);
                ours
            })
            .collect();
        let sources: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
        let begun = ids(&golden["begun"]);
        // All at once, so that the shorter ones are padded.
        let states = translator.model().states(&sources).unwrap();
        let logits = translator.model().logits(&sources, &vec![begun.as_slice(); sources.len()]).unwrap();
        let mut worst = 0.0_f64;
        for (at, row) in case["rows"].as_array().unwrap().iter().enumerate() {
            let own = states.get(at).unwrap().narrow(0, 0, tokens[at].len()).unwrap();
            worst = worst.max(apart(&every(5, &own), &row["states"]));
            let own = logits.narrow(0, at * begun.len(), begun.len()).unwrap();
            worst = worst.max(apart(&every(9, &own), &row["logits"]));
            let written = translator.translated(&tokens[at]).unwrap();
            assert_eq!(written, ids(&row["written"]), "{} {}", case["name"], texts[at]["text"]);
            let text = translator.translate(texts[at]["text"].as_str().unwrap()).unwrap();
            assert_eq!(text, row["text"].as_str().unwrap());
        }
        eprintln!("{}: largest difference {worst:e}", case["name"]);
        assert!(worst < 1e-4, "{}: {worst}", case["name"]);
    }
}

/// `max_new_tokens` counts what is written, `max_length` the token that begins it too; the former goes before, and what the caller says before both.
#[test]
fn the_longest_text_is_that_of_the_files_or_the_callers() {
    let golden = golden();
    let case = &golden["cases"][0];
    let longest = case["generation"]["max_length"].as_u64().unwrap();
    let mut changed = case.clone();
    changed["generation"]["max_new_tokens"] = (longest - 1).into();
    changed["generation"]["max_length"] = 3.into();
    let folder = tempfile::tempdir().unwrap();
    let translator = Translator::open(&save(&changed, folder.path())).unwrap();
    let short = Translator::open(&save(&changed, folder.path())).unwrap().at_most(4);
    let long = Translator::open(&save(&changed, folder.path())).unwrap().at_most(u32::MAX);
    let most = |rows: &[Vec<u32>]| rows.iter().map(Vec::len).max().unwrap();
    let texts = golden["texts"].as_array().unwrap();
    let of = |translator: &Translator| -> Vec<Vec<u32>> {
        texts.iter().map(|text| translator.translated(&ids(&text["tokens"])).unwrap()).collect()
    };
    let written = of(&translator);
    for (written, row) in written.iter().zip(case["rows"].as_array().unwrap()) {
        assert_eq!(*written, ids(&row["written"]), "as with a max_length that is one more");
    }
    assert_eq!((most(&written), most(&of(&short))), (19, 4));
    // Positions reach 48 tokens.
    assert_eq!(most(&of(&long)), 47);
}

#[test]
fn folders_that_are_not_whole_are_refused() {
    let golden = golden();
    let case = &golden["cases"][0];
    let refused = |change: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        let source = save(case, folder.path());
        change(folder.path());
        Translator::open(&source).err().unwrap().to_string()
    };
    for (name, says) in [
        ("source.spm", "source.spm, target.spm and vocab.json"),
        ("vocab.json", "vocab.json: cannot be read"),
        ("model.safetensors", "model.safetensors: is missing"),
    ] {
        let said = refused(&|folder| fs::remove_file(folder.join(name)).unwrap());
        assert!(said.contains(says), "{said}");
    }
    let said = refused(&|folder| {
        let path = folder.join("source.spm");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    });
    assert!(said.contains("is no SentencePiece model"), "{said}");
    for (key, value, says) in [
        ("activation_function", "\"tanh\"", "none of swish, relu and gelu"),
        ("decoder_attention_heads", "3", "do not part its width"),
        ("d_model", "32", "of another model"),
        ("share_encoder_decoder_embeddings", "false", "vocabulary of its own"),
    ] {
        let said = refused(&|folder| {
            let mut config = case["config"].clone();
            config[key] = serde_json::from_str(value).unwrap();
            fs::write(folder.join("config.json"), config.to_string()).unwrap();
        });
        assert!(said.contains(says), "{said}");
    }
}

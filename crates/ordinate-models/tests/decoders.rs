//! Decoders against `transformers`: golden/make_decoders.py and golden/make_gguf.py wrote what it says of tiny models.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod tiny;

use std::path::Path;

use ordinate_models::decoder::{Cache, Decoder, Place, decoder};
use ordinate_models::encoder::Source;
use serde_json::Value;

fn place(folder: &Path) -> Place {
    Place::Folder(Source::at(folder))
}

fn numbers<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> Vec<T> {
    value.as_array().unwrap().iter().map(|number| number.to_string().parse().unwrap()).collect()
}

fn difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// What is kept of a step's logits: as `kept` in golden/tiny.py.
fn kept((step, logits): (usize, &Vec<f32>)) -> Vec<f32> {
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
    std::iter::once(sum.ln() as f32).chain(logits.iter().skip(step % 8).step_by(8).copied()).collect()
}

/// The largest differences to the golden logits: a token at a time on a cache, and each step anew without.
fn differences(decoder: &Decoder, row: &Value) -> (f32, f32) {
    let (prompt, chosen) = (numbers::<u32>(&row["prompt"]), numbers::<u32>(&row["chosen"]));
    let golden: Vec<Vec<f32>> = row["logits"].as_array().unwrap().iter().map(numbers).collect();
    assert!(golden.len() == chosen.len() + 1 && golden.iter().all(|row| row.len() == 13));
    let apart = |ours: &[Vec<f32>], first: usize| {
        let ours = ours.iter().enumerate().map(|(step, logits)| kept((first + step, logits)));
        ours.zip(&golden[first..]).map(|(ours, theirs)| difference(&ours, theirs)).fold(0.0, f32::max)
    };
    let mut cache = Cache::default();
    let mut ours = decoder.read(&prompt, &mut cache, 1).unwrap();
    for token in &chosen {
        ours.extend(decoder.read(&[*token], &mut cache, 1).unwrap());
    }
    assert_eq!(ours.len(), golden.len());
    let whole = [prompt.clone(), chosen.clone()].concat();
    let anew = (0..golden.len()).map(|step| {
        let logits = decoder.read(&whole[..prompt.len() + step], &mut Cache::default(), 1).unwrap();
        apart(&logits, step)
    });
    let anew = anew.fold(0.0, f32::max);
    // All at once; where longer texts turn otherwise, only those steps say the same that were long.
    let steps = if row["name"].as_str().unwrap().contains("long") { 3 } else { golden.len() };
    let at_once = decoder.read(&whole, &mut Cache::default(), steps).unwrap();
    assert_eq!(at_once.len(), steps);
    (apart(&ours, 0), anew.max(apart(&at_once, golden.len() - steps)))
}

#[test]
fn logits_equal_those_of_transformers() {
    let rows = tiny::rows("decoders.json");
    assert_eq!(rows.len(), 17);
    let mut wrong = Vec::new();
    for row in rows {
        let folder = tiny::folder(&row);
        let read = decoder(&place(folder.path())).unwrap();
        let (cached, plain) = differences(&read.decoder, &row);
        let said = format!("{}: {cached:e} with the cache, {plain:e} without", row["name"]);
        eprintln!("{said}");
        wrong.extend((cached >= 1e-4 || plain >= 1e-4).then_some(said));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A Gemma 3 that also sees pictures says what its text half says, under either way of naming the tensors.
#[test]
fn the_text_of_a_model_that_sees() {
    let row = tiny::rows("decoders.json").into_iter().find(|row| row["name"] == "gemma3").unwrap();
    for (prefix, stem) in [("language_model.model.", "model."), ("model.language_model.", "model.")] {
        let mut row = row.clone();
        let named = |name: &str| format!("{prefix}{}={name}", name.strip_prefix(stem).unwrap());
        let mut shapes: serde_json::Map<String, Value> = serde_json::Map::new();
        for (name, shape) in row["shapes"].as_object().unwrap() {
            shapes.insert(named(name), shape.clone());
        }
        shapes.insert("vision_tower.embeddings.patch_embedding.bias".to_owned(), serde_json::json!([4]));
        shapes.insert("multi_modal_projector.mm_soft_emb_norm.weight".to_owned(), serde_json::json!([4]));
        row["shapes"] = shapes.into();
        let mut text = row["config"].clone();
        // What published files leave out.
        text.as_object_mut().unwrap().remove("tie_word_embeddings");
        row["config"] = serde_json::json!({ "model_type": "gemma3", "text_config": text, "vision_config": {},
            "eos_token_id": [1, 106] });
        let folder = tiny::folder(&row);
        let read = decoder(&place(folder.path())).unwrap();
        let (cached, plain) = differences(&read.decoder, &row);
        assert!(cached < 1e-4 && plain < 1e-4, "{prefix}: {cached} {plain}");
    }
}

/// Long prompts go through the layers in chunks; tokens that were taken back leave nothing behind.
#[test]
fn chunks_and_truncation_change_nothing() {
    let row = tiny::rows("decoders.json").into_iter().find(|row| row["name"] == "mistral").unwrap();
    let mut config = row["config"].clone();
    config["max_position_embeddings"] = 1000.into();
    let row = serde_json::json!({ "config": config, "shapes": row["shapes"] });
    let folder = tiny::folder(&row);
    let decoder = decoder(&place(folder.path())).unwrap().decoder;
    let tokens: Vec<u32> = (0..600).map(|at| (at * 7 + at / 5) % 96).collect();
    let whole = decoder.read(&tokens, &mut Cache::default(), 600).unwrap();
    assert_eq!(whole.len(), 600);
    let mut cache = Cache::default();
    decoder.read(&tokens[..300], &mut cache, 1).unwrap();
    decoder.read(&[5, 5, 5, 5], &mut cache, 1).unwrap();
    cache.truncate(300);
    let rest = decoder.read(&tokens[300..], &mut cache, 300).unwrap();
    for (a, b) in rest.iter().zip(&whole[300..]) {
        assert!(difference(a, b) < 1e-4, "{}", difference(a, b));
    }
    let error = decoder.read(&tokens, &mut cache, 1).unwrap_err().to_string();
    assert!(error.contains("1200 tokens does not fit"), "{error}");
    assert!(decoder.read(&[96], &mut Cache::default(), 1).unwrap_err().to_string().contains("token 96"));
    assert!(decoder.read(&[], &mut Cache::default(), 1).is_err());
}

/// GGUF files whose heads the package `gguf` wrote: in halves they say what `transformers` says (the formula's numbers fit into
/// halves); with 8 bits what it says of weights and activations that were rounded so.
#[test]
fn gguf_says_the_same() {
    let rows = tiny::rows("gguf.json");
    assert_eq!(rows.len(), 9);
    for mut row in rows {
        let name = row["name"].as_str().unwrap().to_owned();
        let (_folder, path) = tiny::gguf_file(&name);
        let read = decoder(&Place::Gguf(path)).unwrap();
        if name == "phi3-F16" {
            row["name"] = "phi3-longrope".into();
        }
        let (cached, plain) = differences(&read.decoder, &row);
        eprintln!("{name}: {cached:e} with the cache, {plain:e} without");
        // With 8 bits, a value between two steps may fall to either side.
        let most = if name.ends_with("F16") { 1e-4 } else { 0.05 };
        assert!(cached < most && plain < most, "{name}: {cached} {plain}");
    }
}

//! The same GGUF files by llama.cpp and by candle: with `--features llama-cpp`.
#![cfg(feature = "llama-cpp")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

mod tiny;

/// The farthest that logits may be [`apart`], of files in halves and of quantised ones.
const NEAR: [f32; 2] = [0.003, 0.06];

use std::path::PathBuf;

use candle_core::Device;
use candle_core::quantized::gguf_file::{Content, Value, write};
use ordinate_models::decoder::{Place, Role, Sampling, identity, layers, open};

/// How far two tables are apart: the root of the mean squared difference, as a share of that of the numbers themselves.
/// llama.cpp keeps keys and values in halves, and takes products of quantised matrices in bytes.
fn apart(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    assert_eq!((a.len(), a[0].len()), (b.len(), b[0].len()));
    let pairs = || a.iter().flatten().zip(b.iter().flatten());
    let squares: f32 = pairs().map(|(a, b)| (a - b) * (a - b)).sum();
    (squares / pairs().map(|(a, _)| a * a).sum::<f32>()).sqrt()
}

/// A tiny file; without a vocabulary it says so, and how many tokens there are, which llama.cpp wants to be told.
fn gguf_file(name: &str) -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = tiny::gguf_file(name);
    let mut bytes = std::io::Cursor::new(std::fs::read(&path).unwrap());
    let content = Content::read(&mut bytes).unwrap();
    if content.metadata.contains_key("tokenizer.ggml.model") {
        return (folder, path);
    }
    let names: Vec<&String> = content.tensor_infos.keys().collect();
    let tensors: Vec<_> =
        names.iter().map(|name| content.tensor(&mut bytes, name, &Device::Cpu).unwrap()).collect();
    let tokens = u32::try_from(content.tensor_infos["token_embd.weight"].shape.dims()[0]).unwrap();
    let architecture = content.metadata["general.architecture"].to_string().unwrap();
    let count = (format!("{architecture}.vocab_size"), Value::U32(tokens));
    let none = ("tokenizer.ggml.model".to_owned(), Value::String("none".to_owned()));
    let told: Vec<(&str, &Value)> = content
        .metadata
        .iter()
        .chain([(&count.0, &count.1), (&none.0, &none.1)])
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let tensors: Vec<_> = names.iter().map(|name| name.as_str()).zip(&tensors).collect();
    let mut file = std::fs::File::create(&path).unwrap();
    write(&mut file, &told, &tensors).unwrap();
    (folder, path)
}

/// Logits of every architecture: whole, piece by piece, and after the end was forgotten.
#[test]
fn logits() {
    // Not the other file of Phi-3: it has a window, which llama.cpp leaves out.
    for name in [
        "gemma-Q8_0",
        "gemma2-F16",
        "gemma3-F16",
        "llama-F16",
        "llama-Q8_0",
        "phi3-F16",
        "pieces-Q8_0",
        "qwen2-Q8_0",
        "qwen3-Q8_0",
    ] {
        let near = NEAR[usize::from(name.ends_with("Q8_0"))];
        let (_folder, path) = gguf_file(name);
        let (ours, theirs) =
            (layers(&Place::Gguf(path.clone())).unwrap(), layers(&Place::Llama(path)).unwrap());
        assert_eq!(
            (ours.longest(), ours.facts().parameters),
            (theirs.longest(), theirs.facts().parameters),
            "{name}"
        );
        let tokens: Vec<u32> = (0..24).map(|at| at * 5 % 31 + 1).collect();
        let mut one = ours.session(32).unwrap();
        let mut two = theirs.session(32).unwrap();
        let all = one.read(&tokens, 24).unwrap();
        let far = apart(&all, &two.read(&tokens, 24).unwrap());
        assert!(far < near, "{name}: {far}");
        // One token more, another beginning, and a text that is behind it.
        // Phi-3's rope is that of long texts where there is room for one in llama.cpp, here where the text is long.
        let keeps: &[usize] = if name == "phi3-F16" { &[24] } else { &[24, 10, 10] };
        for (&keep, more) in keeps.iter().zip([7, 3, 9]) {
            one.truncate(keep).unwrap();
            two.truncate(keep).unwrap();
            let far = apart(&one.read(&[more, 2], 1).unwrap(), &two.read(&[more, 2], 1).unwrap());
            assert!(far < near, "{name} {keep}: {far}");
        }
        let long = vec![1; ours.longest() + 1];
        for text in [&mut one, &mut two] {
            text.truncate(0).unwrap();
            let error = text.read(&long, 1).unwrap_err().to_string();
            assert!(error.contains("does not fit"), "{error}");
            let error = text.read(&[1_000_000], 1).unwrap_err().to_string();
            assert!(error.contains("is not among"), "{error}");
        }
    }
}

/// A text longer than what is read together.
#[test]
fn long_texts() {
    let (_folder, path) = tiny::gguf_file("qwen2-Q8_0");
    let (ours, theirs) = (layers(&Place::Gguf(path.clone())).unwrap(), layers(&Place::Llama(path)).unwrap());
    let tokens: Vec<u32> = (0..u32::try_from(ours.longest()).unwrap()).map(|at| at * 5 % 31 + 1).collect();
    let (mut one, mut two) = (ours.session(tokens.len()).unwrap(), theirs.session(tokens.len()).unwrap());
    let far = apart(&one.read(&tokens, 100).unwrap(), &two.read(&tokens, 100).unwrap());
    assert!(far < NEAR[1], "{far}");
}

#[test]
fn writing_and_choosing() {
    for name in ["llama-Q8_0", "qwen2-Q8_0", "pieces-Q8_0"] {
        let (_folder, path) = tiny::gguf_file(name);
        let places = [Place::Gguf(path.clone()), Place::Llama(path)];
        assert_ne!(identity(&places[0]).unwrap(), identity(&places[1]).unwrap());
        let [ours, theirs] = places.map(|place| open(&place).unwrap());
        let prompt = ours.prompt(&[(Role::User, "ab abc")]).unwrap();
        assert_eq!(theirs.prompt(&[(Role::User, "ab abc")]).unwrap(), prompt);
        let options = ["a", "abc", "q", "ab"];
        let (a, b) = (ours.log_probabilities(&prompt, &options), theirs.log_probabilities(&prompt, &options));
        for (a, b) in a.unwrap().iter().zip(b.unwrap()) {
            assert!((a - b).abs() < 0.01 - 0.01 * a, "{name}: {a} {b}");
        }
        let text = |writer: &ordinate_models::decoder::Writer| {
            let mut stream = writer.stream(&prompt, 12, Sampling::default(), &[]).unwrap();
            let text: String = stream.by_ref().map(|piece| piece.unwrap().text).collect();
            (text, stream.end())
        };
        // That of pieces parts where two tokens are as probable as each other.
        if name != "pieces-Q8_0" {
            assert_eq!(text(&ours), text(&theirs), "{name}");
        }
    }
}

/// What llama.cpp refuses is said, and does not end the process.
#[test]
fn damaged_files() {
    let (_folder, path) = tiny::gguf_file("qwen2-Q8_0");
    let bytes = std::fs::read(&path).unwrap();
    for end in [0, 3, 100, 2_000, bytes.len() - 40] {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let error = open(&Place::Llama(path.clone())).unwrap_err().to_string();
        assert!(error.contains("qwen2-Q8_0.gguf"), "{end}: {error}");
    }
}

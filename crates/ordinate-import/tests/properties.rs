//! No log makes a parser panic: arbitrary bytes, and real logs with bytes changed, cut and doubled.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::fixture;
use ordinate_import::{Limits, Log, Options, scan};
use proptest::prelude::*;

/// Small limits, so that what grows is refused soon.
fn options() -> Options {
    let limits = Limits {
        line_bytes: 1 << 16,
        entry_bytes: 1 << 20,
        values: 1 << 16,
        total_bytes: 1 << 22,
        ratio: 100,
    };
    Options { limits, ..Options::default() }
}

fn read(path: &str) -> Vec<u8> {
    fs::read(fixture(path)).unwrap()
}

/// Changes to a log: each takes a place (as a share of the length), a kind and a byte.
fn changes() -> impl Strategy<Value = Vec<(f64, u8, u8)>> {
    prop::collection::vec((0.0..1.0, 0..5u8, any::<u8>()), 1..12)
}

fn changed(original: &[u8], changes: &[(f64, u8, u8)]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for &(share, kind, byte) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = (share * bytes.len() as f64) as usize % bytes.len();
        match kind {
            0 => bytes[at] = byte,
            1 => bytes[at] ^= 1 << (byte % 8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, byte),
            _ => {
                let end = (at + usize::from(byte)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    bytes
}

/// A log reads, or is refused; either way it comes back, with one line of text.
fn comes_back(log: &Log) -> Result<(), TestCaseError> {
    if let Err(error) = scan(log, &options()) {
        let text = error.to_string();
        prop_assert!(!text.contains('\n') && !text.is_empty(), "{text:?}");
    }
    Ok(())
}

const STARTS: [&str; 8] = [
    "",
    "PK\x03\x04",
    "PAR1",
    r#"{"doc_id":0,"doc":{},"resps":[],"#,
    r#"{"evalId":"e","results":{"version":3,"results":["#,
    r#"{"promptIdx":0,"provider":{"id":"a"},"vars":{},"#,
    r#"{"spec":{"completion_fns":["a"],"eval_name":"e"}}"#,
    r#"{"evaluation_id":"e","model_id":"m","evaluation_name":"n","sample_id":"s","#,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(start in prop::sample::select(&STARTS[..]), rest in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut bytes = start.as_bytes().to_vec();
        bytes.extend(rest);
        comes_back(&Log::from_bytes("x", &bytes))?;
    }

    #[test]
    fn arbitrary_json(start in prop::sample::select(&STARTS[..]), rest in r#"[\[\]{}:,"a-c0-9.eNI\\-]{0,200}"#) {
        comes_back(&Log::from_bytes("x", format!("{start}{rest}").as_bytes()))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_lines(
        file in prop::sample::select(vec![
            "lm-eval/toy__seed-1/samples_toy_mc_2026-11-23T20-46-06.296944.jsonl",
            "lm-eval/toy__seed-1/samples_toy_gen_2026-11-23T20-46-06.296944.jsonl",
            "openai-evals/fuzzy-odd.jsonl",
            "every-eval-ever/seed-1-0_samples.jsonl",
        ]),
        changes in changes(),
    ) {
        comes_back(&Log::from_bytes("x", &changed(&read(file), &changes)))?;
    }

    #[test]
    fn changed_archives(
        file in prop::sample::select(vec!["inspect/always-a.eval", "inspect/always-a-chunked.eval", "inspect/killed.eval"]),
        changes in changes(),
    ) {
        comes_back(&Log::from_bytes("x", &changed(&read(file), &changes)))?;
    }

    #[test]
    fn changed_parquet(
        name in prop::sample::select(vec!["toy_mc", "toy_gen"]),
        changes in changes(),
    ) {
        let file = format!("lighteval/details/dummy/seed-42/2026-11-23T20-49-26.626149/details_{name}-0_2026-11-23T20-49-26.626149.parquet");
        comes_back(&Log::from_bytes("x", &changed(&read(&file), &changes)))?;
    }

    #[test]
    fn changed_run_folders(
        which in prop::sample::select(vec!["run_spec.json", "scenario_state.json", "per_instance_stats.json", "display_predictions.json"]),
        changes in changes(),
    ) {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(fixture("helm/always-a")).unwrap().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let mut bytes = fs::read(entry.path()).unwrap();
            if name == which {
                bytes = changed(&bytes, &changes);
            }
            files.insert(name, bytes);
        }
        comes_back(&Log::from_folder("run", files))?;
    }
}

#[test]
fn the_unchanged_logs_scan() {
    // Otherwise the tests above would only show that nothing reads at all.
    let of = |path: &str| scan(&Log::at(Path::new(&fixture(path))), &Options::default()).unwrap();
    assert_eq!(of("inspect/always-a.eval").scored, 5);
    assert_eq!(of("inspect/always-a.eval").errors, 3);
    assert_eq!(of("helm/always-a").scored, 3);
    assert_eq!(of("openai-evals/toy-odd.jsonl").tool, "OpenAI evals");
    let bytes = read("lm-eval/toy__seed-1/samples_toy_mc_2026-11-23T20-46-06.296944.jsonl");
    assert_eq!(scan(&Log::from_bytes("x", &bytes), &options()).unwrap().scored, 4);
}

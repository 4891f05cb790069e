//! Evidence to Every Eval Ever and back: nothing of an answer is lost.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod common;

use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::{Answer, Candidate, CandidateName, Evidence, Lineage, Score};
use ordinate_import::{ExportOptions, export_every_eval_ever};
use tempfile::TempDir;

fn evidence() -> Evidence {
    let candidate = |name: &str| Candidate::new(CandidateName::new(name).unwrap(), Lineage::General);
    let mut builder = EvidenceBuilder::new([candidate("org/large"), candidate("small \"one\"")]).unwrap();
    for at in 0..6u32 {
        let slice = if at < 4 { "law" } else { "tax/2024" };
        let (id, input) = (format!("i{at}"), format!("question {at}\nwith a line"));
        let fields = ItemFields {
            slice: Some(slice),
            input: Some(&input),
            target: Some("yes"),
            ..ItemFields::default()
        };
        builder.add_item(&id, fields).unwrap();
    }
    for at in 0..6usize {
        let score = Score::new([0.0, 1.0, 0.25, 1.0 / 3.0, 1.0, 0.5][at]).unwrap();
        let answer = Answer {
            score: Some(score),
            output: Some("yes, \"indeed\""),
            confidence: Some(0.125),
            cost_usd: Some(0.0001),
            latency_ms: Some(12.5),
            input_tokens: Some(10),
            output_tokens: Some(3),
            ..Answer::default()
        };
        builder.answer(at, 0, &answer).unwrap();
        match at {
            0 => {}
            1 => builder
                .answer(at, 1, &Answer { error: Some("429"), cost_usd: Some(0.5), ..Answer::default() })
                .unwrap(),
            _ => builder.answer(at, 1, &Answer { score: Some(Score::ONE), ..Answer::default() }).unwrap(),
        }
    }
    builder.finish().unwrap()
}

#[test]
fn what_goes_out_comes_back() {
    let folder = TempDir::new().unwrap();
    let options =
        ExportOptions { task: "toy".into(), timestamp: Some(1_790_000_000), ..ExportOptions::default() };
    let evidence = evidence();
    let exported = export_every_eval_ever(&evidence, folder.path(), &options).unwrap();
    assert_eq!(exported.answers, 11);
    let done = common::run(&[folder.path().to_owned()]);
    assert_eq!(done.imported.items, 6);
    for (column, name) in ["org/large", "small \"one\""].into_iter().enumerate() {
        let answers = evidence.answers(column);
        let back = done.answers(name);
        let items = done.items();
        for row in 0..evidence.len() {
            let Some(item) = items.iter().find(|i| i["input"] == evidence.items().input(row).unwrap()) else {
                panic!("item {row} is lost")
            };
            assert_eq!(item["task"], evidence.items().slices().get(row).unwrap());
            assert_eq!(item["target"], "yes");
            let found = back.iter().find(|answer| answer["id"] == item["id"]);
            let Some(found) = found else {
                assert_eq!((name, row), ("small \"one\"", 0), "only this cell is empty");
                continue;
            };
            assert_eq!(found.get("score").and_then(serde_json::Value::as_f64), answers.score(row));
            assert_eq!(found.get("error").and_then(serde_json::Value::as_str), answers.error(row));
            assert_eq!(found.get("cost_usd").and_then(serde_json::Value::as_f64), answers.cost_usd(row));
            assert_eq!(found.get("latency_ms").and_then(serde_json::Value::as_f64), answers.latency_ms(row));
            assert_eq!(found.get("confidence").and_then(serde_json::Value::as_f64), answers.confidence(row));
            assert_eq!(
                found.get("input_tokens").and_then(serde_json::Value::as_f64),
                answers.input_tokens(row)
            );
        }
    }
}

/// Writes an export for `fixtures/validate_every_eval_ever.py`, which lets the package of the schema judge it.
#[test]
#[ignore = "for the script, which names the folder in ORDINATE_EXPORT"]
fn write_for_validation() {
    let out = std::env::var("ORDINATE_EXPORT").unwrap();
    let options =
        ExportOptions { task: "toy".into(), timestamp: Some(1_790_000_000), ..ExportOptions::default() };
    export_every_eval_ever(&evidence(), out.as_ref(), &options).unwrap();
}

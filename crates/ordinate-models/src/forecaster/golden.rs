//! Forecasters of the Chronos family against `chronos-forecasting`, on tiny models: `tests/golden/make_chronos.py` wrote what it says.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};

use ordinate_core::Series;
use serde_json::Value;

use super::t5::bucket;
use super::{Forecaster, Network, is_forecaster};
use crate::source::Source;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/golden/chronos.json")).unwrap()
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/chronos").join(name)
}

fn source(folder: &Path) -> Source {
    Source::at(folder)
}

fn open(name: &str) -> Forecaster {
    assert!(is_forecaster(&source(&folder(name))));
    Forecaster::open(&source(&folder(name))).unwrap()
}

/// A value that is missing is null.
fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

/// The largest difference, over the size of the numbers where they are larger than 1.
fn apart(ours: &[f64], theirs: &Value) -> f64 {
    let theirs = numbers(theirs);
    assert_eq!(ours.len(), theirs.len());
    let size = theirs.iter().fold(1.0_f64, |most, value| most.max(value.abs()));
    ours.iter().zip(&theirs).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs())) / size
}

/// Every so many values of each row.
fn every(step: usize, rows: &[Vec<f32>]) -> Vec<f64> {
    rows.iter().flat_map(|row| row.iter().step_by(step).map(|value| f64::from(*value))).collect()
}

#[test]
fn distances_have_the_buckets_of_transformers() {
    for case in golden()["buckets"].as_array().unwrap() {
        let count = |key: &str| usize::try_from(case[key].as_u64().unwrap()).unwrap();
        let of = case["of"].as_array().unwrap();
        for (distance, wanted) in (-600..=600).zip(of) {
            let both_ways = case["both_ways"].as_bool().unwrap();
            let found = bucket(distance, both_ways, count("buckets"), count("furthest"));
            assert_eq!(found as u64, wanted.as_u64().unwrap(), "{distance}");
        }
    }
}

#[test]
fn patches_equal_chronos_forecasting() {
    let golden = golden();
    for name in ["bolt", "bolt-gated"] {
        let forecaster = open(name);
        let Network::Bolt(bolt) = &forecaster.model else { unreachable!("it is of patches") };
        let (mut states_apart, mut worst) = (0.0_f64, 0.0_f64);
        for row in golden["models"][name]["rows"].as_array().unwrap() {
            let past = numbers(&golden["series"][row["series"].as_str().unwrap()]);
            let latest = past[past.len().saturating_sub(bolt.config.context_length)..].to_vec();
            let states = bolt.seen(&[latest]).unwrap().states.squeeze(0).unwrap().to_vec2::<f32>().unwrap();
            states_apart = states_apart.max(apart(&every(3, &states), &row["states"]));
            for case in row["forecasts"].as_array().unwrap() {
                let horizon = usize::try_from(case["horizon"].as_u64().unwrap()).unwrap();
                let levels = numbers(&case["levels"]);
                let (values, quantiles) = forecaster.quantiles(&past, horizon, &levels, 0).unwrap();
                let off = apart(&values, &case["values"]).max(apart(&quantiles.concat(), &case["quantiles"]));
                assert!(off < 1e-4, "{name} {} {horizon}: {off}", row["series"]);
                worst = worst.max(off);
            }
        }
        eprintln!("{name}: largest difference of states {states_apart:e}, of forecasts {worst:e}");
        assert!(states_apart < 1e-5, "{states_apart}");
    }
}

#[test]
fn tokens_equal_chronos_forecasting() {
    let golden = golden();
    for name in ["tokens", "tokens-gated"] {
        let mut forecaster = open(name);
        let model = &golden["models"][name];
        let begun: Vec<u32> = serde_json::from_value(model["begun"].clone()).unwrap();
        let (mut states_apart, mut logits_apart) = (0.0_f64, 0.0_f64);
        let Network::Tokens(tokens) = &mut forecaster.model else { unreachable!("it is of tokens") };
        tokens.config.top_k = 1;
        tokens.config.num_samples = 2;
        for row in model["rows"].as_array().unwrap() {
            let past = numbers(&golden["series"][row["series"].as_str().unwrap()]);
            let read = tokens.read(&past);
            assert_eq!(Value::from(read.tokens.clone()), row["tokens"], "{name} {}", row["series"]);
            let states = tokens.states(&read).unwrap().squeeze(0).unwrap().to_vec2::<f32>().unwrap();
            states_apart = states_apart.max(apart(&every(3, &states), &row["states"]));
            let logits = tokens.logits_behind(&past, &begun).unwrap();
            logits_apart = logits_apart.max(apart(&every(7, &logits), &row["logits"]));
            for wanted in row["greedy"].as_array().unwrap() {
                let horizon = wanted.as_array().unwrap().len();
                let mut random = fastrand::Rng::with_seed(3);
                for path in tokens.samples(&past, horizon, &mut random).unwrap() {
                    let off = apart(&path, wanted);
                    assert!(off < 1e-5, "{name} {} {horizon}: {off}", row["series"]);
                }
            }
        }
        eprintln!("{name}: largest difference of states {states_apart:e}, of logits {logits_apart:e}");
        assert!(states_apart < 1e-5 && logits_apart < 1e-5);
    }
}

/// The generators are not the same: what is drawn often has the same mean, deviation and quantiles.
#[test]
fn draws_are_of_the_same_distribution() {
    let golden = golden();
    let past = numbers(&golden["series"]["short"]);
    for name in ["tokens", "tokens-gated"] {
        let mut forecaster = open(name);
        let model = &golden["models"][name];
        let Network::Tokens(tokens) = &mut forecaster.model else { unreachable!("it is of tokens") };
        tokens.config.num_samples = 4_000;
        let paths = tokens.samples(&past, 3, &mut fastrand::Rng::with_seed(5)).unwrap();
        for step in 0..3 {
            let of = |key: &str| model[key][step].as_f64().unwrap();
            let mean = paths.iter().map(|path| path[step]).sum::<f64>() / 4_000.0;
            let square = paths.iter().map(|path| (path[step] - mean).powi(2)).sum::<f64>() / 4_000.0;
            let (wanted, deviation) = (of("means"), of("deviations"));
            assert!((mean - wanted).abs() < 0.06 * deviation, "{name} {step}: {mean} {wanted}");
            assert!((square.sqrt() / deviation - 1.0).abs() < 0.05, "{name} {step}: {square} {deviation}");
            let drawn = numbers(&model["drawn"][step]);
            let below =
                |limit: f64| paths.iter().filter(|path| path[step] <= limit + 1e-3).count() as f64 / 4_000.0;
            for (level, limit) in [0.1, 0.25, 0.5, 0.75, 0.9].into_iter().zip(drawn) {
                // A value may have much of all.
                let (most, least) = (below(limit), below(limit - 0.01 * deviation));
                assert!(
                    least - 0.03 <= level && level <= most + 0.03,
                    "{name} {step} {level}: {least} {most}"
                );
            }
        }
    }
}

#[test]
fn forecasts_are_drawn_again_as_they_were() {
    let forecaster = open("tokens");
    let series = |last: f64| Series {
        values: vec![5.0, 7.0, 6.0, last],
        season: 1,
        horizon: 9,
        quantiles: vec![0.1, 0.5, 0.9],
    };
    let one = forecaster.forecast(&series(8.0), 7).unwrap();
    forecaster.forecast(&series(9.0), 7).unwrap();
    assert_eq!(forecaster.forecast(&series(8.0), 7).unwrap(), one);
    assert_ne!(forecaster.forecast(&series(8.0), 8).unwrap(), one);
    assert_eq!(one.values(), one.quantiles()[1].values);
    assert!(one.quantiles()[0].values.iter().zip(&one.quantiles()[2].values).all(|(low, high)| low <= high));
}

#[test]
fn no_series_breaks_them() {
    for name in ["bolt", "bolt-gated", "tokens", "tokens-gated"] {
        let forecaster = open(name);
        for values in [vec![f64::MAX, f64::MIN, f64::MAX], vec![5e-324; 40], vec![0.0], vec![1e300, -1e-300]]
        {
            let series = Series { values, season: 4, horizon: 8, quantiles: vec![0.25, 0.975] };
            let found = forecaster.forecast(&series, 1).unwrap();
            assert_eq!(found.values().len(), 8);
        }
        let said = forecaster.quantiles(&[1.0, 2.0], 1 << 20, &[], 0).unwrap_err().to_string();
        assert!(said.contains("a horizon of 1048576 values"), "{said}");
    }
    for name in ["bolt-gated", "tokens-gated"] {
        let said = open(name).quantiles(&[f64::NAN, f64::NAN], 2, &[], 0).unwrap_err().to_string();
        assert!(said.contains("the series has no value"), "{said}");
    }
}

/// Copies a model, changes its configuration or its weights, and says how it is refused.
fn refused(name: &str, change: impl Fn(&mut Value), cut: bool) -> String {
    let there = tempfile::tempdir().unwrap();
    let mut config: Value =
        serde_json::from_slice(&fs::read(folder(name).join("config.json")).unwrap()).unwrap();
    change(&mut config);
    fs::write(there.path().join("config.json"), config.to_string()).unwrap();
    let bytes = fs::read(folder(name).join("model.safetensors")).unwrap();
    let length = if cut { bytes.len() / 2 } else { bytes.len() };
    fs::write(there.path().join("model.safetensors"), &bytes[..length]).unwrap();
    Forecaster::open(&source(there.path())).err().unwrap().to_string()
}

#[test]
fn what_cannot_be_read_is_refused() {
    let chronos = |key: &'static str, value: Value| {
        move |config: &mut Value| config["chronos_config"][key] = value.clone()
    };
    let set = |key: &'static str, value: Value| move |config: &mut Value| config[key] = value.clone();
    for (said, wanted) in [
        (refused("bolt", |_| {}, true), "model.safetensors"),
        (
            refused("bolt", set("architectures", ["Chronos2Model"].into()), false),
            "\"Chronos2Model\" is no forecaster that runs here",
        ),
        (refused("bolt", set("num_layers", 3.into()), false), "no tensor encoder.block.2.layer.0"),
        (
            refused("bolt", set("d_ff", 21.into()), false),
            "tensor input_patch_embedding.hidden_layer.weight is [20, 8], and [21, 8] is expected",
        ),
        (
            refused("bolt", set("feed_forward_proj", "gated-gelu".into()), false),
            "no tensor encoder.block.0.layer.1.DenseReluDense.wi_0.weight",
        ),
        (
            refused("bolt", set("feed_forward_proj", "tanh".into()), false),
            "feed_forward_proj \"tanh\" is none of",
        ),
        (refused("bolt", set("d_model", 0.into()), false), "sizes are beyond"),
        (refused("bolt", set("num_layers", 100_000.into()), false), "more layers than any model"),
        (refused("bolt", set("relative_attention_num_buckets", 2.into()), false), "2 buckets do not part"),
        (refused("bolt", chronos("quantiles", [0.9, 0.1].into()), false), "no rising levels"),
        (refused("bolt", chronos("input_patch_size", 0.into()), false), "sizes are beyond"),
        (
            refused("bolt", chronos("prediction_length", Value::Null), false),
            "is not the configuration of a forecaster",
        ),
        (
            refused("tokens", chronos("model_type", "causal".into()), false),
            "only \"MeanScaleUniformBins\" and \"seq2seq\"",
        ),
        (refused("tokens", chronos("n_tokens", 3.into()), false), "fewer than two"),
        (
            refused("tokens", chronos("n_tokens", 65.into()), false),
            "tensor shared.weight is [64, 16], and [65, 16] is expected",
        ),
        (refused("tokens", chronos("num_samples", 0.into()), false), "num_samples, temperature or top_p"),
    ] {
        assert!(said.contains(wanted), "{said}");
    }
}

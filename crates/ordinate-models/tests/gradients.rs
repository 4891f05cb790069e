//! Every variable of every architecture has a gradient: an operation that ends the graph does so without an error.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

mod tiny;
mod tiny_encoder;

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use ordinate_models::Encoder as _;
use ordinate_models::decoder::{Cache, Options, Place, TrainableDecoder, decoder};
use ordinate_models::encoder::{Among, LowRank, Reach, Source, Trainable, TrainableMasked, open};

/// The names of the variables that a loss of this result does not move.
fn still(made: &Tensor, variables: &BTreeMap<String, Var>) -> Vec<String> {
    // Not the sum of squares alone: normed states have the same one, whatever the weights are.
    let weights = Tensor::arange(0.0_f32, made.elem_count() as f32, made.device()).unwrap();
    let weights = weights.sin().unwrap().reshape(made.shape()).unwrap();
    let gradients = (made.sqr().unwrap() * weights).unwrap().sum_all().unwrap().backward().unwrap();
    let moves = |variable: &Var| {
        let gradient = gradients.get(variable)?;
        let most = gradient.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        (most.is_finite() && most > 0.0).then_some(())
    };
    let still = variables.iter().filter(|(_, variable)| moves(variable).is_none());
    still.map(|(name, _)| name.clone()).collect()
}

/// The slope of the loss along one value of a variable is what its gradient says.
fn checked(variable: &Var, loss: &dyn Fn() -> Tensor) {
    let gradients = loss().backward().unwrap();
    let gradient: Vec<f32> = gradients.get(variable).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    let at = (0..gradient.len()).max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs())).unwrap();
    let start = variable.as_tensor().copy().unwrap();
    let moved = |by: f32| {
        let mut values: Vec<f32> = start.flatten_all().unwrap().to_vec1().unwrap();
        values[at] += by;
        variable.set(&Tensor::from_vec(values, start.shape(), start.device()).unwrap()).unwrap();
        f64::from(loss().to_scalar::<f32>().unwrap())
    };
    let step = 2e-3_f32;
    let slope = (moved(step) - moved(-step)) / f64::from(2.0 * step);
    variable.set(&start).unwrap();
    let said = f64::from(gradient[at]);
    assert!((slope - said).abs() < 0.03 * said.abs().max(0.1), "{slope} is not {said}");
}

#[test]
fn every_masked_model() {
    let golden = tiny_encoder::golden();
    let (mut whole, mut without) = (0, 0);
    for (case, has_head) in
        golden["masked"].as_array().unwrap().iter().flat_map(|case| [(case, true), (case, false)])
    {
        let folder = tempfile::tempdir().unwrap();
        tiny_encoder::save(case, folder.path());
        let name = &case["config"]["model_type"];
        if !has_head {
            let path = folder.path().join("model.safetensors");
            let mut tensors = candle_core::safetensors::load(&path, &candle_core::Device::Cpu).unwrap();
            let heads = ["cls.", "vocab_", "lm_head.", "head.", "decoder."];
            tensors.retain(|name, _| !heads.iter().any(|head| name.starts_with(head)));
            candle_core::safetensors::save(&tensors, path).unwrap();
        }
        let source = Source::at(folder.path());
        let model = TrainableMasked::open(&source, 1).unwrap();
        let added = model.variables().keys().any(|variable| model.is_new(variable));
        assert_eq!(added, !has_head, "{name}");
        *(if added { &mut without } else { &mut whole }) += 1;
        let tokens = model.tokens(&["w5 w6 w7 w8 w9", "w10 w11", "w12"]).unwrap();
        let batch: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
        let places = [(0, 1), (0, 3), (1, 1), (2, 0)];
        let among = Among::new(&(0..model.vocabulary() as u32).collect()).unwrap();
        let logits = model.logits(&batch, &places, &among).unwrap();
        assert_eq!(still(&logits, model.variables()), Vec::<String>::new(), "{name}");
        let read = model.read(&batch, &places, &among).unwrap();
        // By a new head alone nothing else is trained, and it says the same.
        let states = model.states(&batch, &places).unwrap();
        let alone = model.logits_of(&states, &among).unwrap();
        assert_eq!(alone.to_vec2::<f32>().unwrap(), logits.to_vec2::<f32>().unwrap(), "{name}");
        let old: Vec<String> =
            model.variables().keys().filter(|variable| !model.is_new(variable)).cloned().collect();
        assert_eq!(still(&alone, model.variables()), old, "{name}");
        // Of fewer tokens, each stands where it is said to.
        let few = Among::new(&[7, 3, 9].into()).unwrap();
        let parted = model.logits(&batch, &places, &few).unwrap().to_vec2::<f32>().unwrap();
        for (row, all) in parted.iter().zip(logits.to_vec2::<f32>().unwrap()) {
            assert!(
                [3, 7, 9]
                    .iter()
                    .all(|&token| (row[few.place(token).unwrap()] - all[token as usize]).abs() < 1e-5)
            );
        }
        assert_eq!(few.place(8), None);
        assert_eq!(read, logits.to_vec2::<f32>().unwrap(), "{name}");
        let loss = || {
            let logits = model.logits(&batch, &places, &among).unwrap();
            let weights = Tensor::arange(0.0_f32, logits.elem_count() as f32, logits.device()).unwrap();
            let weights = weights.sin().unwrap().reshape(logits.shape()).unwrap();
            (logits * weights).unwrap().sum_all().unwrap()
        };
        model.variables().values().step_by(7).for_each(|variable| checked(variable, &loss));
    }
    assert!(whole == 6 && without == 6, "{whole} {without}");
}

#[test]
fn every_encoder() {
    let golden = tiny_encoder::golden();
    let mut seen = 0;
    for case in golden["cases"].as_array().unwrap().iter().chain(golden["masked"].as_array().unwrap()) {
        let folder = tempfile::tempdir().unwrap();
        tiny_encoder::save(case, folder.path());
        let source = Source::at(folder.path());
        let encoder = Trainable::open(&source).unwrap();
        let name = case["config"]["model_type"].to_string();
        assert!(encoder.variables().len() > 10, "{name}");
        let texts = ["w5 w6 w7 w8 w9", "w10 w11", "w12"];
        let tokens = encoder.tokens(&texts).unwrap();
        let batch: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
        let pooled = encoder.pooled(&batch).unwrap();
        assert_eq!(still(&pooled, encoder.variables()), Vec::<String>::new(), "{name}");
        // What is trained is what answers.
        let vectors = open(&source).unwrap().embed(&texts).unwrap();
        for (row, vector) in pooled.to_vec2::<f32>().unwrap().iter().zip(&vectors) {
            let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
            assert!(row.iter().zip(vector).all(|(a, b)| (a / length - b).abs() < 1e-5), "{name}");
        }
        let loss = || {
            let pooled = encoder.pooled(&batch).unwrap();
            let weights = Tensor::arange(0.0_f32, pooled.elem_count() as f32, pooled.device()).unwrap();
            let weights = weights.sin().unwrap().reshape(pooled.shape()).unwrap();
            (pooled * weights).unwrap().sum_all().unwrap()
        };
        encoder.variables().values().step_by(5).for_each(|variable| checked(variable, &loss));
        seen += 1;
    }
    assert!(seen >= 8, "{seen}");
}

/// Whole, and by updates beside what is frozen: that alone has gradients then, and the same values.
#[test]
fn every_decoder() {
    let rows = tiny::rows("decoders.json");
    let options = Options {
        shared: vec![3, 5, 8, 13, 7, 4, 9],
        tails: vec![vec![2, 11, 6, 20, 21, 22, 23], vec![30], vec![2, 31]],
    };
    let low_rank = Reach::Updates(LowRank { rank: 2, alpha: 3.0 });
    for (row, reach) in rows.iter().flat_map(|row| [(row, Reach::Whole), (row, low_rank)]) {
        let folder = tiny::folder_of_words(row);
        let source = Source::at(folder.path());
        let model = TrainableDecoder::open(&source, reach, 5).unwrap();
        let name = format!("{} {reach:?}", row["name"]);
        let whole = decoder(&Place::Folder(source.clone())).unwrap().decoder;
        let before = model.scores(&options).unwrap().to_vec1::<f32>().unwrap();
        if reach != Reach::Whole {
            let count = if row["name"].as_str().unwrap().starts_with("phi3") { 4 } else { 7 };
            let layers = row["config"]["num_hidden_layers"].as_u64().unwrap() as usize;
            assert_eq!(model.variables().len(), 2 * count * layers, "{name}");
            // At zero, what multiplies the other half of an update has no slope.
            for (name, variable) in
                model.variables().iter().filter(|(name, _)| name.ends_with("lora_B.weight"))
            {
                let values: Vec<f32> =
                    tiny::fill(name, variable.dims()).iter().map(|value| value * 0.2).collect();
                variable
                    .set(&Tensor::from_vec(values, variable.shape(), variable.device()).unwrap())
                    .unwrap();
            }
        }
        let scores = model.scores(&options).unwrap();
        assert_eq!(still(&scores, model.variables()), Vec::<String>::new(), "{name}");
        // What is trained is what answers, token by token and side by side; at first, the model as it was.
        let read = model.read(&options).unwrap();
        for (score, read) in scores.to_vec1::<f32>().unwrap().iter().zip(&read) {
            assert!((f64::from(*score) - read).abs() < 2e-4, "{name}: {score} {read}");
        }
        for (tail, before) in options.tails.iter().zip(&before) {
            let tokens = [options.shared.as_slice(), tail].concat();
            let rows = whole.read(&tokens, &mut Cache::default(), tail.len() + 1).unwrap();
            let surprise = |(row, token): (&Vec<f32>, &u32)| {
                let sum: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
                f64::from(row[*token as usize]) - sum.ln()
            };
            let sum: f64 = rows.iter().zip(tail).map(surprise).sum();
            // The last token is read here too: it makes a long text of one at the border of two ropes.
            let border = row["name"].as_str().unwrap().contains("longrope");
            assert!(border || (sum - f64::from(*before)).abs() < 2e-4, "{name}: {sum} {before}");
        }
        let loss = || {
            let scores = model.scores(&options).unwrap();
            let weights = Tensor::new(&[0.2_f32, -0.3, 0.1], scores.device()).unwrap();
            (scores * weights).unwrap().sum_all().unwrap()
        };
        model.variables().values().step_by(7).for_each(|variable| checked(variable, &loss));
        // Merged, it says the same.
        let (writer, _) = model.trained().unwrap();
        let words =
            |tokens: &[u32]| tokens.iter().map(|token| format!("w{token}")).collect::<Vec<_>>().join(" ");
        let tails = [words(&[4, 11, 6]), words(&[30])];
        let found = writer.log_probabilities("w3 w5 w8", &[&tails[0], &tails[1]]).unwrap();
        assert!(found.iter().all(|sum| sum.is_finite() && *sum < 0.0), "{name}: {found:?}");
    }
    assert_eq!(rows.len(), 17);
}

//! Networks of images: every weight has a gradient, an image is answered alike in every batch, and what is written is read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use ordinate_images::Image;
use ordinate_models::vision::{
    Config, ImageClassifier, ImageEncoder, Network, Planes, Sample, TrainableNetwork, TrainsImages as _,
};
use ordinate_models::{Encoder as _, Model as _};

fn labels() -> Vec<String> {
    ["a", "b", "c"].map(str::to_owned).to_vec()
}

fn text(side: u32, channels: usize, seed: usize) -> String {
    let count = (side * side) as usize * channels;
    let pixels = (0..count).map(|at| ((at * 37 + seed * 101 + at * at * (seed + 3)) % 251) as u8).collect();
    Image::of_pixels(side, side, channels, pixels).unwrap().text().unwrap()
}

fn network(side: u32, channels: usize) -> (TrainableNetwork, Planes) {
    let texts: Vec<String> = (0..5).map(|seed| text(side, channels, seed)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let config = Config::of_texts(&texts, labels()).unwrap();
    let planes = Planes::of_texts(&texts, &config).unwrap();
    (TrainableNetwork::new(config, 7).unwrap(), planes)
}

fn loss(model: &TrainableNetwork, planes: &Planes) -> Tensor {
    let images = planes.batch(&[0, 1, 2, 3, 4], model.config(), |_| Sample::PLAIN).unwrap();
    let logits = model.logits(&images).unwrap();
    let weights = Tensor::arange(0.0_f32, logits.elem_count() as f32, logits.device()).unwrap();
    let weights = weights.sin().unwrap().reshape(logits.shape()).unwrap();
    (logits.sqr().unwrap() * weights).unwrap().sum_all().unwrap()
}

#[test]
fn every_weight_has_a_gradient_and_it_is_the_slope() {
    for (side, channels) in [(9, 1), (12, 3), (48, 1)] {
        let (model, planes) = network(side, channels);
        let variables: &BTreeMap<String, Var> = model.variables();
        assert!(variables.len() == 26, "{}", variables.len());
        let gradients = loss(&model, &planes).backward().unwrap();
        for (name, variable) in variables {
            let gradient: Vec<f32> = gradients
                .get(variable)
                .unwrap_or_else(|| panic!("{name}"))
                .flatten_all()
                .unwrap()
                .to_vec1()
                .unwrap();
            let at =
                (0..gradient.len()).max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs())).unwrap();
            assert!(gradient[at].abs() > 0.0 && gradient[at].is_finite(), "{name}");
            if side == 48 {
                continue;
            }
            let start = variable.as_tensor().copy().unwrap();
            let moved = |by: f32| {
                let mut values: Vec<f32> = start.flatten_all().unwrap().to_vec1().unwrap();
                values[at] += by;
                variable.set(&Tensor::from_vec(values, start.shape(), start.device()).unwrap()).unwrap();
                f64::from(loss(&model, &planes).to_scalar::<f32>().unwrap())
            };
            let step = 2e-3_f32;
            let slope = (moved(step) - moved(-step)) / f64::from(2.0 * step);
            variable.set(&start).unwrap();
            let said = f64::from(gradient[at]);
            assert!((slope - said).abs() < 0.04 * said.abs().max(0.1), "{name}: {slope} is not {said}");
        }
    }
}

#[test]
fn an_image_is_answered_alike_whatever_else_is_asked() {
    let (model, _) = network(12, 1);
    let classifier = ImageClassifier::new(model.trained().unwrap());
    let texts: Vec<String> = (0..70).map(|seed| text(12, 1, seed)).collect();
    let samples: Vec<ordinate_models::Sample<'_>> =
        texts.iter().map(|text| ordinate_models::Sample::text(text)).collect();
    let together = classifier.answer(&samples).unwrap();
    for (sample, reply) in samples.iter().zip(&together) {
        let alone = classifier.answer(std::slice::from_ref(sample)).unwrap().remove(0).prediction;
        assert_eq!(alone.output, reply.prediction.output);
        assert!((alone.confidence.unwrap() - reply.prediction.confidence.unwrap()).abs() < 1e-5);
    }
    let shares: f64 = together.iter().map(|reply| reply.prediction.confidence.unwrap()).sum();
    assert!(shares / 70.0 > 1.0 / 3.0);
}

#[test]
fn what_is_written_is_read_and_other_folders_are_not() {
    let (model, planes) = network(12, 3);
    let network = model.trained().unwrap();
    let folder = tempfile::tempdir().unwrap();
    network.write(folder.path()).unwrap();
    let again = Network::open(folder.path()).unwrap();
    assert_eq!(again.config, network.config);
    let images = planes.batch(&[0, 1], &network.config, |_| Sample::PLAIN).unwrap();
    let logits = |network: &Network| network.logits(&images).unwrap().to_vec2::<f32>().unwrap();
    assert_eq!(logits(&again), logits(&network));

    // Vectors of one length for a probe, which tell images apart.
    let encoder = ImageEncoder::open(folder.path()).unwrap();
    let texts = [text(12, 3, 1), text(30, 1, 2), text(12, 3, 1)];
    let vectors = encoder.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    assert_eq!(vectors[0], vectors[2]);
    assert_ne!(vectors[0], vectors[1]);
    assert!(vectors.iter().all(|vector| (vector.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-4));
    assert!(encoder.embed(&["a text"]).is_err());

    // Another head for other labels, the rest as it was.
    let same = TrainableNetwork::from_network(&network, labels(), 1).unwrap();
    assert!(same.variables().keys().all(|name| !same.is_fresh(name)));
    let other = TrainableNetwork::from_network(&network, vec!["x".into(), "y".into()], 1).unwrap();
    let fresh: Vec<&String> = other.variables().keys().filter(|name| other.is_fresh(name)).collect();
    assert_eq!(fresh, ["head.bias", "head.weight"]);

    std::fs::write(folder.path().join("model.safetensors"), "cut").unwrap();
    assert!(
        Network::open(folder.path()).unwrap_err().to_string().contains("model.safetensors: cannot be used")
    );
    std::fs::write(folder.path().join("config.json"), "{\"model_type\": \"bert\"}").unwrap();
    assert!(Network::open(folder.path()).unwrap_err().to_string().contains("is no network of images"));
}

#[test]
fn the_same_seed_draws_the_same_weights() {
    let values = |seed| {
        let model = TrainableNetwork::new(Config::new(8, 8, 1, labels()), seed).unwrap();
        model.variables()["quarter.first.weight"].flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert_eq!(values(3), values(3));
    assert_ne!(values(3), values(4));
}

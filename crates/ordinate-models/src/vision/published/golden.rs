//! Published networks of images against `transformers`, timm and torchvision, on tiny models: `tests/golden/make_networks.py` wrote what
//! they say.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use ordinate_images::Image;
use serde_json::{Value, json};

use super::{PublishedFeatures, PublishedNetwork, TrainablePublished, TunedNetwork, is_published_network};
use crate::model::{Encoder as _, Sample as Item};
use crate::source::Source;
use crate::vision::{Sample, TrainsImages as _};

const MODELS: [&str; 6] = ["vit", "timm-vit", "resnet", "resnet-deep", "torchvision", "timm-resnet"];

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/networks.json")).unwrap()
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/networks").join(name)
}

fn source(folder: &Path) -> Source {
    Source::at(folder)
}

fn open(name: &str) -> PublishedNetwork {
    assert!(is_published_network(&source(&folder(name))));
    PublishedNetwork::open(&source(&folder(name))).unwrap()
}

fn apart(ours: &[f32], theirs: &Value) -> f32 {
    let theirs: Vec<f32> = serde_json::from_value(theirs.clone()).unwrap();
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(&theirs).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

#[test]
fn logits_and_features_equal_theirs() {
    let golden = golden();
    for name in MODELS {
        let mut network = open(name);
        assert_eq!(network.labels().len(), 3);
        // As they are: what scaling rounds would be seen.
        network.preprocess = network.preprocess.unscaled();
        network.sides = (24, 24);
        let mut worst = 0.0_f32;
        for (at, row) in golden["models"][name].as_array().unwrap().iter().enumerate() {
            if row["logits"].is_null() {
                continue;
            }
            let text = golden["images"][at].as_str().unwrap();
            worst = worst.max(apart(&network.logits(&[text]).unwrap()[0], &row["logits"]));
            worst = worst.max(apart(&network.features(&[text]).unwrap()[0], &row["features"]));
        }
        eprintln!("{name}: largest difference {worst:e}");
        assert!(worst > 0.0 && worst < 1e-4, "{name}: {worst}");
    }
}

/// Scaled by integers, there may be one step between them.
#[test]
fn images_are_scaled_as_theirs_are() {
    let golden = golden();
    for name in MODELS {
        let network = open(name);
        for (at, row) in golden["models"][name].as_array().unwrap().iter().enumerate() {
            let image = Image::of_text(golden["images"][at].as_str().unwrap()).unwrap();
            let values = network.preprocess.values(image, network.body.channels());
            let some: Vec<f32> = values.iter().step_by(1 + values.len() / 200).copied().collect();
            let off = apart(&some, &row["values"]) / network.preprocess.step();
            assert!(off < 1.1, "{name} {at}: {off} steps");
        }
    }
}

#[test]
fn what_is_said_hangs_on_no_other_image() {
    let golden = golden();
    let texts: Vec<&str> =
        golden["images"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    for name in ["vit", "timm-resnet"] {
        let network = open(name);
        let all = network.logits(&texts).unwrap();
        for (text, logits) in texts.iter().zip(&all) {
            let alone = network.logits(&[text]).unwrap();
            assert!(alone[0].iter().zip(logits).all(|(a, b)| (a - b).abs() < 1e-5), "{name}");
        }
        let encoder = PublishedFeatures::open(&source(&folder(name))).unwrap();
        for vector in encoder.embed(&texts).unwrap() {
            assert!((vector.iter().map(|value| value * value).sum::<f32>() - 1.0).abs() < 1e-5);
        }
        assert!(network.logits(&["cat"]).unwrap_err().to_string().contains("an image cannot be read"));
    }
}

#[test]
fn labels_are_their_own() {
    assert_eq!(open("vit").labels(), ["cat", "dog", "owl"]);
    assert_eq!(open("timm-vit").labels(), ["cat", "dog", "owl"]);
    assert_eq!(open("torchvision").labels(), ["0", "1", "2"], "where nobody names them");
}

type Tensors = HashMap<String, Tensor>;

/// A copy of a model with other files.
struct Changed(tempfile::TempDir);

impl Changed {
    fn of(name: &str) -> Self {
        let there = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(folder(name)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, there.path().join(path.file_name().unwrap())).unwrap();
        }
        Self(there)
    }

    fn tensors(self, change: impl Fn(&mut Tensors)) -> Self {
        let path = self.0.path().join("model.safetensors");
        let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
        change(&mut tensors);
        fs::remove_file(&path).unwrap();
        candle_core::safetensors::save(&tensors, &path).unwrap();
        self
    }

    fn json(self, name: &str, change: impl Fn(&mut Value)) -> Self {
        let path = self.0.path().join(name);
        let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut value);
        fs::write(&path, value.to_string()).unwrap();
        self
    }

    fn open(&self) -> Result<PublishedNetwork, String> {
        PublishedNetwork::open(&source(self.0.path())).map_err(|error| error.to_string())
    }

    fn refused(&self) -> String {
        self.open().err().unwrap()
    }
}

/// As `ViTModel` writes it: without a head, with a pooler that nothing here reads.
#[test]
fn a_network_without_a_head_has_features() {
    let golden = golden();
    let bare = Changed::of("vit").tensors(|tensors| {
        *tensors = tensors
            .drain()
            .filter_map(|(name, tensor)| Some((name.strip_prefix("vit.")?.to_owned(), tensor)))
            .collect();
        tensors.insert("pooler.dense.bias".to_owned(), Tensor::zeros(24, DType::F32, &Device::Cpu).unwrap());
    });
    let mut network = bare.open().unwrap();
    network.preprocess = network.preprocess.unscaled();
    let found = network.features(&[golden["images"][1].as_str().unwrap()]).unwrap();
    assert!(apart(&found[0], &golden["models"]["vit"][1]["features"]) < 1e-4);
    let said = network.logits(&[]).unwrap_err().to_string();
    assert!(network.labels().is_empty() && said.contains("no head that says labels"), "{said}");
}

#[test]
fn wrong_and_missing_tensors_are_named() {
    let lacks = |model: &str, name: &'static str| {
        Changed::of(model).tensors(|tensors| drop(tensors.remove(name).unwrap())).refused()
    };
    for (model, name) in [
        ("vit", "vit.encoder.layer.1.attention.attention.key.bias"),
        ("vit", "vit.embeddings.position_embeddings"),
        ("timm-vit", "blocks.0.attn.qkv.weight"),
        ("resnet", "resnet.encoder.stages.1.layers.0.shortcut.convolution.weight"),
        ("torchvision", "layer3.0.bn2.running_var"),
        ("torchvision", "conv1.weight"),
        ("timm-resnet", "layer1.0.conv1.weight"),
    ] {
        let said = lacks(model, name);
        assert!(said.contains(&format!("tensor {name}")) && said.contains("model.safetensors"), "{said}");
    }
    let other = Changed::of("torchvision").tensors(|tensors| {
        let weight = Tensor::zeros((3, 7), DType::F32, &Device::Cpu).unwrap();
        tensors.insert("fc.weight".to_owned(), weight);
    });
    assert!(other.refused().contains("tensor fc.weight is [3, 7], and [3, 20] is expected"));
    let more = Changed::of("timm-vit").tensors(|tensors| {
        tensors.insert("blocks.1.ls1.gamma".to_owned(), Tensor::ones(24, DType::F32, &Device::Cpu).unwrap());
    });
    assert!(more.refused().contains("tensor blocks.1.ls1.gamma belongs to no network"));
    let cut = Changed::of("vit");
    let path = cut.0.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(cut.refused().contains("model.safetensors"), "{}", cut.refused());
}

#[test]
fn other_networks_are_refused() {
    let config = |model: &str, key: &'static str, value: Value| {
        Changed::of(model).json("config.json", |config| config[key] = value.clone()).refused()
    };
    let reads = |model: &str, key: &'static str, value: Value| {
        Changed::of(model).json("preprocessor_config.json", |config| config[key] = value.clone()).refused()
    };
    let timm = |key: &'static str, value: Value| {
        Changed::of("timm-vit")
            .json("config.json", |config| config["pretrained_cfg"][key] = value.clone())
            .refused()
    };
    for (said, wanted) in [
        (
            config("timm-vit", "architecture", json!("convnext_tiny")),
            "\"convnext_tiny\" is no network of images that runs here",
        ),
        (config("timm-vit", "architecture", json!("vit_tiny_r_s16_p8_224")), "is no network of images"),
        (config("timm-vit", "architecture", json!("vit_base_patch16_clip_224")), "is no network of images"),
        (config("timm-vit", "global_pool", json!("avg")), "global_pool \"avg\" is not read"),
        (config("timm-vit", "model_args", json!({"num_heads": 5})), "5 heads do not part the width 24"),
        (config("vit", "hidden_act", json!("relu")), "hidden_act \"relu\" is not read"),
        (config("vit", "num_attention_heads", json!(0)), "num_attention_heads"),
        (reads("vit", "resample", json!(5)), "resample 5 is not read"),
        (
            reads("vit", "size", json!({"height": 36, "width": 24})),
            "its positions are not those of images of 24 x 36",
        ),
        (reads("vit", "size", json!({"shortest_edge": 24})), "no fixed size"),
        (reads("vit", "size", json!({"longest_edge": 24})), "is not read; a number, width and height"),
        (reads("vit", "size", json!(1e9)), "a side of 1000000000 pixels is not read"),
        (reads("vit", "image_std", json!([0.0, 1.0, 1.0])), "no numbers that go together"),
        (timm("crop_mode", json!("border")), "crop_mode \"border\""),
        (timm("interpolation", json!("random")), "interpolation \"random\" is not read"),
        (timm("input_size", json!([3, 36, 36])), "its positions are not those of images of 36 x 36"),
        (timm("mean", json!([0.5, 0.5])), "no numbers that go together"),
    ] {
        assert!(said.contains(wanted), "{said}");
    }
    let bare = Changed::of("resnet");
    fs::remove_file(bare.0.path().join("preprocessor_config.json")).unwrap();
    assert!(bare.refused().contains("preprocessor_config.json: is missing"), "{}", bare.refused());
}

/// Old files say one number for both sides, and cut something out of the middle by other keys.
#[test]
fn sizes_of_every_form() {
    let sides = |change: &dyn Fn(&mut Value)| {
        let changed = Changed::of("resnet").json("preprocessor_config.json", |config| {
            config["image_processor_type"] = json!("ViTFeatureExtractor");
            change(config);
        });
        changed.open().unwrap().preprocess.sides().unwrap()
    };
    assert_eq!(sides(&|config| config["size"] = json!(28)), (28, 28));
    assert_eq!(
        sides(&|config| {
            config["do_center_crop"] = json!(true);
            config["crop_size"] = json!({"height": 20, "width": 22});
        }),
        (22, 20)
    );
    assert_eq!(sides(&|config| config["size"] = json!({"height": 9, "width": 7})), (7, 9));
}

/// Begins where it was published, has the slope of every weight, and is read again as it was written.
#[test]
fn they_are_trained_on() {
    let golden = golden();
    let texts: Vec<&str> =
        golden["images"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    for name in ["vit", "timm-vit", "resnet-deep", "timm-resnet"] {
        let labels = ["cat", "dog", "owl"].map(str::to_owned).to_vec();
        let network = open(name);
        let labels = if network.labels()[0] == "0" { network.labels().to_vec() } else { labels };
        let model = TrainablePublished::open(&source(&folder(name)), labels, 1).unwrap();
        let planes = model.planes(&texts).unwrap();
        let logits = || {
            let images = planes.batch(&[0, 1, 2], model.config(), |_| Sample::PLAIN).unwrap();
            model.logits(&images).unwrap()
        };
        let (ours, theirs) = (logits().to_vec2::<f32>().unwrap(), network.logits(&texts[..3]).unwrap());
        let off = ours.concat().iter().zip(theirs.concat()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-4, "{name}: {off}");
        let loss = || {
            let weights = Tensor::arange(0.0_f32, 9.0, &Device::Cpu).unwrap().sin().unwrap();
            (logits().tanh().unwrap() * weights.reshape((3, 3)).unwrap()).unwrap().sum_all().unwrap()
        };
        let gradients = loss().backward().unwrap();
        for (variable, of) in model.variables() {
            let gradient: Vec<f32> = gradients
                .get(of)
                .unwrap_or_else(|| unreachable!("{name}: {variable} has no gradient"))
                .flatten_all()
                .unwrap()
                .to_vec1()
                .unwrap();
            assert!(gradient.iter().all(|slope| slope.is_finite()), "{name}: {variable}");
        }
        let head = model.layout.head()[0];
        let start = model.variables()[head].as_tensor().copy().unwrap();
        let moved = |by: f64| {
            let first: Vec<f32> = (0..start.elem_count()).map(|at| if at == 1 { 1.0 } else { 0.0 }).collect();
            let first = Tensor::from_vec(first, start.shape(), &Device::Cpu).unwrap();
            model.variables()[head].set(&(&start + (first * by).unwrap()).unwrap()).unwrap();
            f64::from(loss().to_scalar::<f32>().unwrap())
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        moved(0.0);
        let said: Vec<f32> =
            gradients.get(&model.variables()[head]).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert!(
            (slope - f64::from(said[1])).abs() < 0.02 * slope.abs().max(0.1),
            "{name}: {slope} {}",
            said[1]
        );

        let there = tempfile::tempdir().unwrap();
        let made = model.model(2.0).unwrap();
        made.save(there.path()).unwrap();
        let again = TunedNetwork::open(there.path()).unwrap();
        let items: Vec<Item<'_>> = texts.iter().map(|text| Item::text(text)).collect();
        let said = |model: &dyn crate::model::Model| -> Vec<crate::model::Prediction> {
            model.answer(&items).unwrap().into_iter().map(|reply| reply.prediction).collect()
        };
        assert_eq!(said(&again), said(made.as_ref()), "{name}");
        let twice = PublishedNetwork::open(&source(there.path())).unwrap().logits(&texts[..1]).unwrap();
        let off = twice[0].iter().zip(&ours[0]).map(|(a, b)| (a - 2.0 * b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-3, "{name}: {off}");
        // A head of its own for other labels.
        let other =
            TrainablePublished::open(&source(&folder(name)), vec!["x".into(), "y".into()], 1).unwrap();
        assert!(other.is_fresh(head) && other.variables()[head].dims()[0] == 2);
        assert_eq!(other.variables().keys().filter(|name| other.is_fresh(name)).count(), 2);
    }
}

//! What `config.json` says of a network of images that others trained: as `transformers` writes it, or timm.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::preprocess::Preprocess;
use crate::encoder::json;
use crate::error::ModelError;
use crate::source::file;

/// What is built of the tensors.
#[derive(Debug, Clone)]
pub(super) enum Layout {
    /// The names of torchvision and timm.
    TorchResNet,
    /// The names of `transformers`.
    HubResNet(HubResNet),
    /// Either's, with heads that the tensors do not say.
    Vit(Vit),
}

impl Layout {
    /// The names of weight and bias of the head.
    pub(super) fn head(&self) -> [&'static str; 2] {
        match self {
            Self::TorchResNet => ["fc.weight", "fc.bias"],
            Self::HubResNet(_) => ["classifier.1.weight", "classifier.1.bias"],
            Self::Vit(vit) if vit.is_timm => ["head.weight", "head.bias"],
            Self::Vit(_) => ["classifier.weight", "classifier.bias"],
        }
    }
}

/// What the tensors of a ResNet do not say.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct HubResNet {
    /// Whether the first stage halves its images too.
    #[serde(default)]
    pub(super) downsample_in_first_stage: bool,
    /// Whether a block halves them by its first layer of 1 x 1, and not by that of 3 x 3.
    #[serde(default)]
    pub(super) downsample_in_bottleneck: bool,
}

/// What the tensors of a vision transformer do not say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vit {
    pub(super) heads: usize,
    pub(super) eps: f64,
    /// Whether names are those of timm.
    pub(super) is_timm: bool,
}

/// What a folder says of its network.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub(super) layout: Layout,
    /// The names of its labels, by place; those that it does not name are numbers.
    pub(super) labels: Vec<String>,
    pub(super) preprocess: Preprocess,
}

/// ResNets of timm that have the layers of He et al. (2015): others of the name have other stems, shortcuts or filters.
const RESNETS: [&str; 8] = [
    "resnet18",
    "resnet26",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "wide_resnet50_2",
    "wide_resnet101_2",
];
/// Widths of timm's vision transformers, and their heads.
const VITS: [(&str, usize); 4] = [("tiny", 3), ("small", 6), ("base", 12), ("large", 16)];
/// What timm adds to variances in a vision transformer.
const TIMM_EPS: f64 = 1e-6;

/// Whether a configuration is that of a network of images, be it one that runs here or not.
pub(super) fn is_published(config: &Value) -> bool {
    config["architecture"].is_string() || matches!(config["model_type"].as_str(), Some("vit" | "resnet"))
}

pub(super) fn read(folder: &Path) -> Result<Described, ModelError> {
    let path = folder.join("config.json");
    let config: Value = json(&path)?;
    let wrong = |problem: String| file(&path, &problem);
    let (layout, labels, preprocess) = match config["model_type"].as_str() {
        Some("vit") => (Layout::Vit(hub_vit(&config).map_err(wrong)?), hub_labels(&config), hub(folder)?),
        Some("resnet") => {
            (Layout::HubResNet(hub_resnet(&config).map_err(wrong)?), hub_labels(&config), hub(folder)?)
        }
        _ => {
            let layout = timm(&config).map_err(wrong)?;
            (layout, timm_labels(&config), Preprocess::timm(&config).map_err(wrong)?)
        }
    };
    Ok(Described { layout, labels, preprocess })
}

/// What `preprocessor_config.json` says.
fn hub(folder: &Path) -> Result<Preprocess, ModelError> {
    let path = folder.join("preprocessor_config.json");
    if !path.is_file() {
        return Err(file(&path, "is missing, and says how images are scaled; fetch the model again"));
    }
    Preprocess::hub(&json(&path)?).map_err(|problem| file(&path, &problem))
}

fn hub_vit(config: &Value) -> Result<Vit, String> {
    if config["hidden_act"].as_str().is_some_and(|act| act != "gelu") {
        return Err(format!("hidden_act {} is not read; only gelu is", config["hidden_act"]));
    }
    if config["qkv_bias"] == false {
        return Err("its queries, keys and values have no bias, which is not read".to_owned());
    }
    let heads = config["num_attention_heads"].as_u64().and_then(|heads| usize::try_from(heads).ok());
    let heads = heads.filter(|heads| (1..=1_024).contains(heads));
    Ok(Vit {
        heads: heads.ok_or("num_attention_heads is missing, or beyond what any model has")?,
        eps: config["layer_norm_eps"].as_f64().unwrap_or(1e-12),
        is_timm: false,
    })
}

fn hub_resnet(config: &Value) -> Result<HubResNet, String> {
    if config["hidden_act"].as_str().is_some_and(|act| act != "relu") {
        return Err(format!("hidden_act {} is not read; only relu is", config["hidden_act"]));
    }
    HubResNet::deserialize(config).map_err(|error| error.to_string())
}

fn hub_labels(config: &Value) -> Vec<String> {
    let of = config["id2label"].as_object();
    let mut named: Vec<(usize, String)> = of
        .into_iter()
        .flatten()
        .filter_map(|(at, name)| Some((at.parse().ok()?, name.as_str()?.to_owned())))
        .collect();
    named.sort();
    named.into_iter().map(|(_, name)| name).collect()
}

fn timm(config: &Value) -> Result<Layout, String> {
    let name = config["architecture"].as_str().unwrap_or_default();
    if RESNETS.contains(&name) {
        return Ok(Layout::TorchResNet);
    }
    let refused = || {
        format!(
            "{name:?} is no network of images that runs here; known are {}, vit_(tiny, small, base, large)_patchP_SIDE of timm, and vit and resnet of \
             transformers",
            RESNETS.join(", ")
        )
    };
    let rest = name.strip_prefix("vit_").ok_or_else(refused)?;
    let (_, usual) = VITS.into_iter().find(|(size, _)| rest.starts_with(size)).ok_or_else(refused)?;
    let sides = rest.split_once("_patch").and_then(|(_, rest)| rest.split_once('_')).ok_or_else(refused)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !VITS.iter().any(|(size, _)| rest.split('_').next() == Some(*size))
        || !is_number(sides.0)
        || !is_number(sides.1)
    {
        return Err(refused());
    }
    if config["global_pool"].as_str().is_some_and(|pool| pool != "token") {
        return Err(format!("global_pool {} is not read; only token is", config["global_pool"]));
    }
    let said = config["model_args"]["num_heads"].as_u64().and_then(|heads| usize::try_from(heads).ok());
    Ok(Layout::Vit(Vit { heads: said.unwrap_or(usual).clamp(1, 1_024), eps: TIMM_EPS, is_timm: true }))
}

fn timm_labels(config: &Value) -> Vec<String> {
    let lists = [&config["label_names"], &config["pretrained_cfg"]["label_names"]];
    let names = lists.into_iter().find_map(Value::as_array).into_iter().flatten();
    names.filter_map(|name| Some(name.as_str()?.to_owned())).collect()
}

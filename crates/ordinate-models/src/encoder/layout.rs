//! How `transformers` lays out an encoder of each architecture with a head, of a sequence classifier or for the spans of a
//! passage, and PEFT an adapter of one: the names that others read what was trained here by.

use std::collections::HashMap;

use candle_core::Tensor;
use serde_json::Value;

/// What follows the dense layer of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Tanh,
    Relu,
    Gelu,
}

/// The names of an architecture.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What the names of its classes begin with.
    family: &'static str,
    /// What its class ends with.
    task: &'static str,
    /// What the names of the encoder's tensors begin with.
    prefix: &'static str,
    /// The embedding of tokens, by which the prefix of a file is found.
    words: &'static str,
    /// The dense layer of the head, where it has one before its last.
    pub(crate) dense: Option<&'static str>,
    pub(crate) act: Act,
    /// The norm behind it.
    pub(crate) norm: Option<&'static str>,
    /// Its last layer.
    pub(crate) out: &'static str,
    /// The ends of the names of the layers that get low-rank updates: PEFT's `target_modules`.
    pub(crate) targets: &'static [&'static str],
    /// The modules that are trained whole beside them: PEFT's `modules_to_save`.
    pub(crate) whole: &'static [&'static str],
}

const WORDS: &str = "embeddings.word_embeddings.weight";
/// What the class of a sequence classifier ends with, and that of a head for spans.
pub(crate) const CLASSIFIES: &str = "ForSequenceClassification";
pub(crate) const EXTRACTS: &str = "ForQuestionAnswering";
const BERT_TARGETS: &[&str] = &["query", "key", "value", "intermediate.dense", "output.dense"];

const BERT: Layout = Layout {
    family: "Bert",
    task: CLASSIFIES,
    prefix: "bert.",
    words: WORDS,
    dense: Some("bert.pooler.dense"),
    act: Act::Tanh,
    norm: None,
    out: "classifier",
    targets: BERT_TARGETS,
    whole: &["pooler", "classifier"],
};

const ROBERTA: Layout = Layout {
    family: "Roberta",
    prefix: "roberta.",
    dense: Some("classifier.dense"),
    out: "classifier.out_proj",
    whole: &["classifier"],
    ..BERT
};

const DISTILBERT: Layout = Layout {
    family: "DistilBert",
    prefix: "distilbert.",
    dense: Some("pre_classifier"),
    act: Act::Relu,
    targets: &["q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"],
    whole: &["pre_classifier", "classifier"],
    ..BERT
};

const MODERNBERT: Layout = Layout {
    family: "ModernBert",
    prefix: "model.",
    words: "embeddings.tok_embeddings.weight",
    dense: Some("head.dense"),
    act: Act::Gelu,
    norm: Some("head.norm"),
    targets: &["Wqkv", "Wo", "Wi"],
    whole: &["head", "classifier"],
    ..BERT
};

/// Whether the first class that a configuration names ends so.
pub(crate) fn is_named(config: &Value, task: &str) -> bool {
    let first = config["architectures"].as_array().and_then(|names| names.first());
    first.and_then(Value::as_str).is_some_and(|name| name.ends_with(task))
}

impl Layout {
    /// Its class.
    pub(crate) fn class(&self) -> String {
        format!("{}{}", self.family, self.task)
    }

    /// That of a head for spans: one layer over the states of each token, and what stands before it in ModernBERT's.
    pub(crate) fn of_spans(config: &Value) -> Option<Self> {
        let layout = Self { task: EXTRACTS, ..Self::of(config)? };
        Some(match layout.norm {
            Some(_) => layout,
            None => Self { dense: None, out: "qa_outputs", whole: &["qa_outputs"], ..layout },
        })
    }

    /// That of a sequence classifier of a configuration; `None` for an architecture that is not known.
    pub(crate) fn of(config: &Value) -> Option<Self> {
        Some(match config["model_type"].as_str()? {
            "bert" => BERT,
            "roberta" => ROBERTA,
            "xlm-roberta" => Self { family: "XLMRoberta", ..ROBERTA },
            "camembert" => Self { family: "Camembert", ..ROBERTA },
            "distilbert" => DISTILBERT,
            "modernbert" => MODERNBERT,
            _ => return None,
        })
    }

    /// The tensors of an encoder and its head under the names that the class has for them; others are left out. Files of
    /// encoders alone have no prefix, or that of another class.
    pub(crate) fn renamed(&self, tensors: HashMap<String, Tensor>) -> HashMap<String, Tensor> {
        let found =
            tensors.keys().find_map(|name| name.strip_suffix(self.words)).unwrap_or_default().to_owned();
        let named = tensors.into_iter().filter_map(|(name, tensor)| {
            let own = self.is_head(&name) && (found.is_empty() || !name.starts_with(&found));
            let inner = name.strip_prefix(&found).map(|rest| format!("{}{rest}", self.prefix));
            Some((if own { name } else { inner? }, tensor))
        });
        named.filter(|(name, _)| !name.ends_with("position_ids")).collect()
    }

    /// Whether a tensor is of the head.
    pub(crate) fn is_head(&self, name: &str) -> bool {
        let of = |module: &str| name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'));
        self.dense.is_some_and(of) || of(self.out) || self.norm.is_some_and(of)
    }

    /// Whether a layer of the encoder gets a low-rank update.
    pub(crate) fn is_target(&self, layer: &str) -> bool {
        let ends = |target: &&str| layer.strip_suffix(*target).is_some_and(|rest| rest.ends_with('.'));
        !self.is_head(&format!("{layer}.weight"))
            && layer.starts_with(self.prefix)
            && self.targets.iter().any(ends)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{DType, Device};
    use serde_json::json;

    use super::*;

    fn names(layout: &Layout, names: &[&str]) -> Vec<String> {
        let zero = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
        let tensors = names.iter().map(|&name| (name.to_owned(), zero.clone())).collect();
        let mut names: Vec<String> = layout.renamed(tensors).into_keys().collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn names_become_those_of_the_class() {
        let bert = Layout::of(&json!({ "model_type": "bert" })).unwrap();
        let words = "embeddings.word_embeddings.weight";
        // An encoder alone, as sentence-transformers writes it; a masked language model; a classifier.
        let alone = names(&bert, &[words, "embeddings.position_ids", "pooler.dense.bias"]);
        assert_eq!(alone, ["bert.embeddings.word_embeddings.weight", "bert.pooler.dense.bias"]);
        let masked = names(&bert, &[&format!("bert.{words}"), "cls.predictions.bias"]);
        assert_eq!(masked, ["bert.embeddings.word_embeddings.weight"]);
        let whole = names(&bert, &[&format!("bert.{words}"), "classifier.weight", "bert.pooler.dense.bias"]);
        assert_eq!(whole.len(), 3);
        let xlm = Layout::of(&json!({ "model_type": "xlm-roberta" })).unwrap();
        assert_eq!(xlm.class(), "XLMRobertaForSequenceClassification");
        assert_eq!(names(&xlm, &[words])[0], "roberta.embeddings.word_embeddings.weight");
        assert!(Layout::of(&json!({ "model_type": "gpt2" })).is_none());
        // What a head for spans does not read is left out: the layer of the pooling.
        let spans = Layout::of_spans(&json!({ "model_type": "bert" })).unwrap();
        assert_eq!(spans.class(), "BertForQuestionAnswering");
        assert!(spans.is_head("qa_outputs.bias") && !spans.is_head("bert.pooler.dense.bias"));
        let modern = Layout::of_spans(&json!({ "model_type": "modernbert" })).unwrap();
        assert!(modern.is_head("head.norm.weight") && modern.is_head("classifier.weight"));
    }

    #[test]
    fn updates_stand_beside_the_layers_of_the_encoder() {
        let bert = Layout::of(&json!({ "model_type": "bert" })).unwrap();
        for layer in ["attention.self.query", "attention.output.dense", "intermediate.dense", "output.dense"]
        {
            assert!(bert.is_target(&format!("bert.encoder.layer.3.{layer}")), "{layer}");
        }
        for other in ["bert.pooler.dense", "classifier", "bert.encoder.layer.3.output.LayerNorm"] {
            assert!(!bert.is_target(other), "{other}");
        }
        let roberta = Layout::of(&json!({ "model_type": "roberta" })).unwrap();
        assert!(!roberta.is_target("classifier.dense"));
        let modern = Layout::of(&json!({ "model_type": "modernbert" })).unwrap();
        assert!(modern.is_target("model.layers.0.attn.Wqkv") && !modern.is_target("head.dense"));
    }
}

//! Masked language models: an encoder with the head that says which token stands behind a mask, as `transformers` has it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use ordinate_core::random::SplitMix;
use serde_json::Value;
use tokenizers::Tokenizer;

use crate::encoder::folder::{Folder, plain};
use crate::encoder::layers::{Linear, Norm, Result, Weights};
use crate::encoder::tunable::{INITIAL, normal};
use crate::error::ModelError;
use crate::model::Facts;
use crate::ops::{gelu, linear};
use crate::source::{Source, file};
use crate::tokenizer;

/// Whether a configuration is that of a masked language model.
fn has_head(config: &Value) -> bool {
    let first = config["architectures"].as_array().and_then(|names| names.first());
    first.and_then(Value::as_str).is_some_and(|name| name.ends_with("ForMaskedLM"))
}

/// The head: a layer, and a product with the embedding of every token.
#[derive(Debug)]
pub(crate) struct Head {
    dense: Linear,
    relu: bool,
    norm: Norm,
    /// Tokens x width, and one number for each token.
    out: (Tensor, Tensor),
    /// The names of its tensors, or what they begin with.
    used: [String; 4],
}

/// The names of a head's tensors: its layer, the norm behind it, the product with embeddings, and what is added to that.
fn names(config: &Value) -> [&'static str; 4] {
    match config["model_type"].as_str().unwrap_or_default() {
        "bert" => [
            "cls.predictions.transform.dense",
            "cls.predictions.transform.LayerNorm",
            "cls.predictions.decoder",
            "cls.predictions.bias",
        ],
        "distilbert" => ["vocab_transform", "vocab_layer_norm", "vocab_projector", "vocab_projector.bias"],
        "modernbert" => ["head.dense", "head.norm", "decoder", "decoder.bias"],
        _ => ["lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias"],
    }
}

/// The embedding of tokens, which the head of most files shares.
fn embedding(tensors: &HashMap<String, Tensor>) -> Option<String> {
    let ends = ["embeddings.word_embeddings.weight", "embeddings.tok_embeddings.weight"];
    tensors.keys().find(|name| ends.iter().any(|end| name.ends_with(end))).cloned()
}

impl Head {
    /// Adds what a head lacks, as `transformers` starts one, and gives the names of what was added: encoders of sentences
    /// come without a head.
    pub(crate) fn complete(
        config: &Value,
        tensors: &mut HashMap<String, Tensor>,
        width: usize,
        random: &mut SplitMix,
    ) -> Result<BTreeSet<String>> {
        let [dense, norm, out, bias] = names(config);
        let words = embedding(tensors).and_then(|name| tensors.get(&name)).map_or(0, Tensor::elem_count);
        let count = words / width.max(1);
        let mut added = BTreeSet::new();
        let mut add = |name: String, made: &mut dyn FnMut() -> Result<Tensor>| -> Result<()> {
            if let Entry::Vacant(place) = tensors.entry(name.clone()) {
                place.insert(made()?);
                added.insert(name);
            }
            Ok(())
        };
        let zeros = |size: usize| Tensor::zeros(size, DType::F32, &Device::Cpu);
        let named = |name: &str, end: &str| format!("{name}.{end}");
        // ModernBERT has no bias but the last.
        let biased = config["model_type"] != "modernbert";
        add(named(dense, "weight"), &mut || normal(&[width, width], INITIAL, random))?;
        add(named(norm, "weight"), &mut || Tensor::ones(width, DType::F32, &Device::Cpu))?;
        if biased {
            add(named(dense, "bias"), &mut || zeros(width))?;
            add(named(norm, "bias"), &mut || zeros(width))?;
        }
        let has_bias = [bias.to_owned(), named(out, "bias")].iter().any(|name| tensors.contains_key(name));
        if !has_bias {
            tensors.insert(bias.to_owned(), zeros(count)?);
            added.insert(bias.to_owned());
        }
        Ok(added)
    }

    pub(crate) fn new(config: &Value, tensors: &HashMap<String, Tensor>, width: usize) -> Result<Self> {
        let weights = Weights::plain(tensors);
        let [dense, norm, out, bias] = names(config);
        let usual = if config["model_type"] == "modernbert" { 1e-5 } else { 1e-12 };
        let eps = ["layer_norm_eps", "norm_eps"].iter().find_map(|key| config[*key].as_f64());
        // The matrix is the embedding, which files hold once.
        let own = format!("{out}.weight");
        let matrix = if weights.has(&own) { own } else { embedding(tensors).unwrap_or(own) };
        let count = weights.height(&matrix);
        let bias = if weights.has(bias) { bias.to_owned() } else { format!("{out}.bias") };
        let used = [format!("{dense}."), format!("{norm}."), matrix.clone(), bias.clone()];
        // RoBERTa's kin have a gelu here, whatever their layers have.
        let act = match config["model_type"].as_str() {
            Some("bert") => &config["hidden_act"],
            Some("distilbert") => &config["activation"],
            _ => &Value::Null,
        };
        Ok(Self {
            dense: weights.loose(dense, width, width)?,
            relu: act == "relu",
            norm: weights.norm(norm, width, eps.unwrap_or(usual))?,
            out: (weights.get(&matrix, &[count, width])?, weights.get(&bias, &[count])?),
            used,
        })
    }

    /// Whether a tensor is one of its own.
    pub(crate) fn uses(&self, name: &str) -> bool {
        self.used.iter().any(|used| name == used || used.ends_with('.') && name.starts_with(used))
    }

    /// Tokens that it knows.
    pub(crate) fn count(&self) -> usize {
        self.out.1.elem_count()
    }

    /// The logits of states: one row of the vocabulary's size for each, or of as many tokens as `among` names.
    pub(crate) fn logits(&self, states: &Tensor, among: Option<&Tensor>) -> Result<Tensor> {
        let x = self.dense.forward(&states.contiguous()?)?;
        let x = if self.relu { x.relu()? } else { gelu(&x)? };
        let (matrix, bias) = &self.out;
        let x = self.norm.forward(&x)?;
        match among {
            Some(tokens) => {
                linear(&x, &matrix.index_select(tokens, 0)?, Some(&bias.index_select(tokens, 0)?))
            }
            None => linear(&x, matrix, Some(bias)),
        }
    }
}

/// A masked language model.
pub struct Masked {
    folder: Folder,
    head: Head,
    /// The tokenizer, which cuts nothing off: a mask must not be lost.
    tokenizer: Tokenizer,
    mask: (String, u32),
}

impl std::fmt::Debug for Masked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Masked").field("mask", &self.mask).finish_non_exhaustive()
    }
}

impl Masked {
    /// Opens one.
    ///
    /// # Errors
    /// As [`crate::encoder::open`]; and where the folder holds no masked language model, or its tokenizer no mask.
    pub fn open(source: &Source) -> std::result::Result<Self, ModelError> {
        let path = source.folder.join("config.json");
        let said = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        if said.as_ref().is_some_and(|config| !has_head(config)) {
            let found = said.map(|config| config["architectures"].to_string()).unwrap_or_default();
            let problem = format!(
                "is no masked language model (its architectures are {found}); a template needs one whose architectures say \
                 ...ForMaskedLM: name another folder, or leave the template out"
            );
            return Err(file(&path, &problem));
        }
        let (folder, config, tensors) = Folder::open(source)?;
        let head = Head::new(&config, &tensors, folder.width()).map_err(|error| {
            let problem = format!("{}; the head of a masked language model is not whole", plain(&error));
            file(&source.folder.join("model.safetensors"), &problem)
        })?;
        let mut tokenizer = folder.tokenizer().clone();
        tokenizer.with_truncation(None).map_err(|error| ModelError::Failed(error.to_string()))?;
        let mask = mask(&source.folder, &tokenizer)?;
        Ok(Self { folder, head, tokenizer, mask })
    }

    /// The text of its mask.
    #[must_use]
    pub fn mask(&self) -> &str {
        &self.mask.0
    }

    /// Tokens that it knows.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.head.count()
    }

    /// The longest text, in tokens.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.folder.longest()
    }

    /// The tokens of a text, without those that begin and end it.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the tokenizer fails.
    pub fn tokens(&self, text: &str) -> std::result::Result<Vec<u32>, ModelError> {
        Ok(tokenizer::encode(&self.tokenizer, text, false)?.get_ids().to_vec())
    }

    /// The beginning of a text, of so many tokens at most.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the tokenizer fails.
    pub fn beginning<'t>(&self, text: &'t str, tokens: usize) -> std::result::Result<&'t str, ModelError> {
        let encoding = tokenizer::encode(&self.tokenizer, text, false)?;
        Ok(cut(text, encoding.get_offsets(), tokens))
    }

    /// How many tokens a text with masks has too many.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the tokenizer fails.
    pub fn excess(&self, text: &str) -> std::result::Result<usize, ModelError> {
        let encoding = tokenizer::encode(&self.tokenizer, text, true)?;
        Ok(encoding.len().saturating_sub(self.longest()))
    }

    /// The logits of every token at each mask of a text, in order.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the text is too long, or the computation fails.
    pub fn logits(&self, text: &str) -> std::result::Result<Vec<Vec<f32>>, ModelError> {
        let encoding = tokenizer::encode(&self.tokenizer, text, true)?;
        let ids = encoding.get_ids();
        if ids.len() > self.longest() {
            let (found, most) = (ids.len(), self.longest());
            return Err(ModelError::Failed(format!("a text of {found} tokens is longer than {most}")));
        }
        let places: Vec<u32> =
            (0..).zip(ids).filter(|(_, id)| **id == self.mask.1).map(|(at, _)| at).collect();
        let made = || -> Result<Vec<Vec<f32>>> {
            let states = self.folder.alone(ids)?;
            let places = Tensor::new(places.as_slice(), states.device())?;
            self.head.logits(&states.index_select(&places, 0)?, None)?.to_vec2()
        };
        if places.is_empty() {
            return Ok(Vec::new());
        }
        made().map_err(|error| ModelError::Failed(plain(&error)))
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.folder.facts()
    }
}

/// The mask of a tokenizer: what its configuration says, or one of the usual names.
pub(crate) fn mask(folder: &Path, tokenizer: &Tokenizer) -> std::result::Result<(String, u32), ModelError> {
    let config = fs::read(folder.join("tokenizer_config.json")).ok();
    let config: Value = config.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let said = &config["mask_token"];
    let said = said.as_str().or_else(|| said["content"].as_str());
    let mut names = said.into_iter().chain(["[MASK]", "<mask>"]);
    let found = names.find_map(|name| Some((name.to_owned(), tokenizer.token_to_id(name)?)));
    found.ok_or_else(|| {
        file(
            &folder.join("tokenizer.json"),
            "has no mask ([MASK] or <mask>): it is not that of a masked language model",
        )
    })
}

/// The beginning of a text whose tokens stand in these places: so many of them at most, and less than all of the text where
/// it has more.
fn cut<'t>(text: &'t str, offsets: &[(usize, usize)], tokens: usize) -> &'t str {
    if offsets.len() <= tokens {
        return text;
    }
    let end = tokens.checked_sub(1).and_then(|last| offsets.get(last)).map_or(0, |(_, end)| *end);
    // The tokens of one character all end where it ends: a cut between them keeps the character, and may keep the text.
    let last = text.char_indices().next_back().map_or(0, |(at, _)| at);
    text.get(..end.min(last)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_cut_text_is_shorter() {
        // Three bytes, a token each: every one of them stands for the whole character.
        let text = "金价";
        let offsets = [(0, 3), (0, 3), (0, 3), (3, 6), (3, 6), (3, 6)];
        assert_eq!(cut(text, &offsets, 6), text);
        assert_eq!([5, 4, 3, 2, 1].map(|tokens| cut(text, &offsets, tokens)), ["金"; 5]);
        assert_eq!(cut("金", &offsets[..3], 2), "");
        assert_eq!(cut("ab cd", &[(0, 2), (3, 5)], 1), "ab");
        assert_eq!(cut("ab", &[(0, 2)], 0), "");
    }
}

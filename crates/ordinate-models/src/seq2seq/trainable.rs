//! A translator whose weights are variables: begun anew on a task's own pairs, or a published one that goes on learning.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor, Var};
use ordinate_core::random::SplitMix;
use serde::Serialize;
use serde_json::{Value, json};

use super::config::{self, Config};
use super::model::Marian;
use super::pieces::Pieces;
use super::vocabulary::Vocabulary;
use super::{Search, Translator, subwords};
use crate::encoder::{save_tensors, tensors, variables, weights};
use crate::error::ModelError;
use crate::source::{Source, file};

/// The longest text of a model that is begun here, in tokens.
const LONGEST: usize = 256;
/// What a sentence is written with at most: texts side by side.
const BEAMS: usize = 4;

/// How large a model is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its width; a multiple of 4, which is the number of its heads.
    pub width: usize,
    /// Layers of the encoder, and of the decoder.
    pub layers: usize,
    /// Joined pieces of its vocabulary at most.
    pub joined: usize,
}

/// A translator that is trained.
pub struct TrainableTranslator {
    model: Marian,
    config: Config,
    search: Search,
    variables: BTreeMap<String, Var>,
    source: Pieces,
    target: Pieces,
    vocabulary: BTreeMap<String, u32>,
    is_new: bool,
    /// What is written beside the weights, by name.
    files: BTreeMap<&'static str, Vec<u8>>,
}

/// The files besides the weights.
const FILES: [&str; 5] = ["config.json", "generation_config.json", "source.spm", "target.spm", "vocab.json"];

impl TrainableTranslator {
    /// A published one.
    ///
    /// # Errors
    /// As [`Translator::open`].
    pub fn open(source: &Source) -> Result<Self, ModelError> {
        let folder: &Path = &source.folder;
        let path = weights(folder)?;
        let mut files = BTreeMap::new();
        for name in FILES {
            match fs::read(folder.join(name)) {
                Ok(bytes) => drop(files.insert(name, bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && name == FILES[1] => {}
                Err(error) => return Err(file(&folder.join(name), &format!("cannot be read: {error}"))),
            }
        }
        Self::of(config::read(folder)?, tensors(&path)?, &path, files, false)
    }

    /// One that has learned nothing, for pairs of texts from which its pieces are learned. The same for the same pairs and seed.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn begin(pairs: &[(&str, &str)], size: Size, seed: u64) -> Result<Self, ModelError> {
        // Both languages share their pieces: names and numbers are the same in both.
        let texts = pairs.iter().flat_map(|(source, target)| [*source, *target]);
        let pieces = subwords::learn(texts, size.joined);
        let special = ["</s>", "<unk>"].into_iter().map(str::to_owned);
        let all = special.chain(pieces.iter().map(|(piece, _)| piece.clone())).chain(["<pad>".to_owned()]);
        let vocabulary: BTreeMap<String, u32> = all.zip(0..).collect();
        let (words, pad) = (vocabulary.len(), vocabulary.len() - 1);
        let tokens = json!({"eos_token_id": 0, "pad_token_id": pad, "decoder_start_token_id": pad, "forced_eos_token_id": 0});
        let with = |mut value: Value| {
            if let (Value::Object(all), Value::Object(more)) = (&mut value, &tokens) {
                all.extend(more.clone());
            }
            value
        };
        let shape = with(json!({
            "architectures": ["MarianMTModel"], "model_type": "marian", "vocab_size": words, "decoder_vocab_size": words,
            "d_model": size.width, "encoder_layers": size.layers, "decoder_layers": size.layers, "encoder_attention_heads": 4,
            "decoder_attention_heads": 4, "encoder_ffn_dim": 4 * size.width, "decoder_ffn_dim": 4 * size.width,
            "max_position_embeddings": LONGEST, "activation_function": "swish", "scale_embedding": true,
            "share_encoder_decoder_embeddings": true, "tie_word_embeddings": true, "is_encoder_decoder": true,
        }));
        let writing = with(json!({
            "num_beams": BEAMS, "max_length": LONGEST, "bad_words_ids": [[pad]], "renormalize_logits": true,
        }));
        let spm = subwords::file(&pieces);
        let files = BTreeMap::from([
            (FILES[0], text(&shape)?),
            (FILES[1], text(&writing)?),
            (FILES[2], spm.clone()),
            (FILES[3], spm),
            (FILES[4], text(&vocabulary)?),
        ]);
        let place = Path::new("config.json");
        let (config, search) = config::of(place, &shape, Some(writing))?;
        let tensors = begun(&config, words, seed).map_err(|error| failed(&error))?;
        Self::of((config, search), tensors, place, files, true)
    }
    fn of(
        (config, search): (Config, Search),
        mut tensors: HashMap<String, Tensor>,
        path: &Path,
        files: BTreeMap<&'static str, Vec<u8>>,
        is_new: bool,
    ) -> Result<Self, ModelError> {
        let unfit = |error: candle_core::Error| file(path, &format!("{error}; fetch it again"));
        let mut variables = variables(&mut tensors, |_| true).map_err(unfit)?;
        let model = Marian::new(&config, &tensors).map_err(unfit)?;
        variables.retain(|name, _| model.names().contains(name));
        let pieces = |name: &str| {
            let bytes = files.get(name).map(Vec::as_slice).unwrap_or_default();
            Pieces::of(bytes)
                .map_err(|problem| file(Path::new(name), &format!("is no SentencePiece model: {problem}")))
        };
        let (source, target) = (pieces("source.spm")?, pieces("target.spm")?);
        let known = files.get("vocab.json").map(Vec::as_slice).unwrap_or_default();
        let vocabulary = serde_json::from_slice(known).map_err(|error| failed(&error))?;
        Ok(Self { model, config, search, variables, source, target, vocabulary, is_new, files })
    }

    /// What is trained, by the names that `transformers` has for it.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, Var> {
        &self.variables
    }

    /// Whether it had learned nothing before.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Its width.
    #[must_use]
    pub fn width(&self) -> usize {
        self.config.d_model
    }

    /// The token that begins what is written.
    #[must_use]
    pub fn start(&self) -> u32 {
        self.search.start
    }

    /// The token for what is not known, where there is one.
    #[must_use]
    pub fn unknown(&self) -> Option<u32> {
        self.vocabulary.get(super::vocabulary::UNKNOWN).copied()
    }

    /// The tokens of a source and of its translation, each with the one that ends it, cut to what the model reads and writes.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where a piece is not known, and neither is the token for such pieces.
    pub fn tokens(&self, source: &str, target: &str) -> Result<[Vec<u32>; 2], ModelError> {
        let cut = |pieces: &Pieces, text: &str| -> Result<Vec<u32>, ModelError> {
            let mut ids = super::vocabulary::encode(pieces, &self.vocabulary, text)?;
            ids.truncate(self.search.longest.saturating_sub(2));
            ids.push(self.search.end);
            Ok(ids)
        };
        Ok([cut(&self.source, source)?, cut(&self.target, target)?])
    }

    /// The logits of what comes behind each token of texts, told their sources: (texts x tokens) x vocabulary, shorter texts filled up at
    /// the end.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn logits(&self, sources: &[&[u32]], texts: &[&[u32]]) -> Result<Tensor, ModelError> {
        self.model.logits(sources, texts).map_err(|error| failed(&error))
    }

    /// The translator with the values that its variables have now, which no graph reaches.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn trained(&self) -> Result<TrainedTranslator, ModelError> {
        let copied = |(name, variable): (&String, &Var)| -> candle_core::Result<(String, Tensor)> {
            Ok((name.clone(), variable.as_detached_tensor().copy()?))
        };
        let tensors: BTreeMap<String, Tensor> = self
            .variables
            .iter()
            .map(copied)
            .collect::<candle_core::Result<_>>()
            .map_err(|error| failed(&error))?;
        let of_model = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
        let model = Marian::new(&self.config, &of_model).map_err(|error| failed(&error))?;
        let source = self.files.get("source.spm").map(Vec::as_slice).unwrap_or_default();
        let source = Pieces::of(source).map_err(ModelError::Failed)?;
        let vocabulary = Vocabulary::of(source, self.vocabulary.clone(), [self.search.end, self.search.pad]);
        let translator = Translator { model, vocabulary, search: self.search.clone() };
        Ok(TrainedTranslator { translator, tensors, files: self.files.clone() })
    }
}

/// A translator that was trained here.
pub struct TrainedTranslator {
    translator: Translator,
    tensors: BTreeMap<String, Tensor>,
    files: BTreeMap<&'static str, Vec<u8>>,
}

impl TrainedTranslator {
    /// What translates.
    #[must_use]
    pub fn translator(&self) -> &Translator {
        &self.translator
    }

    /// Writes it as `transformers` reads it.
    ///
    /// # Errors
    /// [`ModelError::File`].
    pub fn write(&self, folder: &Path) -> Result<(), ModelError> {
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            fs::write(&path, bytes).map_err(|error| file(&path, &format!("cannot be written: {error}")))?;
        }
        let named = self.tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
        save_tensors(&folder.join("model.safetensors"), &named)
    }
}

fn failed(error: &dyn std::fmt::Display) -> ModelError {
    ModelError::Failed(error.to_string())
}

fn text<T: Serialize>(value: &T) -> Result<Vec<u8>, ModelError> {
    serde_json::to_vec_pretty(value).map_err(|error| failed(&error))
}

/// Weights that nobody trained: uniform, as wide as Glorot and Bengio (2010) have it; norms as they do nothing.
fn begun(config: &Config, words: usize, seed: u64) -> candle_core::Result<HashMap<String, Tensor>> {
    let mut random = SplitMix::new(seed ^ 0x7365_7132);
    let (width, mut tensors) = (config.d_model, HashMap::new());
    let mut put = |name: String, dims: &[usize], reach: f64, base: f64| -> candle_core::Result<()> {
        let count = dims.iter().product();
        let values: Vec<f32> =
            (0..count).map(|_| (base + reach * (2.0 * random.unit() - 1.0)) as f32).collect();
        tensors.insert(name, Tensor::from_vec(values, dims, &Device::Cpu)?);
        Ok(())
    };
    // Times the root of the width, a variance of 1.
    put("model.shared.weight".to_owned(), &[words, width], (3.0 / width as f64).sqrt(), 0.0)?;
    put("final_logits_bias".to_owned(), &[1, words], 0.0, 0.0)?;
    let sides = [
        ("encoder", config.encoder_layers, config.encoder_ffn_dim, &["self_attn"][..]),
        ("decoder", config.decoder_layers, config.decoder_ffn_dim, &["self_attn", "encoder_attn"]),
    ];
    for (side, layers, inner, attentions) in sides {
        for at in 0..layers {
            let layer = format!("model.{side}.layers.{at}");
            let mut dense = Vec::new();
            for attention in attentions {
                let parts = ["q_proj", "k_proj", "v_proj", "out_proj"];
                dense.extend(parts.map(|part| (format!("{attention}.{part}"), width, width)));
            }
            dense.extend([("fc1".to_owned(), width, inner), ("fc2".to_owned(), inner, width)]);
            for (name, from, to) in dense {
                let reach = (6.0 / (from + to) as f64).sqrt();
                put(format!("{layer}.{name}.weight"), &[to, from], reach, 0.0)?;
                put(format!("{layer}.{name}.bias"), &[to], 0.0, 0.0)?;
            }
            let norms = attentions.iter().map(|attention| format!("{attention}_layer_norm"));
            for norm in norms.chain(["final_layer_norm".to_owned()]) {
                put(format!("{layer}.{norm}.weight"), &[width], 0.0, 1.0)?;
                put(format!("{layer}.{norm}.bias"), &[width], 0.0, 0.0)?;
            }
        }
    }
    Ok(tensors)
}

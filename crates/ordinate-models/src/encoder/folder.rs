//! An encoder from a folder (or the hub's cache): configuration, tokenizer, weights, and how states are pooled.

use ordinate_core::caught;
use std::collections::HashMap;

use candle_core::Tensor;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use tokenizers::Tokenizer;

use crate::encoder::adapter;
use crate::encoder::body::Body;
use crate::encoder::files::{Files, json};
use crate::encoder::head::{Head, has_head};
use crate::error::ModelError;
use crate::model::{Encoder, Facts};
use crate::source::{Source, file};
use crate::tokenizer;

/// How the states of a text become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    Mean,
    First,
}

impl Pooling {
    /// That of a folder.
    pub(crate) fn of(source: &Source) -> Result<Self, ModelError> {
        let path = source.folder.join("1_Pooling/config.json");
        let first = path.is_file() && json::<PoolingFile>(&path)?.pooling_mode_cls_token;
        Ok(if first { Self::First } else { Self::Mean })
    }
}

#[derive(Deserialize)]
struct PoolingFile {
    #[serde(default)]
    pooling_mode_cls_token: bool,
}

/// What every use of an encoder's folder needs: its tokenizer, its layers, and what it is.
pub(crate) struct Folder {
    body: Body,
    tokenizer: Tokenizer,
}

/// An encoder of a folder.
pub(crate) struct TextEncoder {
    folder: Folder,
    pooling: Pooling,
}

/// Tokens of a batch, padding among them, and texts, at most. With more what the layers hand on no longer fits the caches; fewer were
/// slower when the weights were laid out for every product (docs/benchmarks.md).
const TOKENS: usize = 1_152;
const TEXTS: usize = 64;

/// Parts a list whose first text is the longest.
fn batches<T>(mut rest: &[T], tokens: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut batches = Vec::new();
    while let Some(longest) = rest.first().map(&tokens) {
        let texts = (TOKENS / longest.max(1)).clamp(1, TEXTS).min(rest.len());
        let (batch, others) = rest.split_at(texts);
        batches.push(batch);
        rest = others;
    }
    batches
}

impl Folder {
    /// The folder, and what a head needs besides: the configuration and all tensors.
    pub(crate) fn open(source: &Source) -> Result<(Self, Value, HashMap<String, Tensor>), ModelError> {
        let files = Files::read(source)?;
        let folder = Self::of(&files)?;
        Ok((folder, files.config, files.tensors))
    }

    /// That of files that were read, to answer: its layers hold their weights in the precision of the files, and cannot be trained.
    pub(crate) fn of(files: &Files) -> Result<Self, ModelError> {
        Self::built(files, |body| body.hold(files.precision))
    }

    /// The same, to be trained: its weights are the tensors of the files.
    pub(crate) fn to_train(files: &Files) -> Result<Self, ModelError> {
        Self::built(files, |_| Ok(()))
    }

    fn built(
        files: &Files,
        made_ready: impl Fn(&mut Body) -> candle_core::Result<()>,
    ) -> Result<Self, ModelError> {
        let body = caught(|| {
            let mut body = Body::new(&files.config, &files.tensors)?;
            made_ready(&mut body)?;
            Ok(body)
        });
        let body = body.map_err(|problem| files.odd(&problem))?;
        let body = body.map_err(|error: candle_core::Error| files.unfit(&error))?;
        let longest = files.longest.unwrap_or(512).clamp(3, body.longest().max(3));
        let cut = tokenizers::TruncationParams { max_length: longest, ..Default::default() };
        let mut tokenizer = files.tokenizer.clone();
        tokenizer.with_truncation(Some(cut)).map_err(|error| ModelError::Failed(error.to_string()))?;
        Ok(Self { body, tokenizer })
    }

    pub(crate) fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    pub(crate) fn width(&self) -> usize {
        self.body.width()
    }

    /// The longest text, in tokens.
    pub(crate) fn longest(&self) -> usize {
        self.tokenizer.get_truncation().map_or(self.body.longest(), |cut| cut.max_length)
    }

    pub(crate) fn facts(&self) -> Facts {
        self.body.facts()
    }

    /// The states of one text: tokens x width.
    pub(crate) fn alone(&self, ids: &[u32]) -> candle_core::Result<Tensor> {
        self.body.states(&[ids])?.get(0)
    }

    /// What `each` makes of the states of each text without padding (tokens x width), in the order of the texts.
    fn states(
        &self,
        texts: &[&str],
        each: impl Fn(&Tensor) -> candle_core::Result<Vec<f32>> + Sync,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let encodings = texts
            .par_iter()
            .map(|text| tokenizer::encode(&self.tokenizer, text, true))
            .collect::<Result<Vec<_>, _>>()?;
        let tokens: Vec<&[u32]> = encodings.iter().map(tokenizers::Encoding::get_ids).collect();
        self.states_of(&tokens, &[], each)
    }

    /// The same of tokens; of pairs of texts so many tokens of each are of the first, and of single ones nothing is said.
    pub(crate) fn states_of(
        &self,
        tokens: &[&[u32]],
        firsts: &[usize],
        each: impl Fn(&Tensor) -> candle_core::Result<Vec<f32>> + Sync,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let failed = |error: candle_core::Error| ModelError::Failed(plain(&error));
        // Texts of like length go together, so that little is padded; the long ones first, so that no thread is left with one at the end.
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(tokens[at].len()));
        let batch = |places: &[usize]| -> candle_core::Result<Vec<(usize, Vec<f32>)>> {
            let batch: Vec<&[u32]> = places.iter().map(|&at| tokens[at]).collect();
            let firsts: Vec<usize> = places.iter().filter_map(|&at| firsts.get(at).copied()).collect();
            let states = self.body.states_of_pairs(&batch, &firsts)?;
            let rows = places.iter().enumerate();
            rows.map(|(row, &place)| Ok((place, each(&states.get(row)?.narrow(0, 0, batch[row].len())?)?)))
                .collect()
        };
        // A batch a thread: what is not a product of matrices runs on one core each.
        let batches = batches(&order, |&at| tokens[at].len());
        let done =
            batches.into_par_iter().with_max_len(1).map(batch).collect::<candle_core::Result<Vec<_>>>();
        let mut made = vec![Vec::new(); tokens.len()];
        for (place, values) in done.map_err(failed)?.into_iter().flatten() {
            made[place] = values;
        }
        Ok(made)
    }
}

/// Opens an encoder.
///
/// # Errors
/// [`ModelError::File`] for a file that is missing, damaged, or of an architecture that is not known.
pub fn open(source: &Source) -> Result<impl Encoder + use<>, ModelError> {
    let (folder, ..) = Folder::open(source)?;
    Ok(TextEncoder { folder, pooling: Pooling::of(source)? })
}

/// Whether a folder holds a published classifier, or an adapter of one; `false` where it has no configuration that can be
/// read.
#[must_use]
pub fn is_classifier(source: &Source) -> bool {
    adapter::is_for(&source.folder, adapter::CLASSIFIES).unwrap_or_else(|| {
        json::<Value>(&source.folder.join("config.json")).is_ok_and(|config| has_head(&config))
    })
}

/// A published sequence classifier: an encoder with the head that it was trained with.
pub struct Classifier {
    folder: Folder,
    head: Head,
}

impl Classifier {
    /// Opens one.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(source: &Source) -> Result<Self, ModelError> {
        Self::of(&Files::read(source)?)
    }

    /// That of files that were read.
    pub(crate) fn of(files: &Files) -> Result<Self, ModelError> {
        let folder = Folder::of(files)?;
        let head = Head::new(&files.config, &files.tensors, folder.body.width())
            .map_err(|error| file(&files.weights, &plain(&error)))?;
        Ok(Self { folder, head })
    }

    /// The labels that it was trained on, in the order of its logits.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        self.head.labels()
    }

    /// Whether each label is a question of its own (`problem_type = "multi_label_classification"`).
    #[must_use]
    pub fn several(&self) -> bool {
        self.head.several()
    }

    /// The logits of each text.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn logits(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.folder.states(texts, |states| self.head.logits(states))
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.folder.body.facts()
    }
}

/// The first line of an error: candle's have back-traces.
pub(crate) fn plain(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

impl TextEncoder {
    pub(crate) fn new(folder: Folder, pooling: Pooling) -> Self {
        Self { folder, pooling }
    }

    pub(crate) fn width(&self) -> usize {
        self.folder.width()
    }

    /// The longest text, in tokens.
    pub(crate) fn longest(&self) -> usize {
        self.folder.longest()
    }
}

impl Encoder for TextEncoder {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.folder.states(texts, |states| {
            let pooled = match self.pooling {
                Pooling::Mean => states.mean(0)?,
                Pooling::First => states.get(0)?,
            };
            Ok(unit(pooled.to_vec1::<f32>()?))
        })
    }

    fn facts(&self) -> Facts {
        self.folder.body.facts()
    }
}

/// Scaled to length 1.
pub(crate) fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value /= norm);
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_so_many_tokens_and_every_text_once() {
        let lengths = [5_000, 600, 512, 512, 300, 20, 18, 18, 2, 0].map(|length| vec![length; 30]).concat();
        let batches = batches(&lengths, |length| *length);
        assert_eq!(batches.concat(), lengths);
        for batch in &batches {
            assert!(
                batch.len() == 1 || batch.len() <= TEXTS && batch.len() * batch[0] <= TOKENS,
                "{batch:?}"
            );
        }
        assert_eq!(batches.iter().filter(|batch| batch[0] == 5_000).count(), 30);
        assert!(super::batches(&[] as &[usize], |length| *length).is_empty());
    }
}

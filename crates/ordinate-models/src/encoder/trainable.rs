//! An encoder whose weights are variables: the same definition as for inference, in a graph that reaches all of them.

use std::collections::{BTreeMap, HashMap};

use candle_core::{Result as Candle, Tensor, Var};
use rayon::prelude::*;

use crate::encoder::folder::{Folder, Pooling, plain};
use crate::error::ModelError;
use crate::source::Source;
use crate::tokenizer;

/// An encoder of a folder, for training.
pub struct Trainable {
    folder: Folder,
    pooling: Pooling,
    variables: BTreeMap<String, Var>,
}

impl Trainable {
    /// Opens one. It is pooled as the folder says.
    ///
    /// # Errors
    /// As [`crate::encoder::open`].
    pub fn open(source: &Source) -> Result<Self, ModelError> {
        let mut variables = BTreeMap::new();
        let mut of = |(name, tensor): (String, Tensor)| -> Candle<(String, Tensor)> {
            if !tensor.dtype().is_float() {
                return Ok((name, tensor));
            }
            let variable = Var::from_tensor(&tensor.to_dtype(candle_core::DType::F32)?)?;
            let tensor = variable.as_tensor().clone();
            variables.insert(name.clone(), variable);
            Ok((name, tensor))
        };
        let (folder, ..) = Folder::open_with(source, |tensors| {
            tensors.into_iter().map(&mut of).collect::<Candle<HashMap<_, _>>>()
        })?;
        variables.retain(|name, _| folder.body().names().contains(name));
        Ok(Self { folder, pooling: Pooling::of(source)?, variables })
    }

    /// What can be trained, by the names of the file: every tensor that vectors hang on.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, Var> {
        &self.variables
    }

    /// The tokens of texts, cut to the longest that it reads.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the tokenizer fails.
    pub fn tokens(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, ModelError> {
        let tokens =
            |text: &&str| Ok(tokenizer::encode(self.folder.tokenizer(), text, true)?.get_ids().to_vec());
        texts.par_iter().map(tokens).collect()
    }

    /// A vector a text, as pooled and of no particular length: texts x width.
    ///
    /// # Errors
    /// [`ModelError::Failed`] for a text that is too long or has no tokens, or a token that is not in the vocabulary.
    pub fn pooled(&self, batch: &[&[u32]]) -> Result<Tensor, ModelError> {
        let pooled = || -> Candle<Tensor> {
            let states = self.folder.body().states(batch)?;
            match self.pooling {
                Pooling::First => states.narrow(1, 0, 1)?.squeeze(1),
                Pooling::Mean => {
                    let tokens = states.dim(1)?;
                    let share = |ids: &&[u32]| {
                        let share = 1.0 / ids.len().max(1) as f32;
                        let length = ids.len();
                        (0..tokens).map(move |at| if at < length { share } else { 0.0 })
                    };
                    let shares: Vec<f32> = batch.iter().flat_map(share).collect();
                    let shares = Tensor::from_vec(shares, (batch.len(), 1, tokens), states.device())?;
                    shares.matmul(&states)?.squeeze(1)
                }
            }
        };
        pooled().map_err(|error| ModelError::Failed(plain(&error)))
    }
}

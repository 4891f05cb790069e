//! An encoder whose weights are variables: the same definition as for inference, in a graph that reaches all of them.

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Result as Candle, Tensor, Var};
use rayon::prelude::*;
use tokenizers::Tokenizer;

use crate::encoder::files::Files;
use crate::encoder::folder::{Folder, Pooling, plain};
use crate::encoder::head::{first, mean};
use crate::encoder::written::TunedEncoder;
use crate::error::ModelError;
use crate::source::Source;
use crate::tokenizer;

/// An encoder of a folder, for training.
pub struct Trainable {
    folder: Folder,
    pooling: Pooling,
    variables: BTreeMap<String, Var>,
    /// Its tensors are the variables.
    files: Files,
    source: Source,
}

impl Trainable {
    /// Opens one. It is pooled as the folder says.
    ///
    /// # Errors
    /// As [`crate::encoder::open`].
    pub fn open(source: &Source) -> Result<Self, ModelError> {
        let mut files = Files::read(source)?;
        let mut variables = variables(&mut files.tensors, |_| true).map_err(|error| files.unfit(&error))?;
        let folder = Folder::to_train(&files)?;
        variables.retain(|name, _| folder.body().names().contains(name));
        Ok(Self { folder, pooling: Pooling::of(source)?, variables, files, source: source.clone() })
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
        tokens(self.folder.tokenizer(), texts)
    }

    /// A vector a text, as pooled and of no particular length: texts x width.
    ///
    /// # Errors
    /// [`ModelError::Failed`] for a text that is too long or has no tokens, or a token that is not in the vocabulary.
    pub fn pooled(&self, batch: &[&[u32]]) -> Result<Tensor, ModelError> {
        let pooled = || -> Candle<Tensor> {
            let states = self.folder.body().states(batch)?;
            match self.pooling {
                Pooling::First => first(&states),
                Pooling::Mean => mean(&states, &lengths(batch)),
            }
        };
        pooled().map_err(|error| ModelError::Failed(plain(&error)))
    }

    /// The encoder with the values that its variables have now.
    ///
    /// # Errors
    /// As [`crate::encoder::open`].
    pub fn tuned(&self) -> Result<TunedEncoder, ModelError> {
        TunedEncoder::new(detached(&self.files)?, self.pooling, &self.source)
    }
}

/// Makes variables of the float tensors of these names; the tensors are those of the variables from then on.
pub(crate) fn variables(
    tensors: &mut HashMap<String, Tensor>,
    trained: impl Fn(&str) -> bool,
) -> Candle<BTreeMap<String, Var>> {
    let mut variables = BTreeMap::new();
    for (name, tensor) in
        tensors.iter_mut().filter(|(name, tensor)| tensor.dtype().is_float() && trained(name))
    {
        let variable = Var::from_tensor(&tensor.to_dtype(DType::F32)?)?;
        *tensor = variable.as_tensor().clone();
        variables.insert(name.clone(), variable);
    }
    Ok(variables)
}

/// The same files with copies of the tensors as they are now, which no graph reaches.
pub(crate) fn detached(files: &Files) -> Result<Files, ModelError> {
    let mut files = files.clone();
    for tensor in files.tensors.values_mut() {
        *tensor = tensor.detach().copy().map_err(|error| ModelError::Failed(plain(&error)))?;
    }
    Ok(files)
}

pub(crate) fn lengths(batch: &[&[u32]]) -> Vec<usize> {
    batch.iter().map(|ids| ids.len()).collect()
}

pub(crate) fn tokens(tokenizer: &Tokenizer, texts: &[&str]) -> Result<Vec<Vec<u32>>, ModelError> {
    let of = |text: &&str| Ok(tokenizer::encode(tokenizer, text, true)?.get_ids().to_vec());
    texts.par_iter().map(of).collect()
}

//! A masked language model that is trained: an encoder, and the head that says which token stands behind a mask.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{Device, Result as Candle, Tensor, Var};
use ordinate_core::random::SplitMix;

use crate::encoder::files::Files;
use crate::encoder::folder::{Folder, plain};
use crate::encoder::layout::Layout;
use crate::encoder::masked::{Head, mask};
use crate::encoder::trainable::{detached, tokens, variables};
use crate::encoder::tunable::Reach;
use crate::encoder::tuning::{Answers, TrainableClassifier};
use crate::error::ModelError;
use crate::source::{Source, file};

/// Tokens among which one is guessed: those of the texts, which are few of a vocabulary, so that guesses cost less.
pub struct Among {
    tokens: Vec<u32>,
    rows: Tensor,
}

impl Among {
    /// These, each of them once.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where there is none.
    pub fn new(tokens: &BTreeSet<u32>) -> Result<Self, ModelError> {
        let tokens: Vec<u32> = tokens.iter().copied().collect();
        if tokens.is_empty() {
            return Err(ModelError::Failed("there is no token to guess".to_owned()));
        }
        let rows = Tensor::new(tokens.as_slice(), &Device::Cpu);
        Ok(Self { tokens, rows: rows.map_err(|error| ModelError::Failed(plain(&error)))? })
    }

    /// Where a token stands in a row of logits; `None` where it is not among them.
    #[must_use]
    pub fn place(&self, token: u32) -> Option<usize> {
        self.tokens.binary_search(&token).ok()
    }
}

/// A masked language model whose weights are variables.
pub struct TrainableMasked {
    folder: Folder,
    head: Head,
    /// The same weights, in no graph.
    reading: (Folder, Head),
    /// What was added is in a graph, the rest in none.
    begun: Head,
    variables: BTreeMap<String, Var>,
    /// Names of variables that the folder does not have.
    added: BTreeSet<String>,
    mask: u32,
    /// Tokens that are no part of a text.
    special: BTreeSet<u32>,
    /// Its tensors are the variables.
    files: Files,
    source: Source,
}

impl TrainableMasked {
    /// Opens an encoder with its own head, or with a new one where it has none. The product with embeddings of a new one is
    /// with those of the encoder.
    ///
    /// # Errors
    /// As [`crate::encoder::open`]; and where the tokenizer has no mask.
    pub fn open(source: &Source, seed: u64) -> Result<Self, ModelError> {
        let mut files = Files::read(source)?;
        if Layout::of(&files.config).is_none() {
            let config = source.folder.join("config.json");
            return Err(file(&config, "is of no architecture that can be trained here; name an encoder"));
        }
        let (_, mask) = mask(&source.folder, &files.tokenizer)?;
        // What does not fit is said before anything is added.
        let width = Folder::to_train(&files)?.width();
        let mut random = SplitMix::new(seed ^ 0x6d61_736b);
        let config = files.config.clone();
        let added = Head::complete(&config, &mut files.tensors, width, &mut random);
        let added = added.map_err(|error| files.unfit(&error))?;
        let mut variables = variables(&mut files.tensors, |_| true).map_err(|error| files.unfit(&error))?;
        let headed = |files: &Files| {
            Head::new(&files.config, &files.tensors, width).map_err(|error| files.unfit(&error))
        };
        let open = |files: &Files| -> Result<(Folder, Head), ModelError> {
            Ok((Folder::to_train(files)?, headed(files)?))
        };
        let (folder, head) = open(&files)?;
        variables.retain(|name, _| folder.body().names().contains(name) || head.uses(name));
        let mut apart = files.clone();
        let old = apart.tensors.iter_mut().filter(|(name, _)| !added.contains(*name));
        old.for_each(|(_, tensor)| *tensor = tensor.detach());
        let begun = headed(&apart)?;
        apart.tensors.values_mut().for_each(|tensor| *tensor = tensor.detach());
        let reading = open(&apart)?;
        let special = files.tokenizer.get_added_tokens_decoder().into_iter();
        let special = special.filter(|(_, token)| token.special).map(|(id, _)| id).collect();
        let source = source.clone();
        Ok(Self { folder, head, reading, begun, variables, added, mask, special, files, source })
    }

    /// What is trained, by the names that `transformers` has for it.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, Var> {
        &self.variables
    }

    /// Whether a variable was not trained before.
    #[must_use]
    pub fn is_new(&self, name: &str) -> bool {
        self.added.contains(name)
    }

    /// The token that stands where one is to be guessed.
    #[must_use]
    pub fn mask(&self) -> u32 {
        self.mask
    }

    /// Whether a token is no part of a text: it begins, ends or pads one, or is the mask.
    #[must_use]
    pub fn is_special(&self, token: u32) -> bool {
        self.special.contains(&token)
    }

    /// Tokens that it knows.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.head.count()
    }

    /// The dimensions of its encoder.
    #[must_use]
    pub fn width(&self) -> usize {
        self.folder.width()
    }

    /// The tokens of texts, cut to the longest that it reads.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the tokenizer fails.
    pub fn tokens(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, ModelError> {
        tokens(self.folder.tokenizer(), texts)
    }

    /// The logits of tokens at these places of a batch (a text, and the token in it): places x tokens.
    ///
    /// # Errors
    /// [`ModelError::Failed`] for a text that is too long or has no tokens, a token that is not in the vocabulary, or no place.
    pub fn logits(
        &self,
        batch: &[&[u32]],
        places: &[(usize, usize)],
        among: &Among,
    ) -> Result<Tensor, ModelError> {
        let logits = states(&self.folder, batch, places);
        told(logits.and_then(|states| self.head.logits(&states, Some(&among.rows))))
    }

    /// The same as numbers.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn read(
        &self,
        batch: &[&[u32]],
        places: &[(usize, usize)],
        among: &Among,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let (folder, head) = &self.reading;
        let logits = states(folder, batch, places);
        told(logits.and_then(|states| head.logits(&states, Some(&among.rows))?.to_vec2()))
    }

    /// What the encoder as it is now makes of these places, in no graph: places x width.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn states(&self, batch: &[&[u32]], places: &[(usize, usize)]) -> Result<Tensor, ModelError> {
        told(states(&self.reading.0, batch, places))
    }

    /// The logits of such states, by which nothing is trained but what is new: rows x tokens.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where they are of another width.
    pub fn logits_of(&self, states: &Tensor, among: &Among) -> Result<Tensor, ModelError> {
        told(self.begun.logits(states, Some(&among.rows)))
    }

    /// A classifier on the encoder as it is now.
    ///
    /// # Errors
    /// As [`TrainableClassifier::open`].
    pub fn classifier(
        &self,
        answers: &Answers,
        reach: Reach,
        seed: u64,
    ) -> Result<TrainableClassifier, ModelError> {
        TrainableClassifier::of(detached(&self.files)?, &self.source, answers, reach, seed)
    }
}

fn states(folder: &Folder, batch: &[&[u32]], places: &[(usize, usize)]) -> Candle<Tensor> {
    let states = folder.body().states(batch)?;
    let (texts, tokens, width) = states.dims3()?;
    let flat = states.contiguous()?.reshape((texts * tokens, width))?;
    let rows: Vec<u32> = places.iter().map(|(text, token)| (text * tokens + token) as u32).collect();
    flat.index_select(&Tensor::new(rows.as_slice(), flat.device())?, 0)
}

fn told<T>(made: Candle<T>) -> Result<T, ModelError> {
    made.map_err(|error| ModelError::Failed(plain(&error)))
}

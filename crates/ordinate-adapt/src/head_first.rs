//! A new head for masked tokens, trained alone before the encoder is: what it does not know yet would lead the encoder astray
//! (Kumar et al. 2022, "Fine-tuning can distort pretrained features and underperform out-of-distribution").

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use candle_core::{Device, Tensor, Var};
use ordinate_models::{Fitting, ModelError};

use crate::batches::batches;
use crate::masking::{Masking, surprise};
use crate::objective::Objective;
use crate::trainer::{PATIENT_PASSES, Recipe, train as run};
use crate::validation::Validated;

/// Masked tokens that are looked at, and how often each.
const STATES: usize = 20_000;
const PASSES: u64 = 10;
/// Tokens of one step.
const BATCH: usize = 256;
/// At most this part of the time is for it.
const SHARE: u32 = 4;

/// Trains what is new of a head on what the encoder makes of masked tokens, once for all passes, and says how long it took. Nothing
/// where the head was there before.
pub(crate) fn head_first(
    masking: &Masking<'_>,
    rate: f64,
    longest: Option<Duration>,
    key: String,
    fitting: &Fitting<'_>,
) -> Result<Duration, ModelError> {
    let variables: BTreeMap<String, Var> = masking
        .model
        .variables()
        .iter()
        .filter(|(name, _)| masking.model.is_new(name))
        .map(|(name, variable)| (name.clone(), variable.clone()))
        .collect();
    if variables.is_empty() {
        return Ok(Duration::ZERO);
    }
    let (texts, tokens) = masking.some(STATES);
    let states = OnceLock::new();
    let head = NewHead { masking, variables, texts, tokens, states, fitting };
    let longest = longest.map(|longest| longest / SHARE);
    let recipe = Recipe { epochs: PASSES, patience: PATIENT_PASSES, rate, new_rate: rate, longest, key };
    let checkpoint = fitting.checkpoint.map(head_checkpoint);
    let outcome = run(&head, &recipe, &Fitting { checkpoint: checkpoint.as_deref(), ..*fitting })?;
    Ok(outcome.took)
}

/// Where the state of it is kept, beside that of what follows.
pub(crate) fn head_checkpoint(path: &Path) -> PathBuf {
    path.with_extension("head")
}

struct NewHead<'a> {
    masking: &'a Masking<'a>,
    variables: BTreeMap<String, Var>,
    texts: Vec<usize>,
    /// How many of theirs are guessed.
    tokens: usize,
    /// What the encoder makes of these, and what is right: not before it is asked for, so that a head which was trained before a kill
    /// costs nothing.
    states: OnceLock<(Tensor, Vec<u32>)>,
    fitting: &'a Fitting<'a>,
}

impl NewHead<'_> {
    fn states(&self) -> Result<&(Tensor, Vec<u32>), ModelError> {
        match self.states.get() {
            Some(states) => Ok(states),
            None => {
                let states = self.masking.states(&self.texts, self.fitting.stop)?;
                Ok(self.states.get_or_init(|| states))
            }
        }
    }
}

impl Objective for NewHead<'_> {
    fn variables(&self) -> &BTreeMap<String, Var> {
        &self.variables
    }

    fn is_new(&self, _: &str) -> bool {
        true
    }

    fn batches(&self, pass: u64) -> Vec<Vec<usize>> {
        let tokens: Vec<usize> = (0..self.tokens).collect();
        batches(&tokens, |_| 1, BATCH, self.fitting.seed, pass)
    }

    fn parts<'a>(&self, batch: &'a [usize]) -> Vec<&'a [usize]> {
        vec![batch]
    }

    fn loss(&self, part: &[usize], batch: &[usize]) -> Result<Tensor, ModelError> {
        let (states, right) = self.states()?;
        let rows: Vec<u32> = part.iter().map(|&at| at as u32).collect();
        let rows = Tensor::from_vec(rows, part.len(), &Device::Cpu)
            .and_then(|rows| states.index_select(&rows, 0))
            .map_err(|error| ModelError::Failed(error.to_string()))?;
        let right = part.iter().map(|&at| right[at]).collect();
        surprise(&self.masking.logits_of(&rows)?, right, batch.len())
    }

    fn validate(&self) -> Result<Option<Validated>, ModelError> {
        Ok(None)
    }
}

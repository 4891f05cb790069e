//! Texts that begin alike, as tokens, and how probable a model finds each.

use candle_core::{D, Device, Result as Candle, Tensor};

use super::draw::log_sum;
use super::layer::failed;
use super::layers::{Layers, fit};
use super::model::Decoder;
use crate::error::ModelError;

/// Texts that begin alike, as tokens: those that all have in common, and those by which each goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What all have in common; at least one.
    pub shared: Vec<u32>,
    /// What follows of each; at least one.
    pub tails: Vec<Vec<u32>>,
}

impl Options {
    /// How many tokens are read, each text's last one not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.len() + self.tails.iter().map(|tail| tail.len().saturating_sub(1)).sum::<usize>()
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The natural logarithm of the probability of each, given what all have in common: the sum over its tokens.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where one does not fit.
    pub(super) fn log_probabilities(&self, layers: &dyn Layers) -> Result<Vec<f64>, ModelError> {
        let longest = self.tails.iter().map(Vec::len).max().unwrap_or(0);
        let mut session = layers.session(self.shared.len() + longest)?;
        let first = session.read(&self.shared, 1)?;
        let first = first.first().map(Vec::as_slice).unwrap_or_default();
        let mut sums = Vec::with_capacity(self.tails.len());
        for tail in &self.tails {
            let before = &tail[..tail.len().saturating_sub(1)];
            session.truncate(self.shared.len())?;
            let rest = if before.is_empty() { Vec::new() } else { session.read(before, before.len())? };
            let rows = std::iter::once(first).chain(rest.iter().map(Vec::as_slice));
            let mut sum = 0.0;
            for (logits, &token) in rows.zip(tail) {
                let logit = logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
                sum += f64::from(logit) - log_sum(logits);
            }
            sums.push(sum);
        }
        Ok(sums)
    }

    /// That all of it fits into a model.
    pub(super) fn fits(&self, decoder: &Decoder) -> Result<(), ModelError> {
        let (vocabulary, longest) = (decoder.config().vocabulary, decoder.config().longest);
        fit(&self.shared, 0, vocabulary, longest)?;
        self.tails
            .iter()
            .filter(|tail| tail.len() > 1)
            .try_for_each(|tail| fit(&tail[..tail.len() - 1], self.shared.len(), vocabulary, longest))
    }

    /// The same sums, in a graph that reaches every weight: as many as there are texts.
    ///
    /// # Errors
    /// As [`Self::log_probabilities`].
    pub(super) fn scores(&self, decoder: &Decoder) -> Result<Tensor, ModelError> {
        let before: Vec<&[u32]> =
            self.tails.iter().map(|tail| &tail[..tail.len().saturating_sub(1)]).collect();
        // What is read of a longer text may rotate otherwise.
        let long = |more: usize| decoder.is_long(self.shared.len() + more);
        let mut scores: Option<Tensor> = None;
        for is_long in [false, true] {
            let (mut read, mut asked, mut of) = (Vec::new(), Vec::new(), Vec::new());
            let mut row = 1;
            for (text, (tail, before)) in self.tails.iter().zip(&before).enumerate() {
                let has_first = long(0) == is_long;
                if has_first && let Some(&first) = tail.first() {
                    asked.push((0, first));
                    of.push(text);
                }
                if before.is_empty() || long(before.len()) != is_long {
                    continue;
                }
                read.push(*before);
                for &token in &tail[1..] {
                    asked.push((row, token));
                    of.push(text);
                    row += 1;
                }
            }
            if asked.is_empty() {
                continue;
            }
            let logits = decoder.branched(&self.shared, &read, is_long)?;
            let sums = sums(&logits, &asked, &of, self.tails.len()).map_err(|error| failed(&error))?;
            scores = Some(match scores {
                Some(before) => (before + sums).map_err(|error| failed(&error))?,
                None => sums,
            });
        }
        scores.ok_or_else(|| ModelError::Failed("there is nothing to choose from".to_owned()))
    }
}

/// For each of so many texts, the sum of the log-probabilities of these tokens in these rows of logits that are `of` it.
fn sums(logits: &Tensor, asked: &[(usize, u32)], of: &[usize], texts: usize) -> Candle<Tensor> {
    let logs = candle_nn::ops::log_softmax(logits, D::Minus1)?;
    let width = logs.dim(1)?;
    let places: Vec<i64> = asked.iter().map(|&(row, token)| (row * width + token as usize) as i64).collect();
    let places = Tensor::from_vec(places, asked.len(), &Device::Cpu)?;
    let picked = logs.flatten_all()?.index_select(&places, 0)?;
    let mut belongs = vec![0.0_f32; texts * of.len()];
    of.iter().enumerate().for_each(|(at, text)| belongs[text * of.len() + at] = 1.0);
    let belongs = Tensor::from_vec(belongs, (texts, of.len()), &Device::Cpu)?;
    belongs.matmul(&picked.unsqueeze(1)?)?.squeeze(1)
}

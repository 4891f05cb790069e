//! Masked tokens of texts, to be guessed (Devlin et al. 2019).

use std::collections::BTreeMap;

use candle_core::{D, Tensor, Var};
use ordinate_core::random::{SplitMix, shuffle};
use ordinate_models::encoder::{Among, TrainableMasked};
use ordinate_models::{ModelError, Stop};

use crate::batches::{batches, parts};
use crate::labelled::{READ, TOKENS};
use crate::loss::given;
use crate::objective::Objective;
use crate::validation::{Validated, held_out};

/// The share of tokens that are guessed; of these so many are masked, so many are another token, and the others are as they were.
const GUESSED: f64 = 0.15;
const MASKED: f64 = 0.8;
const OTHER: f64 = 0.1;
/// Texts of one step.
const BATCH: usize = 32;

/// Texts whose tokens are masked anew in every pass. A text in a pass has the place `pass * texts + text`.
pub(crate) struct Masking<'a> {
    pub(crate) model: &'a TrainableMasked,
    among: Among,
    tokens: Vec<Vec<u32>>,
    learned: Vec<usize>,
    held: Vec<usize>,
    seed: u64,
}

/// The cross-entropy of logits, summed and parted by how many there are in the batch.
pub(crate) fn surprise(logits: &Tensor, right: Vec<u32>, total: usize) -> Result<Tensor, ModelError> {
    candle_nn::ops::log_softmax(logits, D::Minus1)
        .and_then(|logs| given(&logs, right)?.neg()? / total.max(1) as f64)
        .map_err(|error| ModelError::Failed(error.to_string()))
}

/// A text to guess tokens of.
struct Masked {
    ids: Vec<u32>,
    /// Where they are, and what is right there.
    places: Vec<(usize, u32)>,
}

impl<'a> Masking<'a> {
    /// Of texts; those that have nothing to guess are left out, and a tenth is held out.
    ///
    /// # Errors
    /// [`ModelError::Setting`] where none is left.
    pub(crate) fn of(model: &'a TrainableMasked, texts: &[&str], seed: u64) -> Result<Self, ModelError> {
        let mut tokens = model.tokens(texts)?;
        tokens.retain(|ids| ids.iter().any(|&id| !model.is_special(id)));
        let (learned, held) = held_out(&vec![String::new(); tokens.len()], seed);
        if learned.is_empty() {
            let problem =
                "no text of the train items has a token to guess; name texts of the domain: texts = \"FILE\"";
            return Err(ModelError::Setting(problem.to_owned()));
        }
        let among = Among::new(&tokens.iter().flatten().copied().collect())?;
        Ok(Self { model, among, tokens, learned, held, seed })
    }

    /// Texts that are learned from.
    pub(crate) fn texts(&self) -> usize {
        self.learned.len()
    }

    /// Texts of the first pass with this many tokens to guess, or all of them; and how many tokens that are.
    pub(crate) fn some(&self, most: usize) -> (Vec<usize>, usize) {
        let (mut texts, mut tokens) = (Vec::new(), 0);
        for batch in self.batches(0) {
            tokens += batch.iter().map(|&place| Self::guessed(self.open(place).len())).sum::<usize>();
            texts.extend(batch);
            if tokens >= most {
                break;
            }
        }
        (texts, tokens)
    }

    /// What the encoder as it is now makes of the masked tokens of these texts: tokens x width; and where each stands among
    /// those that are guessed.
    pub(crate) fn states(&self, texts: &[usize], stop: Stop<'_>) -> Result<(Tensor, Vec<u32>), ModelError> {
        let (mut states, mut right) = (Vec::new(), Vec::new());
        for part in self.parts(texts) {
            stop.check()?;
            let masked: Vec<Masked> = part.iter().map(|&place| self.masked(place)).collect();
            let ids: Vec<&[u32]> = masked.iter().map(|one| one.ids.as_slice()).collect();
            let (places, found) = self.guesses(&masked);
            states.push(self.model.states(&ids, &places)?);
            right.extend(found);
        }
        let rows = Tensor::cat(&states, 0).map_err(|error| ModelError::Failed(error.to_string()))?;
        Ok((rows, right))
    }

    /// The logits of such states, by which nothing is trained but a new head.
    pub(crate) fn logits_of(&self, states: &Tensor) -> Result<Tensor, ModelError> {
        self.model.logits_of(states, &self.among)
    }

    fn length(&self, place: usize) -> usize {
        self.tokens[place % self.tokens.len()].len()
    }

    /// How many tokens of a text are guessed, of so many that may be.
    fn guessed(open: usize) -> usize {
        ((GUESSED * open as f64).round() as usize).clamp(1, open.max(1))
    }

    /// The places of a text's tokens that may be guessed.
    fn open(&self, place: usize) -> Vec<usize> {
        let ids = &self.tokens[place % self.tokens.len()];
        (0..ids.len()).filter(|&at| !self.model.is_special(ids[at])).collect()
    }

    fn masked(&self, place: usize) -> Masked {
        let mut ids = self.tokens[place % self.tokens.len()].clone();
        let mut random = SplitMix::new(self.seed ^ (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut open = self.open(place);
        let count = Self::guessed(open.len());
        shuffle(&mut open, random.next_u64());
        open.truncate(count);
        let places: Vec<(usize, u32)> = open.iter().map(|&at| (at, ids[at])).collect();
        for at in open {
            let drawn = random.unit();
            if drawn < MASKED {
                ids[at] = self.model.mask();
            } else if drawn < MASKED + OTHER {
                ids[at] = random.below(self.model.vocabulary()) as u32;
            }
        }
        Masked { ids, places }
    }

    /// The places of a batch in which tokens are guessed, and what is right there.
    fn guesses(&self, part: &[Masked]) -> (Vec<(usize, usize)>, Vec<u32>) {
        let place = |token: u32| self.among.place(token).map(|at| at as u32);
        let of = |(text, masked): (usize, &Masked)| -> Vec<((usize, usize), u32)> {
            let all = masked.places.iter();
            all.filter_map(|&(at, right)| Some(((text, at), place(right)?))).collect()
        };
        part.iter().enumerate().flat_map(of).unzip()
    }
}

impl Objective for Masking<'_> {
    fn variables(&self) -> &BTreeMap<String, Var> {
        self.model.variables()
    }

    fn is_new(&self, name: &str) -> bool {
        self.model.is_new(name)
    }

    fn batches(&self, pass: u64) -> Vec<Vec<usize>> {
        let first = pass as usize * self.tokens.len();
        let places: Vec<usize> = self.learned.iter().map(|at| first + at).collect();
        batches(&places, |place| self.length(place), BATCH, self.seed, pass)
    }

    fn parts<'a>(&self, batch: &'a [usize]) -> Vec<&'a [usize]> {
        parts(batch, |place| self.length(place), TOKENS)
    }

    /// The mean cross-entropy over the tokens that are guessed in a batch.
    fn loss(&self, part: &[usize], batch: &[usize]) -> Result<Tensor, ModelError> {
        let total: usize = batch.iter().map(|&place| Self::guessed(self.open(place).len())).sum();
        let masked: Vec<Masked> = part.iter().map(|&place| self.masked(place)).collect();
        let ids: Vec<&[u32]> = masked.iter().map(|one| one.ids.as_slice()).collect();
        let (places, right) = self.guesses(&masked);
        let logits = self.model.logits(&ids, &places, &self.among)?;
        surprise(&logits, right, total)
    }

    /// Texts that were held out are masked alike every time. The score is one over the perplexity, so that less surprise is a
    /// higher one.
    fn validate(&self) -> Result<Option<Validated>, ModelError> {
        let mut held = self.held.clone();
        held.sort_by_key(|&at| self.length(at));
        let (mut sum, mut count) = (0.0, 0_usize);
        for part in parts(&held, |at| self.length(at), READ).into_iter().filter(|part| !part.is_empty()) {
            let masked: Vec<Masked> = part.iter().map(|&at| self.masked(at)).collect();
            let ids: Vec<&[u32]> = masked.iter().map(|one| one.ids.as_slice()).collect();
            let (places, right) = self.guesses(&masked);
            for (logits, right) in self.model.read(&ids, &places, &self.among)?.iter().zip(right) {
                let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let all: f64 = logits.iter().map(|&logit| f64::from(logit - most).exp()).sum();
                sum += all.ln() - f64::from(logits[right as usize] - most);
                count += 1;
            }
        }
        if count == 0 {
            return Ok(None);
        }
        let loss = sum / count as f64;
        Ok(Some(Validated { items: held.len(), score: (-loss).exp(), loss }))
    }
}

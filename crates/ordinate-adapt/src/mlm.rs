//! Continued pre-training (Gururangan et al. 2020, "Don't stop pretraining"): an encoder first learns to guess masked tokens of
//! texts of the domain, which need no labels, and then what `full` trains.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{D, Device, Result as Candle, Tensor, Var};
use ordinate_core::random::{SplitMix, shuffle};
use ordinate_core::task::CandidateEntry;
use ordinate_models::encoder::{Answers, Reach, TrainableMasked};
use ordinate_models::{
    EncoderSource, Fitting, Identity, Kind, Method, MethodKind, Model, ModelError, TrainingSet,
};
use serde::Serialize;

use crate::batches::{batches, parts};
use crate::labelled::{READ, TOKENS};
use crate::objective::Objective;
use crate::report::Pretraining;
use crate::settings::Settings;
use crate::trainer::{PATIENT_PASSES, Recipe, train as run};
use crate::tune::{Tuning, load};
use crate::validation::{Validated, held_out};

/// `adapt = { from = "...", method = "mlm" }`.
pub const MLM: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "mlm";
/// Raised when the same data come to give another model.
const VERSION: u32 = 2;
/// The share of tokens that are guessed; of these so many are masked, so many are another token, and the others are as they were
/// (Devlin et al. 2019).
const GUESSED: f64 = 0.15;
const MASKED: f64 = 0.8;
const OTHER: f64 = 0.1;
/// The largest step for an encoder of 768 dimensions; narrower ones take larger ones.
const RATE: f64 = 5e-5;
/// The largest step of a new head.
const HEAD_RATE: f64 = 1e-3;
/// Texts of one step.
const BATCH: usize = 32;
/// Texts that make the passes, and how many of these there are.
const LOOKED_AT: usize = 50_000;
const PASSES: (usize, usize) = (1, 10);

/// The way of training.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Mlm {
    #[serde(flatten)]
    settings: Settings,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(adapt) = entry.adapt.as_ref().filter(|adapt| adapt.method == NAME) else { return Ok(None) };
    let takes = ["epochs", "max_minutes", "learning_rate", "batch_size", "class_weights", "texts"];
    let settings = Settings::of(adapt, base, &takes)?;
    settings.folder()?;
    Ok(Some(Box::new(Mlm { settings })))
}

impl Method for Mlm {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "an encoder that reads texts of the domain first"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify, Kind::Tag, Kind::Regress]
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.settings.source)
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.settings.examples, fitting.seed);
        let model = TrainableMasked::open(self.settings.folder()?, fitting.seed)?;
        let own = fitting.checkpoint.map(|path| path.with_extension("pretraining"));
        let pretraining =
            self.pretrain(&model, &train, &Fitting { checkpoint: own.as_deref(), ..*fitting })?;
        // What it did not take is left to what follows.
        let minutes = self.settings.max_minutes.map(|all| (all - pretraining.seconds / 60.0).max(all / 2.0));
        let settings = Settings { max_minutes: minutes, ..self.settings.clone() };
        let tuning = Tuning { name: NAME, settings, chosen: None };
        let open = |answers: &Answers| model.classifier(answers, Reach::Whole, fitting.seed);
        let tuned = tuning.tune_from(&open, &train, fitting)?;
        if let Some(own) = own {
            // It is of no use any more, and no reason to fail.
            drop(std::fs::remove_file(own));
        }
        Ok(Box::new(tuned.pretrained(pretraining)))
    }
}

impl Mlm {
    fn pretrain(
        &self,
        model: &TrainableMasked,
        train: &TrainingSet<'_>,
        fitting: &Fitting<'_>,
    ) -> Result<Pretraining, ModelError> {
        let mut texts = train.texts();
        texts.extend(self.settings.texts.iter().flat_map(|more| more.texts.iter().map(String::as_str)));
        let mut tokens = model.tokens(&texts)?;
        tokens.retain(|ids| ids.iter().any(|&id| !model.is_special(id)));
        let (learned, held) = held_out(&vec![String::new(); tokens.len()], fitting.seed);
        let masking = Masking { model, tokens, learned, held, seed: fitting.seed };
        let texts = masking.learned.len();
        if texts == 0 {
            let problem =
                "no text of the train items has a token to guess; name texts of the domain: texts = \"FILE\"";
            return Err(ModelError::Setting(problem.to_owned()));
        }
        let usual = (RATE * 768.0 / model.width().max(1) as f64).min(2e-3);
        let rate = self.settings.learning_rate.unwrap_or(usual);
        let key = serde_json::to_string(&(VERSION, "masked", self, masking.tokens.len()));
        let recipe = Recipe {
            epochs: LOOKED_AT.div_ceil(texts).clamp(PASSES.0, PASSES.1) as u64,
            patience: PATIENT_PASSES,
            rate,
            new_rate: rate.max(HEAD_RATE),
            longest: self.settings.longest().map(|all| all / 2),
            key: key.map_err(|error| ModelError::Failed(error.to_string()))?,
        };
        let before = masking.validate()?;
        let outcome = run(&masking, &recipe, fitting)?;
        Ok(Pretraining {
            texts,
            steps: outcome.steps,
            passes: outcome.passes,
            seconds: outcome.took.as_secs_f64(),
            guessed: before.zip(outcome.best).map(|(before, best)| (before.score, best.score)),
            ended: outcome.ended,
        })
    }
}

/// Texts whose tokens are masked anew in every pass. A text in a pass has the place `pass * texts + text`.
struct Masking<'a> {
    model: &'a TrainableMasked,
    tokens: Vec<Vec<u32>>,
    learned: Vec<usize>,
    held: Vec<usize>,
    seed: u64,
}

/// A text to guess tokens of.
struct Masked {
    ids: Vec<u32>,
    /// Where they are, and what is right there.
    places: Vec<(usize, u32)>,
}

impl Masking<'_> {
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
    fn guesses(part: &[Masked]) -> (Vec<(usize, usize)>, Vec<u32>) {
        let of = |(text, masked): (usize, &Masked)| -> Vec<((usize, usize), u32)> {
            masked.places.iter().map(|&(at, right)| ((text, at), right)).collect()
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
        let lengths: Vec<usize> = self.learned.iter().map(|&at| self.length(at)).collect();
        let mut batches = batches(&lengths, BATCH, self.seed, pass);
        let first = pass as usize * self.tokens.len();
        batches.iter_mut().flatten().for_each(|at| *at = first + self.learned[*at]);
        batches
    }

    fn parts<'a>(&self, batch: &'a [usize]) -> Vec<&'a [usize]> {
        parts(batch, |place| self.length(place), TOKENS)
    }

    /// The mean cross-entropy over the tokens that are guessed in a batch.
    fn loss(&self, part: &[usize], batch: &[usize]) -> Result<Tensor, ModelError> {
        let total: usize = batch.iter().map(|&place| Self::guessed(self.open(place).len())).sum();
        let masked: Vec<Masked> = part.iter().map(|&place| self.masked(place)).collect();
        let ids: Vec<&[u32]> = masked.iter().map(|one| one.ids.as_slice()).collect();
        let (places, right) = Self::guesses(&masked);
        let logits = self.model.logits(&ids, &places)?;
        let surprise = |right: Vec<u32>| -> Candle<Tensor> {
            let logs = candle_nn::ops::log_softmax(&logits, D::Minus1)?;
            let count = right.len();
            let right = Tensor::from_vec(right, (count, 1), &Device::Cpu)?;
            logs.gather(&right, 1)?.sum_all()?.neg()? / total.max(1) as f64
        };
        surprise(right).map_err(|error| ModelError::Failed(error.to_string()))
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
            let (places, right) = Self::guesses(&masked);
            for (logits, right) in self.model.read(&ids, &places)?.iter().zip(right) {
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

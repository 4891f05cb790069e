//! A translator that is trained on the task's own pairs: begun anew (`from = "scratch"`), or a published one that goes on learning.
//!
//! Teacher forcing: at every token the model is told what should stand before it. The loss is the cross-entropy with a tenth of the
//! certainty given to all other tokens (label smoothing, Szegedy et al. 2016).

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{D, Device, Result as Candle, Tensor, Var};
use ordinate_core::random::SplitMix;
use ordinate_core::task::{Adapt, CandidateEntry};
use ordinate_models::encoder::Source;
use ordinate_models::seq2seq::{Size, TrainableTranslator, TrainedTranslator, Translator};
use ordinate_models::{
    EncoderSource, Facts, Fitting, Identity, Kind, Method, MethodKind, Model, ModelError, Reply, Sample,
    Saved, TrainingSet,
};
use ordinate_tasks::metric::right_answers;
use serde::Serialize;

use crate::batches::{batches, parts};
use crate::loss::given;
use crate::objective::Objective;
use crate::report::{TrainingReport, threads};
use crate::settings::Settings;
use crate::trainer::{Outcome, PATIENT_PASSES, Recipe, train as run};
use crate::validation::{Validated, held_out};

/// `adapt = { from = "scratch", method = "seq2seq" }`.
pub const SEQ2SEQ: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "seq2seq";
/// Raised when the same data come to give another model.
const VERSION: u32 = 2;
/// The certainty that is given to all tokens alike.
const SMOOTHING: f64 = 0.1;
/// The share of tokens that are shown as unknown, anew in every pass: so that pairs are not learned by heart.
const HIDDEN: f64 = 0.1;
/// The largest step of a new model of 256 dimensions, and of a published one of 512; narrower ones take larger ones.
const NEW_RATE: f64 = 1e-3;
const RATE: f64 = 5e-5;
/// Pairs of one step.
const BATCH: usize = 64;
/// Tokens that are computed together.
const TOKENS: usize = 4_096;
/// Pairs that make the passes, and how many of these there are.
const LOOKED_AT: usize = 400_000;
const PASSES: (usize, usize) = (2, 60);
/// Minutes that training may take where the task file does not say it.
const MINUTES: f64 = 10.0;

/// How large a model is begun for so many pairs: a large one learns few of them by heart.
fn size(pairs: usize) -> Size {
    match pairs {
        0..2_000 => Size { width: 64, layers: 2, joined: 1_000 },
        2_000..10_000 => Size { width: 128, layers: 2, joined: 2_500 },
        _ => Size { width: 192, layers: 3, joined: 4_000 },
    }
}

/// The way of training.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Seq2Seq {
    #[serde(flatten)]
    settings: Settings,
    /// Whether it begins anew.
    begins: bool,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(adapt) = entry.adapt.as_ref().filter(|adapt| adapt.method == NAME) else { return Ok(None) };
    let takes = ["epochs", "max_minutes", "learning_rate", "batch_size"];
    let begins = adapt.from == Adapt::SCRATCH;
    let settings = match begins {
        // Nothing is read from it.
        true => Settings::on(EncoderSource::Elsewhere(adapt.from.clone()), adapt, base, &takes)?,
        false => Settings::of(adapt, base, &takes)?,
    };
    if !begins {
        settings.folder()?;
    }
    Ok(Some(Box::new(Seq2Seq { settings, begins })))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    let source = Source::at(saved.folder);
    Ok(Box::new(Translator::open(&source)?))
}

impl Method for Seq2Seq {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a translator that is trained"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Text]
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.settings.source).filter(|_| !self.begins)
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.settings.examples, fitting.seed);
        let first = |target: &str| right_answers(target, |right| right.first().map(|one| (*one).to_owned()));
        let targets: Vec<String> =
            train.targets().iter().map(|target| first(target).unwrap_or_default()).collect();
        let pairs: Vec<(&str, &str)> = train
            .texts()
            .into_iter()
            .zip(targets.iter().map(String::as_str))
            .filter(|(source, target)| !source.trim().is_empty() && !target.trim().is_empty())
            .collect();
        if pairs.len() < 2 {
            return Err(ModelError::TooFew(pairs.len()));
        }
        let model = match &self.settings.source {
            EncoderSource::Folder(source) => TrainableTranslator::open(source)?,
            _ => TrainableTranslator::begin(&pairs, size(pairs.len()), fitting.seed)?,
        };
        let tokens = pairs.iter().map(|(source, target)| model.tokens(source, target));
        let tokens = tokens.collect::<Result<Vec<_>, _>>()?;
        let (learned, held) = held_out(&vec![String::new(); pairs.len()], fitting.seed);
        let size = self.settings.batch_size.map_or(BATCH, |size| size as usize);
        let teaching = Teaching { model: &model, tokens, learned, held, size, seed: fitting.seed };
        let outcome = run(&teaching, &self.recipe(&teaching)?, fitting)?;
        let report = self.report(&teaching, &outcome, fitting.seed);
        Ok(Box::new(Trained { translator: model.trained()?, report }))
    }
}

impl Seq2Seq {
    fn recipe(&self, teaching: &Teaching<'_>) -> Result<Recipe, ModelError> {
        let width = teaching.model.width().max(1) as f64;
        let usual = match teaching.model.is_new() {
            true => (NEW_RATE * 256.0 / width).min(3e-3),
            false => (RATE * 512.0 / width).min(1e-3),
        };
        let rate = self.settings.learning_rate.unwrap_or(usual);
        let passes = LOOKED_AT.div_ceil(teaching.learned.len().max(1)).clamp(PASSES.0, PASSES.1);
        let minutes = self.settings.max_minutes.unwrap_or(MINUTES);
        let key = serde_json::to_string(&(VERSION, self, teaching.tokens.len(), teaching.seed));
        Ok(Recipe {
            epochs: self.settings.epochs.map_or(passes as u64, u64::from),
            patience: PATIENT_PASSES,
            rate,
            new_rate: rate,
            longest: Some(std::time::Duration::from_secs_f64(60.0 * minutes)),
            key: key.map_err(|error| ModelError::Failed(error.to_string()))?,
        })
    }

    fn report(&self, teaching: &Teaching<'_>, outcome: &Outcome, seed: u64) -> TrainingReport {
        let count = |variable: &Var| variable.as_tensor().elem_count() as u64;
        TrainingReport {
            method: NAME.to_owned(),
            chosen: None,
            base: self.settings.from.clone(),
            pretraining: None,
            items: teaching.learned.len(),
            steps: outcome.steps,
            passes: outcome.passes,
            seconds: outcome.took.as_secs_f64(),
            threads: threads(),
            trained: teaching.model.variables().values().map(count).sum(),
            validated: outcome.best,
            ended: outcome.ended,
            seed,
        }
    }
}

/// Pairs to learn from. A pair in a pass has the place `pass * pairs + pair`.
struct Teaching<'a> {
    model: &'a TrainableTranslator,
    tokens: Vec<[Vec<u32>; 2]>,
    learned: Vec<usize>,
    held: Vec<usize>,
    size: usize,
    seed: u64,
}

impl Teaching<'_> {
    fn length(&self, place: usize) -> usize {
        let [source, target] = &self.tokens[place % self.tokens.len()];
        source.len().max(target.len())
    }

    /// A text some of whose tokens are shown as unknown.
    fn shown(&self, ids: &[u32], place: usize) -> Vec<u32> {
        let Some(unknown) = self.model.unknown() else { return ids.to_vec() };
        let mut random = SplitMix::new(self.seed ^ (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        ids.iter().map(|&id| if random.unit() < HIDDEN { unknown } else { id }).collect()
    }

    /// The log-probabilities of all tokens at every place of these pairs' targets, and what is right there. `hides` some of what is
    /// shown.
    fn logs(&self, part: &[usize], hides: bool) -> Result<(Tensor, Vec<u32>), ModelError> {
        let (mut sources, mut texts, mut right) = (Vec::new(), Vec::new(), Vec::new());
        for &place in part {
            let [source, target] = &self.tokens[place % self.tokens.len()];
            let before: Vec<u32> = std::iter::once(self.model.start())
                .chain(target[..target.len() - 1].iter().copied())
                .collect();
            sources.push(if hides { self.shown(source, 2 * place) } else { source.clone() });
            texts.push(if hides { self.shown(&before, 2 * place + 1) } else { before });
            right.extend(target);
        }
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
        let there: Vec<u32> = (0..)
            .zip(&texts)
            .flat_map(|(text, ids): (usize, _)| (0..ids.len()).map(move |at| (text * longest + at) as u32))
            .collect();
        let sources: Vec<&[u32]> = sources.iter().map(Vec::as_slice).collect();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let logits = self.model.logits(&sources, &texts)?;
        let logs = || -> Candle<Tensor> {
            let there = Tensor::new(there, &Device::Cpu)?;
            candle_nn::ops::log_softmax(&logits.index_select(&there, 0)?, D::Minus1)
        };
        Ok((logs().map_err(|error| ModelError::Failed(error.to_string()))?, right))
    }
}

impl Objective for Teaching<'_> {
    fn variables(&self) -> &BTreeMap<String, Var> {
        self.model.variables()
    }

    fn is_new(&self, _: &str) -> bool {
        self.model.is_new()
    }

    fn batches(&self, pass: u64) -> Vec<Vec<usize>> {
        let first = pass as usize * self.tokens.len();
        let places: Vec<usize> = self.learned.iter().map(|at| first + at).collect();
        batches(&places, |place| self.length(place), self.size, self.seed, pass)
    }

    fn parts<'a>(&self, batch: &'a [usize]) -> Vec<&'a [usize]> {
        parts(batch, |place| self.length(place), TOKENS)
    }

    /// The mean over the tokens of a batch.
    fn loss(&self, part: &[usize], batch: &[usize]) -> Result<Tensor, ModelError> {
        let total: usize = batch.iter().map(|&place| self.tokens[place % self.tokens.len()][1].len()).sum();
        let (logs, right) = self.logs(part, true)?;
        let surprise = || -> Candle<Tensor> {
            let words = logs.dim(D::Minus1)? as f64;
            let sure = (given(&logs, right)? * (1.0 - SMOOTHING))?;
            (sure + (logs.sum_all()? * (SMOOTHING / words))?)?.neg()? / total.max(1) as f64
        };
        surprise().map_err(|error| ModelError::Failed(error.to_string()))
    }

    /// The score is one over the perplexity of the translations that were held out.
    fn validate(&self) -> Result<Option<Validated>, ModelError> {
        let mut held = self.held.clone();
        held.sort_by_key(|&at| self.length(at));
        let (mut sum, mut count) = (0.0, 0_usize);
        for part in parts(&held, |at| self.length(at), TOKENS).into_iter().filter(|part| !part.is_empty()) {
            let (logs, right) = self.logs(part, false)?;
            count += right.len();
            let found = given(&logs, right).and_then(|sum| sum.to_scalar::<f32>());
            sum += f64::from(found.map_err(|error| ModelError::Failed(error.to_string()))?);
        }
        if count == 0 {
            return Ok(None);
        }
        let loss = -sum / count as f64;
        Ok(Some(Validated { items: held.len(), score: (-loss).exp(), loss }))
    }
}

/// What came of a training.
struct Trained {
    translator: TrainedTranslator,
    report: TrainingReport,
}

impl Model for Trained {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        self.translator.translator().answer(samples)
    }

    fn facts(&self) -> Facts {
        self.translator.translator().facts()
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        self.translator.write(folder)?;
        self.report.write(folder)
    }
}

//! Contrastive tuning for few labels (the idea of SetFit; Tunstall et al. 2022): the encoder is trained until texts of one
//! label lie together and others apart, and a logistic regression on its vectors answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::{D, Device, Result as Candle, Tensor, Var};
use ordinate_core::random::{SplitMix, shuffle};
use ordinate_core::task::CandidateEntry;
use ordinate_models::encoder::{Source, Trainable, TunedEncoder, open};
use ordinate_models::{
    Encoder, EncoderSource, Facts, Fitting, Head, Identity, Kind, Method, MethodKind, Model, ModelError,
    Reply, Rows, Sample, Saved, TrainingSet, read_model, write_model,
};
use serde::Serialize;

use crate::objective::Objective;
use crate::report::{TrainingReport, threads};
use crate::settings::Settings;
use crate::trainer::{PATIENT_PASSES, Recipe, train as run};
use crate::validation::Validated;

/// `adapt = { from = "...", method = "contrastive" }`.
pub const CONTRASTIVE: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "contrastive";
/// Raised when the same data come to give another model.
const VERSION: u32 = 2;
/// The largest step for an encoder of 768 dimensions; narrower ones take larger ones.
const RATE: f64 = 2e-5;
/// Texts of one step: all pairs of them are looked at.
const TEXTS: usize = 32;
/// Texts of one label in a step.
const ALIKE: usize = 4;
/// Steps: of few items so many, of more as many as look at each so often.
const STEPS: (usize, usize) = (60, 400);
const SEEN: usize = 8;
/// The penalties that the logistic regression chooses from.
const COSTS: [f64; 3] = [1.0, 8.0, 64.0];

/// The way of training.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Contrastive {
    #[serde(flatten)]
    pub(crate) settings: Settings,
    #[serde(skip)]
    pub(crate) chosen: Option<String>,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(adapt) = entry.adapt.as_ref().filter(|adapt| adapt.method == NAME) else { return Ok(None) };
    let settings = Settings::of(adapt, base, &["max_minutes", "learning_rate"])?;
    settings.folder()?;
    Ok(Some(Box::new(Contrastive { settings, chosen: None })))
}

/// Reads a model that was trained here.
pub(crate) fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    let encoder = open(&Source::at(saved.folder))?;
    Ok(Box::new(Tuned { encoder: Arc::new(encoder), linear: read_model(saved.folder)?, written: None }))
}

impl Method for Contrastive {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "an encoder that is tuned by pairs"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify]
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.settings.source)
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.settings.examples, fitting.seed);
        Ok(Box::new(self.tune(&train, fitting)?))
    }
}

impl Contrastive {
    pub(crate) fn tune(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Tuned, ModelError> {
        let names: Vec<String> = train.names().into_iter().collect();
        if train.len() < 2 || names.len() < 2 {
            return Err(ModelError::TooLittle { found: train.len(), labels: names.len() });
        }
        let encoder = Trainable::open(self.settings.folder()?)?;
        let texts = train.texts();
        let tokens = encoder.tokens(&texts)?;
        let place = |target: &&str| names.iter().position(|name| name == target.trim()).unwrap_or(0);
        let labels: Vec<usize> = train.targets().iter().map(place).collect();
        let steps = (SEEN * texts.len() / TEXTS).clamp(STEPS.0, STEPS.1);
        let pairs = Pairs { encoder: &encoder, tokens, labels, steps, seed: fitting.seed };
        let rate = (RATE * 768.0 / pairs.width()?.max(1) as f64).min(1e-3);
        let rate = self.settings.learning_rate.unwrap_or(rate);
        let key = serde_json::to_string(&(VERSION, self, &names, texts.len()));
        let recipe = Recipe {
            epochs: 1,
            patience: PATIENT_PASSES,
            rate,
            new_rate: rate,
            longest: self.settings.longest(),
            key: key.map_err(|error| ModelError::Failed(error.to_string()))?,
        };
        let outcome = run(&pairs, &recipe, fitting)?;
        let tuned = encoder.tuned()?;
        let vectors = tuned.embed(&texts)?;
        let rows: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let linear = Head::fit(train.kind(), Rows::Dense(&rows), &train.labels(), &COSTS, fitting.stop)?;
        let report = TrainingReport {
            method: NAME.to_owned(),
            chosen: self.chosen.clone(),
            base: self.settings.base(),
            pretraining: None,
            items: texts.len(),
            steps: outcome.steps,
            passes: outcome.steps as f64 * TEXTS as f64 / texts.len().max(1) as f64,
            seconds: outcome.took.as_secs_f64(),
            threads: threads(),
            trained: tuned.facts().parameters,
            validated: None,
            ended: outcome.ended,
            seed: fitting.seed,
        };
        let tuned = Arc::new(tuned);
        Ok(Tuned { encoder: Arc::clone(&tuned) as _, linear, written: Some((tuned, report)) })
    }
}

/// The pairs of texts that are looked at.
struct Pairs<'a> {
    encoder: &'a Trainable,
    tokens: Vec<Vec<u32>>,
    /// The place of each text's label.
    labels: Vec<usize>,
    steps: usize,
    seed: u64,
}

impl Pairs<'_> {
    fn width(&self) -> Result<usize, ModelError> {
        let one = self.encoder.pooled(&[self.tokens[0].as_slice()])?;
        one.dim(1).map_err(|error| ModelError::Failed(error.to_string()))
    }

    /// A step of the texts of some labels, a few of each.
    fn step(&self, of_label: &[Vec<usize>], random: &mut SplitMix) -> Vec<usize> {
        let alike = (TEXTS / of_label.len()).max(ALIKE);
        let mut order: Vec<usize> = (0..of_label.len()).collect();
        shuffle(&mut order, random.next_u64());
        let mut batch = Vec::with_capacity(TEXTS);
        for label in order {
            let mut places = of_label[label].clone();
            shuffle(&mut places, random.next_u64());
            places.truncate(alike.min(TEXTS - batch.len()));
            batch.extend(places);
            if batch.len() >= TEXTS {
                break;
            }
        }
        batch
    }
}

impl Objective for Pairs<'_> {
    fn variables(&self) -> &BTreeMap<String, Var> {
        self.encoder.variables()
    }

    fn is_new(&self, _: &str) -> bool {
        false
    }

    fn batches(&self, pass: u64) -> Vec<Vec<usize>> {
        let count = self.labels.iter().max().map_or(0, |most| most + 1);
        let mut of_label = vec![Vec::new(); count];
        self.labels.iter().enumerate().for_each(|(at, &label)| of_label[label].push(at));
        let mut random = SplitMix::new(self.seed.wrapping_add(pass) ^ 0x7061_6972);
        (0..self.steps).map(|_| self.step(&of_label, &mut random)).collect()
    }

    /// Pairs are looked at all at once.
    fn parts<'a>(&self, batch: &'a [usize]) -> Vec<&'a [usize]> {
        vec![batch]
    }

    /// As SetFit: the squares of one less the cosine of pairs of one label, and of the cosine of others; both kinds of pair
    /// count alike.
    fn loss(&self, part: &[usize], _: &[usize]) -> Result<Tensor, ModelError> {
        let batch: Vec<&[u32]> = part.iter().map(|&at| self.tokens[at].as_slice()).collect();
        let pooled = self.encoder.pooled(&batch)?;
        let labels: Vec<usize> = part.iter().map(|&at| self.labels[at]).collect();
        pair_loss(&pooled, &labels).map_err(|error| ModelError::Failed(error.to_string()))
    }

    fn validate(&self) -> Result<Option<Validated>, ModelError> {
        Ok(None)
    }
}

fn pair_loss(pooled: &Tensor, labels: &[usize]) -> Candle<Tensor> {
    let lengths = (pooled.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
    let unit = pooled.broadcast_div(&lengths)?;
    let cosines = unit.matmul(&unit.t()?.contiguous()?)?;
    let count = labels.len();
    let pairs = || (0..count * count).map(|at| (at / count, at % count));
    let is_alike = |(a, b): (usize, usize)| labels[a] == labels[b];
    let alike = pairs().filter(|&(a, b)| a != b && is_alike((a, b))).count();
    let others = count * count - count - alike;
    let weight = |(a, b): (usize, usize)| match (a == b, is_alike((a, b))) {
        (true, _) => 0.0,
        (_, true) => 0.5 / alike.max(1) as f32,
        (_, false) => 0.5 / others.max(1) as f32,
    };
    let goals: Vec<f32> = pairs().map(|pair| f32::from(u8::from(is_alike(pair)))).collect();
    let weights: Vec<f32> = pairs().map(weight).collect();
    let square = |values| Tensor::from_vec(values, (count, count), &Device::Cpu);
    ((cosines - square(goals)?)?.sqr()? * square(weights)?)?.sum_all()
}

/// An encoder that was tuned, and the regression on its vectors.
pub(crate) struct Tuned {
    encoder: Arc<dyn Encoder>,
    linear: Head,
    /// What is written of it; `None` where it was read.
    written: Option<(Arc<TunedEncoder>, TrainingReport)>,
}

impl Model for Tuned {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let texts: Vec<&str> = samples.iter().map(|sample| sample.text).collect();
        let started = Instant::now();
        let vectors = self.encoder.embed(&texts)?;
        let took: Duration = started.elapsed() / u32::try_from(texts.len().max(1)).unwrap_or(u32::MAX);
        Ok(vectors.iter().map(|one| Reply::timed(took, || self.linear.predict_dense(one))).collect())
    }

    fn facts(&self) -> Facts {
        let (encoder, own) = (self.encoder.facts(), self.linear.parameters());
        Facts { parameters: encoder.parameters + own, bytes: encoder.bytes + 4 * own }
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        let Some((encoder, report)) = &self.written else {
            return Err(ModelError::Failed("what was read is not written again".to_owned()));
        };
        encoder.write(folder)?;
        report.write(folder)?;
        write_model(folder, &self.linear)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn both_kinds_of_pair_count_alike() {
        let vectors = Tensor::from_vec(vec![2.0_f32, 0.0, 0.0, 3.0, 1.0, 0.0], (3, 2), &Device::Cpu).unwrap();
        let loss = |labels: &[usize]| pair_loss(&vectors, labels).unwrap().to_scalar::<f32>().unwrap();
        // Cosines are 0, 1 and 0. Right: the first and the third together.
        assert!(loss(&[0, 1, 0]).abs() < 1e-6);
        // The first two together: their cosine is 0 (loss 1), and of the others one is 1 (loss 1 of 2).
        assert!((loss(&[0, 0, 1]) - (0.5 + 0.25)).abs() < 1e-6);
    }
}

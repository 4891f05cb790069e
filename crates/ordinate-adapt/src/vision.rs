//! Training a network of images: from scratch, or on from one that was trained on other images.

use std::path::Path;

use ordinate_core::task::{Adapt, CandidateEntry};
use ordinate_models::encoder::Problem;
use ordinate_models::vision::{
    Config, ImageClassifier, Network, TrainableNetwork, TrainablePublished, TrainsImages, TunedNetwork,
    is_network, sees,
};
use ordinate_models::{
    EncoderSource, Facts, Fitting, Identity, Kind, Method, MethodKind, Model, ModelError, Reads, Reply,
    Sample, Saved, TrainingSet, sharpen,
};
use serde::Serialize;

use crate::distill::held_out_of;
use crate::loss::Targets;
use crate::pictured::Pictured;
use crate::report::{TrainingReport, threads};
use crate::settings::Settings;
use crate::trainer::{Outcome, PATIENT_PASSES, Recipe, train as run};

/// `adapt = { from = "scratch", method = "full" }`, and the same from a folder with a network of images.
pub const IMAGES: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "image-network";
/// Raised when the same data come to give another model.
const VERSION: u32 = 3;
/// The largest step of a new network, and of one that was trained before.
const RATE: f64 = 3e-3;
const RATE_ON: f64 = 1e-3;
/// The largest step of one that others trained on far more images.
const RATE_PUBLISHED: f64 = 1e-4;
/// The default of `batch_size`.
const BATCH: usize = 32;
/// The keys of the task file that it takes.
const TAKES: [&str; 5] = ["epochs", "max_minutes", "learning_rate", "batch_size", "class_weights"];

/// The way of training.
#[derive(Debug, Serialize)]
struct Images {
    settings: Settings,
    /// What it starts from; `None` for nothing.
    #[serde(skip)]
    from: Option<EncoderSource>,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(adapt) = &entry.adapt else { return Ok(None) };
    let is_scratch = adapt.from == Adapt::SCRATCH;
    let full = adapt.method == "full";
    if is_scratch && !full {
        let problem = format!(
            "from scratch all weights are trained, and method {:?} leaves some as they are; say method = \"full\"",
            adapt.method
        );
        return Err(ModelError::Setting(problem));
    }
    if !full || adapt.from == Adapt::OPENAI {
        return Ok(None);
    }
    let source = match is_scratch {
        // Nothing is read from it.
        true => EncoderSource::Elsewhere(adapt.from.clone()),
        false => EncoderSource::find(&adapt.from, base)?,
    };
    if !is_scratch && !sees(&source) {
        return Ok(None);
    }
    let from = (!is_scratch).then(|| source.clone());
    Ok(Some(Box::new(Images { settings: Settings::on(source, adapt, base, &TAKES)?, from })))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    let folder = saved.folder;
    let model: Box<dyn Model> = match Config::read(folder) {
        Ok(_) => Box::new(ImageClassifier::open(folder)?),
        Err(_) => Box::new(TunedNetwork::open(folder)?),
    };
    Ok(Box::new(Seen { model, report: None }))
}

impl Method for Images {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a network of images"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify]
    }

    fn reads(&self) -> Reads {
        Reads::Image
    }

    fn source(&self) -> Option<&EncoderSource> {
        self.from.as_ref()
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.settings.examples, fitting.seed);
        let labels: Vec<String> = train.names().into_iter().collect();
        if train.len() < 2 || labels.len() < 2 {
            return Err(ModelError::TooLittle { found: train.len(), labels: labels.len() });
        }
        let texts = train.texts();
        let model: Box<dyn TrainsImages> = match &self.from {
            Some(EncoderSource::Folder(source)) if self.is_published() => {
                Box::new(TrainablePublished::open(source, labels.clone(), fitting.seed)?)
            }
            Some(EncoderSource::Folder(source)) => {
                let network = Network::open(&source.folder)?;
                Box::new(TrainableNetwork::from_network(&network, labels.clone(), fitting.seed)?)
            }
            _ => Box::new(TrainableNetwork::new(Config::of_texts(&texts, labels.clone())?, fitting.seed)?),
        };
        let place = |label: &String| labels.binary_search(label).ok();
        let right: Vec<Vec<usize>> =
            train.labels().iter().map(|of| of.iter().filter_map(place).collect()).collect();
        let strata: Vec<String> = train.targets().iter().map(|target| (*target).to_owned()).collect();
        let (learned, held) = held_out_of(&train, &strata, fitting.seed);
        let objective = Pictured {
            planes: model.planes(&texts)?,
            targets: Targets::labels(Problem::OneLabel, &right, labels.len(), self.settings.class_weights),
            model: model.as_ref(),
            right,
            learned,
            held,
            batch: self.settings.batch_size.map_or(BATCH, |size| size as usize),
            seed: fitting.seed,
        };
        let items = objective.learned.len();
        let outcome = run(&objective, &self.recipe(&labels, items)?, fitting)?;
        let times = if objective.held.is_empty() { 1.0 } else { sharpness(&objective, fitting)? };
        let model = model.model(times)?;
        let report = self.report(&outcome, items, model.facts().parameters, fitting.seed);
        Ok(Box::new(Seen { model, report: Some(report) }))
    }
}

/// What logits are multiplied with to give the probabilities of items held out (a temperature's inverse; Guo et al. 2017).
fn sharpness(objective: &Pictured<'_>, fitting: &Fitting<'_>) -> Result<f64, ModelError> {
    let logits = objective.logits(&objective.held, fitting.stop)?;
    let scores = logits.into_iter().map(|row| row.into_iter().map(f64::from).collect());
    let held: Vec<(usize, Vec<f64>)> = objective.held.iter().copied().zip(scores).collect();
    Ok(sharpen(Kind::Classify, &held, &objective.right).0)
}

impl Images {
    /// Whether it starts from a network that others trained.
    fn is_published(&self) -> bool {
        self.from.as_ref().is_some_and(|source| !is_network(source))
    }

    fn recipe(&self, labels: &[String], items: usize) -> Result<Recipe, ModelError> {
        let usual = match &self.from {
            Some(_) if self.is_published() => RATE_PUBLISHED,
            Some(_) => RATE_ON,
            None => RATE,
        };
        let rate = self.settings.learning_rate.unwrap_or(usual);
        let source = self.from.as_ref().map(EncoderSource::identity).transpose()?;
        let key = serde_json::to_string(&(VERSION, self, source, labels, items));
        let epochs = self.settings.epochs.map_or_else(|| passes(items), u64::from);
        Ok(Recipe {
            epochs,
            // Its steps become small towards the end, and a network of images is best after them: its scores go up and down
            // before.
            patience: (epochs / 2).max(PATIENT_PASSES),
            rate,
            new_rate: rate.max(RATE),
            longest: self.settings.longest(),
            key: key.map_err(|error| ModelError::Failed(error.to_string()))?,
        })
    }

    fn report(&self, outcome: &Outcome, items: usize, trained: u64, seed: u64) -> TrainingReport {
        TrainingReport {
            method: "full".to_owned(),
            chosen: None,
            base: self.settings.base(),
            pretraining: None,
            items,
            steps: outcome.steps,
            passes: outcome.passes,
            seconds: outcome.took.as_secs_f64(),
            threads: threads(),
            trained,
            validated: outcome.best,
            ended: outcome.ended,
            seed,
        }
    }
}

/// Passes over so many items: as many as make 100,000 images, within 10 and 60.
fn passes(items: usize) -> u64 {
    100_000_usize.div_ceil(items.max(1)).clamp(10, 60) as u64
}

/// A network that was trained here.
struct Seen {
    model: Box<dyn Model>,
    /// How; `None` where it was read.
    report: Option<TrainingReport>,
}

impl Model for Seen {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        self.model.answer(samples)
    }

    fn shares(&self, samples: &[Sample<'_>], label: &str) -> Result<Option<Vec<f64>>, ModelError> {
        self.model.shares(samples, label)
    }

    fn facts(&self) -> Facts {
        self.model.facts()
    }

    fn stands_alone(&self) -> bool {
        self.model.stands_alone()
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        self.model.save(folder)?;
        match &self.report {
            Some(report) => report.write(folder),
            None => Ok(()),
        }
    }
}

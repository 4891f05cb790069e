//! Training an encoder with a head of labels, of a number, or for the spans of a passage: all of its weights (`full`), or low-rank updates beside them (`lora`).

use std::path::Path;

use ordinate_core::task::CandidateEntry;
use ordinate_models::encoder::{
    Answers, Classifier, Extractor, LowRank, Problem, Reach, Source, TrainableClassifier, Written,
    is_extractor,
};
use ordinate_models::{
    EncoderSource, Facts, Fitting, Identity, Kind, Method, MethodKind, Model, ModelError, Published, Reply,
    Sample, Saved, TrainingSet, number, read_model, sharpen,
};
use serde::Serialize;

use crate::distill::{held_out_of, shares};
use crate::labelled::Labelled;
use crate::loss::Targets;
use crate::report::{Pretraining, TrainingReport, threads};
use crate::settings::Settings;
use crate::spans;
use crate::trainer::{Outcome, PATIENT_PASSES, Recipe, train as run};

/// `adapt = { from = "...", method = "full" }`.
pub const FULL: MethodKind = MethodKind { name: "full", of: full, load };
/// `adapt = { from = "...", method = "lora" }`.
pub const LORA: MethodKind = MethodKind { name: "lora", of: lora, load };
/// Raised when the same data come to give another model.
const VERSION: u32 = 2;
/// The largest step for an encoder of 768 dimensions, all of whose weights are trained; narrower ones take larger ones.
const RATE: f64 = 5e-5;
/// How much larger the steps of low-rank updates are.
const UPDATES: f64 = 10.0;
/// The largest step of a new head.
const HEAD_RATE: f64 = 1e-3;

/// The way of training.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Tuning {
    pub(crate) name: &'static str,
    pub(crate) settings: Settings,
    /// Why it was chosen, where it was.
    #[serde(skip)]
    pub(crate) chosen: Option<String>,
}

fn of(entry: &CandidateEntry, base: &Path, name: &'static str, takes: &[&str]) -> Of {
    let Some(adapt) = entry.adapt.as_ref().filter(|adapt| adapt.method == name) else { return Ok(None) };
    let settings = Settings::of(adapt, base, takes)?;
    settings.folder()?;
    Ok(Some(Box::new(Tuning { name, settings, chosen: None })))
}

type Of = Result<Option<Box<dyn Method>>, ModelError>;

fn full(entry: &CandidateEntry, base: &Path) -> Of {
    let takes = ["epochs", "max_minutes", "learning_rate", "batch_size", "class_weights"];
    of(entry, base, "full", &takes)
}

fn lora(entry: &CandidateEntry, base: &Path) -> Of {
    let takes = ["epochs", "max_minutes", "learning_rate", "batch_size", "class_weights", "rank"];
    of(entry, base, "lora", &takes)
}

/// Reads a model that was trained here.
pub(crate) fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    let source = Source::at(saved.folder);
    let model: Box<dyn Model> = match is_extractor(&source) {
        true => Box::new(Extractor::open(&source, read_model(saved.folder)?)?),
        false => Box::new(Published::reopen(Classifier::open(&source)?, saved.folder)?),
    };
    Ok(Box::new(Tuned { model, written: None }))
}

impl Method for Tuning {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        "an encoder that is trained"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify, Kind::Tag, Kind::Regress, Kind::Extract]
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

impl Tuning {
    pub(crate) fn reach(&self) -> Reach {
        let rank = self.settings.rank();
        match self.name {
            "lora" => Reach::Updates(LowRank { rank, alpha: 2.0 * rank as f64 }),
            _ => Reach::Whole,
        }
    }

    pub(crate) fn tune(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Tuned, ModelError> {
        if train.kind() == Kind::Extract {
            return spans::tune(self, train, fitting);
        }
        let source = self.settings.folder()?;
        let open = |answers: &Answers| TrainableClassifier::open(source, answers, self.reach(), fitting.seed);
        self.tune_from(&open, train, fitting)
    }

    /// The same from an encoder that `open` puts a head on.
    pub(crate) fn tune_from(
        &self,
        open: &dyn Fn(&Answers) -> Result<TrainableClassifier, ModelError>,
        train: &TrainingSet<'_>,
        fitting: &Fitting<'_>,
    ) -> Result<Tuned, ModelError> {
        let kind = train.kind();
        let answers = answers(train)?;
        let model = open(&answers)?;
        let numbers = Numbers::of(train)?;
        // Where the model was trained on these labels before, it has an order of its own.
        let names = model.labels().to_vec();
        let place = |label: &String| names.iter().position(|name| name == label);
        let right: Vec<Vec<usize>> = match kind {
            Kind::Regress => vec![Vec::new(); train.len()],
            Kind::Classify | Kind::Choose | Kind::Tag | Kind::Series | Kind::Text | Kind::Extract => {
                train.labels().iter().map(|labels| labels.iter().filter_map(place).collect()).collect()
            }
        };
        let targets = match &numbers {
            Some(numbers) => Targets::numbers(&numbers.scaled),
            None if kind == Kind::Classify && train.is_taught() => {
                Targets::shares(shares(train, &right, &names))
            }
            None => Targets::labels(answers.problem, &right, names.len(), self.settings.class_weights),
        };
        let stratum = |target: &&str| match kind {
            Kind::Classify => (*target).to_owned(),
            Kind::Choose | Kind::Tag | Kind::Regress | Kind::Series | Kind::Text | Kind::Extract => {
                String::new()
            }
        };
        let strata: Vec<String> = train.targets().iter().map(stratum).collect();
        let (learned, held) = held_out_of(train, &strata, fitting.seed);
        let tokens = model.tokens(&train.texts())?;
        let objective = Labelled {
            model: &model,
            problem: answers.problem,
            lengths: tokens.iter().map(Vec::len).collect(),
            tokens,
            targets,
            right,
            numbers: numbers.as_ref().map(|numbers| numbers.scaled.clone()).unwrap_or_default(),
            learned,
            held,
            batch: self.settings.batch(),
            seed: fitting.seed,
        };
        let items = objective.learned.len();
        let recipe = self.recipe(model.width(), self.settings.passes(items), &(&answers.names, items))?;
        let outcome = run(&objective, &recipe, fitting)?;
        match (&numbers, objective.held.is_empty()) {
            (Some(numbers), _) => model.scale_logits(numbers.spread, numbers.mean)?,
            (None, false) => model.scale_logits(sharpness(kind, &objective, fitting)?, 0.0)?,
            (None, true) => {}
        }
        let (classifier, written) = model.tuned()?;
        let report = self.report(&outcome, items, &written, fitting.seed);
        Ok(Tuned::new(Published::of(classifier, kind), written, self.settings.base(), report))
    }

    /// For an encoder of this width. What it learns, and from how much, tells it from others.
    pub(crate) fn recipe(
        &self,
        width: usize,
        epochs: u64,
        learns: &impl Serialize,
    ) -> Result<Recipe, ModelError> {
        let usual = (RATE * 768.0 / width.max(1) as f64).min(2e-3);
        let usual = if self.name == "lora" { (usual * UPDATES).min(5e-3) } else { usual };
        let rate = self.settings.learning_rate.unwrap_or(usual);
        let key = serde_json::to_string(&(VERSION, self, learns));
        Ok(Recipe {
            epochs,
            patience: PATIENT_PASSES,
            rate,
            new_rate: rate.max(HEAD_RATE),
            longest: self.settings.longest(),
            key: key.map_err(|error| ModelError::Failed(error.to_string()))?,
        })
    }

    pub(crate) fn report(
        &self,
        outcome: &Outcome,
        items: usize,
        written: &Written,
        seed: u64,
    ) -> TrainingReport {
        TrainingReport {
            method: self.name.to_owned(),
            chosen: self.chosen.clone(),
            base: self.settings.base(),
            pretraining: None,
            items,
            steps: outcome.steps,
            passes: outcome.passes,
            seconds: outcome.took.as_secs_f64(),
            threads: threads(),
            trained: written.trained(),
            validated: outcome.best,
            ended: outcome.ended,
            seed,
        }
    }
}

/// The labels of train items, or that they are numbers.
fn answers(train: &TrainingSet<'_>) -> Result<Answers, ModelError> {
    let problem = match train.kind() {
        Kind::Classify | Kind::Choose | Kind::Series | Kind::Text | Kind::Extract => Problem::OneLabel,
        Kind::Tag => Problem::SeveralLabels,
        Kind::Regress => {
            return match train.len() {
                0 | 1 => Err(ModelError::TooFew(train.len())),
                _ => Ok(Answers { names: vec!["number".to_owned()], problem: Problem::Number }),
            };
        }
    };
    let names: Vec<String> = train.names().into_iter().collect();
    if train.len() < 2 || names.len() < 2 {
        return Err(ModelError::TooLittle { found: train.len(), labels: names.len() });
    }
    Ok(Answers { names, problem })
}

/// The targets of a regression: less their mean, over their spread.
struct Numbers {
    scaled: Vec<f64>,
    mean: f64,
    spread: f64,
}

impl Numbers {
    fn of(train: &TrainingSet<'_>) -> Result<Option<Self>, ModelError> {
        if train.kind() != Kind::Regress {
            return Ok(None);
        }
        let numbers = train.targets().iter().map(|target| number(target)).collect::<Result<Vec<f64>, _>>()?;
        let count = numbers.len().max(1) as f64;
        let mean = numbers.iter().sum::<f64>() / count;
        let spread = (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt();
        let spread = if spread > 0.0 { spread } else { 1.0 };
        let scaled = numbers.iter().map(|number| (number - mean) / spread).collect();
        Ok(Some(Self { scaled, mean, spread }))
    }
}

/// What logits are multiplied with, so that probabilities are those of items held out (a temperature's inverse; Guo et al.
/// 2017).
fn sharpness(kind: Kind, objective: &Labelled<'_>, fitting: &Fitting<'_>) -> Result<f64, ModelError> {
    let logits = objective.logits(&objective.held, fitting.stop)?;
    let scores = logits.into_iter().map(|row| row.into_iter().map(f64::from).collect());
    let held: Vec<(usize, Vec<f64>)> = objective.held.iter().copied().zip(scores).collect();
    Ok(sharpen(kind, &held, &objective.right).0)
}

/// What was trained here: a classifier, or what finds spans.
pub(crate) struct Tuned {
    model: Box<dyn Model>,
    /// What is written of it; `None` where it was read.
    written: Option<(Written, String, TrainingReport)>,
}

impl Tuned {
    /// A model that was made of what is written of it, on a base, by a training.
    pub(crate) fn new(
        model: impl Model + 'static,
        written: Written,
        base: String,
        report: TrainingReport,
    ) -> Self {
        Self { model: Box::new(model), written: Some((written, base, report)) }
    }

    /// With what came before the training that it was made by.
    pub(crate) fn pretrained(mut self, pretraining: Pretraining) -> Self {
        if let Some((_, _, report)) = &mut self.written {
            report.pretraining = Some(pretraining);
        }
        self
    }
}

impl Model for Tuned {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        self.model.answer(samples)
    }

    fn facts(&self) -> Facts {
        self.model.facts()
    }

    fn stands_alone(&self) -> bool {
        self.written.as_ref().is_some_and(|(written, ..)| !written.is_adapter())
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        let Some((written, base, report)) = &self.written else {
            return Err(ModelError::Failed("what was read is not written again".to_owned()));
        };
        written.write(folder, base)?;
        report.write(folder)?;
        self.model.save(folder)
    }
}

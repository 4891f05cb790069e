//! A decoder that is trained on what it is asked about the train items: low-rank updates beside its layers (`lora`), or all of its
//! weights (`full`).

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use ordinate_core::task::{Adapt, CandidateEntry};
use ordinate_models::decoder::{
    Place, Question, Sampling, TrainableDecoder, TrainedDecoder, Writer, find, identity, open,
};
use ordinate_models::encoder::{LowRank, Reach, Source};
use ordinate_models::{
    EncoderSource, Facts, Fitting, Identity, Kind, Method, MethodKind, Model, ModelError, Prediction, Reads,
    Reply, Sample, Saved, Training, TrainingSet,
};
use serde::Serialize;

use crate::asked::{Asked, Lessons};
use crate::report::{TrainingReport, threads};
use crate::settings::Settings;
use crate::trainer::{Outcome, PATIENT_PASSES, Recipe, train as run};

/// `adapt = { from = "...", method = "lora" }` with a decoder, and `"full"` and `"auto"`.
pub const DECODER: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "decoder";
/// Raised when the same data come to give another model.
const VERSION: u32 = 2;
/// The largest step for a decoder of 768 dimensions; narrower ones take larger ones: of updates, and of all weights.
const RATES: (f64, f64) = (5e-4, 2e-5);
const LARGEST: f64 = 5e-3;
/// Items that make the passes, and how many of these there are.
const LOOKED_AT: usize = 10_000;
const PASSES: (usize, usize) = (2, 10);
/// The default of `max_minutes` for `auto`.
const MINUTES: f64 = 10.0;
/// Methods that are for encoders, or translators, alone.
const OTHERS: [&str; 6] = ["means", "probe", "contrastive", "mlm", "distill", "seq2seq"];

/// The way of training.
#[derive(Debug, Clone, Serialize)]
struct Decoding {
    reach: &'static str,
    /// Whether it was chosen for the task file's `auto`.
    chosen: bool,
    #[serde(flatten)]
    settings: Settings,
    #[serde(skip)]
    source: Source,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(adapt) = &entry.adapt else { return Ok(None) };
    let (from, method) = (adapt.from.as_str(), adapt.method.as_str());
    if [Adapt::OPENAI, Adapt::SCRATCH, "builtin"].contains(&from) {
        return Ok(None);
    }
    let Some(place) = find(from, base)? else { return Ok(None) };
    let refused = |problem: String| Err(ModelError::Setting(problem));
    if OTHERS.contains(&method) {
        return refused(format!(
            "method {method:?} is not for a model that writes, as {from:?} is; say method = \"lora\", or name an encoder in from"
        ));
    }
    let (reach, takes): (_, &[&str]) = match method {
        "lora" => {
            ("lora", &["epochs", "max_minutes", "learning_rate", "batch_size", "class_weights", "rank"])
        }
        "auto" => ("lora", &["epochs", "max_minutes", "class_weights", "rank"]),
        "full" => ("full", &["epochs", "max_minutes", "learning_rate", "batch_size", "class_weights"]),
        _ => return Ok(None),
    };
    let Place::Folder(source) = place else {
        return refused(format!(
            "{from:?} is a GGUF file, whose weights are not trained; name the folder, or the model of the hub, with its safetensors"
        ));
    };
    if source.folder.join("adapter_config.json").is_file() {
        return refused(format!(
            "{from:?} is an adapter, and training begins with a whole model; merge it with PEFT (`merge_and_unload`) and name the result"
        ));
    }
    let mut settings = Settings::of(adapt, base, takes)?;
    let chosen = method == "auto";
    if chosen {
        settings.max_minutes.get_or_insert(MINUTES);
    }
    Ok(Some(Box::new(Decoding { reach, chosen, settings, source })))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    let source = Source::at(saved.folder);
    Ok(Box::new(Tuned { writer: open(&Place::Folder(source))?, kept: None }))
}

impl Method for Decoding {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a decoder that is adapted"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        let settings = serde_json::to_value(self).map_err(|error| ModelError::Failed(error.to_string()))?;
        let source = Some(identity(&Place::Folder(self.source.clone()))?);
        Ok(Identity { method: NAME, version: VERSION, settings, source })
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify, Kind::Choose, Kind::Text]
    }

    fn instead(&self) -> &'static str {
        "name an encoder in from, or ask the decoder as it is (local = { model = ... })"
    }

    fn reads(&self) -> Reads {
        Reads::Question
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.settings.source)
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.settings.examples, fitting.seed);
        let weights = self.settings.class_weights;
        if weights.is_some() && train.kind() != Kind::Classify {
            let problem =
                "class_weights is for tasks of kind classify, whose items share their labels; remove it";
            return Err(ModelError::Setting(problem.to_owned()));
        }
        let why = format!("LoRA: {} items, and a decoder is adapted by low-rank updates", train.len());
        if self.chosen {
            (fitting.watch)(Training::Chosen(&why));
        }
        let model = TrainableDecoder::open(&self.source, self.reach(), fitting.seed)?;
        let lessons = Lessons::of(&model, &train)?;
        if let Some((count, problem)) = &lessons.left {
            let left = format!("{count} of {} train items are not learned from: {problem}", train.len());
            (fitting.watch)(Training::Left(&left));
        }
        let asked = Asked::new(&model, lessons, weights, (self.settings.batch(), fitting.seed));
        let items = asked.learned.len();
        let outcome = run(&asked, &self.recipe(&model, train.kind(), items)?, fitting)?;
        drop(asked);
        let (writer, trained) = model.trained()?;
        let report =
            self.report(&outcome, (items, trained.trained()), self.chosen.then_some(why), fitting.seed);
        Ok(Box::new(Tuned { writer, kept: Some((trained, self.settings.base(), report)) }))
    }
}

impl Decoding {
    fn reach(&self) -> Reach {
        let rank = self.settings.rank();
        match self.reach {
            "full" => Reach::Whole,
            _ => Reach::Updates(LowRank { rank, alpha: 2.0 * rank as f64 }),
        }
    }

    fn recipe(&self, model: &TrainableDecoder, kind: Kind, items: usize) -> Result<Recipe, ModelError> {
        let usual = if self.reach == "full" { RATES.1 } else { RATES.0 };
        let usual = (usual * 768.0 / model.width().max(1) as f64).min(LARGEST);
        let rate = self.settings.learning_rate.unwrap_or(usual);
        let passes = LOOKED_AT.div_ceil(items.max(1)).clamp(PASSES.0, PASSES.1) as u64;
        let key = serde_json::to_string(&(VERSION, self, kind, items));
        Ok(Recipe {
            epochs: self.settings.epochs.map_or(passes, u64::from),
            patience: PATIENT_PASSES,
            rate,
            new_rate: rate,
            longest: self.settings.longest(),
            key: key.map_err(|error| ModelError::Failed(error.to_string()))?,
        })
    }

    fn report(
        &self,
        outcome: &Outcome,
        (items, trained): (usize, u64),
        chosen: Option<String>,
        seed: u64,
    ) -> TrainingReport {
        TrainingReport {
            method: self.reach.to_owned(),
            chosen,
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

/// A decoder that was trained here.
struct Tuned {
    writer: Writer,
    /// What is written of it; `None` where it was read.
    kept: Option<(TrainedDecoder, String, TrainingReport)>,
}

impl Tuned {
    fn say(&self, question: &Question) -> Result<Prediction, ModelError> {
        let text = self.writer.prompt(&question.messages())?;
        if let Some(options) = &question.options {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            let (best, confidence) = self.writer.choose(&text, &options)?;
            let (output, confidence) = (options[best].to_owned(), Some(confidence));
            return Ok(Prediction { output, confidence, ..Prediction::default() });
        }
        let most = question.most.unwrap_or(usize::MAX);
        let written =
            self.writer.write(&text, most, Sampling::default(), &mut |_| ControlFlow::Continue(()))?;
        Ok(Prediction { output: written.text().trim().to_owned(), ..Prediction::default() })
    }
}

impl Model for Tuned {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let one = |sample: &Sample<'_>| {
            let started = Instant::now();
            let prediction = self.say(&Question::read(sample.text)?)?;
            let took: Duration = started.elapsed();
            Ok(Reply { prediction, took })
        };
        samples.iter().map(one).collect()
    }

    fn writer(&self) -> Option<&Writer> {
        Some(&self.writer)
    }

    fn facts(&self) -> Facts {
        self.writer.facts()
    }

    fn stands_alone(&self) -> bool {
        self.kept.as_ref().is_some_and(|(trained, ..)| !trained.is_adapter())
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        let Some((trained, base, report)) = &self.kept else {
            return Err(ModelError::Failed("what was read is not written again".to_owned()));
        };
        trained.write(folder, base)?;
        report.write(folder)
    }
}

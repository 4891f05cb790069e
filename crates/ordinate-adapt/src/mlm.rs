//! Continued pre-training (Gururangan et al. 2020, "Don't stop pretraining"): an encoder first learns to guess masked tokens of
//! texts of the domain, which need no labels, and then what `full` trains.

use std::path::Path;

use ordinate_core::task::CandidateEntry;
use ordinate_models::encoder::{Answers, Reach, TrainableMasked};
use ordinate_models::{
    EncoderSource, Fitting, Identity, Kind, Method, MethodKind, Model, ModelError, TrainingSet,
};
use serde::Serialize;

use crate::head_first::{head_checkpoint, head_first};
use crate::masking::Masking;
use crate::objective::Objective as _;
use crate::report::Pretraining;
use crate::settings::Settings;
use crate::trainer::{PATIENT_PASSES, Recipe, train as run};
use crate::tune::{Tuning, load};

/// `adapt = { from = "...", method = "mlm" }`.
pub const MLM: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "mlm";
/// Raised when the same data come to give another model.
const VERSION: u32 = 3;
/// The largest step for an encoder of 768 dimensions; narrower ones take larger ones.
const RATE: f64 = 5e-5;
/// The largest step of a new head.
const HEAD_RATE: f64 = 1e-3;
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
        for own in own.iter().flat_map(|own| [own.clone(), head_checkpoint(own)]) {
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
        let masking = Masking::of(model, &texts, fitting.seed)?;
        let before = masking.validate()?;
        let longest = self.settings.longest().map(|all| all / 2);
        let key = |stage: &str| {
            let key = serde_json::to_string(&(VERSION, stage, self, texts.len()));
            key.map_err(|error| ModelError::Failed(error.to_string()))
        };
        let headed = head_first(&masking, HEAD_RATE, longest, key("head")?, fitting)?;
        let usual = (RATE * 768.0 / model.width().max(1) as f64).min(2e-3);
        let rate = self.settings.learning_rate.unwrap_or(usual);
        let recipe = Recipe {
            epochs: LOOKED_AT.div_ceil(masking.texts()).clamp(PASSES.0, PASSES.1) as u64,
            patience: PATIENT_PASSES,
            rate,
            new_rate: rate.max(HEAD_RATE),
            longest: longest.map(|longest| longest.saturating_sub(headed)),
            key: key("masked")?,
        };
        let outcome = run(&masking, &recipe, fitting)?;
        Ok(Pretraining {
            texts: masking.texts(),
            steps: outcome.steps,
            passes: outcome.passes,
            seconds: (headed + outcome.took).as_secs_f64(),
            guessed: before.zip(outcome.best).map(|(before, best)| (before.score, best.score)),
            ended: outcome.ended,
        })
    }
}

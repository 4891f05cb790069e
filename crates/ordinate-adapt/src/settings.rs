//! What a task file says of a training.

use std::path::Path;
use std::time::Duration;

use ordinate_core::CandidateName;
use ordinate_core::task::{Adapt, ClassWeights};
use ordinate_models::encoder::Source;
use ordinate_models::{EncoderSource, ModelError};
use serde::Serialize;

use crate::unlabelled::Unlabelled;

/// The settings that all methods of training weights share.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settings {
    /// The model that is trained on.
    #[serde(skip)]
    pub(crate) source: EncoderSource,
    /// What the task file calls it.
    #[serde(skip)]
    pub(crate) from: String,
    pub(crate) examples: Option<u32>,
    pub(crate) epochs: Option<u32>,
    pub(crate) max_minutes: Option<f64>,
    pub(crate) learning_rate: Option<f64>,
    pub(crate) batch_size: Option<u32>,
    pub(crate) rank: Option<u32>,
    pub(crate) class_weights: Option<ClassWeights>,
    /// Whose answers are learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) teacher: Option<CandidateName>,
    /// Texts without labels: by what is in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) texts: Option<Unlabelled>,
}

/// The default of `batch_size`.
const BATCH: usize = 16;
/// The default of `rank`, that of PEFT.
const RANK: usize = 8;
/// The largest rank: beyond it, training all weights is cheaper.
const MAX_RANK: u32 = 256;

impl Settings {
    /// Those of an entry, whose method takes these keys; `from` is relative to `base`.
    ///
    /// # Errors
    /// [`ModelError::Setting`]; as [`EncoderSource::find`].
    pub(crate) fn of(adapt: &Adapt, base: &Path, takes: &[&str]) -> Result<Self, ModelError> {
        if adapt.from == Adapt::OPENAI {
            let method = &adapt.method;
            return Err(ModelError::Setting(format!(
                "method {method:?} needs the model itself, and an API gives its vectors alone; say method = \"probe\""
            )));
        }
        Self::on(EncoderSource::find(&adapt.from, base)?, adapt, base, takes)
    }

    /// The same, where it is known what is trained on.
    ///
    /// # Errors
    /// [`ModelError::Setting`].
    pub(crate) fn on(
        source: EncoderSource,
        adapt: &Adapt,
        base: &Path,
        takes: &[&str],
    ) -> Result<Self, ModelError> {
        let method = &adapt.method;
        let refused = |problem: String| Err(ModelError::Setting(problem));
        if let Some(key) = adapt.training_keys().into_iter().find(|key| !takes.contains(key)) {
            return refused(format!("{key} is of no use to method {method:?}; remove it"));
        }
        let above = |key: &str, value: Option<f64>, most: f64| match value {
            Some(value) if !(value > 0.0 && value <= most) => {
                Err(ModelError::Setting(format!("{key} is {value}, and is to be above 0 and at most {most}")))
            }
            _ => Ok(()),
        };
        above("max_minutes", adapt.max_minutes, 100_000.0)?;
        above("learning_rate", adapt.learning_rate, 1.0)?;
        let number = |value: Option<std::num::NonZeroU32>| value.map(std::num::NonZeroU32::get);
        above("rank", number(adapt.rank).map(f64::from), f64::from(MAX_RANK))?;
        above("batch_size", number(adapt.batch_size).map(f64::from), 4_096.0)?;
        above("epochs", number(adapt.epochs).map(f64::from), 1_000.0)?;
        Ok(Self {
            source,
            from: adapt.from.clone(),
            examples: adapt.examples,
            epochs: number(adapt.epochs),
            max_minutes: adapt.max_minutes,
            learning_rate: adapt.learning_rate,
            batch_size: number(adapt.batch_size),
            rank: number(adapt.rank),
            class_weights: adapt.class_weights,
            teacher: adapt.teacher.clone(),
            texts: adapt.texts.as_deref().map(|path| Unlabelled::read(&base.join(path))).transpose()?,
        })
    }

    /// The folder of the model.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for the built-in encoder.
    pub(crate) fn folder(&self) -> Result<&Source, ModelError> {
        match &self.source {
            EncoderSource::Folder(source) => Ok(source),
            EncoderSource::Builtin | EncoderSource::Elsewhere(_) => {
                let problem = "the built-in encoder has no layers to train; say method = \"probe\" (or \"auto\"), or name an \
                               encoder in a folder or on the hub, such as hf:sentence-transformers/all-MiniLM-L6-v2";
                Err(ModelError::Setting(problem.to_owned()))
            }
        }
    }

    /// Items of one step.
    pub(crate) fn batch(&self) -> usize {
        self.batch_size.map_or(BATCH, |size| size as usize)
    }

    pub(crate) fn rank(&self) -> usize {
        self.rank.map_or(RANK, |rank| rank as usize)
    }

    pub(crate) fn longest(&self) -> Option<Duration> {
        self.max_minutes.map(|minutes| Duration::from_secs_f64(60.0 * minutes))
    }

    /// Passes over so many items: as many as make 50,000 items, within 4 and 20.
    pub(crate) fn passes(&self, items: usize) -> u64 {
        let usual = 50_000_usize.div_ceil(items.max(1)).clamp(4, 20) as u64;
        self.epochs.map_or(usual, u64::from)
    }

    /// What the model that is trained on is called where others look for it: its name on the hub, or its folder.
    pub(crate) fn base(&self) -> String {
        match (self.from.strip_prefix("hf:"), &self.source) {
            (Some(name), _) => name.split('@').next().unwrap_or(name).to_owned(),
            (None, EncoderSource::Folder(source)) => {
                let folder = std::fs::canonicalize(&source.folder);
                folder.unwrap_or_else(|_| source.folder.clone()).display().to_string()
            }
            (None, _) => self.from.clone(),
        }
    }
}

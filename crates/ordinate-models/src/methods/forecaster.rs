//! A published forecaster as it is: a general model of series that others trained.

use std::path::Path;
use std::time::Instant;

use ordinate_core::Series;
use ordinate_core::task::CandidateEntry;
use serde::{Deserialize, Serialize};

use crate::encoders::EncoderSource;
use crate::error::ModelError;
use crate::forecaster::{Forecaster, is_forecaster};
use crate::kind::Kind;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::{MethodKind, Saved, only};
use crate::model::{Facts, Model, Prediction, Reply, Sample};
use crate::source::Source;

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "published-forecaster";
/// Raised when the same files come to say something else.
const VERSION: u32 = 1;

/// `local = { model = "..." }` with a published forecaster, as it is.
#[derive(Debug, Serialize)]
pub struct PublishedForecaster {
    /// Where it is.
    #[serde(skip)]
    pub source: EncoderSource,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(local) = &entry.local else { return Ok(None) };
    Ok(match EncoderSource::find(&local.model, base)? {
        EncoderSource::Folder(folder) if is_forecaster(&folder) => {
            only(local, &[], "a published forecaster")?;
            Some(Box::new(PublishedForecaster { source: EncoderSource::Folder(folder) }))
        }
        _ => None,
    })
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    match saved.source()? {
        EncoderSource::Folder(source) => open(source, read_model(saved.folder)?),
        _ => Err(saved.damaged(&"its manifest names no folder")),
    }
}

fn open(source: &Source, kept: Kept) -> Result<Box<dyn Model>, ModelError> {
    Ok(Box::new(Published { forecaster: Forecaster::open(source)?, kept }))
}

impl Method for PublishedForecaster {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a published forecaster"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Series]
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn learns(&self) -> bool {
        false
    }

    fn fit(&self, _: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        match &self.source {
            EncoderSource::Folder(source) => open(source, Kept { seed: fitting.seed }),
            _ => Err(ModelError::Failed("its forecaster is not in a folder".to_owned())),
        }
    }
}

/// A forecaster, and what its answers hang on besides.
struct Published {
    forecaster: Forecaster,
    kept: Kept,
}

/// What is kept of it: what is drawn when it is asked again is what was drawn.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Kept {
    seed: u64,
}

impl Model for Published {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let reply = |sample: &Sample<'_>| {
            let started = Instant::now();
            let series = Series::read(sample.text);
            let series = series.ok_or_else(|| ModelError::Failed("the item is no series".to_owned()))?;
            let output = self.forecaster.forecast(&series, self.kept.seed)?.into_output().to_string();
            Ok(Reply::timed(started.elapsed(), || Prediction { output, ..Prediction::default() }))
        };
        samples.iter().map(reply).collect()
    }

    fn facts(&self) -> Facts {
        self.forecaster.facts()
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, &self.kept)
    }
}

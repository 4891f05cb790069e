//! A published model with a head for spans as it is: it answers questions with passages of a text.

use std::path::Path;

use ordinate_core::task::CandidateEntry;
use ordinate_tasks::metric::right_answers;
use serde::Serialize;

use crate::encoder::{Extractor, Spans, is_extractor};
use crate::encoders::EncoderSource;
use crate::error::ModelError;
use crate::kind::Kind;
use crate::manifest::read_model;
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::{MethodKind, Saved, only};
use crate::model::Model;

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "published-extractor";
/// Raised when the same files come to say something else.
const VERSION: u32 = 1;

/// `local = { model = "..." }` with a published model that finds spans, as it is.
#[derive(Debug, Serialize)]
pub struct PublishedExtractor {
    /// Where it is.
    #[serde(skip)]
    pub source: EncoderSource,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(local) = &entry.local else { return Ok(None) };
    Ok(match EncoderSource::find(&local.model, base)? {
        EncoderSource::Folder(folder) if is_extractor(&folder) => {
            only(local, &["precision"], "a model that finds answers in passages")?;
            let source = EncoderSource::Folder(folder).in_precision(local.precision)?;
            Some(Box::new(PublishedExtractor { source }))
        }
        _ => None,
    })
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    match saved.source()? {
        EncoderSource::Folder(source) => Ok(Box::new(Extractor::open(source, read_model(saved.folder)?)?)),
        _ => Err(saved.damaged(&"its manifest names no folder")),
    }
}

/// Whether a target says that nothing in the passage answers.
#[must_use]
pub fn says_nothing(target: &str) -> bool {
    let is_empty = |right: &[&str]| right.iter().all(|one| one.trim().is_empty());
    target.trim() == "[]" || right_answers(target, is_empty)
}

impl Method for PublishedExtractor {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a model that finds answers in passages"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Extract]
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn learns(&self) -> bool {
        false
    }

    /// It may say that nothing answers where targets of the task do.
    fn fit(&self, train: &TrainingSet<'_>, _: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let EncoderSource::Folder(source) = &self.source else {
            return Err(ModelError::Failed("its model is not in a folder".to_owned()));
        };
        let nothing = train.targets().iter().any(|target| says_nothing(target));
        Ok(Box::new(Extractor::open(source, Spans { nothing, ..Spans::default() })?))
    }
}

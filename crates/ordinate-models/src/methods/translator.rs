//! A published translator as it is: a vertical model that others trained for a pair of languages.

use std::path::Path;

use ordinate_core::task::CandidateEntry;
use serde::Serialize;

use crate::encoders::EncoderSource;
use crate::error::ModelError;
use crate::kind::Kind;
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::{MethodKind, Saved, only};
use crate::model::Model;
use crate::seq2seq::{Translator, is_translator};
use crate::source::Source;

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "published-translator";
/// Raised when the same files come to say something else.
const VERSION: u32 = 1;

/// `local = { model = "..." }` with a published translator, as it is.
#[derive(Debug, Serialize)]
pub struct PublishedTranslator {
    /// Where it is.
    #[serde(skip)]
    pub source: EncoderSource,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(local) = &entry.local else { return Ok(None) };
    Ok(match EncoderSource::find(&local.model, base)? {
        EncoderSource::Folder(folder) if is_translator(&folder) => {
            only(local, &[], "a published translator")?;
            Some(Box::new(PublishedTranslator { source: EncoderSource::Folder(folder) }))
        }
        _ => None,
    })
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    match saved.source()? {
        EncoderSource::Folder(source) => open(source),
        _ => Err(saved.damaged(&"its manifest names no folder")),
    }
}

fn open(source: &Source) -> Result<Box<dyn Model>, ModelError> {
    Ok(Box::new(Translator::open(source)?))
}

impl Method for PublishedTranslator {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a published translator"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Text]
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn learns(&self) -> bool {
        false
    }

    fn fit(&self, _: &TrainingSet<'_>, _: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        match &self.source {
            EncoderSource::Folder(source) => open(source),
            _ => Err(ModelError::Failed("its translator is not in a folder".to_owned())),
        }
    }
}

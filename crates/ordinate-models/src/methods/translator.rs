//! A published translator as it is: a vertical model that others trained for a pair of languages.

use std::path::Path;

use ordinate_core::task::CandidateEntry;
use serde::{Deserialize, Serialize};

use crate::encoders::EncoderSource;
use crate::error::ModelError;
use crate::kind::Kind;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::{MethodKind, Saved, only};
use crate::model::{Facts, Model, Reply, Sample};
use crate::seq2seq::{Translator, is_translator};
use crate::source::Source;

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "published-translator";
/// Raised when the same files come to say something else.
const VERSION: u32 = 2;
/// Where what the task file says of writing is kept.
const SAID: &str = "model.json";

/// `local = { model = "..." }` with a published translator, as it is.
#[derive(Debug, Serialize)]
pub struct PublishedTranslator {
    /// Where it is.
    #[serde(skip)]
    pub source: EncoderSource,
    /// The most tokens that it writes; `None` for what its files say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(local) = &entry.local else { return Ok(None) };
    Ok(match EncoderSource::find(&local.model, base)? {
        EncoderSource::Folder(folder) if is_translator(&folder) => {
            only(local, &["max_tokens"], "a published translator")?;
            if local.max_tokens == Some(0) {
                let problem = "max_tokens is 0, and nothing would be written; give 1 or more";
                return Err(ModelError::Setting(problem.to_owned()));
            }
            let (source, max_tokens) = (EncoderSource::Folder(folder), local.max_tokens);
            Some(Box::new(PublishedTranslator { source, max_tokens }))
        }
        _ => None,
    })
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    match saved.source()? {
        EncoderSource::Folder(source) => {
            // Where the task file says nothing, nothing is kept.
            let is_said = saved.folder.join(SAID).is_file();
            let Said { max_tokens } = if is_said { read_model(saved.folder)? } else { Said::default() };
            open(source, max_tokens)
        }
        _ => Err(saved.damaged(&"its manifest names no folder")),
    }
}

fn open(source: &Source, max_tokens: Option<u32>) -> Result<Box<dyn Model>, ModelError> {
    let translator = Translator::open(source)?;
    let translator = match max_tokens {
        Some(tokens) => translator.at_most(tokens),
        None => translator,
    };
    Ok(Box::new(Published { translator, said: Said { max_tokens } }))
}

/// What the task file says of writing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Said {
    max_tokens: Option<u32>,
}

/// A translator, and what the task file says of writing.
struct Published {
    translator: Translator,
    said: Said,
}

impl Model for Published {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        self.translator.answer(samples)
    }

    fn facts(&self) -> Facts {
        self.translator.facts()
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        if self.said.max_tokens.is_some() { write_model(folder, &self.said) } else { Ok(()) }
    }
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
            EncoderSource::Folder(source) => open(source, self.max_tokens),
            _ => Err(ModelError::Failed("its translator is not in a folder".to_owned())),
        }
    }
}

//! What the task file says of a model: which one, and what it learns from.

use std::collections::BTreeMap;
use std::path::Path;

use ordinate_core::task::{CandidateEntry, TaskKind};

use crate::encoder::{Source, builtin, open};
use crate::error::ModelError;
use crate::kind::Kind;
use crate::model::Encoder;

/// A model of the task file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// `local = { model = "ngram-linear" }`.
    Ngram {
        /// Train items at most; `None` for all.
        examples: Option<u32>,
    },
    /// `adapt = { from = "...", method = "probe" }`.
    Probe {
        /// The encoder.
        from: From,
        /// Train items at most; `None` for all.
        examples: Option<u32>,
    },
    /// `local = { model = "..." }` with an encoder.
    ZeroShot {
        /// The encoder.
        from: From,
        /// What labels mean.
        labels: BTreeMap<String, String>,
    },
}

/// An encoder of the task file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The one that Ordinate brings.
    Builtin,
    /// One in a folder or in the hub's cache.
    Folder(Source),
}

impl From {
    fn find(text: &str, base: &Path) -> Result<Self, ModelError> {
        if text == "builtin" { Ok(Self::Builtin) } else { Source::find(text, base).map(Self::Folder) }
    }

    /// Opens it.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(&self) -> Result<Box<dyn Encoder>, ModelError> {
        match self {
            Self::Builtin => Ok(Box::new(builtin()?)),
            Self::Folder(source) => Ok(Box::new(open(source)?)),
        }
    }
}

impl Recipe {
    /// The recipe of a candidate, whose paths are relative to `base`; `None` for one that does not run here.
    ///
    /// # Errors
    /// [`ModelError::Unknown`], [`ModelError::Method`], [`ModelError::File`] where a folder is not there.
    pub fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Self>, ModelError> {
        if let Some(local) = &entry.local {
            return Ok(Some(match local.model.as_str() {
                "ngram-linear" => Self::Ngram { examples: local.examples },
                other => Self::ZeroShot { from: From::find(other, base)?, labels: local.labels.clone() },
            }));
        }
        match &entry.adapt {
            None => Ok(None),
            Some(adapt) if adapt.method == "probe" => {
                Ok(Some(Self::Probe { from: From::find(&adapt.from, base)?, examples: adapt.examples }))
            }
            Some(adapt) => Err(ModelError::Method(adapt.method.clone())),
        }
    }

    /// The encoder that it needs.
    #[must_use]
    pub fn from(&self) -> Option<&From> {
        match self {
            Self::Ngram { .. } => None,
            Self::Probe { from, .. } | Self::ZeroShot { from, .. } => Some(from),
        }
    }

    /// Train items at most; `None` for all.
    pub(crate) fn examples(&self) -> Option<u32> {
        match self {
            Self::Ngram { examples } | Self::Probe { examples, .. } => *examples,
            Self::ZeroShot { .. } => None,
        }
    }

    /// The kind of task that it is asked to do.
    ///
    /// # Errors
    /// [`ModelError::Kind`].
    pub fn kind(kind: TaskKind) -> Result<Kind, ModelError> {
        match kind {
            TaskKind::Classify => Ok(Kind::Classify),
            TaskKind::Tag => Ok(Kind::Tag),
            other => {
                let name = serde_json::to_value(other).ok();
                Err(ModelError::Kind(name.and_then(|v| Some(v.as_str()?.to_owned())).unwrap_or_default()))
            }
        }
    }
}

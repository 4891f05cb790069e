//! What the task file says of a model: which one, and what it learns from.

use ordinate_core::task::{CandidateEntry, TaskKind};
use serde::Serialize;

use crate::error::ModelError;
use crate::kind::Kind;

/// A model of the task file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Recipe {
    /// `local = { model = "ngram-linear" }`.
    Ngram {
        /// Train items at most; `None` for all.
        examples: Option<u32>,
    },
}

impl Recipe {
    /// The recipe of a candidate; `None` for one that does not run here.
    ///
    /// # Errors
    /// [`ModelError::Unknown`], [`ModelError::Method`].
    pub fn of(entry: &CandidateEntry) -> Result<Option<Self>, ModelError> {
        if let Some(local) = &entry.local {
            return match local.model.as_str() {
                "ngram-linear" => Ok(Some(Self::Ngram { examples: local.examples })),
                other => Err(ModelError::Unknown(other.to_owned())),
            };
        }
        match &entry.adapt {
            None => Ok(None),
            Some(adapt) => Err(ModelError::Method(adapt.method.clone())),
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
            other => Err(ModelError::Kind(
                serde_json::to_value(other)
                    .ok()
                    .and_then(|v| Some(v.as_str()?.to_owned()))
                    .unwrap_or_default(),
            )),
        }
    }
}

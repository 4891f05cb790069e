//! A trained model as a file: what hosting it needs, besides the folder of its encoder.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use std::collections::{BTreeMap, BTreeSet};

use crate::boosted::Boosted;
use crate::cloze::Cloze;
use crate::encoder::{Source, builtin};
use crate::error::ModelError;
use crate::head::Head;
use crate::inspect::inspect_source;
use crate::kind::Kind;
use crate::model::{Encoder as _, Model};
use crate::nearest::{Known, Nearest};
use crate::ngram::Ngram;
use crate::probe::Probe;
use crate::published::{Matched, Published};
use crate::recipe::From;

/// A model that was trained on a task's items, or matched to its labels: everything but the weights that lie in files
/// anyhow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved(Kept);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Kept {
    Ngram(Box<Ngram>),
    Probe {
        from: From,
        linear: Head,
    },
    Nearest {
        from: From,
        known: Known,
    },
    Published(Matched),
    Cloze {
        source: Source,
        template: String,
        names: BTreeSet<String>,
        words: BTreeMap<String, String>,
    },
    /// As its crate writes it.
    Boosted(String),
}

impl From {
    fn disk_bytes(&self) -> Result<u64, ModelError> {
        match self {
            Self::Builtin => Ok(builtin()?.facts().bytes),
            Self::Folder(source) => Ok(inspect_source(source).disk_bytes),
            Self::Elsewhere => Ok(0),
        }
    }
}

impl Saved {
    pub(crate) fn new(kept: Kept) -> Self {
        Self(kept)
    }

    /// Reads one that [`Self::write`] wrote, and makes it ready to answer.
    ///
    /// # Errors
    /// [`ModelError::File`] for a file that is missing or damaged, also of its encoder.
    pub fn open(path: &Path) -> Result<Box<dyn Model>, ModelError> {
        let bad = |error: &dyn std::fmt::Display| ModelError::File {
            path: path.to_owned(),
            problem: format!("is no model that was saved here: {error}; run the task again"),
        };
        let bytes = fs::read(path).map_err(|error| bad(&error))?;
        let saved: Self = serde_json::from_slice(&bytes).map_err(|error| bad(&error))?;
        drop(bytes);
        Ok(match saved.0 {
            Kept::Ngram(model) => model,
            Kept::Probe { from, linear } => Box::new(Probe::of(from.open()?, linear)),
            Kept::Nearest { from, known } => Box::new(Nearest::of(from.open()?, known)),
            Kept::Published(matched) => Box::new(Published::of(&matched)?),
            Kept::Cloze { source, template, names, words } => {
                Box::new(Cloze::open(&source, Kind::Classify, &template, &names, &words)?)
            }
            Kept::Boosted(text) => Box::new(Boosted::from_json(&text).map_err(|error| bad(&error))?),
        })
    }

    /// Writes it, as JSON.
    ///
    /// # Errors
    /// [`ModelError::File`] where the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ModelError> {
        let text = serde_json::to_vec(self).map_err(|error| error.to_string());
        text.and_then(|text| fs::write(path, text).map_err(|error| error.to_string())).map_err(|error| {
            ModelError::File { path: path.to_owned(), problem: format!("cannot be written: {error}") }
        })
    }

    /// Bytes of the files that it needs besides the one that [`Self::write`] wrote: those of its encoder or classifier.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the built-in encoder is damaged.
    pub fn further_bytes(&self) -> Result<u64, ModelError> {
        match &self.0 {
            Kept::Ngram(_) | Kept::Boosted(_) => Ok(0),
            Kept::Probe { from, .. } | Kept::Nearest { from, .. } => from.disk_bytes(),
            Kept::Published(Matched { source, .. }) | Kept::Cloze { source, .. } => {
                Ok(inspect_source(source).disk_bytes)
            }
        }
    }
}

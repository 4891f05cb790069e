//! What the task file says of a model: which one, and what it learns from.

use std::collections::BTreeMap;
use std::path::Path;

use ordinate_core::task::CandidateEntry;
use serde::{Deserialize, Serialize};

use crate::cloze::Cloze;
use crate::encoder::{Source, builtin, is_classifier, open};
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
    /// `local = { model = "gradient-boosting" }`.
    Boosted {
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
    Nearest {
        /// The encoder.
        from: From,
        /// What labels mean.
        labels: BTreeMap<String, String>,
        /// Train items that are looked at for nearest examples; `None` for none of them.
        examples: Option<u32>,
    },
    /// `local = { model = "..." }` with a published sequence classifier, as it is.
    Published {
        /// The model.
        source: Source,
        /// Its name for each of the task's labels, where that is another.
        labels: BTreeMap<String, String>,
    },
    /// `local = { model = "...", template = "{input} It is [MASK]." }` with a masked language model.
    Cloze {
        /// The model.
        source: Source,
        /// The sentence with a gap.
        template: String,
        /// The word that stands in the gap for each label, where that is another than its name.
        labels: BTreeMap<String, String>,
    },
}

/// An encoder of the task file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum From {
    /// The one that Ordinate brings.
    Builtin,
    /// One in a folder or in the hub's cache.
    Folder(Source),
    /// One behind an API, whose vectors are given ([`crate::Embedded::elsewhere`]).
    Elsewhere,
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
            Self::Elsewhere => Err(ModelError::Failed("its encoder is not in this process".to_owned())),
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
            let (labels, examples) = (local.labels.clone(), local.examples);
            if let Some(template) = &local.template {
                let From::Folder(source) =
                    Cloze::allowed(local).and_then(|()| From::find(&local.model, base))?
                else {
                    return Err(Cloze::not_for(&local.model));
                };
                return Ok(Some(Self::Cloze { source, template: template.clone(), labels }));
            }
            if local.model == "ngram-linear" {
                return Ok(Some(Self::Ngram { examples }));
            }
            if local.model == "gradient-boosting" {
                return Ok(Some(Self::Boosted { examples }));
            }
            return Ok(Some(match From::find(&local.model, base)? {
                From::Folder(source) if is_classifier(&source) && examples.is_none() => {
                    Self::Published { source, labels }
                }
                from => Self::Nearest { from, labels, examples },
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
            Self::Ngram { .. } | Self::Boosted { .. } | Self::Published { .. } | Self::Cloze { .. } => None,
            Self::Probe { from, .. } | Self::Nearest { from, .. } => Some(from),
        }
    }

    /// A digest of everything besides itself and the items that its answers hang on.
    ///
    /// # Errors
    /// [`ModelError::File`] where a file cannot be read.
    pub fn identity(&self) -> Result<String, ModelError> {
        match (self, self.from()) {
            (Self::Published { source, .. } | Self::Cloze { source, .. }, _)
            | (_, Some(From::Folder(source))) => source.identity(),
            // Raised with the file that is built in.
            (_, Some(From::Builtin)) => Ok("builtin 1".to_owned()),
            // Raised when the same data come to give other trees.
            (Self::Boosted { .. }, _) => Ok("boosted 1".to_owned()),
            // The vectors themselves say which.
            (_, Some(From::Elsewhere) | None) => Ok(String::new()),
        }
    }

    /// Train items at most; `None` for all.
    pub(crate) fn examples(&self) -> Option<u32> {
        match self {
            Self::Ngram { examples }
            | Self::Boosted { examples }
            | Self::Probe { examples, .. }
            | Self::Nearest { examples, .. } => *examples,
            Self::Published { .. } | Self::Cloze { .. } => None,
        }
    }

    /// Whether it reads fields of items, and not their text.
    #[must_use]
    pub fn reads_features(&self) -> bool {
        matches!(self, Self::Boosted { .. })
    }

    /// The kind of task that it is asked to do.
    ///
    /// # Errors
    /// [`ModelError::Kind`] where it does not do that kind.
    pub fn kind(&self, kind: &dyn ordinate_tasks::Kind) -> Result<Kind, ModelError> {
        let (model, does, kinds): (_, _, &[Kind]) = match self {
            Self::Ngram { .. } => {
                ("ngram-linear", "classify, tag and regress", &[Kind::Classify, Kind::Tag, Kind::Regress])
            }
            Self::Probe { .. } => {
                ("a probe", "classify, tag and regress", &[Kind::Classify, Kind::Tag, Kind::Regress])
            }
            Self::Boosted { .. } => {
                ("gradient-boosting", "classify and regress", &[Kind::Classify, Kind::Regress])
            }
            Self::Nearest { .. } => {
                ("an encoder without a probe", "classify and tag", &[Kind::Classify, Kind::Tag])
            }
            Self::Published { .. } => {
                ("a published classifier", "classify and tag", &[Kind::Classify, Kind::Tag])
            }
            Self::Cloze { .. } => ("a masked language model", "classify", &[Kind::Classify]),
        };
        Kind::of(kind).filter(|asked| kinds.contains(asked)).ok_or_else(|| {
            let kind = kind.name().to_owned();
            ModelError::Kind { model, does, kind }
        })
    }
}

//! The methods of training: one file and one line in [`BUILT_IN`] each.

use std::path::Path;

use ordinate_core::task::{CandidateEntry, Local};

use crate::encoders::{EncoderSource, Encoders};
use crate::error::ModelError;
use crate::manifest::Manifest;
use crate::method::Method;
use crate::model::Model;

pub(crate) mod boosted;
pub(crate) mod cloze;
pub(crate) mod extractor;
pub(crate) mod fields;
pub(crate) mod forecaster;
pub(crate) mod lags;
pub(crate) mod matched;
pub(crate) mod means;
pub(crate) mod memory;
pub(crate) mod nearest;
pub(crate) mod ngram;
pub(crate) mod pictured;
pub(crate) mod probe;
pub(crate) mod published;
pub(crate) mod translator;

/// What makes a method of a candidate whose paths are relative to a folder.
pub type Of = fn(&CandidateEntry, &Path) -> Result<Option<Box<dyn Method>>, ModelError>;

/// A kind of method: how the task file asks for it, and how its models are read again.
#[derive(Clone, Copy)]
pub struct MethodKind {
    /// Its name in manifests.
    pub name: &'static str,
    /// The method with the settings of a candidate whose paths are relative to a folder; `None` where the candidate asks
    /// for something else.
    pub of: Of,
    /// Reads what [`Model::save`] wrote into a folder.
    pub load: fn(&Saved<'_>) -> Result<Box<dyn Model>, ModelError>,
}

/// Refuses the keys of an entry that mean nothing to what answers free texts here, besides those that it `takes`.
pub(crate) fn only(local: &Local, takes: &[&str], what: &str) -> Result<(), ModelError> {
    let keys = [
        ("labels", !local.labels.is_empty()),
        ("template", local.template.is_some()),
        ("examples", local.examples.is_some()),
        ("max_tokens", local.max_tokens.is_some()),
        ("temperature", local.temperature.is_some()),
        ("top_p", local.top_p.is_some()),
        ("engine", local.engine.is_some()),
        ("precision", local.precision.is_some()),
    ];
    match keys.iter().find(|(key, given)| *given && !takes.contains(key)) {
        Some((key, _)) => Err(ModelError::Setting(format!("{key} means nothing to {what}; remove it"))),
        None => Ok(()),
    }
}

/// A model that was saved, as its method reads it.
pub struct Saved<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// What its manifest says.
    pub manifest: &'a Manifest,
    /// The encoders that are open.
    pub encoders: &'a Encoders,
}

impl Saved<'_> {
    /// What it stands on.
    ///
    /// # Errors
    /// [`ModelError::File`] where the manifest does not say so.
    pub fn source(&self) -> Result<&EncoderSource, ModelError> {
        self.manifest.source.as_ref().ok_or_else(|| self.damaged(&"its manifest names no source"))
    }

    /// That it cannot be read.
    pub fn damaged(&self, problem: &dyn std::fmt::Display) -> ModelError {
        crate::manifest::damaged(self.folder, problem)
    }
}

/// The first that takes a candidate has it: those that are named come before those that take what is left.
const BUILT_IN: [MethodKind; 14] = [
    ngram::KIND,
    boosted::KIND,
    fields::KIND,
    memory::KIND,
    lags::KIND,
    cloze::KIND,
    translator::KIND,
    forecaster::KIND,
    pictured::KIND,
    extractor::KIND,
    published::KIND,
    nearest::KIND,
    probe::KIND,
    means::KIND,
];

/// The methods that there are: those that Ordinate brings, and a caller's own.
#[derive(Clone)]
pub struct Methods(Vec<MethodKind>);

impl Default for Methods {
    fn default() -> Self {
        Self(BUILT_IN.to_vec())
    }
}

impl Methods {
    /// With one more, which is asked before the others.
    #[must_use]
    pub fn with(mut self, kind: MethodKind) -> Self {
        self.0.insert(0, kind);
        self
    }

    /// The method of a candidate, whose paths are relative to `base`; `None` for one that is not made here.
    ///
    /// # Errors
    /// [`ModelError::Unknown`], [`ModelError::Method`], [`ModelError::File`] where a folder is not there.
    pub fn of(&self, entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
        for kind in &self.0 {
            if let Some(method) = (kind.of)(entry, base)? {
                return computes_as_asked(entry, &*method).map(|()| Some(method));
            }
        }
        match &entry.adapt {
            None => Ok(None),
            Some(adapt) => Err(ModelError::Method(adapt.method.clone())),
        }
    }

    /// Reads a model that [`crate::save`] wrote, and makes it ready to answer.
    ///
    /// # Errors
    /// [`ModelError::File`] for a file that is missing or damaged, also of its encoder, or of a version or a method that
    /// is not known.
    pub fn load(&self, folder: &Path, encoders: &Encoders) -> Result<Box<dyn Model>, ModelError> {
        let manifest = Manifest::read_whole(folder)?;
        let kind = self.0.iter().find(|kind| kind.name == manifest.method).ok_or_else(|| {
            crate::manifest::damaged(folder, &format!("its method {:?} is not known", manifest.method))
        })?;
        (kind.load)(&Saved { folder, manifest: &manifest, encoders })
    }
}

/// Refuses `precision` for what does not heed it.
fn computes_as_asked(entry: &CandidateEntry, method: &dyn Method) -> Result<(), ModelError> {
    let asked = entry.local.as_ref().and_then(|local| local.precision);
    let asked = asked.or(entry.adapt.as_ref().and_then(|adapt| adapt.precision)).unwrap_or_default();
    let done = method.source().map(EncoderSource::precision).unwrap_or_default();
    if asked == done {
        return Ok(());
    }
    Err(ModelError::Setting(format!(
        "precision is for the vectors of encoders, for published classifiers and for finders of spans, and {} takes none; \
         remove it (a model that was trained here answers in it as local = {{ model = \"RUN/models/NAME\", precision = ... }})",
        method.title()
    )))
}

/// The values of fields in an item that is told as lines `name: value`; `None` for those that it does not tell.
fn told(names: &[&str], text: &str) -> Vec<Option<String>> {
    let mut values = vec![None; names.len()];
    for line in text.lines() {
        // A name may hold a colon: the longest that fits is meant.
        let fits = |name: &str| {
            let value = line.strip_prefix(name)?.strip_prefix(':')?.trim();
            Some((name.len(), value.to_owned()))
        };
        let best = names.iter().enumerate().filter_map(|(at, name)| Some((at, fits(name)?)));
        if let Some((at, (_, value))) = best.max_by_key(|(_, (length, _))| *length) {
            values[at] = Some(value);
        }
    }
    values
}

//! The means of labels' vectors, on an encoder that stays as it is: the cheapest way to adapt one.

use std::path::Path;

use ordinate_core::task::CandidateEntry;
use serde::Serialize;

use crate::class_means::ClassMeans;
use crate::encoders::EncoderSource;
use crate::error::ModelError;
use crate::head::Head;
use crate::kind::Kind;
use crate::method::{Fitting, Identity, Method, Reads, TrainingSet};
use crate::methods::MethodKind;
use crate::methods::probe::{self, Probe};
use crate::model::Model;
use crate::vision::sees;

/// Its line in the table of methods.
pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load: probe::KIND.load };
const NAME: &str = "means";
/// Raised when the same data come to give another model.
const VERSION: u32 = 1;

/// `adapt = { from = "...", method = "means" }`.
#[derive(Debug, Serialize)]
pub struct Averaging {
    /// The encoder.
    #[serde(skip)]
    pub source: EncoderSource,
    /// Train items at most; `None` for all.
    pub examples: Option<u32>,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some((source, examples)) = probe::asked(NAME, entry, base)? else { return Ok(None) };
    Ok(Some(Box::new(Averaging { source, examples })))
}

impl Method for Averaging {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "nearest class means"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify]
    }

    fn reads(&self) -> Reads {
        if sees(&self.source) { Reads::Image } else { Reads::Text }
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn encoder(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let encoder = fitting.encoders.get(&self.source)?;
        let train = train.some(self.examples, fitting.seed);
        let embedded = encoder.embed(&train.texts(), fitting.stop)?;
        let vectors: Vec<&[f32]> = embedded.iter().map(|one| one.vector.as_slice()).collect();
        Ok(Box::new(Probe::on(encoder, Head::Means(ClassMeans::fit(&vectors, &train.labels())?))))
    }
}

//! A published network of images as it is: a model that others trained, with its own labels.

use std::collections::BTreeMap;
use std::path::Path;

use ordinate_core::task::CandidateEntry;
use serde::Serialize;

use crate::encoders::EncoderSource;
use crate::error::ModelError;
use crate::kind::Kind;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, Reads, TrainingSet};
use crate::methods::matched::Matched;
use crate::methods::{MethodKind, Saved, only};
use crate::model::{Facts, Model, Reply, Sample};
use crate::source::Source;
use crate::vision::{PublishedNetwork, is_published_network};

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "published-image-classifier";
/// Raised when the same files come to say something else.
const VERSION: u32 = 1;

/// `local = { model = "..." }` with a published network of images, as it is.
#[derive(Debug, Serialize)]
pub struct PublishedImageClassifier {
    /// Where it is.
    #[serde(skip)]
    pub source: EncoderSource,
    /// Its name for each of the task's labels, where that is another.
    pub labels: BTreeMap<String, String>,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(local) = &entry.local else { return Ok(None) };
    Ok(match EncoderSource::find(&local.model, base)? {
        EncoderSource::Folder(folder) if is_published_network(&folder) => {
            only(local, &["labels"], "a published network of images")?;
            let (source, labels) = (EncoderSource::Folder(folder), local.labels.clone());
            Some(Box::new(PublishedImageClassifier { source, labels }))
        }
        _ => None,
    })
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    match saved.source()? {
        EncoderSource::Folder(source) => {
            let matched = read_model(saved.folder)?;
            Ok(Box::new(Published { network: PublishedNetwork::open(source)?, matched }))
        }
        _ => Err(saved.damaged(&"its manifest names no folder")),
    }
}

fn open(
    source: &Source,
    train: &TrainingSet<'_>,
    labels: &BTreeMap<String, String>,
) -> Result<Box<dyn Model>, ModelError> {
    let network = PublishedNetwork::open(source)?;
    network.headed()?;
    let matched = Matched::new(network.labels(), train.kind(), &train.names(), labels)?;
    Ok(Box::new(Published { network, matched }))
}

impl Method for PublishedImageClassifier {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a published network of images"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify]
    }

    fn reads(&self) -> Reads {
        Reads::Image
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn learns(&self) -> bool {
        false
    }

    fn fit(&self, train: &TrainingSet<'_>, _: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        match &self.source {
            EncoderSource::Folder(source) => open(source, train, &self.labels),
            _ => Err(ModelError::Failed("its network is not in a folder".to_owned())),
        }
    }
}

/// A network whose labels were matched to the task's.
struct Published {
    network: PublishedNetwork,
    matched: Matched,
}

impl Model for Published {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        self.network.answered(samples, &self.matched)
    }

    fn shares(&self, samples: &[Sample<'_>], label: &str) -> Result<Option<Vec<f64>>, ModelError> {
        self.network.shares(samples, &self.matched, label)
    }

    fn facts(&self) -> Facts {
        self.network.facts()
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, &self.matched)
    }
}

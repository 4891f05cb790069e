//! A method of training of a caller's own, in one file: what the first word says, learned by heart.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ordinate_core::task::CandidateEntry;
use ordinate_models::{
    Facts, Fitting, Identity, Kind, Method, MethodKind, Model, ModelError, Prediction, Reply, Sample, Saved,
    TrainingSet,
};
use serde::Serialize;

pub const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "by-heart";

#[derive(Debug, Serialize)]
struct ByHeart;

fn of(entry: &CandidateEntry, _: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let is_ours = entry.local.as_ref().is_some_and(|local| local.model == NAME);
    Ok(is_ours.then(|| Box::new(ByHeart) as _))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    let text = std::fs::read(saved.folder.join("words.json")).map_err(|error| saved.damaged(&error))?;
    Ok(Box::new(Words(serde_json::from_slice(&text).map_err(|error| saved.damaged(&error))?)))
}

impl Method for ByHeart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, 1)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify]
    }

    fn fit(&self, train: &TrainingSet<'_>, _: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let pairs = train.texts().into_iter().zip(train.targets());
        Ok(Box::new(Words(pairs.map(|(text, target)| (first(text), (*target).to_owned())).collect())))
    }
}

fn first(text: &str) -> String {
    text.split(' ').next().unwrap_or_default().to_owned()
}

struct Words(BTreeMap<String, String>);

impl Model for Words {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let said = |sample: &Sample<'_>| Prediction {
            output: self.0.get(&first(sample.text)).cloned().unwrap_or_else(|| "even".into()),
            ..Prediction::default()
        };
        Ok(samples.iter().map(|sample| Reply::timed(Duration::ZERO, || said(sample))).collect())
    }

    fn facts(&self) -> Facts {
        Facts { parameters: self.0.len() as u64, bytes: 64 * self.0.len() as u64 }
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        let path = folder.join("words.json");
        let text = serde_json::to_vec(&self.0).map_err(|error| ModelError::Failed(error.to_string()))?;
        std::fs::write(&path, text).map_err(|error| ModelError::File { path, problem: error.to_string() })
    }
}

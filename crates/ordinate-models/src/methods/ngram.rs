//! The vertical model from scratch: n-grams of words and characters, TF-IDF, and one logistic regression per label, or a ridge
//! regression of numbers.

use std::path::Path;
use std::time::Duration;

use ordinate_core::task::CandidateEntry;
use ordinate_features::{Ngrams, Smoothing, Sparse, Tfidf};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::head::Head;
use crate::kind::Kind;
use crate::linear::Rows;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::{MethodKind, Saved};
use crate::model::{Facts, Model, Reply, Sample};
use crate::stop::Stop;

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "ngram-linear";
/// Raised when the same data come to give another model.
const VERSION: u32 = 2;

/// `local = { model = "ngram-linear" }`.
#[derive(Debug, Serialize)]
pub struct NgramLinear {
    /// Train items at most; `None` for all.
    pub examples: Option<u32>,
}

fn of(entry: &CandidateEntry, _: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let named = entry.local.as_ref().filter(|local| local.model == NAME && local.template.is_none());
    Ok(named.map(|local| Box::new(NgramLinear { examples: local.examples }) as _))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    Ok(Box::new(read_model::<Ngram>(saved.folder)?))
}

impl Method for NgramLinear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify, Kind::Tag, Kind::Regress]
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.examples, fitting.seed);
        Ok(Box::new(Ngram::fit(train.kind(), &train.texts(), &train.labels(), fitting.stop)?))
    }
}

/// Words and word pairs, and characters by two to five: enough for any script, without knowing one.
const GRAMS: Ngrams = Ngrams { words: (1, 2), chars: (2, 5), bits: 20 };
const COSTS: [f64; 3] = [2.0, 8.0, 32.0];

/// N-grams and a linear model on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ngram {
    grams: Ngrams,
    tfidf: Tfidf,
    /// Places of the hash that training texts had: feature `i` is place `seen[i]`.
    seen: Vec<u32>,
    linear: Head,
}

impl Ngram {
    /// Trains on texts and the labels of each.
    ///
    /// # Errors
    /// As [`Head::fit`].
    pub fn fit(
        kind: Kind,
        texts: &[&str],
        targets: &[Vec<String>],
        stop: Stop<'_>,
    ) -> Result<Self, ModelError> {
        let counts: Vec<Sparse> = texts.par_iter().map(|text| GRAMS.counts(text)).collect();
        // With few texts an n-gram of one text still tells something; with many it is noise, and most of the memory.
        let least = if texts.len() < 1_000 { 1 } else { 2 };
        let tfidf = Tfidf::fit(&counts, GRAMS.dims(), least, Smoothing::Smooth);
        let weighted: Vec<Sparse> = counts.par_iter().map(|counts| tfidf.transform(counts)).collect();
        let mut seen: Vec<u32> = weighted.iter().flat_map(|row| row.index.iter().copied()).collect();
        seen.sort_unstable();
        seen.dedup();
        let rows: Vec<Sparse> = weighted.par_iter().map(|row| narrow(row, &seen)).collect();
        let linear = Head::fit(kind, Rows::Sparse(&rows, seen.len()), targets, &COSTS, stop)?;
        Ok(Self { grams: GRAMS, tfidf, seen, linear })
    }

    fn features(&self, text: &str) -> Sparse {
        narrow(&self.tfidf.transform(&self.grams.counts(text)), &self.seen)
    }
}

/// Renumbers places of the hash; those that were not seen are left out. Both are in ascending order.
fn narrow(row: &Sparse, seen: &[u32]) -> Sparse {
    let mut narrow = Sparse::default();
    for (place, value) in row.iter() {
        if let Ok(feature) = seen.binary_search(&place) {
            narrow.index.push(feature as u32);
            narrow.value.push(value);
        }
    }
    narrow
}

impl Model for Ngram {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let reply = |sample: &Sample<'_>| {
            Reply::timed(Duration::ZERO, || self.linear.predict(&self.features(sample.text)))
        };
        // One alone is answered at once: to hand it to another thread takes longer than to answer it.
        Ok(match samples {
            [one] => vec![reply(one)],
            many => many.par_iter().map(reply).collect(),
        })
    }

    fn facts(&self) -> Facts {
        let parameters = self.linear.parameters();
        // Weights, places, and counts and weights of the TF-IDF, four bytes each.
        let others = self.seen.len() as u64 + 2 * self.grams.dims() as u64;
        Facts { parameters, bytes: 4 * (parameters + others) }
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, self)
    }
}

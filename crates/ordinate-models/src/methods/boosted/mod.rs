//! Gradient boosting on the fields of items: trees, each of which mends what those before it got wrong (Friedman 2001).
//! The trees are those of the crate `forust-ml`, which grows them as XGBoost does.

mod order;
mod targets;
mod trees;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ordinate_core::features::{Feature, Features, Values};
use ordinate_core::task::CandidateEntry;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::head::said;
use crate::kind::Kind;
use crate::linear::{probabilities, sharpen, splits};
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, Reads, TrainingSet};
use crate::methods::{MethodKind, Saved, told};
use crate::model::{Facts, Model, Prediction, Reply, Sample};
use crate::stop::Stop;
use order::{Response, order};
use targets::{Targets, aims, spread};
use trees::{Rows, Trees, most_trees};

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "gradient-boosting";
/// Raised when the same data come to give other trees.
const VERSION: u32 = 1;

/// `local = { model = "gradient-boosting" }`.
#[derive(Debug, Serialize)]
pub struct GradientBoosting {
    /// Train items at most; `None` for all.
    pub examples: Option<u32>,
}

fn of(entry: &CandidateEntry, _: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let named = entry.local.as_ref().filter(|local| local.model == NAME && local.template.is_none());
    Ok(named.map(|local| Box::new(GradientBoosting { examples: local.examples }) as _))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    Ok(Box::new(read_model::<Boosted>(saved.folder)?))
}

impl Method for GradientBoosting {
    fn name(&self) -> &'static str {
        NAME
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify, Kind::Regress]
    }

    fn reads(&self) -> Reads {
        Reads::Fields
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.examples, fitting.seed);
        let (features, rows) = train.table()?;
        Ok(Box::new(Boosted::fit(train.kind(), features, &rows, train.targets(), fitting.stop)?))
    }
}

/// Trees where no rows could be held out.
const FEW_TREES: usize = 20;

/// Trees on the fields of items, for one label or a number.
#[derive(Serialize, Deserialize)]
pub struct Boosted {
    fields: Vec<Field>,
    answers: Answers,
    trees: Trees,
}

/// What is made of the sums of the trees.
#[derive(Serialize, Deserialize)]
enum Answers {
    /// The most probable label: the softmax of the sums, times what made them right on rows that the trees had not seen
    /// (a temperature's inverse; Guo et al. 2017).
    Labels { labels: Vec<String>, sharpness: f64 },
    /// The mean of the numbers that were learnt from, and as many of their standard deviations as the trees say.
    Number { mean: f64, deviation: f64 },
}

/// How a field becomes a number.
#[derive(Clone, Serialize, Deserialize)]
struct Field {
    name: String,
    /// The place of each category; `None` where the field holds numbers.
    places: Option<BTreeMap<String, f64>>,
}

impl Boosted {
    /// Trains on these rows of the features, and the target of each. How many trees there are, and how sure they may be,
    /// is told by rows held out: a fifth of them, or each once where there are few.
    ///
    /// # Errors
    /// [`ModelError::TooLittle`], [`ModelError::TooFew`], [`ModelError::NoNumber`]; [`ModelError::Failed`] where there
    /// is no field.
    pub fn fit(
        kind: Kind,
        features: &Features,
        rows: &[usize],
        targets: &[&str],
        stop: Stop<'_>,
    ) -> Result<Self, ModelError> {
        if features.is_empty() {
            return Err(ModelError::Failed("the items have no fields".to_owned()));
        }
        let targets = Targets::of(kind, targets)?;
        let all: Vec<usize> = (0..rows.len()).collect();
        let grower = Grower { features, rows, targets: &targets };
        // Rounds in which nothing can be told apart say nothing.
        let rounds: Vec<_> =
            splits(&all).into_iter().filter(|(train, _)| targets.some(train).differ()).collect();
        let held: Vec<Held> = rounds
            .par_iter()
            .map(|(train, test)| stop.check().and_then(|()| grower.held_out(train, test)))
            .collect::<Result<_, ModelError>>()?;
        let counts: Vec<usize> = (0..targets.objective().ensembles())
            .map(|ensemble| match held.len() {
                0 => FEW_TREES,
                rounds => held.iter().map(|held| held.trees[ensemble]).sum::<usize>().div_ceil(rounds).max(1),
            })
            .collect();
        stop.check()?;
        let (fields, trees) = grower.grow(&all, &counts, None)?;
        let answers = match &targets {
            Targets::Numbers(numbers) => {
                let (mean, deviation) = spread(numbers);
                Answers::Number { mean, deviation }
            }
            Targets::Labels { names, places } => {
                let scores: Vec<_> = held.into_iter().flat_map(|held| held.scores).collect();
                let right: Vec<Vec<usize>> = places.iter().map(|place| vec![*place]).collect();
                let sharpness =
                    if scores.is_empty() { 1.0 } else { sharpen(Kind::Classify, &scores, &right).0 };
                Answers::Labels { labels: names.clone(), sharpness }
            }
        };
        Ok(Self { fields, answers, trees })
    }

    /// The answer to a row of features that are named as those that it was trained on.
    #[must_use]
    pub fn predict(&self, features: &Features, row: usize) -> Prediction {
        self.say(&self.row(features, row))
    }

    /// The probability of a label for a row of features; `None` where it is not known, or answers are numbers.
    #[must_use]
    pub fn probability(&self, features: &Features, row: usize, label: &str) -> Option<f64> {
        let Answers::Labels { labels, sharpness } = &self.answers else { return None };
        let place = labels.iter().position(|known| known == label)?;
        let shares = probabilities(Kind::Classify, &self.trees.sums(&self.row(features, row)), *sharpness);
        shares.get(place).copied()
    }

    fn row(&self, features: &Features, row: usize) -> Vec<f64> {
        let columns = self.fields.iter().zip(features.columns());
        columns.map(|(field, feature)| field.number(feature, row)).collect()
    }

    fn say(&self, cells: &[f64]) -> Prediction {
        let sums = self.trees.sums(cells);
        match &self.answers {
            Answers::Number { mean, deviation } => said(mean + deviation * sums[0]),
            Answers::Labels { labels, sharpness } => {
                Prediction::likeliest(labels, &probabilities(Kind::Classify, &sums, *sharpness))
            }
        }
    }

    /// The cells of an item that is told as lines `name: value`.
    fn cells(&self, text: &str) -> Vec<f64> {
        let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        let cell = |(field, value): (&Field, Option<String>)| match (&field.places, value) {
            (_, None) => f64::NAN,
            (Some(places), Some(value)) => places.get(&value).copied().unwrap_or(f64::NAN),
            (None, Some(value)) => {
                value.parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or(f64::NAN)
            }
        };
        self.fields.iter().zip(told(&names, text)).map(cell).collect()
    }
}

impl Model for Boosted {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let predict = |sample: &Sample<'_>| match sample.fields {
            Some((features, row)) => self.predict(features, row),
            None => self.say(&self.cells(sample.text)),
        };
        Ok(samples.iter().map(|sample| Reply::timed(Duration::ZERO, || predict(sample))).collect())
    }

    fn facts(&self) -> Facts {
        let categories: usize =
            self.fields.iter().filter_map(|field| field.places.as_ref()).map(BTreeMap::len).sum();
        let Facts { parameters, bytes } = self.trees.facts();
        // A place is eight bytes, and a name some more.
        Facts { parameters, bytes: bytes + 32 * categories as u64 }
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, self)
    }
}

/// What rows that were held out tell.
struct Held {
    /// The number of trees with the least loss, for each ensemble.
    trees: Vec<usize>,
    /// Rows, and what so many trees say of them.
    scores: Vec<(usize, Vec<f64>)>,
}

struct Grower<'a> {
    features: &'a Features,
    rows: &'a [usize],
    targets: &'a Targets,
}

impl Grower<'_> {
    /// Trees on some of the rows, as many as `counts`, or fewer where rows that are held out say so.
    fn grow(
        &self,
        chosen: &[usize],
        counts: &[usize],
        held: Option<&[usize]>,
    ) -> Result<(Vec<Field>, Trees), ModelError> {
        let targets = self.targets.some(chosen);
        let at = |chosen: &[usize]| chosen.iter().map(|&at| self.rows[at]).collect::<Vec<_>>();
        let rows = at(chosen);
        let fields: Vec<Field> = self
            .features
            .columns()
            .par_iter()
            .map(|feature| Field::of(feature, &rows, targets.response()))
            .collect();
        let table = |rows: &[usize]| {
            let mut table = Vec::with_capacity(rows.len() * fields.len());
            for (field, feature) in fields.iter().zip(self.features.columns()) {
                table.extend(rows.iter().map(|&row| field.number(feature, row)));
            }
            table
        };
        let wanted = aims(&targets, self.targets);
        let held = held.map(|held| (table(&at(held)), aims(&self.targets.some(held), self.targets)));
        let held = held.as_ref().map(|(table, wanted)| Rows { table, wanted });
        let rows = Rows { table: &table(&rows), wanted: &wanted };
        Ok((fields, Trees::grow(rows, self.targets.objective(), counts, held)?))
    }

    /// Trees on `train`, stopped where they are best on `test`.
    fn held_out(&self, train: &[usize], test: &[usize]) -> Result<Held, ModelError> {
        let counts = vec![most_trees(); self.targets.objective().ensembles()];
        let (fields, trees) = self.grow(train, &counts, Some(test))?;
        let of = |&place: &usize| {
            let row = self.rows[place];
            let cells: Vec<f64> = fields
                .iter()
                .zip(self.features.columns())
                .map(|(field, feature)| field.number(feature, row))
                .collect();
            (place, trees.sums(&cells))
        };
        Ok(Held { trees: trees.counts(), scores: test.iter().map(of).collect() })
    }
}

impl Field {
    /// How a feature becomes a number, as far as these rows tell.
    fn of(feature: &Feature, rows: &[usize], response: Response<'_>) -> Self {
        let places = match &feature.values {
            Values::Numbers(_) => None,
            Values::Categories(codes) => {
                let of_rows: Vec<Option<usize>> = rows
                    .iter()
                    .map(|&row| codes.codes().get(row).and_then(|&code| usize::try_from(code).ok()))
                    .map(|code| code.filter(|&code| code < codes.names().len()))
                    .collect();
                let places = order(&of_rows, codes.names().len(), response);
                let named = codes.names().iter().zip(places);
                Some(named.filter_map(|(name, place)| Some((name.to_owned(), place?))).collect())
            }
        };
        Self { name: feature.name.clone(), places }
    }

    /// The number in a row; NaN where none is known, and for a category that was not learnt from.
    fn number(&self, feature: &Feature, row: usize) -> f64 {
        let number = match &self.places {
            None => feature.number(row),
            Some(places) => feature.category(row).and_then(|category| places.get(category).copied()),
        };
        number.unwrap_or(f64::NAN)
    }
}

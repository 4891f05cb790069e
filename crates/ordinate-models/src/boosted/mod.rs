//! Gradient boosting on the fields of items: trees, each of which mends what those before it got wrong (Friedman 2001).
//! The trees are those of the crate `forust-ml`, which grows them as XGBoost does.

mod order;
mod trees;

use std::collections::BTreeMap;

use ordinate_core::features::{Feature, Features, Values};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::head::said;
use crate::kind::Kind;
use crate::linear::{probabilities, sharpen, splits};
use crate::model::{Facts, Model, Reply};
use order::{Right, order};
use trees::{Aim, Rows, Trees, most_trees};

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

/// What trees are grown towards, for all rows that are learnt from.
enum Targets {
    Labels { names: Vec<String>, places: Vec<usize> },
    Numbers(Vec<f64>),
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
            .map(|(train, test)| grower.held_out(train, test))
            .collect::<Result<_, ModelError>>()?;
        let counts: Vec<usize> = (0..targets.aim().stands())
            .map(|stand| match held.len() {
                0 => FEW_TREES,
                rounds => held.iter().map(|held| held.trees[stand]).sum::<usize>().div_ceil(rounds).max(1),
            })
            .collect();
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
    pub fn reply(&self, features: &Features, row: usize) -> Reply {
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

    /// As text that [`Self::from_json`] reads.
    pub(crate) fn to_json(&self) -> Result<String, ModelError> {
        serde_json::to_string(self).map_err(|error| ModelError::Failed(error.to_string()))
    }

    pub(crate) fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    fn row(&self, features: &Features, row: usize) -> Vec<f64> {
        let columns = self.fields.iter().zip(features.columns());
        columns.map(|(field, feature)| field.number(feature, row)).collect()
    }

    fn say(&self, cells: &[f64]) -> Reply {
        let sums = self.trees.sums(cells);
        match &self.answers {
            Answers::Number { mean, deviation } => said(mean + deviation * sums[0]),
            Answers::Labels { labels, sharpness } => {
                let shares = probabilities(Kind::Classify, &sums, *sharpness);
                let best = shares.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
                let (at, share) = best.map_or((0, 0.0), |(at, share)| (at, *share));
                Reply { output: labels.get(at).cloned().unwrap_or_default(), confidence: Some(share) }
            }
        }
    }

    /// The cells of an item that is told as lines `name: value`.
    fn cells(&self, text: &str) -> Vec<f64> {
        let mut cells = vec![f64::NAN; self.fields.len()];
        for line in text.lines() {
            // A name may hold a colon: the longest that fits is meant.
            let fits = |field: &Field| {
                let value = line.strip_prefix(&field.name)?.strip_prefix(':')?.trim();
                Some((field.name.len(), value.to_owned()))
            };
            let best = self.fields.iter().enumerate().filter_map(|(at, field)| Some((at, fits(field)?)));
            if let Some((at, (_, value))) = best.max_by_key(|(_, (length, _))| *length) {
                cells[at] = match &self.fields[at].places {
                    Some(places) => places.get(&value).copied().unwrap_or(f64::NAN),
                    None => value.parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or(f64::NAN),
                };
            }
        }
        cells
    }
}

impl Model for Boosted {
    fn answer(&self, inputs: &[&str]) -> Result<Vec<Reply>, ModelError> {
        Ok(inputs.iter().map(|input| self.say(&self.cells(input))).collect())
    }

    fn facts(&self) -> Facts {
        let categories: usize =
            self.fields.iter().filter_map(|field| field.places.as_ref()).map(BTreeMap::len).sum();
        let Facts { parameters, bytes } = self.trees.facts();
        // A place is eight bytes, and a name some more.
        Facts { parameters, bytes: bytes + 32 * categories as u64 }
    }
}

impl Targets {
    fn of(kind: Kind, targets: &[&str]) -> Result<Self, ModelError> {
        if kind == Kind::Regress {
            if targets.len() < 2 {
                return Err(ModelError::TooFew(targets.len()));
            }
            let number = |target: &&str| {
                let number = target.trim().parse().ok().filter(|number: &f64| number.is_finite());
                number.ok_or_else(|| ModelError::NoNumber((*target).to_owned()))
            };
            return targets.iter().map(number).collect::<Result<_, _>>().map(Self::Numbers);
        }
        let mut names: Vec<String> = targets.iter().map(|target| target.trim().to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        if targets.len() < 2 || names.len() < 2 {
            return Err(ModelError::TooLittle { found: targets.len(), labels: names.len() });
        }
        let place = |target: &&str| names.binary_search_by(|name| name.as_str().cmp(target.trim())).ok();
        let places = targets.iter().filter_map(place).collect();
        Ok(Self::Labels { names, places })
    }

    /// Those of some rows.
    fn some(&self, chosen: &[usize]) -> Self {
        match self {
            Self::Labels { names, places } => {
                Self::Labels { names: names.clone(), places: chosen.iter().map(|&at| places[at]).collect() }
            }
            Self::Numbers(numbers) => Self::Numbers(chosen.iter().map(|&at| numbers[at]).collect()),
        }
    }

    /// Whether they are not all the same.
    fn differ(&self) -> bool {
        match self {
            Self::Labels { places, .. } => places.iter().any(|place| *place != places[0]),
            Self::Numbers(numbers) => numbers.iter().any(|number| number.total_cmp(&numbers[0]).is_ne()),
        }
    }

    fn aim(&self) -> Aim {
        match self {
            Self::Labels { names, .. } => Aim::Label(names.len()),
            Self::Numbers(_) => Aim::Number,
        }
    }

    fn right(&self) -> Right<'_> {
        match self {
            Self::Labels { names, places } => Right::Labels(places, names.len()),
            Self::Numbers(numbers) => Right::Numbers(numbers),
        }
    }
}

/// Mean and standard deviation; of equal numbers the deviation is 1.
fn spread(numbers: &[f64]) -> (f64, f64) {
    let count = numbers.len().max(1) as f64;
    // Halves, so that no sum of large numbers is infinite.
    let mean = numbers.iter().map(|number| number / count).sum::<f64>();
    let largest = numbers.iter().map(|number| (number - mean).abs()).fold(0.0, f64::max);
    if largest <= f64::MIN_POSITIVE || !largest.is_finite() {
        return (mean, 1.0);
    }
    let square = numbers.iter().map(|number| ((number - mean) / largest).powi(2)).sum::<f64>() / count;
    (mean, largest * square.sqrt())
}

/// What rows that were held out tell.
struct Held {
    /// The number of trees with the least loss, for each stand.
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
            .map(|feature| Field::of(feature, &rows, targets.right()))
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
        Ok((fields, Trees::grow(rows, self.targets.aim(), counts, held)?))
    }

    /// Trees on `train`, stopped where they are best on `test`.
    fn held_out(&self, train: &[usize], test: &[usize]) -> Result<Held, ModelError> {
        let counts = vec![most_trees(); self.targets.aim().stands()];
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

/// What is wanted of each row: the place of a label, or a number in deviations from the mean of `learnt`.
fn aims(targets: &Targets, learnt: &Targets) -> Vec<f64> {
    match (targets, learnt) {
        (Targets::Numbers(numbers), Targets::Numbers(learnt)) => {
            let (mean, deviation) = spread(learnt);
            numbers.iter().map(|number| (number - mean) / deviation).collect()
        }
        (Targets::Labels { places, .. }, _) => places.iter().map(|place| *place as f64).collect(),
        (Targets::Numbers(numbers), Targets::Labels { .. }) => numbers.clone(),
    }
}

impl Field {
    /// How a feature becomes a number, as far as these rows tell.
    fn of(feature: &Feature, rows: &[usize], right: Right<'_>) -> Self {
        let places = match &feature.values {
            Values::Numbers(_) => None,
            Values::Categories(codes) => {
                let of_rows: Vec<Option<usize>> = rows
                    .iter()
                    .map(|&row| codes.codes().get(row).and_then(|&code| usize::try_from(code).ok()))
                    .map(|code| code.filter(|&code| code < codes.names().len()))
                    .collect();
                let places = order(&of_rows, codes.names().len(), right);
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

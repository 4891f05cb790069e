//! A linear model on the fields of items: logistic regression, or ridge regression for numbers, on numbers that are brought to
//! mean 0 and deviation 1, and on categories as one column each (Hastie, Tibshirani and Friedman 2009, section 4.4).

use std::path::Path;
use std::time::Duration;

use ordinate_core::features::{Feature, Features, Values};
use ordinate_core::task::CandidateEntry;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::head::Head;
use crate::kind::Kind;
use crate::linear::Rows;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, Reads, TrainingSet};
use crate::methods::{MethodKind, Saved, told};
use crate::model::{Facts, Model, Prediction, Reply, Sample};
use crate::stop::Stop;

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "field-linear";
/// Raised when the same data come to give another model.
const VERSION: u32 = 1;
/// Inverse strengths of the penalty that are tried on rows held out.
const COSTS: [f64; 5] = [0.01, 0.1, 1.0, 10.0, 100.0];
/// Deviations from the mean beyond which a number counts as this far: one of another unit must not outweigh all fields.
const FARTHEST: f64 = 30.0;

/// `local = { model = "field-linear" }`.
#[derive(Debug, Serialize)]
pub struct FieldLinear {
    /// Train items at most; `None` for all.
    pub examples: Option<u32>,
}

fn of(entry: &CandidateEntry, _: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let named = entry.local.as_ref().filter(|local| local.model == NAME && local.template.is_none());
    Ok(named.map(|local| Box::new(FieldLinear { examples: local.examples }) as _))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    Ok(Box::new(read_model::<Linear>(saved.folder)?))
}

impl Method for FieldLinear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify, Kind::Tag, Kind::Regress]
    }

    fn reads(&self) -> Reads {
        Reads::Fields
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.examples, fitting.seed);
        let (features, rows) = train.table()?;
        Ok(Box::new(Linear::fit(train.kind(), features, &rows, &train.labels(), fitting.stop)?))
    }
}

/// A linear model on fields.
#[derive(Serialize, Deserialize)]
pub struct Linear {
    fields: Vec<Field>,
    head: Head,
}

/// How a field becomes columns.
#[derive(Serialize, Deserialize)]
struct Field {
    name: String,
    columns: Columns,
}

#[derive(Serialize, Deserialize)]
enum Columns {
    /// `(number - mean) / deviation`, 0 where there is none; with `gaps` a column more, 1 where there is none.
    Number { mean: f64, deviation: f64, gaps: bool },
    /// A column for each, 1 where the item has it; all 0 where it has none, or one that was not learnt from.
    Categories(Vec<String>),
}

impl Linear {
    /// Trains on these rows of the features, and the labels of each; its penalty is chosen, and its probabilities are
    /// calibrated, on rows held out.
    ///
    /// # Errors
    /// As [`Head::fit`]; [`ModelError::Failed`] where no field differs between the rows.
    pub fn fit(
        kind: Kind,
        features: &Features,
        rows: &[usize],
        targets: &[Vec<String>],
        stop: Stop<'_>,
    ) -> Result<Self, ModelError> {
        let fields: Vec<Field> = features.columns().iter().map(|feature| Field::of(feature, rows)).collect();
        if fields.iter().all(|field| field.width() == 0) {
            let problem = "the items have no field that differs between them: there is nothing to learn from";
            return Err(ModelError::Failed(problem.to_owned()));
        }
        let table: Vec<Vec<f32>> = rows.iter().map(|&row| cells(&fields, features, row)).collect();
        let table: Vec<&[f32]> = table.iter().map(Vec::as_slice).collect();
        let head = Head::fit(kind, Rows::Dense(&table), targets, &COSTS, stop)?;
        Ok(Self { fields, head })
    }

    /// The answer to a row of features that are named as those that it was trained on.
    #[must_use]
    pub fn predict(&self, features: &Features, row: usize) -> Prediction {
        self.head.predict_dense(&cells(&self.fields, features, row))
    }

    /// The answer to an item that is told as lines `name: value`.
    fn read(&self, text: &str) -> Prediction {
        let mut cells = Vec::new();
        let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        for (field, value) in self.fields.iter().zip(told(&names, text)) {
            let number = value.as_deref().and_then(|value| value.parse().ok());
            field.fill(number.filter(|number: &f64| number.is_finite()), value.as_deref(), &mut cells);
        }
        self.head.predict_dense(&cells)
    }
}

fn cells(fields: &[Field], features: &Features, row: usize) -> Vec<f32> {
    let mut cells = Vec::new();
    for (field, feature) in fields.iter().zip(features.columns()) {
        field.fill(feature.number(row), feature.category(row), &mut cells);
    }
    cells
}

impl Field {
    /// How a feature becomes columns, as far as these rows tell.
    fn of(feature: &Feature, rows: &[usize]) -> Self {
        let columns = match &feature.values {
            Values::Categories(_) => {
                let mut names: Vec<String> =
                    rows.iter().filter_map(|&row| feature.category(row)).map(str::to_owned).collect();
                names.sort_unstable();
                names.dedup();
                Columns::Categories(names)
            }
            Values::Numbers(_) => {
                let numbers: Vec<f64> = rows.iter().filter_map(|&row| feature.number(row)).collect();
                let (mean, deviation) = spread(&numbers);
                let gaps = !numbers.is_empty() && numbers.len() < rows.len();
                Columns::Number { mean, deviation, gaps }
            }
        };
        Self { name: feature.name.clone(), columns }
    }

    fn width(&self) -> usize {
        match &self.columns {
            Columns::Number { deviation, gaps, .. } => usize::from(*deviation > 0.0) + usize::from(*gaps),
            Columns::Categories(names) => names.len(),
        }
    }

    /// The columns of one item.
    fn fill(&self, number: Option<f64>, category: Option<&str>, cells: &mut Vec<f32>) {
        match &self.columns {
            Columns::Number { mean, deviation, gaps } => {
                if *deviation > 0.0 {
                    let away = number.map_or(0.0, |number| number / deviation - mean / deviation);
                    cells.push(away.clamp(-FARTHEST, FARTHEST) as f32);
                }
                if *gaps {
                    cells.push(f32::from(u8::from(number.is_none())));
                }
            }
            Columns::Categories(names) => {
                cells.extend(names.iter().map(|name| f32::from(u8::from(category == Some(name)))));
            }
        }
    }
}

/// Mean and standard deviation; 0 for none, and a deviation of 0 where all are the same.
fn spread(numbers: &[f64]) -> (f64, f64) {
    let size = numbers.iter().fold(0.0_f64, |most, number| most.max(number.abs()));
    if size == 0.0 {
        return (0.0, 0.0);
    }
    // In units of the largest, so that no square is too large.
    let count = numbers.len() as f64;
    let mean = numbers.iter().map(|number| number / size / count).sum::<f64>();
    let square = numbers.iter().map(|number| (number / size - mean).powi(2) / count).sum::<f64>();
    // Numbers that differ by no more than rounding are the same.
    let deviation = if square.sqrt() > 1e-12 { square.sqrt() * size } else { 0.0 };
    (mean * size, if deviation.is_normal() { deviation } else { 0.0 })
}

impl Model for Linear {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let predict = |sample: &Sample<'_>| match sample.fields {
            Some((features, row)) => self.predict(features, row),
            None => self.read(sample.text),
        };
        Ok(samples.iter().map(|sample| Reply::timed(Duration::ZERO, || predict(sample))).collect())
    }

    fn facts(&self) -> Facts {
        let columns: usize = self.fields.iter().map(Field::width).sum();
        let parameters = self.head.parameters();
        // A weight is eight bytes, and a name some more.
        Facts { parameters, bytes: 8 * parameters + 32 * columns as u64 }
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, self)
    }
}

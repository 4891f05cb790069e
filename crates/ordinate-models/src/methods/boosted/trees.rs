//! The trees themselves, which `forust-ml` grows: what they aim at, how many and how large they are.

use forust_ml::metric::Metric;
use forust_ml::objective::ObjectiveType;
use forust_ml::{GradientBooster, Matrix};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::model::Facts;

/// What each tree adds is worth a tenth, and a tree is six splits deep, as XGBoost's are. Growing leaf by leaf instead (31
/// leaves, as LightGBM and scikit-learn do) needs three times as many of forust's trees for the same loss.
const RATE: f32 = 0.1;
const DEPTH: usize = 6;
/// Rounds at most, and how many without any gain on rows held out end the growing.
const MAX: usize = 500;
const PATIENCE: usize = 20;
/// Rows from which a tree is worth more than one thread.
const MANY: usize = 5_000;

/// What the sum of the trees is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objective {
    /// A score for each of so many labels.
    Label(usize),
    /// A number.
    Number,
}

impl Objective {
    /// How many ensembles of trees there are: one, or one a label where there are more than two.
    pub(super) fn ensembles(self) -> usize {
        match self {
            Self::Label(0..=2) | Self::Number => 1,
            Self::Label(labels) => labels,
        }
    }

    /// What an ensemble is to say of a row of which this is wanted.
    fn of_ensemble(self, ensemble: usize, wanted: f64) -> f64 {
        match self {
            Self::Number => wanted,
            Self::Label(labels) => {
                let label = if labels > 2 { ensemble } else { 1 };
                f64::from(u8::from((wanted - label as f64).abs() < 0.5))
            }
        }
    }
}

/// Trees that were grown. Fields that are the same in all rows are no use to them, and left out.
#[derive(Serialize, Deserialize)]
pub(super) struct Trees {
    /// The places of the fields that they read.
    reads: Vec<usize>,
    labels: bool,
    ensembles: Vec<Ensemble>,
}

/// Trees that together say one number: a log-odds, or a number that is the answer.
#[derive(Serialize, Deserialize)]
struct Ensemble {
    /// None where there is nothing to tell apart.
    booster: Option<GradientBooster>,
    /// What is said without any tree.
    base: f64,
}

/// Rows: their number, their table field by field, and what is wanted of each.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) table: &'a [f64],
    pub(super) wanted: &'a [f64],
}

impl Rows<'_> {
    /// These fields of the table alone.
    fn read(&self, fields: &[usize]) -> Vec<f64> {
        let columns: Vec<&[f64]> = self.columns();
        fields.iter().filter_map(|&at| columns.get(at)).flat_map(|column| column.iter().copied()).collect()
    }

    fn columns(&self) -> Vec<&[f64]> {
        self.table.chunks_exact(self.wanted.len().max(1)).collect()
    }
}

/// How many rounds there are where nothing says that fewer are better.
pub(super) fn most_trees() -> usize {
    MAX
}

impl Trees {
    /// Grows so many trees for each ensemble. Where there are rows held out, the trees are those that are best on them.
    pub(super) fn grow(
        rows: Rows<'_>,
        objective: Objective,
        rounds: &[usize],
        held: Option<Rows<'_>>,
    ) -> Result<Self, ModelError> {
        let varies = |column: &[f64]| {
            let mut numbers = column.iter().filter(|number| !number.is_nan());
            let first = numbers.next();
            numbers.any(|number| Some(number) != first)
        };
        let columns = rows.columns();
        let reads: Vec<usize> = (0..columns.len()).filter(|&at| varies(columns[at])).collect();
        let table = rows.read(&reads);
        let there = held.map(|held| held.read(&reads));
        let ensembles = rounds
            .par_iter()
            .enumerate()
            .map(|(ensemble, &rounds)| {
                let of = |rows: Rows<'_>| -> Vec<f64> {
                    rows.wanted.iter().map(|&wanted| objective.of_ensemble(ensemble, wanted)).collect()
                };
                let wanted = of(rows);
                let wanted_there = held.map(of).unwrap_or_default();
                let held = there.as_deref().map(|table| Rows { table, wanted: &wanted_there });
                Ensemble::grow(Rows { table: &table, wanted: &wanted }, objective, rounds, held)
            })
            .collect::<Result<_, ModelError>>()?;
        Ok(Self { reads, labels: objective != Objective::Number, ensembles })
    }

    /// What the trees say of a row: a number, or a score for each label (as logarithms, but for a common summand).
    pub(super) fn sums(&self, cells: &[f64]) -> Vec<f64> {
        let row: Vec<f64> = self.reads.iter().map(|&at| cells.get(at).copied().unwrap_or(f64::NAN)).collect();
        let said: Vec<f64> = self.ensembles.iter().map(|ensemble| ensemble.say(&row)).collect();
        match said.as_slice() {
            [odds] if self.labels => vec![0.0, *odds],
            // Each against the rest: the logarithm of its probability, which the softmax makes a share of all of them.
            _ if self.labels => {
                said.iter().map(|odds| -(-odds).exp().ln_1p()).map(|log| log.max(-700.0)).collect()
            }
            _ => said,
        }
    }

    /// How many trees of each ensemble have a say.
    pub(super) fn counts(&self) -> Vec<usize> {
        let count = |ensemble: &Ensemble| {
            let booster = ensemble.booster.as_ref();
            booster.map_or(1, |booster| booster.prediction_iteration.unwrap_or(booster.iterations))
        };
        self.ensembles.iter().map(count).collect()
    }

    /// A split or a leaf is one parameter.
    pub(super) fn facts(&self) -> Facts {
        let boosters = self.ensembles.iter().filter_map(|ensemble| ensemble.booster.as_ref());
        let nodes = boosters.flat_map(|booster| &booster.trees).map(|tree| tree.nodes.as_slice());
        let (mut parameters, mut bytes) = (0, 0);
        for nodes in nodes {
            parameters += nodes.len() as u64;
            bytes += size_of_val(nodes) as u64;
        }
        Facts { parameters, bytes }
    }
}

impl Ensemble {
    fn grow(
        rows: Rows<'_>,
        objective: Objective,
        rounds: usize,
        held: Option<Rows<'_>>,
    ) -> Result<Self, ModelError> {
        let (count, base) = (rows.wanted.len(), average(rows.wanted, objective));
        let fields = rows.columns().len();
        let same = rows.wanted.iter().all(|wanted| wanted.total_cmp(&rows.wanted[0]).is_eq());
        if fields == 0 || same {
            return Ok(Self { booster: None, base });
        }
        let mut booster = GradientBooster::default()
            .set_objective_type(match objective {
                Objective::Number => ObjectiveType::SquaredLoss,
                Objective::Label(_) => ObjectiveType::LogLoss,
            })
            .set_iterations(rounds)
            .set_learning_rate(RATE)
            .set_max_depth(DEPTH)
            .set_initialize_base_score(true)
            .set_parallel(count >= MANY);
        let ones = vec![1.0; count.max(held.map_or(0, |held| held.wanted.len()))];
        let held = held.map(|held| {
            let there = held.wanted.len();
            vec![(Matrix::new(held.table, there, fields), held.wanted, &ones[..there])]
        });
        if held.is_some() {
            booster = booster.set_early_stopping_rounds(Some(PATIENCE)).set_evaluation_metric(Some(
                match objective {
                    Objective::Number => Metric::RootMeanSquaredError,
                    Objective::Label(_) => Metric::LogLoss,
                },
            ));
        }
        booster
            .fit(&Matrix::new(rows.table, count, fields), rows.wanted, &ones[..count], held)
            .map_err(|error| ModelError::Failed(error.to_string()))?;
        Ok(Self { booster: Some(booster), base })
    }

    fn say(&self, row: &[f64]) -> f64 {
        let said =
            self.booster.as_ref().map(|booster| booster.predict(&Matrix::new(row, 1, row.len()), false));
        said.and_then(|said| said.first().copied()).unwrap_or(self.base)
    }
}

/// What is wanted on average: the mean, or the log-odds of a label.
fn average(wanted: &[f64], objective: Objective) -> f64 {
    let (sum, count) = (wanted.iter().sum::<f64>(), wanted.len() as f64);
    match objective {
        Objective::Number => sum / count.max(1.0),
        Objective::Label(_) => ((sum + 0.5) / (count - sum + 0.5)).ln(),
    }
}

//! What trees are grown towards: labels or numbers.

use crate::error::ModelError;
use crate::head::number;
use crate::kind::Kind;
use crate::methods::boosted::order::Response;
use crate::methods::boosted::trees::Objective;

/// What trees are grown towards, for all rows that are learnt from.
pub(super) enum Targets {
    Labels { names: Vec<String>, places: Vec<usize> },
    Numbers(Vec<f64>),
}

impl Targets {
    pub(super) fn of(kind: Kind, targets: &[&str]) -> Result<Self, ModelError> {
        if kind == Kind::Regress {
            if targets.len() < 2 {
                return Err(ModelError::TooFew(targets.len()));
            }
            return targets.iter().map(|target| number(target)).collect::<Result<_, _>>().map(Self::Numbers);
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
    pub(super) fn some(&self, chosen: &[usize]) -> Self {
        match self {
            Self::Labels { names, places } => {
                Self::Labels { names: names.clone(), places: chosen.iter().map(|&at| places[at]).collect() }
            }
            Self::Numbers(numbers) => Self::Numbers(chosen.iter().map(|&at| numbers[at]).collect()),
        }
    }

    /// Whether they are not all the same.
    pub(super) fn differ(&self) -> bool {
        match self {
            Self::Labels { places, .. } => places.iter().any(|place| *place != places[0]),
            Self::Numbers(numbers) => numbers.iter().any(|number| number.total_cmp(&numbers[0]).is_ne()),
        }
    }

    pub(super) fn objective(&self) -> Objective {
        match self {
            Self::Labels { names, .. } => Objective::Label(names.len()),
            Self::Numbers(_) => Objective::Number,
        }
    }

    pub(super) fn response(&self) -> Response<'_> {
        match self {
            Self::Labels { names, places } => Response::Labels(places, names.len()),
            Self::Numbers(numbers) => Response::Numbers(numbers),
        }
    }
}

/// Mean and standard deviation; of equal numbers the deviation is 1.
pub(super) fn spread(numbers: &[f64]) -> (f64, f64) {
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

/// What is wanted of each row: the place of a label, or a number in deviations from the mean of `learnt`.
pub(super) fn aims(targets: &Targets, learnt: &Targets) -> Vec<f64> {
    match (targets, learnt) {
        (Targets::Numbers(numbers), Targets::Numbers(learnt)) => {
            let (mean, deviation) = spread(learnt);
            numbers.iter().map(|number| (number - mean) / deviation).collect()
        }
        (Targets::Labels { places, .. }, _) => places.iter().map(|place| *place as f64).collect(),
        (Targets::Numbers(numbers), Targets::Labels { .. }) => numbers.clone(),
    }
}

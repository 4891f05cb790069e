//! The kinds of model that a route may be made of, and their settings.

use ordinate_learn::LearnError;
use ordinate_learn::forest::Params;
use serde::{Deserialize, Serialize};

use super::lesson::{Item, Lesson};
use super::linear::Linear;
use super::nearest::{Clusters, Neighbours};
use super::smooth::Smooth;
use super::trees::Trees;

/// A fitted model: what it expects of each candidate, as a deviation from the lookup by slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Model {
    Linear(Linear),
    Smooth(Smooth),
    Trees(Trees),
    Neighbours(Neighbours),
    Clusters(Clusters),
}

impl Model {
    pub(super) fn predict(&self, item: &Item<'_>) -> Vec<f64> {
        match self {
            Self::Linear(model) => model.predict(item),
            Self::Smooth(model) => model.predict(item),
            Self::Trees(model) => model.predict(item),
            Self::Neighbours(model) => model.predict(item),
            Self::Clusters(model) => model.predict(item),
        }
    }
}

/// A kind of model with the settings to choose from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Family {
    /// Penalties.
    Linear(Vec<f64>),
    /// Penalties.
    Smooth(Vec<f64>),
    /// One forest over all slices.
    Pooled(Vec<Params>),
    /// One forest per slice.
    Within(Vec<Params>),
    /// Numbers of neighbours.
    Neighbours(Vec<usize>),
    /// Numbers of clusters.
    Clusters(Vec<usize>),
}

impl Family {
    /// One model per setting.
    pub(super) fn fit(&self, lesson: &Lesson<'_>, seed: u64) -> Result<Vec<Model>, LearnError> {
        let seeded = |params: &Params| Params { seed, ..*params };
        Ok(match self {
            Self::Linear(lambdas) => Linear::fit(lesson, lambdas)?.into_iter().map(Model::Linear).collect(),
            Self::Smooth(lambdas) => {
                Smooth::fit(lesson, lambdas, seed)?.into_iter().map(Model::Smooth).collect()
            }
            Self::Pooled(all) => all
                .iter()
                .map(|params| Trees::pooled(lesson, &seeded(params)).map(Model::Trees))
                .collect::<Result<_, _>>()?,
            Self::Within(all) => all
                .iter()
                .map(|params| Trees::within(lesson, &seeded(params)).map(Model::Trees))
                .collect::<Result<_, _>>()?,
            Self::Neighbours(counts) => {
                Neighbours::fit(lesson, counts).into_iter().map(Model::Neighbours).collect()
            }
            Self::Clusters(counts) => {
                counts.iter().map(|&count| Model::Clusters(Clusters::fit(lesson, count, seed))).collect()
            }
        })
    }

    /// The family with one of its settings.
    pub(super) fn only(&self, setting: usize) -> Self {
        fn pick<T: Clone>(all: &[T], setting: usize) -> Vec<T> {
            all.get(setting).cloned().into_iter().collect()
        }
        match self {
            Self::Linear(all) => Self::Linear(pick(all, setting)),
            Self::Smooth(all) => Self::Smooth(pick(all, setting)),
            Self::Pooled(all) => Self::Pooled(pick(all, setting)),
            Self::Within(all) => Self::Within(pick(all, setting)),
            Self::Neighbours(all) => Self::Neighbours(pick(all, setting)),
            Self::Clusters(all) => Self::Clusters(pick(all, setting)),
        }
    }
}

/// The families that the default route chooses from, by the shape of the evidence alone: where slices have
/// many items a model of its own for each, where they have few one over all.
pub(super) fn standard(items: usize, slices: usize) -> Vec<Family> {
    let forest = |trees, min_leaf, features| Params { trees, min_leaf, features, seed: 0 };
    if items >= 150 * slices.max(1) && slices >= 2 {
        vec![Family::Linear(vec![2.0, 4.0, 8.0]), Family::Within(vec![forest(60, 10, 0.1)])]
    } else if items <= 4_000 {
        vec![
            Family::Smooth(vec![10.0, 20.0, 40.0]),
            Family::Pooled(vec![forest(150, 10, 0.1), forest(150, 25, 0.1)]),
        ]
    } else {
        vec![
            Family::Linear(vec![4.0, 8.0]),
            Family::Smooth(vec![10.0, 20.0]),
            Family::Pooled(vec![forest(100, 5, 0.25)]),
        ]
    }
}

/// Neighbours alone.
pub(super) fn neighbours(_: usize, _: usize) -> Vec<Family> {
    vec![Family::Neighbours(vec![10, 20, 40, 80, 160])]
}

/// Clusters alone.
pub(super) fn clusters(_: usize, _: usize) -> Vec<Family> {
    vec![Family::Clusters(vec![16, 32, 64, 128])]
}

/// Ridge regression alone.
pub(super) fn linear(_: usize, _: usize) -> Vec<Family> {
    vec![Family::Linear(vec![2.0, 4.0, 8.0, 16.0])]
}

/// Trees alone.
pub(super) fn trees(items: usize, slices: usize) -> Vec<Family> {
    let keep = |family: &Family| matches!(family, Family::Pooled(_) | Family::Within(_));
    standard(items, slices).into_iter().filter(keep).collect()
}

/// Kernel ridge regression over all slices alone.
pub(super) fn smooth(_: usize, _: usize) -> Vec<Family> {
    vec![Family::Smooth(vec![10.0, 20.0, 40.0])]
}

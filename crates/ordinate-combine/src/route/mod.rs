//! Route: predicts from its text how well each candidate will do on an item and what it will cost, and asks
//! the one with the best quality less what the dial makes of its outlay.
//!
//! Predictions start from the lookup by slice ([`BySlice`]) and add what a blend of models expects of this item
//! beyond its slice. Which models, with which settings and weights, is chosen within the training rows
//! (`blend`). References: Hu et al. 2024 (RouterBench: regression and nearest neighbours), Ong et al. 2024
//! (RouteLLM), Zhang et al. 2025 (Avengers-Pro: clusters), Geurts et al. 2006 (extra trees).

mod blend;
mod lesson;
mod linear;
mod model;
mod nearest;
mod outlays;
mod reader;
mod smooth;
#[cfg(test)]
mod tests;
mod trees;

use std::borrow::Cow;
use std::sync::Arc;

use ordinate_core::evidence::View;
use ordinate_core::{CandidateName, Dial, Evidence, Given, Policy, PolicyKind, Query, Seen, Step, Thought};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::by_slice::{BySlice, best_utility};
use crate::error::{CombineError, NotApplicable};
use crate::learner::{Context, Learner};
use crate::random;
use crate::texts::Text;
use lesson::{Item, Lesson};
use model::{Family, Model};
use outlays::Outlays;
use reader::{Reader, Reading};

/// The fewest items with a text to learn from.
const MIN_ITEMS: usize = 60;
/// Items that models are fitted on; more make them slower, not better.
const MAX_ITEMS: usize = 20_000;

/// What may go wrong while models are fitted.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Learn(#[from] ordinate_learn::LearnError),
    #[error(transparent)]
    Combine(#[from] CombineError),
}

/// Learns [`Route`].
#[derive(Debug, Clone, Copy)]
pub struct RouteLearner {
    name: &'static str,
    families: fn(usize, usize) -> Vec<Family>,
}

impl Default for RouteLearner {
    fn default() -> Self {
        Self { name: "route", families: model::standard }
    }
}

impl RouteLearner {
    /// Routes of one family of models each, to compare: ridge regression within slices, trees, kernel ridge
    /// regression over all slices, nearest neighbours, clusters.
    #[must_use]
    pub fn single_families() -> [Self; 5] {
        [
            Self { name: "route-linear", families: model::linear },
            Self { name: "route-trees", families: model::trees },
            Self { name: "route-smooth", families: model::smooth },
            Self { name: "route-knn", families: model::neighbours },
            Self { name: "route-clusters", families: model::clusters },
        ]
    }

    fn not_applicable(why: String) -> NotApplicable {
        NotApplicable { kind: PolicyKind::Route, why }
    }
}

impl Learner for RouteLearner {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Route
    }

    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn applies(&self, evidence: &Evidence) -> Result<(), NotApplicable> {
        if evidence.items().has_inputs() {
            return Ok(());
        }
        let why = "the items have no input texts, so there is nothing to tell items of a slice apart; name an \
                   input field to route by text";
        Err(Self::not_applicable(why.to_owned()))
    }

    fn narrows(&self) -> bool {
        true
    }

    fn fit(&self, train: &View<'_>, context: &Context) -> Result<Box<dyn Policy>, NotApplicable> {
        let fitted = self.fit_each(train, std::slice::from_ref(context))?;
        let none = || Self::not_applicable("nothing was learned".to_owned());
        fitted.into_iter().next().ok_or_else(none)
    }

    fn fit_each(
        &self,
        train: &View<'_>,
        contexts: &[Context],
    ) -> Result<Vec<Box<dyn Policy>>, NotApplicable> {
        let seed = contexts.first().map_or(0, |context| context.seed);
        let items = train.evidence.items();
        let mut rows: Vec<usize> =
            train.rows.iter().copied().filter(|&row| items.input(row).is_some()).collect();
        if rows.len() < MIN_ITEMS {
            let why = format!(
                "{} items with an input text to learn from are too few; routing by text needs {MIN_ITEMS}",
                rows.len()
            );
            return Err(Self::not_applicable(why));
        }
        if rows.len() > MAX_ITEMS {
            random::shuffle(&mut rows, seed);
            rows.truncate(MAX_ITEMS);
            rows.sort_unstable();
        }
        let some = View { evidence: train.evidence, rows };
        self.learn(train, &some, contexts, seed)
            .map(|routes| routes.into_iter().map(|route| Box::new(route) as Box<dyn Policy>).collect())
            .map_err(|trouble| Self::not_applicable(format!("its models could not be fitted: {trouble}")))
    }
}

impl RouteLearner {
    /// Learns from the rows of `some`, all of which have a text; `train` has all rows. What is foretold of quality is the same
    /// for every outlay.
    fn learn(
        &self,
        train: &View<'_>,
        some: &View<'_>,
        contexts: &[Context],
        seed: u64,
    ) -> Result<Vec<Route>, Trouble> {
        let evidence = some.evidence;
        let (rows, read): (Vec<usize>, Vec<Cow<'_, Text>>) = some
            .rows
            .par_iter()
            .filter_map(|&row| Some((row, Text::of(&evidence.items().query(row))?)))
            .collect::<Vec<_>>()
            .into_iter()
            .unzip();
        let read: Vec<&Text> = read.iter().map(AsRef::as_ref).collect();
        let some = View { evidence, rows };
        let names = evidence.items().slices().names();
        let reader = Reader::fit(names.iter(), &read, seed);
        let slice = |row: usize| evidence.items().slices().get(row);
        let readings: Vec<Reading<'_>> =
            some.rows.par_iter().zip(&read).map(|(&row, text)| reader.read(text, slice(row))).collect();
        let readings: Vec<&Reading<'_>> = readings.iter().collect();

        let families = (self.families)(some.rows.len(), reader.slices());
        let chosen = blend::choose(&families, &some, &readings, reader.slices(), seed)?;
        let lookups: Vec<BySlice> =
            contexts.iter().map(|context| BySlice::fit(train, context.outlay)).collect();
        let Some(any) = lookups.first() else { return Ok(Vec::new()) };
        let lesson = Lesson::new(&some, &readings, any, reader.slices());
        let mut models = Vec::new();
        for (family, weight) in chosen {
            for model in family.fit(&lesson, seed)? {
                models.push(Weighted { weight, model });
            }
        }
        let route = |(lookup, context): (BySlice, &Context)| {
            let known = context.outlay.is_known(evidence);
            let outlays = known.then(|| Outlays::fit(&some, &readings, reader.slices(), context.outlay));
            let (reader, models) = (reader.clone(), models.clone());
            Route::from(Fitted { lookup, reader, models, outlays, places: None })
        };
        Ok(lookups.into_iter().zip(contexts).map(route).collect())
    }
}

/// A model and how much of what it says is believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Weighted {
    weight: f64,
    model: Model,
}

/// What was learned: as it is saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Fitted {
    lookup: BySlice,
    reader: Reader,
    models: Vec<Weighted>,
    outlays: Option<Outlays>,
    /// The candidates that may be asked, where they are not all that were learned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    places: Option<Vec<usize>>,
}

/// Asks the candidate with the best predicted utility.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Fitted")]
pub struct Route {
    fitted: Arc<Fitted>,
    /// The candidates that may be asked, where they are some of those that were learned from: their places and names.
    some: Option<(Vec<usize>, Vec<CandidateName>)>,
}

impl From<Fitted> for Route {
    fn from(mut fitted: Fitted) -> Self {
        let places = fitted.places.take();
        let whole = Self { fitted: Arc::new(fitted), some: None };
        match places {
            Some(places) => whole.some(&places),
            None => whole,
        }
    }
}

impl Route {
    /// Of those whom it asks now, those in these places.
    fn some(&self, places: &[usize]) -> Self {
        let names = self.candidates();
        let names = places.iter().filter_map(|&place| names.get(place).cloned()).collect();
        let own = |place: &usize| self.some.as_ref().map_or(Some(place), |(own, _)| own.get(*place)).copied();
        let places = places.iter().filter_map(own).collect();
        Self { fitted: Arc::clone(&self.fitted), some: Some((places, names)) }
    }
}

impl Fitted {
    /// What is expected of each candidate.
    fn expect(&self, query: &Query<'_>) -> Thought {
        let expected = self.lookup.expected(query.slice);
        let mut thought =
            Thought { quality: expected.quality.clone(), outlay: expected.outlay.clone(), memo: Vec::new() };
        let Some(text) = Text::of(query) else { return thought };
        let reading = self.reader.read(&text, query.slice);
        let item = Item::new(&reading, &expected.quality);
        for Weighted { weight, model } in &self.models {
            for (quality, deviation) in thought.quality.iter_mut().zip(model.predict(&item)) {
                *quality += weight * deviation;
            }
        }
        if let Some(outlay) = self.outlays.as_ref().and_then(|outlays| outlays.predict(&reading)) {
            thought.outlay = outlay;
        }
        thought
    }
}

impl Policy for Route {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Route
    }

    fn candidates(&self) -> &[CandidateName] {
        self.some.as_ref().map_or(self.fitted.lookup.candidates(), |(_, names)| names)
    }

    fn think(&self, query: &Query<'_>) -> Thought {
        let whole = self.fitted.expect(query);
        self.some.as_ref().map_or_else(|| whole.clone(), |(places, _)| whole.of(places))
    }

    fn next(&self, _: &Query<'_>, thought: &mut Thought, seen: &[Seen<'_>], dial: Dial) -> Step {
        match seen.first() {
            None => Step::Ask(vec![best_utility(&thought.quality, &thought.outlay, dial)]),
            Some(seen) => Step::Give(Given::Answer(seen.candidate)),
        }
    }

    fn narrowed(&self, places: &[usize]) -> Option<Box<dyn Policy>> {
        Some(Box::new(self.some(places)))
    }

    fn save(&self) -> serde_json::Result<serde_json::Value> {
        let places = self.some.as_ref().map(|(places, _)| places.clone());
        serde_json::to_value(Fitted { places, ..Fitted::clone(&self.fitted) })
    }
}

//! Learning curves: a candidate trained on parts of the labels, and scored on items that it did not see.

use std::collections::{BTreeSet, HashMap};

use ordinate_core::random::{mix, shuffle};
use ordinate_core::task::{CandidateEntry, CurvesOf, DataNeedsSection};
use ordinate_core::{Items, Part};
use ordinate_judge::{LearningCurve, LearningPoint};
use ordinate_models::{Fitting, Fold, ModelError, Sample, Stop, TrainingSet};
use ordinate_tasks::Scorer;
use serde::{Deserialize, Serialize};

use super::methods::method;
use super::trained::Trained;
use super::{InProcess, Place};
use crate::cache;
use crate::error::Error;
use crate::observe::{Doing, Step, step};

/// What curves are measured with.
#[derive(Clone, Copy)]
pub struct Lesson<'a> {
    /// How often each number of labels is drawn.
    pub draws: u32,
    /// Labelled items that all trainings of a curve learn from together, at most.
    pub max_items: u64,
    /// The metric.
    pub metric: &'a Scorer,
    /// The scores of the candidate as it is, by row.
    pub scores: &'a HashMap<usize, f64>,
}

impl<'a> Lesson<'a> {
    /// As the task file says.
    pub(crate) fn of(
        section: &DataNeedsSection,
        metric: &'a Scorer,
        scores: &'a HashMap<usize, f64>,
    ) -> Self {
        Self { draws: section.draws(), max_items: section.max_items(), metric, scores }
    }
}

/// Whether a candidate that a method makes is trained on parts of the labels.
///
/// # Errors
/// As [`method`].
pub(super) fn is_measured(place: Place<'_>) -> Result<bool, Error> {
    let of = place.task.file.data_needs.measure.unwrap_or_default();
    if of == CurvesOf::None || examples(place.entry).is_some() {
        return Ok(false);
    }
    let method = method(place)?.0;
    Ok(method.learns() && method.teacher().is_none() && (of == CurvesOf::All || !method.is_slow()))
}

/// How many labels its entry lets a candidate learn from: what it would learn from more is not asked for.
fn examples(entry: &CandidateEntry) -> Option<u32> {
    let adapt = entry.adapt.as_ref().and_then(|adapt| adapt.examples);
    adapt.or_else(|| entry.local.as_ref().and_then(|local| local.examples))
}

/// Numbers of labels fewer than which tell nothing.
const LEAST: usize = 8;
/// Items that a model is scored on, at most.
const SCORED: usize = 2_000;

/// Halves of the labels, halves of those and so on, the fewest first: the largest are left out where all their draws together
/// are more than `most`. None where they are too few for a curve.
fn counts(labels: usize, names: usize, draws: u32, most: u64) -> Vec<usize> {
    let least = LEAST.max(names);
    let halves = std::iter::successors(Some(labels / 2), |count| Some(count / 2));
    let mut counts: Vec<usize> = halves.take_while(|&count| count >= least).collect();
    counts.reverse();
    while counts.iter().sum::<usize>() as u64 * u64::from(draws) > most {
        counts.pop();
    }
    if counts.len() < 2 { Vec::new() } else { counts }
}

/// What is kept of a curve in the cache.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Metric, draws and items at most.
    with: (String, u32, u64),
    points: Vec<LearningPoint>,
}

/// What one draw learns from and is scored on.
struct Draw {
    pool: Vec<usize>,
    scored: Vec<usize>,
}

impl Trained {
    /// Its curve, or that of an earlier run on the same data; `None` where there are too few labels for one.
    pub(super) fn curve(&self, lesson: &Lesson<'_>) -> Result<Option<LearningCurve>, ModelError> {
        let items = &self.items;
        let usable = |row: usize| items.target(row).is_some() && self.fold(row).is_some();
        let is_learned = |row: usize| usable(row) && items.part(row) != Some(Part::Test);
        let labelled: Vec<usize> = (0..items.len()).filter(|&row| is_learned(row)).collect();
        let draws: Vec<Draw> = (0..lesson.draws).map(|draw| self.draw(&labelled, draw)).collect();
        let at_hand = labelled.len();
        let fewest = draws.iter().map(|draw| draw.pool.len()).min().unwrap_or(0);
        let names = TrainingSet::of(items, &labelled, self.kind).names().len();
        let names = if self.kind == ordinate_models::Kind::Classify { names } else { 0 };
        let counts = counts(fewest, names, lesson.draws, lesson.max_items);
        if counts.is_empty() {
            return Ok(None);
        }
        let curve = |points| LearningCurve {
            name: self.name.clone(),
            labels: at_hand as u64,
            draws: lesson.draws,
            points,
        };
        let path = self.kept_as(cache::CURVE);
        let with = (lesson.metric.name().to_owned(), lesson.draws, lesson.max_items);
        if let Some(kept) = cache::read_json::<Kept>(&path).filter(|kept| kept.with == with) {
            return Ok(Some(curve(kept.points)));
        }
        let doing = Doing::Learning(counts.len() * draws.len());
        step(self.seen.as_ref(), Step::Candidate(&self.name, doing));
        let mut points = Vec::new();
        for (at, draw) in (0..).zip(&draws) {
            for &count in &counts {
                let Some(score) = self.score_of(&draw.pool[..count], &draw.scored, lesson)? else { continue };
                points.push(LearningPoint { labels: count as u64, draw: at, score });
            }
            // As it is, on the same items.
            let whole = draw.scored.iter().filter_map(|row| lesson.scores.get(row));
            let (sum, number) = whole.fold((0.0, 0_u32), |(sum, number), score| (sum + score, number + 1));
            if number > 0 {
                points.push(LearningPoint {
                    labels: fewest as u64,
                    draw: at,
                    score: sum / f64::from(number),
                });
            }
        }
        // It can be measured again where it cannot be kept.
        drop(cache::write_json(&path, &Kept { with, points: points.clone() }));
        Ok(Some(curve(points)))
    }

    /// Items in an order of the draw's own, and those that are scored: the test items, or those of one fold.
    fn draw(&self, labelled: &[usize], draw: u32) -> Draw {
        let seed = mix(self.seed ^ mix(u64::from(draw)));
        let items: &Items = &self.items;
        let (mut pool, mut scored) = match items.has_parts() {
            true => {
                let is_test =
                    |row: &usize| items.part(*row) == Some(Part::Test) && items.target(*row).is_some();
                (labelled.to_vec(), (0..items.len()).filter(is_test).collect())
            }
            false => {
                let folds: BTreeSet<Fold> = labelled.iter().filter_map(|&row| self.fold(row)).collect();
                let fold = folds.iter().nth(draw as usize % folds.len().max(1));
                labelled.iter().partition(|&&row| self.fold(row).as_ref() != fold)
            }
        };
        shuffle(&mut pool, seed);
        // The same for all draws of a test part: what they differ in are the labels.
        shuffle(&mut scored, self.seed);
        scored.truncate(SCORED);
        Draw { pool, scored }
    }

    /// The items in these rows, as they are learned from and answered.
    fn lessons(&self, rows: &[usize]) -> TrainingSet<'_> {
        let set = TrainingSet::of(&self.items, rows, self.kind);
        match &self.asked {
            Some(asked) => set.with_texts(rows, asked),
            None => set,
        }
    }

    /// The mean score of a model of these labels; `None` where they are too few, or of one kind, to learn from.
    fn score_of(
        &self,
        rows: &[usize],
        scored: &[usize],
        lesson: &Lesson<'_>,
    ) -> Result<Option<f64>, ModelError> {
        let stop = || self.cancel.is_cancelled();
        let fitting = Fitting { stop: Stop::when(&stop), ..Fitting::new(self.seed, self.encoders()) };
        let train = self.lessons(rows);
        let model = match self.method.fit(&train, &fitting) {
            Ok(model) => model,
            Err(ModelError::TooLittle { .. } | ModelError::TooFew(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let set = self.lessons(scored);
        let samples: &[Sample<'_>] = set.samples();
        let at_once = if self.asked.is_some() { 1 } else { PREDICTED };
        let mut sum = 0.0;
        for (samples, rows) in samples.chunks(at_once).zip(scored.chunks(at_once)) {
            fitting.stop.check()?;
            let said = match model.answer(samples) {
                // What a decoder cannot be asked, as it is too long, scores nothing.
                Err(ModelError::Failed(_)) if self.asked.is_some() => Vec::new(),
                said => said?,
            };
            for (reply, &row) in said.iter().zip(rows) {
                let target = self.items.target(row).unwrap_or_default();
                sum += lesson.metric.score(&reply.prediction.output, target, self.items.input(row));
            }
        }
        Ok((!scored.is_empty()).then(|| sum / scored.len() as f64))
    }
}

/// Items that are answered together.
const PREDICTED: usize = 100;

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn the_largest_are_left_out_first() {
        assert_eq!(counts(300, 3, 3, 6_000), [9, 18, 37, 75, 150]);
        assert_eq!(counts(10_000, 77, 3, 6_000), [78, 156, 312, 625]);
        assert_eq!(counts(10_000, 77, 3, 100_000), [78, 156, 312, 625, 1_250, 2_500, 5_000]);
        assert_eq!(counts(20, 2, 3, 6_000), [0_usize; 0]);
        assert_eq!(counts(40, 2, 3, 6_000), [10, 20]);
        assert_eq!(counts(0, 0, 3, 6_000), [0_usize; 0]);
    }
}

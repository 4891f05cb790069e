//! A decoder and the items that it is trained on, as it is asked about them.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use ordinate_core::task::ClassWeights;
use ordinate_models::decoder::{Options, Question, TrainableDecoder};
use ordinate_models::encoder::Problem;
use ordinate_models::{Kind, ModelError, TrainingSet};
use ordinate_tasks::metric::right_answers;

use crate::batches::batches;
use crate::loss::Targets;
use crate::objective::Objective;
use crate::validation::{Validated, held_out, validated};

/// What is learned of the items of a task, and why some are not learned from.
pub(crate) struct Lessons {
    /// As tokens: the options of an item, or its answer.
    pub(crate) lessons: Vec<Options>,
    /// The place of the right option of each; empty where answers are written.
    pub(crate) right: Vec<Vec<usize>>,
    /// The label of each, where there is one list of them.
    pub(crate) labels: Vec<String>,
    pub(crate) kind: Kind,
    /// How many are left out, and what is wrong with the first of them.
    pub(crate) left: Option<(usize, String)>,
}

impl Lessons {
    /// Of train items whose texts are what a decoder is asked. One that could not be asked, as it does not fit, is left out.
    ///
    /// # Errors
    /// [`ModelError::TooFew`] and [`ModelError::TooLittle`]; [`ModelError::Setting`] where none can be learned from.
    pub(crate) fn of(model: &TrainableDecoder, train: &TrainingSet<'_>) -> Result<Self, ModelError> {
        let kind = train.kind();
        let (mut lessons, mut right, mut labels, mut left) = (Vec::new(), Vec::new(), Vec::new(), None);
        for (sample, target) in train.samples().iter().zip(train.targets()) {
            let question = Question::read(sample.text)?;
            let (answer, places) = match &question.options {
                None => (first(target), Vec::new()),
                Some(options) => {
                    let target = target.trim();
                    (
                        target.to_owned(),
                        options.iter().position(|one| one.trim() == target).into_iter().collect(),
                    )
                }
            };
            let lesson = match question.options.is_some() && places.is_empty() {
                true => Err(ModelError::Failed(format!("its target {answer:?} is none of its options"))),
                false => model.lesson(&question, &answer, question.most.unwrap_or(usize::MAX)),
            };
            match lesson {
                Ok(lesson) => {
                    lessons.push(lesson);
                    right.push(places);
                    labels.push(if kind == Kind::Classify { answer } else { String::new() });
                }
                Err(ModelError::Failed(why)) => left.get_or_insert((0, why)).0 += 1,
                Err(error) => return Err(error),
            }
        }
        match (&left, lessons.len()) {
            (Some((_, why)), 0) => {
                return Err(ModelError::Setting(format!("no train item can be learned from: {why}")));
            }
            (_, count @ (0 | 1)) => return Err(ModelError::TooFew(count)),
            _ => {}
        }
        if kind == Kind::Classify && labels.windows(2).all(|two| two[0] == two[1]) {
            return Err(ModelError::TooLittle { found: lessons.len(), labels: 1 });
        }
        Ok(Self { lessons, right, labels, kind, left })
    }
}

/// The first of the right answers that a target gives.
fn first(target: &str) -> String {
    right_answers(target, |right| right.first().map(|one| (*one).trim().to_owned())).unwrap_or_default()
}

/// A decoder that is trained.
pub(crate) struct Asked<'a> {
    model: &'a TrainableDecoder,
    lessons: Lessons,
    /// How much each item counts, where it chooses.
    targets: Option<Targets>,
    /// The items that are learned from.
    pub(crate) learned: Vec<usize>,
    /// The items that are held out.
    held: Vec<usize>,
    batch: usize,
    seed: u64,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(
        model: &'a TrainableDecoder,
        lessons: Lessons,
        weights: Option<ClassWeights>,
        (batch, seed): (usize, u64),
    ) -> Self {
        let widths = || lessons.lessons.iter().map(|lesson| lesson.tails.len());
        let targets = match lessons.kind {
            Kind::Classify => {
                let labels = widths().max().unwrap_or(0);
                Some(Targets::labels(Problem::OneLabel, &lessons.right, labels, weights))
            }
            // Each item has options of its own.
            Kind::Choose => {
                let share = |(width, right): (usize, &Vec<usize>)| {
                    (0..width).map(|at| f32::from(u8::from(right.contains(&at)))).collect::<Vec<f32>>()
                };
                Some(Targets::shares(widths().zip(&lessons.right).map(share).collect()))
            }
            Kind::Tag | Kind::Regress | Kind::Series | Kind::Text | Kind::Extract => None,
        };
        let (learned, held) = held_out(&lessons.labels, seed);
        Self { model, lessons, targets, learned, held, batch, seed }
    }

    fn lesson(&self, place: usize) -> &Options {
        &self.lessons.lessons[place]
    }

    /// Tokens of the answers of these items.
    fn written(&self, places: &[usize]) -> usize {
        places.iter().flat_map(|&at| &self.lesson(at).tails).map(Vec::len).sum()
    }
}

impl Objective for Asked<'_> {
    fn variables(&self) -> &BTreeMap<String, Var> {
        self.model.variables()
    }

    fn is_new(&self, _: &str) -> bool {
        false
    }

    fn batches(&self, pass: u64) -> Vec<Vec<usize>> {
        batches(&self.learned, |at| self.lesson(at).len(), self.batch, self.seed, pass)
    }

    /// An item at a time: what a graph keeps of one is the memory that training takes.
    fn parts<'a>(&self, batch: &'a [usize]) -> Vec<&'a [usize]> {
        batch.chunks(1).collect()
    }

    /// Where it chooses, the cross-entropy over the options, by the probabilities that it answers by; where it writes, the mean
    /// over the tokens of the answers, each behind the right ones (teacher forcing).
    fn loss(&self, part: &[usize], batch: &[usize]) -> Result<Tensor, ModelError> {
        let failed = |error: candle_core::Error| ModelError::Failed(error.to_string());
        let mut whole: Option<Tensor> = None;
        for &at in part {
            let scores = self.model.scores(self.lesson(at))?;
            let loss = match &self.targets {
                Some(targets) => scores.unsqueeze(0).and_then(|row| targets.loss(&row, &[at], batch)),
                None => scores.sum_all().and_then(|sum| sum.neg()? / self.written(batch).max(1) as f64),
            };
            let loss = loss.map_err(failed)?;
            whole = Some(match whole {
                Some(before) => (before + loss).map_err(failed)?,
                None => loss,
            });
        }
        whole.ok_or_else(|| ModelError::Failed("a part of a batch has no items".to_owned()))
    }

    /// For options the share of right ones; for what is written, one over the perplexity of the right answers.
    fn validate(&self) -> Result<Option<Validated>, ModelError> {
        if self.held.is_empty() {
            return Ok(None);
        }
        let read = |&at: &usize| self.model.read(self.lesson(at));
        let found = self.held.iter().map(read).collect::<Result<Vec<Vec<f64>>, _>>()?;
        if self.targets.is_none() {
            let loss = -found.iter().flatten().sum::<f64>() / self.written(&self.held).max(1) as f64;
            return Ok(Some(Validated { items: self.held.len(), score: (-loss).exp(), loss }));
        }
        // Less the most of each row, so that a narrower type rounds nothing off that matters.
        let near = |row: &Vec<f64>| -> Vec<f32> {
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            row.iter().map(|score| (score - most) as f32).collect()
        };
        let rows: Vec<Vec<f32>> = found.iter().map(near).collect();
        let right: Vec<Vec<usize>> = self.held.iter().map(|&at| self.lessons.right[at].clone()).collect();
        Ok(Some(validated(Problem::OneLabel, &rows, &right)))
    }
}

//! Training an encoder with a head for spans, by the surprise at where the answers begin and end (Devlin et al. 2019).

use std::collections::{BTreeMap, HashMap};

use candle_core::{D, Device, Result as Candle, Tensor, Var};
use ordinate_core::Output;
use ordinate_models::encoder::{Ends, Spans, TrainableExtractor};
use ordinate_models::{Fitting, Kind, ModelError, Stop, Training, TrainingSet, says_nothing, sharpen};
use ordinate_tasks::Metric as _;
use ordinate_tasks::metric::{WordF1, right_answers};

use crate::batches::{batches, parts};
use crate::labelled::{READ, TOKENS};
use crate::objective::Objective;
use crate::questions::{Questions, Shown};
use crate::settings::Settings;
use crate::trainer::train as run;
use crate::tune::{Tuned, Tuning};
use crate::validation::{Validated, held_out};

/// Questions that make the passes, and how many of these there are.
const LOOKED_AT: usize = 10_000;
const PASSES: (usize, usize) = (2, 10);

/// Trains on the questions of a task.
pub(crate) fn tune(
    tuning: &Tuning,
    train: &TrainingSet<'_>,
    fitting: &Fitting<'_>,
) -> Result<Tuned, ModelError> {
    if tuning.settings.class_weights.is_some() {
        let problem =
            "class_weights is for tasks whose items share their labels, and spans are none; remove it";
        return Err(ModelError::Setting(problem.to_owned()));
    }
    let model = TrainableExtractor::open(tuning.settings.folder()?, tuning.reach(), fitting.seed)?;
    let questions = Questions::of(&model, train)?;
    if let Some((count, problem)) = &questions.left {
        let left = format!("{count} of {} train items are not learned from: {problem}", train.len());
        (fitting.watch)(Training::Left(&left));
    }
    let spans = Spans { most: questions.longest, nothing: questions.nothing };
    let (learned, held) = apart(&questions, fitting.seed);
    let items = learned.len();
    let objective = Spanned {
        model: &model,
        shown: learned.iter().flat_map(|&at| questions.windows[at].clone()).collect(),
        held,
        questions,
        spans,
        batch: tuning.settings.batch(),
        seed: fitting.seed,
    };
    let passes = passes(&tuning.settings, items);
    let recipe = tuning.recipe(model.width(), passes, &("spans", spans, items))?;
    let outcome = run(&objective, &recipe, fitting)?;
    if !objective.held.is_empty() {
        model.scale_logits(objective.sharpness(fitting.stop)?)?;
    }
    let (extractor, written) = model.tuned(spans)?;
    let report = tuning.report(&outcome, items, &written, fitting.seed);
    Ok(Tuned::new(extractor, written, tuning.settings.base(), report))
}

/// Passes over so many questions.
pub(crate) fn passes(settings: &Settings, questions: usize) -> u64 {
    let usual = LOOKED_AT.div_ceil(questions.max(1)).clamp(PASSES.0, PASSES.1) as u64;
    settings.epochs.map_or(usual, u64::from)
}

/// The questions that are learned from, and those that are held out: where passages are many, no passage is in both.
fn apart(questions: &Questions<'_>, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut of = Vec::with_capacity(questions.about.len());
    for (passage, _) in &questions.about {
        let next = numbers.len();
        of.push(*numbers.entry(passage).or_insert(next));
    }
    let held = held_out(&vec![String::new(); numbers.len()], seed).1;
    if held.is_empty() {
        return held_out(&vec![String::new(); of.len()], seed);
    }
    (0..of.len()).partition(|&at| held.binary_search(&of[at]).is_err())
}

/// An encoder with a head for spans that is trained. Batches are of windows.
struct Spanned<'a> {
    model: &'a TrainableExtractor,
    questions: Questions<'a>,
    spans: Spans,
    /// The windows that are learned from.
    shown: Vec<usize>,
    /// The questions that are held out.
    held: Vec<usize>,
    batch: usize,
    seed: u64,
}

impl Spanned<'_> {
    fn shown(&self, place: usize) -> &Shown {
        &self.questions.shown[place]
    }

    fn length(&self, place: usize) -> usize {
        self.shown(place).window.tokens().len()
    }

    /// The logits of the windows of the questions that are held out, by place.
    fn logits(&self, stop: Stop<'_>) -> Result<HashMap<usize, Ends>, ModelError> {
        let mut places: Vec<usize> =
            self.held.iter().flat_map(|&at| self.questions.windows[at].clone()).collect();
        places.sort_by_key(|&place| self.length(place));
        let mut all = HashMap::with_capacity(places.len());
        for part in parts(&places, |place| self.length(place), READ) {
            stop.check()?;
            let windows: Vec<_> = part.iter().map(|&place| &self.shown(place).window).collect();
            all.extend(part.iter().copied().zip(self.model.read(&windows)?));
        }
        Ok(all)
    }

    /// The texts that may answer each question that is held out, and the place of the right one among them: where it is not, it is
    /// added.
    fn said(&self, logits: &HashMap<usize, Ends>) -> Vec<(String, Vec<f64>, usize)> {
        let each = |&question: &usize| {
            let range = self.questions.windows[question].clone();
            let windows: Vec<_> = range.clone().map(|place| self.shown(place).window.clone()).collect();
            let of: Vec<&Ends> = range.clone().filter_map(|place| logits.get(&place)).collect();
            let (passage, target) = self.questions.about[question];
            let texts = self.spans.texts(passage, &windows, &of);
            let is_right = |text: &str| match says_nothing(target) {
                true => text.is_empty(),
                false => right_answers(target, |right| right.iter().any(|one| one.trim() == text)),
            };
            let output = texts.first().map(|(text, _)| (*text).to_owned()).unwrap_or_default();
            let mut scores: Vec<f64> = texts.iter().map(|(_, score)| *score).collect();
            let right = texts.iter().position(|(text, _)| is_right(text)).unwrap_or_else(|| {
                scores.push(
                    range.zip(&of).map(|(place, of)| self.score(place, of)).fold(f64::NEG_INFINITY, f64::max),
                );
                scores.len() - 1
            });
            (output, scores, right)
        };
        self.held.iter().map(each).collect()
    }

    /// The score of the right answer of a window, of which the best counts; far below all others where it has none.
    fn score(&self, place: usize, [starts, ends]: &Ends) -> f64 {
        let shown = self.shown(place);
        if shown.is_without() && !self.spans.nothing {
            return f64::from(f32::MIN);
        }
        let [from, to] = &shown.right;
        let both = from.iter().zip(to).map(|(&from, &to)| f64::from(starts[from]) + f64::from(ends[to]));
        both.fold(f64::NEG_INFINITY, f64::max)
    }

    /// What logits are multiplied with, so that probabilities are those of questions held out (a temperature's inverse; Guo et al.
    /// 2017).
    fn sharpness(&self, stop: Stop<'_>) -> Result<f64, ModelError> {
        let said = self.said(&self.logits(stop)?);
        let right: Vec<Vec<usize>> = said.iter().map(|(_, _, right)| vec![*right]).collect();
        let held: Vec<(usize, Vec<f64>)> =
            said.into_iter().map(|(_, scores, _)| scores).enumerate().collect();
        Ok(sharpen(Kind::Classify, &held, &right).0)
    }
}

/// What the windows of a part add to the loss of a batch of so many: the mean of the surprise at the starts and at the ends. Where
/// the answer stands in several places, any of them is right (Clark and Gardner 2018).
pub(crate) fn surprise(logits: &Tensor, shown: &[&Shown], batch: usize) -> Candle<Tensor> {
    let (_, count, longest) = logits.dims3()?;
    // Far below all logits, and added up without overflow.
    const NEVER: f32 = -1e9;
    let mask = |is_in: &dyn Fn(usize, &Shown, usize) -> bool| {
        let cells: Vec<f32> = (0..2)
            .flat_map(|end| shown.iter().flat_map(move |shown| (0..longest).map(move |at| (end, shown, at))))
            .map(|(end, shown, at)| if is_in(end, shown, at) { 0.0 } else { NEVER })
            .collect();
        Tensor::from_vec(cells, (2, count, longest), &Device::Cpu)
    };
    let sum = |mask: Tensor| -> Candle<Tensor> {
        let kept = (logits + mask)?;
        let most = kept.max_keepdim(D::Minus1)?.detach();
        kept.broadcast_sub(&most)?.exp()?.sum_keepdim(D::Minus1)?.log()? + most
    };
    let all = sum(mask(&|_, shown, at| at < shown.window.tokens().len())?)?;
    let right = sum(mask(&|end, shown, at| shown.right[end].contains(&at))?)?;
    (all - right)?.sum_all()? / (2 * batch.max(1)) as f64
}

impl Objective for Spanned<'_> {
    fn variables(&self) -> &BTreeMap<String, Var> {
        self.model.variables()
    }

    fn is_new(&self, name: &str) -> bool {
        self.model.is_head(name)
    }

    fn batches(&self, pass: u64) -> Vec<Vec<usize>> {
        batches(&self.shown, |place| self.length(place), self.batch, self.seed, pass)
    }

    fn parts<'a>(&self, batch: &'a [usize]) -> Vec<&'a [usize]> {
        parts(batch, |place| self.length(place), TOKENS)
    }

    fn loss(&self, part: &[usize], batch: &[usize]) -> Result<Tensor, ModelError> {
        let shown: Vec<&Shown> = part.iter().map(|&place| self.shown(place)).collect();
        let windows: Vec<_> = shown.iter().map(|shown| &shown.window).collect();
        let loss = surprise(&self.model.logits(&windows)?, &shown, batch.len());
        loss.map_err(|error| ModelError::Failed(error.to_string()))
    }

    /// The score is the mean F1 of the words, the loss the mean surprise at the right answer among the best ones.
    fn validate(&self) -> Result<Option<Validated>, ModelError> {
        if self.held.is_empty() {
            return Ok(None);
        }
        let said = self.said(&self.logits(Stop::NEVER)?);
        let (mut score, mut loss) = (0.0, 0.0);
        for ((output, scores, right), &question) in said.iter().zip(&self.held) {
            let target = self.questions.about[question].1;
            score += WordF1.score(&Output::Text(output.clone()), target);
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|score| (score - most).exp()).sum();
            // Where the right one could not be said at all, as much as a probability of one in a billion.
            loss += (sum.ln() + most - scores[*right]).min(20.0);
        }
        let items = self.held.len();
        let mean = |sum: f64| sum / items.max(1) as f64;
        Ok(Some(Validated { items, score: mean(score), loss: mean(loss) }))
    }
}

//! The loop of training: passes, steps, validation, and when it is over.

use std::time::{Duration, Instant};

use candle_core::Tensor;
use ordinate_models::{Fitting, ModelError, Training, TrainingProgress};

use crate::checkpoint::{self, Ended, State, Values};
use crate::objective::Objective;
use crate::optimiser::{AdamW, Rates, schedule};
use crate::validation::Validated;

/// How training goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recipe {
    /// Passes at most.
    pub(crate) epochs: u64,
    /// Passes without a better score after which training ends; three validations it waits in any case.
    pub(crate) patience: u64,
    /// The largest step of what was trained before.
    pub(crate) rate: f64,
    /// The largest step of what is new.
    pub(crate) new_rate: f64,
    /// How long it may take.
    pub(crate) longest: Option<Duration>,
    /// What it hangs on, for checkpoints.
    pub(crate) key: String,
}

/// What AdamW takes off the weights, as `transformers` recommends for encoders.
const DECAY: f64 = 0.01;
/// The longest gradient, as the trainer of `transformers` has it.
const CLIP: f64 = 1.0;
/// Validations without a better score after which training may end.
const PATIENCE: u32 = 3;
/// The usual patience of a [`Recipe`]. Half of the passes took twice as long on financial_phrasebank, and gained nothing.
pub(crate) const PATIENT_PASSES: u64 = 2;
/// Steps between validations at most; there is one at the end of each pass too.
const VALIDATED: u64 = 250;
/// How often it is told how far training is.
const TOLD: Duration = Duration::from_millis(250);
/// Checkpoints take at most one part in so many of the time.
const SHARE: u32 = 30;

/// What came of a training.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) steps: u64,
    pub(crate) passes: f64,
    pub(crate) took: Duration,
    pub(crate) best: Option<Validated>,
    pub(crate) ended: Ended,
}

/// A training under way.
struct Run<'a> {
    objective: &'a dyn Objective,
    recipe: &'a Recipe,
    fitting: &'a Fitting<'a>,
    optimiser: AdamW,
    state: State,
    best: Option<Values>,
    /// Steps of all passes.
    steps: u64,
    started: Instant,
    /// How long it took before it was killed.
    before: Duration,
    /// When a checkpoint was written last, and how long that took.
    kept: (Instant, Duration),
    pace: Pace,
}

/// How fast items are learned from.
struct Pace {
    told: Instant,
    items: usize,
    per_second: f64,
}

/// Trains, and leaves the variables with their best values.
pub(crate) fn train(
    objective: &dyn Objective,
    recipe: &Recipe,
    fitting: &Fitting<'_>,
) -> Result<Outcome, ModelError> {
    let mut optimiser = AdamW::new(objective.variables(), &|name| objective.is_new(name), DECAY, CLIP);
    let mut state = State { key: recipe.key.clone(), ..State::default() };
    let mut best = None;
    if let Some((found, values)) =
        fitting.checkpoint.and_then(|path| checkpoint::read(path, &recipe.key, &mut optimiser))
    {
        (state, best) = (found, values);
    }
    let per_pass = objective.batches(0).len() as u64;
    let now = Instant::now();
    let before = state.spent;
    let mut run = Run {
        objective,
        recipe,
        fitting,
        optimiser,
        state,
        best,
        steps: (per_pass * recipe.epochs).max(1),
        started: now,
        before,
        kept: (now, Duration::ZERO),
        pace: Pace { told: now, items: 0, per_second: 0.0 },
    };
    if run.state.ended.is_none() {
        let ended = run.passes()?;
        run.finish(ended)?;
    }
    let passes = run.optimiser.steps as f64 / per_pass.max(1) as f64;
    let Run { optimiser, state, .. } = run;
    let ended = state.ended.unwrap_or(Ended::Passes);
    Ok(Outcome { steps: optimiser.steps, passes, took: state.spent, best: state.best, ended })
}

fn failed(error: &candle_core::Error) -> ModelError {
    ModelError::Failed(error.to_string().lines().next().unwrap_or_default().to_owned())
}

impl Run<'_> {
    fn passes(&mut self) -> Result<Ended, ModelError> {
        while self.state.pass < self.recipe.epochs {
            let batches = self.objective.batches(self.state.pass);
            while self.state.within < batches.len() {
                if let Err(stopped) = self.fitting.stop.check() {
                    self.keep()?;
                    return Err(stopped);
                }
                if self.recipe.longest.is_some_and(|longest| self.spent() >= longest) {
                    self.validate()?;
                    return Ok(Ended::Time);
                }
                self.step(&batches[self.state.within])?;
                self.state.within += 1;
                let is_last = self.state.within == batches.len();
                if is_last || self.optimiser.steps.is_multiple_of(VALIDATED) {
                    self.validate()?;
                    if self.best.is_some() && self.is_no_better(batches.len() as u64) {
                        return Ok(Ended::Early);
                    }
                }
                self.keep_if_due()?;
            }
            self.state.pass += 1;
            self.state.within = 0;
        }
        Ok(Ended::Passes)
    }

    /// Whether it has not got better for so long that it will not.
    fn is_no_better(&self, per_pass: u64) -> bool {
        let steps = self.optimiser.steps - self.state.best_at;
        self.state.since >= PATIENCE && steps >= self.recipe.patience * per_pass
    }

    fn step(&mut self, batch: &[usize]) -> Result<(), ModelError> {
        let mut gradients = self.optimiser.no_gradients();
        let mut loss = 0.0;
        for part in self.objective.parts(batch) {
            let share = self.objective.loss(part, batch)?;
            let mut of_part = share.backward().map_err(|error| failed(&error))?;
            self.optimiser.gather(&mut gradients, &mut of_part).map_err(|error| failed(&error))?;
            loss += f64::from(share.to_scalar::<f32>().map_err(|error| failed(&error))?);
        }
        if !loss.is_finite() {
            let problem = "training ran away (the loss is no number); give a smaller learning_rate";
            return Err(ModelError::Setting(problem.to_owned()));
        }
        let spent = self.recipe.longest.map(|longest| self.spent().as_secs_f64() / longest.as_secs_f64());
        let size = schedule(self.optimiser.steps, self.steps, spent);
        let rates = Rates { old: self.recipe.rate * size, new: self.recipe.new_rate * size };
        self.optimiser.step(&gradients, rates).map_err(|error| failed(&error))?;
        self.state.losses.0 += loss;
        self.state.losses.1 += 1;
        self.tell(batch.len());
        Ok(())
    }

    fn validate(&mut self) -> Result<(), ModelError> {
        let Some(found) = self.objective.validate()? else { return Ok(()) };
        if self.state.best.is_none_or(|best| found.beats(&best)) {
            self.state.best = Some(found);
            self.state.best_at = self.optimiser.steps;
            self.state.since = 0;
            let copy = |slot: &crate::optimiser::Slot| -> candle_core::Result<(String, Tensor)> {
                Ok((slot.name.clone(), slot.variable.as_detached_tensor().copy()?))
            };
            let values = self.optimiser.slots.iter().map(copy).collect::<candle_core::Result<Values>>();
            self.best = Some(values.map_err(|error| failed(&error))?);
        } else {
            self.state.since += 1;
        }
        Ok(())
    }

    /// Puts the best values back, and keeps them.
    fn finish(&mut self, ended: Ended) -> Result<(), ModelError> {
        if let Some(best) = &self.best {
            for slot in &self.optimiser.slots {
                if let Some(value) = best.get(&slot.name) {
                    slot.variable.set(value).map_err(|error| failed(&error))?;
                }
            }
        }
        self.state.ended = Some(ended);
        self.keep()
    }

    fn spent(&self) -> Duration {
        self.before + self.started.elapsed()
    }

    fn keep_if_due(&mut self) -> Result<(), ModelError> {
        let (when, took) = self.kept;
        if self.fitting.checkpoint.is_some() && when.elapsed() >= took * SHARE {
            self.keep()?;
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), ModelError> {
        self.state.spent = self.spent();
        let Some(path) = self.fitting.checkpoint else { return Ok(()) };
        let began = Instant::now();
        checkpoint::write(path, &self.state, &self.optimiser, self.best.as_ref())?;
        self.kept = (Instant::now(), began.elapsed());
        Ok(())
    }

    fn tell(&mut self, items: usize) {
        self.pace.items += items;
        let elapsed = self.pace.told.elapsed();
        if elapsed < TOLD {
            return;
        }
        self.pace.per_second = self.pace.items as f64 / elapsed.as_secs_f64();
        (self.pace.told, self.pace.items) = (Instant::now(), 0);
        let (steps, done) = (self.steps, self.optimiser.steps);
        let (sum, count) = self.state.losses;
        // Of this run alone: what was done before it was killed took its own time.
        let left = items as f64 * steps.saturating_sub(done) as f64 / self.pace.per_second.max(1e-9);
        let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
        let longest = self.recipe.longest.map(|longest| longest.saturating_sub(self.spent()));
        (self.fitting.watch)(Training::Progress(TrainingProgress {
            step: done,
            steps,
            loss: sum / count.max(1) as f64,
            best: self.state.best.map(|best| best.score),
            per_second: self.pace.per_second,
            left: longest.map_or(left, |longest| left.min(longest)),
        }));
        self.state.losses = (0.0, 0);
    }
}

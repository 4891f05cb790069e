//! Shadow requests: a share of the items is asked of the runner-up too, once the answer went out. Nobody waits for them, nothing
//! that goes wrong with them is told to a client, and they end with the server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ordinate_core::Item;
use ordinate_core::random::mix;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::breaker::Breaker;
use crate::candidate::{Answered, Candidate, tires};
use crate::kept::{Kept, Row, Waiting};
use crate::record::Line;
use crate::settings::Shadowing;
use crate::spent::{Dropped, Spent, cost};
use crate::state::{Server, tell};
use crate::task::ServedTask;

/// Whom a task's policy is held against.
pub(crate) struct RunnerUp {
    /// Its place among the run's candidates.
    pub(crate) place: usize,
    pub(crate) settings: Arc<Shadowing>,
    /// Its own: what goes wrong with shadow requests is no reason to turn a client's away.
    breaker: Breaker,
}

impl RunnerUp {
    pub(crate) fn new(place: usize, settings: Arc<Shadowing>) -> Self {
        Self { place, settings, breaker: Breaker::default() }
    }
}

/// The shadow requests of a server.
#[derive(Default)]
pub(crate) struct Shadows {
    spent: Mutex<Spent>,
    pub(crate) waiting: Mutex<Waiting>,
    counted: Mutex<Counted>,
    tossed: AtomicU64,
    begun: AtomicBool,
    stop: CancellationToken,
}

/// What is told of them, by task and candidate or reason.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted {
    pub(crate) asked: BTreeMap<(String, String), Asked>,
    pub(crate) dropped: BTreeMap<(String, Dropped), u64>,
}

/// Shadow requests to one candidate.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// Those with the answer that was given.
    pub(crate) same: u64,
    pub(crate) cost_usd: f64,
}

impl Shadows {
    /// Whether an item is of the share.
    fn is_chosen(&self, share: f64) -> bool {
        let bits = mix(self.tossed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)) >> 11;
        (bits as f64) < share * (1_u64 << 53) as f64
    }

    /// Sets what the coins are tossed by.
    pub(crate) fn seed(&self, seed: u64) {
        self.tossed.store(seed, Ordering::Relaxed);
    }

    /// Whether this is the first time that there are to be some.
    pub(crate) fn begins(&self) -> bool {
        !self.begun.swap(true, Ordering::Relaxed)
    }

    /// Counts what an earlier process spent today.
    pub(crate) fn spent_before(&self, costs: impl IntoIterator<Item = Option<f64>>) {
        let mut spent = lock(&self.spent);
        costs.into_iter().for_each(|cost| spent.count(cost));
    }

    /// Ends those that are on their way, and lets no more begin.
    pub(crate) fn end(&self) {
        self.stop.cancel();
    }

    /// USD and requests of today.
    pub(crate) fn spent_today(&self) -> (f64, u64) {
        lock(&self.spent).today()
    }

    pub(crate) fn counted(&self) -> Counted {
        lock(&self.counted).clone()
    }

    /// Whether a request about this item may be made; what is set aside for it.
    fn admit(&self, task: &ServedTask, runner_up: &RunnerUp, item: &Item) -> Result<f64, Dropped> {
        let candidate = &task.run.candidates[runner_up.place];
        if self.stop.is_cancelled() {
            return Err(Dropped::Drain);
        }
        // In this process it would take the time of whoever answers clients, itself or another one.
        if candidate.is_here() && task.run.candidates.iter().any(Candidate::is_busy) {
            return Err(Dropped::Busy);
        }
        let set_aside = lock(&self.spent).admit(&runner_up.settings, candidate.most_usd(item))?;
        runner_up.breaker.admit().map(|()| set_aside).map_err(|_| {
            lock(&self.spent).give_back(set_aside);
            Dropped::Resting
        })
    }

    fn drop_one(&self, task: &str, why: Dropped) {
        *lock(&self.counted).dropped.entry((task.to_owned(), why)).or_default() += 1;
    }
}

/// A line of the record about a shadow request.
#[derive(Serialize)]
struct ShadowLine<'a> {
    at: String,
    id: &'a str,
    task: &'a str,
    policy: &'a str,
    /// Who was asked.
    shadow: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    /// What it counts as of the day's money.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted_usd: Option<f64>,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    /// Whether it said what the policy said.
    #[serde(skip_serializing_if = "Option::is_none")]
    same: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a str>,
}

/// A shadow request that is to be made.
pub(crate) struct Shadow {
    server: Arc<Server>,
    task: Arc<ServedTask>,
    id: String,
    item: Item,
    answer: Option<String>,
    rows: Vec<Row>,
}

impl Shadow {
    /// A shadow request about an item that was answered so, if it is of the share. Where the runner-up was asked anyway, its answer
    /// is kept, and nothing is to be made.
    pub(crate) fn of<'a>(
        server: &Arc<Server>,
        id: &str,
        task: &Arc<ServedTask>,
        item: &Item,
        answer: Option<&str>,
        asked: impl Iterator<Item = (&'a Candidate, &'a Answered)>,
    ) -> Option<Self> {
        let runner_up = task.runner_up.as_ref()?;
        if !server.shadows.is_chosen(runner_up.settings.share) {
            return None;
        }
        let mut rows = Vec::new();
        for (candidate, answered) in asked.filter(|(_, answered)| !answered.is_out()) {
            rows.push(Row::of(id, item, candidate, answered));
        }
        if rows.is_empty() {
            // Whoever has no answer for a reason of its own tells nothing of the item.
            return None;
        }
        let shadow = Self {
            server: Arc::clone(server),
            task: Arc::clone(task),
            id: id.to_owned(),
            item: item.clone(),
            answer: answer.map(str::to_owned),
            rows,
        };
        let name = task.run.candidates[runner_up.place].name.as_str();
        if shadow.rows.iter().any(|row| row.candidate == name) {
            shadow.keep(name);
            return None;
        }
        Some(shadow)
    }

    /// Makes it, beside whatever else goes on.
    pub(crate) fn begin(self) {
        let (Some(runner_up), Ok(runtime)) = (&self.task.runner_up, tokio::runtime::Handle::try_current())
        else {
            return;
        };
        match self.server.shadows.admit(&self.task, runner_up, &self.item) {
            Ok(set_aside) => drop(runtime.spawn(self.ask(set_aside))),
            Err(why) => self.server.shadows.drop_one(&self.task.run.name, why),
        }
    }

    async fn ask(mut self, set_aside: f64) {
        let task = Arc::clone(&self.task);
        let Some(runner_up) = &task.runner_up else { return };
        let candidate = &task.run.candidates[runner_up.place];
        let (server, start) = (Arc::clone(&self.server), std::time::Instant::now());
        let answered = tokio::select! {
            biased;
            () = server.shadows.stop.cancelled() => None,
            answered = candidate.ask(&self.item, &task.run.reader, None) => Some(answered),
        };
        let Some(answered) = answered else {
            // It may have been answered, and have to be paid for.
            let counted_usd = lock(&server.shadows.spent).settle(set_aside, None);
            runner_up.breaker.left();
            server.shadows.drop_one(&task.run.name, Dropped::Drain);
            self.record(candidate, None, counted_usd, start.elapsed());
            return;
        };
        let cost_usd = cost(answered.cost_usd, answered.failure.as_ref());
        let counted_usd = lock(&server.shadows.spent).settle(set_aside, cost_usd);
        match answered.failure.as_ref().filter(|failure| tires(failure.kind)) {
            Some(failure) => runner_up.breaker.failed(failure),
            None => runner_up.breaker.answered(),
        }
        let is_same = answered.failure.is_none() && answered.output == self.answer;
        {
            let mut counted = lock(&server.shadows.counted);
            let key = (task.run.name.clone(), candidate.name.to_string());
            let asked = counted.asked.entry(key).or_default();
            asked.requests += 1;
            asked.errors += u64::from(answered.failure.is_some());
            asked.same += u64::from(is_same);
            asked.cost_usd += cost_usd.unwrap_or_default();
        }
        server.see_signature(&task, candidate, &answered);
        self.record(candidate, Some((&answered, cost_usd)), counted_usd, answered.took);
        if !answered.is_out() {
            self.rows.push(Row::of(&self.id, &self.item, candidate, &answered));
            self.keep(candidate.name.as_str());
        }
    }

    /// Keeps the answers until somebody says what is right.
    fn keep(self, runner_up: &str) {
        let texts = self.task.runner_up.as_ref().is_some_and(|runner_up| runner_up.settings.texts);
        let kept = Kept {
            task: self.task.run.name.clone(),
            policy: self.task.run.artefact.name.clone(),
            runner_up: runner_up.to_owned(),
            input: self.item.input.text,
            answer: self.answer,
            rows: self.rows,
            texts,
        };
        lock(&self.server.shadows.waiting).keep(self.id, kept);
    }

    fn record(
        &self,
        candidate: &Candidate,
        answered: Option<(&Answered, Option<f64>)>,
        counted_usd: Option<f64>,
        took: Duration,
    ) {
        let Some(record) = &self.server.record else { return };
        let texts = self.task.runner_up.as_ref().is_some_and(|runner_up| runner_up.settings.texts);
        let (answered, cost_usd) = answered.unzip();
        let failure = answered.and_then(|answered| answered.failure.as_ref());
        let usage = answered.and_then(|answered| answered.usage);
        let output = answered.and_then(|answered| answered.output.as_deref());
        let is_answer = answered.is_some() && failure.is_none();
        let line = ShadowLine {
            at: Line::now(),
            id: &self.id,
            task: &self.task.run.name,
            policy: &self.task.run.artefact.name,
            shadow: candidate.name.as_str(),
            error: match answered {
                None => Some("left-at-the-end"),
                Some(_) => failure.map(|failure| failure.kind.as_str()),
            },
            input_tokens: usage.map(|usage| usage.input_tokens),
            output_tokens: usage.map(|usage| usage.output_tokens),
            cost_usd: cost_usd.flatten(),
            counted_usd,
            ms: took.as_secs_f64() * 1e3,
            model: answered.and_then(|answered| answered.model.as_deref()),
            same: is_answer.then(|| output == self.answer.as_deref()),
            input: texts.then_some(self.item.input.text.as_str()),
            output: output.filter(|_| texts),
            answer: self.answer.as_deref().filter(|_| texts),
        };
        if let Err(error) = record.add(&line) {
            tell(&format!("the record cannot be written: {error}"));
        }
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

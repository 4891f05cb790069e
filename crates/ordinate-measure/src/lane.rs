//! One candidate's items, one batch after the other, as many in flight as help.

mod elsewhere;
mod pending;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use ordinate_remote::FailureKind;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ask::{Asked, ask};
use crate::estimate::CHUNK;
use crate::key::Key;
use crate::measured::{Ended, Row, row, stands};
use crate::run::{LOOK, MeasureError};
use crate::saved::Saved;
use crate::shared::{LaneState, Shared};
use crate::writer::Writer;
use elsewhere::Lacking;
use pending::{Pending, pending};

/// So many items in a row that fail for reasons of the endpoint mean that it is dead.
const DEAD_AFTER: u32 = 10;

/// Bytes of a reply that are read in less time than handing it over takes.
const SHORT: usize = 2 << 10;

/// How asking about the items of a batch ended, with their positions.
type Done = Result<Vec<(usize, Key, Asked)>, MeasureError>;

/// A lane while it runs.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    which: usize,
    identity: String,
    /// The most requests of a batch.
    batch: usize,
    writer: Writer,
    /// The positions of the order, in the order of this candidate's stages.
    positions: Vec<u32>,
    next: usize,
    queue: VecDeque<Pending>,
    /// Items that are to be claimed before they are queued, of those who share the store; and whether others were found at them.
    unclaimed: VecDeque<Lacking>,
    stale: bool,
    /// Items about which another run asks, of those who share the store; and when it was last looked for their answers.
    elsewhere: VecDeque<Lacking>,
    looked: Instant,
    /// Keys that were claimed and led to no answer.
    unanswered: Vec<Key>,
    /// Keys in flight, with further items that have the same request and wait for its answer.
    open: HashMap<Key, Vec<usize>>,
    tasks: JoinSet<Done>,
    stop: CancellationToken,
    ended: Option<Ended>,
    failures_in_a_row: u32,
    /// The last failure of the endpoint.
    last_failure: Option<String>,
}

impl Lane {
    pub(crate) fn new(shared: Arc<Shared>, which: usize, writer: Writer) -> Self {
        let answerer = &shared.plan.candidates[which].answerer;
        let (identity, batch) = (answerer.identity(), answerer.limits().batch.max(1));
        let positions = shared.order.by_stage(|at| answerer.stage(at));
        let stop = shared.cancel.child_token();
        Self {
            shared,
            which,
            identity,
            batch,
            writer,
            positions,
            next: 0,
            queue: VecDeque::new(),
            unclaimed: VecDeque::new(),
            stale: false,
            elsewhere: VecDeque::new(),
            looked: Instant::now(),
            unanswered: Vec::new(),
            open: HashMap::new(),
            tasks: JoinSet::new(),
            stop,
            ended: None,
            failures_in_a_row: 0,
            last_failure: None,
        }
    }

    /// Asks about everything that is not answered yet. Where that breaks off, what is in flight is waited for all the same: it is paid
    /// for.
    pub(crate) async fn run(mut self) -> Result<Ended, MeasureError> {
        let done = self.ask_all().await;
        if done.is_err() {
            self.stop.cancel();
            while self.tasks.join_next().await.is_some() {}
        }
        done
    }

    async fn ask_all(&mut self) -> Result<Ended, MeasureError> {
        loop {
            self.look_around();
            self.fill().await?;
            if self.tasks.is_empty() && self.is_through() {
                break;
            }
            let paused = self.state().gate().paused(Instant::now());
            let has_room = self.ended.is_none() && !self.is_through();
            tokio::select! {
                Some(done) = self.tasks.join_next() => {
                    let done = done.map_err(broken)?;
                    self.finish(done).await?;
                }
                () = async { tokio::time::sleep_until(paused.unwrap_or_else(Instant::now).into()).await },
                    if paused.is_some() && has_room => {}
                () = self.shared.cancel.cancelled(), if has_room => {}
                () = tokio::time::sleep(LOOK), if has_room && !self.elsewhere.is_empty() => {}
            }
            self.state().in_flight.store(self.in_flight(), Ordering::Relaxed);
        }
        self.state().ended.store(true, Ordering::Relaxed);
        self.unanswered.extend(self.open.keys());
        self.shared.store.release(&self.unanswered).await?;
        let candidate = &self.shared.plan.candidates[self.which];
        candidate
            .answerer
            .put_away()
            .await
            .map_err(|error| MeasureError::Candidate { candidate: candidate.name.clone(), error })?;
        Ok(self.ended.take().or_else(|| self.never_answered()).unwrap_or(Ended::Complete))
    }

    /// A candidate without a single usable answer was not measured, with however few items: a verdict over its errors alone
    /// would say something of the network or of the settings, and nothing of the candidate.
    fn never_answered(&self) -> Option<Ended> {
        let why = self.last_failure.as_ref()?;
        let tally = self.state().tally();
        let failed = tally.error_count();
        // What a filter or the model itself refused is of the items: asking again, or otherwise, gives nothing else.
        let of_items =
            |kind: &str| [FailureKind::Filtered, FailureKind::Refused].iter().any(|one| one.as_str() == kind);
        let is_settled = tally.errors.keys().all(|kind| of_items(kind));
        (failed == tally.done && !is_settled).then(|| {
            let cut = tally.remarks.cut;
            let hint = if 2 * cut >= failed {
                format!(". {cut} replies were cut: raise `max_tokens` first of all")
            } else {
                String::new()
            };
            Ended::Dead(format!(
                "none of its {failed} items has a usable answer, the last failed with {why}{hint}"
            ))
        })
    }

    fn state(&self) -> &LaneState {
        &self.shared.lanes[self.which]
    }

    /// Items that were sent and not answered yet, about: the last batch may be a smaller one.
    fn in_flight(&self) -> u64 {
        (self.tasks.len() * self.batch) as u64
    }

    /// Items that can be sent now, at least one.
    fn room(&self, limit: usize) -> usize {
        limit.saturating_sub(self.tasks.len()).saturating_mul(self.batch).max(1)
    }

    /// Nothing more is to be sent.
    fn is_through(&self) -> bool {
        let is_known = self.next >= self.shared.order.len() && self.unclaimed.is_empty();
        self.ended.is_some() || (is_known && self.queue.is_empty() && self.elsewhere.is_empty())
    }

    /// Whether it was told to stop, or is beaten.
    fn look_around(&mut self) {
        if self.ended.is_some() || self.is_through() {
            return;
        }
        if self.shared.cancel.is_cancelled() {
            self.end(Ended::Cancelled);
            return;
        }
        let Some(race) = &self.shared.race else { return };
        let why = race.lock().unwrap_or_else(PoisonError::into_inner).beaten(self.which).map(str::to_owned);
        if let Some(why) = why {
            let tally = self.state().tally();
            let items = self.shared.order.len() as u64;
            let saved_items = items.saturating_sub(tally.done + self.in_flight());
            let per_item = tally.cost_usd.map(|cost| cost / tally.done.max(1) as f64);
            drop(tally);
            let saved_usd = per_item.map(|cost| cost * saved_items as f64);
            self.end(Ended::Beaten { why, saved_items, saved_usd });
        }
    }

    /// Sends nothing more; what waits for another try is given up, what is in flight is waited for.
    fn end(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
        self.queue.clear();
        // Not claimed here.
        for lacking in self.elsewhere.drain(..).chain(self.unclaimed.drain(..)) {
            self.open.remove(&lacking.pending.key);
        }
        self.stop.cancel();
    }

    /// Sends requests until as many are in flight as are allowed.
    async fn fill(&mut self) -> Result<(), MeasureError> {
        loop {
            let (limit, paused) = {
                let gate = self.state().gate();
                (gate.limit(), gate.paused(Instant::now()).is_some())
            };
            if paused || self.tasks.len() >= limit || self.is_through() {
                return Ok(());
            }
            let wants_more = self.queue.len() < self.batch;
            if wants_more && !self.unclaimed.is_empty() {
                // No more than can be sent now: the rest is for others.
                let room = self.room(limit);
                self.claim(room).await?;
                self.look_around();
            } else if wants_more && self.next < self.shared.order.len() {
                self.refill().await?;
                self.look_around();
            } else if self.queue.is_empty() {
                if self.looked.elapsed() < LOOK {
                    return Ok(());
                }
                let room = self.room(limit);
                self.look_elsewhere(room).await?;
                self.look_around();
            } else {
                let batch = self.queue.drain(..self.batch.min(self.queue.len())).collect();
                self.send(batch);
            }
        }
    }

    /// Looks the next items up; those without an answer are queued, or are to be claimed.
    async fn refill(&mut self) -> Result<(), MeasureError> {
        let shared = Arc::clone(&self.shared);
        let end = shared.order.len().min(self.next + CHUNK);
        let positions = self.positions[self.next..end].to_vec();
        self.next = end;
        let (of, which, identity) = (Arc::clone(&shared), self.which, self.identity.clone());
        // Prompts of many examples take their time, and others are being timed here.
        let made = tokio::task::spawn_blocking(move || {
            positions.into_iter().map(|position| pending(&of, which, &identity, position as usize)).collect()
        });
        let chunk: Vec<Pending> =
            made.await.map_err(broken).and_then(|made: Result<_, MeasureError>| made)?;
        let keys: Vec<Key> = chunk.iter().map(|pending| pending.key).collect();
        for (pending, saved) in chunk.into_iter().zip(shared.store.find(&keys).await?) {
            // What is in flight, or was asked again in this run, must not be asked once more.
            if let Some(waiting) = self.open.get_mut(&pending.key) {
                waiting.push(pending.position);
                continue;
            }
            match saved {
                Some(saved) if stands(&shared.plan, &saved) => {
                    self.record(pending.position, saved, true).await?;
                }
                _ if shared.plan.asks_nobody => {}
                before => {
                    self.open.insert(pending.key, Vec::new());
                    match shared.store.is_shared() {
                        true => self.unclaimed.push_back(Lacking { pending, before }),
                        false => self.queue.push_back(pending),
                    }
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, batch: Vec<Pending>) {
        let (shared, which) = (Arc::clone(&self.shared), self.which);
        let (writer, stop) = (self.writer.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let (places, requests): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .map(|Pending { position, key, request, id }| ((position, key), (request, id)))
                .unzip();
            let asked = ask(&shared, which, &requests, &stop).await.map_err(|error| {
                let candidate = shared.plan.candidates[which].name.clone();
                MeasureError::Candidate { candidate, error }
            })?;
            let done: Vec<_> = places
                .into_iter()
                .zip(asked)
                .map(|((position, key), asked)| (position, key, asked))
                .collect();
            // An item counts as done when its answer is committed, and not before.
            let answers: Vec<_> = done
                .iter()
                .filter_map(|(_, key, asked)| match asked {
                    Asked::Done(saved) => Some((*key, saved.as_ref().clone())),
                    _ => None,
                })
                .collect();
            if !answers.is_empty() {
                writer.commit(answers).await?;
            }
            Ok(done)
        });
    }

    async fn finish(&mut self, done: Done) -> Result<(), MeasureError> {
        for (position, key, asked) in done? {
            let waiting = self.open.remove(&key).unwrap_or_default();
            match asked {
                Asked::Done(saved) => {
                    self.watch(&saved);
                    for position in waiting {
                        self.record(position, saved.as_ref().clone(), true).await?;
                    }
                    self.record(position, *saved, false).await?;
                }
                unanswered => {
                    self.unanswered.push(key);
                    self.end(match unanswered {
                        Asked::Exhausted => Ended::Budget,
                        Asked::Fatal(failure) => Ended::Dead(failure.message),
                        // After `end` the reason is known; else the whole run was told to stop.
                        Asked::Stopped | Asked::Done(_) => Ended::Cancelled,
                    });
                }
            }
        }
        Ok(())
    }

    /// Counts failures of the endpoint in a row.
    fn watch(&mut self, saved: &Saved) {
        let is_elsewhere = !self.shared.plan.candidates[self.which].answerer.limits().alone;
        match &saved.error {
            Some((kind, message)) if is_elsewhere && kind.is_of_endpoint() => {
                self.failures_in_a_row += 1;
                if self.failures_in_a_row >= DEAD_AFTER {
                    let message =
                        format!("{DEAD_AFTER} items in a row failed, the last with {kind}: {message}");
                    self.end(Ended::Dead(message));
                }
            }
            _ => self.failures_in_a_row = 0,
        }
    }

    /// Counts an answer, and scores it where candidates race.
    async fn record(&mut self, position: usize, saved: Saved, kept: bool) -> Result<(), MeasureError> {
        let shared = Arc::clone(&self.shared);
        let item = shared.order.item(position);
        let row = read(&shared, self.which, item, saved).await?;
        if let Some((kind, message)) = &row.error {
            self.last_failure = Some(format!("{kind}: {message}"));
        }
        let mut tally = self.state().tally();
        tally.add(&row, kept);
        let meets_limits = shared.plan.early.as_ref().is_none_or(|early| tally.meets(&early.needs));
        drop(tally);
        if let (Some(early), Some(race)) = (&shared.plan.early, &shared.race) {
            // The item could not be asked about for reasons that say nothing of the candidate's quality.
            let score = match row.error {
                Some((FailureKind::Connect, _)) => return Ok(()),
                Some(_) => (early.scorer)(item, None),
                None => (early.scorer)(item, row.output.as_deref()),
            };
            let mut race = race.lock().unwrap_or_else(PoisonError::into_inner);
            race.allow(self.which, meets_limits && shared.plan.candidates[self.which].eligible);
            race.scored(self.which, position, score);
        }
        Ok(())
    }
}

/// Reads the answer out of what was said; of a long text elsewhere, because others are being timed here.
async fn read(shared: &Arc<Shared>, which: usize, item: usize, saved: Saved) -> Result<Row, MeasureError> {
    if saved.text.as_ref().is_none_or(|text| text.len() <= SHORT) {
        return Ok(row(&shared.plan, which, item, saved));
    }
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || row(&shared.plan, which, item, saved)).await.map_err(broken)
}

#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` wants")]
fn broken(error: tokio::task::JoinError) -> MeasureError {
    MeasureError::Broken(error.to_string())
}

//! A whole run.

use std::future::Future;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ordinate_core::CandidateName;
use ordinate_remote::PromptError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::answerer::AnswererError;
use crate::budget::Budget;
use crate::early::{Race, Rule};
use crate::estimate::{Estimate, estimate_with};
use crate::gate::Gate;
use crate::key::Key;
use crate::lane::Lane;
use crate::measured::{Ended, Measured, Quantiles, Summary};
use crate::order::{Order, places};
use crate::plan::{Contender, Plan, PlanError};
use crate::progress::{Observer, Progress};
use crate::rates::Rates;
use crate::shared::{LaneState, Shared};
use crate::store::{AnswerStore, StoreError};
use crate::writer::{Writer, WriterGone};

/// How often it is looked whether another run is done.
pub(crate) const LOOK: Duration = Duration::from_millis(500);
/// How often progress is told.
const TICK: Duration = Duration::from_millis(200);
/// The weight of the latest tick in the rate.
const LATEST: f64 = 0.1;
/// A longer time left is not told: a rate that has come down to nothing says nothing of it.
const MAX_LEFT: Duration = Duration::from_secs(30 * 86_400);

/// Why measuring ended without a result. What was committed before is kept.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A request cannot be made.
    #[error("candidate {candidate}: {error}")]
    Prompt {
        /// The candidate.
        candidate: CandidateName,
        /// What is wrong.
        error: PromptError,
    },
    /// A candidate cannot answer at all.
    #[error("candidate {candidate}: {error}")]
    Candidate {
        /// The candidate.
        candidate: CandidateName,
        /// Why.
        error: AnswererError,
    },
    /// A part of this program broke.
    #[error("measuring broke off: {0}; every answer that was committed before is kept")]
    Broken(String),
}

impl From<WriterGone> for MeasureError {
    fn from(_: WriterGone) -> Self {
        Self::Broken("answers can no longer be written".into())
    }
}

/// Asks every candidate of the plan about every item that the store has no answer to.
///
/// A dead endpoint, an exhausted budget and a beaten candidate are no errors: the other candidates go on, and
/// [`Summary::ended`] says what happened. When `cancel` is called, nothing more is sent; what is in flight has
/// ten seconds to arrive.
///
/// # Errors
/// [`MeasureError`] when the plan, a prompt or the store is at fault.
pub async fn measure(
    plan: Plan,
    observer: &dyn Observer,
    cancel: CancellationToken,
) -> Result<Measured, MeasureError> {
    plan.check()?;
    // What breaks one lane stops the others, and nobody else.
    let cancel = cancel.child_token();
    let plan = Arc::new(plan);
    let store = Arc::new(AnswerStore::open(&plan.store).await?);
    let _renewing = store.renewing();
    let limited = limited(&plan);
    wait_for_limits(&store, &limited, observer, &cancel).await?;
    let estimates = estimate_with(&plan, &store).await?;
    observer.estimated(&estimates);
    let shared = Arc::new(share(&plan, &store, &estimates, cancel));
    let (writer, writing) = Writer::new(Arc::clone(&store));
    let asking = ask_all(Arc::clone(&shared), writer, observer);
    let (ended, written) = tokio::join!(until_done(asking, &shared, observer), writing);
    written?; // says why, where `ended` only says that answers could not be written
    let summaries = ended?;
    store.release(&limited).await?;
    let spent_usd = shared.budget.spent();
    Ok(Measured { plan, store, summaries, spent_usd })
}

/// A key for every candidate whose rates or money are limited: one run at a time asks it, so that the limit is one for all who
/// share a store.
fn limited(plan: &Plan) -> Vec<Key> {
    let is_limited = |candidate: &&Contender| {
        let has_rate = candidate.requests_per_minute.is_some() || candidate.tokens_per_minute.is_some();
        has_rate || (plan.max_spend.is_some() && candidate.price.is_some())
    };
    let of = |candidate: &Contender| Key::of("limits of", &candidate.answerer.identity());
    let mut keys: Vec<Key> = plan.candidates.iter().filter(is_limited).map(of).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Waits until no other run asks within these limits. What it paid is then known, and is not asked for again.
async fn wait_for_limits(
    store: &AnswerStore,
    limited: &[Key],
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Result<(), MeasureError> {
    let mut told = false;
    while !store.take_all(limited).await? {
        if !told {
            observer.waits_for_another();
            told = true;
        }
        tokio::select! {
            // The lanes see that, and send nothing.
            () = cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    Ok(())
}

fn share(
    plan: &Arc<Plan>,
    store: &Arc<AnswerStore>,
    estimates: &[Estimate],
    cancel: CancellationToken,
) -> Shared {
    let order = match &plan.early {
        Some(early) => Order::shuffled(places(plan), plan.items.as_ref(), early.seed),
        None => Order::natural(plan),
    };
    let race = plan.early.as_ref().map(|early| {
        let names = plan.candidates.iter().map(|candidate| candidate.name.to_string()).collect();
        Mutex::new(Race::new(&order, names, &Rule::of(&early.needs), early.alpha))
    });
    let wanted = |candidate: &Contender| {
        let limits = candidate.answerer.limits();
        let most = candidate.concurrency.unwrap_or(plan.concurrency);
        (limits.in_flight.map_or(most, |own| own.min(most)), limits.files)
    };
    let wanted: Vec<(usize, usize)> = plan.candidates.iter().map(wanted).collect();
    let most = crate::files::share(&wanted, crate::files::available());
    let lanes = plan
        .candidates
        .iter()
        .zip(most)
        .map(|(candidate, most)| {
            let rates = Rates::new(candidate.requests_per_minute, candidate.tokens_per_minute);
            LaneState::new(Gate::new(most), rates)
        })
        .collect();
    let paid = estimates.iter().map(|estimate| estimate.paid_usd).sum();
    Shared {
        plan: Arc::clone(plan),
        store: Arc::clone(store),
        order,
        budget: Budget::new(plan.max_spend, paid),
        lanes,
        race,
        cancel,
    }
}

/// Runs the lanes: first those that take this machine alone, one by one; then the others, side by side. Drops the writer
/// at the end, which ends the writing.
async fn ask_all(
    shared: Arc<Shared>,
    writer: Writer,
    observer: &dyn Observer,
) -> Result<Vec<Summary>, MeasureError> {
    let candidates = &shared.plan.candidates;
    let mut summaries: Vec<Option<Summary>> = vec![None; candidates.len()];
    let (alone, others): (Vec<usize>, Vec<usize>) =
        (0..candidates.len()).partition(|&which| candidates[which].answerer.limits().alone);
    for which in alone {
        observer.started(&candidates[which].name);
        let ended = Lane::new(Arc::clone(&shared), which, writer.clone()).run().await?;
        let summary = summarise(&shared, which, ended);
        observer.ended(&summary);
        summaries[which] = Some(summary);
    }
    let mut lanes = JoinSet::new();
    for which in others {
        let lane = Lane::new(Arc::clone(&shared), which, writer.clone());
        lanes.spawn(async move { (which, lane.run().await) });
    }
    drop(writer);
    let mut broken = None;
    while let Some(joined) = lanes.join_next().await {
        let ended = joined.map_err(|error| MeasureError::Broken(error.to_string()));
        match ended.and_then(|(which, ended)| Ok((which, ended?))) {
            Ok((which, ended)) => {
                let summary = summarise(&shared, which, ended);
                observer.ended(&summary);
                summaries[which] = Some(summary);
            }
            Err(error) => {
                // What is in flight is paid for, and has its time to arrive.
                shared.cancel.cancel();
                broken.get_or_insert(error);
            }
        }
    }
    broken.map_or_else(|| Ok(summaries.into_iter().flatten().collect()), Err)
}

fn summarise(shared: &Shared, which: usize, ended: Ended) -> Summary {
    let lane = &shared.lanes[which];
    let mut tally = lane.tally();
    Summary {
        name: shared.plan.candidates[which].name.clone(),
        ended,
        items: shared.order.len() as u64,
        done: tally.done,
        kept: tally.kept,
        requests: lane.requests(),
        errors: tally.errors.clone(),
        remarks: tally.remarks.clone(),
        input_tokens: tally.input_tokens,
        output_tokens: tally.output_tokens,
        cost_usd: tally.cost_usd,
        latency_ms: Quantiles::of(std::mem::take(&mut tally.latencies_ms)),
        first_token_ms: Quantiles::of(std::mem::take(&mut tally.first_tokens_ms)),
    }
}

/// Tells of progress until `asking` is done, and once more then.
async fn until_done<T>(asking: impl Future<Output = T>, shared: &Shared, observer: &dyn Observer) -> T {
    let mut asking = std::pin::pin!(asking);
    let mut pace = Pace::new(shared.lanes.len());
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            done = &mut asking => {
                observer.progress(&pace.look(shared), shared.budget.spent());
                return done;
            }
            _ = ticks.tick() => observer.progress(&pace.look(shared), shared.budget.spent()),
        }
    }
}

/// Items a second, smoothed.
struct Pace {
    last: Instant,
    asked: Vec<u64>,
    rates: Vec<f64>,
}

impl Pace {
    fn new(lanes: usize) -> Self {
        Self { last: Instant::now(), asked: vec![0; lanes], rates: vec![0.0; lanes] }
    }

    fn look(&mut self, shared: &Shared) -> Vec<Progress> {
        let elapsed = self.last.elapsed().as_secs_f64().max(1e-3);
        self.last = Instant::now();
        let items = shared.order.len() as u64;
        let mut all = Vec::with_capacity(shared.lanes.len());
        for (which, lane) in shared.lanes.iter().enumerate() {
            let tally = lane.tally();
            let asked = tally.done - tally.kept;
            let now = (asked - self.asked[which]) as f64 / elapsed;
            self.asked[which] = asked;
            let rate = &mut self.rates[which];
            *rate = if *rate == 0.0 { now } else { LATEST.mul_add(now - *rate, *rate) };
            let over = lane.ended.load(Ordering::Relaxed);
            let left = (*rate > 0.0 && !over)
                .then(|| Duration::try_from_secs_f64((items - tally.done.min(items)) as f64 / *rate).ok())
                .flatten()
                .filter(|left| *left < MAX_LEFT);
            all.push(Progress {
                name: shared.plan.candidates[which].name.clone(),
                items,
                done: tally.done,
                kept: tally.kept,
                errors: tally.error_count(),
                in_flight: lane.in_flight.load(Ordering::Relaxed),
                cost_usd: tally.cost_usd.unwrap_or(0.0),
                waits: lane
                    .gate()
                    .paused(Instant::now())
                    .map(|until| until.saturating_duration_since(Instant::now()))
                    .filter(|_| !over),
                items_per_s: if over { 0.0 } else { *rate },
                left,
            });
        }
        all
    }
}

//! One batch of items, one candidate: try until there is an answer to each, or no hope.

use std::time::{Duration, Instant};

use ordinate_remote::{Failure, FailureKind, Reply};
use tokio_util::sync::CancellationToken;

use crate::answerer::{AnswererError, Request};
use crate::budget::{Budget, Exhausted};
use crate::gate::Gate;
use crate::plan::Contender;
use crate::saved::Saved;
use crate::shared::Shared;

/// A request in flight is paid for: when told to stop, it still has this long.
const GRACE: Duration = Duration::from_secs(10);

/// How often this machine may lack room for a connection before the candidate is given up.
const MAX_STARVED: u32 = 60;
/// The pause after each such time.
const STARVED: Duration = Duration::from_millis(500);

/// How asking about one item ended.
#[derive(Debug)]
pub(crate) enum Asked {
    /// An answer, or an error for good.
    Done(Box<Saved>),
    /// No money for it.
    Exhausted,
    /// Told to stop before there was an answer. What was paid all the same was charged to the budget.
    Stopped,
    /// Every other item would fail alike.
    Fatal(Failure),
}

/// What the tries so far used up.
#[derive(Debug, Default)]
struct Meter {
    tries: u64,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cost_usd: Option<f64>,
    charged_usd: f64,
}

/// One request of a batch, while it is tried.
struct Try<'a> {
    request: &'a Request,
    /// The item's id.
    id: &'a str,
    meter: Meter,
    /// How often it could not be sent because this machine had no room for a connection.
    starved: u32,
    done: Option<Asked>,
}

impl<'a> Try<'a> {
    fn new(request: &'a Request, id: &'a str) -> Self {
        Self { request, id, meter: Meter::default(), starved: 0, done: None }
    }

    /// It could not be sent for reasons of this machine: that is no try, and says nothing of whom it was for. Gives the pause
    /// before the next, if there is one.
    fn starve(&mut self, failure: &Failure) -> Option<Duration> {
        self.meter.tries = self.meter.tries.saturating_sub(1);
        self.starved += 1;
        if self.starved < MAX_STARVED {
            return Some(STARVED);
        }
        let message = format!(
            "{} ({MAX_STARVED} times); raise the limit of open files (`ulimit -n`), or lower `concurrency`",
            failure.message
        );
        self.done = Some(Asked::Fatal(Failure { message, ..failure.clone() }));
        None
    }
}

/// Asks a candidate with these requests, each with its item's id, until each is answered, hopeless, or `stop` is called.
/// What fails in a way that may pass is tried again, with the others that do.
///
/// # Errors
/// [`AnswererError`] where the candidate cannot answer at all.
pub(crate) async fn ask(
    shared: &Shared,
    which: usize,
    batch: &[(Request, String)],
    stop: &CancellationToken,
) -> Result<Vec<Asked>, AnswererError> {
    let candidate = &shared.plan.candidates[which];
    let lane = &shared.lanes[which];
    let mut tries: Vec<Try<'_>> = batch.iter().map(|(request, id)| Try::new(request, id)).collect();
    loop {
        let mut open: Vec<&mut Try<'_>> = tries.iter_mut().filter(|one| one.done.is_none()).collect();
        for one in &open {
            let most_output = candidate.answerer.most_tokens(&one.request.body).output_tokens;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(ended(tries, || Asked::Stopped)),
                () = lane.rates.wait(&one.request.body, most_output) => {}
            }
        }
        let sent = Instant::now();
        let results = match attempt(shared, which, &mut open, stop).await? {
            Sent::Results(results) => results,
            Sent::Stopped => return Ok(ended(tries, || Asked::Stopped)),
            Sent::Exhausted => return Ok(ended(tries, || Asked::Exhausted)),
        };
        let mut pause: Option<Duration> = None;
        for (one, result) in open.into_iter().zip(results) {
            let failure = match result {
                Ok(reply) => {
                    lane.gate().answered(sent, reply.latency, Instant::now());
                    lane.rates.answered(reply.usage.map_or(0, |usage| usage.output_tokens));
                    one.done = Some(Asked::Done(Box::new(answered(candidate, one.id, reply, &one.meter))));
                    continue;
                }
                Err(failure) => failure,
            };
            let waits = lane.gate().waits(failure.retry_after.unwrap_or_default(), Instant::now());
            if let Some(why) = shared.plan.retry.beyond(&failure, waits) {
                let message = format!("{why} ({})", failure.message);
                one.done = Some(Asked::Fatal(Failure { message, ..failure.clone() }));
                continue;
            }
            heed(&mut lane.gate(), &failure, sent);
            if failure.kind == FailureKind::OpenFiles {
                lane.uncount_request();
                pause = pause.max(one.starve(&failure));
                continue;
            }
            let so_far = u32::try_from(one.meter.tries).unwrap_or(u32::MAX);
            match shared.plan.retry.pause(&failure, so_far, fastrand::f64()) {
                Some(one) => pause = pause.max(Some(one)),
                None if failure.kind.is_fatal() => one.done = Some(Asked::Fatal(failure)),
                None => {
                    one.done = Some(Asked::Done(Box::new(failed(candidate, one.id, &failure, &one.meter))));
                }
            }
        }
        let Some(pause) = pause else { return Ok(ended(tries, || Asked::Stopped)) };
        tokio::select! {
            () = stop.cancelled() => return Ok(ended(tries, || Asked::Stopped)),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// How each ended; `rest` is of those that did not.
fn ended(tries: Vec<Try<'_>>, rest: impl Fn() -> Asked) -> Vec<Asked> {
    tries.into_iter().map(|one| one.done.unwrap_or_else(&rest)).collect()
}

/// What came of sending requests.
enum Sent {
    Results(Vec<Result<Reply, Failure>>),
    /// Told to stop, and the grace was over.
    Stopped,
    /// No money for it.
    Exhausted,
}

/// Sends the requests once, within the budget.
async fn attempt(
    shared: &Shared,
    which: usize,
    open: &mut [&mut Try<'_>],
    stop: &CancellationToken,
) -> Result<Sent, AnswererError> {
    let candidate = &shared.plan.candidates[which];
    let lane = &shared.lanes[which];
    // A server that bills more than it should is reckoned with from then on.
    let most = |one: &Try<'_>| candidate.most_usd(&one.request.body).max(lane.dearest());
    let budget: &Budget = &shared.budget;
    let reservation = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(Sent::Stopped),
        reservation = budget.reserve(open.iter().map(|one| most(one)).sum()) => match reservation {
            Ok(reservation) => reservation,
            Err(Exhausted) => return Ok(Sent::Exhausted),
        },
    };
    let batch: Vec<Request> = open.iter().map(|one| one.request.clone()).collect();
    for one in open.iter_mut() {
        one.meter.tries += 1;
        lane.count_request();
    }
    let asked = tokio::select! {
        results = candidate.answerer.ask(&batch) => Some(results?),
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => None,
    };
    let mut charged = 0.0;
    for (at, one) in open.iter_mut().enumerate() {
        let most = most(one);
        let metered = one.meter.count(candidate, asked.as_ref().and_then(|results| results.get(at)), most);
        metered.cost.inspect(|&cost| lane.saw_cost(cost));
        charged += metered.charged;
    }
    reservation.settle(charged);
    Ok(asked.map_or(Sent::Stopped, Sent::Results))
}

/// USD of one try.
struct Metered {
    /// What was metered.
    cost: Option<f64>,
    /// What counts against the budget.
    charged: f64,
}

impl Meter {
    /// Counts what one try used up. `None`: nothing came in time.
    fn count(&mut self, candidate: &Contender, asked: Option<&Result<Reply, Failure>>, most: f64) -> Metered {
        let (usage, cost, unmetered) = match asked {
            Some(Ok(reply)) => (reply.usage, candidate.cost_of_reply(reply), true),
            Some(Err(failure)) => {
                let usage = failure.usage;
                let cost = usage.and_then(|usage| candidate.cost_of(Some(usage)));
                (usage, cost, failure.kind.may_be_billed())
            }
            None => (None, None, true),
        };
        if let Some(usage) = usage {
            let add = |sum: Option<u64>, more: u64| Some(sum.unwrap_or(0).saturating_add(more));
            self.input_tokens = add(self.input_tokens, usage.input_tokens);
            self.output_tokens = add(self.output_tokens, usage.output_tokens);
        }
        if let Some(cost) = cost {
            *self.cost_usd.get_or_insert(0.0) += cost;
        }
        // What may have been billed but was not metered counts in full: the limit holds in the worst case.
        let charged = cost.unwrap_or(if unmetered { most } else { 0.0 });
        self.charged_usd += charged;
        Metered { cost, charged }
    }
}

/// Asks a candidate with these requests, each with its item's id, outside of any run: what would be kept of each answer. Each is tried
/// once, and no budget is looked at, so that it is for models in this process.
///
/// # Errors
/// [`AnswererError`] where the candidate cannot answer at all.
pub async fn ask_once(
    candidate: &Contender,
    requests: &[(Request, String)],
) -> Result<Vec<Saved>, AnswererError> {
    let mut all = Vec::with_capacity(requests.len());
    for some in requests.chunks(candidate.answerer.limits().batch.max(1)) {
        let batch: Vec<Request> = some.iter().map(|(request, _)| request.clone()).collect();
        let results = candidate.answerer.ask(&batch).await?;
        for ((_, id), result) in some.iter().zip(results) {
            let mut meter = Meter { tries: 1, ..Meter::default() };
            meter.count(candidate, Some(&result), 0.0);
            all.push(match result {
                Ok(reply) => answered(candidate, id, reply, &meter),
                Err(failure) => failed(candidate, id, &failure, &meter),
            });
        }
    }
    Ok(all)
}

fn heed(gate: &mut Gate, failure: &Failure, sent: Instant) {
    if failure.kind.is_overload() {
        gate.overloaded(sent, failure.retry_after, Instant::now());
    }
}

fn answered(candidate: &Contender, item: &str, reply: Reply, meter: &Meter) -> Saved {
    Saved {
        text: Some(reply.text),
        vector: reply.vector,
        confidence: reply.confidence,
        probabilities: reply.probabilities,
        latency_ms: Some(milliseconds(reply.latency)),
        first_token_ms: reply.first_token.map(milliseconds),
        cut_short: reply.cut_short,
        logprobs: reply.logprobs,
        model: reply.model,
        doubt: reply.doubt,
        ..metered(candidate, item, meter)
    }
}

fn failed(candidate: &Contender, item: &str, failure: &Failure, meter: &Meter) -> Saved {
    let tries = if meter.tries > 1 { format!(" (after {} tries)", meter.tries) } else { String::new() };
    // How long nothing took is no latency of an answer.
    let latency = matches!(failure.kind, FailureKind::Refused | FailureKind::Filtered | FailureKind::Empty);
    Saved {
        latency_ms: latency.then(|| milliseconds(failure.latency)),
        cut_short: failure.cut_short,
        error: Some((failure.kind, format!("{}{tries}", failure.message))),
        ..metered(candidate, item, meter)
    }
}

fn metered(candidate: &Contender, item: &str, meter: &Meter) -> Saved {
    Saved {
        candidate: candidate.name.to_string(),
        item: item.to_owned(),
        input_tokens: meter.input_tokens,
        output_tokens: meter.output_tokens,
        cost_usd: meter.cost_usd,
        charged_usd: meter.charged_usd,
        tries: meter.tries,
        ..Saved::default()
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

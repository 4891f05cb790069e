//! One batch of items, one candidate: try until there is an answer to each, or no hope.

use std::time::{Duration, Instant};

use ordinate_remote::{Failure, FailureKind, Reply};
use tokio_util::sync::CancellationToken;

use crate::answerer::{AnswererError, Request};
use crate::budget::{Budget, Exhausted};
use crate::gate::Gate;
use crate::lane::{LaneState, Shared};
use crate::plan::Contender;
use crate::saved::Saved;

/// A request in flight is paid for: when told to stop, it still has this long.
const GRACE: Duration = Duration::from_secs(10);

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
    done: Option<Asked>,
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
    let mut tries: Vec<Try<'_>> =
        batch.iter().map(|(request, id)| Try { request, id, meter: Meter::default(), done: None }).collect();
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
            if let Some(wait) = shared.plan.retry.beyond(&failure) {
                let message = format!(
                    "the server asks to wait {wait}, which is longer than is waited for; run again then ({})",
                    failure.message
                );
                one.done = Some(Asked::Fatal(Failure { message, ..failure }));
                continue;
            }
            heed(&mut lane.gate(), &failure, sent);
            let so_far = u32::try_from(one.meter.tries).unwrap_or(u32::MAX);
            match shared.plan.retry.pause(&failure, so_far, fastrand::f64()) {
                Some(one) => pause = Some(pause.map_or(one, |pause| pause.max(one))),
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
        charged += one.meter.count(candidate, lane, asked.as_ref().and_then(|results| results.get(at)), most);
    }
    reservation.settle(charged);
    Ok(asked.map_or(Sent::Stopped, Sent::Results))
}

impl Meter {
    /// Counts what one try used up; USD that count against the budget. `None`: nothing came in time.
    fn count(
        &mut self,
        candidate: &Contender,
        lane: &LaneState,
        asked: Option<&Result<Reply, Failure>>,
        most: f64,
    ) -> f64 {
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
            *self.input_tokens.get_or_insert(0) += usage.input_tokens;
            *self.output_tokens.get_or_insert(0) += usage.output_tokens;
        }
        if let Some(cost) = cost {
            *self.cost_usd.get_or_insert(0.0) += cost;
            lane.saw_cost(cost);
        }
        // What may have been billed but was not metered counts in full: the limit holds in the worst case.
        let charged = cost.unwrap_or(if unmetered { most } else { 0.0 });
        self.charged_usd += charged;
        charged
    }
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

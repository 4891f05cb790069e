//! One item, one candidate: try until there is an answer or no hope.

use std::time::{Duration, Instant};

use ordinate_remote::{Failure, FailureKind, Reply};
use tokio_util::sync::CancellationToken;

use crate::budget::{Budget, Exhausted};
use crate::gate::Gate;
use crate::lane::Shared;
use crate::plan::Contender;
use crate::store::Saved;

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

/// Asks a candidate with this request until it is answered, hopeless, or `stop` is called.
pub(crate) async fn ask(
    shared: &Shared,
    which: usize,
    request: &str,
    item: &str,
    stop: &CancellationToken,
) -> Asked {
    let candidate = &shared.plan.candidates[which];
    let lane = &shared.lanes[which];
    let mut meter = Meter::default();
    loop {
        let most_output = candidate.answerer.most_tokens(request).output_tokens;
        tokio::select! {
            biased;
            () = stop.cancelled() => return Asked::Stopped,
            () = lane.rates.wait(request, most_output) => {}
        }
        let sent = Instant::now();
        let result = match attempt(shared, which, request, &mut meter, stop).await {
            Ok(Some(result)) => result,
            Ok(None) => return Asked::Stopped,
            Err(Exhausted) => return Asked::Exhausted,
        };
        let failure = match result {
            Ok(reply) => {
                lane.gate().answered(sent, reply.latency, Instant::now());
                lane.rates.answered(reply.usage.map_or(0, |usage| usage.output_tokens));
                return Asked::Done(Box::new(answered(candidate, item, reply, &meter)));
            }
            Err(failure) => failure,
        };
        if let Some(wait) = shared.plan.retry.beyond(&failure) {
            let message = format!(
                "the server asks to wait {wait}, which is longer than is waited for; run again then ({})",
                failure.message
            );
            return Asked::Fatal(Failure { message, ..failure });
        }
        heed(&mut lane.gate(), &failure, sent);
        let tries = u32::try_from(meter.tries).unwrap_or(u32::MAX);
        let Some(pause) = shared.plan.retry.pause(&failure, tries, fastrand::f64()) else {
            if failure.kind.is_fatal() {
                return Asked::Fatal(failure);
            }
            return Asked::Done(Box::new(failed(candidate, item, &failure, &meter)));
        };
        tokio::select! {
            () = stop.cancelled() => return Asked::Stopped,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Sends the request once, within the budget. `None`: told to stop, and the grace was over.
async fn attempt(
    shared: &Shared,
    which: usize,
    request: &str,
    meter: &mut Meter,
    stop: &CancellationToken,
) -> Result<Option<Result<Reply, Failure>>, Exhausted> {
    let candidate = &shared.plan.candidates[which];
    let lane = &shared.lanes[which];
    // A server that bills more than it should is reckoned with from then on.
    let most = candidate.most_usd(request).max(lane.dearest());
    let budget: &Budget = &shared.budget;
    let reservation = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(None),
        reservation = budget.reserve(most) => reservation?,
    };
    meter.tries += 1;
    lane.count_request();
    let asked = tokio::select! {
        result = candidate.answerer.ask(request) => Some(result),
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => None,
    };
    let (usage, cost, unmetered) = match &asked {
        Some(Ok(reply)) => (reply.usage, candidate.cost_of_reply(reply), true),
        Some(Err(failure)) => {
            let usage = failure.usage;
            (usage, usage.and_then(|usage| candidate.cost_of(Some(usage))), failure.kind.may_be_billed())
        }
        None => (None, None, true),
    };
    if let Some(usage) = usage {
        *meter.input_tokens.get_or_insert(0) += usage.input_tokens;
        *meter.output_tokens.get_or_insert(0) += usage.output_tokens;
    }
    if let Some(cost) = cost {
        *meter.cost_usd.get_or_insert(0.0) += cost;
        lane.saw_cost(cost);
    }
    // What may have been billed but was not metered counts in full: the limit holds in the worst case.
    let charged = cost.unwrap_or(if unmetered { most } else { 0.0 });
    meter.charged_usd += charged;
    reservation.settle(charged);
    Ok(asked)
}

fn heed(gate: &mut Gate, failure: &Failure, sent: Instant) {
    if failure.kind.is_overload() {
        gate.overloaded(sent, failure.retry_after, Instant::now());
    }
}

fn answered(candidate: &Contender, item: &str, reply: Reply, meter: &Meter) -> Saved {
    Saved {
        text: Some(reply.text),
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

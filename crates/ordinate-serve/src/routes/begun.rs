//! A streamed answer until its first part: by then it is known who answers.

use std::time::{Duration, Instant};

use ordinate_remote::chat::{Api, Part, Relay};
use ordinate_remote::{Chat, Failure, traced};

use crate::candidate::{Answered, Candidate, tires};
use crate::hedge::{Lost, hedged};
use crate::metered::sent;
use crate::play::{Trying, once_more, resting};
use crate::telemetry::{Child, SpanId};

/// A stream that has begun to tell.
pub(super) struct Begun {
    pub(super) relay: Relay,
    /// What came so far.
    pub(super) parts: Vec<Part>,
    pub(super) start: Instant,
    /// The asking, where the request is traced.
    pub(super) span: Option<SpanId>,
    /// Bytes of the request, where they say how many tokens it is.
    pub(super) sent: Option<usize>,
    /// The other request, where it was asked twice because the first took long.
    pub(super) lost: Option<Lost<Answered>>,
}

/// Asks a candidate, and waits for the first part of its answer. What it says is kept if somebody will be held against it.
pub(super) async fn begin(
    candidate: &Candidate,
    chat: &Chat,
    api: Api,
    body: String,
    (keeps, hedge): (bool, Option<Duration>),
    child: Option<&Child>,
) -> Result<Begun, Failure> {
    candidate.breaker.admit().map_err(resting)?;
    let trying = Trying::of(candidate);
    let sent = sent(&body);
    let ask = || traced(child.map(Child::told), first_part(chat, api, body.clone(), keeps));
    let mut begun = match hedge {
        None => ask().await,
        Some(after) => {
            let (begun, lost) = hedged(after, ask, Result::is_ok).await;
            begun.map(|begun| Begun { lost: lost.map(unbegun), ..begun })
        }
    };
    if let Some(pause) = begun.as_ref().err().and_then(once_more) {
        tokio::time::sleep(pause).await;
        begun = ask().await;
    }
    trying.done();
    match &begun {
        Err(failure) if tires(failure.kind) => candidate.breaker.failed(failure),
        _ => candidate.breaker.answered(),
    }
    begun.map(|begun| Begun { span: child.map(|child| child.id), sent, ..begun })
}

/// A stream that was not taken, as a request that was not.
fn unbegun(lost: Lost<Result<Begun, Failure>>) -> Lost<Answered> {
    match lost {
        Lost::Left(took) => Lost::Left(took),
        Lost::Ended(begun) => Lost::Ended(Answered { failure: begun.err(), ..Answered::default() }),
    }
}

async fn first_part(chat: &Chat, api: Api, body: String, keeps: bool) -> Result<Begun, Failure> {
    let start = Instant::now();
    let mut relay = chat.relay_stream(api, body).await?;
    if keeps {
        relay = relay.keeping_text();
    }
    let mut parts = Vec::new();
    while let Some(part) = relay.next().await? {
        let begins = part.tells || part.is_done;
        parts.push(part);
        if begins {
            break;
        }
    }
    Ok(Begun { relay, parts, start, span: None, sent: None, lost: None })
}

//! A stream on its way to the client: passed on part by part to its end, and put on the record.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Response;
use ordinate_core::Item;
use ordinate_measure::{Said, read_reply};
use ordinate_remote::Failure;
use ordinate_remote::chat::{Part, Relay};
use tokio::sync::mpsc;

use super::Overhead;
use super::begun::{Begun, begin};
use super::chat::{Target, another, route};
use super::continued::{Seam, comment, with_words};
use super::conversation::Conversation;
use super::form;
use super::stream::{body, head};
use crate::body::Reply;
use crate::candidate::{Answered, Other, is_out};
use crate::error::{ApiError, set};
use crate::play::Played;
use crate::shadow::Shadow;
use crate::state::{Account, Asking, Server};
use crate::telemetry::{self, within};

/// Parts that are taken from a server before the client has taken those before them.
const AHEAD: usize = 16;

/// A stream on its way to the client.
pub(super) struct Passing {
    pub(super) server: Arc<Server>,
    pub(super) asking: Asking,
    pub(super) target: Target,
    pub(super) conversation: Conversation,
    /// Whose answer it is.
    pub(super) place: usize,
    pub(super) item: Item,
    /// Whether it is the policy's answer to the item.
    pub(super) is_item: bool,
    /// Who was asked before, in vain.
    pub(super) failed: Vec<(usize, Answered)>,
    /// Who is asked to go on where it breaks off.
    pub(super) others: VecDeque<usize>,
}

/// How a stream ended.
enum End {
    /// With what the server said last.
    Whole(Vec<u8>),
    Failed(Failure),
    /// Nobody read it to its end.
    Left,
}

/// What the client was told so far.
struct Telling {
    sender: mpsc::Sender<Bytes>,
    patience: Duration,
    /// Whether it wants the usage.
    usage: bool,
    events: u64,
    /// Where another went on, if that is wanted.
    seam: Option<Seam>,
    /// Whether another did.
    continued: bool,
}

impl Telling {
    /// Tells this; `false` where nobody reads any more.
    async fn tell(&mut self, raw: Vec<u8>) -> bool {
        self.events += 1;
        self.sender.send_timeout(raw.into(), self.patience).await.is_ok()
    }

    /// Passes on what a server says, to its end.
    async fn pass(&mut self, relay: &mut Relay, parts: Vec<Part>) -> End {
        let mut ready = VecDeque::from(parts);
        loop {
            let next = match ready.pop_front() {
                Some(part) => Ok(Some(part)),
                None => tokio::select! {
                    biased;
                    () = self.sender.closed() => return End::Left,
                    next = relay.next() => next,
                },
            };
            let part = match next {
                Ok(Some(part)) if part.is_done => return End::Whole(part.raw),
                Ok(Some(part)) => part,
                Ok(None) => return End::Whole(Vec::new()),
                Err(failure) => return End::Failed(failure),
            };
            if part.is_usage && !self.usage {
                continue;
            }
            let raw = match &mut self.seam {
                Some(seam) if self.continued => seam.event(&part),
                _ => Some(part.raw),
            };
            if let Some(raw) = raw
                && !self.tell(raw).await
            {
                return End::Left;
            }
        }
    }
}

impl Passing {
    pub(super) fn pass_on(self, begun: Begun, waited: Duration) -> Response<Reply> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let mut response = head(Reply::Parts(receiver));
        let run = &self.target.task.run;
        let name = |place: usize| run.candidates[place].name.as_str();
        set(&mut response, "x-ordinate-task", &run.name);
        set(&mut response, "x-ordinate-policy", self.target.policy());
        set(&mut response, "x-ordinate-candidate", name(self.place));
        if let Some((first, _)) = self.failed.first() {
            set(&mut response, "x-ordinate-stood-in-for", name(*first));
        }
        if !self.others.is_empty() {
            set(&mut response, "x-ordinate-continue", "if it breaks off");
        }
        let overhead = self.asking.overhead(waited);
        set(&mut response, "x-ordinate-overhead-ms", &format!("{:.3}", overhead.as_secs_f64() * 1e3));
        response.extensions_mut().insert(Overhead(overhead));
        let root = self.asking.root.clone();
        tokio::spawn(within(root, self.pass(begun, sender, overhead)));
        response
    }

    async fn pass(mut self, mut begun: Begun, sender: mpsc::Sender<Bytes>, overhead: Duration) {
        let mut telling = Telling {
            sender,
            patience: self.server.config.write_time,
            usage: self.conversation.usage,
            events: 0,
            seam: (!self.others.is_empty()).then(|| Seam::of(begun.parts.first())),
            continued: false,
        };
        // Whoever told a part of the answer, in their order.
        let mut told: Vec<(usize, Answered)> = Vec::new();
        let mut said = String::new();
        let end = loop {
            let end = telling.pass(&mut begun.relay, std::mem::take(&mut begun.parts)).await;
            said.push_str(begun.relay.text().unwrap_or_default());
            told.push((self.place, self.answered(self.place, &mut begun, &end)));
            let End::Failed(failure) = &end else { break end };
            let Some((place, next)) = self.next(&said, failure, &mut telling, &mut told).await else {
                break if telling.sender.is_closed() { End::Left } else { end };
            };
            (self.place, begun) = (place, next);
        };
        // What was answered is on the record before the client knows that it was all.
        let shadow = self.account(told, &said, &end, overhead, telling.continued);
        let api = self.conversation.api;
        let last = match end {
            End::Whole(last) => form::end(api, last),
            End::Failed(failure) => form::broken(api, &ApiError::from(&failure), telling.events),
            End::Left => return,
        };
        let _ = telling.sender.send_timeout(last, telling.patience).await;
        if let Some(shadow) = shadow {
            shadow.begin();
        }
    }

    /// Asks the others to go on with what was said, until one does. `None` where nobody does, or nobody reads any more.
    async fn next(
        &mut self,
        said: &str,
        failure: &Failure,
        telling: &mut Telling,
        told: &mut Vec<(usize, Answered)>,
    ) -> Option<(usize, Begun)> {
        let task = Arc::clone(&self.target.task);
        if !is_out(failure.kind) {
            return None;
        }
        while let Some(place) = self.others.pop_front() {
            let candidate = &task.run.candidates[place];
            // Whoever answers in this process, or is a program, is asked about items alone.
            let Some(chat) = candidate.chat() else { continue };
            let request = body(&self.conversation, candidate, chat, &self.item).ok();
            let Some(request) = request.and_then(|body| with_words(&body, said)) else { continue };
            let (start, child) = (Instant::now(), telemetry::child());
            let begun = tokio::select! {
                biased;
                () = telling.sender.closed() => return None,
                begun = begin(candidate, chat, self.conversation.api, request, (true, task.hedge), child.as_ref()) => begun,
            };
            match begun {
                Ok(mut begun) => {
                    let broke = task.run.candidates[self.place].name.as_str();
                    let name = candidate.name.as_str();
                    telling.continued = true;
                    if let Some(seam) = &mut telling.seam {
                        seam.begin(said.to_owned(), name);
                    }
                    if !telling.tell(comment(broke, failure, name)).await {
                        told.push((place, self.answered(place, &mut begun, &End::Left)));
                        return None;
                    }
                    return Some((place, begun));
                }
                Err(failure) => told.push((
                    place,
                    Answered {
                        at: Some(start),
                        span: child.map(|child| child.id),
                        took: start.elapsed(),
                        failure: Some(failure),
                        ..Answered::default()
                    },
                )),
            }
        }
        None
    }

    /// What came of asking whoever told this.
    fn answered(&self, place: usize, begun: &mut Begun, end: &End) -> Answered {
        let candidate = &self.target.task.run.candidates[place];
        let lost = begun.lost.take();
        let (relay, sent) = (&begun.relay, begun.sent);
        let failure = match end {
            End::Failed(failure) => {
                if is_out(failure.kind) {
                    candidate.breaker.failed(failure);
                }
                Some(failure.clone())
            }
            End::Whole(_) | End::Left => None,
        };
        let reported = relay.usage();
        let estimated = match (end, reported) {
            (End::Whole(_), Some(usage)) => {
                candidate.metered.whole(sent, relay.told(), usage);
                None
            }
            (End::Failed(_) | End::Left, None) => candidate.metered.broken(sent, relay.told()),
            _ => None,
        };
        let usage = reported.or(estimated);
        let cost_usd = usage.and_then(|usage| candidate.cost_of(Some(usage)));
        let signature = relay.signature();
        let model = candidate.chat().and_then(|chat| another(chat, &signature));
        let answered = Answered {
            usage,
            estimated: estimated.is_some(),
            cost_usd,
            at: Some(begun.start),
            took: begun.start.elapsed(),
            span: begun.span,
            failure,
            model,
            signature,
            ..Answered::default()
        };
        let other = lost.map(|lost| Other::of(lost, &answered));
        Answered { other, ..answered }
    }

    /// Puts the stream on the record. Gives the shadow request that is to be made after it.
    fn account(
        &self,
        told: Vec<(usize, Answered)>,
        said: &str,
        end: &End,
        overhead: Duration,
        continued: bool,
    ) -> Option<Shadow> {
        let run = &self.target.task.run;
        let failed = match end {
            End::Whole(_) => None,
            End::Failed(failure) => {
                self.server.metrics.stream_broke();
                Some(failure.kind.as_str())
            }
            End::Left => {
                self.server.metrics.client_left();
                Some("client-left")
            }
        };
        // The answer is of whoever ended it, and one that did not end of whoever began it.
        let given = self.failed.len() + if failed.is_none() { told.len() - 1 } else { 0 };
        let asked: Vec<_> = self
            .failed
            .iter()
            .chain(&told)
            .map(|(place, answered)| (&run.candidates[*place], answered))
            .collect();
        self.server.account(
            &self.asking,
            &Account {
                id: &self.asking.id,
                route: route(self.conversation.api),
                task: &self.target.task,
                policy: self.target.policy(),
                asked,
                given: Some(given),
                stood_in: !self.failed.is_empty(),
                cached: false,
                continued,
                error: failed,
                overhead: Some(overhead),
            },
        );
        if let Some(root) = &self.asking.root {
            root.end();
        }
        if failed.is_some() || !self.is_item {
            return None;
        }
        let text = Said { text: said, cut: false, confidence: None, logprobs: &[] };
        let output = read_reply(&run.reader, &self.item, false, text).ok().map(|(output, _)| output);
        let (place, answered) = told.into_iter().next_back()?;
        let asked = vec![(place, Answered { output: output.clone(), ..answered })];
        // What somebody else has gone on with is not the policy's.
        let stood_in = !self.failed.is_empty() || continued;
        let played = Played { asked, given: Some(0), answer: output, stood_in, ..Played::default() };
        self.server.see_item(&self.asking.id, &self.target.task, &self.item, &played)
    }
}

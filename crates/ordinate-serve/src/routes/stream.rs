//! Streamed answers: passed through as they come where one candidate's answer is the policy's, else in one part.
//!
//! Before the first part of an answer another candidate may still stand in; after it an error is an event of its own, the
//! last of the stream. A stream that was whole ends as its API has it (`[DONE]`, or that the response is complete), and no other does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use ordinate_core::{Item, Query};
use ordinate_measure::{Said, read_reply};
use ordinate_remote::Failure;
use ordinate_remote::chat::{Api, Relay};
use serde_json::Value;
use tokio::sync::mpsc;

use super::Overhead;
use super::begun::{Begun, begin};
use super::chat::{Target, another, respond, route};
use super::conversation::{Conversation, Prompt, as_wanted};
use super::form;
use crate::body::Reply;
use crate::candidate::{Answered, Other, is_out, with};
use crate::error::{ApiError, set};
use crate::hedge::Lost;
use crate::play::{Played, decide, guarded};
use crate::shadow::Shadow;
use crate::state::{Account, Asking, Server};

/// Parts that are taken from a server before the client has taken those before them.
const AHEAD: usize = 16;

/// Whether the answer can be passed through part by part: it is one candidate's, and its text is the answer.
pub(super) fn passes_through(target: &Target, conversation: &Conversation) -> bool {
    let run = &target.task.run;
    // What was measured is asked by the chat API, whose parts are those of no other.
    let is_text = match conversation.prompt {
        Prompt::Own => true,
        Prompt::Measured => run.reader.is_long() && conversation.api == Api::Chat,
    };
    match target.candidate {
        Some(place) => is_text && run.candidates[place].chat().is_some(),
        None => {
            let chats = || target.task.places.iter().all(|&place| run.candidates[place].chat().is_some());
            is_text && target.task.asks_one() && chats()
        }
    }
}

/// An answer that is there as a stream of one part.
pub(super) fn at_once(conversation: &Conversation, whole: &Value) -> Response<Reply> {
    head(Reply::whole(form::events(conversation.api, whole, conversation.usage)))
}

fn head(body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Passes the answer of the candidate that the policy chooses through, or of the next best before its first part.
pub(super) async fn stream(
    server: &Arc<Server>,
    asking: Asking,
    target: Target,
    conversation: Conversation,
    item: Item,
) -> Result<Response<Reply>, ApiError> {
    let task = Arc::clone(&target.task);
    let query = Query { input: Some(&item.input.text), slice: item.slice.as_deref(), notes: None };
    let (mut order, mut gain) = (Vec::new(), None);
    match target.candidate {
        Some(place) => order.push(place),
        None => {
            let decision = decide(&task, &query, &item.input.text);
            order.extend(decision.first.iter().map(|&at| task.places[at]));
            gain = decision.first.first().and_then(|&at| task.expected_gain(&decision.thought, at));
            if server.config.stand_in {
                order.extend(task.next_best(&decision.thought, decision.dial, &order));
            }
        }
    }
    let is_item = conversation.prompt == Prompt::Measured && target.candidate.is_none();
    let keeps = is_item && task.runner_up.is_some();
    let mut failed: Vec<(usize, Answered)> = Vec::new();
    let mut waited = Duration::ZERO;
    for place in order {
        let candidate = &task.run.candidates[place];
        let Some(chat) = candidate.chat() else {
            // Whoever answers in this process, or is a program, has no stream.
            let start = Instant::now();
            let answered = guarded(candidate, None, || candidate.ask(&item, &task.run.reader, None)).await;
            waited += start.elapsed();
            let (is_out, answer) = (answered.is_out(), answered.output.clone());
            let answer = answer.filter(|_| answered.failure.is_none());
            failed.push((place, answered));
            if is_out {
                continue;
            }
            let (given, stood_in) = (Some(failed.len() - 1), failed.len() > 1);
            let played = Played {
                asked: failed,
                given,
                answer,
                stood_in,
                expected_gain: gain,
                waited,
                ..Played::default()
            };
            return Ok(respond(server, &asking, &target, &conversation, &played));
        };
        let body = match conversation.prompt {
            Prompt::Own => conversation.passed_on(chat, true),
            Prompt::Measured => match candidate.request(&item) {
                Some(Ok(body)) => {
                    as_wanted(conversation.api, &with(body, Some(&conversation.further)), chat, true)
                }
                Some(Err(error)) => return Err(ApiError::field("messages", error.to_string())),
                None => {
                    return Err(ApiError::field(
                        "messages",
                        "the task has no prompt; say {\"ordinate\": {\"prompt\": \"own\"}}",
                    ));
                }
            },
        };
        let start = Instant::now();
        let begun = begin(candidate, chat, conversation.api, body, (keeps, task.hedge)).await;
        waited += start.elapsed();
        match begun {
            Ok(begun) => {
                let passing = Passing {
                    server: Arc::clone(server),
                    asking,
                    target,
                    place,
                    api: conversation.api,
                    usage: conversation.usage,
                    item: is_item.then_some(item),
                    failed,
                };
                let mut response = passing.pass_on(begun, waited);
                if let Some(gain) = gain {
                    set(&mut response, "x-ordinate-expected-gain", &gain.to_string());
                }
                set(&mut response, "x-ordinate-prompt", conversation.prompt.as_str());
                return Ok(response);
            }
            Err(failure) => {
                let stands_in = is_out(failure.kind);
                failed.push((
                    place,
                    Answered { took: start.elapsed(), failure: Some(failure), ..Answered::default() },
                ));
                if !stands_in {
                    break;
                }
            }
        }
    }
    let first = failed.iter().find_map(|(_, answered)| answered.failure.as_ref());
    let error = first.map_or_else(
        || ApiError::new(StatusCode::BAD_GATEWAY, "no_answer", "nobody could be asked"),
        ApiError::from,
    );
    let asked = failed.iter().map(|(place, answered)| (&task.run.candidates[*place], answered)).collect();
    server.account(
        &asking,
        &Account {
            id: &asking.id,
            route: route(conversation.api),
            task: &task,
            policy: target.policy(),
            asked,
            given: None,
            stood_in: false,
            cached: false,
            error: first.map(|failure| failure.kind.as_str()),
            overhead: Some(asking.overhead(waited)),
        },
    );
    Err(error)
}

/// A stream on its way to the client.
struct Passing {
    server: Arc<Server>,
    asking: Asking,
    target: Target,
    place: usize,
    api: Api,
    /// Whether the client wants the usage.
    usage: bool,
    /// The item that it is about, where it is the policy's answer to one.
    item: Option<Item>,
    failed: Vec<(usize, Answered)>,
}

/// How a stream ended.
enum End {
    /// With what the server said last.
    Whole(Vec<u8>),
    Failed(Failure),
    /// Nobody read it to its end.
    Left,
}

impl Passing {
    fn pass_on(self, begun: Begun, waited: Duration) -> Response<Reply> {
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
        let overhead = self.asking.overhead(waited);
        set(&mut response, "x-ordinate-overhead-ms", &format!("{:.3}", overhead.as_secs_f64() * 1e3));
        response.extensions_mut().insert(Overhead(overhead));
        tokio::spawn(self.pass(begun, sender, overhead));
        response
    }

    async fn pass(self, begun: Begun, sender: mpsc::Sender<Bytes>, overhead: Duration) {
        let Begun { mut relay, parts, start, lost } = begun;
        let mut ready = std::collections::VecDeque::from(parts);
        let patience = self.server.config.write_time;
        let mut events = 0;
        let end = loop {
            let next = match ready.pop_front() {
                Some(part) => Ok(Some(part)),
                None => tokio::select! {
                    biased;
                    () = sender.closed() => break End::Left,
                    next = relay.next() => next,
                },
            };
            let part = match next {
                Ok(Some(part)) if part.is_done => break End::Whole(part.raw),
                Ok(Some(part)) => part,
                Ok(None) => break End::Whole(Vec::new()),
                Err(failure) => break End::Failed(failure),
            };
            if part.is_usage && !self.usage {
                continue;
            }
            if sender.send_timeout(part.raw.into(), patience).await.is_err() {
                break End::Left;
            }
            events += 1;
        };
        // What was answered is on the record before the client knows that it was all.
        let shadow = self.account(&relay, &end, (start.elapsed(), lost), overhead);
        let last = match end {
            End::Whole(last) => form::end(self.api, last),
            End::Failed(failure) => form::broken(self.api, &ApiError::from(&failure), events),
            End::Left => return,
        };
        let _ = sender.send_timeout(last, patience).await;
        if let Some(shadow) = shadow {
            shadow.begin();
        }
    }

    /// Puts the stream on the record. Gives the shadow request that is to be made after it.
    fn account(
        &self,
        relay: &Relay,
        end: &End,
        (took, lost): (Duration, Option<Lost<Answered>>),
        overhead: Duration,
    ) -> Option<Shadow> {
        let run = &self.target.task.run;
        let candidate = &run.candidates[self.place];
        let usage = relay.usage();
        let cost_usd = usage.and_then(|usage| candidate.cost_of(Some(usage)));
        let failure = match end {
            End::Whole(_) => None,
            End::Failed(failure) => {
                self.server.metrics.stream_broke();
                if is_out(failure.kind) {
                    candidate.breaker.failed(failure);
                }
                Some(failure.clone())
            }
            End::Left => {
                self.server.metrics.client_left();
                None
            }
        };
        let error = match end {
            End::Left => Some("client-left"),
            _ => failure.as_ref().map(|failure| failure.kind.as_str()),
        };
        let signature = relay.signature();
        let model = candidate.chat().and_then(|chat| another(chat, &signature));
        let answered = Answered { usage, cost_usd, took, failure, model, signature, ..Answered::default() };
        let other = lost.map(|lost| Other::of(lost, &answered));
        let answered = Answered { other, ..answered };
        let failed = self.failed.iter().map(|(place, answered)| (&run.candidates[*place], answered));
        self.server.account(
            &self.asking,
            &Account {
                id: &self.asking.id,
                route: route(self.api),
                task: &self.target.task,
                policy: self.target.policy(),
                asked: failed.chain([(candidate, &answered)]).collect(),
                given: Some(self.failed.len()),
                stood_in: !self.failed.is_empty(),
                cached: false,
                error,
                overhead: Some(overhead),
            },
        );
        let item = self.item.as_ref().filter(|_| matches!(end, End::Whole(_)))?;
        let said =
            Said { text: relay.text().unwrap_or_default(), cut: false, confidence: None, logprobs: &[] };
        let output = read_reply(&run.reader, item, false, said).ok().map(|(output, _)| output);
        let answered = Answered { output: output.clone(), ..answered };
        let (asked, stood_in) = (vec![(self.place, answered)], !self.failed.is_empty());
        let played = Played { asked, given: Some(0), answer: output, stood_in, ..Played::default() };
        self.server.see_item(&self.asking.id, &self.target.task, item, &played)
    }
}

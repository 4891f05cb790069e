//! Streamed answers: passed through as they come where one candidate's answer is the policy's, else in one part.
//!
//! Before the first part of an answer another candidate may still stand in; after it an error is an event of its own, the
//! last of the stream. A stream that was whole ends as its API has it (`[DONE]`, or that the response is complete), and no other does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use ordinate_core::{Item, Query};
use ordinate_remote::Chat;
use ordinate_remote::chat::Api;
use serde_json::Value;

use super::begun::begin;
use super::chat::{Target, respond, route};
use super::conversation::{Conversation, Prompt, as_wanted};
use super::passing::Passing;
use super::{continued, form};
use crate::body::Reply;
use crate::candidate::{Answered, Candidate, is_out, with};
use crate::error::{ApiError, set};
use crate::play::{Played, decide, guarded};
use crate::state::{Account, Asking, Server};
use crate::telemetry;

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

pub(super) fn head(body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// What a candidate is sent that is asked for a stream.
///
/// # Errors
/// [`ApiError`] where there is no prompt for what it is asked.
pub(super) fn body(
    conversation: &Conversation,
    candidate: &Candidate,
    chat: &Chat,
    item: &Item,
) -> Result<String, ApiError> {
    if conversation.prompt == Prompt::Own {
        return Ok(conversation.passed_on(chat, true));
    }
    match candidate.request(item) {
        Some(Ok(body)) => {
            Ok(as_wanted(conversation.api, &with(body, Some(&conversation.further)), chat, true))
        }
        Some(Err(error)) => Err(ApiError::field("messages", error.to_string())),
        None => Err(ApiError::field(
            "messages",
            "the task has no prompt; say {\"ordinate\": {\"prompt\": \"own\"}}",
        )),
    }
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
    let continues = conversation.continues.or(asking.continues).unwrap_or(task.continue_cut)
        && continued::can_be(&conversation);
    let keeps = continues || (is_item && task.runner_up.is_some());
    let mut failed: Vec<(usize, Answered)> = Vec::new();
    let mut waited = Duration::ZERO;
    let mut order = std::collections::VecDeque::from(order);
    while let Some(place) = order.pop_front() {
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
        let request = body(&conversation, candidate, chat, &item)?;
        let (start, child) = (Instant::now(), telemetry::child());
        let begun =
            begin(candidate, chat, conversation.api, request, (keeps, task.hedge), child.as_ref()).await;
        waited += start.elapsed();
        match begun {
            Ok(begun) => {
                let prompt = conversation.prompt.as_str();
                let passing = Passing {
                    server: Arc::clone(server),
                    asking,
                    target,
                    conversation,
                    place,
                    item,
                    is_item,
                    failed,
                    others: if continues { order } else { Default::default() },
                };
                let mut response = passing.pass_on(begun, waited);
                if let Some(gain) = gain {
                    set(&mut response, "x-ordinate-expected-gain", &gain.to_string());
                }
                set(&mut response, "x-ordinate-prompt", prompt);
                return Ok(response);
            }
            Err(failure) => {
                let stands_in = is_out(failure.kind);
                failed.push((
                    place,
                    Answered {
                        at: Some(start),
                        span: child.map(|child| child.id),
                        took: start.elapsed(),
                        failure: Some(failure),
                        ..Answered::default()
                    },
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
            continued: false,
            error: first.map(|failure| failure.kind.as_str()),
            overhead: Some(asking.overhead(waited)),
        },
    );
    Err(error)
}

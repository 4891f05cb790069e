//! `/v1/chat/completions`, `/v1/completions` and `/v1/responses`: the policy of a task as a model.

use std::sync::Arc;
use std::time::Instant;

use hyper::{Response, StatusCode};
use ordinate_core::{Item, Query};
use ordinate_remote::chat::Api;
use ordinate_remote::{Chat, FailureKind, Signature, Usage};
use serde_json::{Value, json};

use super::answer::{after, headers};
use super::cached::lasting;
use super::conversation::{Conversation, Prompt};
use super::form::{Finish, Made};
use super::stream;
use crate::body::Reply;
use crate::candidate::{Answered, Candidate};
use crate::error::{ApiError, json_response, set, typed};
use crate::play::{Played, guarded, play};
use crate::state::{Account, Asking, Server};
use crate::task::ServedTask;

/// Who is to answer.
pub(super) struct Target {
    pub(super) task: Arc<ServedTask>,
    /// The candidate, where one was asked for by name: its place.
    pub(super) candidate: Option<usize>,
}

impl Target {
    /// What a model's name stands for.
    pub(super) fn of(server: &Server, asking: &Asking, model: &str) -> Result<Self, ApiError> {
        let served = &asking.served;
        if let Some(name) = model.strip_prefix("ordinate/") {
            let task =
                Arc::clone(served.task(name).map_err(|error| ApiError { code: "model_not_found", ..error })?);
            return Ok(Self { task, candidate: None });
        }
        let place = |task: &Arc<ServedTask>| {
            let found = task.run.candidates.iter().position(|one| one.name.as_str() == model)?;
            Some(Self { task: Arc::clone(task), candidate: Some(found) })
        };
        let found = served.tasks().iter().find_map(place);
        let may_name = asking.key.as_ref().is_none_or(|key| key.candidates);
        match found {
            Some(found) if server.config.candidates && may_name => Ok(found),
            Some(found) => {
                let message = format!(
                    "{model:?} is a candidate, and may not be asked for by name here; ask {:?}, or start the server with \
                     --allow-candidates",
                    found.task.model()
                );
                Err(ApiError::new(StatusCode::FORBIDDEN, "model_not_allowed", message))
            }
            None => {
                let message = format!("no model {model:?} is served here; GET /v1/models lists what is");
                Err(ApiError {
                    code: "model_not_found",
                    param: Some("model"),
                    ..ApiError::not_found(message)
                })
            }
        }
    }

    /// The policy, or the candidate that stands in its place.
    pub(super) fn policy(&self) -> &str {
        match self.candidate {
            Some(place) => self.task.run.candidates[place].name.as_str(),
            None => &self.task.run.artefact.name,
        }
    }
}

pub(super) async fn chat(
    server: &Arc<Server>,
    asking: Asking,
    api: Api,
    body: &[u8],
) -> Result<Response<Reply>, ApiError> {
    let mut conversation = Conversation::of(api, body)?;
    let target = Target::of(server, &asking, &conversation.model)?;
    asking.admit(&target.task)?;
    conversation.look(&target.task);
    let item = match conversation.item(&target.task) {
        Ok(item) => item,
        // What is passed on need not be an item of the task: a picture alone, for example.
        Err(_) if conversation.prompt == Prompt::Own => {
            Item { id: asking.id.clone(), input: conversation.text.as_str().into(), ..Item::default() }
        }
        Err(error) => return Err(error),
    };
    if conversation.streamed && stream::passes_through(&target, &conversation) {
        return stream::stream(server, asking, target, conversation, item).await;
    }
    let played = played(server, &target, &conversation, &item).await;
    let mut response = respond(server, &asking, &target, &conversation, &played);
    if !conversation.streamed {
        lasting(&mut response, &target.task.run.name, target.policy(), &played);
    }
    // What is passed on as it is was not measured, and tells nothing of the verdict.
    if conversation.prompt == Prompt::Own || target.candidate.is_some() {
        return Ok(response);
    }
    Ok(after(response, server.see_item(&asking.id, &target.task, &item, &played)))
}

/// Puts an answer on the record, and gives it in OpenAI's form.
pub(super) fn respond(
    server: &Server,
    asking: &Asking,
    target: &Target,
    conversation: &Conversation,
    played: &Played,
) -> Response<Reply> {
    let overhead = asking.overhead(played.waited);
    let name = target.policy();
    server
        .account(asking, &Account::of(route(conversation.api), asking, &target.task, name, played, overhead));
    let mut response = match completion(asking, target, conversation, played) {
        Completion::Whole(body) => typed(StatusCode::OK, "application/json", body),
        Completion::Made(value) if conversation.streamed => stream::at_once(conversation, &value),
        Completion::Made(value) => json_response(StatusCode::OK, &value),
        Completion::Failed(error) => error.response(),
    };
    headers(&mut response, asking, &target.task, name, played);
    set(&mut response, "x-ordinate-prompt", conversation.prompt.as_str());
    response
}

async fn played(server: &Server, target: &Target, conversation: &Conversation, item: &Item) -> Played {
    let task = &target.task;
    let ask = |candidate| ask(task, candidate, conversation, item);
    if let Some(place) = target.candidate {
        let start = Instant::now();
        let candidate = &task.run.candidates[place];
        let answered = guarded(candidate, task.hedge, || ask(candidate)).await;
        let answer = answered.output.clone().filter(|_| answered.failure.is_none());
        let asked = vec![(place, answered)];
        return Played { asked, given: Some(0), answer, waited: start.elapsed(), ..Played::default() };
    }
    let query = Query { input: Some(&item.input.text), slice: item.slice.as_deref(), notes: None };
    play(task, &query, &item.input.text, server.config.stand_in, ask).await
}

/// Asks a candidate: what was measured, or what the client says.
async fn ask(task: &ServedTask, candidate: &Candidate, conversation: &Conversation, item: &Item) -> Answered {
    let Some(chat) = candidate.chat().filter(|_| conversation.prompt == Prompt::Own) else {
        return candidate.ask(item, &task.run.reader, Some(&conversation.further)).await;
    };
    let start = Instant::now();
    match chat.relay(conversation.api, conversation.passed_on(chat, false)).await {
        Ok(whole) => Answered {
            output: Some(whole.text),
            usage: whole.usage,
            cost_usd: candidate.cost_of(whole.usage),
            model: another(chat, &whole.signature),
            signature: whole.signature,
            whole: Some(whole.body),
            took: start.elapsed(),
            ..Answered::default()
        },
        Err(failure) => Answered {
            usage: failure.usage,
            cost_usd: failure.usage.and_then(|usage| candidate.cost_of(Some(usage))),
            failure: Some(failure),
            took: start.elapsed(),
            ..Answered::default()
        },
    }
}

/// The model that an answer names, where it is another one than was asked.
pub(super) fn another(chat: &Chat, signature: &Signature) -> Option<String> {
    signature.model.clone().filter(|model| chat.is_another(model))
}

/// What a client is answered.
enum Completion {
    /// The answer as the candidate's server sent it.
    Whole(String),
    /// One that is made here.
    Made(Value),
    Failed(ApiError),
}

fn completion(asking: &Asking, target: &Target, conversation: &Conversation, played: &Played) -> Completion {
    let given = played.given.map(|given| &played.asked[given].1);
    if let Some(whole) = given.and_then(|given| given.whole.as_ref()) {
        let read = conversation.streamed.then(|| serde_json::from_str(whole).ok()).flatten();
        return read.map_or_else(|| Completion::Whole(whole.clone()), Completion::Made);
    }
    let (mut text, mut refusal, mut finish) = (played.answer.as_deref(), None, Finish::Stop);
    if text.is_none() {
        let failure = played.failure();
        match failure.map(|failure| failure.kind) {
            Some(FailureKind::Refused) => refusal = failure.map(|failure| failure.message.as_str()),
            Some(FailureKind::Filtered) => finish = Finish::Filtered,
            // What was said is no answer of the task's, but it was said.
            Some(FailureKind::Unreadable) => {
                text = given.and_then(|given| given.text.as_deref());
                if given.is_some_and(|given| given.cut) {
                    finish = Finish::Length;
                }
            }
            _ => {
                return Completion::Failed(failure.map_or_else(
                    || ApiError::new(StatusCode::BAD_GATEWAY, "no_answer", "nobody answered"),
                    ApiError::from,
                ));
            }
        }
    }
    let used = |usage: fn(&Usage) -> u64| -> u64 {
        played.asked.iter().filter_map(|(_, answered)| answered.usage.as_ref()).map(usage).sum()
    };
    let made = Made {
        id: &asking.id,
        model: &conversation.model,
        text,
        refusal,
        finish,
        read: used(|usage| usage.input_tokens),
        written: used(|usage| usage.output_tokens),
        cached: used(|usage| usage.cached_tokens),
        ordinate: json!({
            "task": target.task.run.name,
            "policy": target.policy(),
            "error": played.failure().filter(|_| played.answer.is_none()).map(|failure| failure.kind.as_str()),
        }),
    };
    Completion::Made(made.whole(conversation.api))
}

/// The route of an API, as the record and the counters name it.
pub(super) fn route(api: Api) -> &'static str {
    match api {
        Api::Chat => "chat",
        Api::Completions => "completions",
        Api::Responses => "responses",
    }
}

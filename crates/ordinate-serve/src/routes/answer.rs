//! `/v1/tasks/{name}/answer`: the policy's answer to an item, or to many.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use hyper::{Response, StatusCode};
use ordinate_core::{Item, OutputKind, Query};
use serde_json::{Value, json};

use super::Overhead;
use super::cached::lasting;
use crate::body::{Later, Reply};
use crate::error::{ApiError, json_response, set};
use crate::play::{Played, play};
use crate::reading::rows;
use crate::shadow::Shadow;
use crate::state::{Account, Asking, Server};
use crate::task::ServedTask;

/// The most items of a batch.
const MAX_ITEMS: usize = 1_024;
/// Items of a batch that are answered at the same time.
const AT_ONCE: usize = 16;

pub(super) async fn answer(
    server: &Arc<Server>,
    asking: &Asking,
    name: &str,
    body: &[u8],
) -> Result<Response<Reply>, ApiError> {
    let task = Arc::clone(asking.served.task(name)?);
    let (rows, is_batch) = rows(body)?;
    if rows.is_empty() || rows.len() > MAX_ITEMS {
        let message = format!("items: there are {}; send 1 to {MAX_ITEMS}", rows.len());
        return Err(ApiError::field("items", message));
    }
    let items = (task.run.read_items)(rows).map_err(|problem| ApiError::field("items", problem))?;
    // Each item is a request of its key's.
    items.iter().try_for_each(|_| asking.admit(&task))?;
    let [item] = &items[..] else {
        let id = |at: usize| format!("{}.{}", asking.id, at + 1);
        let each: Vec<BoxFuture<'_, (Value, Played, Option<Shadow>)>> = items
            .iter()
            .enumerate()
            .map(|(at, item)| Box::pin(one(server, asking, id(at), &task, item)) as BoxFuture<'_, _>)
            .collect();
        let mut played: Vec<_> = stream::iter(each).buffered(AT_ONCE).collect().await;
        let shadows: Vec<Shadow> = played.iter_mut().filter_map(|(.., shadow)| shadow.take()).collect();
        let answers: Vec<Value> = played.into_iter().map(|(answer, ..)| answer).collect();
        return Ok(after(json_response(StatusCode::OK, &json!({ "answers": answers })), shadows));
    };
    let (answer, played, shadow) = one(server, asking, asking.id.clone(), &task, item).await;
    if is_batch {
        return Ok(after(json_response(StatusCode::OK, &json!({ "answers": [answer] })), shadow));
    }
    let mut response = match played.failure().filter(|_| played.answer.is_none()) {
        Some(failure) => ApiError::from(failure).response(),
        None => json_response(StatusCode::OK, &answer),
    };
    let policy = &task.run.artefact.name;
    headers(&mut response, asking, &task, policy, &played);
    lasting(&mut response, &task.run.name, policy, &played);
    Ok(after(response, shadow))
}

/// A response after which these shadow requests are made.
pub(super) fn after(response: Response<Reply>, shadows: impl IntoIterator<Item = Shadow>) -> Response<Reply> {
    let shadows: Vec<Shadow> = shadows.into_iter().collect();
    if shadows.is_empty() {
        return response;
    }
    let later = Later::new(move || shadows.into_iter().for_each(Shadow::begin));
    response.map(|body| body.then(later))
}

/// Plays the policy over an item, and puts what comes of it on the record.
async fn one(
    server: &Arc<Server>,
    asking: &Asking,
    id: String,
    task: &Arc<ServedTask>,
    item: &Item,
) -> (Value, Played, Option<Shadow>) {
    let query = Query { input: Some(&item.input.text), slice: item.slice.as_deref(), notes: None };
    let stand_in = server.config.stand_in;
    let played = play(task, &query, &item.input.text, stand_in, |candidate| {
        candidate.ask(item, &task.run.reader, None)
    })
    .await;
    let name = &task.run.artefact.name;
    let overhead = asking.overhead(played.waited);
    server.account(
        asking,
        &Account { id: &id, ..Account::of("answer", asking, task, name, &played, overhead) },
    );
    let shadow = server.see_item(&id, task, item, &played);
    let mut told = told(task, item, &played);
    told["request"] = Value::from(id);
    (told, played, shadow)
}

/// What is told of an answer.
fn told(task: &ServedTask, item: &Item, played: &Played) -> Value {
    let name = |at: usize| task.run.candidates[played.asked[at].0].name.as_str();
    let asked: Vec<Value> = played
        .asked
        .iter()
        .enumerate()
        .map(|(at, (_, answered))| {
            let error = answered.failure.as_ref();
            json!({
                "candidate": name(at),
                "output": answered.output,
                "confidence": answered.confidence,
                "cost_usd": answered.cost_usd,
                "ms": answered.took.as_secs_f64() * 1e3,
                "error": error.map(|failure| json!({ "kind": failure.kind.as_str(), "message": failure.message })),
            })
        })
        .collect();
    let mut told = json!({
        "id": item.id,
        "task": task.run.name,
        "answer": played.answer.as_deref().map(|answer| typed(task.run.output, answer)),
        "policy": task.run.artefact.name,
        "candidate": played.given.map(name),
        "stood_in": played.stood_in,
        "cost_usd": played.cost_usd(),
        "expected_quality": played.expected_quality,
        "expected_gain": played.expected_gain,
        "asked": asked,
    });
    if played.answer.is_none() {
        told["error"] = match played.failure() {
            Some(failure) => ApiError::from(failure).body()["error"].take(),
            None => json!({ "message": "nobody was asked, so that there is no answer", "code": "no_answer" }),
        };
    }
    told
}

/// An answer as JSON: numbers, series and lists of labels as such.
fn typed(kind: Option<OutputKind>, answer: &str) -> Value {
    match kind {
        None | Some(OutputKind::Label | OutputKind::Text) => Value::from(answer),
        Some(OutputKind::Labels | OutputKind::Number | OutputKind::Series) => {
            serde_json::from_str(answer).unwrap_or_else(|_| Value::from(answer))
        }
    }
}

/// What the headers of an answer tell.
pub(super) fn headers(
    response: &mut Response<Reply>,
    asking: &Asking,
    task: &ServedTask,
    policy: &str,
    played: &Played,
) {
    let name = |at: usize| task.run.candidates[played.asked[at].0].name.as_str();
    set(response, "x-ordinate-task", &task.run.name);
    set(response, "x-ordinate-policy", policy);
    if let Some(given) = played.given {
        set(response, "x-ordinate-candidate", name(given));
    }
    let asked: Vec<&str> = (0..played.asked.len()).map(name).collect();
    set(response, "x-ordinate-asked", &asked.join(", "));
    if played.stood_in {
        set(response, "x-ordinate-stood-in-for", asked.first().copied().unwrap_or_default());
    }
    if let Some(cost) = played.cost_usd() {
        set(response, "x-ordinate-cost-usd", &cost.to_string());
    }
    if let Some(gain) = played.expected_gain {
        set(response, "x-ordinate-expected-gain", &gain.to_string());
    }
    if let Some(quality) = played.expected_quality {
        set(response, "x-ordinate-expected-quality", &quality.to_string());
    }
    let overhead = asking.overhead(played.waited);
    set(response, "x-ordinate-overhead-ms", &format!("{:.3}", overhead.as_secs_f64() * 1e3));
    response.extensions_mut().insert(Overhead(overhead));
}

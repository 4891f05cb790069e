//! Answers that are given again to the very same request.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Response;
use hyper::header::{AGE, HeaderValue};
use serde_json::{Value, json};

use super::Overhead;
use crate::body::Reply;
use crate::cache::{Given, Request};
use crate::error::{ApiError, set};
use crate::play::Played;
use crate::state::{Account, Asking, Served, Server};

/// A header that is of one response alone.
const OVERHEAD: &str = "x-ordinate-overhead-ms";

/// What a response says of itself that may be given again.
#[derive(Clone)]
struct Lasting {
    task: String,
    policy: String,
}

/// Says of a response that it may be given again, if it is an answer of whom it is said to be.
pub(super) fn lasting(response: &mut Response<Reply>, task: &str, policy: &str, played: &Played) {
    if played.answer.is_some() && !played.stood_in {
        let (task, policy) = (task.to_owned(), policy.to_owned());
        response.extensions_mut().insert(Lasting { task, policy });
    }
}

/// What the answer to a request hangs on, where answers are kept.
pub(super) fn request(asking: &Asking, route: &str, body: &[u8]) -> Option<Request> {
    Some(asking.served.cache.as_ref()?.request(route, asking.key.as_deref(), body))
}

/// Keeps an answer that may be given again.
pub(super) fn keep(served: &Served, request: Request, response: &mut Response<Reply>) {
    let Some(Lasting { task, policy }) = response.extensions_mut().remove::<Lasting>() else { return };
    let (Some(cache), Some(body)) = (&served.cache, response.body().bytes()) else { return };
    let headers = response.headers().iter().filter(|(name, _)| name.as_str() != OVERHEAD);
    let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
    cache.put(request, Given { task, policy, body: body.clone(), headers, at: Instant::now() });
}

/// The answer to a request that was answered before; `None` where it is to be answered anew.
///
/// # Errors
/// [`ApiError`] 403, 429, as whoever asks anew.
pub(super) fn again(
    server: &Server,
    asking: &Asking,
    route: &'static str,
    request: &Request,
) -> Result<Option<Response<Reply>>, ApiError> {
    let Some(given) = asking.served.cache.as_ref().and_then(|cache| cache.get(request)) else {
        return Ok(None);
    };
    let task = asking.served.task(&given.task)?;
    asking.admit(task)?;
    let overhead = asking.overhead(Duration::ZERO);
    server.account(
        asking,
        &Account {
            id: &asking.id,
            route,
            task,
            policy: &given.policy,
            asked: Vec::new(),
            given: None,
            stood_in: false,
            cached: true,
            continued: false,
            error: None,
            overhead: Some(overhead),
        },
    );
    let mut response = Response::new(Reply::whole(named_anew(route, given.body, &asking.id)));
    response.headers_mut().extend(given.headers);
    response.headers_mut().insert(AGE, HeaderValue::from(given.at.elapsed().as_secs()));
    set(&mut response, "x-ordinate-cache", "hit");
    set(&mut response, "x-ordinate-asked", "");
    set(&mut response, "x-ordinate-cost-usd", "0");
    set(&mut response, OVERHEAD, &format!("{:.3}", overhead.as_secs_f64() * 1e3));
    response.extensions_mut().insert(Overhead(overhead));
    Ok(Some(response))
}

/// What an answer to an item says of its request is said of this one: nobody was asked, and nothing was paid.
fn named_anew(route: &str, body: Bytes, id: &str) -> Bytes {
    if route != "answer" {
        return body;
    }
    let Ok(mut told) = serde_json::from_slice::<Value>(&body) else { return body };
    told["request"] = json!(id);
    told["cost_usd"] = json!(0.0);
    told["asked"] = json!([]);
    Bytes::from(told.to_string())
}

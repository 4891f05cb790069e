//! What can be asked of a server, a file a group.

mod answer;
mod begun;
mod cached;
mod chat;
mod continued;
mod conversation;
mod embeddings;
mod feedback;
mod form;
mod models;
mod passing;
mod stream;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use ordinate_remote::chat::Api;
use serde_json::json;

use crate::body::Reply;
use crate::error::{ApiError, json_response, set, typed};
use crate::keys::Key;
use crate::live;
use crate::request::body_of;
use crate::state::{Asking, Served, Server};
use crate::telemetry::{Root, within};

/// What there is to ask, as OpenAPI has it.
const OPENAPI: &str = include_str!("openapi.json");

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route<'p> {
    Live,
    Health,
    Ready,
    OpenApi,
    Metrics,
    Models,
    Model(&'p str),
    Answer(&'p str),
    Text(Api),
    Embeddings,
    Feedback,
}

impl<'p> Route<'p> {
    /// The route of a path, and its method.
    fn of(path: &'p str) -> Option<(Self, Method)> {
        let answer =
            || path.strip_prefix("/v1/tasks/")?.strip_suffix("/answer").filter(|name| !name.is_empty());
        Some(match path {
            "/" | "/live" => (Self::Live, Method::GET),
            "/health" => (Self::Health, Method::GET),
            "/ready" => (Self::Ready, Method::GET),
            "/openapi.json" => (Self::OpenApi, Method::GET),
            "/metrics" => (Self::Metrics, Method::GET),
            "/v1/models" => (Self::Models, Method::GET),
            "/v1/chat/completions" => (Self::Text(Api::Chat), Method::POST),
            "/v1/completions" => (Self::Text(Api::Completions), Method::POST),
            "/v1/responses" => (Self::Text(Api::Responses), Method::POST),
            "/v1/embeddings" => (Self::Embeddings, Method::POST),
            "/v1/feedback" => (Self::Feedback, Method::POST),
            _ => match (path.strip_prefix("/v1/models/"), answer()) {
                (Some(name), _) if !name.is_empty() => (Self::Model(name), Method::GET),
                (_, Some(name)) => (Self::Answer(name), Method::POST),
                _ => return None,
            },
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Health => "health",
            Self::Ready => "ready",
            Self::OpenApi => "openapi",
            Self::Metrics => "metrics",
            Self::Models | Self::Model(_) => "models",
            Self::Answer(_) => "answer",
            Self::Text(api) => chat::route(api),
            Self::Embeddings => "embeddings",
            Self::Feedback => "feedback",
        }
    }

    /// The path of what is traced, as the documentation has it: of what clients ask for, and not of what watches over processes.
    fn traced(self) -> Option<&'static str> {
        Some(match self {
            Self::Answer(_) => "/v1/tasks/{name}/answer",
            Self::Text(Api::Chat) => "/v1/chat/completions",
            Self::Text(Api::Completions) => "/v1/completions",
            Self::Text(Api::Responses) => "/v1/responses",
            Self::Embeddings => "/v1/embeddings",
            Self::Feedback => "/v1/feedback",
            Self::Live
            | Self::Health
            | Self::Ready
            | Self::OpenApi
            | Self::Metrics
            | Self::Models
            | Self::Model(_) => return None,
        })
    }

    /// Whether anybody may ask: whoever watches over processes has no key, and what there is to ask is in the documentation.
    fn is_open(self) -> bool {
        matches!(self, Self::Health | Self::Ready | Self::OpenApi)
    }
}

/// Answers a request.
pub(crate) async fn answer(request: Request<Incoming>, server: Arc<Server>) -> Response<Reply> {
    let (start, id) = (Instant::now(), server.request_id());
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let mut root = None;
    let (name, result) = match Route::of(&path) {
        None => {
            let message = format!("there is nothing at {path}; see docs/serve.md for what there is");
            ("none", Err(ApiError::not_found(message)))
        }
        Some((route, method))
            if parts.method != method && !(method == Method::GET && parts.method == Method::HEAD) =>
        {
            let message = format!("{path} takes {method}, not {}", parts.method);
            (route.name(), Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)))
        }
        Some((route, _)) => {
            let served = server.served();
            if let (Some(exporter), Some(pattern)) = (&server.telemetry, route.traced()) {
                let paths = (pattern, path.as_str());
                root = Some(Root::begin(exporter, &parts.headers, &parts.method, paths, start));
            }
            let result = match known(&served, &parts.headers, route) {
                Err(error) => Err(error),
                Ok(key) => {
                    let continues = continued::wanted(&parts.headers);
                    let root = root.clone();
                    let asking = Asking { id: id.clone(), start, key, served, root: root.clone(), continues };
                    within(root, carry_out(&server, route, asking, &parts.headers, body)).await
                }
            };
            (route.name(), result)
        }
    };
    let mut response = result.unwrap_or_else(|error| error.response());
    if response.status() == StatusCode::UNAUTHORIZED {
        // A browser has no other way to send a key than as a password.
        let scheme =
            if name == "live" { "Basic realm=\"ordinate: a key as the password\"" } else { "Bearer" };
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    set(&mut response, "x-request-id", &id);
    let overhead = response.extensions_mut().remove::<Overhead>().map(|Overhead(overhead)| overhead);
    server.metrics.responded(name, response.status().as_u16(), overhead);
    if let Some(root) = root {
        root.responded(response.status().as_u16());
    }
    response
}

/// Time in this server, as a response carries it to where it is counted.
#[derive(Clone, Copy)]
pub(crate) struct Overhead(pub(crate) std::time::Duration);

async fn carry_out(
    server: &Arc<Server>,
    route: Route<'_>,
    asking: Asking,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Response<Reply>, ApiError> {
    let config = &server.config;
    let read = body_of(headers, body, config.max_body, config.body_idle, config.body_time);
    match route {
        Route::Live => live::page(server, &asking, headers),
        Route::Health => Ok(json_response(StatusCode::OK, &json!({ "status": "ok" }))),
        Route::Ready if server.draining.load(Ordering::Relaxed) => {
            Ok(json_response(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "draining" })))
        }
        Route::Ready => Ok(json_response(StatusCode::OK, &json!({ "status": "ready" }))),
        Route::OpenApi => Ok(typed(StatusCode::OK, "application/json", OPENAPI.to_owned())),
        Route::Metrics => Ok(typed(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            server.metrics.text(&server.standings()) + &server.observed_text() + &server.telemetry_text(),
        )),
        Route::Models => Ok(models::list(server, &asking)),
        Route::Model(name) => models::one(server, &asking, name),
        Route::Answer(_) | Route::Text(_) => {
            let body = read.await?;
            let label = match route {
                Route::Answer(task) => format!("answer {task}"),
                _ => route.name().to_owned(),
            };
            let request = cached::request(&asking, &label, &body);
            if let Some(request) = &request
                && let Some(response) = cached::again(server, &asking, route.name(), request)?
            {
                return Ok(response);
            }
            let served = Arc::clone(&asking.served);
            let mut response = match route {
                Route::Text(api) => chat::chat(server, asking, api, &body).await?,
                Route::Answer(name) => answer::answer(server, &asking, &decoded(name), &body).await?,
                _ => return Err(ApiError::not_found("there is nothing")),
            };
            if let Some(request) = request {
                cached::keep(&served, request, &mut response);
            }
            Ok(response)
        }
        Route::Embeddings => embeddings::embeddings(server, &asking, &read.await?).await,
        Route::Feedback => feedback::feedback(server, &asking, &read.await?),
    }
}

/// The key that a request bears, where keys are wanted.
fn known(served: &Served, headers: &HeaderMap, route: Route<'_>) -> Result<Option<Arc<Key>>, ApiError> {
    let Some(keys) = served.keys().filter(|_| !route.is_open()) else { return Ok(None) };
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        if route == Route::Live && scheme.eq_ignore_ascii_case("basic") {
            return live::password(key.trim());
        }
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
    });
    let Some(bearer) = bearer else {
        let message = "no key was given; send it as `Authorization: Bearer KEY`";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "missing_api_key", message));
    };
    match keys.find(&bearer) {
        Some(key) => Ok(Some(key)),
        // It is not repeated: it may be a key of somebody else's.
        None => {
            let message = "the key is not one of this server's";
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message))
        }
    }
}

/// A part of a path without its percent-encoding.
pub(crate) fn decoded(part: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), part.as_bytes());
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_they_say() {
        assert_eq!(Route::of("/v1/tasks/a%20b/answer").unwrap().0, Route::Answer("a%20b"));
        assert_eq!(Route::of("/v1/models/ordinate/triage").unwrap().0, Route::Model("ordinate/triage"));
        for path in ["//", "/v1/tasks//answer", "/v1/tasks/a", "/v1/models/", "/v1/chat", "/../etc/passwd"] {
            assert_eq!(Route::of(path), None, "{path}");
        }
        assert_eq!(Route::of("/v1/responses").unwrap().0, Route::Text(Api::Responses));
        assert_eq!(decoded("a%20b%E9%87%91%zz%"), "a b\u{91d1}%zz%");
    }

    /// Every path of the document is served by its method, and whatever is served stands in it.
    #[test]
    fn the_document_and_the_routes_agree() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let mut routes: Vec<&str> = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let asked = path.replace(['{', '}'], "");
            let (route, method) = Route::of(&asked).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(
                methods.as_object().unwrap().keys().collect::<Vec<_>>(),
                [&method.as_str().to_lowercase()],
                "{path}"
            );
            let is_open = methods[method.as_str().to_lowercase()]["security"] == json!([]);
            assert_eq!(is_open, route.is_open(), "{path}");
            routes.push(route.name());
        }
        routes.sort_unstable();
        routes.dedup();
        let all = [
            "answer",
            "chat",
            "completions",
            "embeddings",
            "feedback",
            "health",
            "live",
            "metrics",
            "models",
            "openapi",
            "ready",
            "responses",
        ];
        assert_eq!(routes, all);
    }
}

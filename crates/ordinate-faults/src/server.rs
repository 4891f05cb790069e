//! The server itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::answer::{Said, Script, input_tokens, prompt_of, tokens_of};
use crate::body::{Planned, Receipt, Step};
use crate::count::{Counter, Counts};
use crate::fault::{Call, Fault};
use crate::responses;
use crate::steps::{stream_steps, whole_steps, written};

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct FaultServer {
    address: SocketAddr,
    counter: Arc<Counter>,
    stop: DropGuard,
}

impl FaultServer {
    /// Starts a server on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(script: Script) -> io::Result<Self> {
        Self::start_at(script, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts a server at this address.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start_at(script: Script, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let counter = Arc::new(Counter::default());
        let stop = CancellationToken::new();
        let slots = script.style.slots.map(|slots| Arc::new(Semaphore::new(slots)));
        let room = Arc::new(Room { script, counter: Arc::clone(&counter), slots });
        tokio::spawn(accept(listener, room, stop.clone()));
        Ok(Self { address, counter, stop: stop.drop_guard() })
    }

    /// The `base_url` of its API.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was asked so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counter.snapshot()
    }

    /// Stops listening and breaks every connection.
    pub fn stop(self) {
        drop(self.stop);
    }
}

#[derive(Debug)]
struct Room {
    script: Script,
    counter: Arc<Counter>,
    slots: Option<Arc<Semaphore>>,
}

async fn accept(listener: TcpListener, room: Arc<Room>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return, // dropping the set breaks the connections
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let room = Arc::clone(&room);
                connections.spawn(async move {
                    let service = service_fn(|request| serve(request, Arc::clone(&room)));
                    // A connection that breaks is what this server is for.
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        }
    }
}

async fn serve(request: Request<Incoming>, room: Arc<Room>) -> Result<Response<Planned>, io::Error> {
    let trace = request.headers().get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let authorization = ["authorization", "api-key"]
        .iter()
        .find_map(|name| request.headers().get(*name))
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = parts.uri.path();
    if parts.method == Method::GET {
        let receipt = Receipt { counter: Arc::clone(&room.counter), good: None, broken: None };
        let value = match path {
            "/faults/counts" => json!(room.counter.snapshot()),
            "/v1/models" => json!({ "object": "list", "data": [{ "id": "fault", "object": "model" }] }),
            _ => return Ok(respond(404, None, [Step::Send(Bytes::from_static(b"{}"))], receipt)),
        };
        return Ok(respond(200, None, [Step::Send(value.to_string().into())], receipt));
    }
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let (number, repeat) = room.counter.asked(&bytes, prompt_of(&body));
    let receipt = Receipt { counter: Arc::clone(&room.counter), good: None, broken: None };
    let _slot = match &room.slots {
        Some(slots) => slots.acquire().await.ok(),
        None => None,
    };
    let style = &room.script.style;
    let share = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let latency = style.latency + style.spread.mul_f64(share as f64 / 4_294_967_296.0);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    if style.key.as_deref().is_some_and(|key| authorization.trim_start_matches("Bearer ") != key) {
        let error = error_body(401, "Incorrect API key provided");
        return Ok(respond(401, None, [Step::Send(error)], receipt));
    }
    let fault = room.script.fault(&Call { number, repeat, body: &body, trace: trace.as_deref() });
    if path.ends_with("/embeddings") && fault == Fault::None {
        return Ok(embeddings(&body, receipt));
    }
    answer(&room.script, &body, fault, &authorization, receipt).await
}

async fn answer(
    script: &Script,
    body: &Value,
    fault: Fault,
    authorization: &str,
    mut receipt: Receipt,
) -> Result<Response<Planned>, io::Error> {
    let mut said = Said {
        text: script.say(body),
        refusal: None,
        finish: "stop",
        usage: true,
        input_tokens: input_tokens(body),
        output_tokens: 0,
    };
    match &fault {
        Fault::Status { code, retry_after, message } => {
            let error = error_body(*code, message);
            return Ok(respond(*code, retry_after.as_deref(), [Step::Send(error)], receipt));
        }
        Fault::Body(code, body) => {
            return Ok(respond(*code, None, [Step::Send(body.to_string().into())], receipt));
        }
        Fault::Packed(encoding, bytes) => {
            let mut response = respond(200, None, [Step::Send(bytes.clone().into())], receipt);
            if let Ok(value) = hyper::header::HeaderValue::from_str(encoding) {
                response.headers_mut().insert("content-encoding", value);
            }
            return Ok(response);
        }
        Fault::EchoKey => {
            let error = error_body(401, &format!("Incorrect API key provided: {authorization}"));
            return Ok(respond(401, None, [Step::Send(error)], receipt));
        }
        Fault::CutBeforeHeaders => return Err(io::Error::other("cut before the headers, as told")),
        Fault::StallHeaders => std::future::pending::<()>().await,
        Fault::Html => {
            let page = Bytes::from_static(b"<!DOCTYPE html><html><body>Please log in</body></html>");
            return Ok(respond(200, None, [Step::Send(page)], receipt));
        }
        Fault::OtherShape => {
            return Ok(respond(200, None, [Step::Send(Bytes::from_static(b"{\"ok\": true}"))], receipt));
        }
        Fault::ErrorIn200(message) => {
            return Ok(respond(200, None, [Step::Send(error_body(500, message))], receipt));
        }
        Fault::Refusal => {
            said.refusal = Some("I can't help with that.".to_owned());
            said.text = String::new();
        }
        Fault::ContentFilter => {
            said.text = String::new();
            said.finish = "content_filter";
        }
        Fault::Empty => said.text = " \n".to_owned(),
        Fault::EmptyByLength => {
            said.text = String::new();
            said.finish = "length";
        }
        Fault::FinishError => said.finish = "error",
        Fault::NoUsage => said.usage = false,
        Fault::Huge(bytes) => said.text = "x".repeat(*bytes),
        _ => {}
    }
    said.output_tokens = tokens_of(&said.text);
    let streamed = body["stream"] == true;
    let steps = if streamed {
        stream_steps(script, body, &said, &fault)
    } else {
        whole_steps(script, body, &said, &fault)
    };
    let broken = matches!(fault, Fault::BrokenJson | Fault::BrokenUtf8 | Fault::FinishError)
        || matches!(fault, Fault::BrokenJsonAfter(_) | Fault::BrokenUtf8After(_))
        // A whole answer has no end that could be missing.
        || (fault == Fault::NoDone && streamed);
    if !broken && steps.iter().all(|step| matches!(step, Step::Send(_) | Step::Wait(_))) {
        receipt.good = Some((prompt_of(body).to_owned(), (said.input_tokens, said.output_tokens)));
    } else if streamed && !responses::asks(body) {
        let written = written(&steps).min(said.output_tokens);
        receipt.broken = (written > 0).then_some((said.input_tokens, written));
    }
    Ok(respond(200, None, steps, receipt))
}

/// Vectors of length 4 that depend on the text alone.
fn embeddings(body: &Value, mut receipt: Receipt) -> Response<Planned> {
    let inputs: Vec<&str> = match &body["input"] {
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let sum: u32 = text.bytes().map(u32::from).sum();
            let vector = [f64::from(sum % 7), f64::from(sum % 11), f64::from(sum % 13), 1.0];
            json!({ "object": "embedding", "index": index, "embedding": vector })
        })
        .collect();
    let tokens: u64 = inputs.iter().map(|text| tokens_of(text)).sum();
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    let answer = json!({ "object": "list", "data": data, "model": body["model"], "usage": usage });
    receipt.good = Some((String::new(), (tokens, 0)));
    respond(200, None, [Step::Send(answer.to_string().into())], receipt)
}

fn error_body(code: u16, message: &str) -> Bytes {
    json!({ "error": { "message": message, "type": "fault", "code": code } }).to_string().into()
}

fn respond(
    code: u16,
    retry_after: Option<&str>,
    steps: impl IntoIterator<Item = Step>,
    receipt: Receipt,
) -> Response<Planned> {
    let mut response = Response::new(Planned::new(steps, receipt));
    *response.status_mut() = hyper::StatusCode::from_u16(code).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    if let Some(value) = retry_after.and_then(|value| hyper::header::HeaderValue::from_str(value).ok()) {
        headers.insert("retry-after", value);
    }
    response
}

//! The server itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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

use crate::answer::{Said, Script, events, input_tokens, prompt_of, tokens_of, whole};
use crate::body::{Planned, Receipt, Step};
use crate::count::{Counter, Counts};
use crate::fault::{Call, Fault};
use crate::responses;

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

fn whole_steps(script: &Script, body: &Value, said: &Said, fault: &Fault) -> Vec<Step> {
    let text = match responses::asks(body) {
        true => responses::whole(body, said).to_string(),
        false => whole(body, said, &script.style).to_string(),
    };
    let half = text.floor_char_boundary(text.len() / 2);
    let first = || Step::Send(Bytes::copy_from_slice(&text.as_bytes()[..half]));
    match fault {
        Fault::CutBody | Fault::CutAfter(_) => vec![first(), Step::Cut],
        Fault::StallBody | Fault::Pings(_) | Fault::StallAfter(_) => vec![first(), Step::Stall],
        Fault::Trickle(every) => trickle(text.as_bytes(), *every),
        Fault::BrokenJson | Fault::BrokenJsonAfter(_) => vec![first()],
        Fault::BrokenUtf8 | Fault::BrokenUtf8After(_) => vec![Step::Send(broken_utf8(&text, &said.text))],
        _ => vec![Step::Send(text.into())],
    }
}

fn stream_steps(script: &Script, body: &Value, said: &Said, fault: &Fault) -> Vec<Step> {
    let mut lines = if responses::asks(body) {
        responses::lines(body, said)
    } else {
        let events = events(body, said, &script.style);
        let done = "data: [DONE]\n\n".to_owned();
        events.iter().map(|event| format!("data: {event}\n\n")).chain([done]).collect()
    };
    let half = lines.len().div_ceil(2);
    let send = |lines: &[String]| -> Vec<Step> {
        if script.style.between.is_zero() {
            return vec![Step::Send(lines.concat().into())];
        }
        lines
            .iter()
            .flat_map(|line| [Step::Send(line.clone().into()), Step::Wait(script.style.between)])
            .collect()
    };
    let mut steps = match fault {
        Fault::CutBody => {
            let mut steps = send(&lines[..half]);
            // So that what was sent arrives before the connection breaks.
            steps.extend([Step::Wait(Duration::from_millis(20)), Step::Cut]);
            return steps;
        }
        Fault::StallBody => {
            let mut steps = send(&lines[..half]);
            steps.push(Step::Stall);
            return steps;
        }
        Fault::Trickle(every) => return trickle(lines.concat().as_bytes(), *every),
        Fault::BrokenJson => {
            lines[1] = "data: {\"choices\": [{\"delta\": \n\n".to_owned();
            send(&lines)
        }
        Fault::BrokenUtf8 => vec![Step::Send(broken_utf8(&lines.concat(), "assistant"))],
        Fault::CutAfter(events) => {
            let mut steps = send(&lines[..lines.len().min(*events)]);
            // So that what was sent arrives before the connection breaks.
            steps.extend([Step::Wait(Duration::from_millis(20)), Step::Cut]);
            return steps;
        }
        Fault::StallAfter(events) => {
            let mut steps = send(&lines[..lines.len().min(*events)]);
            steps.push(Step::Stall);
            return steps;
        }
        Fault::BrokenJsonAfter(events) => {
            lines.insert(lines.len().min(*events), "data: {\"choices\": [{\"delta\": \n\n".to_owned());
            send(&lines)
        }
        Fault::BrokenUtf8After(events) => {
            let (before, after) = lines.split_at(lines.len().min(*events));
            let mut steps = send(before);
            steps.push(Step::Send(broken_utf8(&after.concat(), "choices")));
            steps
        }
        Fault::NoDone => send(&lines[..half]),
        Fault::GivenUp => {
            lines.drain(half..lines.len() - 1);
            let mut steps = send(&lines);
            // So that what was sent arrives before the connection breaks.
            steps.extend([Step::Wait(Duration::from_millis(20)), Step::Cut]);
            return steps;
        }
        Fault::Pings(every) => {
            let ping = || [Step::Wait(*every), Step::Send(Bytes::from_static(b": ping\n\n"))];
            // As many as anyone waits for.
            let pings = std::iter::repeat_with(ping).take(1_000).flatten();
            return send(&lines[..half]).into_iter().chain(pings).chain([Step::Stall]).collect();
        }
        _ => send(&lines),
    };
    if matches!(steps.last(), Some(Step::Wait(_))) {
        steps.pop();
    }
    steps
}

/// Parts of an answer, a token each, in the events that are read before the stream breaks off.
fn written(steps: &[Step]) -> u64 {
    let sent = steps.iter().filter_map(|step| match step {
        Step::Send(bytes) => Some(String::from_utf8_lossy(bytes)),
        _ => None,
    });
    let mut parts = 0;
    for line in sent.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()) {
        let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") else { continue };
        let Ok(event) = serde_json::from_str::<Value>(data) else { break };
        if data.contains(char::REPLACEMENT_CHARACTER) {
            break;
        }
        let said = event["choices"][0]["delta"]["content"].as_str().or(event["choices"][0]["text"].as_str());
        parts += u64::from(said.is_some_and(|said| !said.is_empty()));
    }
    parts
}

/// `text` with two bytes that are not UTF-8 where `near` begins.
fn broken_utf8(text: &str, near: &str) -> Bytes {
    let at = text.find(near).unwrap_or(text.len() / 2);
    let mut bytes = text.as_bytes().to_vec();
    bytes.splice(at..at, [0xC3, 0x28]);
    bytes.into()
}

fn trickle(bytes: &[u8], every: Duration) -> Vec<Step> {
    bytes
        .chunks(2)
        .flat_map(|two| [Step::Send(Bytes::copy_from_slice(two)), Step::Wait(every)])
        .chain([Step::Stall])
        .collect()
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

//! A hub of models on this machine: what the real one does in so far as a download sees it, and what goes wrong with it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::body::{Planned, Receipt, Step};
use crate::count::Counter;

/// The models of a hub. Files that end in `safetensors` or `gguf` are large ones: named by their SHA-256, and sent by
/// another host.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// The commit of `main`: 40 digits of base 16.
    pub commit: String,
    /// `org/name`, and its files.
    pub models: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// Older names of models, and what they are called now.
    pub moved: BTreeMap<String, String>,
    /// The token without which models are refused as gated.
    pub token: Option<String>,
    /// Bytes of an answer after which the connection breaks, for files of this name, so many times.
    pub cuts: BTreeMap<String, (usize, u32)>,
    /// Files whose content is not what their digest says.
    pub damaged: Vec<String>,
    /// Requests that are answered with 503 before any other.
    pub busy: u32,
    /// How long the middle of a large file takes.
    pub pause: Duration,
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Whether it came to the other host.
    pub elsewhere: bool,
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path, as it was written.
    pub path: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Range` header.
    pub range: Option<String>,
}

/// A running hub, and the other host that it sends for large files to. Both end when this is dropped.
#[derive(Debug)]
pub struct HubServer {
    addresses: [SocketAddr; 2],
    room: Arc<Room>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Room {
    shelf: Mutex<Shelf>,
    asked: Mutex<Vec<Asked>>,
    elsewhere: SocketAddr,
    counter: Arc<Counter>,
}

impl HubServer {
    /// Starts a hub on free ports of this machine, in a thread of its own.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(shelf: Shelf) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let listeners = runtime.block_on(async {
            io::Result::Ok([TcpListener::bind(free).await?, TcpListener::bind(free).await?])
        })?;
        let addresses = [listeners[0].local_addr()?, listeners[1].local_addr()?];
        let room = Arc::new(Room {
            shelf: Mutex::new(shelf),
            asked: Mutex::default(),
            elsewhere: addresses[1],
            counter: Arc::default(),
        });
        let stop = CancellationToken::new();
        for (listener, elsewhere) in listeners.into_iter().zip([false, true]) {
            runtime.spawn(accept(listener, Arc::clone(&room), elsewhere));
        }
        let stopped = stop.clone();
        std::thread::spawn(move || {
            runtime.block_on(stopped.cancelled());
            runtime.shutdown_background();
        });
        Ok(Self { addresses, room, _stop: stop.drop_guard() })
    }

    /// The address for `HF_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addresses[0])
    }

    /// What was asked since this was called last.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.room.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what is there, or what goes wrong.
    pub fn change(&self, how: impl FnOnce(&mut Shelf)) {
        how(&mut self.room.shelf.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

async fn accept(listener: TcpListener, room: Arc<Room>, elsewhere: bool) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let room = Arc::clone(&room);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = serve(&request, &room, elsewhere);
                async { io::Result::Ok(response) }
            });
            // A connection that breaks is what this server is for.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// A status, headers and a body.
struct Reply(u16, Vec<(&'static str, String)>, Vec<Step>);

fn serve(request: &Request<Incoming>, room: &Room, elsewhere: bool) -> Response<Planned> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let asked = Asked {
        elsewhere,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        authorization: header("authorization").map(str::to_owned),
        range: header("range").map(str::to_owned),
    };
    room.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
    let mut shelf = room.shelf.lock().unwrap_or_else(PoisonError::into_inner);
    let Reply(status, headers, steps) = answer(&asked, &mut shelf, room.elsewhere);
    let steps = if request.method() == Method::HEAD { Vec::new() } else { steps };
    let receipt = Receipt { counter: Arc::clone(&room.counter), good: None, broken: None };
    let mut response = Response::new(Planned::new(steps, receipt));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn refuse(status: u16, code: &str, message: &str) -> Reply {
    Reply(
        status,
        vec![("x-error-code", code.to_owned()), ("x-error-message", message.to_owned())],
        Vec::new(),
    )
}

fn answer(asked: &Asked, shelf: &mut Shelf, elsewhere: SocketAddr) -> Reply {
    if shelf.busy > 0 {
        shelf.busy -= 1;
        return refuse(503, "", "busy");
    }
    let known = asked.authorization.as_ref().zip(shelf.token.as_ref());
    let may = shelf.token.is_none() || known.is_some_and(|(said, token)| *said == format!("Bearer {token}"));
    if !asked.elsewhere && !may {
        // Some servers repeat what they were sent.
        let message = format!("Access to this model is restricted: {:?}", asked.authorization);
        return refuse(if known.is_some() { 403 } else { 401 }, "GatedRepo", &message);
    }
    if let Some((old, new)) = shelf.moved.iter().find(|(old, _)| asked.path.contains(old.as_str())) {
        return Reply(307, vec![("location", asked.path.replace(old.as_str(), new))], Vec::new());
    }
    let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api", "models", org, name, "revision", revision] => {
            let Some(files) = shelf.models.get(&format!("{org}/{name}")) else {
                return refuse(404, "RepoNotFound", "Repository not found");
            };
            if *revision != "main" && *revision != shelf.commit {
                return refuse(404, "RevisionNotFound", "Invalid rev id");
            }
            let siblings: Vec<_> = files.keys().map(|name| json!({ "rfilename": name })).collect();
            let info = json!({ "id": format!("{org}/{name}"), "sha": shelf.commit, "siblings": siblings });
            Reply(200, Vec::new(), vec![Step::Send(info.to_string().into())])
        }
        [org, name, "resolve", revision, file @ ..] if *revision == shelf.commit => {
            let file = file.join("/");
            match shelf.models.get(&format!("{org}/{name}")).and_then(|files| files.get(&file)).cloned() {
                Some(content) => send(asked, shelf, &file, &content, elsewhere),
                None => refuse(404, "EntryNotFound", "Entry not found"),
            }
        }
        _ => refuse(404, "", "no such path"),
    }
}

/// A file: from here where it is small, from the other host where it is large.
fn send(asked: &Asked, shelf: &mut Shelf, file: &str, content: &[u8], elsewhere: SocketAddr) -> Reply {
    let digest = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let large = file.ends_with("safetensors") || file.ends_with("gguf");
    let size = content.len();
    if large && !asked.elsewhere {
        let headers = vec![
            ("location", format!("http://{elsewhere}{}", asked.path)),
            ("x-linked-etag", format!("\"{digest}\"")),
            ("x-linked-size", size.to_string()),
            ("etag", "\"of-the-redirect\"".to_owned()),
        ];
        return Reply(302, headers, Vec::new());
    }
    let mut content = content.to_vec();
    if let Some(first) = content.first_mut().filter(|_| shelf.damaged.iter().any(|name| name == file)) {
        *first ^= 1;
    }
    let from = asked
        .range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let from: usize = from.unwrap_or(0);
    // Git names small files by another digest, of 40 digits.
    let mut headers = vec![("etag", format!("\"{}\"", &digest[..40]))];
    headers.push(("content-length", (size - from.min(size)).to_string()));
    if from > 0 {
        headers.push(("content-range", format!("bytes {from}-{}/{size}", size.saturating_sub(1))));
    }
    let rest = &content[from.min(size)..];
    let bytes = |part: &[u8]| Step::Send(Bytes::copy_from_slice(part));
    let status = if from > 0 { 206 } else { 200 };
    let cut = shelf
        .cuts
        .get_mut(file)
        .filter(|(at, times)| *times > 0 && *at < rest.len() && asked.method == "GET");
    if let Some((at, times)) = cut {
        *times -= 1;
        return Reply(
            status,
            headers,
            vec![bytes(&rest[..*at]), Step::Wait(Duration::from_millis(50)), Step::Cut],
        );
    }
    if large && !shelf.pause.is_zero() {
        let (first, second) = rest.split_at(rest.len() / 2);
        return Reply(status, headers, vec![bytes(first), Step::Wait(shelf.pause), bytes(second)]);
    }
    Reply(status, headers, vec![bytes(rest)])
}

//! One POST with four time-outs and a bound on what is read.

mod answering;
mod collector;

use std::sync::Once;
use std::time::{Duration, SystemTime};

use ordinate_core::task::TimeOuts;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::time::{Instant, timeout_at};

pub(crate) use answering::Answering;
pub use collector::Collector;

use crate::failure::{Failure, FailureKind, SetupError};
use crate::leak::looks_like_key;
use crate::packed::{Unpackable, Unpacking};
use crate::reply::{Reply, Signature};
use crate::said::{MAX_MESSAGE, MAX_NAME, error_message, is_filtered, one_line, shorten};
use crate::secret::ApiKey;
use crate::trace;
use crate::wait;

/// The most bytes of an answer that are ever read: no model writes more, and a broken server may.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// The most bytes of an error's body that are read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// A client with a key and time-outs.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    key: Option<ApiKey>,
    headers: HeaderMap,
    connect: Duration,
    first: Duration,
    idle: Duration,
    total: Duration,
}

impl Http {
    pub(crate) fn new(
        timeouts: TimeOuts,
        key: Option<ApiKey>,
        key_header: Option<&str>,
    ) -> Result<Self, SetupError> {
        // reqwest is built without a TLS provider of its own choosing: ring builds without cmake.
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // An error means that the program has installed one already, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let duration = |key: &'static str, seconds: f64| {
            Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero()).ok_or_else(|| {
                SetupError::Setting { key, problem: format!("{seconds} is no time; write seconds above 0") }
            })
        };
        if key_header.is_some_and(looks_like_key) {
            return Err(SetupError::Key("openai.key_header".into()));
        }
        let connect = duration("openai.timeouts.connect_s", timeouts.connect_s)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &key {
            let name = key_header.unwrap_or("authorization");
            let bearer = name.eq_ignore_ascii_case("authorization");
            let value = key.header(bearer).ok_or_else(|| SetupError::Setting {
                key: "openai.key_env",
                problem: "the key in this environment variable holds characters that no header may hold"
                    .into(),
            })?;
            let name = reqwest::header::HeaderName::try_from(name).map_err(|_| SetupError::Setting {
                key: "openai.key_header",
                problem: "what stands there is no name of a header; write for example \"api-key\"".into(),
            })?;
            headers.insert(name, value);
        }
        let client = Client::builder()
            .connect_timeout(connect)
            // A redirect could carry the key to another host.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ordinate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SetupError::Setting {
                key: "openai",
                problem: format!("the HTTPS client cannot be set up: {}", chain(&error)),
            })?;
        Ok(Self {
            client,
            key,
            headers,
            connect,
            first: duration("openai.timeouts.first_token_s", timeouts.first_token_s)?,
            idle: duration("openai.timeouts.idle_s", timeouts.idle_s)?,
            total: duration("openai.timeouts.total_s", timeouts.total_s)?,
        })
    }

    /// Posts `body` and hands the answer's bytes to `take` as they come, at most `most` of them; `take` says whether they
    /// were any part of the answer. `streamed` says that the first part is due within the first-token time; a whole answer
    /// begins only when it is finished. Gives the time to the last byte.
    pub(crate) async fn post(
        &self,
        url: &Url,
        body: &str,
        streamed: bool,
        most: usize,
        mut take: impl FnMut(&[u8]) -> Result<bool, Failure>,
    ) -> Result<Duration, Failure> {
        let start = Instant::now();
        let result = self.try_post(start, url, body, streamed, most, &mut take).await;
        let latency = start.elapsed();
        result.map(|()| latency).map_err(|failure| Failure { latency, ..failure })
    }

    /// What came back without the key, which servers repeat, and without what a terminal obeys. Everything passes through
    /// here before it is kept or told.
    pub(crate) fn tidy(&self, answered: Result<Reply, Failure>) -> Result<Reply, Failure> {
        match answered {
            Ok(mut reply) => {
                let name = |model: String| -> String { one_line(&self.cleared(&model), MAX_NAME) };
                reply.model = reply.model.map(name);
                reply.signature = self.signed(reply.signature);
                if let Some(key) = &self.key {
                    reply.text = key.clear_answer(&reply.text);
                    let tokens: String = reply.logprobs.iter().map(|one| one.token.as_str()).collect();
                    if key.clear_answer(&tokens) != tokens {
                        reply.logprobs.clear();
                    }
                }
                Ok(reply)
            }
            Err(failure) => Err(self.tidied(failure)),
        }
    }

    /// A failure without the key, in one line.
    pub(crate) fn tidied(&self, mut failure: Failure) -> Failure {
        failure.message = one_line(&self.cleared(&failure.message), MAX_MESSAGE);
        failure
    }

    /// What an answer says of who gave it, fit to be kept.
    pub(crate) fn signed(&self, signature: Signature) -> Signature {
        let name = |text: String| one_line(&self.cleared(&text), MAX_NAME);
        Signature { model: signature.model.map(name), fingerprint: signature.fingerprint.map(name) }
    }

    fn cleared(&self, text: &str) -> String {
        self.key.as_ref().map_or_else(|| text.to_owned(), |key| key.clear(text))
    }

    async fn try_post(
        &self,
        start: Instant,
        url: &Url,
        body: &str,
        streamed: bool,
        most: usize,
        take: &mut impl FnMut(&[u8]) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let mut answering = self.open(start, url, body.to_owned(), streamed, most).await?;
        while let Some(chunk) = answering.chunk().await? {
            // Pings keep a connection open, and are sent also where nothing else will ever come.
            if take(&chunk)? {
                answering.told();
            }
        }
        Ok(())
    }

    /// Posts `body`, and gives the answer once its status is known to be good: its bytes are then taken one part after the
    /// other. Times count from `start`.
    pub(crate) async fn open(
        &self,
        start: Instant,
        url: &Url,
        body: String,
        streamed: bool,
        most: usize,
    ) -> Result<Answering, Failure> {
        let total = start + self.total;
        let first = if streamed { total.min(start + self.first) } else { total };
        let mut headers = self.headers.clone();
        trace::tell(&mut headers);
        let request = self.client.post(url.clone()).headers(headers).body(body);
        let response = match timeout_at(first, request.send()).await {
            Err(_) => return Err(self.late(first, total)),
            Ok(Err(error)) => return Err(self.transport(&error, url)),
            Ok(Ok(response)) => response,
        };
        if !response.status().is_success() {
            return Err(self.refused_by_status(response, total).await);
        }
        let unpacking = Unpacking::of(response.headers(), most);
        Ok(Answering {
            http: self.clone(),
            url: url.clone(),
            response,
            unpacking,
            total,
            due: first,
            begun: false,
            ended: false,
            bytes: 0,
            most,
        })
    }

    fn late(&self, at: Instant, total: Instant) -> Failure {
        if at >= total { self.too_long() } else { self.no_start() }
    }

    fn no_start(&self) -> Failure {
        let message = format!("no part of an answer came within {} s", seconds(self.first));
        Failure::new(FailureKind::FirstTokenTimeout, message)
    }

    fn too_long(&self) -> Failure {
        let message = format!("the answer was not whole after {} s", seconds(self.total));
        Failure::new(FailureKind::TotalTimeout, message)
    }

    fn transport(&self, error: &reqwest::Error, url: &Url) -> Failure {
        let host = format!(
            "{}{}",
            url.host_str().unwrap_or_default(),
            url.port().map(|port| format!(":{port}")).unwrap_or_default()
        );
        if lacks_files(error) {
            let message = format!("no further connection can be opened on this machine: {}", chain(error));
            return Failure::new(FailureKind::OpenFiles, message);
        }
        if error.is_connect() {
            let cause = if error.is_timeout() {
                format!("nothing answered within {} s", seconds(self.connect))
            } else {
                chain(error)
            };
            return Failure::new(FailureKind::Connect, format!("no connection to {host}: {cause}"));
        }
        Failure::new(FailureKind::Cut, format!("the connection to {host} broke: {}", chain(error)))
    }

    async fn refused_by_status(&self, mut response: Response, total: Instant) -> Failure {
        let status = response.status();
        let asked = wait::of_headers(response.headers(), SystemTime::now());
        let mut body = Vec::new();
        let mut unpacking = Unpacking::of(response.headers(), MAX_ERROR_BYTES);
        let due = total.min(Instant::now() + self.idle);
        while let Ok(Ok(Some(chunk))) = timeout_at(due, response.chunk()).await {
            let Ok(chunk) = unpacking.unpack(&chunk) else { break };
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ERROR_BYTES {
                break;
            }
        }
        body.extend(unpacking.end().unwrap_or_default());
        let (said, code) = error_message(&body);
        // Only those who are to slow down are told by the text when to come again.
        let waits = matches!(status.as_u16(), 429 | 503);
        let retry_after = asked.or_else(|| wait::of_text(&String::from_utf8_lossy(&body)).filter(|_| waits));
        let said = shorten(&self.cleared(&said));
        let kind = match status.as_u16() {
            // OpenAI says 429 also where no money is left: waiting does not help.
            429 if code.as_deref() == Some("insufficient_quota") => FailureKind::Denied,
            // Azure refuses a prompt so, and gateways pass it on with other statuses: it is of the item.
            _ if is_filtered(&body) => FailureKind::Filtered,
            429 => FailureKind::RateLimited,
            401..=403 => FailureKind::Denied,
            404 => FailureKind::NotFound,
            408 => FailureKind::Overloaded,
            500..=599 => FailureKind::Overloaded,
            _ => FailureKind::Rejected,
        };
        let mut message = format!("HTTP {}{}", status.as_u16(), reason(status));
        if !said.is_empty() {
            message = format!("{message}: {said}");
        }
        if let Some(hint) = hint(status, &said, self.key.is_some()) {
            message = format!("{message} ({hint})");
        }
        Failure { retry_after, ..Failure::new(kind, message) }
    }
}

fn unpackable(why: Unpackable) -> Failure {
    match why {
        Unpackable::TooLarge => {
            let message = "the answer unpacks to far more than was asked for".to_owned();
            Failure::new(FailureKind::TooLarge, message)
        }
        Unpackable::Damaged(message) => Failure::new(FailureKind::BrokenText, message),
    }
}

fn reason(status: StatusCode) -> String {
    status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default()
}

/// What the user can do about an error, where it is known.
fn hint(status: StatusCode, said: &str, has_key: bool) -> Option<&'static str> {
    match status.as_u16() {
        401 | 403 if !has_key => {
            Some("no key was sent: name the environment variable that holds it with `key_env`")
        }
        400 if said.contains("max_completion_tokens") => {
            Some("write `extra = { max_completion_tokens = N }` for this candidate")
        }
        400 if said.contains("temperature") => Some("write `omit = [\"temperature\"]` for this candidate"),
        404 => Some("check `model` and `base_url`, which usually ends in /v1"),
        300..=399 => Some("the address redirects; write the final one as `base_url`"),
        _ => None,
    }
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100.0).round() / 100.0
}

/// Whether an error is that this process, or this machine, can open no more files.
fn lacks_files(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(is_of_open_files) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether the system says that a process (EMFILE), or the machine (ENFILE), can open no more files.
pub(crate) fn is_of_open_files(error: &std::io::Error) -> bool {
    let codes: &[i32] = if cfg!(windows) { &[4, 10_024] } else { &[23, 24] };
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// An error with its causes, without the address (which may hold a query).
fn chain(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    if parts.is_empty() { "no reason is known".to_owned() } else { shorten(&parts.join(": ")) }
}

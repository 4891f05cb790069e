//! Requests of somebody else, passed on as they are, and their answers as they come.

use std::collections::VecDeque;

use ordinate_core::Finish;
use reqwest::Url;
use tokio::time::Instant;

use super::names::is_another;
use super::wire::{Wire, broken_text, parse, read};
use super::{Api, Chat, responses, usage};
use crate::failure::{Failure, FailureKind};
use crate::http::{Answering, Http};
use crate::reply::{Signature, Usage};
use crate::sse::{Event, Events};

/// The most bytes of an answer that is passed on: pictures and sound are in some.
const MAX_RELAYED: usize = 64 << 20;

/// A whole answer, as the server sent it.
#[derive(Debug, Clone)]
pub struct Whole {
    /// Its body: JSON.
    pub body: String,
    /// Its text, where it has one.
    pub text: String,
    /// Tokens, as the server counts them.
    pub usage: Option<Usage>,
    /// What it says of who gave it.
    pub signature: Signature,
}

/// A part of a streamed answer.
#[derive(Debug, Clone)]
pub struct Part {
    /// The event as it came, its empty line included.
    pub raw: Vec<u8>,
    /// Whether it has a part of the answer, and is no mere greeting or ping.
    pub tells: bool,
    /// Whether it has usage and nothing else.
    pub is_usage: bool,
    /// Whether it is the last: `[DONE]`, or that a response is complete.
    pub is_done: bool,
}

/// A streamed answer that is being passed on. Dropped, it ends the request.
pub struct Relay {
    api: Api,
    answering: Answering,
    events: Events,
    ready: VecDeque<Part>,
    usage: Option<Usage>,
    signature: Signature,
    /// What it said so far, where that is kept.
    text: Option<String>,
    told: u64,
    says_why: bool,
    finished: bool,
    done: bool,
    begun: bool,
}

impl Chat {
    /// The name of the model, as the server knows it.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.entry.model
    }

    /// Host and port of its server.
    #[must_use]
    pub fn server(&self) -> (&str, u16) {
        (self.url.host_str().unwrap_or_default(), self.url.port_or_known_default().unwrap_or_default())
    }

    /// Whether an answer that names this model is by another one than was asked: not by a version of it.
    #[must_use]
    pub fn is_another(&self, answered: &str) -> bool {
        is_another(&self.entry.model, answered)
    }

    /// Whether the task file says that this server does not know this field.
    #[must_use]
    pub fn omits(&self, field: &str) -> bool {
        self.entry.omit.iter().any(|omitted| omitted == field)
    }

    /// Sends this body, which is to ask this API for an answer that is not streamed, and gives the answer as it came.
    ///
    /// # Errors
    /// [`Failure`]: transport, status, what is no answer, or one that the server gave up.
    pub async fn relay(&self, api: Api, body: String) -> Result<Whole, Failure> {
        let start = Instant::now();
        let late = |failure: Failure| Failure { latency: start.elapsed(), ..self.http.tidied(failure) };
        let fetched = fetch(&self.http, &api.beside(&self.url), body).await;
        let body = fetched.map_err(|failure| api.absent(failure))?;
        if api == Api::Responses {
            let (text, usage) = responses::read(&body).map_err(late)?;
            let signature = self.http.signed(parse(&body).map_err(late)?.signature());
            return Ok(Whole { body, text, usage, signature });
        }
        let raw = read(body.as_bytes()).map_err(late)?;
        if let Some(reason) = raw.finish.as_deref().filter(|reason| Finish::of(reason) == Finish::Failed) {
            let message = format!("the server gave the answer up (finish_reason {reason:?})");
            return Err(late(Failure::new(FailureKind::Cut, message)));
        }
        let usage = raw.counted().usage;
        Ok(Whole { body, usage, text: raw.reply.text, signature: self.http.signed(raw.reply.signature) })
    }

    /// Sends this body, which is to ask this API for a streamed answer.
    ///
    /// # Errors
    /// [`Failure`]: transport or status.
    pub async fn relay_stream(&self, api: Api, body: String) -> Result<Relay, Failure> {
        let start = Instant::now();
        let late = |failure: Failure| Failure { latency: start.elapsed(), ..self.http.tidied(failure) };
        let url = api.beside(&self.url);
        let opened = self.http.open(start, &url, body, true, MAX_RELAYED).await;
        let answering = opened.map_err(|failure| api.absent(late(failure)))?;
        Ok(Relay {
            api,
            answering,
            events: Events::default(),
            ready: VecDeque::new(),
            usage: None,
            signature: Signature::default(),
            text: None,
            told: 0,
            says_why: false,
            finished: false,
            done: false,
            begun: false,
        })
    }
}

/// The body of a whole answer as it came, but for the key.
///
/// # Errors
/// [`Failure`]: transport, status, or bytes that are no text.
pub(super) async fn fetch(http: &Http, url: &Url, body: String) -> Result<String, Failure> {
    let start = Instant::now();
    let late = |failure: Failure| Failure { latency: start.elapsed(), ..http.tidied(failure) };
    let mut answering = http.open(start, url, body, false, MAX_RELAYED).await.map_err(late)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answering.chunk().await.map_err(late)? {
        answering.told();
        bytes.extend_from_slice(&chunk);
    }
    let body =
        String::from_utf8(bytes).map_err(|error| late(broken_text(error.utf8_error().valid_up_to())))?;
    Ok(answering.without_key(&body).unwrap_or(body))
}

impl Relay {
    /// The next event; `None` when the answer was whole.
    ///
    /// # Errors
    /// [`Failure`] where the answer broke off, or is none.
    pub async fn next(&mut self) -> Result<Option<Part>, Failure> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Ok(Some(part));
            }
            if self.done {
                return Ok(None);
            }
            if let Some(event) = self.events.next() {
                self.event(event)?;
                continue;
            }
            match self.answering.chunk().await {
                Ok(Some(bytes)) => self.events.push(&bytes),
                Ok(None) => match self.events.rest() {
                    Some(event) => self.event(event)?,
                    None => return self.ended(),
                },
                // What the connection does after the last word changes nothing.
                Err(_) if self.finished => return self.ended(),
                Err(failure) => return Err(self.answering.tidy(failure)),
            }
        }
    }

    /// Tokens, as the server counted them so far.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// What it says of who gave it, so far.
    #[must_use]
    pub fn signature(&self) -> Signature {
        self.answering.signed(self.signature.clone())
    }

    /// Keeps what is said from now on.
    #[must_use]
    pub fn keeping_text(self) -> Self {
        Self { text: Some(String::new()), ..self }
    }

    /// What was said so far, where that is kept.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Bytes of what was said so far: text, reasoning and calls of tools, as far as they are sent.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.told
    }

    fn ended(&self) -> Result<Option<Part>, Failure> {
        if self.finished {
            return Ok(None);
        }
        let (kind, message) = match self.begun {
            true => (FailureKind::Cut, "the stream ended before the answer was whole"),
            false => (FailureKind::Shape, "the stream ended before the answer began"),
        };
        Err(Failure::new(kind, message))
    }

    fn event(&mut self, event: Event) -> Result<(), Failure> {
        let Event { mut raw, data } = event;
        let told = |failure: Failure| self.answering.tidy(failure);
        let Some(data) = data.map_err(|at| told(broken_text(at)))? else {
            // Not a stream at all: an error or a page, sent with status 200.
            let text = String::from_utf8_lossy(&raw);
            if !self.begun && text.trim_start().starts_with(['{', '<']) {
                parse(&text).map_err(told)?;
                let message = "the answer is not streamed, although that was asked for";
                return Err(told(Failure::new(FailureKind::Shape, message)));
            }
            self.ready.push_back(Part { raw, tells: false, is_usage: false, is_done: false });
            return Ok(());
        };
        if data.trim() == "[DONE]" {
            // Whoever says null on the way has to say a reason at the end: see the reader of streams.
            if self.says_why && !self.finished {
                let message =
                    "the server gave the answer up before it was whole (`[DONE]` without a finish reason)";
                return Err(Failure::new(FailureKind::Cut, message));
            }
            self.done = true;
            self.ready.push_back(Part { raw, tells: false, is_usage: false, is_done: true });
            return Ok(());
        }
        let (tells, is_usage) = match self.api {
            Api::Responses => {
                let said = responses::event(&data).map_err(told)?;
                self.begun = true;
                self.usage = said.usage.or(self.usage);
                self.told += said.bytes as u64;
                (self.finished, self.done) = (said.is_done, said.is_done);
                (said.tells, false)
            }
            Api::Chat | Api::Completions => {
                let wire = parse(&data).map_err(told)?;
                self.begun |= wire.choices.is_some();
                self.signature.take(wire.signature());
                if let Some(usage) = wire.usage.as_ref().and_then(|said| usage::read(said).usage) {
                    self.usage = Some(usage);
                }
                let is_usage = wire.usage.is_some() && wire.choices.as_ref().is_none_or(Vec::is_empty);
                (self.tells(&wire)?, is_usage)
            }
        };
        self.answering.told();
        if let Some(clean) = std::str::from_utf8(&raw).ok().and_then(|text| self.answering.without_key(text))
        {
            raw = clean.into_bytes();
        }
        self.ready.push_back(Part { raw, tells, is_usage, is_done: self.done });
        Ok(())
    }

    /// Whether an event has a part of the answer, or its end.
    fn tells(&mut self, wire: &Wire) -> Result<bool, Failure> {
        let mut tells = false;
        for choice in wire.choices.iter().flatten() {
            if let Some(message) = choice.delta.as_ref().or(choice.message.as_ref()) {
                let said = message.text();
                self.told += (said.len() + message.beside_bytes()) as u64;
                if let Some(text) = &mut self.text {
                    text.push_str(&said);
                }
                tells |= !said.is_empty() || message.calls() || message.reasoned();
                tells |= message.refusal.as_ref().is_some_and(|refusal| !refusal.is_null());
            }
            if let Some(text) = &choice.text {
                self.told += text.as_str().map_or(0, str::len) as u64;
                tells |= text.as_str() != Some("");
            }
            self.says_why |= choice.finish_reason.is_some();
            if let Some(reason) = wire.ended(choice) {
                if Finish::of(&reason) == Finish::Failed {
                    let message = format!("the server gave the answer up (finish_reason {reason:?})");
                    return Err(Failure::new(FailureKind::Cut, message));
                }
                self.finished = true;
                tells = true;
            }
        }
        Ok(tells)
    }
}

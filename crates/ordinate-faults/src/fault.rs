//! What may go wrong, and when.

use std::time::Duration;

use serde_json::Value;

/// One request as the fault rule sees it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// How many requests the server had before this one.
    pub number: u64,
    /// How many of those had the same body.
    pub repeat: u64,
    /// The request's body.
    pub body: &'a Value,
    /// Its `traceparent`.
    pub trace: Option<&'a str>,
}

/// How one request is answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Fault {
    /// As it should be.
    #[default]
    None,
    /// An error status with an OpenAI-style error body.
    Status {
        /// HTTP status, such as 429 or 503.
        code: u16,
        /// The `Retry-After` header, as it is to be sent.
        retry_after: Option<String>,
        /// The message in the error body.
        message: String,
    },
    /// This status with this body, whole, whatever was asked for.
    Body(u16, Value),
    /// Status 200 with this `Content-Encoding`, and these bytes as the body.
    Packed(String, Vec<u8>),
    /// 401 whose message repeats the `Authorization` header: what a careless proxy does.
    EchoKey,
    /// The connection is closed before any byte of an answer.
    CutBeforeHeaders,
    /// Half of the body, then the connection is closed.
    CutBody,
    /// No header ever comes.
    StallHeaders,
    /// Half of the body, then nothing more, with the connection open.
    StallBody,
    /// Two bytes every so often: alive, but never done.
    Trickle(Duration),
    /// The answer's text holds bytes that are not UTF-8.
    BrokenUtf8,
    /// The body stops being JSON half-way, though its length is as announced.
    BrokenJson,
    /// Good JSON of another shape: `{"ok": true}`.
    OtherShape,
    /// An HTML page with status 200, as captive portals send it.
    Html,
    /// 200 with `{"error": {...}}`, as some gateways send it.
    ErrorIn200(String),
    /// A refusal in the `refusal` field.
    Refusal,
    /// An answer withheld by a content filter (`finish_reason` says so).
    ContentFilter,
    /// An empty text.
    Empty,
    /// Cut at `max_tokens` before any text, as reasoning models do.
    EmptyByLength,
    /// Answered well, without `usage`.
    NoUsage,
    /// Answered, but with a body of this many bytes.
    Huge(usize),
    /// A stream that ends without `[DONE]` and without a finish reason.
    NoDone,
    /// A stream that is given up half-way: `[DONE]` without a finish reason, and the connection breaks, as
    /// llama-cpp-python does when another request comes. A whole answer comes whole.
    GivenUp,
    /// So many events of a stream, then the connection is closed. A whole answer is cut half-way.
    CutAfter(usize),
    /// So many events of a stream, then nothing more, with the connection open. Half of a whole answer.
    StallAfter(usize),
    /// So many events of a stream, then one that is not JSON. A whole answer stops being JSON half-way.
    BrokenJsonAfter(usize),
    /// So many events of a stream, then one that is not UTF-8. A whole answer holds bytes that are not.
    BrokenUtf8After(usize),
    /// Answered to the end, which has the finish reason `error`.
    FinishError,
    /// Half of a stream, then pings every so often, as the same server does when the answer is long. Of a whole answer half
    /// and nothing more.
    Pings(Duration),
}

impl Fault {
    /// An error status without `Retry-After`.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status { code, retry_after: None, message: format!("status {code}, as told") }
    }

    /// 429 with `Retry-After`.
    #[must_use]
    pub fn slow_down(retry_after: &str) -> Self {
        Self::Status {
            code: 429,
            retry_after: Some(retry_after.to_owned()),
            message: "Rate limit reached, as told".to_owned(),
        }
    }

    /// The fault with this name, as the binary's `--fault` takes it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "echo-key" => Self::EchoKey,
            "cut-before-headers" => Self::CutBeforeHeaders,
            "cut" => Self::CutBody,
            "stall-headers" => Self::StallHeaders,
            "stall" => Self::StallBody,
            "trickle" => Self::Trickle(Duration::from_secs(1)),
            "broken-utf8" => Self::BrokenUtf8,
            "broken-json" => Self::BrokenJson,
            "other-shape" => Self::OtherShape,
            "html" => Self::Html,
            "refusal" => Self::Refusal,
            "content-filter" => Self::ContentFilter,
            "empty" => Self::Empty,
            "no-usage" => Self::NoUsage,
            "no-done" => Self::NoDone,
            "given-up" => Self::GivenUp,
            "finish-error" => Self::FinishError,
            "pings" => Self::Pings(Duration::from_secs(15)),
            code => Self::status(code.parse().ok().filter(|code| (400..600).contains(code))?),
        })
    }
}

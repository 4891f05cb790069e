//! What went wrong with one request, in kinds that decide what happens next.

use std::time::Duration;

use crate::reply::Usage;

/// Why a candidate cannot be asked at all: the task file or the environment is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A key of the task file cannot be used.
    #[error("{key}: {problem}")]
    Setting {
        /// The key, such as `openai.base_url`.
        key: &'static str,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// A named environment variable is not set.
    #[error("the environment variable {0} is not set; it has to hold the API key (`export {0}=...`)")]
    NoKey(String),
    /// Something in the place of a variable's name is none. It is not repeated: it may be the key itself.
    #[error(
        "{0}: what stands there is no name of an environment variable, and is not repeated here, as it may be a key; write \
         the name of the variable (`export MY_KEY=...`, and \"MY_KEY\" here)"
    )]
    NoName(&'static str),
    /// A variable that a program is to get is not set.
    #[error(
        "command.env: the environment variable {0} is not set; set it (`export {0}=...`), or leave it out"
    )]
    NoVariable(String),
    /// What looks like a key stands where it would be written into the run folder.
    #[error(
        "{0}: what stands there looks like a key, and the task file is written into the run folder; put the key into an \
         environment variable, and name that instead"
    )]
    Key(String),
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureKind {
    /// No connection could be made.
    Connect,
    /// The connection broke, or the program ended, before the answer was whole.
    Cut,
    /// Nothing came within the time for the first token.
    FirstTokenTimeout,
    /// The answer stopped half-way.
    IdleTimeout,
    /// The answer was not whole within the time for all of it.
    TotalTimeout,
    /// 429: too many requests.
    RateLimited,
    /// 5xx, or an error in a 200.
    Overloaded,
    /// 401, 403, or no money left: every further request would fail alike.
    Denied,
    /// 404: no such model or address.
    NotFound,
    /// 400, 413, 422: this request is not accepted.
    Rejected,
    /// The answer is not UTF-8.
    BrokenText,
    /// The answer is not JSON.
    BrokenJson,
    /// The answer is JSON, but no answer.
    Shape,
    /// The answer is longer than is read.
    TooLarge,
    /// The model refuses.
    Refused,
    /// A filter withheld the answer.
    Filtered,
    /// The answer has no text.
    Empty,
    /// The answer has text, out of which no label, letter, number or JSON can be read.
    Unreadable,
    /// The program reported an error for this item.
    Reported,
    /// The program wrote before it was asked: which answer is to which item cannot be known.
    OutOfStep,
    /// This machine has no room for one more open file or connection: of nobody who is asked.
    OpenFiles,
}

impl FailureKind {
    const ALL: [(Self, &'static str); 21] = [
        (Self::Connect, "connect"),
        (Self::Cut, "cut"),
        (Self::FirstTokenTimeout, "first-token-timeout"),
        (Self::IdleTimeout, "idle-timeout"),
        (Self::TotalTimeout, "total-timeout"),
        (Self::RateLimited, "rate-limited"),
        (Self::Overloaded, "overloaded"),
        (Self::Denied, "denied"),
        (Self::NotFound, "not-found"),
        (Self::Rejected, "rejected"),
        (Self::BrokenText, "broken-text"),
        (Self::BrokenJson, "broken-json"),
        (Self::Shape, "shape"),
        (Self::TooLarge, "too-large"),
        (Self::Refused, "refused"),
        (Self::Filtered, "filtered"),
        (Self::Empty, "empty"),
        (Self::Unreadable, "unreadable"),
        (Self::Reported, "reported"),
        (Self::OutOfStep, "out-of-step"),
        (Self::OpenFiles, "open-files"),
    ];

    /// The word used in stores and evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Cut
                | Self::FirstTokenTimeout
                | Self::IdleTimeout
                | Self::TotalTimeout
                | Self::RateLimited
                | Self::Overloaded
                | Self::BrokenText
                | Self::BrokenJson
                | Self::Shape
        )
    }

    /// Whether every other request would fail in the same way.
    #[must_use]
    pub fn is_fatal(self) -> bool {
        matches!(self, Self::Denied | Self::NotFound | Self::OutOfStep)
    }

    /// Whether it says something about the endpoint rather than about the item: many in a row mean that the
    /// endpoint is dead.
    #[must_use]
    pub fn is_of_endpoint(self) -> bool {
        self.is_transient() || self.is_fatal() || self == Self::Rejected
    }

    /// Whether a request that ended so may have been billed although no usage came back.
    #[must_use]
    pub fn may_be_billed(self) -> bool {
        matches!(
            self,
            Self::Cut
                | Self::FirstTokenTimeout
                | Self::IdleTimeout
                | Self::TotalTimeout
                | Self::BrokenText
                | Self::BrokenJson
                | Self::Shape
                | Self::TooLarge
                | Self::Refused
                | Self::Filtered
                | Self::Empty
                | Self::Unreadable
        )
    }

    /// Whether fewer requests side by side would help: the server says that it has too much to do, or this machine has.
    #[must_use]
    pub fn is_overload(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::Overloaded
                | Self::FirstTokenTimeout
                | Self::TotalTimeout
                | Self::OpenFiles
        )
    }
}

impl std::fmt::Display for FailureKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One failed request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// What happened, in a sentence; never holds a key.
    pub message: String,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether the most tokens were used up.
    pub cut_short: bool,
    /// What was used up all the same, if the server said so.
    pub usage: Option<Usage>,
    /// From sending to the end.
    pub latency: Duration,
}

impl Failure {
    /// A failure of which only kind and message are known.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            cut_short: false,
            usage: None,
            latency: Duration::ZERO,
        }
    }
}

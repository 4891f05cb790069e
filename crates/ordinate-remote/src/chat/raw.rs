//! A reply as it came, and what it comes to: an answer, a refusal, or nothing.

use std::time::Duration;

use ordinate_core::Finish;
use serde_json::Value;

use super::usage::Counted;
use super::wire::{Wire, WireMessage};
use crate::failure::{Failure, FailureKind};
use crate::reply::{Doubt, Reply, Usage};
use crate::said::excerpt;

/// A reply before it is told apart from a refusal or from nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw {
    pub(super) reply: Reply,
    refusal: Option<String>,
    pub(super) finish: Option<String>,
    pub(super) reasoned: bool,
    called: bool,
    counted: Counted,
    /// Bytes of reasoning beside the text.
    reasoning: usize,
}

impl Raw {
    /// What the answer says of tokens and of the model; a later part of a stream says it for the whole.
    pub(super) fn meter(&mut self, wire: &Wire) {
        if let Some(usage) = &wire.usage {
            let counted = super::usage::read(usage);
            if counted.usage.is_some() {
                self.counted = counted;
            }
        }
        self.reply.signature.take(wire.signature());
        self.reply.model.clone_from(&self.reply.signature.model);
    }

    pub(super) fn take(&mut self, message: &WireMessage) {
        self.reasoned |= message.reasoned();
        self.reasoning = self.reasoning.saturating_add(message.reasoning_bytes());
        self.called |= message.calls();
        if let Some(refusal) = message.refusal.as_ref().and_then(Value::as_str) {
            self.refusal.get_or_insert_default().push_str(refusal);
        }
        self.reply.text.push_str(&message.text());
    }

    /// What the server says of tokens.
    pub(super) fn counted(&self) -> Counted {
        self.counted
    }

    /// The tokens that it took, of the most that it can have taken, if what the server says of them can be believed.
    pub(super) fn believed(&self, most: Usage) -> Option<Usage> {
        let said = self.refusal.as_ref().map_or(0, String::len);
        self.counted.believed(most, self.reply.text.len().saturating_add(self.reasoning).saturating_add(said))
    }

    pub(super) fn into_reply(self, latency: Duration, bounds: Bounds) -> Result<Reply, Failure> {
        let usage = self.believed(bounds.tokens);
        let Self { mut reply, refusal, finish, reasoned, called, counted, .. } = self;
        reply.usage = usage;
        reply.doubt = if usage == counted.usage { counted.doubt } else { Some(Doubt::Unbelievable) };
        let fail = |kind, message: String| {
            Err(Failure { usage: reply.usage, latency, ..Failure::new(kind, message) })
        };
        if let Some(refusal) = refusal.filter(|text| !text.trim().is_empty()) {
            return fail(FailureKind::Refused, excerpt(&refusal).to_owned());
        }
        let mut ended = finish.as_deref().map_or(Finish::Whole, Finish::of);
        // Some servers do not say how it ended; whoever has written the most tokens was cut.
        let most = bounds.tokens.output_tokens;
        if finish.is_none() && usage.is_some_and(|usage| usage.output_tokens >= most) {
            ended = Finish::Cut;
        }
        match ended {
            Finish::Filtered => {
                return fail(FailureKind::Filtered, "the server's content filter withheld the answer".into());
            }
            Finish::Failed => {
                let reason = finish.unwrap_or_default();
                let message = format!("the server gave the answer up (finish_reason {reason:?})");
                return fail(FailureKind::Cut, message);
            }
            Finish::Whole | Finish::Cut | Finish::Called => {}
        }
        let cut_short = ended == Finish::Cut;
        if reply.text.len() > bounds.text {
            return fail(FailureKind::TooLarge, too_long(reply.text.len()));
        }
        // What a model says before it calls a tool is no answer yet.
        let called = called || ended == Finish::Called;
        if reply.text.trim().is_empty() || called {
            let message = match (cut_short, called, reasoned) {
                (true, ..) => "the most tokens were used up before any text; raise `max_tokens`",
                (false, true, _) => "the model called a tool in place of an answer",
                (false, false, true) => "the model reasoned but gave no answer",
                (false, false, false) => "the answer has no text",
            };
            return fail(FailureKind::Empty, message.into())
                .map_err(|failure| Failure { cut_short, ..failure });
        }
        reply.latency = latency;
        reply.cut_short = cut_short;
        Ok(reply)
    }
}

/// The most that an answer can be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Tokens that it can have taken.
    pub(super) tokens: Usage,
    /// Bytes of its text.
    pub(super) text: usize,
}

/// That a text is far longer than was asked for.
pub(super) fn too_long(bytes: usize) -> String {
    format!(
        "the answer has {} KiB of text, far more than `max_tokens` lets it have; where the model is to write so much, raise it",
        bytes >> 10
    )
}
